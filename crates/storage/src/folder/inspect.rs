//! What is in a data folder: tables, versions, files, columns, tenants, streams, write-ahead log.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use logline::{Tenant, Timestamp};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde::Serialize;

use super::{Folder, Progress, TableFiles, Tell};
use crate::delta::{LogFile, WholeLog};
use crate::index::Place;
use crate::logs::STREAM;
use crate::store::StoredFile;
use crate::{Error, wal};

/// More streams than this are not counted.
const MOST_STREAMS: usize = 1_000_000;

/// What a data folder holds.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Whether a server uses it now; then rows in its memory are in the write-ahead log only.
    pub in_use: bool,
    /// One entry a table.
    pub tables: Vec<TableInspection>,
    /// The write-ahead log.
    pub wal: WalInspection,
}

/// What a table holds in files.
#[derive(Clone, Debug, Serialize)]
pub struct TableInspection {
    /// Its name.
    pub name: String,
    /// Version of the Delta table.
    pub version: u64,
    /// Files of the commit log.
    pub log_files: usize,
    /// Position of the write-ahead log up to which its rows are in files, by node.
    pub covered: BTreeMap<String, u64>,
    /// Live files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The smallest and the largest file, in bytes.
    pub file_sizes: Option<(u64, u64)>,
    /// Columns by the space they take, the largest first.
    pub columns: Vec<ColumnSize>,
    /// Bytes of the indexes of words.
    pub index_bytes: u64,
    /// Bytes of live files that are neither: footers.
    pub other_bytes: u64,
    /// Different streams; `None` when the table has none, or too many to count.
    pub streams: Option<usize>,
    /// One entry a tenant.
    pub tenants: Vec<TenantInspection>,
}

/// What a column takes.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnSize {
    /// Its name.
    pub name: String,
    /// Bytes in files.
    pub bytes: u64,
    /// Bytes before compression.
    pub plain_bytes: u64,
}

/// What a tenant has in a table.
#[derive(Clone, Debug, Serialize)]
pub struct TenantInspection {
    /// Whose rows.
    pub tenant: Tenant,
    /// Live files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Time of the oldest row, in nanoseconds.
    pub first: Timestamp,
    /// Time of the newest row, in nanoseconds.
    pub last: Timestamp,
}

/// What the write-ahead log holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WalInspection {
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whole records.
    pub records: u64,
    /// Position of the last one; 0 when there is none.
    pub last_position: u64,
}

impl Folder {
    /// Looks at the footers of all live files, and at the streams.
    pub fn inspect(&self, tell: Tell<'_>) -> Result<Inspection, Error> {
        let logs = self.logs()?;
        let total = logs.iter().flat_map(|(_, log)| log.files.values()).map(|logged| logged.file.bytes).sum();
        let mut progress = Progress { done: 0, total };
        let mut tables = Vec::with_capacity(logs.len());
        for (table, log) in &logs {
            tables.push(inspect(table, log, &mut |bytes| {
                progress.done += bytes;
                tell(progress);
            })?);
        }
        let checked = wal::check(&self.paths.wal(), self.covered(&logs).1)?;
        let wal = WalInspection {
            segments: checked.segments,
            bytes: checked.bytes,
            records: checked.records,
            last_position: checked.last,
        };
        Ok(Inspection { in_use: !self.is_at_rest(), tables, wal })
    }
}

fn inspect(table: &TableFiles, log: &WholeLog, done: &mut dyn FnMut(u64)) -> Result<TableInspection, Error> {
    let mut columns: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut streams = Some(BTreeSet::new());
    let mut index_bytes = 0;
    for logged in log.files.values() {
        let file = table.store.open(&logged.file.path, logged.file.bytes)?;
        let location = file.location().to_owned();
        let damaged =
            |error: ParquetError| crate::store::cause(&location, error, |error| Error::corrupt(&location, error));
        let reader = SerializedFileReader::new(file.clone()).map_err(damaged)?;
        add_columns(reader.metadata(), &mut columns);
        index_bytes +=
            Place::of(reader.metadata().file_metadata()).map_or(0, |place| place.head.end.saturating_sub(place.start));
        if let Some(found) = &mut streams {
            add_streams(file, found).map_err(damaged)?;
        }
        streams = streams.filter(|found| found.len() <= MOST_STREAMS);
        done(logged.file.bytes);
    }
    let bytes: u64 = log.files.values().map(|logged| logged.file.bytes).sum();
    let in_columns: u64 = columns.values().map(|(bytes, _)| bytes).sum();
    let mut columns: Vec<ColumnSize> =
        columns.into_iter().map(|(name, (bytes, plain_bytes))| ColumnSize { name, bytes, plain_bytes }).collect();
    columns.sort_by_key(|column| std::cmp::Reverse(column.bytes));
    let position = |(app, position): (&String, &u64)| Some((app.strip_prefix("lapidary-wal/")?.to_owned(), *position));
    let sizes = || log.files.values().map(|logged| logged.file.bytes);
    Ok(TableInspection {
        name: table.name.clone(),
        version: log.version,
        log_files: log.entries.len(),
        covered: log.txns.iter().filter_map(position).collect(),
        files: log.files.len() as u64,
        rows: log.files.values().map(|logged| logged.file.rows).sum(),
        bytes,
        file_sizes: sizes().min().zip(sizes().max()),
        columns,
        index_bytes,
        other_bytes: bytes.saturating_sub(in_columns).saturating_sub(index_bytes),
        streams: streams.map(|found| found.len()).filter(|count| *count > 0),
        tenants: tenants(log.files.values()),
    })
}

fn add_columns(footer: &ParquetMetaData, columns: &mut BTreeMap<String, (u64, u64)>) {
    for column in footer.row_groups().iter().flat_map(|group| group.columns()) {
        let name = column.column_path().parts().first().cloned().unwrap_or_default();
        let (bytes, plain) = columns.entry(name).or_default();
        *bytes += u64::try_from(column.compressed_size()).unwrap_or(0);
        *plain += u64::try_from(column.uncompressed_size()).unwrap_or(0);
    }
}

/// The values of the dictionary column of streams; the rows themselves are not looked at.
fn add_streams(file: StoredFile, streams: &mut BTreeSet<String>) -> Result<(), ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    if builder.schema().field_with_name(STREAM).is_err() {
        return Ok(());
    }
    let columns = ProjectionMask::columns(builder.parquet_schema(), [STREAM]);
    for rows in builder.with_projection(columns).with_batch_size(1 << 16).build()? {
        let rows = rows?;
        let Some(column) = rows.column(0).as_dictionary_opt::<Int32Type>() else { continue };
        let Some(values) = column.values().as_string_opt::<i32>() else { continue };
        for value in values.iter().flatten() {
            if !streams.contains(value) && streams.len() <= MOST_STREAMS {
                streams.insert(value.to_owned());
            }
        }
    }
    Ok(())
}

fn tenants<'a>(files: impl Iterator<Item = &'a LogFile>) -> Vec<TenantInspection> {
    let mut found: BTreeMap<&Tenant, TenantInspection> = BTreeMap::new();
    for LogFile { tenant, file, .. } in files {
        let entry = found.entry(tenant).or_insert_with(|| TenantInspection {
            tenant: tenant.clone(),
            files: 0,
            rows: 0,
            bytes: 0,
            first: file.first,
            last: file.last,
        });
        entry.files += 1;
        entry.rows += file.rows;
        entry.bytes += file.bytes;
        entry.first = entry.first.min(file.first);
        entry.last = entry.last.max(file.last);
    }
    found.into_values().collect()
}
