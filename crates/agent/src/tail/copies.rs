//! Copies of files under reading, as `copytruncate` makes them before it cuts the original.
//!
//! A copy is read on where the original was left when it was cut. Which file is one shows only then: until the original
//! is cut, a file that is like it as far as it goes waits. The place in the copy goes into the batch in which the original
//! begins anew, or an earlier one, so that a crash does not part the two.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::info;

use super::{SCAN_AGAIN, Tail};
use crate::batch::Batch;
use crate::file::Tailed;
use crate::state::{FileId, Position};

/// How long a file that may be a copy waits after its last growth for the original to be cut.
const CUT_WAIT: Duration = Duration::from_secs(60);

/// Files that may be copies, and those that are.
#[derive(Debug, Default)]
pub(super) struct Copies {
    waiting: BTreeMap<FileId, Waiting>,
    /// Copies whose place no batch has yet.
    met: Vec<FileId>,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    input: usize,
    len: u64,
    since: Instant,
}

/// What a file is that nobody has read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    New,
    /// Of a file that was cut; it stands where that one was left.
    Copy,
    /// A copy, if its original is cut.
    Unclear,
}

impl Copies {
    /// The input of a file that waits.
    pub(super) fn input_of(&self, path: &Path) -> Option<usize> {
        self.waiting.values().find(|waiting| waiting.path == path).map(|waiting| waiting.input)
    }

    /// A file is read now.
    pub(super) fn settled(&mut self, id: FileId) {
        self.waiting.remove(&id);
    }

    /// Lets go of files that are not there any more.
    pub(super) fn keep(&mut self, found: &BTreeSet<FileId>) {
        self.waiting.retain(|id, _| found.contains(id));
    }

    /// Whether a file goes on waiting.
    fn waits(&mut self, file: &Tailed, input: usize, now: Instant) -> io::Result<bool> {
        let (path, len) = (file.path.clone(), file.len()?);
        let begun = Waiting { path: path.clone(), input, len, since: now };
        let waiting = self.waiting.entry(file.id).or_insert(begun);
        if waiting.len != len || waiting.path != path {
            *waiting = Waiting { path, input, len, since: now };
        }
        Ok(now.duration_since(waiting.since) < CUT_WAIT)
    }
}

impl Tail {
    /// What a file is that was just opened; a copy is taken to where it is read on.
    pub(super) fn origin(&mut self, file: &mut Tailed, input: usize, now: Instant) -> io::Result<Origin> {
        let is_copy_of = |original: &Path| is_name_of_copy(&file.path, original);
        let ended: Vec<_> = self.gone().filter(|position| is_copy_of(&position.path)).collect();
        for position in ended {
            if position.offset > 0 && file.resume(position)? {
                info!(file = %self.shown(&file.path), offset = position.offset, "reading on in a copy");
                return Ok(Origin::Copy);
            }
        }
        let ids = names_of_originals(name_of(&file.path)).filter_map(|name| self.by_name.get(&name)).flatten();
        let originals = ids.filter(|id| **id != file.id).filter_map(|id| self.files.get(id));
        let like: Vec<_> = originals.filter(|original| original.may_have_copy(file).unwrap_or(false)).collect();
        // A cut that was not read yet, such as while the spool is full, will be.
        let is_cut = like.iter().any(|original| original.is_cut().unwrap_or(false));
        let waits = !like.is_empty() && (self.copies.waits(file, input, now)? || is_cut);
        Ok(if waits { Origin::Unclear } else { Origin::New })
    }

    /// Notes the first place in a copy: with the next batch or, as long as all that was read is in the spool, at once.
    pub(super) fn meet_copy(&mut self, file: &Tailed) -> io::Result<()> {
        if self.has_read {
            self.copies.met.push(file.id);
        } else {
            self.meet_at(file.position()?);
        }
        Ok(())
    }

    /// A file was cut whose old content was read up to `position`: it may go on in a copy, which was made before.
    pub(super) fn was_cut(&mut self, position: Position, batch: &mut Batch, now: Instant) {
        self.end(position);
        self.next_scan = self.next_scan.min(self.last_scan.map(|last| last + SCAN_AGAIN));
        self.look(now);
        let waiting: Vec<_> =
            self.copies.waiting.values().map(|waiting| (waiting.path.clone(), waiting.input)).collect();
        waiting.into_iter().for_each(|(path, input)| self.meet(path, input, false, now));
        self.cover_copies(batch);
    }

    /// Puts the first places in copies into the batch.
    pub(super) fn cover_copies(&mut self, batch: &mut Batch) {
        for id in std::mem::take(&mut self.copies.met) {
            if let Some(Ok(position)) = self.files.get(&id).map(Tailed::position) {
                batch.cover(position, 0);
            }
        }
    }
}

/// The last part of a path.
pub(super) fn name_of(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}

/// The names of which one may be a copy, those for which [`is_name_of_copy`] holds: looked up, since there may be very many
/// files.
fn names_of_originals(copy: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let end = copy.iter().rposition(|byte| *byte == b'.').and_then(|dot| copy.get(dot..)).unwrap_or_default();
    let beginnings = (1..copy.len()).filter_map(|len| copy.get(..len));
    beginnings.flat_map(move |name| {
        let with_end = !end.is_empty() && name.len() + end.len() < copy.len();
        [Some(name.to_vec()), with_end.then(|| [name, end].concat())].into_iter().flatten()
    })
}

/// Whether a file may be a copy of another by its name, in the same folder or another: `app.log.1`, `app.log-20260301` and
/// `app-20260301.log` of `app.log`.
pub(super) fn is_name_of_copy(copy: &Path, original: &Path) -> bool {
    let [copy, original] = [copy, original].map(name_of);
    if original.is_empty() || copy.len() <= original.len() {
        return false;
    }
    let dot = original.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    let is_within = |(stem, end)| copy.starts_with(stem) && copy.ends_with(end);
    copy.starts_with(original) || dot.and_then(|dot| original.split_at_checked(dot)).is_some_and(is_within)
}
