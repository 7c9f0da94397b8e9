//! What operators know of the query they work for; it stays on its node and never travels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::execution::TaskContext;
use stdx::ByteSize;
use storage::{SharedStats, Storage};

use crate::error::{Error, Failure};

/// One query's share of a node: where to read, what it has cost so far, how much it may cost.
#[derive(Debug)]
pub(crate) struct QueryContext {
    pub(crate) storage: Arc<Storage>,
    pub(crate) scanned: SharedStats,
    /// Lines that passed the pipeline.
    pub(crate) lines_kept: AtomicU64,
    /// Most bytes of text it may read.
    pub(crate) max_bytes: Option<ByteSize>,
    /// When it was asked, in nanoseconds since 1970.
    pub(crate) now: i64,
}

impl QueryContext {
    /// The context of the query that a task belongs to.
    pub(crate) fn of(task: &TaskContext) -> Result<Arc<Self>, Error> {
        task.session_config().get_extension().ok_or_else(|| Error::internal("a plan runs outside of a query"))
    }

    /// Fails once the query has read more than it may.
    pub(crate) fn check_bytes(&self) -> Result<(), Error> {
        let read = ByteSize(self.scanned.bytes_read.load(Ordering::Relaxed));
        match self.max_bytes {
            Some(limit) if limit < read => Err(Failure::Bytes { read, limit }.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn count_kept(&self, lines: usize) {
        self.lines_kept.fetch_add(lines as u64, Ordering::Relaxed);
    }
}
