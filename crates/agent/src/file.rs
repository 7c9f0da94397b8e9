//! One file that is read: which file it is, how far it is read, and where its lines end.
//!
//! A file stays open until it is read to its end, whatever happens to its name. What stands before the place of reading
//! is compared at each read, in the same call, so a file that was cut or replaced is noticed and read from its start.

mod seek;

use std::fmt;
use std::fs::{DirEntry, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirEntryExt as _, FileExt, MetadataExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::batch::{Batch, MARGIN, MAX_LINE};
use crate::lines::{Lines, Raw, Source};
use crate::state::{FileId, Marker, Position};

/// Bytes that one turn of a file reads.
const CHUNK: usize = 256 << 10;
/// Bytes that one turn looks through for the end of a very long line.
const MAX_LOOK: u64 = 4 << 20;

/// A file under reading.
#[derive(Debug)]
pub(crate) struct Tailed {
    file: File,
    pub(crate) id: FileId,
    pub(crate) path: PathBuf,
    /// Where the path leads to, if it is a link.
    pub(crate) real: Option<PathBuf>,
    lines: Lines,
    /// Bytes from the start that were read.
    at: u64,
    /// The last of them.
    marker: Vec<u8>,
    /// Bytes from the start that went into batches; behind them stands an event that may go on.
    covered: u64,
    /// How far a line longer than a chunk was looked through for its end.
    looked: u64,
    /// Length and time of change when it was looked at last.
    seen: Option<(u64, Option<SystemTime>)>,
    /// Whether there may be something to read.
    pub(crate) is_ready: bool,
    /// Since when no input knows its name and nothing was added.
    pub(crate) gone: Option<Instant>,
    /// How far it was read before it was cut or written anew, and read from its start again.
    pub(crate) cut: Option<Position>,
    /// Whether the last read failed.
    pub(crate) failing: bool,
}

impl FileId {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|born| u64::try_from(born.as_nanos()).ok()).unwrap_or(0);
        Self { dev: metadata.dev(), ino: metadata.ino(), born }
    }
}

impl Tailed {
    /// Opens a file to be read from its start.
    pub(crate) fn open(path: PathBuf, source: Arc<Source>) -> io::Result<Self> {
        // A pipe in its place would be waited for.
        let not_waiting = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = File::options().read(true).custom_flags(not_waiting).open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let id = FileId::of(&metadata);
        let real = std::fs::canonicalize(&path).ok().filter(|real| *real != path);
        Ok(Self {
            file,
            id,
            path,
            real,
            lines: Lines::new(source, id.ino),
            at: 0,
            marker: Vec::new(),
            covered: 0,
            looked: 0,
            seen: None,
            is_ready: true,
            gone: None,
            cut: None,
            failing: false,
        })
    }

    /// Goes to where an earlier run stopped, if the file is still the same up to there.
    pub(crate) fn resume(&mut self, position: &Position) -> io::Result<bool> {
        let marker = self.before(position.offset)?;
        let same = marker.as_ref().is_some_and(|marker| Marker::of(marker) == position.marker);
        if let (Some(marker), true) = (marker, same) {
            (self.at, self.covered, self.marker) = (position.offset, position.offset, marker);
        }
        Ok(same)
    }

    /// Goes to an offset, whatever stands before it.
    fn seek(&mut self, offset: u64) -> io::Result<()> {
        (self.at, self.covered, self.marker) = (offset, offset, self.before(offset)?.unwrap_or_default());
        Ok(())
    }

    /// How far it is in batches.
    pub(crate) fn position(&self) -> io::Result<Position> {
        let marker = if self.covered == self.at {
            Marker::of(&self.marker)
        } else {
            Marker::of(&self.before(self.covered)?.unwrap_or_default())
        };
        let (path, labels) = (self.path.clone(), self.lines.source.labels.clone());
        Ok(Position { path, file: self.id, labels, offset: self.covered, marker })
    }

    /// Its length.
    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether another file may be a copy of it: like it as far as that goes or, if it is cut already, with what was read
    /// of it.
    pub(crate) fn may_have_copy(&self, other: &Self) -> io::Result<bool> {
        let len = other.len()?;
        if len == 0 {
            return Ok(true);
        }
        let (own, copied) = (self.before(len)?, other.before(len)?);
        // It may be cut while it is looked at, so this comes last.
        if self.is_cut()? { other.holds(self.at, &self.marker) } else { Ok(own.is_some() && own == copied) }
    }

    /// Whether what was read of it is not in it any more, which the next read will find.
    pub(crate) fn is_cut(&self) -> io::Result<bool> {
        Ok(!self.holds(self.at, &self.marker)?)
    }

    /// Whether these bytes stand before an offset.
    pub(crate) fn holds(&self, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.before(offset)?.is_some_and(|before| before.ends_with(bytes)))
    }

    /// How far it is read, and what stood before that.
    pub(crate) fn place(&self) -> (u64, &[u8]) {
        (self.at, &self.marker)
    }

    /// Bytes from its start that are in batches.
    pub(crate) fn covered(&self) -> u64 {
        self.covered
    }

    /// Learns the file's new name from the kernel, where it tells.
    pub(crate) fn follow(&mut self) {
        let link = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let moved = std::fs::read_link(link)
            .ok()
            .filter(|path| path.metadata().is_ok_and(|found| FileId::of(&found) == self.id));
        self.path = moved.unwrap_or_else(|| self.path.clone());
    }

    /// Whether it has changed since it was looked at last; `metadata` is what its name says, if it still has one.
    pub(crate) fn has_changed(&mut self, metadata: Option<&Metadata>) -> bool {
        let own = if metadata.is_none() { self.file.metadata().ok() } else { None };
        let Some(metadata) = metadata.or(own.as_ref()) else { return true };
        let now = Some((metadata.len(), metadata.modified().ok()));
        std::mem::replace(&mut self.seen, now) != now
    }

    /// Moves lines into the batch: at most one chunk, until the batch is full. Tells whether there was something to
    /// read.
    pub(crate) fn read(&mut self, buffer: &mut Buffer, batch: &mut Batch, now: Instant) -> io::Result<bool> {
        let before = self.marker.len();
        let data = read_full(&self.file, &mut buffer.0[..before + CHUNK], self.at - before as u64)?;
        let Some(data) = data.strip_prefix(self.marker.as_slice()) else {
            self.begin_again(batch)?;
            return Ok(true);
        };
        let taken = self.take_lines(data, batch, now);
        if taken > 0 {
            self.advance(taken as u64, &data[..taken], batch)?;
            return Ok(true);
        }
        if data.len() < CHUNK { Ok(false) } else { self.long_line(buffer, batch, now) }
    }

    /// The file was cut or written anew: what was read of the old one is all there is of it.
    fn begin_again(&mut self, batch: &mut Batch) -> io::Result<()> {
        self.lines.finish();
        self.lines.take(self.at, batch);
        self.covered = self.at;
        self.cut = Some(self.position()?);
        (self.at, self.covered, self.marker, self.looked) = (0, 0, Vec::new(), 0);
        batch.cover(self.position()?, 0);
        Ok(())
    }

    /// Takes whole lines off the beginning of `data`; tells how many bytes they are.
    fn take_lines(&mut self, data: &[u8], batch: &mut Batch, now: Instant) -> usize {
        let charset = self.lines.charset();
        // A writer that goes on behind a cut leaves a hole, which reads as zeros and may be larger than any line.
        let mut taken = charset.blank(data, self.at == 0);
        while let Some(end) = charset.line_end(data, taken) {
            let bytes = data.get(taken..end).unwrap_or_default();
            let next = end + charset.width();
            let (from, to) = (self.at + taken as u64, self.at + next as u64);
            self.lines.push(Raw { bytes, total: None, from, to }, batch, now);
            taken = next;
            if batch.is_full() {
                break;
            }
        }
        taken
    }

    /// Looks for the end of a line that fills a chunk, then adds its beginning.
    fn long_line(&mut self, buffer: &mut Buffer, batch: &mut Batch, now: Instant) -> io::Result<bool> {
        let charset = self.lines.charset();
        let mut from = self.looked.max(self.at);
        let stop = from.saturating_add(MAX_LOOK);
        while from < stop {
            let data = read_full(&self.file, &mut buffer.0[..CHUNK], from)?;
            if let Some(end) = charset.line_end(data, 0) {
                self.take_long(from + end as u64, charset.width() as u64, batch, now)?;
                return Ok(true);
            }
            from += data.len() as u64;
            self.looked = from;
            if data.len() < CHUNK {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds the bytes up to `end` as one line, and skips `more` bytes behind it.
    fn take_long(&mut self, end: u64, more: u64, batch: &mut Batch, now: Instant) -> io::Result<()> {
        let len = end.saturating_sub(self.at);
        let total = usize::try_from(len).unwrap_or(usize::MAX);
        let mut head = vec![0; total.min(MAX_LINE + MARGIN)];
        let head = read_full(&self.file, &mut head, self.at)?;
        let total = (total > head.len()).then_some(total);
        self.lines.push(Raw { bytes: head, total, from: self.at, to: end + more }, batch, now);
        let tail = self.before(end + more)?.unwrap_or_default();
        self.advance(len + more, &tail, batch)
    }

    /// Moves events into the batch that have waited long enough for more.
    pub(crate) fn expire(&mut self, batch: &mut Batch, now: Instant) -> io::Result<()> {
        if !self.lines.is_waiting() {
            return Ok(());
        }
        self.lines.expire(now);
        self.cover(batch)
    }

    /// Adds what stands behind the last line end, of a file to which nothing is added any more.
    pub(crate) fn finish(&mut self, batch: &mut Batch, now: Instant) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        if self.at < len {
            self.take_long(len, 0, batch, now)?;
        }
        self.lines.finish();
        self.cover(batch)
    }

    fn advance(&mut self, bytes: u64, tail: &[u8], batch: &mut Batch) -> io::Result<()> {
        self.at += bytes;
        self.looked = 0;
        let tail = tail.get(tail.len().saturating_sub(Marker::MAX)..).unwrap_or_default();
        // What is in front of it as far as it is wanted; there are thousands of files, so no more room is taken.
        let kept = if bytes > tail.len() as u64 { 0 } else { Marker::MAX - tail.len() };
        self.marker.drain(..self.marker.len().saturating_sub(kept));
        self.marker.reserve_exact(tail.len());
        self.marker.extend_from_slice(tail);
        self.cover(batch)
    }

    /// Notes in the batch how far whole events go.
    fn cover(&mut self, batch: &mut Batch) -> io::Result<()> {
        let covered = self.lines.take(self.at, batch);
        let bytes = covered.saturating_sub(self.covered);
        if bytes > 0 {
            self.covered = covered;
            batch.cover(self.position()?, bytes);
        }
        Ok(())
    }

    /// The last bytes before an offset; `None` if the file is shorter.
    fn before(&self, offset: u64) -> io::Result<Option<Vec<u8>>> {
        let wanted = offset.min(Marker::MAX as u64);
        let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(Marker::MAX)];
        let got = read_full(&self.file, &mut bytes, offset - wanted)?.len();
        Ok((got == bytes.len()).then_some(bytes))
    }
}

/// Where a file is now: under its old name, or under another in the same folder.
pub(crate) fn locate(path: &Path, id: FileId) -> Option<(PathBuf, Metadata)> {
    let is_it = |metadata: &Metadata| metadata.is_file() && FileId::of(metadata) == id;
    let at = |path: &Path| std::fs::metadata(path).ok().filter(is_it);
    if let Some(metadata) = at(path) {
        return Some((path.to_owned(), metadata));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let may_be = |entry: &DirEntry| entry.ino() == id.ino || entry.file_type().is_ok_and(|kind| kind.is_symlink());
    let mut entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).filter(may_be);
    entries.find_map(|entry| Some((entry.path(), at(&entry.path())?)))
}

/// Room for one read, shared by all files.
pub(crate) struct Buffer(Vec<u8>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; Marker::MAX + CHUNK])
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffer")
    }
}

/// Reads until the buffer is full or the file ends.
fn read_full<'b>(file: &File, buffer: &'b mut [u8], at: u64) -> io::Result<&'b [u8]> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], at + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(&buffer[..got])
}
