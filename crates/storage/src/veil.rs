//! Hides parts of lines from a reader: labels, structured metadata, keys within the line, or the line itself.
//!
//! What is hidden depends on the labels of the row's stream only, so it is decided once a stream. It is done to the rows
//! before any condition of the query looks at them, and before anything is given out.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, MapBuilder, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use logline::{HIDDEN, KeyValues, Labels};
use serde::{Deserialize, Serialize};

use crate::filter::StreamTest;
use crate::logs::{ALL_METADATA, KEYS, LINE, METADATA, STREAM, Texts, map_names, pairs};
use crate::{Error, Predicate};

/// Verdicts are remembered for this many streams.
const REMEMBERED_STREAMS: usize = 65_536;

/// What a reader does not see of the lines of some streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Veil {
    /// Of which streams: a condition on labels only.
    pub on: Predicate,
    /// Whether the text of the line is replaced altogether.
    pub lines: bool,
    /// Labels and metadata that are left out; keys within the line whose values are replaced.
    pub hide: BTreeSet<String>,
    /// Labels, metadata and keys within the line whose values are replaced.
    pub mask: BTreeSet<String>,
}

/// Veils, ready to be laid over rows.
#[derive(Debug)]
pub(crate) struct Veils {
    veils: Vec<(StreamTest, Veil)>,
    /// Every name in any of them.
    names: BTreeSet<String>,
    known: Mutex<HashMap<String, Arc<Verdict>>>,
}

/// What is hidden of the rows of one stream.
#[derive(Debug, Default)]
struct Verdict {
    lines: bool,
    hide: BTreeSet<String>,
    mask: BTreeSet<String>,
    keys: Option<KeyValues>,
    /// The labels as they are seen.
    stream: String,
}

impl Veils {
    /// `None` when nothing is hidden.
    pub(crate) fn new(schema: &Schema, veils: &[Veil]) -> Result<Option<Self>, Error> {
        if veils.is_empty() || schema.field_with_name(STREAM).is_err() {
            return Ok(None);
        }
        let test = |veil: &Veil| Ok((StreamTest::new(schema, &veil.on)?, veil.clone()));
        let names = veils.iter().flat_map(|veil| veil.hide.iter().chain(&veil.mask)).cloned().collect();
        Ok(Some(Self { veils: veils.iter().map(test).collect::<Result<_, Error>>()?, names, known: Mutex::default() }))
    }

    /// Whether a condition on this label or key of metadata could tell what is hidden.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether anything in this column may be hidden.
    pub(crate) fn covers(&self, column: &str) -> bool {
        match column {
            LINE | STREAM | METADATA | ALL_METADATA => true,
            column => self.names.contains(column),
        }
    }

    /// The rows as their reader sees them. They must have their streams; without them nothing is shown.
    pub(crate) fn lay(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let streams = rows.column_by_name(STREAM).and_then(|column| column.as_dictionary_opt::<Int32Type>());
        let streams =
            streams.ok_or_else(|| ArrowError::ComputeError("rows behind a veil have no streams".to_owned()))?;
        let texts: &StringArray = streams.values().as_string();
        let verdicts: Vec<_> = texts.iter().map(|stream| self.verdict(stream.unwrap_or_default())).collect();
        if verdicts.iter().all(Option::is_none) {
            return Ok(rows.clone());
        }
        let of = |row: usize| verdicts.get(usize::try_from(streams.keys().value(row)).ok()?)?.as_deref();
        let column = |(field, column): (&Arc<arrow::datatypes::Field>, &ArrayRef)| match field.name().as_str() {
            STREAM => seen_streams(streams, texts, &verdicts),
            LINE => seen_lines(column, of),
            METADATA => seen_map(column, of),
            name if self.names.contains(name) && KEYS.contains(&name) => seen_key(column, name, of),
            _ => Ok(Arc::clone(column)),
        };
        let columns = rows.schema().fields().iter().zip(rows.columns()).map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(rows.schema(), columns, &options)
    }

    /// What is hidden of a stream; `None` for nothing.
    fn verdict(&self, stream: &str) -> Option<Arc<Verdict>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known.get(stream) {
            return verdict.is_any().then(|| Arc::clone(verdict));
        }
        if REMEMBERED_STREAMS <= known.len() {
            known.clear();
        }
        let verdict = Arc::new(self.judge(stream));
        known.insert(stream.to_owned(), Arc::clone(&verdict));
        verdict.is_any().then_some(verdict)
    }

    fn judge(&self, stream: &str) -> Verdict {
        let mut labels = Labels::parse(stream).unwrap_or_default();
        let mut verdict = Verdict::default();
        // What cannot be decided by labels hides.
        for (_, veil) in self.veils.iter().filter(|(test, _)| test.decide(stream, &labels).unwrap_or(true)) {
            verdict.lines |= veil.lines;
            verdict.hide.extend(veil.hide.iter().cloned());
            verdict.mask.extend(veil.mask.iter().cloned());
        }
        for name in verdict.mask.iter().filter(|name| labels.get(name).is_some()).cloned().collect::<Vec<_>>() {
            labels.set(&name, HIDDEN);
        }
        verdict.hide.iter().for_each(|name| labels.set(name, ""));
        verdict.keys = KeyValues::new(verdict.hide.iter().chain(&verdict.mask).map(String::as_str));
        verdict.stream = labels.to_string();
        verdict
    }
}

impl Verdict {
    fn is_any(&self) -> bool {
        self.lines || self.keys.is_some()
    }

    /// A value of metadata as it is seen; `None` when it is left out.
    fn value<'v>(&self, name: &str, value: &'v str) -> Option<&'v str> {
        if self.hide.contains(name) {
            return None;
        }
        Some(if self.mask.contains(name) { HIDDEN } else { value })
    }

    fn line<'l>(&self, line: &'l str) -> Cow<'l, str> {
        match &self.keys {
            _ if self.lines => Cow::Borrowed(HIDDEN),
            Some(keys) => keys.hidden(line),
            None => Cow::Borrowed(line),
        }
    }
}

fn seen_streams(
    streams: &DictionaryArray<Int32Type>,
    texts: &StringArray,
    verdicts: &[Option<Arc<Verdict>>],
) -> Result<ArrayRef, ArrowError> {
    let seen = texts.iter().zip(verdicts).map(|(text, verdict)| match verdict {
        Some(verdict) => Some(verdict.stream.as_str()),
        None => text,
    });
    let seen = seen.collect::<StringArray>();
    Ok(Arc::new(DictionaryArray::try_new(streams.keys().clone(), Arc::new(seen))?))
}

fn seen_lines<'v>(lines: &ArrayRef, of: impl Fn(usize) -> Option<&'v Verdict>) -> Result<ArrayRef, ArrowError> {
    let lines = lines.as_string_opt::<i32>();
    let lines = lines.ok_or_else(|| ArrowError::ComputeError("lines behind a veil are no text".to_owned()))?;
    let mut seen = StringBuilder::with_capacity(lines.len(), lines.value_data().len());
    for row in 0..lines.len() {
        match of(row) {
            Some(verdict) => seen.append_value(verdict.line(lines.value(row))),
            None => seen.append_value(lines.value(row)),
        }
    }
    Ok(Arc::new(seen.finish()))
}

fn seen_key<'v>(
    column: &ArrayRef,
    name: &str,
    of: impl Fn(usize) -> Option<&'v Verdict>,
) -> Result<ArrayRef, ArrowError> {
    let Some(texts) = Texts::of(column) else { return Ok(Arc::clone(column)) };
    let value = |row| {
        let text = texts.get(row)?;
        of(row).map_or(Some(text), |verdict| verdict.value(name, text))
    };
    let seen: ArrayRef = Arc::new((0..column.len()).map(value).collect::<StringArray>());
    if column.data_type() == &DataType::Utf8 { Ok(seen) } else { cast(&seen, column.data_type()) }
}

fn seen_map<'v>(column: &ArrayRef, of: impl Fn(usize) -> Option<&'v Verdict>) -> Result<ArrayRef, ArrowError> {
    let Some(map) = column.as_map_opt() else { return Ok(Arc::clone(column)) };
    let mut seen = MapBuilder::new(Some(map_names()), StringBuilder::new(), StringBuilder::new());
    for row in 0..map.len() {
        let mut any = false;
        for (name, value) in pairs(map, row) {
            if let Some(value) = of(row).map_or(Some(value), |verdict| verdict.value(name, value)) {
                any = true;
                seen.keys().append_value(name);
                seen.values().append_value(value);
            }
        }
        seen.append(any)?;
    }
    Ok(Arc::new(seen.finish()))
}
