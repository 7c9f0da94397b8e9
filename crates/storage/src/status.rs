//! The state of storage, for people: start page and command line.

use serde::Serialize;

use crate::Trouble;

/// What storage holds and how it is doing.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Name of this node.
    pub node: String,
    /// Accounted bytes of rows in memory.
    pub head_bytes: u64,
    /// The budget for them.
    pub head_limit_bytes: u64,
    /// Number of the newest WAL record.
    pub wal_position: u64,
    /// Bytes of WAL on disk.
    pub wal_bytes: u64,
    /// Why the last flush failed, until one succeeds.
    pub flush_error: Option<String>,
    /// What is in the way right now.
    pub troubles: Vec<Trouble>,
    /// Why background work failed, until it succeeds.
    pub job_errors: Vec<String>,
    /// Requests to delete lines that are not written out of the files yet.
    pub deletes_waiting: usize,
    /// Requests whose lines are still in files that wait for their removal.
    pub deletes_rewritten: usize,
    /// One entry a table.
    pub tables: Vec<TableStatus>,
}

/// What a table holds.
#[derive(Clone, Debug, Serialize)]
pub struct TableStatus {
    /// Name of the table.
    pub name: &'static str,
    /// Version of the Delta table.
    pub version: u64,
    /// Number of live files.
    pub files: u64,
    /// Bytes of live files.
    pub file_bytes: u64,
    /// Rows in live files.
    pub file_rows: u64,
    /// Rows in the head.
    pub head_rows: u64,
}
