//! Parquet with the columns of the table of lines; what reads a file takes `timestamp` and `line`, and besides them what
//! is there of `stream` (labels as text), `nanos`, `metadata` and the keys that have columns of their own.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray, MapArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int16Type, TimeUnit, TimestampNanosecondType};
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Exported, sorted};
use crate::Error;
use crate::logs::{self, KEYS, LINE, METADATA, NANOS, STREAM, TIMESTAMP};

const ROWS: usize = 4_096;

type Reason = Box<dyn std::error::Error>;

/// Lines of a file.
pub(super) struct Lines {
    reader: ParquetRecordBatchReader,
    path: PathBuf,
    ready: VecDeque<Exported>,
}

impl Lines {
    pub(super) fn open(file: File, path: &Path) -> Result<Self, Error> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(ROWS).build())
            .map_err(|error| Error::corrupt(path, error))?;
        Ok(Self { reader, path: path.to_owned(), ready: VecDeque::new() })
    }

    pub(super) fn next(&mut self) -> Result<Option<Exported>, Error> {
        while self.ready.is_empty() {
            let Some(rows) = self.reader.next() else { return Ok(None) };
            let rows = rows.map_err(|error| Error::corrupt(&self.path, error))?;
            let wrong = |reason: Reason| Error::invalid(format!("`{}`: {reason}", self.path.display()));
            self.ready = lines(&rows).map_err(wrong)?;
        }
        Ok(self.ready.pop_front())
    }
}

fn lines(rows: &RecordBatch) -> Result<VecDeque<Exported>, Reason> {
    let column = |name: &str, kind: &DataType| {
        rows.column_by_name(name)
            .map(|column| cast(column, kind).map_err(|_| format!("`{name}` is no {kind}")))
            .transpose()
    };
    let needed = |name: &str| format!("there is no column `{name}`");
    let texts = column(LINE, &DataType::Utf8)?.ok_or_else(|| needed(LINE))?;
    let times = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let times = column(TIMESTAMP, &times)?.ok_or_else(|| needed(TIMESTAMP))?;
    let (streams, nanos) = (column(STREAM, &DataType::Utf8)?, column(NANOS, &DataType::Int16)?);
    let (texts, times) = (texts.as_string::<i32>(), times.as_primitive::<TimestampNanosecondType>());
    let streams = streams.as_ref().map(|column| column.as_string::<i32>());
    let nanos = nanos.as_ref().map(|column| column.as_primitive::<Int16Type>());
    let metadata = rows.column_by_name(METADATA).and_then(|column| column.as_map_opt());
    let mut keys = Vec::new();
    for key in KEYS {
        keys.extend(column(key, &DataType::Utf8)?.map(|texts| (key, texts)));
    }
    let mut last: Option<(&str, Labels)> = None;
    let mut found = VecDeque::with_capacity(rows.num_rows());
    for row in 0..rows.num_rows() {
        if times.is_null(row) || texts.is_null(row) {
            return Err("a row has no time or no line".into());
        }
        let stream = streams.filter(|streams| streams.is_valid(row)).map_or("{}", |streams| streams.value(row));
        let labels = match &last {
            Some((text, labels)) if *text == stream => labels.clone(),
            _ => last.insert((stream, Labels::parse(stream)?)).1.clone(),
        };
        let mut pairs = metadata.map(|map| pairs(map, row)).transpose()?.unwrap_or_default();
        let own =
            keys.iter().map(|(key, texts)| (*key, texts.as_string::<i32>())).filter(|(_, texts)| texts.is_valid(row));
        pairs.extend(own.map(|(key, texts)| (key.to_owned(), texts.value(row).to_owned())));
        let rest = nanos.filter(|nanos| nanos.is_valid(row)).map_or(0, |nanos| i64::from(nanos.value(row)));
        let entry = Entry {
            timestamp: Timestamp(times.value(row) + rest),
            line: texts.value(row).to_owned(),
            metadata: sorted(pairs),
        };
        found.push_back(Exported { labels, entry });
    }
    Ok(found)
}

fn pairs(map: &MapArray, row: usize) -> Result<Vec<(String, String)>, Reason> {
    if map.is_null(row) {
        return Ok(Vec::new());
    }
    let entries = map.value(row);
    let text = |index: usize| cast(entries.column(index), &DataType::Utf8);
    let (names, values) = (text(0)?, text(1)?);
    let both = names.as_string::<i32>().iter().zip(values.as_string::<i32>());
    Ok(both.filter_map(|(name, value)| Some((name?.to_owned(), value?.to_owned()))).collect())
}

/// A file that is being written.
pub(super) struct Out {
    writer: Option<ArrowWriter<Box<dyn Write + Send>>>,
    waiting: Option<Box<dyn Write + Send>>,
    path: PathBuf,
}

impl Out {
    pub(super) fn new(out: Box<dyn Write + Send>, path: PathBuf) -> Self {
        Self { writer: None, waiting: Some(out), path }
    }

    pub(super) fn write(&mut self, lines: Vec<Exported>) -> Result<(), Error> {
        let mut streams: Vec<Stream> = Vec::new();
        for Exported { labels, entry } in lines {
            match streams.last_mut().filter(|stream| stream.labels == labels) {
                Some(stream) => stream.entries.push(entry),
                None => streams.push(Stream { labels, entries: vec![entry] }),
            }
        }
        let batch = Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(0) };
        let rows = logs::rows(&batch).map_err(Error::internal)?;
        self.rows(&rows)
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let failed = |error| crate::store::cause(&self.path, error, Error::internal);
        if let Some(out) = self.waiting.take() {
            let level = ZstdLevel::try_new(3).map_err(failed)?;
            let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
            self.writer = Some(ArrowWriter::try_new(out, rows.schema(), Some(properties)).map_err(failed)?);
        }
        match &mut self.writer {
            Some(writer) => writer.write(rows).map_err(failed),
            None => Err(Error::internal("the file is finished")),
        }
    }

    /// A file without lines is a file, too.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        if self.waiting.is_some() {
            self.rows(&RecordBatch::new_empty(logs::schema()))?;
        }
        let failed = |error| crate::store::cause(&self.path, error, Error::internal);
        match self.writer.take() {
            Some(writer) => {
                writer.into_inner().map_err(failed)?.flush().map_err(|e| Error::io("write to", &self.path, e))
            }
            None => Ok(()),
        }
    }
}
