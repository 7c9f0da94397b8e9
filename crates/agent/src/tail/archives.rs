//! Compressed files among those that inputs find: each is read once, unless its content was read before it was compressed.
//!
//! One is looked at when it is whole: it has not changed between two looks, and the file that it was made of is gone. What
//! is found then is about the file that was opened, whatever its name is by that time. Where reading begins goes into the
//! next batch, since what was read of the file that it was made of may be in no earlier one.

mod before;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use logline::Timestamp;
use tracing::{info, warn};

use super::{GONE_WAIT, Tail};
use crate::archive::{Archive, Gzip};
use crate::batch::Batch;
use crate::config::Start;
use crate::lines::Lines;
use crate::state::{FileId, Position};
use before::Before;
pub(super) use before::is_archive;

/// A file that was not changed for so long at the start is whole.
const SETTLED: Duration = Duration::from_secs(5);
/// How long one that ends too early, but may hold what was read before, waits after its last change.
const WHOLE_WAIT: Duration = Duration::from_secs(60);

/// Bytes that a compressed file has at least, whatever it holds.
const SHORTEST: u64 = 18;

/// The compressed files.
#[derive(Debug, Default)]
pub(super) struct Archives {
    known: BTreeMap<FileId, Known>,
    /// Those whose first place no batch has yet.
    met: Vec<FileId>,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    input: usize,
    /// Whether the input's `start` is about it.
    is_in_new_input: bool,
    /// Length and time of change when it was looked at last, and since when.
    seen: (u64, Option<SystemTime>),
    since: Instant,
    /// Since when nobody finds it: it may be renamed just then.
    gone: Option<Instant>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Not whole yet, when it was looked at last, or not before a certain time; with how far an earlier run read it.
    Growing(Option<Position>, Option<Instant>),
    /// It holds what an open file holds, of which not all is in batches.
    Waiting(Original),
    Reading(Box<Archive>, Position),
    /// Read to its end, or as far as it goes.
    Done(Position),
}

/// An open file that an archive was made of.
#[derive(Debug)]
struct Original {
    file: FileId,
    /// The length of the archive's content, or how far the file was read before it was cut.
    length: u64,
    /// What stands before that.
    tail: Vec<u8>,
}

impl Archives {
    pub(super) fn has(&self, id: FileId) -> bool {
        self.known.contains_key(&id)
    }
}

impl Known {
    fn position(&self) -> Option<&Position> {
        match &self.stage {
            Stage::Growing(position, _) => position.as_ref(),
            Stage::Waiting(_) => None,
            Stage::Reading(_, position) | Stage::Done(position) => Some(position),
        }
    }

    fn call(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
        if let Stage::Growing(Some(position), _) | Stage::Reading(_, position) | Stage::Done(position) = &mut self.stage
        {
            path.clone_into(&mut position.path);
        }
    }

    /// Takes note of its length and time of change; whether it was the same before.
    fn look(&mut self, seen: (u64, Option<SystemTime>), now: Instant) -> bool {
        let before = std::mem::replace(&mut self.seen, seen);
        if before == seen {
            return true;
        }
        self.since = now;
        match &mut self.stage {
            // More was added to what seemed to be all.
            Stage::Done(position) if before.0 < seen.0 => self.stage = Stage::Growing(Some(position.clone()), None),
            Stage::Growing(_, not_before) => *not_before = None,
            _ => {}
        }
        false
    }
}

impl Tail {
    /// A compressed file was found, known or not. The first time nothing else is done: a run before this one may hand over
    /// files that it has open.
    pub(super) fn see_archive(
        &mut self,
        path: &Path,
        id: FileId,
        metadata: &Metadata,
        (input, is_in_new_input): (usize, bool),
        now: Instant,
    ) {
        let seen = (metadata.len(), metadata.modified().ok());
        let Some(known) = self.archives.known.get_mut(&id) else {
            let (path, stage) = (path.to_owned(), Stage::Growing(self.starts.remove(&id), None));
            let known = Known { path, input, is_in_new_input, seen, since: now, gone: None, stage };
            self.archives.known.insert(id, known);
            return if self.is_open {
                self.look_at_archive(id, false, now)
            };
        };
        known.gone = None;
        if known.path != path {
            known.call(path);
            self.store.with(|state| state.rename(id, path));
            self.is_unsaved = true;
        }
        let is_same = known.look(seen, now);
        self.look_at_archive(id, is_same, now);
    }

    /// Begins an archive if it is whole.
    fn look_at_archive(&mut self, id: FileId, is_same: bool, now: Instant) {
        let Some(known) = self.archives.known.get_mut(&id) else { return };
        let is_due = match &known.stage {
            Stage::Growing(_, not_before) => not_before.is_none_or(|at| at <= now),
            Stage::Waiting(original) => {
                let open = self.files.get(&original.file);
                open.is_none_or(|file| before::is_settled(file, original))
            }
            Stage::Reading(..) | Stage::Done(_) => false,
        };
        let is_old = self.is_old(id);
        let Some(known) = self.archives.known.get(&id).filter(|_| is_due) else { return };
        if known.seen.0 < SHORTEST || !(is_same || is_old) || known.path.with_extension("").exists() {
            return;
        }
        let path = known.path.clone();
        let stage = match self.begin_archive(&path, id, now) {
            Ok(Some(stage)) => stage,
            Ok(None) => return,
            // It is renamed just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                if self.refused.insert(path.clone()) {
                    warn!(file = %self.shown(&path), %error, "cannot read the compressed file; trying again");
                }
                let position = self.archives.known.get(&id).and_then(Known::position).cloned();
                Stage::Growing(position, Some(now + WHOLE_WAIT))
            }
        };
        if let Some(known) = self.archives.known.get_mut(&id) {
            known.stage = stage;
            let is_news = |position| self.store.with(|state| state.files.get(&id) != Some(position));
            if matches!(known.stage, Stage::Reading(..) | Stage::Done(_)) && known.position().is_some_and(is_news) {
                self.archives.met.push(id);
            }
        }
    }

    /// Whether it was not changed for so long that it was whole at the start.
    fn is_old(&self, id: FileId) -> bool {
        let changed = self.archives.known.get(&id).and_then(|known| known.seen.1).map(Timestamp::from);
        changed.is_some_and(|changed| changed.after(SETTLED) < self.started)
    }

    /// What becomes of an archive that seems to be whole; `None` if that cannot be told yet, or its name is that of another
    /// file now.
    fn begin_archive(&mut self, path: &Path, id: FileId, now: Instant) -> io::Result<Option<Stage>> {
        let gzip = Gzip::open(path)?;
        let metadata = gzip.metadata()?;
        let Some(known) = self.archives.known.get(&id).filter(|_| FileId::of(&metadata) == id) else { return Ok(None) };
        let (earlier, since) = (known.position().cloned(), known.since);
        let is_in_new_input = known.is_in_new_input;
        let Some(input) = self.inputs.get_mut(known.input) else { return Ok(None) };
        let (source, start) = (input.source(path, &self.treatment.masker), input.files.start);
        let length = gzip.told_length()?;
        let changed = metadata.modified().ok().map(Timestamp::from).filter(|_| is_in_new_input && earlier.is_none());
        let is_skipped = changed.is_some_and(|changed| match start {
            Start::Head => false,
            Start::End => true,
            Start::At(time) => changed < time,
            Start::Back(back) => changed < self.started.before(back),
        });
        let offset = match earlier {
            Some(position) => position.offset,
            None if is_skipped => u64::from(length),
            None => match self.read_before(path, id, &gzip)? {
                Before::Nothing => 0,
                Before::Read(offset) => offset,
                Before::Waits(original) => return Ok(Some(Stage::Waiting(original))),
                Before::Later => return Ok(None),
                Before::Unclear(offset) if now.duration_since(since) >= WHOLE_WAIT || self.is_old(id) => offset,
                Before::Unclear(_) => return Ok(Some(Stage::Growing(None, Some(since + WHOLE_WAIT)))),
            },
        };
        let (labels, marker) = (source.labels.clone(), gzip.marker()?);
        let position = Position { path: path.to_owned(), file: id, labels, offset, marker };
        if offset > 0 && offset % (1 << 32) == u64::from(length) {
            return Ok(Some(Stage::Done(position)));
        }
        info!(file = %self.shown(path), offset, "reading a compressed file");
        let archive = Archive::new(gzip, Lines::new(source, id.ino), offset);
        Ok(Some(Stage::Reading(Box::new(archive), position)))
    }

    /// Puts the first places in archives into the batch.
    pub(super) fn cover_archives(&mut self, batch: &mut Batch) {
        for id in std::mem::take(&mut self.archives.met) {
            if let Some(position) = self.archives.known.get(&id).and_then(Known::position) {
                batch.cover(position.clone(), 0);
            }
        }
    }

    /// Reads archives, after all files have been read.
    pub(super) fn read_archives(&mut self, batch: &mut Batch, now: Instant) -> bool {
        let mut any = false;
        let mut failed = Vec::new();
        for known in self.archives.known.values_mut() {
            while !batch.is_full()
                && let Stage::Reading(archive, position) = &mut known.stage
            {
                any = true;
                let read = archive.read(batch, now);
                if let Ok((covered, _)) = read
                    && covered > position.offset
                {
                    let bytes = covered - position.offset;
                    position.offset = covered;
                    batch.cover(position.clone(), bytes);
                }
                let is_done = !matches!(read, Ok((_, false)));
                if let Err(error) = read {
                    failed.push((known.path.clone(), error));
                }
                if is_done {
                    known.stage = Stage::Done(position.clone());
                }
            }
        }
        for (path, error) in failed {
            let path = self.shown(&path);
            if error.kind() == io::ErrorKind::UnexpectedEof {
                info!(file = %path, "the compressed file is not whole; reading on when it grows");
            } else {
                warn!(file = %path, %error, "the compressed file is damaged; what stands before that is read");
            }
        }
        any
    }

    /// Forgets archives that are gone for long, but for how far they were read: there may be copies.
    pub(super) fn forget_archives(&mut self, found: &BTreeSet<FileId>, now: Instant) {
        let mut gone = Vec::new();
        for (id, known) in self.archives.known.iter_mut().filter(|(id, _)| !found.contains(*id)) {
            let since = *known.gone.get_or_insert(now);
            if now.duration_since(since) >= GONE_WAIT && !matches!(known.stage, Stage::Reading(..)) {
                gone.push(*id);
            }
        }
        for id in gone {
            if let Some(position) = self.archives.known.remove(&id).and_then(|known| known.position().cloned()) {
                self.end(position);
            }
            self.forget.push(id);
        }
    }
}
