//! A Parquet file that is being written, and beside it the index of its words, which goes in front of the footer.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use logline::Labels;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::LABELS_KEY;
use super::encoder::Encoder;
use super::footer::{self, FOOTER_KEY, Guarded};
use crate::index::{BLOCK_ROWS, Builder, INDEX_KEY, Place};
use crate::logs::{KEYS, LINE, METADATA, STREAM, Texts, is_indexed};
use crate::pattern::Patterns;
use crate::store::FileWriter;

/// An index, and where its head begins.
pub(super) type Index = (Vec<u8>, usize);

/// A writer of one file. Pages begin where blocks of the index do.
pub(super) struct IndexedWriter {
    encoder: Encoder,
    /// Told where page indexes and footer begin.
    end: Arc<AtomicU64>,
    schema: SchemaRef,
    /// The words and patterns so far, when the table has lines.
    texts: Option<(Builder, Patterns)>,
    /// Rows of the current block.
    rows: usize,
    /// Names of the labels of all streams, and the stream before.
    labels: BTreeSet<String>,
    stream: String,
}

impl IndexedWriter {
    /// A writer of a file at some location; `beside` encodes on a thread of its own.
    pub(super) fn new(
        (file, location): (Box<dyn FileWriter>, PathBuf),
        schema: &SchemaRef,
        properties: WriterProperties,
        beside: bool,
    ) -> Result<Self, ParquetError> {
        let texts = schema.field_with_name(LINE).is_ok().then(Default::default);
        let (file, end) = Guarded::over(file, location);
        Ok(Self {
            encoder: Encoder::new(ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))?, beside)?,
            end,
            schema: Arc::clone(schema),
            texts,
            rows: 0,
            labels: BTreeSet::new(),
            stream: String::new(),
        })
    }

    /// Adds rows behind those before, in batches of any size.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let mut at = 0;
        while at < rows.num_rows() {
            let len = (BLOCK_ROWS - self.rows).min(rows.num_rows() - at);
            let part = rows.slice(at, len);
            if let Some((words, patterns)) = &mut self.texts {
                add(words, patterns, &part);
                let columns = part.columns().iter().cloned().chain([patterns.column()?]).collect();
                self.encoder.write(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
                self.add_labels(&part);
            } else {
                self.encoder.write(part)?;
            }
            self.rows += len;
            if self.rows == BLOCK_ROWS {
                self.end_block();
            }
            at += len;
        }
        Ok(())
    }

    /// Bytes of the file so far, more or less.
    pub(super) fn bytes(&self) -> usize {
        self.encoder.bytes()
    }

    /// Bytes that the words take in memory.
    pub(super) fn index_bytes(&self) -> usize {
        self.texts.as_ref().map_or(0, |(words, patterns)| words.memory_size() + patterns.memory_size())
    }

    /// Writes index and footer.
    pub(super) fn finish(mut self) -> Result<Box<dyn FileWriter>, ParquetError> {
        if self.rows > 0 {
            self.end_block();
        }
        let index = self.texts.take().map(|(words, _)| words.finish()).transpose()?;
        let (writer, _) = self.encoder.end()?.into_serialized_writer()?;
        end(writer, index.map(|index| (index, self.labels)), &self.end)
    }

    /// Rows are sorted by stream, so that most have that of the row before.
    fn add_labels(&mut self, rows: &RecordBatch) {
        let Some(streams) = rows.column_by_name(STREAM).and_then(|streams| Texts::of(streams)) else { return };
        for row in 0..rows.num_rows() {
            let stream = streams.get(row).unwrap_or_default();
            if stream != self.stream {
                stream.clone_into(&mut self.stream);
                let labels = Labels::parse(stream).unwrap_or_default();
                self.labels.extend(labels.iter().map(|(name, _)| name.to_owned()));
            }
        }
    }

    fn end_block(&mut self) {
        if let Some((words, _)) = &mut self.texts {
            words.end_block(self.rows);
        }
        self.rows = 0;
    }
}

/// Writes the index and the names of the labels, when there are lines, and a footer with its checksum.
pub(super) fn end(
    mut writer: SerializedFileWriter<Box<dyn FileWriter>>,
    index: Option<(Index, BTreeSet<String>)>,
    begins: &AtomicU64,
) -> Result<Box<dyn FileWriter>, ParquetError> {
    if let Some(((index, head), labels)) = index {
        let start = writer.bytes_written() as u64;
        writer.write_all(&index)?;
        let place = Place { start, head: start + head as u64..start + index.len() as u64 };
        writer.append_key_value_metadata(KeyValue::new(INDEX_KEY.to_owned(), place.text()));
        let labels: Vec<String> = labels.into_iter().collect();
        writer.append_key_value_metadata(KeyValue::new(LABELS_KEY.to_owned(), labels.join(",")));
    }
    let end = writer.bytes_written() as u64;
    begins.store(end, Ordering::Relaxed);
    writer.append_key_value_metadata(KeyValue::new(FOOTER_KEY.to_owned(), footer::text(end, 0)));
    writer.into_inner()
}

/// Adds the words of lines and of metadata values, row by row: most ids of a row are in its line as well; and patterns.
fn add(words: &mut Builder, patterns: &mut Patterns, rows: &RecordBatch) {
    let lines = rows.column_by_name(LINE).and_then(|lines| lines.as_string_opt::<i32>());
    let ids = KEYS.into_iter().filter(|key| is_indexed(key));
    let ids: Vec<Texts<'_>> = ids.filter_map(|id| Texts::of(rows.column_by_name(id)?)).collect();
    for row in 0..rows.num_rows() {
        match lines.filter(|lines| lines.is_valid(row)) {
            Some(lines) => words.add_line(lines.value(row), patterns),
            None => patterns.none(),
        }
        ids.iter().filter_map(|texts| texts.get(row)).for_each(|text| words.add(text.as_bytes()));
    }
    let Some(metadata) = rows.column_by_name(METADATA).and_then(|metadata| metadata.as_map_opt()) else { return };
    let Some(values) = metadata.values().as_string_opt::<i32>() else { return };
    let offset = |offset: Option<&i32>| offset.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
    let (first, end) = (offset(metadata.value_offsets().first()), offset(metadata.value_offsets().last()));
    let used = values.slice(first, end - first);
    used.iter().flatten().for_each(|value| words.add(value.as_bytes()));
}
