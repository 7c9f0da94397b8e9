//! A bounded cache of decoded footers: a file that was read before opens without a read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{FieldRef, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;

use crate::Error;
use crate::store::{StoredFile, cause};

/// Footers keyed by path; a committed file never changes.
#[derive(Debug)]
pub(crate) struct Footers {
    limit_bytes: usize,
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
    footer: ArrowReaderMetadata,
    bytes: usize,
    last_use: u64,
}

impl Footers {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, cache: Mutex::default() }
    }

    /// The footer of an open file, with columns in the types of `table` where the file has them.
    pub(crate) fn get(&self, file: &StoredFile, table: &Schema) -> Result<ArrowReaderMetadata, Error> {
        let path = file.location();
        if let Some(footer) = self.lock().used(path) {
            return Ok(footer);
        }
        let damaged = |error| cause(path, error, |error| Error::corrupt(path, error));
        let footer = load(file, table).map_err(damaged)?;
        self.lock().insert(path, &footer, self.limit_bytes);
        Ok(footer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn used(&mut self, path: &Path) -> Option<ArrowReaderMetadata> {
        self.uses += 1;
        let cached = self.footers.get_mut(path)?;
        cached.last_use = self.uses;
        Some(cached.footer.clone())
    }

    fn insert(&mut self, path: &Path, footer: &ArrowReaderMetadata, limit_bytes: usize) {
        let bytes = footer.metadata().memory_size();
        while !self.footers.is_empty() && limit_bytes < self.bytes + bytes {
            let oldest = self.footers.iter().min_by_key(|(_, cached)| cached.last_use).map(|(path, _)| path.clone());
            let gone = oldest.and_then(|path| self.footers.remove(&path));
            self.bytes -= gone.map_or(0, |gone| gone.bytes);
        }
        self.uses += 1;
        let cached = Cached { footer: footer.clone(), bytes, last_use: self.uses };
        let before = self.footers.insert(path.to_owned(), cached);
        self.bytes = self.bytes + bytes - before.map_or(0, |before| before.bytes);
    }
}

fn load(file: &StoredFile, table: &Schema) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let footer = ArrowReaderMetadata::load(file, options.clone())?;
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
    let metadata = Arc::clone(footer.metadata());
    ArrowReaderMetadata::try_new(metadata, options.with_schema(Arc::new(Schema::new(fields))))
}
