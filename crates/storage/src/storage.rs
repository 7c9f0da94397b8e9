//! The door: opens the data folder, appends, scans, flushes, closes.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use logline::Batch;

use crate::{Components, Config, Error, Metrics, Scan, SharedStats, Status, Table};

/// Keeps batches and answers scans; share it with `Arc`.
#[derive(Debug)]
pub struct Storage {}

impl Storage {
    /// Locks the data folder, opens the tables and replays what the WAL holds beyond them.
    pub async fn open(_config: Config, _components: Components) -> Result<Arc<Self>, Error> {
        unimplemented!()
    }

    /// Returns once the batch is durable (at the configured level) **and** visible to scans.
    ///
    /// After a crash every batch that returned `Ok` is there once; one that did not may be there or not, never in
    /// part. Batches of one caller become visible in the order they were appended.
    pub async fn append(&self, _batch: Batch) -> Result<(), Error> {
        unimplemented!()
    }

    /// A table by its name: [`crate::LOGS`], or that of a [`crate::Derive`].
    pub fn table(&self, _name: &str) -> Option<Arc<Table>> {
        unimplemented!()
    }

    /// Reads rows. The stream yields batches with exactly the projected columns; dropping it stops the work.
    /// Must be called (and polled) within a tokio runtime: decoding runs on its blocking threads.
    pub fn scan(
        &self,
        _scan: &Scan,
        _stats: &SharedStats,
    ) -> Result<BoxStream<'static, Result<RecordBatch, Error>>, Error> {
        unimplemented!()
    }

    /// Moves what the head holds now into committed files.
    pub async fn flush(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Flushes and stops; every append fails afterwards, scans go on. The folder is unlocked when this ends.
    pub async fn close(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// Numbers for `/metrics`.
    pub fn metrics(&self) -> &Metrics {
        unimplemented!()
    }

    /// The state, for people.
    pub fn status(&self) -> Status {
        unimplemented!()
    }
}
