//! One consistent view of a table: a version of its files and a state of its head.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logline::{Tenant, Timestamp};

use crate::delta::overlapping;
use crate::head::Parts;
use crate::{FileRef, TimeRange};

/// Rows of one stretch, about.
const STRETCH_ROWS: u64 = 50_000;
/// Into how many stretches a table is cut at most.
const STRETCHES: u64 = 100_000;

/// Rows of one tenant in one table at one moment: files and head together hold each row once. The head's state is
/// kept for scans until the snapshot is dropped; a scan that has begun keeps it by itself.
#[derive(Debug)]
pub struct Snapshot {
    node: Arc<str>,
    tenant: Tenant,
    version: u64,
    files: Arc<Vec<FileRef>>,
    pin: Pin,
}

impl Snapshot {
    pub(crate) const fn new(node: Arc<str>, tenant: Tenant, version: u64, files: Arc<Vec<FileRef>>, pin: Pin) -> Self {
        Self { node, tenant, version, files, pin }
    }

    /// Whose rows these are.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Version of the Delta table.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The state of the head, for [`crate::Source::Head`].
    pub const fn epoch(&self) -> u64 {
        self.pin.epoch
    }

    /// The node whose memory holds the head.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Files that may have rows in `range`, oldest first.
    pub fn files(&self, range: &TimeRange) -> Vec<FileRef> {
        overlapping(&self.files, range)
    }

    /// Time of the oldest and the newest row in the head; `None` when it is empty.
    pub fn head_range(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.pin.parts.iter().map(|part| part.first).min()?;
        let last = self.pin.parts.iter().map(|part| part.last).max()?;
        Some((first, last))
    }

    /// Cuts the time of which there are rows into stretches of about as many rows as fit into memory well, the oldest
    /// first.
    pub fn stretches(&self) -> Vec<TimeRange> {
        let times = self.files.iter().map(|file| (file.first, file.last)).chain(self.head_range());
        let Some((first, last)) = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { return Vec::new() };
        let rows: u64 = self.files.iter().map(|file| file.rows).sum();
        let rows = rows.saturating_add(u64::try_from(self.head_rows()).unwrap_or(u64::MAX));
        cut(TimeRange { start: first, end: last.after(Duration::from_nanos(1)) }, rows)
    }

    /// Whether the head may have rows in a range.
    pub fn head_overlaps(&self, range: &TimeRange) -> bool {
        self.pin.parts.iter().any(|part| range.overlaps(part.first, part.last))
    }

    /// Rows of the head.
    pub(crate) fn head_parts(&self) -> &Parts {
        &self.pin.parts
    }

    /// Number of rows in the head.
    pub fn head_rows(&self) -> usize {
        self.pin.parts.iter().map(|part| part.rows.num_rows()).sum()
    }
}

fn cut(whole: TimeRange, rows: u64) -> Vec<TimeRange> {
    let pieces = rows.div_ceil(STRETCH_ROWS).clamp(1, STRETCHES);
    let span = whole.end.since(whole.start);
    let piece = (span / u32::try_from(pieces).unwrap_or(u32::MAX)).max(Duration::from_secs(1));
    let mut stretches = Vec::new();
    let mut start = whole.start;
    while start < whole.end {
        let end = start.after(piece).min(whole.end);
        stretches.push(TimeRange { start, end });
        start = end;
    }
    stretches
}

/// A moment in the past of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The version with this number.
    Version(u64),
    /// The newest version that was there at this time.
    Time(Timestamp),
}

/// What snapshots and running scans hold on to, by epoch.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    next: AtomicU64,
    pinned: Mutex<HashMap<u64, Pinned>>,
}

#[derive(Clone, Debug)]
struct Pinned {
    table: &'static str,
    tenant: Tenant,
    files: Arc<Vec<FileRef>>,
    parts: Arc<Parts>,
}

/// Keeps one state until it is dropped.
#[derive(Debug)]
pub(crate) struct Pin {
    epoch: u64,
    parts: Arc<Parts>,
    pins: Arc<Pins>,
}

impl Pins {
    /// Gives a state of a head an epoch of its own, and keeps the files on the disk.
    pub(crate) fn pin(
        self: &Arc<Self>,
        table: &'static str,
        tenant: &Tenant,
        files: &Arc<Vec<FileRef>>,
        parts: Parts,
    ) -> Pin {
        let epoch = self.next.fetch_add(1, Ordering::Relaxed);
        let parts = Arc::new(parts);
        let pinned = Pinned { table, tenant: tenant.clone(), files: Arc::clone(files), parts: Arc::clone(&parts) };
        self.lock().insert(epoch, pinned);
        Pin { epoch, parts, pins: Arc::clone(self) }
    }

    /// The parts under an epoch; `None` when its snapshot is gone or it is of another table or tenant.
    pub(crate) fn get(&self, epoch: u64, table: &str, tenant: &Tenant) -> Option<Arc<Parts>> {
        let pinned = self.lock();
        let pinned = pinned.get(&epoch).filter(|pinned| pinned.table == table && pinned.tenant == *tenant)?;
        Some(Arc::clone(&pinned.parts))
    }

    /// Paths of files of a table that somebody reads or is about to read.
    pub(crate) fn files(&self, table: &str) -> HashSet<String> {
        let pinned = self.lock();
        let of_table = pinned.values().filter(|pinned| pinned.table == table);
        of_table.flat_map(|pinned| pinned.files.iter().map(|file| file.path.clone())).collect()
    }

    /// How many there are: about as many as queries that run.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Pinned>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pins.lock().remove(&self.epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_time_is_cut_without_gap_from_the_oldest_to_the_newest() {
        let day = Duration::from_hours(24);
        let start = Timestamp(1_772_323_200_000_000_000);
        let whole = TimeRange { start, end: start.after(14 * day) };
        for rows in [0, 1, 50_000, 50_001, 1_000_000] {
            let stretches = cut(whole, rows);
            assert_eq!((stretches[0].start, stretches[stretches.len() - 1].end), (whole.start, whole.end));
            assert!(stretches.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(rows.div_ceil(STRETCH_ROWS) <= u64::try_from(stretches.len()).unwrap());
        }
        let moment = TimeRange { start, end: start.after(Duration::from_nanos(1)) };
        assert_eq!(cut(moment, 1_000_000), [moment]);
    }
}
