//! A bounded cache of opened files, footer and head of the token index: a file that was read before opens without a
//! read, any other with one or two small ones.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;

use super::words::{FileIndex, Parts};
use crate::files::{LABELS_KEY, footer};
use crate::store::{StoredFile, cause};
use crate::{Error, Metrics};

/// The end of a file that is read first: mostly footer, page index and head of the token index.
const TAIL_BYTES: u64 = 64 << 10;

/// A file that is ready to be read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) footer: ArrowReaderMetadata,
    /// Names of the labels of its streams, sorted, when the file tells.
    pub(crate) labels: Option<Vec<String>>,
    /// Its token index, when it has one that can be used.
    pub(crate) index: Option<FileIndex>,
}

/// Footers keyed by path; a committed file never changes.
#[derive(Debug)]
pub(crate) struct Footers {
    limit_bytes: usize,
    /// Parts of token indexes.
    pub(super) parts: Parts,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    footers: HashMap<PathBuf, Cached>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Cached {
    opened: Arc<Opened>,
    bytes: usize,
    last_use: u64,
}

impl Footers {
    /// Footers and parts of token indexes each take some bytes of memory at most.
    pub(crate) fn new(limit_bytes: usize, index_bytes: usize, metrics: Metrics) -> Self {
        Self { limit_bytes, parts: Parts::new(index_bytes, metrics), cache: Mutex::default() }
    }

    /// An open file, with columns in the types of `table` where the file has them.
    pub(crate) fn get(&self, file: &StoredFile, table: &Schema) -> Result<Arc<Opened>, Error> {
        let path = file.location();
        if let Some(opened) = self.lock().used(path) {
            return Ok(opened);
        }
        let damaged = |error| cause(path, error, |error| Error::corrupt(path, error));
        let (metadata, tail) = load(file, damaged)?;
        let start = file.len().saturating_sub(tail.len() as u64);
        check(file, metadata.file_metadata(), (start, &tail))?;
        let index = self.parts.open(file, metadata.file_metadata(), (start, &tail))?;
        let labels = labels(metadata.file_metadata());
        let footer = typed(metadata, table).map_err(damaged)?;
        let opened = Arc::new(Opened { footer, labels, index });
        self.lock().insert(path, &opened, self.limit_bytes);
        Ok(opened)
    }

    /// Lets go of files that others have taken the place of, with the parts of their indexes.
    pub(crate) fn forget(&self, files: impl Iterator<Item = PathBuf>) {
        let mut cache = self.lock();
        let gone: Vec<Arc<Opened>> = files.filter_map(|file| cache.remove(&file)).collect();
        drop(cache);
        self.parts.forget(&gone.iter().filter_map(|opened| opened.index.as_ref()).collect::<Vec<_>>());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn used(&mut self, path: &Path) -> Option<Arc<Opened>> {
        self.uses += 1;
        let cached = self.footers.get_mut(path)?;
        cached.last_use = self.uses;
        Some(Arc::clone(&cached.opened))
    }

    fn insert(&mut self, path: &Path, opened: &Arc<Opened>, limit_bytes: usize) {
        let bytes = opened.footer.metadata().memory_size() + opened.index.as_ref().map_or(0, FileIndex::memory_size);
        while !self.footers.is_empty() && limit_bytes < self.bytes + bytes {
            let oldest = self.footers.iter().min_by_key(|(_, cached)| cached.last_use).map(|(path, _)| path.clone());
            oldest.and_then(|path| self.remove(&path));
        }
        self.uses += 1;
        let cached = Cached { opened: Arc::clone(opened), bytes, last_use: self.uses };
        let before = self.footers.insert(path.to_owned(), cached);
        self.bytes = self.bytes + bytes - before.map_or(0, |before| before.bytes);
    }

    fn remove(&mut self, path: &Path) -> Option<Arc<Opened>> {
        let gone = self.footers.remove(path)?;
        self.bytes -= gone.bytes;
        Some(gone.opened)
    }
}

/// The metadata of a file, and its end as far as it was read.
fn load(file: &StoredFile, damaged: impl Fn(ParquetError) -> Error) -> Result<(ParquetMetaData, Bytes), Error> {
    let len = file.len();
    let mut wanted = TAIL_BYTES;
    loop {
        let tail = file.read_one(len.saturating_sub(wanted)..len)?;
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        match reader.try_parse_sized(&tail, len) {
            Ok(()) => return Ok((reader.finish().map_err(damaged)?, tail)),
            // It tells what is missing in one part; another part may miss more.
            Err(ParquetError::NeedMoreData(more)) if wanted < len => wanted = (more as u64).max(wanted * 2),
            Err(error) => return Err(damaged(error)),
        }
    }
}

/// The end of a file against its checksum. `tail` is that end as far as it was read.
fn check(file: &StoredFile, footer: &FileMetaData, (start, tail): (u64, &Bytes)) -> Result<(), Error> {
    let Some(from) = footer::covered_from(footer) else { return Ok(()) };
    let end = match from.checked_sub(start).and_then(|at| usize::try_from(at).ok()) {
        Some(at) => tail.slice(at.min(tail.len())..),
        None => file.read_one(from..file.len())?,
    };
    let damaged = || Error::corrupt(file.location(), "its footer is not as it was written");
    if footer::holds(footer, &end) { Ok(()) } else { Err(damaged()) }
}

fn labels(footer: &FileMetaData) -> Option<Vec<String>> {
    let pair = footer.key_value_metadata()?.iter().find(|pair| pair.key == LABELS_KEY)?;
    Some(pair.value.as_deref()?.split(',').map(str::to_owned).collect())
}

/// Columns in the types of `table` where the file has them.
fn typed(metadata: ParquetMetaData, table: &Schema) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = Arc::new(metadata);
    let footer = ArrowReaderMetadata::try_new(Arc::clone(&metadata), options.clone())?;
    let wanted = |field: &FieldRef| match table.field_with_name(field.name()) {
        Ok(known) if known.data_type() != field.data_type() => {
            Arc::new(field.as_ref().clone().with_data_type(known.data_type().clone()))
        }
        _ => Arc::clone(field),
    };
    let fields: Vec<FieldRef> = footer.schema().fields().iter().map(wanted).collect();
    if fields.iter().zip(footer.schema().fields()).all(|(wanted, found)| wanted == found) {
        return Ok(footer);
    }
    // Another program wrote the file, or its own idea of the types into it.
    ArrowReaderMetadata::try_new(metadata, options.with_schema(Arc::new(Schema::new(fields))))
}
