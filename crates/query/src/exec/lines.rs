//! The pipeline of a log query: lines in, lines with their labels out.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Int64Builder, MapArray, MapBuilder, MapFieldNames, StringArray, StringBuilder, StringDictionaryBuilder,
    TimestampMicrosecondArray, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::StreamExt;
use logline::{Labels, Reader};
use logql::Expr;
use serde::{Deserialize, Serialize};
use storage::logs;

use super::batches::{Streams, TextDictionary, column, metadata, times};
use super::codec::Node;
use super::context::QueryContext;
use super::unary::{Batches, Operator};
use crate::error::Error;
use crate::pipeline::labels::Source;
use crate::pipeline::{Pipeline, Row, Wanted, split};

/// Names of the columns that [`Lines`] yields.
pub(crate) mod fields {
    /// Nanoseconds since the epoch.
    pub(crate) const TIME: &str = "time";
    /// Canonical text of what is left of the stream's labels.
    pub(crate) const STREAM: &str = "stream";
    /// When the line was received, in microseconds: the order of arrival.
    pub(crate) const RECEIVED: &str = "received";
    /// Counts the rows of a partition: the order of arrival among lines received at once.
    pub(crate) const POSITION: &str = "position";
    /// The line after all stages.
    pub(crate) const LINE: &str = "line";
    /// Labels from structured metadata.
    pub(crate) const METADATA: &str = "metadata";
    /// Labels from parsers and formatters, and errors.
    pub(crate) const PARSED: &str = "parsed";
}

/// Runs the stages that the scan left over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lines {
    /// The log query.
    pub(crate) query: String,
}

impl Lines {
    /// The columns it reads.
    pub(crate) const COLUMNS: [&'static str; 6] =
        [logs::STREAM, logs::TIMESTAMP, logs::NANOS, logs::LINE, logs::ALL_METADATA, logs::RECEIVED];

    /// Compiles the stages; fails for what cannot be answered.
    pub(crate) fn pipeline(&self, reader: &Arc<Reader>) -> Result<Pipeline, Error> {
        match logql::parse(&self.query)? {
            Expr::Log(log) => Pipeline::compile(&split(&log.stages).stages, &Wanted::All, reader),
            Expr::Metric(_) => Err(Error::internal("lines of a metric query")),
        }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.query)
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new(fields::TIME, DataType::Int64, false),
            Field::new(fields::STREAM, logs::text_dictionary(), false),
            Field::new(fields::RECEIVED, DataType::Int64, false),
            Field::new(fields::POSITION, DataType::UInt64, false),
            Field::new(fields::LINE, DataType::Utf8, false),
            Field::new(fields::METADATA, logs::text_map(), true),
            Field::new(fields::PARSED, logs::text_map(), true),
        ]))
    });
    Arc::clone(&SCHEMA)
}

impl Operator for Lines {
    const NAME: &'static str = "LinesExec";

    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, Error> {
        let query = QueryContext::of(task)?;
        let pipeline = self.pipeline(&query.reader)?;
        let mut worker = Worker { pipeline, streams: Streams::default(), position: 0, now: query.now };
        let lines = input.map(move |batch| {
            let lines = worker.lines(&batch?, &query)?;
            query.count_kept(lines.num_rows());
            query.count_streams(&worker.streams.fresh());
            Ok(lines)
        });
        Ok(lines.boxed())
    }

    fn node(&self) -> Node {
        Node::Lines(self.clone())
    }
}

struct Worker {
    pipeline: Pipeline,
    streams: Streams,
    position: u64,
    now: i64,
}

impl Worker {
    fn lines(&mut self, batch: &RecordBatch, query: &QueryContext) -> Result<RecordBatch, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: &StringArray = column(batch, logs::LINE)?;
        let map: &MapArray = column(batch, logs::ALL_METADATA)?;
        let received: &TimestampMicrosecondArray = column(batch, logs::RECEIVED)?;
        let labels = self.streams.labels(stream)?;
        let nobody = Labels::default();
        let mut row = Row::new(&nobody, self.now);
        let mut output = Output::default();
        for (index, time) in times(batch)?.into_iter().enumerate() {
            query.go_on()?;
            self.position += 1;
            let key = stream.key(index).and_then(|key| labels.get(key)).map_or(&nobody, |labels| labels);
            row.line = Cow::Borrowed(lines.value(index));
            row.time = time;
            row.labels.reset(key);
            metadata(map, index).for_each(|(name, value)| row.labels.add_metadata(name, value));
            if self.pipeline.apply(&mut row) {
                output.push(time, received.value(index), self.position, &row).map_err(Error::internal)?;
            }
        }
        output.finish().map_err(Error::internal)
    }
}

type PairsBuilder = MapBuilder<StringBuilder, StringBuilder>;

/// Builds a batch of lines.
struct Output {
    times: Int64Builder,
    streams: StringDictionaryBuilder<Int32Type>,
    received: Int64Builder,
    positions: UInt64Builder,
    lines: StringBuilder,
    metadata: PairsBuilder,
    parsed: PairsBuilder,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            times: Int64Builder::new(),
            streams: StringDictionaryBuilder::new(),
            received: Int64Builder::new(),
            positions: UInt64Builder::new(),
            lines: StringBuilder::new(),
            metadata: pairs_builder(),
            parsed: pairs_builder(),
        }
    }
}

fn pairs_builder() -> PairsBuilder {
    let names = MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
}

impl Output {
    fn push(&mut self, time: i64, received: i64, position: u64, row: &Row<'_>) -> Result<(), ArrowError> {
        self.times.append_value(time);
        self.received.append_value(received);
        self.positions.append_value(position);
        self.lines.append_value(&row.line);
        let mut stream = Vec::new();
        let (mut has_metadata, mut has_parsed) = (false, false);
        for (name, value, source) in row.labels.iter() {
            let (builder, has_pairs) = match source {
                Source::Stream => {
                    stream.push((name.to_owned(), value.to_owned()));
                    continue;
                }
                Source::Metadata => (&mut self.metadata, &mut has_metadata),
                Source::Parsed => (&mut self.parsed, &mut has_parsed),
            };
            builder.keys().append_value(name);
            builder.values().append_value(value);
            *has_pairs = true;
        }
        self.metadata.append(has_metadata)?;
        self.parsed.append(has_parsed)?;
        let stream = Labels::new(stream).unwrap_or_default();
        self.streams.append(stream.to_string())?;
        Ok(())
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(self.times.finish()),
                Arc::new(self.streams.finish()),
                Arc::new(self.received.finish()),
                Arc::new(self.positions.finish()),
                Arc::new(self.lines.finish()),
                Arc::new(self.metadata.finish()),
                Arc::new(self.parsed.finish()),
            ],
        )
    }
}
