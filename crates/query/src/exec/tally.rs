//! Counts lines and bytes of each stream, by stretch of time where that is wanted: what volumes are made of.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Builder, StringArray, StringBuilder, UInt64Array, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use storage::{Stretches, logs};

use super::batches::{TextDictionary, column, times, used_keys};
use super::codec::Node;
use super::unary::{Batches, Operator};
use crate::error::Error;

/// Names of the columns that [`Tally`] yields, beside that of the stream.
pub(crate) mod fields {
    /// Number of the stretch of time since the epoch; 0 when there is but one.
    pub(crate) const BUCKET: &str = "bucket";
    /// Lines in it.
    pub(crate) const ENTRIES: &str = "entries";
    /// Bytes of their text; 0 when the text was not read.
    pub(crate) const BYTES: &str = "bytes";
}

/// What a group costs in memory, about.
const GROUP_BYTES: usize = 64;

/// Counts; a partition gives each pair of stream and stretch once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Length of a stretch in nanoseconds; one for all of time if not given.
    pub(crate) step: Option<i64>,
    /// Whether bytes are wanted, for which the text must be read.
    pub(crate) bytes: bool,
}

impl Tally {
    /// The columns it reads.
    pub(crate) fn columns(&self) -> Vec<String> {
        let times: &[&str] = if self.step.is_some() { &[logs::TIMESTAMP, logs::NANOS] } else { &[] };
        let amount = if self.bytes { logs::LINE } else { logs::COUNT };
        [&[logs::STREAM], times, &[amount]].concat().into_iter().map(str::to_owned).collect()
    }

    /// The stretches of time whose lines are counted by themselves.
    pub(crate) fn stretches(&self) -> Option<Stretches> {
        // A time at the border belongs to what begins there.
        self.step.map(|step| Stretches { origin: -1, step, rest: 0 })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.bytes { "lines and bytes" } else { "lines" };
        match self.step {
            Some(step) => write!(f, "{what} by {step} ns"),
            None => f.write_str(what),
        }
    }
}

impl Operator for Tally {
    const NAME: &'static str = "TallyExec";

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new(logs::STREAM, DataType::Utf8, false),
            Field::new(fields::BUCKET, DataType::Int64, false),
            Field::new(fields::ENTRIES, DataType::UInt64, false),
            Field::new(fields::BYTES, DataType::UInt64, false),
        ]))
    }

    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, Error> {
        let memory = MemoryConsumer::new(Self::NAME).register(task.memory_pool());
        let (tally, schema) = (self.clone(), self.schema());
        let counted = async move {
            let mut counts = Counts { memory, tally, streams: HashMap::new() };
            let mut input = input;
            while let Some(batch) = input.next().await {
                counts.add(&batch?)?;
            }
            Ok(counts.finish(schema)?)
        };
        Ok(stream::once(counted).boxed())
    }

    fn node(&self) -> Node {
        Node::Tally(self.clone())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    entries: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Counts {
    memory: MemoryReservation,
    tally: Tally,
    streams: HashMap<String, HashMap<i64, Count>>,
}

impl Counts {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let streams: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: Option<&StringArray> = if self.tally.bytes { Some(column(batch, logs::LINE)?) } else { None };
        let counts: Option<&UInt64Array> = if self.tally.bytes { None } else { Some(column(batch, logs::COUNT)?) };
        let times = self.tally.step.map(|step| Ok::<_, Error>((times(batch)?, step))).transpose()?;
        let texts = streams.values().as_string::<i32>();
        // The rows of each stream of this batch, gathered before any text is looked up.
        let mut found: HashMap<(i32, i64), Count> = HashMap::new();
        for (row, key) in streams.keys().values().iter().enumerate() {
            let bucket = times.as_ref().and_then(|(times, step)| Some(times.get(row)?.div_euclid(*step))).unwrap_or(0);
            let count = found.entry((*key, bucket)).or_default();
            count.entries += counts.map_or(1, |counts| counts.value(row));
            count.bytes += lines.map_or(0, |lines| u64::try_from(lines.value_length(row)).unwrap_or(0));
        }
        for key in used_keys(streams) {
            let text = texts.value(key);
            if !self.streams.contains_key(text) {
                self.memory.try_grow(text.len() + GROUP_BYTES)?;
                self.streams.insert(text.to_owned(), HashMap::new());
            }
        }
        for ((key, bucket), count) in found {
            let Some(buckets) = usize::try_from(key).ok().and_then(|key| self.streams.get_mut(texts.value(key))) else {
                continue;
            };
            if !buckets.contains_key(&bucket) {
                self.memory.try_grow(GROUP_BYTES)?;
            }
            let sum = buckets.entry(bucket).or_default();
            sum.entries += count.entries;
            sum.bytes += count.bytes;
        }
        Ok(())
    }

    fn finish(self, schema: SchemaRef) -> Result<RecordBatch, Error> {
        let (mut streams, mut buckets) = (StringBuilder::new(), Int64Builder::new());
        let (mut entries, mut bytes) = (UInt64Builder::new(), UInt64Builder::new());
        for (stream, of_stream) in &self.streams {
            for (bucket, count) in of_stream {
                streams.append_value(stream);
                buckets.append_value(*bucket);
                entries.append_value(count.entries);
                bytes.append_value(count.bytes);
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(streams.finish()),
            Arc::new(buckets.finish()),
            Arc::new(entries.finish()),
            Arc::new(bytes.finish()),
        ];
        RecordBatch::try_new(schema, columns).map_err(Error::internal)
    }
}
