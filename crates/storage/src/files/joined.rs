//! A file made of the row groups of others, one behind the other and just as they are: nothing is decoded, and the
//! dictionaries of their token indexes are merged. Costs a tenth of writing the rows anew. Each row group stays sorted
//! in itself.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use logline::Tenant;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::writer::SerializedFileWriter;
use tracing::warn;

use super::footer::{FOOTER_KEY, Guarded};
use super::indexed::{self, Index};
use super::{FORMAT, Files, LABELS_KEY, NewFile, parquet_error, properties};
use crate::index::{self, INDEX_KEY, ReadPart};
use crate::logs::LINE;
use crate::read::{FileIndex, Opened, Unread};
use crate::store::{FileWriter, StoredFile, summed};
use crate::{Error, FileRef};

/// A file whose row groups go into another.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) listed: FileRef,
    pub(crate) file: StoredFile,
    pub(crate) opened: Arc<Opened>,
}

impl Source {
    fn metadata(&self) -> &ParquetMetaData {
        self.opened.footer.metadata()
    }

    /// The metadata of the file but for what tells of this one's words, labels and footer.
    fn pairs(&self) -> impl Iterator<Item = &KeyValue> {
        let pairs = self.metadata().file_metadata().key_value_metadata().into_iter().flatten();
        pairs.filter(|pair| ![INDEX_KEY, LABELS_KEY, FOOTER_KEY].contains(&pair.key.as_str()))
    }

    /// What `write` does to each of its columns, with all that is known of a row group.
    fn columns(&self, group: usize, of: &RowGroupMetaData) -> impl Iterator<Item = ColumnCloseResult> {
        let columns = self.metadata().column_index().and_then(|all| all.get(group));
        let offsets = self.metadata().offset_index().and_then(|all| all.get(group));
        of.columns().iter().enumerate().map(move |(at, column)| ColumnCloseResult {
            bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
            rows_written: u64::try_from(of.num_rows()).unwrap_or(0),
            metadata: column.clone(),
            bloom_filter: None,
            column_index: columns.and_then(|all| all.get(at)).filter(|index| !is_none(index)).cloned(),
            offset_index: offsets.and_then(|all| all.get(at)).cloned(),
        })
    }
}

const fn is_none(index: &ColumnIndexMetaData) -> bool {
    matches!(index, ColumnIndexMetaData::NONE)
}

/// Reads the index of a source.
struct Reader<'a> {
    file: &'a StoredFile,
    index: &'a FileIndex,
}

impl ReadPart for Reader<'_> {
    type Error = Unread;

    fn read(&self, at: &Range<u64>) -> Result<Vec<u8>, Unread> {
        let from = |offset: u64| self.index.start.saturating_add(offset);
        Ok(self.file.read_one(from(at.start)..from(at.end))?.to_vec())
    }
}

impl Files<'_> {
    /// Writes one file that has the row groups of others, and calls `step` with the rows of each. False, and nothing is
    /// written, when they do not fit together: they have other columns, or no index that can be read.
    pub(crate) fn join(
        &mut self,
        (tenant, day): (&Tenant, i64),
        sources: &[Source],
        step: impl FnMut(u64) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if !are_alike(sources) {
            return Ok(false);
        }
        let index = match self.index(sources) {
            Ok(index) => index,
            Err(Unread::Failed(error)) => return Err(error),
            Err(Unread::Damaged(damage)) => {
                warn!(reason = %damage, "files are not joined, but written anew: a token index is damaged");
                return Ok(false);
            }
        };
        let path = self.path(tenant, day);
        let (file, crc32) = summed(self.store.create(&path)?);
        let file = (file, self.store.location(&path));
        let listed = || sources.iter().map(|source| &source.listed);
        let (first, last) = (listed().map(|file| file.first).min(), listed().map(|file| file.last).max());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        // Listed before it is whole, so that a failure removes it.
        self.files.push(NewFile {
            tenant: tenant.clone(),
            day,
            first_micros: first.micros(),
            last_micros: last.micros(),
            crc32: 0,
            file: FileRef { path, bytes: 0, rows: listed().map(|file| file.rows).sum(), first, last },
        });
        let bytes = self.write_joined(file, sources, index, step)?.finish()?;
        if let Some(new) = self.files.last_mut() {
            new.file.bytes = bytes;
            new.crc32 = crc32.load(Ordering::Relaxed);
        }
        Ok(true)
    }

    /// The index of all words, when the table has lines.
    fn index(&self, sources: &[Source]) -> Result<Option<Index>, Unread> {
        if self.spec.schema.field_with_name(LINE).is_err() {
            return Ok(None);
        }
        let readers = sources.iter().filter_map(|source| {
            let index = source.opened.index.as_ref()?;
            Some((&index.head, Reader { file: &source.file, index }))
        });
        index::join(&readers.collect::<Vec<_>>()).map(Some)
    }

    fn write_joined(
        &self,
        (file, location): (Box<dyn FileWriter>, PathBuf),
        sources: &[Source],
        index: Option<Index>,
        mut step: impl FnMut(u64) -> Result<(), Error>,
    ) -> Result<Box<dyn FileWriter>, Error> {
        let Some(first) = sources.first() else { return Err(Error::internal("there is nothing to join")) };
        let wrong = |error| parquet_error(first.file.location(), error);
        let schema = first.metadata().file_metadata().schema_descr().root_schema_ptr();
        let properties = properties(self.spec, self.level)?;
        let (file, end) = Guarded::over(file, location);
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(wrong)?;
        for source in sources {
            for (at, group) in source.metadata().row_groups().iter().enumerate() {
                append(&mut writer, source, at, group).map_err(|error| parquet_error(source.file.location(), error))?;
                step(u64::try_from(group.num_rows()).unwrap_or(0))?;
            }
        }
        let kept = first.pairs().filter(|pair| pair.key != FORMAT.0);
        kept.for_each(|pair| writer.append_key_value_metadata(pair.clone()));
        let labels = || sources.iter().flat_map(|source| source.opened.labels.iter().flatten()).cloned().collect();
        indexed::end(writer, index.map(|index| (index, labels())), &end).map_err(wrong)
    }
}

fn append(
    writer: &mut SerializedFileWriter<Box<dyn FileWriter>>,
    source: &Source,
    at: usize,
    group: &RowGroupMetaData,
) -> Result<(), ParquetError> {
    let mut out = writer.next_row_group()?;
    for column in source.columns(at, group) {
        out.append_column(&source.file, column)?;
    }
    out.close()?;
    Ok(())
}

/// Whether the files have the same columns and the same kinds of indexes, as files of this version have.
fn are_alike(sources: &[Source]) -> bool {
    let Some(first) = sources.first() else { return false };
    let is_current = |pair: &KeyValue| (pair.key.as_str(), pair.value.as_deref()) == (FORMAT.0, Some(FORMAT.1));
    if !first.pairs().any(is_current) {
        return false;
    }
    sources.iter().all(|source| {
        let metadata = source.metadata();
        metadata.file_metadata().schema() == first.metadata().file_metadata().schema()
            && metadata.column_index().is_some()
            && metadata.offset_index().is_some()
            && source.pairs().eq(first.pairs())
            && source.opened.index.is_some() == source.opened.labels.is_some()
            && source.opened.index.is_some() == first.opened.index.is_some()
    })
}
