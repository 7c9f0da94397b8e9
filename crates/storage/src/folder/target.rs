//! Where backups are kept: a folder that holds every file once, under the hash of its bytes, and a list of files for each
//! backup.
//!
//! ```text
//! TARGET/objects/3f/3f9a…        the bytes of a file, under their blake3
//! TARGET/backups/20261122T….json one backup: its tables, and path, size and hash of each of its files
//! ```

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use super::backup::Backup;
use crate::{Error, paths};

const OBJECTS: &str = "objects";
const BACKUPS: &str = "backups";
const BUFFER: usize = 1 << 20;

/// A place for backups.
#[derive(Clone, Debug)]
pub struct Target {
    root: PathBuf,
}

impl Target {
    /// A folder; made when something is put into it.
    pub fn folder(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    pub fn location(&self) -> &Path {
        &self.root
    }

    /// All backups, oldest first.
    pub fn backups(&self) -> Result<Vec<Backup>, Error> {
        let folder = self.root.join(BACKUPS);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| Error::io("read the folder", &folder, error))?,
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        paths.sort();
        paths.iter().map(|path| read_backup(path)).collect()
    }

    /// The backup of this id, or the newest. Fails with [`crate::Kind::Invalid`] when it is not there.
    pub fn backup(&self, id: Option<&str>) -> Result<Backup, Error> {
        let mut all = self.backups()?;
        let found = match id {
            Some(id) => all.into_iter().find(|backup| backup.id == id),
            None => all.pop(),
        };
        let what = id.map_or_else(|| "any backup".to_owned(), |id| format!("the backup `{id}`"));
        found.ok_or_else(|| Error::invalid(format!("`{}` does not hold {what}", self.root.display())))
    }

    /// Lists a backup, which makes it one.
    pub(super) fn list(&self, backup: &Backup) -> Result<(), Error> {
        let text = serde_json::to_vec(backup).map_err(Error::internal)?;
        put(&self.root.join(BACKUPS).join(format!("{}.json", backup.id)), &mut text.as_slice())
    }

    /// Whether an object of this hash and size is there.
    pub(super) fn holds(&self, hash: &str, bytes: u64) -> bool {
        fs::metadata(self.object(hash)).is_ok_and(|found| found.len() == bytes)
    }

    pub(super) fn put_object(&self, hash: &str, from: &mut dyn Read) -> Result<(), Error> {
        put(&self.object(hash), from)
    }

    /// Takes a file of the same file system in without copying it; false where that is not possible.
    pub(super) fn link_object(&self, hash: &str, file: &Path) -> Result<bool, Error> {
        let object = self.object(hash);
        object.parent().map_or(Ok(()), paths::create_folder)?;
        Ok(fs::hard_link(file, &object).is_ok())
    }

    pub(super) fn object(&self, hash: &str) -> PathBuf {
        self.root.join(OBJECTS).join(hash.get(..2).unwrap_or("xx")).join(hash)
    }
}

/// Whole and durable under its name, or not there.
fn put(path: &Path, from: &mut dyn Read) -> Result<(), Error> {
    path.parent().map_or(Ok(()), paths::create_folder)?;
    let unfinished = path.with_extension("part");
    let mut file = File::create(&unfinished).map_err(|error| Error::io("write to", &unfinished, error))?;
    copy(from, &mut file, &unfinished)?;
    fs::rename(&unfinished, path).map_err(|error| Error::io("rename to", path, error))?;
    path.parent().map_or(Ok(()), paths::sync_folder)
}

/// Copies everything and syncs it.
pub(super) fn copy(from: &mut dyn Read, to: &mut File, path: &Path) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER];
    let write = |error| Error::io("write to", path, error);
    loop {
        let len = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) => return Err(error.downcast().unwrap_or_else(|error| Error::io("copy to", path, error))),
        };
        to.write_all(buffer.get(..len).unwrap_or_default()).map_err(write)?;
    }
    to.sync_all().map_err(write)
}

/// The hash of everything, and its length.
pub(super) fn hash(from: &mut dyn Read, path: &Path) -> Result<(String, u64), Error> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        let len = match from.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finalize().to_hex().to_string(), bytes)),
            Ok(len) => len,
            Err(error) => return Err(error.downcast().unwrap_or_else(|error| Error::io("read", path, error))),
        };
        hasher.update(buffer.get(..len).unwrap_or_default());
        bytes += len as u64;
    }
}

fn read_backup(path: &Path) -> Result<Backup, Error> {
    let text = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    serde_json::from_slice(&text).map_err(|error| Error::corrupt(path, error))
}
