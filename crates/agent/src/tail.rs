//! Which files there are: finds them, follows them through rotation, and fills batches from them in turn.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logline::{Labels, Timestamp};
use mask::Counts;
use tracing::{info, warn};

use crate::batch::{Batch, Prepared, Source, Treatment};
use crate::config::{Config, Input, Start};
use crate::file::{Buffer, Tailed};
use crate::state::{FileId, Position};
use crate::store::Store;

/// How often files are looked for.
pub(crate) const SCAN_EVERY: Duration = Duration::from_secs(1);
/// How long a file that no input finds any more is still watched after its last growth: its writer may have it open.
const GONE_WAIT: Duration = Duration::from_secs(60);

/// All files under reading.
#[derive(Debug)]
pub(crate) struct Tail {
    inputs: Vec<(Input, Arc<Source>)>,
    treatment: Arc<Treatment>,
    store: Arc<Store>,
    files: Vec<Tailed>,
    /// Where the last run stopped, for files not opened yet.
    starts: BTreeMap<FileId, Position>,
    /// Files read to their end and gone, to be forgotten with the next batch.
    forget: Vec<FileId>,
    next_scan: Option<Instant>,
    /// Whether the state has news of files that are not on disk yet.
    is_unsaved: bool,
    /// Files that cannot be opened, so that each is told once.
    refused: BTreeSet<PathBuf>,
    /// The file that comes first in the next turn.
    turn: usize,
    buffer: Buffer,
}

impl Tail {
    /// Opens the files that are there.
    pub(crate) fn open(config: &Config, treatment: Arc<Treatment>, store: Arc<Store>, now: Instant) -> Self {
        let source = |input: &Input| {
            let mut labels = input.labels.clone();
            for (name, value) in input.labels.iter() {
                labels.set(name, &treatment.masker.mask_value(name, value, &mut Counts::default()));
            }
            Arc::new(Source { labels, context: logline::Context { timezone: input.timezone.clone() } })
        };
        let inputs: Vec<_> = config.inputs.iter().map(|input| (input.clone(), source(input))).collect();
        let starts = store.with(|state| state.files.clone());
        let mut this = Self {
            inputs,
            treatment,
            store,
            files: Vec::new(),
            starts,
            forget: Vec::new(),
            next_scan: None,
            is_unsaved: true,
            refused: BTreeSet::new(),
            turn: 0,
            buffer: Buffer::default(),
        };
        let names: BTreeSet<_> = this.inputs.iter().map(|(input, _)| name(input)).collect();
        let known = this.store.with(|state| std::mem::replace(&mut state.inputs, names));
        let new_inputs: Vec<_> = this.inputs.iter().map(|(input, _)| !known.contains(&name(input))).collect();
        this.scan(now, &new_inputs);
        this.find_renamed(now);
        let open: BTreeSet<_> = this.files.iter().map(|file| file.id).collect();
        this.store.with(|state| state.files.retain(|file, _| open.contains(file)));
        this
    }

    /// Finds files when it is time to.
    pub(crate) fn look(&mut self, now: Instant) {
        if self.next_scan.is_none_or(|at| at <= now) {
            self.scan(now, &[]);
            self.save();
        }
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

    /// Fills the batch: finds files when it is time to, then reads each in turn until nothing is left or the batch is
    /// full. Tells whether there was something to read.
    pub(crate) fn fill(&mut self, batch: &mut Batch, now: Instant) -> bool {
        self.look(now);
        let mut any = false;
        let mut idle = 0;
        while idle < self.files.len() && !batch.is_full() {
            self.turn = (self.turn + 1) % self.files.len();
            if self.read(self.turn, batch, now) {
                (any, idle) = (true, 0);
            } else {
                idle += 1;
            }
        }
        if !batch.is_full() {
            self.close_finished(batch, now);
        }
        any
    }

    /// Closes a batch; files that are done are forgotten once it is in the spool.
    pub(crate) fn finish(&mut self, batch: Batch, at: Timestamp) -> Prepared {
        batch.finish(at, std::mem::take(&mut self.forget))
    }

    fn read(&mut self, index: usize, batch: &mut Batch, now: Instant) -> bool {
        let Some(file) = self.files.get_mut(index) else { return false };
        match file.read(&mut self.buffer, batch) {
            Ok(some) => {
                file.failing = false;
                if std::mem::take(&mut file.was_cut) {
                    self.store.with(|state| state.meet(file.position()));
                    self.is_unsaved = true;
                }
                if some && file.gone.is_some() {
                    file.gone = Some(now);
                }
                some
            }
            Err(error) => {
                if !std::mem::replace(&mut file.failing, true) {
                    let path = file.path.clone();
                    warn!(file = %self.shown(&path), %error, "cannot read; trying again");
                }
                false
            }
        }
    }

    /// Looks for files; those of a new input start where the input says.
    fn scan(&mut self, now: Instant, new_inputs: &[bool]) {
        self.next_scan = Some(now + SCAN_EVERY);
        let known: HashMap<_, _> = self.files.iter().enumerate().map(|(index, file)| (file.id, index)).collect();
        let mut found = BTreeSet::new();
        for index in 0..self.inputs.len() {
            let is_new = new_inputs.get(index).copied().unwrap_or(false);
            for path in self.paths(index) {
                if let Ok(metadata) = fs::metadata(&path) {
                    let id = FileId::of(&metadata);
                    match known.get(&id).and_then(|index| self.files.get_mut(*index)) {
                        _ if !found.insert(id) => {}
                        Some(file) => file.path = path,
                        None => self.meet(&path, index, is_new),
                    }
                }
            }
        }
        for file in &mut self.files {
            if found.contains(&file.id) {
                file.gone = None;
            } else if file.gone.is_none() {
                file.gone = Some(now);
                file.follow();
                self.store.with(|state| state.rename(file.id, &file.path));
                self.is_unsaved = true;
            }
        }
    }

    fn paths(&self, index: usize) -> Vec<PathBuf> {
        let Some((input, _)) = self.inputs.get(index) else { return Vec::new() };
        let excluded = |path: &Path| input.exclude.iter().any(|glob| glob.matches(path));
        input.paths.iter().flat_map(crate::glob::Glob::find).filter(|path| !excluded(path)).collect()
    }

    /// A file was found that is not open.
    fn meet(&mut self, path: &Path, input: usize, is_new_input: bool) {
        let Some((settings, source)) = self.inputs.get(input) else { return };
        let at_end = is_new_input && settings.start == Start::End;
        match self.start(path.to_owned(), Arc::clone(source), at_end) {
            Ok(file) => {
                info!(file = %self.shown(path), "reading");
                self.refused.remove(path);
                self.files.push(file);
            }
            Err(error) => {
                if self.refused.insert(path.to_owned()) {
                    warn!(file = %self.shown(path), %error, "cannot open; trying again");
                }
            }
        }
    }

    fn start(&mut self, path: PathBuf, source: Arc<Source>, at_end: bool) -> std::io::Result<Tailed> {
        let mut file = Tailed::open(path, source)?;
        match self.starts.get(&file.id) {
            Some(position) => {
                let position = position.clone();
                if !file.resume(&position)? {
                    warn!(file = %self.shown(&position.path), "the file is another one now; reading it from its start");
                }
            }
            None => {
                if at_end {
                    file.skip_to_end()?;
                }
                self.store.with(|state| state.meet(file.position()));
                self.is_unsaved = true;
            }
        }
        self.starts.remove(&file.id);
        Ok(file)
    }

    /// Finds files that were renamed while nobody looked, beyond the names that the inputs know, and reads their rest.
    fn find_renamed(&mut self, now: Instant) {
        for (id, position) in std::mem::take(&mut self.starts) {
            let Some(path) = locate(&position.path, id) else { continue };
            let Ok(mut file) = Tailed::open(path, self.source(&position.labels)) else { continue };
            if file.id == id && file.resume(&position).unwrap_or(false) {
                info!(file = %self.shown(&position.path), "reading the rest of a renamed file");
                file.gone = Some(now);
                self.files.push(file);
            }
        }
    }

    /// The source of lines that had these labels in an earlier run.
    fn source(&self, labels: &Labels) -> Arc<Source> {
        let known = self.inputs.iter().map(|(_, source)| source).find(|source| source.labels == *labels);
        let other = || Arc::new(Source { labels: labels.clone(), context: logline::Context::default() });
        known.map_or_else(other, Arc::clone)
    }

    /// Lets go of files that are gone, read to their end and quiet.
    fn close_finished(&mut self, batch: &mut Batch, now: Instant) {
        let quiet =
            |file: &Tailed| !file.failing && file.gone.is_some_and(|since| now.duration_since(since) >= GONE_WAIT);
        for index in (0..self.files.len()).rev().filter(|index| quiet(&self.files[*index])).collect::<Vec<_>>() {
            let mut file = self.files.swap_remove(index);
            if let Err(error) = file.finish(batch) {
                warn!(file = %self.shown(&file.path), %error, "cannot read the last line");
            }
            info!(file = %self.shown(&file.path), "done with a file that is gone");
            self.forget.push(file.id);
        }
    }

    /// A path as it may stand in the agent's own log.
    fn shown(&self, path: &Path) -> String {
        self.treatment.masker.mask(&path.to_string_lossy()).into_owned()
    }
}

/// How an input is known in the state.
fn name(input: &Input) -> String {
    input.paths.iter().map(crate::glob::Glob::as_str).collect::<Vec<_>>().join(" ")
}

/// Where a file is now: under its old name, or under another in the same folder.
fn locate(path: &Path, id: FileId) -> Option<PathBuf> {
    let is_it =
        |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && FileId::of(&metadata) == id);
    if is_it(path) {
        return Some(path.to_owned());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path()).find(|path| is_it(path))
}

#[cfg(test)]
mod tests;
