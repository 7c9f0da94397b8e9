//! Aggregation over time as an operator: samples in, points out; in two parts when there are partitions to merge.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Float64Builder, Int64Array, StringDictionaryBuilder, UInt32Builder,
    UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use storage::logs;

use super::batches::{TextDictionary, column, used_keys};
use super::codec::Node;
use super::unary::{Batches, Operator};
use crate::error::Error;
use crate::range::{Aggregate, Table, Values, Windows, table};

/// Names of the columns of samples, panes and points.
pub(crate) mod fields {
    /// A sample's time in nanoseconds.
    pub(crate) const TIME: &str = "time";
    /// The key of a series.
    pub(crate) const SERIES: &str = "series";
    /// A sample's or point's value; samples that only count have none.
    pub(crate) const VALUE: &str = "value";
    /// How many lines a sample stands for; one where there is no such column.
    pub(crate) const COUNT: &str = "count";
    /// The number of a pane.
    pub(crate) const PANE: &str = "pane";
    /// The number of a point.
    pub(crate) const POINT: &str = "point";
}

/// Rows of an output batch.
const BATCH_ROWS: usize = 8_192;
/// The memory is counted after this many batches.
const COUNTED_EVERY: usize = 8;

/// Aggregates samples over the windows of each series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) aggregate: Aggregate,
    pub(crate) windows: Windows,
    pub(crate) part: Part,
}

/// Which part of the work an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Part {
    /// From samples to points.
    Whole,
    /// From samples to panes.
    Partial,
    /// From panes to points.
    Final,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.part, self.aggregate, self.windows)
    }
}

impl Operator for Range {
    const NAME: &'static str = "RangeExec";

    fn schema(&self) -> SchemaRef {
        let series = Field::new(fields::SERIES, logs::text_dictionary(), false);
        let columns = match self.part {
            Part::Partial => {
                let words = table(self.aggregate, self.windows).words();
                let words = (0..words).map(|index| Field::new(word_name(index), DataType::UInt64, false));
                [series, Field::new(fields::PANE, DataType::UInt64, false)].into_iter().chain(words).collect()
            }
            Part::Whole | Part::Final => vec![
                series,
                Field::new(fields::POINT, DataType::UInt32, false),
                Field::new(fields::VALUE, DataType::Float64, false),
            ],
        };
        Arc::new(Schema::new(columns))
    }

    fn needs_all_rows(&self) -> bool {
        self.part != Part::Partial
    }

    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, Error> {
        let memory = MemoryConsumer::new(Self::NAME).register(task.memory_pool());
        let range = self.clone();
        let output = async move {
            let batches = range.aggregate(input, &memory).await?;
            // The batches that wait here stay accounted until the last is taken.
            let taken = stream::iter(batches).map(move |batch| {
                memory.shrink(batch.get_array_memory_size().min(memory.size()));
                Ok(batch)
            });
            Ok::<_, DataFusionError>(taken)
        };
        Ok(stream::once(output).try_flatten().boxed())
    }

    fn node(&self) -> Node {
        Node::Range(self.clone())
    }
}

impl Range {
    async fn aggregate(
        &self,
        mut input: SendableRecordBatchStream,
        memory: &MemoryReservation,
    ) -> Result<Vec<RecordBatch>, Error> {
        let mut table = table(self.aggregate, self.windows);
        let mut batches = 0_usize;
        while let Some(batch) = input.next().await {
            if self.part == Part::Final {
                absorb(table.as_mut(), &batch?)?;
            } else {
                add(table.as_mut(), &batch?)?;
            }
            batches += 1;
            if batches.is_multiple_of(COUNTED_EVERY) {
                memory.try_resize(table.bytes())?;
            }
        }
        memory.try_resize(table.bytes())?;
        let table = table.as_ref();
        let batches = if self.part == Part::Partial { self.panes(table, memory) } else { self.points(table, memory) }?;
        memory.resize(batches.iter().map(RecordBatch::get_array_memory_size).sum());
        Ok(batches)
    }

    fn points(&self, table: &dyn Table, memory: &MemoryReservation) -> Result<Vec<RecordBatch>, Error> {
        let mut output = Output::new(self.schema(), memory);
        let mut points = UInt32Builder::new();
        let mut values = Float64Builder::new();
        let mut failed = None;
        table.finish(&mut |key, point, value| {
            if failed.is_some() {
                return;
            }
            points.append_value(point);
            values.append_value(value);
            let rest = || vec![Arc::new(points.finish()) as ArrayRef, Arc::new(values.finish())];
            failed = output.push(key, rest).err();
        });
        failed.map_or(Ok(()), Err)?;
        output.finish(vec![Arc::new(points.finish()), Arc::new(values.finish())])
    }

    fn panes(&self, table: &dyn Table, memory: &MemoryReservation) -> Result<Vec<RecordBatch>, Error> {
        let mut output = Output::new(self.schema(), memory);
        let mut columns: Vec<UInt64Builder> = (0..=table.words()).map(|_| UInt64Builder::new()).collect();
        let mut failed = None;
        let finish = |columns: &mut Vec<UInt64Builder>| -> Vec<ArrayRef> {
            columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect()
        };
        table.encode(&mut |key, pane, words| {
            if failed.is_some() {
                return;
            }
            let values = std::iter::once(&pane).chain(words);
            columns.iter_mut().zip(values).for_each(|(column, value)| column.append_value(*value));
            failed = output.push(key, || finish(&mut columns)).err();
        });
        failed.map_or(Ok(()), Err)?;
        output.finish(finish(&mut columns))
    }
}

fn word_name(index: usize) -> String {
    format!("word{index}")
}

/// Adds a batch of samples.
fn add(table: &mut dyn Table, batch: &RecordBatch) -> Result<(), Error> {
    let times: &Int64Array = column(batch, fields::TIME)?;
    let series: &TextDictionary = column(batch, fields::SERIES)?;
    let values: Option<&Float64Array> =
        batch.column_by_name(fields::VALUE).and_then(|values| values.as_primitive_opt());
    let counts: Option<&UInt64Array> = batch.column_by_name(fields::COUNT).and_then(|counts| counts.as_primitive_opt());
    let values = match (values, counts) {
        (Some(values), _) => Values::Each(values.values()),
        (None, Some(counts)) => Values::Counts(counts.values()),
        (None, None) => Values::Ones,
    };
    let numbers = numbers(table, series);
    table.add(&numbers, series.keys().values(), times.values(), values);
    Ok(())
}

/// Adds a batch of another partition's panes.
fn absorb(table: &mut dyn Table, batch: &RecordBatch) -> Result<(), Error> {
    let series: &TextDictionary = column(batch, fields::SERIES)?;
    let panes: &UInt64Array = column(batch, fields::PANE)?;
    let words: Result<Vec<&UInt64Array>, _> =
        (0..table.words()).map(|index| column(batch, &word_name(index))).collect();
    let words = words?;
    let numbers = numbers(table, series);
    let mut row = Vec::with_capacity(words.len());
    for (index, pane) in panes.values().iter().enumerate() {
        row.clear();
        row.extend(words.iter().map(|column| column.value(index)));
        if let Some(number) = series.key(index).and_then(|key| numbers.get(key)) {
            table.absorb(*number, *pane, &row);
        }
    }
    Ok(())
}

/// The table's number for each key of the column that a row uses.
fn numbers(table: &mut dyn Table, series: &TextDictionary) -> Vec<usize> {
    let texts = series.values().as_string::<i32>();
    let mut numbers = vec![0; texts.len()];
    for key in used_keys(series) {
        if let Some(number) = numbers.get_mut(key) {
            *number = table.series(texts.value(key));
        }
    }
    numbers
}

/// Batches of rows that belong to a series, accounted as they are cut: many series of many points are many times larger
/// than the table they come from.
struct Output<'m> {
    memory: &'m MemoryReservation,
    schema: SchemaRef,
    series: StringDictionaryBuilder<Int32Type>,
    rows: usize,
    batches: Vec<RecordBatch>,
}

impl<'m> Output<'m> {
    fn new(schema: SchemaRef, memory: &'m MemoryReservation) -> Self {
        Self { memory, schema, series: StringDictionaryBuilder::new(), rows: 0, batches: Vec::new() }
    }

    /// Adds a row; when the batch is full, takes its other columns from `rest`.
    fn push(&mut self, key: &str, rest: impl FnOnce() -> Vec<ArrayRef>) -> Result<(), Error> {
        self.series.append(key).map_err(Error::internal)?;
        self.rows += 1;
        if self.rows < BATCH_ROWS { Ok(()) } else { self.cut(rest()) }
    }

    fn cut(&mut self, rest: Vec<ArrayRef>) -> Result<(), Error> {
        let series = std::mem::take(&mut self.series).finish();
        let columns = std::iter::once(Arc::new(series) as ArrayRef).chain(rest).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(Error::internal)?;
        self.memory.try_grow(batch.get_array_memory_size())?;
        self.batches.push(batch);
        self.rows = 0;
        Ok(())
    }

    fn finish(mut self, rest: Vec<ArrayRef>) -> Result<Vec<RecordBatch>, Error> {
        if self.rows > 0 {
            self.cut(rest)?;
        }
        Ok(self.batches)
    }
}
