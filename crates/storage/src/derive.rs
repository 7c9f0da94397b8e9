//! The hook by which another crate keeps a table of its own, derived from every durable batch.

use arrow::record_batch::RecordBatch;
use logline::Batch;

use crate::TableSpec;

/// Makes rows of a derived table from a batch of lines.
///
/// Pure and repeatable: it runs on each durable batch and again when the WAL is replayed, and must give the same rows
/// (ids are hashes of what they stand for). It cannot fail a push: what it cannot understand it leaves out.
pub trait Derive: Send + Sync + std::fmt::Debug {
    /// The table its rows go to; asked once, when storage opens.
    fn table(&self) -> TableSpec;

    /// Rows with exactly the columns of the table; `None` when the batch has nothing for it.
    fn derive(&self, batch: &Batch) -> Option<RecordBatch>;
}
