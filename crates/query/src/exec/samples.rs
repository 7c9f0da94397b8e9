//! The pipeline of a metric query: lines in, samples with their series out.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, MapArray, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::StreamExt;
use logline::Labels;
use logql::ast::{MetricExpr, Parser, RangeAggregation, RangeOp, Stage};
use logql::{Expr, Selector};
use serde::{Deserialize, Serialize};
use storage::logs;

use super::batches::{Streams, TextDictionary, column, metadata, times, used_keys};
use super::codec::Node;
use super::context::QueryContext;
use super::range::fields;
use super::unary::{Batches, Operator};
use crate::error::Error;
use crate::pipeline::sample::Sample;
use crate::pipeline::series::Grouping;
use crate::pipeline::{LabelSet, Pipeline, Row, Split, Wanted, filter_names, names_used, split};

/// Runs the stages that the scan left over, and groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Samples {
    /// The range aggregation.
    pub(crate) query: String,
    /// The labels that matter afterwards.
    pub(crate) grouping: Grouping,
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
        let has_value = self.compile().is_ok_and(|compiled| compiled.has_value());
        schema(has_value)
    }

    fn run(&self, input: SendableRecordBatchStream, task: &TaskContext) -> Result<Batches, Error> {
        let query = QueryContext::of(task)?;
        let mut compiled = self.compile()?;
        let samples = input.map(move |batch| {
            let samples = compiled.samples(&batch?)?;
            query.count_kept(samples.num_rows());
            Ok(samples)
        });
        Ok(samples.boxed())
    }

    fn node(&self) -> Node {
        Node::Samples(self.clone())
    }
}

fn schema(has_value: bool) -> SchemaRef {
    let mut columns = vec![
        Field::new(fields::TIME, DataType::Int64, false),
        Field::new(fields::SERIES, logs::text_dictionary(), false),
    ];
    columns.extend(has_value.then(|| Field::new(fields::VALUE, DataType::Float64, false)));
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
    has_line: bool,
    streams: Streams,
}

impl Samples {
    /// Parses and compiles; fails for what cannot be answered.
    pub(crate) fn compile(&self) -> Result<Compiled, Error> {
        let Expr::Metric(MetricExpr::Range(range)) = logql::parse(&self.query)? else {
            return Err(Error::internal("samples of something else than a range aggregation"));
        };
        Compiled::new(&range, self.grouping.clone())
    }
}

impl Compiled {
    fn new(range: &RangeAggregation, grouping: Grouping) -> Result<Self, Error> {
        let mut split = split(&range.range.log.stages);
        let names = names_read(range, &grouping);
        let wanted = names.clone().map_or(Wanted::All, Wanted::only);
        if wanted.is_nothing() {
            // Parsers would find nothing that anybody looks at.
            split
                .stages
                .retain(|stage| !matches!(stage, Stage::Parser(parser) if !matches!(parser, Parser::Unpack(_))));
        }
        let sample = match (&range.range.unwrap, range.op) {
            (Some(unwrap), _) => Sample::unwrapping(unwrap),
            (None, RangeOp::BytesOverTime | RangeOp::BytesRate) => Sample::Bytes,
            (None, _) => Sample::Line,
        };
        let always = names_always_set(&range.range.log.selector);
        let of_lines = |name: &&String| !always.contains(*name) || wanted.has(&format!("{name}_extracted"));
        let is_id = |name: &String| logs::KEYS.contains(&name.as_str());
        let has_metadata = names.as_ref().is_none_or(|names| names.iter().filter(of_lines).any(|name| !is_id(name)));
        let ids = logs::KEYS.into_iter().filter(|id| wanted.has(id)).collect();
        let has_line = matches!(sample, Sample::Bytes) || split.stages.iter().any(reads_line);
        let pipeline = Pipeline::compile(&split.stages, &wanted)?;
        Ok(Self { split, pipeline, sample, grouping, wanted, ids, has_metadata, has_line, streams: Streams::default() })
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> Vec<String> {
        let mut columns = vec![logs::STREAM, logs::TIMESTAMP, logs::NANOS];
        columns.extend(self.has_line.then_some(logs::LINE));
        columns.extend(self.has_metadata.then_some(logs::METADATA));
        columns.extend(&self.ids);
        columns.into_iter().map(str::to_owned).collect()
    }

    const fn has_value(&self) -> bool {
        !matches!(self.sample, Sample::Line)
    }

    fn samples(&mut self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let depends_on_stream_only =
            self.pipeline.is_empty() && !self.has_metadata && !matches!(self.sample, Sample::Label { .. });
        let columns = match (depends_on_stream_only, self.ids.as_slice()) {
            (true, []) => self.by_stream(batch)?,
            (true, [id]) if !self.has_value() => self.by_id(batch, id)?,
            _ => self.by_row(batch)?,
        };
        RecordBatch::try_new(schema(self.has_value()), columns).map_err(Error::internal)
    }

    /// Every row is a sample and its series follows from its stream: nothing is done row by row.
    fn by_stream(&mut self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let labels = self.streams.labels(stream)?;
        let mut series = SeriesColumn::default();
        let mut numbers = vec![0; labels.len()];
        for key in used_keys(stream) {
            if let (Some(number), Some(labels)) = (numbers.get_mut(key), labels.get(key)) {
                *number = series.number(&self.grouping, &LabelSet::new(labels));
            }
        }
        let number = |key: &i32| usize::try_from(*key).ok().and_then(|key| numbers.get(key)).copied().unwrap_or(0);
        series.keys = stream.keys().values().iter().map(number).collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(times(batch)?)), series.finish()?];
        if self.has_value() {
            let lines: &StringArray = column(batch, logs::LINE)?;
            let lengths = lines.value_offsets().windows(2).map(|pair| f64::from(pair[1] - pair[0]));
            columns.push(Arc::new(Float64Array::from_iter_values(lengths)));
        }
        Ok(columns)
    }

    /// Every row is a sample, and its series follows from its stream and one id.
    fn by_id(&mut self, batch: &RecordBatch, id: &'static str) -> Result<Vec<ArrayRef>, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let labels = self.streams.labels(stream)?;
        let ids = texts(batch, id)?;
        let nobody = Labels::default();
        let mut set = LabelSet::new(&nobody);
        let mut series = SeriesColumn::default();
        series.keys.reserve(batch.num_rows());
        // The number of the series for each key of the id in the stream of the row before.
        let mut known: Vec<Option<i32>> = Vec::new();
        let mut last = None;
        for row in 0..batch.num_rows() {
            let key = stream.key(row).unwrap_or(0);
            if last.replace(key) != Some(key) {
                known.clear();
            }
            let slot = ids.key(row);
            if let Some(Some(number)) = slot.and_then(|slot| known.get(slot)) {
                series.keys.push(*number);
                continue;
            }
            set.reset(labels.get(key).map_or(&nobody, |labels| labels));
            ids.get(row).into_iter().for_each(|value| set.add_metadata(id, value));
            let number = series.number(&self.grouping, &set);
            if let Some(slot) = slot {
                known.resize(known.len().max(slot + 1), None);
                known[slot] = Some(number);
            }
            series.keys.push(number);
        }
        Ok(vec![Arc::new(Int64Array::from(times(batch)?)), series.finish()?])
    }

    fn by_row(&mut self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: Option<&StringArray> = self.has_line.then(|| column(batch, logs::LINE)).transpose()?;
        let map: Option<&MapArray> = self.has_metadata.then(|| column(batch, logs::METADATA)).transpose()?;
        let ids = self.ids.iter().map(|id| Ok((*id, texts(batch, id)?))).collect::<Result<Vec<_>, Error>>()?;
        let labels = self.streams.labels(stream)?;
        let nobody = Labels::default();
        let mut row = Row { line: Cow::Borrowed(""), labels: LabelSet::new(&nobody) };
        let mut kept_times = Vec::new();
        let mut values = Vec::new();
        let mut series = SeriesColumn::default();
        for (index, time) in times(batch)?.into_iter().enumerate() {
            let key = stream.key(index).unwrap_or(0);
            row.labels.reset(labels.get(key).map_or(&nobody, |labels| labels));
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
                kept_times.push(time);
                values.push(value);
                series.push(&self.grouping, &row.labels, key);
            }
        }
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(kept_times)), series.finish()?];
        if self.has_value() {
            columns.push(Arc::new(Float64Array::from(values)));
        }
        Ok(columns)
    }
}

/// The texts of a column.
fn texts<'b>(batch: &'b RecordBatch, name: &str) -> Result<logs::Texts<'b>, Error> {
    let column = batch.column_by_name(name).and_then(|column| logs::Texts::of(column));
    column.ok_or_else(|| Error::internal(format!("column `{name}` is missing or holds no text")))
}

/// The series of a batch's samples: distinct keys and each sample's.
#[derive(Default)]
struct SeriesColumn {
    numbers: HashMap<String, i32>,
    texts: Vec<String>,
    keys: Vec<i32>,
    scratch: String,
    /// The number of the series of lines whose labels are just those of their stream, by key of the stream.
    untouched: HashMap<usize, i32>,
}

impl SeriesColumn {
    fn push(&mut self, grouping: &Grouping, labels: &LabelSet<'_>, stream: usize) {
        let number = match labels.is_untouched().then(|| self.untouched.get(&stream).copied()) {
            Some(Some(number)) => number,
            Some(None) => {
                let number = self.number(grouping, labels);
                self.untouched.insert(stream, number);
                number
            }
            None => self.number(grouping, labels),
        };
        self.keys.push(number);
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

    fn finish(self) -> Result<ArrayRef, Error> {
        let keys = Int32Array::new(ScalarBuffer::from(self.keys), None);
        let texts = Arc::new(StringArray::from(self.texts));
        let column = DictionaryArray::<Int32Type>::try_new(keys, texts).map_err(Error::internal)?;
        Ok(Arc::new(column))
    }
}

/// Names of the labels that anything looks at; `None` when all labels end up in the series.
fn names_read(range: &RangeAggregation, grouping: &Grouping) -> Option<BTreeSet<String>> {
    let Grouping::By(kept) = grouping else { return None };
    let mut names = names_used(&range.range.log.stages);
    names.extend(kept.iter().cloned());
    if let Some(unwrap) = &range.range.unwrap {
        names.insert(unwrap.label.clone());
        unwrap.filters.iter().for_each(|filter| filter_names(filter, &mut names));
    }
    Some(names)
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
