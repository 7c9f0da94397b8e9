//! The hook by which another crate keeps a table of its own, derived from every durable batch.

use arrow::record_batch::RecordBatch;
use logline::{Batch, Tenant};

use crate::TableSpec;

/// Makes rows of a derived table from a batch of lines.
///
/// Pure and repeatable: it runs on each durable batch and again when the WAL is replayed, and must give the same rows
/// under the same settings (ids are hashes of what they stand for). It cannot fail a push: what it cannot understand it leaves out.
pub trait Derive: Send + Sync + std::fmt::Debug {
    /// The table its rows go to; asked once, when storage opens.
    fn table(&self) -> TableSpec;

    /// Whether batches of this tenant are this table's alone: then no other table has rows of them, that of lines
    /// neither. Such a table is appended to like any other, and read like any other.
    fn owns(&self, _tenant: &Tenant) -> bool {
        false
    }

    /// The column with the time (microseconds, UTC) of the line a row was made from, which lies at most a day from the
    /// row's own. With it rows can be made again from the lines that are kept; without, rows stay as they are.
    fn line_time(&self) -> Option<&'static str> {
        None
    }

    /// Rows with exactly the columns of the table; `None` when the batch has nothing for it.
    fn derive(&self, batch: &Batch) -> Option<RecordBatch>;

    /// The same for lines that were seen before: whoever counts what it sees does not count these.
    fn derive_again(&self, batch: &Batch) -> Option<RecordBatch> {
        self.derive(batch)
    }
}
