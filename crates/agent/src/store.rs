//! Keeps the state on disk: one JSON file, replaced atomically and synced before anything depends on it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Error;
use crate::disk::{self, Fs};
use crate::state::{STATE, State};

/// The state and its folder, which is locked so that no two agents share it.
#[derive(Debug)]
pub(crate) struct Store {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    state: Mutex<State>,
    /// Held while the file is written, so that an older state never replaces a newer one; how long it was last.
    writing: Mutex<usize>,
    _lock: File,
}

impl Store {
    /// Makes the folder if need be, locks it, and reads or begins the state.
    pub(crate) fn open(fs: Arc<dyn Fs>, dir: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io("cannot use the state folder", dir, source);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        let lock =
            options.create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| Error::Locked(dir.to_owned()))?;
        let known = State::load(dir)?;
        let is_new = known.is_none();
        let state = Mutex::new(known.unwrap_or_else(State::new));
        let this = Self { fs, dir: dir.to_owned(), state, writing: Mutex::new(0), _lock: lock };
        // One that is known is saved again soon; on a full disk delivering may have to make room for it first.
        if is_new {
            this.save()?;
        }
        Ok(this)
    }

    /// Looks at or changes the state in memory.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes the state; on return it survives a power cut. Gives the number of the last batch in it. Blocks on the disk.
    pub(crate) fn save(&self) -> Result<u64, Error> {
        let mut length = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Of ten thousand files the state has megabytes: no copy of it is made, and no room is taken that is not needed.
        let mut bytes = Vec::with_capacity(*length + *length / 8);
        let (sequence, written) = self.with(|state| (state.sequence, serde_json::to_writer(&mut bytes, state)));
        *length = bytes.len();
        let path = self.dir.join(STATE);
        let written = written.map_err(std::io::Error::from);
        written
            .and_then(|()| disk::replace(&*self.fs, &self.dir, STATE, &bytes))
            .map_err(|source| Error::io("cannot write", &path, source))?;
        Ok(sequence)
    }
}

#[cfg(test)]
mod tests;
