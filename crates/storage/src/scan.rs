//! The leaf of every plan: a serialisable description of what to read, and the reading of it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Predicate, Stretches, TimeRange, Visibility};

/// What to read. It holds no pointer, so that any node can execute it; [`crate::Storage::scan`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Name of the table.
    pub table: String,
    /// Whose rows.
    pub tenant: Tenant,
    /// Where the rows are.
    pub source: Source,
    /// Keeps rows of this time only.
    pub range: TimeRange,
    /// Keeps these rows only; sees masked columns.
    pub predicate: Predicate,
    /// Names of the columns wanted, in this order; may be empty when only the number of rows matters.
    pub projection: Vec<String>,
    /// Of the structured metadata in [`crate::logs::METADATA`] only pairs with these names are wanted, and none of a row
    /// whose stream has a label of that name; others may be left out. `None` wants all of them.
    pub pairs: Option<Vec<String>>,
    /// When [`crate::logs::COUNT`] is projected: rows of different stretches are not counted together.
    pub stretches: Option<Stretches>,
    /// Of each line only that is looked at which JSON tells under names that end so, with `_` for what no label has, and
    /// whether it is JSON at all: another line that tells the same may be given out in its place.
    pub json: Option<Vec<String>>,
    /// What the reader may see.
    pub visibility: Visibility,
}

/// Where the rows of a scan are. Files and head of one [`crate::Snapshot`] together hold every row once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Committed files of one version of the Delta table.
    Files {
        /// Version of the Delta table.
        version: u64,
        /// The files, relative to the table.
        files: Vec<FileRef>,
    },
    /// Rows of a node's head that no file of the snapshot holds yet.
    Head {
        /// The node whose memory holds them.
        node: String,
        /// The state of the head, as pinned by the snapshot.
        epoch: u64,
    },
}

/// A committed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Path relative to the table.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of rows.
    pub rows: u64,
    /// Time of the oldest row.
    pub first: Timestamp,
    /// Time of the newest row (never earlier than the real one).
    pub last: Timestamp,
}

/// What a scan cost; shared by all parts of a query.
#[derive(Debug, Default)]
pub struct ScanStats {
    /// Files that were opened.
    pub files: AtomicU64,
    /// Rows of row groups and pages that statistics or the token index ruled out.
    pub rows_pruned: AtomicU64,
    /// Of these, what the times of row groups and pages ruled out.
    pub rows_pruned_by_time: AtomicU64,
    /// Of these, what the streams and other texts of pages ruled out.
    pub rows_pruned_by_stream: AtomicU64,
    /// Of these, what only the token index ruled out.
    pub rows_pruned_by_index: AtomicU64,
    /// Files whose token index was asked.
    pub indexes: AtomicU64,
    /// Bytes of token indexes that were read, not found in memory.
    pub index_bytes_read: AtomicU64,
    /// Rows that were decoded far enough to be filtered.
    pub rows_read: AtomicU64,
    /// Rows that were kept.
    pub rows_kept: AtomicU64,
    /// Of the rows that were kept, those that statistics told the time of.
    pub rows_by_statistics: AtomicU64,
    /// Rows whose lines were not read, since their patterns told whether they are kept.
    pub rows_by_pattern: AtomicU64,
    /// Bytes of decoded line text.
    pub bytes_read: AtomicU64,
}

/// Shared counters of a query.
pub type SharedStats = Arc<ScanStats>;
