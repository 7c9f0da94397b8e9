//! Batches on disk between reading and shipping: masked, numbered, checksummed, in segments that go when all have them.
//!
//! A record is one batch and what it covers of the sources, so a place in a source is saved exactly when its lines are.
//! A record counts once it is synced; those that come together are synced together. One thread appends; any number of
//! [`Reader`]s stream behind it. A segment is removed only when the state that covers it is synced. `docs/agent.md` describes the format.

pub(crate) mod format;
mod reader;
mod segment;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::{error, warn};

use crate::Error;
use crate::batch::Prepared;
use crate::disk::{Fs, Handle};
use format::{Head, RECORD_HEAD, SEGMENT_HEAD, first_of, read_segment_head, segment_head, segment_name};
pub(crate) use reader::{Reader, Record};

/// How large the spool may become, and what happens then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of all segments.
    pub(crate) max_bytes: u64,
    /// A segment is closed when it has this many bytes.
    pub(crate) segment_bytes: u64,
    /// Whether the oldest segment goes when there is no room; else appending waits.
    pub(crate) drop_oldest: bool,
}

/// The batches that wait.
#[derive(Debug)]
pub(crate) struct Spool {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    limits: Limits,
    inner: Mutex<Inner>,
    /// The number of the last record that is on disk.
    synced: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    segments: VecDeque<Known>,
    /// The last segment, while it takes records.
    active: Option<Arc<dyn Handle>>,
    next_id: u64,
    /// The number of the next record.
    next: u64,
    /// Lines in all records so far.
    lines: u64,
    /// Places of damage found at the start.
    damaged: u64,
    /// The number of the last record that the state on disk covers.
    saved: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    id: u64,
    first: u64,
    len: u64,
}

/// A segment as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    id: u64,
    first: u64,
    /// Bytes that may be read.
    len: u64,
    /// The first number of the segment behind it.
    next: Option<u64>,
}

/// Why records were not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is no room; more comes when readers have passed segments.
    Full,
    /// The disk failed. Nothing of the records counts; they can be tried again.
    Failed(Error),
}

/// How full the spool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fill {
    /// Bytes of all segments.
    pub(crate) bytes: u64,
    /// How many segments there are.
    pub(crate) segments: usize,
    /// The number of the last record.
    pub(crate) last: u64,
    /// Places where the disk had damaged records when the agent started.
    pub(crate) damaged: u64,
}

impl Spool {
    /// Opens the folder, which is there. `known` are the number of the last record that the state covers, and the lines up to it.
    ///
    /// The torn end of an interrupted write is cut off. A damaged record that was on disk once is told, counted and
    /// passed over: what stands behind it is still delivered.
    pub(crate) fn open(fs: Arc<dyn Fs>, dir: PathBuf, limits: Limits, known: (u64, u64)) -> Result<Self, Error> {
        let failed = |source| Error::io("cannot use the spool", &dir, source);
        let mut firsts: Vec<u64> = fs.names(&dir).map_err(failed)?.iter().filter_map(|name| first_of(name)).collect();
        firsts.sort_unstable();
        let mut inner = Inner {
            segments: VecDeque::new(),
            active: None,
            next_id: 0,
            next: known.0 + 1,
            lines: known.1,
            damaged: 0,
            saved: known.0,
        };
        while let Some(first) = firsts.pop() {
            inner.next = inner.next.max(first);
            if recover(&*fs, &dir, first, &mut inner).map_err(failed)? {
                break;
            }
        }
        for first in firsts.into_iter().rev() {
            let len = fs.open(&dir.join(segment_name(first))).and_then(|file| file.len()).map_err(failed)?;
            let id = inner.id();
            inner.segments.push_front(Known { id, first, len });
        }
        fs.sync_dir(&dir).map_err(failed)?;
        let synced = watch::Sender::new(inner.next - 1);
        Ok(Self { fs, dir, limits, inner: Mutex::new(inner), synced })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the segment that takes records is to be closed: the state must be saved first.
    pub(crate) fn is_segment_full(&self) -> bool {
        let inner = self.inner();
        let len = inner.segments.back().map_or(0, |last| last.len);
        inner.active.is_some() && len >= self.limits.segment_bytes
    }

    /// Closes the segment that takes records. Save the state before: only then can it be removed, however full the disk.
    pub(crate) fn close_segment(&self) {
        self.inner().active = None;
    }

    /// Appends batches under the next numbers and syncs them; gives the number of the first. One caller at a time.
    pub(crate) fn append(&self, batches: &[Prepared]) -> Result<u64, Refused> {
        let first = self.inner().next;
        let bytes = self.encode(batches, first);
        self.make_room(bytes.len() as u64)?;
        let failed = |source| Refused::Failed(Error::io("cannot write the spool in", &self.dir, source));
        let (file, at) = self.active().map_err(failed)?;
        if let Err(error) = file.write_at(&bytes, at).and_then(|()| file.sync()) {
            self.abandon(&*file, at);
            return Err(failed(error));
        }
        let mut inner = self.inner();
        inner.next += batches.len() as u64;
        inner.lines += batches.iter().map(|batch| u64::from(batch.lines)).sum::<u64>();
        let last = inner.next - 1;
        if let Some(segment) = inner.segments.back_mut() {
            segment.len = at + bytes.len() as u64;
        }
        drop(inner);
        self.synced.send_replace(last);
        Ok(first)
    }

    fn encode(&self, batches: &[Prepared], first: u64) -> Vec<u8> {
        let mut lines_before = self.inner().lines;
        let room = batches.iter().map(|batch| batch.encoded.len() + batch.body.len() + RECORD_HEAD).sum();
        let mut out = Vec::with_capacity(room);
        for (batch, sequence) in batches.iter().zip(first..) {
            let mut crc = crc32fast::Hasher::new();
            crc.update(&batch.encoded);
            crc.update(&batch.body);
            let head = Head {
                sequence,
                synced: first - 1,
                lines_before,
                at: batch.at.0,
                lines: batch.lines,
                covered: u32::try_from(batch.encoded.len()).unwrap_or(u32::MAX),
                body: u32::try_from(batch.body.len()).unwrap_or(u32::MAX),
                crc: crc.finalize(),
            };
            out.extend_from_slice(&head.write());
            out.extend_from_slice(&batch.encoded);
            out.extend_from_slice(&batch.body);
            lines_before += u64::from(batch.lines);
        }
        out
    }

    /// A spool that is empty takes whatever comes.
    fn make_room(&self, bytes: u64) -> Result<(), Refused> {
        loop {
            let oldest = {
                let inner = self.inner();
                let has_records = inner.segments.iter().any(|segment| segment.len > SEGMENT_HEAD as u64);
                if inner.bytes() + bytes <= self.limits.max_bytes || !has_records {
                    return Ok(());
                }
                if self.limits.drop_oldest { inner.removable(inner.saved) } else { None }
            };
            let Some(oldest) = oldest else { return Err(Refused::Full) };
            warn!(
                segment = segment_name(oldest.first),
                "the spool is full: its oldest segment is dropped, as configured"
            );
            self.remove(oldest.id);
        }
    }

    /// The file that takes records, and where.
    fn active(&self) -> io::Result<(Arc<dyn Handle>, u64)> {
        let (first, lines) = {
            let inner = self.inner();
            if let (Some(file), Some(last)) = (&inner.active, inner.segments.back()) {
                return Ok((Arc::clone(file), last.len));
            }
            (inner.next, inner.lines)
        };
        let path = self.dir.join(segment_name(first));
        let begin = || {
            let file = self.fs.create(&path)?;
            file.write_at(&segment_head(first, lines), 0)?;
            file.sync()?;
            self.fs.sync_dir(&self.dir)?;
            Ok(file)
        };
        let file: Arc<dyn Handle> = begin().inspect_err(|_: &io::Error| drop(self.fs.remove(&path)))?;
        let mut inner = self.inner();
        let (id, len) = (inner.id(), SEGMENT_HEAD as u64);
        inner.segments.push_back(Known { id, first, len });
        inner.active = Some(Arc::clone(&file));
        Ok((file, len))
    }

    /// After a failed write nobody knows what is on disk: the segment takes no more, and the next one begins with the
    /// number that failed, which tells that what may stand here under that number never counted.
    fn abandon(&self, file: &dyn Handle, len: u64) {
        drop(file.set_len(len));
        let mut inner = self.inner();
        inner.active = None;
        if let Some(empty) = inner.segments.back().copied().filter(|last| last.len == SEGMENT_HEAD as u64) {
            inner.segments.pop_back();
            drop(self.fs.remove(&self.dir.join(segment_name(empty.first))));
        }
    }

    /// Notes how far the state on disk covers the records; no segment beyond that is removed.
    pub(crate) fn mark_saved(&self, sequence: u64) {
        let mut inner = self.inner();
        inner.saved = inner.saved.max(sequence);
    }

    /// Removes closed segments of which all records are passed, oldest first; tells whether any went.
    pub(crate) fn release(&self, passed: u64) -> bool {
        let oldest = || {
            let inner = self.inner();
            inner.removable(passed.min(inner.saved))
        };
        let mut any = false;
        while let Some(oldest) = oldest() {
            self.remove(oldest.id);
            any = true;
        }
        any
    }

    fn remove(&self, id: u64) {
        let first = {
            let mut inner = self.inner();
            let Some(oldest) = inner.segments.pop_front_if(|oldest| oldest.id == id) else { return };
            oldest.first
        };
        let path = self.dir.join(segment_name(first));
        if let Err(error) = self.fs.remove(&path) {
            // It goes after the next start, when it is passed again.
            warn!(segment = %path.display(), %error, "cannot remove a segment of the spool");
        }
        // Readers that stand at its end let go of it.
        self.synced.send_modify(|_| {});
    }

    /// Reads behind the record `after`; `lines` are those up to it, where they are known.
    pub(crate) fn reader(self: &Arc<Self>, after: u64, lines: Option<u64>) -> Reader {
        Reader::new(Arc::clone(self), after, lines)
    }

    /// Tells the number of the last record that is on disk, whenever it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.synced.subscribe()
    }

    /// How full it is.
    pub(crate) fn fill(&self) -> Fill {
        let inner = self.inner();
        Fill { bytes: inner.bytes(), segments: inner.segments.len(), last: inner.next - 1, damaged: inner.damaged }
    }

    /// The segment with this id; else the one where `wanted` is to be looked for.
    fn segment(&self, id: Option<u64>, wanted: u64) -> Option<Segment> {
        let inner = self.inner();
        let known = |index: usize| {
            let Known { id, first, len } = *inner.segments.get(index)?;
            Some(Segment { id, first, len, next: inner.segments.get(index + 1).map(|next| next.first) })
        };
        let same = id.and_then(|id| inner.segments.iter().position(|segment| segment.id == id));
        let index =
            same.unwrap_or_else(|| inner.segments.partition_point(|segment| segment.first <= wanted).saturating_sub(1));
        known(index)
    }

    fn has(&self, id: u64) -> bool {
        self.inner().segments.iter().any(|segment| segment.id == id)
    }

    fn open_segment(&self, first: u64) -> io::Result<Arc<dyn Handle>> {
        self.fs.open(&self.dir.join(segment_name(first)))
    }
}

impl Inner {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The oldest segment, if it is closed and has no record behind `passed`.
    fn removable(&self, passed: u64) -> Option<Known> {
        let behind = self.segments.get(1).map_or(self.next, |second| second.first);
        let is_closed = self.segments.len() > 1 || self.active.is_none();
        self.segments.front().copied().filter(|_| is_closed && behind <= passed.saturating_add(1))
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }
}

/// Looks through what was the last segment; `false` if it holds no record and is removed.
fn recover(fs: &dyn Fs, dir: &Path, first: u64, inner: &mut Inner) -> io::Result<bool> {
    let path = dir.join(segment_name(first));
    let file = fs.open(&path)?;
    let len = file.len()?;
    let scan = segment::scan(&*file, SEGMENT_HEAD as u64, len)?;
    let Some(last) = scan.last else {
        let mut head = [0; SEGMENT_HEAD];
        let got = file.read_at(&mut head, 0)?;
        if let Some((_, lines)) = head.get(..got).and_then(read_segment_head) {
            inner.lines = inner.lines.max(lines);
        }
        fs.remove(&path)?;
        return Ok(false);
    };
    if scan.damaged > 0 {
        error!(segment = %path.display(), places = scan.damaged, "the spool has damaged records, which are passed over");
        inner.damaged += scan.damaged;
    }
    if scan.end < len {
        warn!(segment = %path.display(), bytes = len - scan.end, "cut the torn end of an interrupted write");
        file.set_len(scan.end)?;
    }
    // What a killed agent wrote may still be on its way to the disk, and from here on it counts.
    file.sync()?;
    inner.next = inner.next.max(last.sequence + 1);
    inner.lines = inner.lines.max(last.lines_before + u64::from(last.lines));
    let id = inner.id();
    inner.segments.push_front(Known { id, first, len: scan.end });
    Ok(true)
}

#[cfg(test)]
mod tests;
