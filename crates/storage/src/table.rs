//! A table: its live files, its head, and who listens to it.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use logline::Tenant;
use tokio::sync::broadcast;

use crate::{Snapshot, TableSpec};

/// A table kept by storage.
#[derive(Debug)]
pub struct Table {}

/// Rows that just became durable and visible.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Whose rows these are.
    pub tenant: Tenant,
    /// The rows, with the columns of the table.
    pub rows: RecordBatch,
}

impl Table {
    /// Its name, columns and order.
    pub fn spec(&self) -> &TableSpec {
        unimplemented!()
    }

    /// One (Delta version, head epoch) of a tenant's rows: a flush in between neither doubles nor misses a row.
    pub fn snapshot(&self, _tenant: &Tenant) -> Snapshot {
        unimplemented!()
    }

    /// Tenants that have rows.
    pub fn tenants(&self) -> Vec<Tenant> {
        unimplemented!()
    }

    /// Rows as they become durable and visible, in order. Bounded: who is too slow gets `Lagged` with the number of
    /// messages missed and goes on with newer ones.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Appended>> {
        unimplemented!()
    }
}
