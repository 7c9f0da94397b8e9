//! Where backups are kept: a folder, or a part of a bucket, that holds every file once, under the hash of its bytes, and a
//! list of files for each backup.
//!
//! ```text
//! TARGET/objects/3f/3f9a…        the bytes of a file, under their blake3
//! TARGET/backups/20261122T….json one backup: its tables, and path, size and hash of each of its files
//! ```

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::reader::ChunkReader as _;

use super::backup::Backup;
use crate::store::{Reached, Store as _, cause};
use crate::{BucketConfig, Error, paths};

const OBJECTS: &str = "objects";
const BACKUPS: &str = "backups";
const BUFFER: usize = 1 << 20;
/// The list of files of a backup is small; nothing beyond this is read.
const MAX_LIST_BYTES: u64 = 1 << 30;

/// A place for backups.
#[derive(Clone, Debug)]
pub struct Target(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    Bucket(Arc<Reached>),
}

impl Target {
    /// A folder; made when something is put into it.
    pub fn folder(root: impl Into<PathBuf>) -> Self {
        Self(Place::Folder(root.into()))
    }

    /// A part of a bucket. Whoever uses it must not be within a runtime.
    pub fn bucket(config: &BucketConfig) -> Result<Self, Error> {
        Ok(Self(Place::Bucket(Arc::new(Reached::new(config)?))))
    }

    /// Where it is.
    pub fn location(&self) -> PathBuf {
        self.at("")
    }

    /// Where something in it is, as operators know it.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        match &self.0 {
            Place::Folder(root) => root.join(path),
            Place::Bucket(reached) => reached.store().location(path),
        }
    }

    /// All backups, oldest first.
    pub fn backups(&self) -> Result<Vec<Backup>, Error> {
        let mut lists: Vec<(String, u64)> = match &self.0 {
            Place::Folder(root) => list(&root.join(BACKUPS))?,
            Place::Bucket(reached) => {
                let store = reached.store();
                store.list(BACKUPS)?.into_iter().map(|found| (found.path, found.bytes)).collect()
            }
        };
        lists.retain(|(path, _)| Path::new(path).extension().is_some_and(|end| end == "json"));
        lists.sort();
        lists.iter().map(|(path, bytes)| self.read_backup(path, *bytes)).collect()
    }

    /// The backup of this id, or the newest. Fails with [`crate::Kind::Invalid`] when it is not there.
    pub fn backup(&self, id: Option<&str>) -> Result<Backup, Error> {
        let mut all = self.backups()?;
        let found = match id {
            Some(id) => all.into_iter().find(|backup| backup.id == id),
            None => all.pop(),
        };
        let what = id.map_or_else(|| "any backup".to_owned(), |id| format!("the backup `{id}`"));
        found.ok_or_else(|| Error::invalid(format!("`{}` does not hold {what}", self.location().display())))
    }

    fn read_backup(&self, path: &str, bytes: u64) -> Result<Backup, Error> {
        let mut text = Vec::new();
        let read = self.open(path, bytes)?.take(MAX_LIST_BYTES).read_to_end(&mut text);
        read.map_err(|error| crate::store::from_io(&self.at(path), error))?;
        serde_json::from_slice(&text).map_err(|error| Error::corrupt(&self.at(path), error))
    }

    /// Lists a backup, which makes it one.
    pub(super) fn list(&self, backup: &Backup) -> Result<(), Error> {
        let text = serde_json::to_vec(backup).map_err(Error::internal)?;
        self.put(&format!("{BACKUPS}/{}.json", backup.id), &mut text.as_slice())
    }

    /// Whether an object of this hash and size is there.
    pub(super) fn holds(&self, hash: &str, bytes: u64) -> Result<bool, Error> {
        let object = object(hash);
        Ok(match &self.0 {
            Place::Folder(root) => fs::metadata(root.join(object)).is_ok_and(|found| found.len() == bytes),
            Place::Bucket(reached) => reached.store().size(&object)? == Some(bytes),
        })
    }

    pub(super) fn put_object(&self, hash: &str, from: &mut dyn Read) -> Result<(), Error> {
        self.put(&object(hash), from)
    }

    /// The bytes of an object of some size.
    pub(super) fn object(&self, hash: &str, bytes: u64) -> Result<Box<dyn Read>, Error> {
        self.open(&object(hash), bytes)
    }

    /// Where an object is, as operators know it.
    pub(super) fn place(&self, hash: &str) -> PathBuf {
        self.at(&object(hash))
    }

    /// Takes a file of the same file system in without copying it; false where that is not possible.
    pub(super) fn link_object(&self, hash: &str, file: &Path) -> Result<bool, Error> {
        let Place::Folder(root) = &self.0 else { return Ok(false) };
        let object = root.join(object(hash));
        object.parent().map_or(Ok(()), paths::create_folder)?;
        Ok(fs::hard_link(file, &object).is_ok())
    }

    /// Whole and durable under its name, or not there.
    fn put(&self, path: &str, from: &mut dyn Read) -> Result<(), Error> {
        match &self.0 {
            Place::Folder(root) => put(&root.join(path), from),
            Place::Bucket(reached) => {
                let store = reached.store();
                let mut file = store.create(path)?;
                copy(from, &mut file, &store.location(path))?;
                file.finish().map(drop)
            }
        }
    }

    fn open(&self, path: &str, bytes: u64) -> Result<Box<dyn Read>, Error> {
        match &self.0 {
            Place::Folder(root) => {
                let path = root.join(path);
                Ok(Box::new(File::open(&path).map_err(|error| Error::io("read", &path, error))?))
            }
            Place::Bucket(reached) => {
                let store = reached.store();
                let read = store.open(path, bytes)?.get_read(0);
                Ok(Box::new(read.map_err(|error| cause(&store.location(path), error, Error::internal))?))
            }
        }
    }
}

fn object(hash: &str) -> String {
    format!("{OBJECTS}/{}/{hash}", hash.get(..2).unwrap_or("xx"))
}

/// Files in the folder of backups, relative to the target, with their sizes.
fn list(folder: &Path) -> Result<Vec<(String, u64)>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io("read the folder", folder, error))?,
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.map(|name| (format!("{BACKUPS}/{name}"), 0)).collect())
}

fn put(path: &Path, from: &mut dyn Read) -> Result<(), Error> {
    path.parent().map_or(Ok(()), paths::create_folder)?;
    let unfinished = path.with_extension("part");
    let mut file = File::create(&unfinished).map_err(|error| Error::io("write to", &unfinished, error))?;
    copy(from, &mut file, &unfinished)?;
    file.sync_all().map_err(|error| Error::io("write to", &unfinished, error))?;
    fs::rename(&unfinished, path).map_err(|error| Error::io("rename to", path, error))?;
    path.parent().map_or(Ok(()), paths::sync_folder)
}

/// Copies everything and gives its hash; `path` is where it goes to.
pub(super) fn copy(from: &mut dyn Read, to: &mut dyn Write, path: &Path) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let len = match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
            Ok(len) => len,
            Err(error) => return Err(error.downcast().unwrap_or_else(|error| Error::io("copy to", path, error))),
        };
        let read = buffer.get(..len).unwrap_or_default();
        hasher.update(read);
        to.write_all(read).map_err(|error| crate::store::from_io(path, error))?;
    }
}

/// The hash of everything, and its length.
pub(super) fn hash(from: &mut dyn Read, path: &Path) -> Result<(String, u64), Error> {
    let mut counted = Counted(0);
    let hash = copy(from, &mut counted, path)?;
    Ok((hash, counted.0))
}

/// Bytes that went to nowhere.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0 += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
