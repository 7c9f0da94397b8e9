//! The pipeline of a metric query: lines in, samples with their series out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, MapArray, StringArray, UInt64Array,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::HashMap;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::StreamExt;
use logline::Labels;
use logql::ast::{MetricExpr, Parser, RangeAggregation, RangeOp, Stage};
use logql::{Expr, Selector};
use serde::{Deserialize, Serialize};
use storage::logs;

use super::batches::{Streams, TextDictionary, column, metadata, times};
use super::codec::Node;
use super::context::QueryContext;
use super::range::fields;
use super::unary::{Batches, Operator};
use crate::error::Error;
use crate::pipeline::sample::Sample;
use crate::pipeline::series::Grouping;
use crate::pipeline::{
    LabelSet, Pipeline, Row, Split, Wanted, filter_names, names_used, reads_all, reads_line_itself, split,
};
use crate::range::{Pane, Windows};

/// Runs the stages that the scan left over, and groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Samples {
    /// The range aggregation.
    pub(crate) query: String,
    /// The labels that matter afterwards.
    pub(crate) grouping: Grouping,
    /// For an aggregation that only counts: neighbours of one series in one pane are one sample, with their number.
    pub(crate) panes: Option<Windows>,
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.query, self.grouping)
    }
}

impl Operator for Samples {
    const NAME: &'static str = "SamplesExec";

    fn schema(&self) -> SchemaRef {
        // The query was parsed when the plan was made; if it cannot be now, running it says so.
        self.compile().map_or_else(|_| schema(None), |compiled| schema(compiled.amount()))
    }

    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, Error> {
        let query = QueryContext::of(task)?;
        let mut compiled = self.compile()?;
        compiled.now = query.now;
        let samples = input.map(move |batch| {
            let (samples, lines) = compiled.samples(&batch?)?;
            query.count_kept(lines);
            Ok(samples)
        });
        Ok(samples.boxed())
    }

    fn node(&self) -> Node {
        Node::Samples(self.clone())
    }
}

/// What a sample has beside time and series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Value,
    Count,
}

fn schema(amount: Option<Amount>) -> SchemaRef {
    let mut columns = vec![
        Field::new(fields::TIME, DataType::Int64, false),
        Field::new(fields::SERIES, logs::text_dictionary(), false),
    ];
    columns.extend(amount.map(|amount| match amount {
        Amount::Value => Field::new(fields::VALUE, DataType::Float64, false),
        Amount::Count => Field::new(fields::COUNT, DataType::UInt64, false),
    }));
    Arc::new(Schema::new(columns))
}

/// A range aggregation's pipeline, ready to run on one partition.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// What the scan filters by, apart from the selector.
    pub(crate) split: Split,
    pipeline: Pipeline,
    sample: Sample,
    grouping: Grouping,
    wanted: Wanted,
    /// Ids among the structured metadata on which the stages, the sample or the series may depend.
    ids: Vec<&'static str>,
    /// Whether they may depend on other structured metadata.
    has_metadata: bool,
    /// The names of these, unless all of them matter.
    pub(crate) pairs: Option<Vec<String>>,
    has_line: bool,
    panes: Option<Windows>,
    streams: Streams,
    /// The time of the query.
    now: i64,
}

impl Samples {
    /// Parses and compiles; fails for what cannot be answered.
    pub(crate) fn compile(&self) -> Result<Compiled, Error> {
        let Expr::Metric(MetricExpr::Range(range)) = logql::parse(&self.query)? else {
            return Err(Error::internal("samples of something else than a range aggregation"));
        };
        Compiled::new(&range, self.grouping.clone(), self.panes)
    }
}

impl Compiled {
    fn new(range: &RangeAggregation, grouping: Grouping, panes: Option<Windows>) -> Result<Self, Error> {
        let mut split = split(&range.range.log.stages);
        let names = names_read(range, &grouping);
        let wanted = names.clone().map_or(Wanted::All, Wanted::only);
        if wanted.is_nothing() {
            // Parsers would find nothing that anybody looks at.
            split
                .stages
                .retain(|stage| !matches!(stage, Stage::Parser(parser) if !matches!(parser, Parser::Unpack(_))));
        }
        let is_bytes = matches!(range.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
        if !is_bytes {
            without_idle_formats(&mut split.stages);
        }
        let sample = match (&range.range.unwrap, range.op) {
            (Some(unwrap), _) => Sample::unwrapping(unwrap),
            (None, RangeOp::BytesOverTime | RangeOp::BytesRate) => Sample::Bytes,
            (None, _) => Sample::Line,
        };
        let always = names_always_set(&range.range.log.selector);
        let loses = |name: &str| wanted.has(&format!("{name}_extracted"));
        let of_lines = |name: &&String| !always.contains(*name) || loses(name);
        let is_id = |name: &&String| logs::KEYS.contains(&name.as_str());
        let names = names.map(|names| names.iter().filter(of_lines).filter(|n| !is_id(n)).cloned().collect::<Vec<_>>());
        let has_metadata = names.as_ref().is_none_or(|names| !names.is_empty());
        // What loses against a label of the stream is of no interest, unless it is asked for by its new name.
        let pairs = names.filter(|names| !names.iter().any(|name| loses(name)));
        let ids = logs::KEYS.into_iter().filter(|id| wanted.has(id)).collect();
        let has_line = matches!(sample, Sample::Bytes) || split.stages.iter().any(reads_line);
        let pipeline = Pipeline::compile(&split.stages, &wanted)?;
        let panes = panes.filter(|_| matches!(sample, Sample::Line));
        Ok(Self {
            split,
            pipeline,
            sample,
            grouping,
            wanted,
            ids,
            has_metadata,
            pairs,
            has_line,
            panes,
            streams: Streams::default(),
            now: 0,
        })
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> Vec<String> {
        let mut columns = vec![logs::STREAM, logs::TIMESTAMP, logs::NANOS];
        columns.extend(self.has_line.then_some(logs::LINE));
        columns.extend(self.has_metadata.then_some(logs::METADATA));
        columns.extend(&self.ids);
        columns.into_iter().map(str::to_owned).collect()
    }

    const fn amount(&self) -> Option<Amount> {
        match (&self.sample, self.panes) {
            (Sample::Line, None) => None,
            (Sample::Line, Some(_)) => Some(Amount::Count),
            _ => Some(Amount::Value),
        }
    }

    /// The samples of a batch, and how many lines they stand for.
    fn samples(&mut self, batch: &RecordBatch) -> Result<(RecordBatch, usize), Error> {
        let map: Option<&MapArray> = self.has_metadata.then(|| column(batch, logs::METADATA)).transpose()?;
        let map = map.filter(|map| map.null_count() < map.len());
        let depends_on_stream_only =
            self.pipeline.is_empty() && map.is_none() && !matches!(self.sample, Sample::Label { .. });
        let mut samples = SampleColumns::new(self.panes);
        match (depends_on_stream_only, self.ids.as_slice()) {
            (true, []) => self.by_stream(batch, &mut samples)?,
            (true, [id]) if !matches!(self.sample, Sample::Bytes) => self.by_id(batch, id, &mut samples)?,
            _ => self.by_row(batch, map, &mut samples)?,
        }
        let lines = samples.lines;
        let batch = RecordBatch::try_new(schema(self.amount()), samples.finish(self.amount())?);
        Ok((batch.map_err(Error::internal)?, lines))
    }

    /// Every row is a sample and its series follows from its stream: labels are looked at once a stream.
    fn by_stream(&mut self, batch: &RecordBatch, samples: &mut SampleColumns) -> Result<(), Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: Option<&StringArray> = self.has_line.then(|| column(batch, logs::LINE)).transpose()?;
        let labels = self.streams.labels(stream)?;
        let times = times(batch)?;
        let mut number = 0;
        for run in runs(stream.keys().values()) {
            let key = stream.key(run.start).unwrap_or(0);
            if let Some(labels) = labels.get(key) {
                number = samples.series.number(&self.grouping, &LabelSet::new(labels));
            }
            for row in run {
                samples.push(times[row], number);
                if let Some(lines) = lines {
                    samples.values.push(f64::from(lines.value_length(row)));
                }
            }
        }
        Ok(())
    }

    /// Every row is a sample, and its series follows from its stream and one id.
    fn by_id(&mut self, batch: &RecordBatch, id: &'static str, samples: &mut SampleColumns) -> Result<(), Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let labels = self.streams.labels(stream)?;
        let ids = texts(batch, id)?;
        let nobody = Labels::default();
        let mut set = LabelSet::new(&nobody);
        let is_all = matches!(&self.grouping, Grouping::By(names) if names.as_slice() == [id]);
        // The number of the series for each key of the id, in the stream of the rows before.
        let mut known: Vec<Option<i32>> = Vec::new();
        let mut turns = Turns::default();
        let mut knows_any_stream = false;
        let times = times(batch)?;
        for run in runs(stream.keys().values()) {
            let own = labels.get(stream.key(run.start).unwrap_or(0)).map_or(&nobody, |labels| labels);
            // The id alone makes the series, unless the stream has a label of its name.
            let is_alone = is_all && own.get(id).is_none();
            if !(is_alone && knows_any_stream) {
                known.clear();
            }
            knows_any_stream = is_alone;
            for row in run {
                let slot = ids.key(row);
                let number = match slot.and_then(|slot| known.get(slot).copied().flatten()) {
                    Some(number) => number,
                    None => {
                        set.reset(own);
                        ids.get(row).into_iter().for_each(|value| set.add_metadata(id, value));
                        let number = samples.series.number(&self.grouping, &set);
                        if let Some(slot) = slot {
                            known.resize(known.len().max(slot + 1), None);
                            known[slot] = Some(number);
                        }
                        number
                    }
                };
                turns.add(times[row], number, samples);
            }
        }
        turns.end(samples);
        Ok(())
    }

    fn by_row(
        &mut self,
        batch: &RecordBatch,
        map: Option<&MapArray>,
        samples: &mut SampleColumns,
    ) -> Result<(), Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: Option<&StringArray> = self.has_line.then(|| column(batch, logs::LINE)).transpose()?;
        let ids = self.ids.iter().map(|id| Ok((*id, texts(batch, id)?))).collect::<Result<Vec<_>, Error>>()?;
        let labels = self.streams.labels(stream)?;
        let nobody = Labels::default();
        let mut row = Row::new(&nobody, self.now);
        let has_value = self.amount() == Some(Amount::Value);
        for (index, time) in times(batch)?.into_iter().enumerate() {
            let key = stream.key(index).unwrap_or(0);
            row.labels.reset(labels.get(key).map_or(&nobody, |labels| labels));
            row.time = time;
            row.line = Cow::Borrowed(lines.map_or("", |lines| lines.value(index)));
            let ids = ids.iter().filter_map(|(name, texts)| Some((*name, texts.get(index)?)));
            let pairs = map.into_iter().flat_map(|map| metadata(map, index)).chain(ids);
            for (name, value) in pairs.filter(|(name, _)| self.wanted.has(name)) {
                row.labels.add_metadata(name, value);
            }
            if !self.pipeline.apply(&mut row) {
                continue;
            }
            if let Some(value) = self.sample.value(&mut row) {
                let number = samples.series.number_of(&self.grouping, &row.labels, key);
                samples.push(time, number);
                if has_value {
                    samples.values.push(value);
                }
            }
        }
        Ok(())
    }
}

/// Stretches of equal keys.
fn runs(keys: &[i32]) -> impl Iterator<Item = Range<usize>> {
    keys.chunk_by(|a, b| a == b).scan(0, |at, run| {
        let start = *at;
        *at += run.len();
        Some(start..*at)
    })
}

/// The texts of a column.
fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Result<logs::Texts<'b>, Error> {
    let column = batch.column_by_name(name).and_then(|column| logs::Texts::of(column));
    column.ok_or_else(|| Error::internal(format!("column `{name}` is missing or holds no text")))
}

/// The samples of a batch.
struct SampleColumns {
    panes: Option<Windows>,
    /// The pane of the last sample.
    pane: Pane,
    series: Series,
    times: Vec<i64>,
    keys: Vec<i32>,
    values: Vec<f64>,
    counts: Vec<u64>,
    lines: usize,
}

impl SampleColumns {
    fn new(panes: Option<Windows>) -> Self {
        let series = Series::default();
        let (times, keys, values, counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { panes, pane: Pane::EMPTY, series, times, keys, values, counts, lines: 0 }
    }

    /// Adds a line; where samples are counted, to the one before if it can.
    fn push(&mut self, time: i64, series: i32) {
        self.push_some(time, series, 1);
    }

    fn push_some(&mut self, time: i64, series: i32, count: u64) {
        self.lines += usize::try_from(count).unwrap_or(usize::MAX);
        if let Some(windows) = &self.panes {
            if self.pane.contains(time) && self.keys.last() == Some(&series) {
                if let Some(last) = self.counts.last_mut() {
                    *last += count;
                }
                return;
            }
            self.counts.push(count);
            if !self.pane.contains(time) {
                self.pane = windows.pane(time).unwrap_or(Pane::EMPTY);
            }
        }
        self.times.push(time);
        self.keys.push(series);
    }

    fn finish(self, amount: Option<Amount>) -> Result<Vec<ArrayRef>, Error> {
        let keys = Int32Array::new(ScalarBuffer::from(self.keys), None);
        let texts = Arc::new(StringArray::from(self.series.texts));
        let series = DictionaryArray::<Int32Type>::try_new(keys, texts).map_err(Error::internal)?;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(self.times)), Arc::new(series)];
        columns.extend(amount.map(|amount| match amount {
            Amount::Value => Arc::new(Float64Array::from(self.values)) as ArrayRef,
            Amount::Count => Arc::new(UInt64Array::from(self.counts)),
        }));
        Ok(columns)
    }
}

/// Counts lines of many series that take turns, pane by pane.
#[derive(Default)]
struct Turns {
    /// By number of the series; zero for those that are not in `seen`.
    counts: Vec<u64>,
    seen: Vec<i32>,
    pane: Option<Pane>,
    time: i64,
}

impl Turns {
    fn add(&mut self, time: i64, series: i32, samples: &mut SampleColumns) {
        let Some(windows) = &samples.panes else { return samples.push(time, series) };
        if !self.pane.is_some_and(|pane| pane.contains(time)) {
            let pane = windows.pane(time);
            self.end(samples);
            (self.pane, self.time) = (pane, time);
        }
        let index = usize::try_from(series).unwrap_or(0);
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        if self.counts[index] == 0 {
            self.seen.push(series);
        }
        self.counts[index] += 1;
    }

    /// Gives out what was counted; a time that no window covers is dropped later.
    fn end(&mut self, samples: &mut SampleColumns) {
        for series in self.seen.drain(..) {
            let count = usize::try_from(series).ok().and_then(|index| self.counts.get_mut(index)).map(std::mem::take);
            samples.push_some(self.time, series, count.unwrap_or(0));
        }
    }
}

/// The series of a batch's samples: the texts of their keys, each once.
#[derive(Default)]
struct Series {
    numbers: HashMap<String, i32>,
    texts: Vec<String>,
    scratch: String,
    /// The number of the series of lines whose labels are just those of their stream, by key of the stream.
    untouched: HashMap<usize, i32>,
}

impl Series {
    fn number_of(&mut self, grouping: &Grouping, labels: &LabelSet<'_>, stream: usize) -> i32 {
        if !labels.is_untouched() {
            return self.number(grouping, labels);
        }
        if let Some(number) = self.untouched.get(&stream) {
            return *number;
        }
        let number = self.number(grouping, labels);
        self.untouched.insert(stream, number);
        number
    }

    fn number(&mut self, grouping: &Grouping, labels: &LabelSet<'_>) -> i32 {
        grouping.write_key(labels, &mut self.scratch);
        if let Some(number) = self.numbers.get(&self.scratch) {
            return *number;
        }
        let number = i32::try_from(self.texts.len()).unwrap_or(i32::MAX);
        self.texts.push(self.scratch.clone());
        self.numbers.insert(self.scratch.clone(), number);
        number
    }
}

/// Names of the labels that anything looks at; `None` when all labels end up in the series.
fn names_read(range: &RangeAggregation, grouping: &Grouping) -> Option<BTreeSet<String>> {
    let Grouping::By(kept) = grouping else { return None };
    if reads_all(&range.range.log.stages) {
        return None;
    }
    let mut names = names_used(&range.range.log.stages);
    names.extend(kept.iter().cloned());
    if let Some(unwrap) = &range.range.unwrap {
        names.insert(unwrap.label.clone());
        unwrap.filters.iter().for_each(|filter| filter_names(filter, &mut names));
    }
    Some(names)
}

/// Takes out each `line_format` whose line nobody reads, as Loki does: its errors go unnoticed.
fn without_idle_formats(stages: &mut Vec<Stage>) {
    let mut is_read = false;
    let mut kept: Vec<_> = std::mem::take(stages).into_iter().rev().collect();
    kept.retain(|stage| {
        let is_idle = !is_read && matches!(stage, Stage::LineFormat(_));
        is_read |= match stage {
            Stage::LineFilter(_) | Stage::Parser(_) => true,
            Stage::LabelFormat(_) => reads_line_itself(stage),
            Stage::LineFormat(_) => !is_idle && reads_line_itself(stage),
            Stage::LabelFilter(_) | Stage::Decolorize(_) | Stage::Drop(_) | Stage::Keep(_) => false,
        };
        !is_idle
    });
    kept.reverse();
    *stages = kept;
}

/// Names of the labels that every selected stream has.
fn names_always_set(selector: &Selector) -> BTreeSet<String> {
    let set = selector.matchers.iter().filter(|matcher| !matcher.test.accepts_empty());
    set.map(|matcher| matcher.name.clone()).collect()
}

const fn reads_line(stage: &Stage) -> bool {
    match stage {
        Stage::LineFilter(_)
        | Stage::Parser(_)
        | Stage::LineFormat(_)
        | Stage::LabelFormat(_)
        | Stage::Decolorize(_) => true,
        Stage::LabelFilter(_) | Stage::Drop(_) | Stage::Keep(_) => false,
    }
}
