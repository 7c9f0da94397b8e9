//! One consistent view of a table: a version of its files and a state of its head.

use logline::{Tenant, Timestamp};

use crate::{FileRef, TimeRange};

/// Rows of one tenant in one table at one moment: files and head together hold each row once. The head's state is
/// kept for scans until the snapshot is dropped.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// Whose rows these are.
    pub fn tenant(&self) -> &Tenant {
        unimplemented!()
    }

    /// Version of the Delta table.
    pub fn version(&self) -> u64 {
        unimplemented!()
    }

    /// The state of the head, for [`crate::Source::Head`].
    pub fn epoch(&self) -> u64 {
        unimplemented!()
    }

    /// The node whose memory holds the head.
    pub fn node(&self) -> &str {
        unimplemented!()
    }

    /// Files that may have rows in `range`, oldest first.
    pub fn files(&self, _range: &TimeRange) -> Vec<FileRef> {
        unimplemented!()
    }

    /// Time of the oldest and the newest row in the head; `None` when it is empty.
    pub fn head_range(&self) -> Option<(Timestamp, Timestamp)> {
        unimplemented!()
    }

    /// Number of rows in the head.
    pub fn head_rows(&self) -> usize {
        unimplemented!()
    }
}
