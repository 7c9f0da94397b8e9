//! Files below a local folder; durable when they and their folders are synced.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, logstore_for};
use logline::Timestamp;

use super::{FileWriter, Listed, ReadRanges, Store, StoredFile};
use crate::{Error, paths};

/// Folders below a table that a listing follows: tenant, day, and what others may add.
const MAX_DEPTH: usize = 8;

/// A table in a local folder.
#[derive(Debug)]
pub(crate) struct LocalStore {
    folder: PathBuf,
}

impl LocalStore {
    /// Makes the folder when it is missing.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        paths::create_folder(&folder.join(paths::delta_log()))?;
        let folder = folder.canonicalize().map_err(|error| Error::io("find", folder, error))?;
        Ok(Self { folder })
    }
}

impl Store for LocalStore {
    fn open(&self, path: &str, bytes: u64) -> Result<StoredFile, Error> {
        let path = self.location(path);
        let file = File::open(&path).map_err(|error| Error::io("read", &path, error))?;
        let ranges = LocalFile { path: path.clone(), file };
        Ok(StoredFile::new(path, bytes, Arc::new(ranges)))
    }

    fn create(&self, path: &str) -> Result<Box<dyn FileWriter>, Error> {
        let path = self.location(path);
        path.parent().map_or(Ok(()), paths::create_folder)?;
        let file = File::create(&path).map_err(|error| Error::io("write to", &path, error))?;
        Ok(Box::new(LocalWriter { path, file }))
    }

    fn create_new(&self, path: &str, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.location(path);
        path.parent().map_or(Ok(()), paths::create_folder)?;
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        match written {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            written => written.map(|()| true).map_err(|error| Error::io("write to", &path, error)),
        }
    }

    fn delete(&self, path: &str) -> Result<(), Error> {
        paths::remove_file(&self.location(path))
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>, Error> {
        let mut found = Vec::new();
        let mut folders = vec![(self.location(folder), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let read = |error| Error::io("read the folder", &folder, error);
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(read)?,
            };
            for entry in entries {
                let entry = entry.map_err(read)?;
                let metadata = match entry.metadata() {
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    metadata => metadata.map_err(read)?,
                };
                if metadata.is_dir() && depth < MAX_DEPTH {
                    folders.push((entry.path(), depth + 1));
                } else if let Ok(path) = entry.path().strip_prefix(&self.folder) {
                    let path = path.to_string_lossy().into_owned();
                    let modified = metadata.modified().map_or(Timestamp::MAX, Timestamp::from);
                    found.push(Listed { path, bytes: metadata.len(), modified });
                }
            }
        }
        Ok(found)
    }

    fn sync(&self, path: &str) -> Result<(), Error> {
        let path = self.location(path);
        paths::sync_file(&path)?;
        path.parent().map_or(Ok(()), paths::sync_folder)
    }

    fn location(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.folder.clone() } else { self.folder.join(path) }
    }

    fn answers_late(&self) -> bool {
        false
    }

    fn log_store(&self) -> Result<LogStoreRef, Error> {
        let url = deltalake_core::ensure_table_uri(self.folder.to_string_lossy()).map_err(Error::internal)?;
        logstore_for(&url, StorageConfig::default()).map_err(Error::internal)
    }
}

#[derive(Debug)]
struct LocalFile {
    path: PathBuf,
    file: File,
}

impl ReadRanges for LocalFile {
    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        let read = |range: &Range<u64>| {
            let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; len];
            match self.file.read_exact_at(&mut bytes, range.start) {
                Ok(()) => Ok(bytes.into()),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    Err(Error::corrupt(&self.path, format!("it ends before byte {}", range.end)))
                }
                Err(error) => Err(Error::io("read", &self.path, error)),
            }
        };
        ranges.iter().map(read).collect()
    }
}

#[derive(Debug)]
struct LocalWriter {
    path: PathBuf,
    file: File,
}

impl Write for LocalWriter {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl FileWriter for LocalWriter {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        let synced = self.file.sync_all().and_then(|()| self.file.metadata());
        let bytes = synced.map_err(|error| Error::io("sync", &self.path, error))?.len();
        self.path.parent().map_or(Ok(bytes), |folder| paths::sync_folder(folder).map(|()| bytes))
    }
}
