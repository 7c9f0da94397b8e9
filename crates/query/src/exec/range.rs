//! Aggregation over time as an operator: lines in, points out; in two parts when there are partitions to merge.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Builder, Int32Array, StringBuilder, UInt32Builder, UInt64Array,
    UInt64Builder,
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
use super::context::QueryContext;
use super::samples::Samples;
use super::unary::{Batches, Operator};
use crate::error::Error;
use crate::range::{Aggregate, Keys, Table, Top, Windows, table};

/// Names of the columns of panes and points.
pub(crate) mod fields {
    /// The key of a series.
    pub(crate) const SERIES: &str = "series";
    /// A point's value.
    pub(crate) const VALUE: &str = "value";
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
    /// Gives out only the points that rank first.
    pub(crate) top: Option<Top>,
}

/// Which part of the work an operator does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Part {
    /// From lines to points.
    Whole(Samples),
    /// From lines to panes.
    Partial(Samples),
    /// From panes to points.
    Final,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows = &self.windows;
        match &self.part {
            Part::Whole(samples) => write!(f, "{} {:?}", samples.query, samples.grouping)?,
            Part::Partial(samples) => write!(f, "{} {:?}, to panes", samples.query, samples.grouping)?,
            Part::Final => f.write_str("from panes")?,
        }
        write!(f, " {:?} points={} step={} range={}", self.aggregate, windows.points, windows.step, windows.range)?;
        self.top.as_ref().map_or(Ok(()), |top| write!(f, " {top:?}"))
    }
}

impl Operator for Range {
    const NAME: &'static str = "RangeExec";

    fn schema(&self) -> SchemaRef {
        let series = Field::new(fields::SERIES, logs::text_dictionary(), false);
        let columns = match self.part {
            Part::Partial(_) => {
                let words = table(self.aggregate, self.windows).words();
                let words = (0..words).map(|index| Field::new(word_name(index), DataType::UInt64, false));
                [series, Field::new(fields::PANE, DataType::UInt64, false)].into_iter().chain(words).collect()
            }
            Part::Whole(_) | Part::Final => vec![
                series,
                Field::new(fields::POINT, DataType::UInt32, false),
                Field::new(fields::VALUE, DataType::Float64, false),
            ],
        };
        Arc::new(Schema::new(columns))
    }

    fn needs_all_rows(&self) -> bool {
        !matches!(self.part, Part::Partial(_))
    }

    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, Error> {
        let memory = MemoryConsumer::new(Self::NAME).register(task.memory_pool());
        let (range, query) = (self.clone(), QueryContext::of(task)?);
        let output = async move {
            let batches = range.aggregate(input, &memory, &query).await?;
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
        query: &QueryContext,
    ) -> Result<Vec<RecordBatch>, Error> {
        let mut table = table(self.aggregate, self.windows);
        let mut compiled = match &self.part {
            Part::Whole(samples) | Part::Partial(samples) => {
                Some(samples.compile(self.aggregate, self.windows, (query.now, &query.reader))?)
            }
            Part::Final => None,
        };
        let mut batches = 0_usize;
        while let Some(batch) = input.next().await {
            match &mut compiled {
                Some(compiled) => {
                    query.count_kept(compiled.feed(&batch?, table.as_mut(), query)?);
                    query.count_streams(&compiled.fresh_streams());
                }
                None => absorb(table.as_mut(), &batch?)?,
            }
            batches += 1;
            if batches.is_multiple_of(COUNTED_EVERY) {
                memory.try_resize(table.bytes())?;
            }
        }
        compiled.iter_mut().for_each(|compiled| compiled.settle(table.as_mut()));
        memory.try_resize(table.bytes())?;
        let table = table.as_ref();
        let is_partial = matches!(self.part, Part::Partial(_));
        let batches = if is_partial { self.panes(table, memory) } else { self.points(table, memory) }?;
        memory.resize(batches.iter().map(RecordBatch::get_array_memory_size).sum());
        Ok(batches)
    }

    fn points(&self, table: &dyn Table, memory: &MemoryReservation) -> Result<Vec<RecordBatch>, Error> {
        let mut output = Output::new(self.schema(), table.keys(), memory);
        let mut points = UInt32Builder::new();
        let mut values = Float64Builder::new();
        if let Some(top) = self.top {
            memory.try_grow(top.bytes(table.keys().len(), self.windows.points))?;
        }
        let mut failed = None;
        let mut push = |series, point, value| {
            if failed.is_some() {
                return;
            }
            points.append_value(point);
            values.append_value(value);
            let rest = || vec![Arc::new(points.finish()) as ArrayRef, Arc::new(values.finish())];
            failed = output.push(series, rest).err();
        };
        match &self.top {
            Some(top) => top.of(table, self.windows.points).into_iter().for_each(|(s, p, value)| push(s, p, value)),
            None => table.finish(&mut push),
        }
        failed.map_or(Ok(()), Err)?;
        output.finish(vec![Arc::new(points.finish()), Arc::new(values.finish())])
    }

    fn panes(&self, table: &dyn Table, memory: &MemoryReservation) -> Result<Vec<RecordBatch>, Error> {
        let mut output = Output::new(self.schema(), table.keys(), memory);
        let mut columns: Vec<UInt64Builder> = (0..=table.words()).map(|_| UInt64Builder::new()).collect();
        let mut failed = None;
        let finish = |columns: &mut Vec<UInt64Builder>| -> Vec<ArrayRef> {
            columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect()
        };
        table.encode(&mut |series, pane, words| {
            if failed.is_some() {
                return;
            }
            let values = std::iter::once(&pane).chain(words);
            columns.iter_mut().zip(values).for_each(|(column, value)| column.append_value(*value));
            failed = output.push(series, || finish(&mut columns)).err();
        });
        failed.map_or(Ok(()), Err)?;
        output.finish(finish(&mut columns))
    }
}

fn word_name(index: usize) -> String {
    format!("word{index}")
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
    /// The keys of series by number, and the series of the last row.
    keys: &'m Keys,
    last: Option<usize>,
    texts: StringBuilder,
    series: Vec<i32>,
    batches: Vec<RecordBatch>,
}

impl<'m> Output<'m> {
    fn new(schema: SchemaRef, keys: &'m Keys, memory: &'m MemoryReservation) -> Self {
        let (texts, series, batches) = (StringBuilder::new(), Vec::new(), Vec::new());
        Self { memory, schema, keys, last: None, texts, series, batches }
    }

    /// Adds a row; when the batch is full, takes its other columns from `rest`. Rows of a series come together.
    fn push(&mut self, series: usize, rest: impl FnOnce() -> Vec<ArrayRef>) -> Result<(), Error> {
        let key = match (self.last, self.series.last()) {
            (Some(last), Some(key)) if last == series => *key,
            (_, last) => {
                let key = last.map_or(0, |last| last + 1);
                self.texts.append_value(self.keys.get(series).unwrap_or_default());
                key
            }
        };
        self.last = Some(series);
        self.series.push(key);
        if self.series.len() < BATCH_ROWS { Ok(()) } else { self.cut(rest()) }
    }

    fn cut(&mut self, rest: Vec<ArrayRef>) -> Result<(), Error> {
        let keys = Int32Array::from(std::mem::take(&mut self.series));
        let series = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(self.texts.finish()));
        let series = Arc::new(series.map_err(Error::internal)?) as ArrayRef;
        let columns = std::iter::once(series).chain(rest).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(Error::internal)?;
        self.memory.try_grow(batch.get_array_memory_size())?;
        self.batches.push(batch);
        Ok(())
    }

    fn finish(mut self, rest: Vec<ArrayRef>) -> Result<Vec<RecordBatch>, Error> {
        if !self.series.is_empty() {
            self.cut(rest)?;
        }
        Ok(self.batches)
    }
}
