//! Segments in a local folder.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::record::{RECORD_HEADER, Record, SEGMENT_HEADER, SegmentHeader, durable_end_in};
use super::{Replayed, Wal};
use crate::{Error, paths};

/// A segment is closed when it has grown to this.
const SEGMENT_BYTES: u64 = 16 << 20;
/// A write buffer larger than this is given back.
const KEEP_BUFFER: usize = 8 << 20;

/// What must fit for pushes to be taken again after a failure.
const PROBE_BYTES: usize = 1 << 20;

/// Appends to the newest segment of a folder.
#[derive(Debug)]
pub(crate) struct LocalWal {
    folder: PathBuf,
    current: Option<Current>,
    closed: VecDeque<Closed>,
    next: u64,
    /// Position behind the last record known to be on disk.
    durable: u64,
    /// Position behind the last record that may have been acknowledged.
    acknowledged: u64,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    first: u64,
    len: u64,
}

#[derive(Debug)]
struct Closed {
    path: PathBuf,
    /// Position behind its last record.
    end: u64,
    len: u64,
}

impl Wal for LocalWal {
    fn append(&mut self, records: &[Vec<u8>], sync: bool) -> Result<u64, Error> {
        let first = self.next;
        if let Err(error) = self.try_append(records, sync) {
            self.abandon(records.len() as u64);
            return Err(error);
        }
        Ok(first)
    }

    fn sync(&mut self) -> Result<(), Error> {
        if let Some(current) = self.current.as_ref().filter(|_| self.durable < self.next) {
            current.file.sync_data().map_err(|error| Error::io("sync", &current.path, error))?;
            self.durable = self.next;
        }
        Ok(())
    }

    fn recycle(&mut self, position: u64) -> Result<(), Error> {
        if self.current.as_ref().is_some_and(|current| current.first < self.next && self.next <= position + 1) {
            self.close_current();
        }
        while let Some(oldest) = self.closed.front().filter(|segment| segment.end <= position + 1) {
            paths::remove_file(&oldest.path)?;
            self.closed.pop_front();
        }
        Ok(())
    }

    fn probe(&self) -> Result<(), Error> {
        let path = self.folder.join(paths::PROBE);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(&[0xa5; PROBE_BYTES])?;
            file.sync_all()
        };
        let written = write().map_err(|error| Error::io("write to", &path, error));
        written.and(remove_if_there(&path))
    }

    fn next_position(&self) -> u64 {
        self.next
    }

    fn bytes(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.len)
            + self.closed.iter().map(|segment| segment.len).sum::<u64>()
    }
}

impl LocalWal {
    fn try_append(&mut self, records: &[Vec<u8>], sync: bool) -> Result<(), Error> {
        if self.current.as_ref().is_none_or(|current| SEGMENT_BYTES <= current.len) {
            self.sync()?;
            self.close_current();
            self.current = Some(self.create_segment()?);
        }
        self.buffer.clear();
        for (position, payload) in (self.next..).zip(records) {
            Record { position, durable: self.durable, payload }.encode_into(&mut self.buffer);
        }
        let Some(current) = &mut self.current else { return Err(Error::internal("no WAL segment is open")) };
        current.file.write_all(&self.buffer).map_err(|error| Error::io("write to", &current.path, error))?;
        if sync {
            current.file.sync_data().map_err(|error| Error::io("sync", &current.path, error))?;
        }
        current.len += self.buffer.len() as u64;
        self.next += records.len() as u64;
        self.acknowledged = self.next;
        if sync {
            self.durable = self.next;
        }
        if KEEP_BUFFER < self.buffer.capacity() {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// After a failed append: takes back what was written and starts anew behind it, so that it cannot be mistaken
    /// for an acknowledged record even when taking back fails.
    fn abandon(&mut self, records: u64) {
        if let Some(current) = &self.current
            && let Err(error) = current.file.set_len(current.len).and_then(|()| current.file.sync_data())
        {
            warn!(segment = %current.path.display(), %error, "cannot take back a failed write to the WAL");
        }
        match self.current.take_if(|current| current.first == self.next) {
            // Nothing in it was ever acknowledged; should it stay, replay finds nothing in it.
            Some(Current { path, .. }) => drop(fs::remove_file(path)),
            None => self.close_current(),
        }
        self.next += records;
    }

    fn close_current(&mut self) {
        if let Some(Current { path, len, .. }) = self.current.take() {
            self.closed.push_back(Closed { path, end: self.next, len });
        }
    }

    fn create_segment(&self) -> Result<Current, Error> {
        let path = self.folder.join(paths::segment(self.next));
        let header = SegmentHeader { first: self.next, acknowledged: self.acknowledged };
        let create = || {
            let write = |mut file: &File| file.write_all(&header.encode()).and_then(|()| file.sync_all());
            let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
            write(&file).or_else(|error| fs::remove_file(&path).and(Err(error)))?;
            Ok(file)
        };
        let file = create().map_err(|error| Error::io("write to", &path, error))?;
        paths::sync_folder(&self.folder)?;
        Ok(Current { file, path, first: self.next, len: SEGMENT_HEADER as u64 })
    }
}

/// Reads the segments of a folder, oldest first, and then becomes the log that appends behind them.
#[derive(Debug)]
pub(crate) struct Replay {
    folder: PathBuf,
    /// Records up to this position are in files.
    known: u64,
    /// Records up to this position are passed over.
    from: u64,
    waiting: VecDeque<(PathBuf, SegmentHeader)>,
    reading: Option<Reading>,
    closed: VecDeque<Closed>,
    /// Position behind the last record seen.
    end: u64,
    replayed: Replayed,
}

#[derive(Debug)]
struct Reading {
    path: PathBuf,
    bytes: Vec<u8>,
    at: usize,
    position: u64,
}

impl Replay {
    /// Looks at the segments of `folder`. Records up to and including `known` may be missing: files hold them. Records
    /// up to and including `from` are passed over.
    pub(crate) fn open(folder: &Path, known: u64, from: u64) -> Result<Self, Error> {
        paths::create_folder(folder)?;
        passed_over(remove_if_there(&folder.join(paths::PROBE)))?;
        let mut replay = Self {
            folder: folder.to_owned(),
            known,
            from,
            waiting: segments(folder)?,
            reading: None,
            closed: VecDeque::new(),
            end: known + 1,
            replayed: Replayed::default(),
        };
        if let Some((path, header)) = replay.waiting.front()
            && known + 1 < header.acknowledged
            && known + 1 < header.first
        {
            let missing = format!("records {} to {} before it are missing", known + 1, header.acknowledged - 1);
            return Err(Error::corrupt(path, missing));
        }
        replay.open_next()?;
        Ok(replay)
    }

    /// The next record behind `from`, with its position.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, Error> {
        while let Some(reading) = &mut self.reading {
            let rest = reading.bytes.get(reading.at..).unwrap_or_default();
            match Record::decode(rest).filter(|record| record.position == reading.position) {
                Some(record) => {
                    let (position, size) = (record.position, record.size());
                    let payload = (self.from < position).then(|| record.payload.to_vec());
                    reading.at += size;
                    reading.position += 1;
                    if let Some(payload) = payload {
                        self.replayed.records += 1;
                        return Ok(Some((position, payload)));
                    }
                }
                None => self.end_segment()?,
            }
        }
        Ok(None)
    }

    /// The log, ready to append behind everything that was read; call it when [`Self::next`] has given all.
    pub(crate) fn finish(self) -> (LocalWal, Replayed) {
        let wal = LocalWal {
            folder: self.folder,
            current: None,
            closed: self.closed,
            next: self.end,
            durable: self.end,
            acknowledged: self.end,
            buffer: Vec::new(),
        };
        (wal, self.replayed)
    }

    /// Where a record is damaged or the bytes end: proves that nothing durable is lost, or fails.
    fn end_segment(&mut self) -> Result<(), Error> {
        let Some(Reading { path, bytes, at, position }) = self.reading.take() else { return Ok(()) };
        let rest = bytes.get(at..).unwrap_or_default();
        // Records up to the next segment's first were this segment's to hold.
        let later = self.waiting.iter().map(|(_, header)| header.acknowledged).max().unwrap_or(0);
        let later = later.min(self.waiting.front().map_or(0, |(_, header)| header.first));
        if position.max(self.known + 1) < later.max(durable_end_in(rest, position)) {
            let reason = format!("record {position} was durable and is damaged");
            return Err(Error::corrupt_at(&path, at, reason));
        }
        if !rest.is_empty() {
            warn!(
                segment = %path.display(), offset = at, bytes = rest.len(), position,
                "cut the torn end of a WAL segment: no later record proves that it was ever synced"
            );
            let cut = OpenOptions::new().write(true).open(&path).and_then(|file| {
                file.set_len(at as u64)?;
                file.sync_all()
            });
            passed_over(cut.map_err(|error| Error::io("cut", &path, error)))?;
            self.replayed.torn_bytes += rest.len() as u64;
        }
        self.end = self.end.max(position);
        if at <= SEGMENT_HEADER {
            // Without a record it has nothing to say, and its name is wanted again.
            passed_over(paths::remove_file(&path))?;
        } else {
            self.closed.push_back(Closed { path, end: position, len: at as u64 });
        }
        self.open_next()
    }

    fn open_next(&mut self) -> Result<(), Error> {
        let Some((path, header)) = self.waiting.pop_front() else { return Ok(()) };
        let bytes = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        self.end = self.end.max(header.first);
        self.reading = Some(Reading { path, bytes, at: SEGMENT_HEADER, position: header.first });
        Ok(())
    }
}

/// Segments with a whole header, oldest first. A newest segment without one was never written to and goes.
fn segments(folder: &Path) -> Result<VecDeque<(PathBuf, SegmentHeader)>, Error> {
    let read = |error| Error::io("read the folder", folder, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        if let Some(first) = entry.file_name().to_str().and_then(paths::parse_segment) {
            found.push((first, entry.path()));
        }
    }
    found.sort();
    let newest = found.last().map(|(first, _)| *first);
    let mut segments = VecDeque::new();
    for (first, path) in found {
        let start = read_start(&path).map_err(|error| Error::io("read", &path, error))?;
        match SegmentHeader::decode(&start).filter(|header| header.first == first) {
            Some(header) => segments.push_back((path, header)),
            None if newest == Some(first) && start.len() <= SEGMENT_HEADER => {
                warn!(segment = %path.display(), "removes a WAL segment whose making was interrupted");
                passed_over(paths::remove_file(&path))?;
            }
            None => return Err(Error::corrupt_at(&path, 0, "the header of the segment does not add up".to_owned())),
        }
    }
    Ok(segments)
}

/// A file system that takes no name takes none away, also none that is not there.
fn remove_if_there(path: &Path) -> Result<(), Error> {
    if path.exists() { paths::remove_file(path) } else { Ok(()) }
}

/// What tidies up may fail in a folder that cannot be written to: what is there is read all the same, and the next start
/// tidies up.
fn passed_over(tidied: Result<(), Error>) -> Result<(), Error> {
    match tidied {
        Err(error) if error.is_unwritable() => {
            warn!(%error, "the write-ahead log is read as it is");
            Ok(())
        }
        tidied => tidied,
    }
}

/// The header, and a little more when there is more.
fn read_start(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(SEGMENT_HEADER + RECORD_HEADER);
    let limit = (SEGMENT_HEADER + 1) as u64;
    std::io::Read::read_to_end(&mut std::io::Read::take(File::open(path)?, limit), &mut start)?;
    Ok(start)
}
