//! Feeds batches of lines into a table of series.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray, UInt64Array};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use logline::Labels;
use storage::logs;

use super::Compiled;
use crate::error::Error;
use crate::exec::batches::{TextDictionary, column, metadata, times};
use crate::exec::context::QueryContext;
use crate::pipeline::sample::Sample;
use crate::pipeline::series::Grouping;
use crate::pipeline::{LabelSet, Row};
use crate::range::{Pane, Table};

/// No number of a series.
const UNKNOWN: usize = usize::MAX;

/// The numbers of series by key of a dictionary, which many batches share.
#[derive(Debug, Default)]
pub(super) struct Known {
    dictionary: Option<ArrayRef>,
    /// By key plus one, zero for null.
    numbers: Vec<usize>,
    /// Lines that are not added yet, in the same places; and the places that have some.
    counts: Vec<u64>,
    touched: Vec<usize>,
}

impl Known {
    /// Whether this is the dictionary that it knows.
    fn is_of(&self, values: &ArrayRef) -> bool {
        self.dictionary.as_ref().is_some_and(|known| known.to_data().ptr_eq(&values.to_data()))
    }

    fn turn(&mut self, values: &ArrayRef) {
        self.numbers = vec![UNKNOWN; values.len() + 1];
        self.counts = vec![0; values.len() + 1];
        self.dictionary = Some(Arc::clone(values));
    }

    /// Counts a line for a place.
    fn count(&mut self, place: usize) {
        let Some(count) = self.counts.get_mut(place) else { return };
        if *count == 0 {
            self.touched.push(place);
        }
        *count += 1;
    }

    fn forget(&mut self) {
        self.numbers.fill(UNKNOWN);
    }
}

impl Compiled {
    /// Adds the samples of a batch to a table; gives the number of lines they stand for.
    pub(in crate::exec) fn feed(
        &mut self,
        batch: &RecordBatch,
        table: &mut dyn Table,
        query: &QueryContext,
    ) -> Result<usize, Error> {
        if !self.has_streams {
            return self.count(batch, table);
        }
        let map: Option<&MapArray> = self.has_metadata.then(|| column(batch, logs::METADATA)).transpose()?;
        let map = map.filter(|map| map.null_count() < map.len());
        let depends_on_stream_only =
            self.pipeline.is_empty() && map.is_none() && !matches!(self.sample, Sample::Label { .. });
        match (depends_on_stream_only, self.ids.as_slice()) {
            (true, []) => self.by_stream(batch, table),
            (true, [id]) if !matches!(self.sample, Sample::Bytes) => self.by_id(batch, id, table),
            _ => self.by_row(batch, map, table, query),
        }
    }

    /// The times of the rows, or one that stands for all.
    fn times(&self, batch: &RecordBatch) -> Result<Times, Error> {
        if self.has_times { Ok(Times::Each(times(batch)?)) } else { Ok(Times::All(self.windows.first_instant())) }
    }

    /// All lines are of one series, without labels.
    fn count(&mut self, batch: &RecordBatch, table: &mut dyn Table) -> Result<usize, Error> {
        let counts: &UInt64Array = column(batch, logs::COUNT)?;
        let nobody = Labels::default();
        self.grouping.write_key(&LabelSet::new(&nobody), &mut self.key);
        let (series, times) = (table.series(&self.key), self.times(batch)?);
        let mut lines = 0;
        for (row, count) in counts.values().iter().enumerate() {
            table.add_times(series, times.of(row), *count);
            lines += count;
        }
        Ok(usize::try_from(lines).unwrap_or(usize::MAX))
    }

    /// Every row is a sample and its series follows from its stream: labels are looked at once a stream.
    fn by_stream(&mut self, batch: &RecordBatch, table: &mut dyn Table) -> Result<usize, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: Option<&StringArray> = self.has_line.then(|| column(batch, logs::LINE)).transpose()?;
        let counts: Option<&UInt64Array> = self.counts.then(|| column(batch, logs::COUNT)).transpose()?;
        let labels = self.streams.labels(stream)?;
        let times = self.times(batch)?;
        let mut sum = 0;
        for run in runs(stream.keys().values()) {
            let Some(labels) = stream.key(run.start).and_then(|key| labels.get(key)) else { continue };
            self.grouping.write_key(&LabelSet::new(labels), &mut self.key);
            let series = table.series(&self.key);
            for row in run {
                let count = counts.map_or(1, |counts| counts.value(row));
                match lines {
                    Some(lines) => table.add(series, times.of(row), f64::from(lines.value_length(row))),
                    None => table.add_times(series, times.of(row), count),
                }
                sum += count;
            }
        }
        Ok(usize::try_from(sum).unwrap_or(usize::MAX))
    }

    /// Every row is a sample, and its series follows from its stream and one id.
    fn by_id(&mut self, batch: &RecordBatch, id: &'static str, table: &mut dyn Table) -> Result<usize, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let labels = self.streams.labels(stream)?;
        let ids = texts(batch, id)?;
        if let Some(column) = batch.column_by_name(id).and_then(|column| column.as_dictionary_opt::<Int32Type>())
            && !self.known.is_of(column.values())
        {
            self.settle(table);
            self.known.turn(column.values());
        }
        let nobody = Labels::default();
        let is_all = matches!(&self.grouping, Grouping::By(names) if names.as_slice() == [id]);
        let times = self.times(batch)?;
        for run in runs(stream.keys().values()) {
            let own = labels.get(stream.key(run.start).unwrap_or(0)).map_or(&nobody, |labels| labels);
            // The id alone makes the series, unless the stream has a label of its name.
            let is_alone = is_all && own.get(id).is_none();
            if !is_alone {
                self.settle(table);
                self.known.forget();
            }
            let mut at = run.start;
            while at < run.end {
                let end = times.end_of_pane(at..run.end, |time| self.windows.pane(time));
                self.add_ids(at..end, times.of(at), (&ids, own), table);
                if !(is_alone && matches!(times, Times::All(_))) {
                    self.add_counted(times.of(at), own, table);
                }
                at = end;
            }
            if !is_alone {
                self.known.forget();
            }
        }
        Ok(batch.num_rows())
    }

    /// Adds or counts rows of one stream and one pane.
    fn add_ids(
        &mut self,
        rows: Range<usize>,
        time: i64,
        (ids, own): (&logs::Texts<'_>, &Labels),
        table: &mut dyn Table,
    ) {
        match ids {
            logs::Texts::Dictionary(keys, _) => {
                for row in rows {
                    let key = if keys.is_null(row) { None } else { usize::try_from(keys.value(row)).ok() };
                    self.known.count(key.map_or(0, |key| key + 1));
                }
            }
            logs::Texts::Plain(_) => {
                let mut set = LabelSet::new(own);
                for row in rows {
                    let series = self.series_of(ids.get(row), (&mut set, own), table);
                    table.add_times(series, time, 1);
                }
            }
        }
    }

    /// Adds the lines that were counted by id.
    fn add_counted(&mut self, time: i64, own: &Labels, table: &mut dyn Table) {
        let Some(values) = self.known.dictionary.clone() else { return };
        let (values, mut set) = (values.as_string::<i32>(), LabelSet::new(own));
        let mut touched = std::mem::take(&mut self.known.touched);
        for place in touched.drain(..) {
            let mut series = self.known.numbers.get(place).copied().unwrap_or(UNKNOWN);
            if series == UNKNOWN {
                series = self.series_of(place.checked_sub(1).map(|key| values.value(key)), (&mut set, own), table);
            }
            self.known.numbers.get_mut(place).into_iter().for_each(|number| *number = series);
            let count = self.known.counts.get_mut(place).map(std::mem::take);
            table.add_times(series, time, count.unwrap_or(0));
        }
        self.known.touched = touched;
    }

    /// Adds what still waits: lines of any stream whose id alone makes the series, where it does not matter when they were
    /// written.
    pub(in crate::exec) fn settle(&mut self, table: &mut dyn Table) {
        self.add_counted(self.windows.first_instant(), &Labels::default(), table);
    }

    /// The series of lines with an id, and the labels of a stream.
    fn series_of<'l>(
        &mut self,
        value: Option<&'l str>,
        (set, own): (&mut LabelSet<'l>, &'l Labels),
        table: &mut dyn Table,
    ) -> usize {
        set.reset(own);
        self.ids.first().zip(value).into_iter().for_each(|(id, value)| set.add_metadata(id, value));
        self.grouping.write_key(set, &mut self.key);
        table.series(&self.key)
    }

    fn by_row(
        &mut self,
        batch: &RecordBatch,
        map: Option<&MapArray>,
        table: &mut dyn Table,
        query: &QueryContext,
    ) -> Result<usize, Error> {
        let stream: &TextDictionary = column(batch, logs::STREAM)?;
        let lines: Option<&StringArray> = self.has_line.then(|| column(batch, logs::LINE)).transpose()?;
        let counts: Option<&UInt64Array> = self.counts.then(|| column(batch, logs::COUNT)).transpose()?;
        let ids = self.ids.iter().map(|id| Ok((*id, texts(batch, id)?))).collect::<Result<Vec<_>, Error>>()?;
        let labels = self.streams.labels(stream)?;
        let nobody = Labels::default();
        let mut row = Row::new(&nobody, self.now);
        let mut series = Series { untouched: vec![UNKNOWN; stream.values().len()], last: UNKNOWN, key: String::new() };
        let times = self.times(batch)?;
        let mut kept = 0;
        for index in 0..batch.num_rows() {
            query.go_on()?;
            let key = stream.key(index).unwrap_or(0);
            row.labels.reset(labels.get(key).map_or(&nobody, |labels| labels));
            row.time = times.of(index);
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
                let number = series.number(&self.grouping, &row.labels, key, &mut self.key, table);
                let count = counts.map_or(1, |counts| counts.value(index));
                match counts {
                    Some(_) => table.add_times(number, row.time, count),
                    None => table.add(number, row.time, value),
                }
                kept += count;
            }
        }
        Ok(usize::try_from(kept).unwrap_or(usize::MAX))
    }
}

/// Numbers of the series of a batch's lines.
struct Series {
    /// Of lines whose labels are just those of their stream, by key of the stream.
    untouched: Vec<usize>,
    /// Of the line before, and its key.
    last: usize,
    key: String,
}

impl Series {
    fn number(
        &mut self,
        grouping: &Grouping,
        labels: &LabelSet<'_>,
        stream: usize,
        scratch: &mut String,
        table: &mut dyn Table,
    ) -> usize {
        let is_untouched = labels.is_untouched();
        if is_untouched && let Some(number) = self.untouched.get(stream).filter(|number| **number != UNKNOWN) {
            return *number;
        }
        grouping.write_key(labels, scratch);
        if self.last == UNKNOWN || *scratch != self.key {
            self.last = table.series(scratch);
            std::mem::swap(&mut self.key, scratch);
        }
        if let Some(slot) = self.untouched.get_mut(stream).filter(|_| is_untouched) {
            *slot = self.last;
        }
        self.last
    }
}

/// When the rows of a batch were written, in nanoseconds.
enum Times {
    Each(Vec<i64>),
    /// It does not matter.
    All(i64),
}

impl Times {
    fn of(&self, row: usize) -> i64 {
        match self {
            Self::Each(times) => times.get(row).copied().unwrap_or(0),
            Self::All(time) => *time,
        }
    }

    /// Where the rows of the pane of the first one end.
    fn end_of_pane(&self, rows: Range<usize>, pane: impl Fn(i64) -> Option<Pane>) -> usize {
        let Self::Each(times) = self else { return rows.end };
        let pane = pane(self.of(rows.start)).unwrap_or(Pane::EMPTY);
        let rest = times.get(rows.start + 1..rows.end).unwrap_or_default();
        let same = rest.iter().position(|time| !pane.contains(*time)).unwrap_or(rest.len());
        rows.start + 1 + same
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
