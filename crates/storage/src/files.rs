//! Writes sealed rows to Parquet files: one a tenant and UTC day, sorted, durable when this returns.

mod encoder;
pub(crate) mod footer;
mod indexed;
mod joined;
mod sort;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::AsArray;
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use logline::Tenant;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use tracing::warn;

use self::indexed::IndexedWriter;
pub(crate) use self::joined::Source;
use self::sort::Sorted;
use crate::head::{Parts, Sealed};
use crate::index::BLOCK_ROWS;
use crate::logs::{NAME, PAIR, PATTERN, TIMESTAMP};
use crate::merge::is_text_dictionary;
use crate::paths::{self, FileName};
use crate::read::BATCH_ROWS;
use crate::store::{Store, cause, summed};
use crate::{Error, FileRef, TableSpec, pattern};

/// Version of the format, in the metadata of every file under this key.
const FORMAT: (&str, &str) = ("lapidary.format", "6");
/// Names of the labels of a file's streams, in its metadata: sorted, with commas between them.
pub(crate) const LABELS_KEY: &str = "lapidary.labels";
const ROW_GROUP_ROWS: usize = 262_144;
/// Pages are cut by rows; this only guards against huge lines.
const PAGE_BYTES: usize = 8 << 20;
/// A file that has grown to this is closed and another begun.
const FILE_BYTES: usize = 96 << 20;
/// Or when its words take this much memory.
const INDEX_BYTES: usize = 64 << 20;

/// All patterns of a file fit into one dictionary.
const DICTIONARY_BYTES: usize = 2 * pattern::FILE_BYTES;

/// zstd of a flush: fast, since compaction compresses once more.
const FLUSH_LEVEL: i32 = 1;

/// A durable file that no commit names yet.
#[derive(Clone, Debug)]
pub(crate) struct NewFile {
    pub(crate) tenant: Tenant,
    pub(crate) day: i64,
    pub(crate) first_micros: i64,
    pub(crate) last_micros: i64,
    /// Checksum of all its bytes.
    pub(crate) crc32: u32,
    /// As the table will list it.
    pub(crate) file: FileRef,
}

/// Writes the files of a flush to the table's store; blocks. On failure what it wrote is removed.
pub(crate) fn write(store: &dyn Store, spec: &TableSpec, node: &str, sealed: &Sealed) -> Result<Vec<NewFile>, Error> {
    let mut files = Files::new(store, spec, (sealed.position, node), FLUSH_LEVEL);
    files.beside = true;
    let written = sealed.parts.iter().try_for_each(|(tenant, parts)| files.write_tenant(tenant, parts));
    files.end(written)
}

/// Files of one table and one piece of work, as they come to be.
pub(crate) struct Files<'a> {
    store: &'a dyn Store,
    spec: &'a TableSpec,
    /// Position and node in their names.
    name: (u64, &'a str),
    level: i32,
    /// Whether a file is encoded on a thread of its own.
    beside: bool,
    files: Vec<NewFile>,
    open: Option<Open>,
}

struct Open {
    path: String,
    crc32: Arc<AtomicU32>,
    writer: IndexedWriter,
    rows: u64,
    first_micros: i64,
    last_micros: i64,
}

impl<'a> Files<'a> {
    /// Files with this position and node in their names, compressed at a level of zstd.
    pub(crate) fn new(store: &'a dyn Store, spec: &'a TableSpec, name: (u64, &'a str), level: i32) -> Self {
        Self { store, spec, name, level, beside: false, files: Vec::new(), open: None }
    }

    /// All files, durable, when the work was `done`; else removes them.
    pub(crate) fn end(mut self, done: Result<(), Error>) -> Result<Vec<NewFile>, Error> {
        match done {
            Ok(()) => Ok(self.files),
            Err(error) => {
                if let Err(error) = self.remove() {
                    warn!(%error, "cannot remove a file of work that failed; it is removed later");
                }
                Err(error)
            }
        }
    }

    /// Writes rows of a tenant in their order, those of each day in files of their own.
    pub(crate) fn write_tenant(&mut self, tenant: &Tenant, parts: &Parts) -> Result<(), Error> {
        let batches: Vec<&RecordBatch> = parts.iter().map(|part| &part.rows).collect();
        let sorted = Sorted::new(self.spec, &batches).map_err(Error::internal)?;
        for (day, order) in sorted.days() {
            for order in order.chunks(BATCH_ROWS) {
                let rows = sorted.rows(order).map_err(Error::internal)?;
                self.append(tenant, day, &rows)?;
            }
            self.close(tenant, day)?;
        }
        Ok(())
    }

    /// Adds rows, which stand behind those before; all of one tenant and day until [`Self::close`].
    pub(crate) fn append(&mut self, tenant: &Tenant, day: i64, rows: &RecordBatch) -> Result<(), Error> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.create(tenant, day)?,
        };
        let times = rows.column_by_name(TIMESTAMP).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        let (first, last) = (times.and_then(min), times.and_then(max));
        open.first_micros = open.first_micros.min(first.unwrap_or(i64::MIN));
        open.last_micros = open.last_micros.max(last.unwrap_or(i64::MAX));
        open.rows += rows.num_rows() as u64;
        let written = open.writer.write(rows);
        let is_full = FILE_BYTES <= open.writer.bytes() || INDEX_BYTES <= open.writer.index_bytes();
        let path = self.store.location(&open.path);
        self.open = Some(open);
        written.map_err(|error| parquet_error(&path, error))?;
        if is_full { self.close(tenant, day) } else { Ok(()) }
    }

    /// Where the next file goes.
    fn path(&self, tenant: &Tenant, day: i64) -> String {
        let index = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let name = FileName { position: self.name.0, index, node: self.name.1.to_owned() };
        format!("{}/{name}", paths::partition(tenant, day))
    }

    fn create(&self, tenant: &Tenant, day: i64) -> Result<Open, Error> {
        let path = self.path(tenant, day);
        let (file, crc32) = summed(self.store.create(&path)?);
        let file = (file, self.store.location(&path));
        let (schema, properties) = (self.spec.file_schema(), properties(self.spec, self.level)?);
        let writer = IndexedWriter::new(file, &schema, properties, self.beside).map_err(|error| {
            // It is in no list yet.
            drop(self.store.delete(&path));
            parquet_error(&self.store.location(&path), error)
        })?;
        Ok(Open { path, crc32, writer, rows: 0, first_micros: i64::MAX, last_micros: i64::MIN })
    }

    /// Ends the file that is open, if one is; it is durable then.
    pub(crate) fn close(&mut self, tenant: &Tenant, day: i64) -> Result<(), Error> {
        let Some(Open { path, crc32, writer, rows, first_micros, last_micros }) = self.open.take() else {
            return Ok(());
        };
        let full = self.store.location(&path);
        // Listed before it is whole, so that a failure removes it.
        self.files.push(NewFile {
            tenant: tenant.clone(),
            day,
            first_micros,
            last_micros,
            crc32: 0,
            file: FileRef {
                path,
                bytes: 0,
                rows,
                first: paths::start_of_micro(first_micros),
                last: paths::end_of_micro(last_micros),
            },
        });
        let file = writer.finish().map_err(|error| parquet_error(&full, error))?;
        let bytes = file.finish()?;
        if let Some(new) = self.files.last_mut() {
            new.file.bytes = bytes;
            new.crc32 = crc32.load(Ordering::Relaxed);
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Error> {
        let open = self.open.take().map(|open| open.path);
        let closed = self.files.drain(..).map(|new| new.file.path);
        open.into_iter().chain(closed).try_for_each(|path| self.store.delete(&path))
    }
}

/// What is measured best for log lines; `docs/file-format.md` gives the reasons.
fn properties(spec: &TableSpec, level: i32) -> Result<WriterProperties, Error> {
    let level = ZstdLevel::try_new(level).map_err(Error::internal)?;
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("lapidary ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(FORMAT.0.to_owned(), FORMAT.1.to_owned())]))
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(BLOCK_ROWS)
        .set_write_batch_size(BLOCK_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        // Whole stream texts, so that a page of one stream can be told by its statistics.
        .set_column_index_truncate_length(None)
        .set_statistics_enabled(EnabledStatistics::None);
    for field in spec.file_schema().fields() {
        let name = field.name().as_str();
        let column = ColumnPath::from(name);
        properties = match field.data_type() {
            DataType::Timestamp(..) => properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_statistics_enabled(column, EnabledStatistics::Page),
            // Lines and ids: too many different ones for a dictionary, which would be read whole for each page.
            DataType::Utf8 => {
                let is_sorted = spec.sort.contains(&name);
                let told = if is_sorted { EnabledStatistics::Page } else { EnabledStatistics::None };
                properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                    .set_column_statistics_enabled(column, told)
            }
            _ if name == PATTERN => properties.set_column_dictionary_page_size_limit(column, DICTIONARY_BYTES),
            kind if is_text_dictionary(kind) || spec.sort.contains(&name) => {
                properties.set_column_statistics_enabled(column, EnabledStatistics::Page)
            }
            // Tells row groups without any from others.
            DataType::Map(..) => properties.set_column_statistics_enabled(names_of_map(name), EnabledStatistics::Chunk),
            _ => properties.set_column_statistics_enabled(column, EnabledStatistics::Chunk),
        };
    }
    Ok(properties.build())
}

/// The column with the names of a map's pairs.
fn names_of_map(map: &str) -> ColumnPath {
    ColumnPath::new([map, PAIR, NAME].map(str::to_owned).to_vec())
}

/// A full disk arrives wrapped in the writer's own error.
fn parquet_error(path: &Path, error: ParquetError) -> Error {
    cause(path, error, Error::internal)
}
