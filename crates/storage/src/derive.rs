//! The hook by which another crate keeps a table of its own, derived from every durable batch.

use arrow::record_batch::RecordBatch;
use logline::{Batch, Tenant};

use crate::TableSpec;

/// Makes rows of a derived table from a batch of lines.
///
/// Pure and repeatable: it runs on each durable batch and again when the WAL is replayed, and must give the same rows
/// (ids are hashes of what they stand for). It cannot fail a push: what it cannot understand it leaves out.
pub trait Derive: Send + Sync + std::fmt::Debug {
    /// The table its rows go to; asked once, when storage opens.
    fn table(&self) -> TableSpec;

    /// Whether batches of this tenant are this table's alone: then no other table has rows of them, that of lines
    /// neither. Such a table is appended to like any other, and read like any other.
    fn owns(&self, _tenant: &Tenant) -> bool {
        false
    }

    /// Rows with exactly the columns of the table; `None` when the batch has nothing for it.
    fn derive(&self, batch: &Batch) -> Option<RecordBatch>;
}
