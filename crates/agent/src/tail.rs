//! Which files there are: finds them, follows them through rotation, and fills batches from them in turn.
//!
//! The kernel tells of changes where it can; each second everything is looked at all the same, so that a hint that was
//! lost, or that nobody gives on a network file system, costs a second and no line.

mod archives;
mod copies;
mod docker;
mod input;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logline::Timestamp;
use tracing::{info, warn};

use crate::batch::{Batch, Prepared, Treatment};
use crate::config::{Config, Start};
use crate::file::{Buffer, Tailed, locate};
use crate::lines::Source;
use crate::state::{Ended, FileId, Position};
use crate::store::Store;
use crate::watch::{Change, Waker, Watch};
use archives::Archives;
use copies::{Copies, Origin};
use input::FileInput;

/// Turns of files in one go, each of a chunk at most: others wait for what is in the batch.
const MAX_TURNS: usize = 512;
/// How often files are looked for.
pub(crate) const SCAN_EVERY: Duration = Duration::from_secs(1);
/// How soon they are looked for again when names went away or folders came.
const SCAN_AGAIN: Duration = Duration::from_millis(200);
/// Files that are gone or were cut, of which copies may come.
const MAX_ENDED: usize = 1_000;
/// How long a file that no input finds any more is still watched after its last growth: its writer may have it open.
const GONE_WAIT: Duration = Duration::from_secs(60);
/// How long after the start files of an earlier run that nobody has found are looked for again: they may have been renamed
/// just then.
const SEARCH_EVERY: Duration = Duration::from_secs(10);
/// Tries to open a file where it was just found.
const TRIES: usize = 3;

/// All files under reading.
#[derive(Debug)]
pub(crate) struct Tail {
    inputs: Vec<FileInput>,
    treatment: Arc<Treatment>,
    store: Arc<Store>,
    files: BTreeMap<FileId, Tailed>,
    /// Files that may have something to read, in the order in which they are.
    ready: VecDeque<FileId>,
    /// Files by the names that the kernel tells.
    by_path: HashMap<PathBuf, FileId>,
    /// The same by the last part of the path.
    by_name: HashMap<Vec<u8>, Vec<FileId>>,
    watch: Watch,
    /// Where the last run stopped, for files not opened yet.
    starts: BTreeMap<FileId, Position>,
    /// Compressed files.
    archives: Archives,
    copies: Copies,
    /// How far files were read that are gone, or of which this is gone.
    ended: Ended,
    /// Those of them that no batch has yet.
    newly_ended: Vec<Position>,
    /// Whether there may be lines that are in no record of the spool yet.
    has_read: bool,
    /// Files read to their end and gone, to be forgotten with the next batch.
    forget: Vec<FileId>,
    last_scan: Option<Instant>,
    next_scan: Option<Instant>,
    /// Whether the state has news of files that are not on disk yet.
    is_unsaved: bool,
    /// Files that cannot be opened, so that each is told once.
    refused: BTreeSet<PathBuf>,
    /// The present, for starts that are counted back from it.
    started: Timestamp,
    /// Whether files were looked for at all.
    is_open: bool,
    /// When files of an earlier run that nobody has found are looked for again.
    next_search: Instant,
    buffer: Buffer,
}

/// Files that a tail had open when it ended.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles(BTreeMap<FileId, Tailed>);

impl Tail {
    /// Opens the files that are there; `started` is the present.
    pub(crate) fn open(
        config: &Config,
        treatment: Arc<Treatment>,
        store: Arc<Store>,
        now: Instant,
        started: Timestamp,
    ) -> Self {
        let inputs: Vec<_> =
            config.inputs.iter().filter_map(|input| FileInput::new(input, &treatment.masker)).collect();
        let (starts, ended) = store.with(|state| (state.files.clone(), state.ended.clone()));
        let mut this = Self {
            inputs,
            treatment,
            store,
            files: BTreeMap::new(),
            ready: VecDeque::new(),
            by_path: HashMap::new(),
            by_name: HashMap::new(),
            watch: Watch::new(),
            starts,
            archives: Archives::default(),
            copies: Copies::default(),
            ended,
            newly_ended: Vec::new(),
            has_read: false,
            forget: Vec::new(),
            last_scan: None,
            next_scan: None,
            is_unsaved: true,
            refused: BTreeSet::new(),
            started,
            is_open: false,
            next_search: now + SEARCH_EVERY,
            buffer: Buffer::default(),
        };
        let names: BTreeSet<_> = this.inputs.iter().map(|input| input.name.clone()).collect();
        let known = this.store.with(|state| std::mem::replace(&mut state.inputs, names));
        let new_inputs: Vec<_> = this.inputs.iter().map(|input| !known.contains(&input.name)).collect();
        this.scan(now, &new_inputs);
        this.find_renamed(now);
        this.is_open = true;
        let is_known =
            |file: &FileId| this.files.contains_key(file) || this.archives.has(*file) || this.starts.contains_key(file);
        this.store.with(|state| state.files.retain(|file, _| is_known(file)));
        info!(files = this.files.len(), "reading");
        this
    }

    /// Goes on with files of an earlier tail that have no name any more, as far as they are not read to their end.
    pub(crate) fn adopt(&mut self, earlier: OpenFiles, now: Instant) {
        for (id, mut file) in earlier.0 {
            let has_name = fs::metadata(&file.path).is_ok_and(|found| FileId::of(&found) == id);
            if (file.gone.is_some() || !has_name) && !self.files.contains_key(&id) {
                file.gone = Some(now);
                self.starts.remove(&id);
                if let Ok(position) = file.position() {
                    self.store.with(|state| state.meet(position));
                }
                file.is_ready = false;
                self.files.insert(id, file);
                self.wake(id);
            }
        }
    }

    /// The open files, for the next tail.
    pub(crate) fn into_files(self) -> OpenFiles {
        OpenFiles(self.files)
    }

    /// To wait for changes with. Call it within a runtime.
    pub(crate) fn waker(&self) -> Waker {
        self.watch.waker()
    }

    /// Takes note of what the kernel tells, and looks for files when it is time to.
    pub(crate) fn look(&mut self, now: Instant) {
        for change in self.watch.changes() {
            match change {
                Change::Written(path) => {
                    if let Some(id) = self.by_path.get(&path).copied() {
                        self.wake(id);
                    } else if let Some(input) = self.copies.input_of(&path) {
                        self.meet(path, input, false, now);
                    }
                }
                Change::Appeared(path) => self.appeared(&path, now),
                Change::Much => {
                    let soon = self.last_scan.map(|last| last + SCAN_AGAIN);
                    self.next_scan = self.next_scan.min(soon);
                }
            }
        }
        if self.next_scan.is_none_or(|at| at <= now) {
            self.scan(now, &[]);
        }
        self.save();
    }

    /// Writes news of files, so that a file renamed later is found again after a restart.
    fn save(&mut self) {
        if self.is_unsaved {
            match self.store.save() {
                Ok(_) => self.is_unsaved = false,
                Err(error) => warn!(%error, "cannot write the state; trying again"),
            }
        }
    }

    fn wake(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id)
            && !std::mem::replace(&mut file.is_ready, true)
        {
            self.ready.push_back(id);
        }
    }

    /// Fills the batch: looks for files when it is time to, then reads those that have changed in turn until nothing is
    /// left, the batch is full, or much was read that leaves nothing in it, such as holes. Tells whether there was
    /// something to read.
    pub(crate) fn fill(&mut self, batch: &mut Batch, now: Instant) -> bool {
        self.look(now);
        self.has_read = true;
        self.cover_copies(batch);
        self.cover_archives(batch);
        let mut any = false;
        for _ in 0..MAX_TURNS {
            if batch.is_full() {
                break;
            }
            let Some(id) = self.ready.pop_front() else { break };
            if self.read(id, batch, now) {
                any = true;
                self.ready.push_back(id);
            } else if let Some(file) = self.files.get_mut(&id) {
                file.is_ready = false;
            }
        }
        any |= self.read_archives(batch, now);
        if !batch.is_full() {
            self.expire(batch, now);
            self.close_finished(batch, now);
        }
        any
    }

    /// Closes a batch; files that are done are forgotten once it is in the spool.
    pub(crate) fn finish(&mut self, batch: Batch, at: Timestamp) -> Prepared {
        batch.finish(at, std::mem::take(&mut self.forget), std::mem::take(&mut self.newly_ended))
    }

    /// A file is gone or was cut that is read up to `position` with this batch or an earlier one.
    fn end(&mut self, position: Position) {
        self.ended.add(position.clone(), MAX_ENDED);
        self.newly_ended.push(position);
    }

    /// A file was gone or cut already when the agent began.
    fn end_before(&mut self, position: Position) {
        self.ended.add(position.clone(), MAX_ENDED);
        self.store.with(|state| state.end(position));
        self.is_unsaved = true;
    }

    fn read(&mut self, id: FileId, batch: &mut Batch, now: Instant) -> bool {
        let Some(file) = self.files.get_mut(&id) else { return false };
        match file.read(&mut self.buffer, batch, now) {
            Ok(some) => {
                file.failing = false;
                if some && file.gone.is_some() {
                    file.gone = Some(now);
                }
                if let Some(position) = file.cut.take() {
                    self.was_cut(position, batch, now);
                }
                some
            }
            Err(error) => {
                self.failed(id, &error);
                false
            }
        }
    }

    /// Tells once that a file cannot be read; it is tried again when it changes, or at the next look.
    fn failed(&mut self, id: FileId, error: &std::io::Error) {
        let Some(file) = self.files.get_mut(&id) else { return };
        if !std::mem::replace(&mut file.failing, true) {
            let path = file.path.clone();
            warn!(file = %self.shown(&path), %error, "cannot read; trying again");
        }
    }

    /// Lets events go that have waited long enough for more lines.
    fn expire(&mut self, batch: &mut Batch, now: Instant) {
        let mut failures = Vec::new();
        for (id, file) in &mut self.files {
            if let Err(error) = file.expire(batch, now) {
                failures.push((*id, error));
            }
        }
        for (id, error) in failures {
            self.failed(id, &error);
        }
    }

    /// Looks for files; those of a new input start where the input says.
    fn scan(&mut self, now: Instant, new_inputs: &[bool]) {
        self.last_scan = Some(now);
        self.next_scan = Some(now + SCAN_EVERY);
        self.by_path.clear();
        self.by_name.clear();
        let (mut found, mut strangers, mut archives) = (BTreeSet::new(), Vec::new(), Vec::new());
        for index in 0..self.inputs.len() {
            let is_new = new_inputs.get(index).copied().unwrap_or(false);
            let Some(input) = self.inputs.get_mut(index) else { continue };
            let paths = input.finder.find(now);
            let refused = input.finder.take_refused();
            if input.files.watch {
                input.finder.folders().for_each(|folder| self.watch.folder(folder));
            }
            for (path, error) in refused {
                warn!(folder = %self.shown(&path), %error, "cannot list; trying again");
            }
            for (path, metadata) in paths {
                let id = FileId::of(&metadata);
                if !found.insert(id) {
                    continue;
                }
                if archives::is_archive(&path) {
                    archives.push((path, id, metadata, (index, is_new)));
                } else if is_new || self.files.contains_key(&id) || self.starts.contains_key(&id) {
                    self.see(path, id, &metadata, index, is_new, now);
                } else {
                    strangers.push((path, index));
                }
            }
        }
        // All others are known by now, of which they may be copies.
        strangers.into_iter().for_each(|(path, index)| self.meet(path, index, false, now));
        for (path, id, metadata, input) in archives {
            self.see_archive(&path, id, &metadata, input, now);
        }
        self.copies.keep(&found);
        self.forget_archives(&found, now);
        let mut changed = Vec::new();
        for (id, file) in self.files.iter_mut().filter(|(id, _)| !found.contains(*id)) {
            if file.gone.is_none() {
                file.gone = Some(now);
                file.follow();
                self.store.with(|state| state.rename(*id, &file.path));
                self.is_unsaved = true;
            }
            if file.has_changed(None) || file.failing {
                changed.push(*id);
            }
        }
        changed.into_iter().for_each(|id| self.wake(id));
        if self.next_search <= now && !self.starts.is_empty() {
            self.give_up_missing(now);
        }
    }

    /// A file was found, known or not.
    fn see(&mut self, path: PathBuf, id: FileId, metadata: &Metadata, input: usize, is_new_input: bool, now: Instant) {
        let Some(file) = self.files.get_mut(&id) else {
            return self.meet(path, input, is_new_input, now);
        };
        file.gone = None;
        let is_ready = file.has_changed(Some(metadata)) || file.failing;
        if file.path != path {
            file.path.clone_from(&path);
            self.store.with(|state| state.rename(id, &path));
            self.is_unsaved = true;
        }
        let real = file.real.clone();
        [Some(path), real].into_iter().flatten().for_each(|path| self.called(path, id));
        if is_ready {
            self.wake(id);
        }
    }

    /// A file has this name now.
    fn called(&mut self, path: PathBuf, id: FileId) {
        let alike = self.by_name.entry(copies::name_of(&path).to_vec()).or_insert_with(|| Vec::with_capacity(1));
        if !alike.contains(&id) {
            alike.push(id);
        }
        self.by_path.insert(path, id);
    }

    /// The kernel tells of a new name.
    fn appeared(&mut self, path: &Path, now: Instant) {
        let Some(index) = self.inputs.iter_mut().position(|input| input.finder.appeared(path)) else { return };
        // A compressed file is looked at once it is whole.
        if !archives::is_archive(path)
            && let Ok(metadata) = fs::metadata(path)
            && metadata.is_file()
        {
            self.see(path.to_owned(), FileId::of(&metadata), &metadata, index, false, now);
        }
    }

    /// A file was found that is not open.
    fn meet(&mut self, path: PathBuf, index: usize, is_new_input: bool, now: Instant) {
        let Some(input) = self.inputs.get_mut(index) else { return };
        let start = is_new_input.then_some(input.files.start);
        let source = input.source(&path, &self.treatment.masker);
        let opened = match Tailed::open(path.clone(), source) {
            // Names may have gone from one file to another since they were looked at.
            Ok(file) if self.files.contains_key(&file.id) => return,
            opened => opened,
        };
        match opened.and_then(|file| self.start(file, start, index, now)) {
            Ok(Some(file)) => {
                if self.last_scan.is_some() && !is_new_input {
                    tracing::debug!(file = %self.shown(&path), "reading");
                }
                self.refused.remove(&path);
                if let Some(folder) = file.real.as_deref().and_then(Path::parent) {
                    self.watch.folder(folder);
                }
                self.copies.settled(file.id);
                [Some(path), file.real.clone()].into_iter().flatten().for_each(|path| self.called(path, file.id));
                self.ready.push_back(file.id);
                self.files.insert(file.id, file);
            }
            Ok(None) => {}
            Err(error) => {
                if self.refused.insert(path.clone()) {
                    warn!(file = %self.shown(&path), %error, "cannot open; trying again");
                }
            }
        }
    }

    /// Goes to where reading starts in a file, for which a new input has a `start`; `None` if that cannot be told yet.
    fn start(
        &mut self,
        mut file: Tailed,
        start: Option<Start>,
        index: usize,
        now: Instant,
    ) -> std::io::Result<Option<Tailed>> {
        if let Some(position) = self.starts.get(&file.id).cloned() {
            if !file.resume(&position)? {
                warn!(file = %self.shown(&position.path), "the file was cut or written anew; reading it from its start");
                self.end_before(position);
                self.meet_at(file.position()?);
            }
            self.starts.remove(&file.id);
            return Ok(Some(file));
        }
        let origin = if start.is_none() { self.origin(&mut file, index, now)? } else { Origin::New };
        match origin {
            Origin::Unclear => return Ok(None),
            Origin::Copy => self.meet_copy(&file)?,
            Origin::New => {
                match start {
                    None | Some(Start::Head) => {}
                    Some(Start::End) => file.skip_to_end()?,
                    Some(Start::At(time)) => file.skip_to_time(time, &self.treatment.reader)?,
                    Some(Start::Back(back)) => {
                        file.skip_to_time(self.started.before(back), &self.treatment.reader)?;
                    }
                }
                self.meet_at(file.position()?);
            }
        }
        Ok(Some(file))
    }

    /// Notes where reading starts in a file.
    fn meet_at(&mut self, position: Position) {
        self.store.with(|state| state.meet(position));
        self.is_unsaved = true;
    }

    /// Finds files that were renamed while nobody looked, beyond the names that the inputs know, and reads their rest.
    fn find_renamed(&mut self, now: Instant) {
        let missing: Vec<_> =
            self.starts.values().filter(|start| !archives::is_archive(&start.path)).cloned().collect();
        for position in missing {
            let source = input::earlier_source(&mut self.inputs, &position, &self.treatment.masker);
            let Some(mut file) = find(&position, &source) else { continue };
            // With its time of birth it is the same file, cut and written anew, even if its beginning is not.
            if file.resume(&position).is_ok_and(|same| same || position.file.born != 0) {
                info!(file = %self.shown(&position.path), "reading the rest of a renamed file");
                file.gone = Some(now);
                self.starts.remove(&file.id);
                self.ready.push_back(file.id);
                self.files.insert(file.id, file);
            }
        }
    }

    /// Looks once more for files of an earlier run; those that are nowhere are gone.
    fn give_up_missing(&mut self, now: Instant) {
        self.next_search = now + SEARCH_EVERY;
        self.find_renamed(now);
        // One that is there but cannot be opened is tried again.
        let is_there = |position: &Position| {
            !archives::is_archive(&position.path) && locate(&position.path, position.file).is_some()
        };
        let gone: Vec<_> = self.starts.values().filter(|position| !is_there(position)).cloned().collect();
        for position in gone {
            self.starts.remove(&position.file);
            self.store.with(|state| state.files.remove(&position.file));
            self.end_before(position);
        }
    }

    /// Lets go of files that are gone, read to their end and quiet.
    fn close_finished(&mut self, batch: &mut Batch, now: Instant) {
        let quiet = |file: &Tailed| {
            !file.failing && !file.is_ready && file.gone.is_some_and(|since| now.duration_since(since) >= GONE_WAIT)
        };
        let done: Vec<_> = self.files.iter().filter(|(_, file)| quiet(file)).map(|(id, _)| *id).collect();
        for id in done {
            let Some(mut file) = self.files.remove(&id) else { continue };
            if let Err(error) = file.finish(batch, now) {
                warn!(file = %self.shown(&file.path), %error, "cannot read the last line");
            }
            info!(file = %self.shown(&file.path), "done with a file that is gone");
            if let Ok(position) = file.position() {
                self.end(position);
            }
            self.forget.push(file.id);
        }
    }

    /// A path as it may stand in the agent's own log.
    fn shown(&self, path: &Path) -> String {
        self.treatment.masker.mask(&path.to_string_lossy()).into_owned()
    }
}

/// Opens a file of an earlier run where it is now.
fn find(position: &Position, source: &Arc<Source>) -> Option<Tailed> {
    for _ in 0..TRIES {
        let (path, _) = locate(&position.path, position.file)?;
        match Tailed::open(path, Arc::clone(source)) {
            Ok(file) if file.id == position.file => return Some(file),
            // It is renamed just now.
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
