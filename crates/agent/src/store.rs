//! Keeps the state on disk: one JSON file, replaced atomically and synced before anything depends on it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::Error;
use crate::state::{STATE, State};

/// The state and its folder, which is locked so that no two agents share it.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    state: Mutex<State>,
    /// Held while the file is written, so that an older state never replaces a newer one.
    writing: Mutex<()>,
    _lock: File,
}

impl Store {
    /// Makes the folder if need be, locks it, and reads or begins the state.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io("cannot use the state folder", dir, source);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        let lock =
            options.create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| Error::Locked(dir.to_owned()))?;
        let state = State::load(dir)?.unwrap_or_else(State::new);
        let this = Self { dir: dir.to_owned(), state: Mutex::new(state), writing: Mutex::new(()), _lock: lock };
        this.save()?;
        Ok(this)
    }

    /// Looks at or changes the state in memory.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes the state; on return it survives a power cut. Blocks on the disk.
    pub(crate) fn save(&self) -> Result<(), Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.with(|state| state.clone());
        let path = self.dir.join(STATE);
        self.replace(&path, &state).map_err(|source| Error::io("cannot write", &path, source))
    }

    fn replace(&self, path: &Path, state: &State) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(state)?;
        let next = self.dir.join("state.json.next");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(&self.dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests;
