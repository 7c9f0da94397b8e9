//! What operators know of the query they work for; it stays on its node and never travels.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, MapArray};
use arrow::record_batch::RecordBatch;
use auth::Cost;
use datafusion::execution::TaskContext;
use logline::{Reader, Timestamp};
use stdx::ByteSize;
use storage::{ScanStats, SharedStats, Storage, logs};

use crate::error::{Error, Failure};

/// One query's share of a node: where to read, what it has cost so far, how much it may cost.
#[derive(Debug)]
pub(crate) struct QueryContext {
    pub(crate) storage: Arc<Storage>,
    /// Reads lines for `facts`.
    pub(crate) reader: Arc<Reader>,
    /// What scans of files have cost.
    pub(crate) scanned: SharedStats,
    /// What scans of memory have cost.
    pub(crate) head: SharedStats,
    /// Bytes of structured metadata that were decoded and not filtered out by the scan.
    pub(crate) metadata_bytes: AtomicU64,
    /// Hashes of the streams that were looked at.
    streams: Mutex<HashSet<u64>>,
    /// Lines that passed the pipeline.
    pub(crate) lines_kept: AtomicU64,
    /// Most bytes of text it may read.
    pub(crate) max_bytes: Option<ByteSize>,
    /// When it was asked, in nanoseconds since 1970.
    pub(crate) now: i64,
    /// Whether nobody waits for it any more.
    is_over: AtomicBool,
    /// Files, and rows of files and heads, that the scans of a list of lines looked at before: each reads another time.
    again: [AtomicU64; 2],
}

impl QueryContext {
    /// That of a query that begins.
    pub(crate) fn new(
        storage: &Arc<Storage>,
        reader: &Arc<Reader>,
        max_bytes: Option<ByteSize>,
        now: Timestamp,
    ) -> Self {
        Self {
            storage: Arc::clone(storage),
            reader: Arc::clone(reader),
            scanned: SharedStats::default(),
            head: SharedStats::default(),
            metadata_bytes: AtomicU64::new(0),
            streams: Mutex::default(),
            lines_kept: AtomicU64::new(0),
            max_bytes,
            now: now.0,
            is_over: AtomicBool::new(false),
            again: Default::default(),
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Fails once nobody waits for it any more. Cheap; asked for every line of a pipeline, since one line may take long.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        if self.is_over.load(Ordering::Relaxed) { Err(Failure::Cancelled.into()) } else { Ok(()) }
    }

    /// So many files and rows are looked at again, for another time.
    pub(crate) fn look_again(&self, files: u64, rows: u64) {
        for (count, more) in self.again.iter().zip([files, rows]) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// How many files and rows were looked at again.
    pub(crate) fn looked_again(&self) -> (u64, u64) {
        let [files, rows] = &self.again;
        (files.load(Ordering::Relaxed), rows.load(Ordering::Relaxed))
    }

    /// The context of the query that a task belongs to.
    pub(crate) fn of(task: &TaskContext) -> Result<Arc<Self>, Error> {
        task.session_config().get_extension().ok_or_else(|| Error::internal("a plan runs outside of a query"))
    }

    /// Fails once the query has read more than it may.
    pub(crate) fn check_bytes(&self) -> Result<(), Error> {
        let read = ByteSize(self.cost().bytes);
        match self.max_bytes {
            Some(limit) if limit < read => Err(Failure::Bytes { read, limit }.into()),
            _ => Ok(()),
        }
    }

    /// Counts the structured metadata of a batch, as far as it stands in a map.
    pub(crate) fn count_metadata(&self, batch: &RecordBatch) {
        let maps = [logs::METADATA, logs::ALL_METADATA].into_iter().filter_map(|name| batch.column_by_name(name));
        let bytes = maps.filter_map(|column| column.as_any().downcast_ref::<MapArray>()).map(map_bytes).sum();
        self.metadata_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts streams by their labels, however often they come.
    pub(crate) fn count_streams(&self, labels: &[String]) {
        if labels.is_empty() {
            return;
        }
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for labels in labels {
            let mut hasher = DefaultHasher::new();
            labels.hash(&mut hasher);
            streams.insert(hasher.finish());
        }
    }

    /// What reading has cost so far.
    pub(crate) fn cost(&self) -> Cost {
        let both = |count: fn(&ScanStats) -> &AtomicU64| {
            [&self.scanned, &self.head].map(|scans| count(scans).load(Ordering::Relaxed)).iter().sum()
        };
        Cost { rows: both(|scans| &scans.rows_read), bytes: both(|scans| &scans.bytes_read), millis: 0 }
    }

    /// How many streams were looked at.
    pub(crate) fn streams(&self) -> u64 {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    pub(crate) fn count_kept(&self, lines: usize) {
        self.lines_kept.fetch_add(lines as u64, Ordering::Relaxed);
    }
}

/// Bytes of the names and values of a map.
fn map_bytes(map: &MapArray) -> u64 {
    let (first, last) = match map.value_offsets() {
        [first, .., last] => (*first, *last),
        _ => return 0,
    };
    let length = last - first;
    let bytes = [map.keys(), map.values()].map(|texts| {
        let texts = texts.as_string_opt::<i32>();
        let (Ok(first), Ok(length)) = (usize::try_from(first), usize::try_from(length)) else { return 0 };
        texts.map_or(0, |texts| match texts.slice(first, length).value_offsets() {
            [first, .., last] => u64::try_from(last - first).unwrap_or_default(),
            _ => 0,
        })
    });
    bytes.iter().sum()
}
