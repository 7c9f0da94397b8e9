//! Compressed files among those that inputs find: each is read once, unless its content was read before it was compressed.
//!
//! One is looked at when it is whole: it has not changed between two looks, and the file that it was made of is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use logline::Timestamp;
use tracing::{info, warn};

use super::{Tail, copies};
use crate::archive::{self, Archive};
use crate::batch::Batch;
use crate::config::Start;
use crate::lines::Lines;
use crate::state::{FileId, Marker, Position};

/// A file that was not changed for so long at the start is whole.
const SETTLED: Duration = Duration::from_secs(5);

/// The compressed files.
#[derive(Debug, Default)]
pub(super) struct Archives {
    known: BTreeMap<FileId, Known>,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Not whole yet, when it was looked at last.
    Growing {
        seen: (u64, Option<SystemTime>),
        position: Option<Position>,
    },
    Reading(Box<Archive>, Position),
    Done,
}

impl Archives {
    pub(super) fn has(&self, id: FileId) -> bool {
        self.known.contains_key(&id)
    }
}

impl Tail {
    /// A compressed file was found, known or not.
    pub(super) fn see_archive(
        &mut self,
        path: PathBuf,
        id: FileId,
        metadata: &Metadata,
        (index, is_new_input): (usize, bool),
    ) {
        let seen = (metadata.len(), metadata.modified().ok());
        let position = self.starts.remove(&id);
        let begun = Known { path: path.clone(), stage: Stage::Growing { seen, position } };
        let is_met = !self.archives.has(id);
        let known = self.archives.known.entry(id).or_insert(begun);
        known.path.clone_from(&path);
        let Stage::Growing { seen: before, position } = &mut known.stage else { return };
        let changed = metadata.modified().ok().map(Timestamp::from);
        let is_old = changed.is_some_and(|changed| changed.after(SETTLED) < self.started);
        let is_same = std::mem::replace(before, seen) == seen && !is_met || is_old;
        if !is_same || path.with_extension("").exists() {
            return;
        }
        let position = position.take();
        let stage = match self.begin_archive(&path, id, index, position, is_new_input.then_some(changed).flatten()) {
            Ok(stage) => stage,
            Err(error) => {
                warn!(file = %self.shown(&path), %error, "cannot read the compressed file");
                Stage::Done
            }
        };
        self.archives.known.insert(id, Known { path, stage });
    }

    /// Where reading of a whole archive begins; `changed` is given in a new input, whose start counts.
    fn begin_archive(
        &mut self,
        path: &Path,
        id: FileId,
        index: usize,
        earlier: Option<Position>,
        changed: Option<Timestamp>,
    ) -> io::Result<Stage> {
        let Some(input) = self.inputs.get_mut(index) else { return Ok(Stage::Done) };
        let source = input.source(path, &self.treatment.masker);
        let start = input.files.start;
        let length = archive::told_length(path)?;
        let is_known = earlier.is_some();
        let mut position = earlier.unwrap_or_else(|| {
            let (path, labels) = (path.to_owned(), source.labels.clone());
            Position { path, file: id, labels, offset: 0, marker: Marker::default() }
        });
        let is_read = |offset: u64| offset % (1 << 32) == u64::from(length);
        let skipped = changed.is_some_and(|changed| match start {
            Start::Head => false,
            Start::End => true,
            Start::At(time) => changed < time,
            Start::Back(back) => changed < self.started.before(back),
        });
        if skipped {
            position.offset = u64::from(length);
        } else if !is_known {
            position.offset = self.read_before(path)?.unwrap_or(0);
        }
        self.store.with(|state| state.meet(position.clone()));
        self.is_unsaved = true;
        if position.offset > 0 && is_read(position.offset) {
            return Ok(Stage::Done);
        }
        info!(file = %self.shown(path), offset = position.offset, "reading a compressed file");
        let archive = Archive::open(path, Lines::new(source, id.ino), position.offset)?;
        Ok(Stage::Reading(Box::new(archive), position))
    }

    /// How much of an archive's content was read before it was compressed. A file that is still open is read on there.
    fn read_before(&self, path: &Path) -> io::Result<Option<u64>> {
        let plain = path.with_extension("");
        let may_be = |original: &Path| {
            original.parent() == path.parent()
                || original.file_name() == plain.file_name()
                || copies::is_name_of_copy(&plain, original)
        };
        let open = self.files.values().filter(|file| may_be(&file.path));
        let open = open.filter_map(|file| file.position().ok()).map(|position| (position, true));
        // At the start, what was read by an earlier run and is under none of its names.
        let gone = self.ended.iter().chain(self.starts.values()).filter(|position| may_be(&position.path));
        let mut known: Vec<_> = open.chain(gone.map(|position| (position.clone(), false))).collect();
        known.retain(|(position, _)| position.offset > 0);
        known.sort_by_key(|(position, _)| position.offset);
        let places: Vec<_> = known.iter().map(|(position, _)| (position.offset, position.marker.clone())).collect();
        let found = archive::find(path, &places)?.and_then(|index| known.get(index));
        Ok(match found {
            Some((_, true)) => Some(u64::from(archive::told_length(path)?)),
            Some((position, false)) => Some(position.offset),
            None => None,
        })
    }

    /// Reads archives, after all files have been read.
    pub(super) fn read_archives(&mut self, batch: &mut Batch, now: Instant) -> bool {
        let mut any = false;
        let mut failed = Vec::new();
        for (id, known) in &mut self.archives.known {
            while !batch.is_full()
                && let Stage::Reading(archive, position) = &mut known.stage
            {
                any = true;
                let (covered, is_end) = match archive.read(batch, now) {
                    Ok(read) => read,
                    Err(error) => {
                        failed.push((*id, error));
                        known.stage = Stage::Done;
                        break;
                    }
                };
                let bytes = covered.saturating_sub(position.offset);
                if bytes > 0 {
                    position.offset = covered;
                    batch.cover(position.clone(), bytes);
                }
                if is_end {
                    known.stage = Stage::Done;
                }
            }
        }
        for (id, error) in failed {
            let path = self.archives.known.get(&id).map(|known| known.path.clone()).unwrap_or_default();
            warn!(file = %self.shown(&path), %error, "the compressed file is damaged; what stands before that is read");
        }
        any
    }

    /// Forgets archives that are gone.
    pub(super) fn forget_archives(&mut self, found: &BTreeSet<FileId>) {
        let gone: Vec<_> = self.archives.known.keys().filter(|id| !found.contains(*id)).copied().collect();
        for id in gone {
            self.archives.known.remove(&id);
            self.forget.push(id);
        }
    }
}
