//! Reads the columns of a batch as what they are.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, DictionaryArray, Int16Array, TimestampMicrosecondArray};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use logline::Labels;
use storage::logs;
pub(crate) use storage::logs::pairs as metadata;

use crate::error::Error;

/// A column of a known type.
pub(crate) fn column<'b, T: Array + 'static>(batch: &'b RecordBatch, name: &str) -> Result<&'b T, Error> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref())
        .ok_or_else(|| Error::internal(format!("column `{name}` is missing or of another type")))
}

/// The times of the rows in nanoseconds.
pub(crate) fn times(batch: &RecordBatch) -> Result<Vec<i64>, Error> {
    let micros: &TimestampMicrosecondArray = column(batch, logs::TIMESTAMP)?;
    let nanos: &Int16Array = column(batch, logs::NANOS)?;
    let whole = |(micros, nanos): (&i64, &i16)| micros.saturating_mul(1_000).saturating_add(i64::from(*nanos));
    Ok(micros.values().iter().zip(nanos.values()).map(whole).collect())
}

/// A text column with few distinct values.
pub(crate) type TextDictionary = DictionaryArray<Int32Type>;

/// Labels of streams by their text; each text is parsed once.
#[derive(Debug, Default)]
pub(super) struct Streams {
    known: HashMap<String, Arc<Labels>>,
    /// Texts that were parsed and not asked for by [`Streams::fresh`].
    fresh: Vec<String>,
}

/// Labels are remembered for this many streams.
const REMEMBERED: usize = 65_536;

impl Streams {
    /// The labels for each key of the dictionary that a row uses; empty ones for the rest.
    pub(super) fn labels(&mut self, column: &TextDictionary) -> Result<Vec<Arc<Labels>>, Error> {
        let texts = column.values().as_string::<i32>();
        let nobody: Arc<Labels> = Arc::default();
        let mut labels = vec![nobody; texts.len()];
        for key in used_keys(column) {
            if let Some(slot) = labels.get_mut(key) {
                *slot = self.parse(texts.value(key))?;
            }
        }
        Ok(labels)
    }

    /// The texts of streams that are new since the last call.
    pub(super) fn fresh(&mut self) -> Vec<String> {
        std::mem::take(&mut self.fresh)
    }

    fn parse(&mut self, text: &str) -> Result<Arc<Labels>, Error> {
        if let Some(labels) = self.known.get(text) {
            return Ok(Arc::clone(labels));
        }
        self.fresh.push(text.to_owned());
        let labels = Arc::new(Labels::parse(text).map_err(Error::internal)?);
        if self.known.len() < REMEMBERED {
            self.known.insert(text.to_owned(), Arc::clone(&labels));
        }
        Ok(labels)
    }
}

/// The keys that rows use, each once. Rows of a file are sorted by stream, so this is mostly a comparison a row.
pub(super) fn used_keys(column: &TextDictionary) -> Vec<usize> {
    let mut used = vec![false; column.values().len()];
    let mut last = -1;
    for key in column.keys().values() {
        if *key != last {
            last = *key;
            if let Some(slot) = usize::try_from(*key).ok().and_then(|key| used.get_mut(key)) {
                *slot = true;
            }
        }
    }
    used.iter().enumerate().filter(|(_, used)| **used).map(|(key, _)| key).collect()
}
