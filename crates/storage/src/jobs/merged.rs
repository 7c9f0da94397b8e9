//! The rows of several sorted files as one sorted stream, without holding more than a batch of each.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::merge::{gather, is_text_dictionary};
use crate::read::{BATCH_ROWS, FileRows, Footers, Plan, Step, Steps};
use crate::store::Store;
use crate::{Error, FileRef, TableSpec};

/// Rows of files in the order of the table; of equal ones those of an earlier file come first.
pub(super) struct Merged {
    spec: TableSpec,
    inputs: Vec<Input>,
}

/// One file, at the row that comes next.
struct Input {
    rows: FileRows,
    current: Option<Current>,
}

struct Current {
    rows: RecordBatch,
    keys: Vec<Key>,
    at: usize,
}

/// A sort column of a batch, ready to be compared.
enum Key {
    Dictionary(Int32Array, StringArray),
    Text(StringArray),
    Number(Int64Array),
}

impl Merged {
    pub(super) fn new(
        plan: &Arc<Plan>,
        store: &Arc<dyn Store>,
        footers: &Arc<Footers>,
        files: &[FileRef],
    ) -> Result<Self, Error> {
        let rows = |file: &FileRef| {
            FileRows::new(Arc::clone(plan), Arc::clone(store), Arc::clone(footers), std::iter::once(file.clone()))
        };
        let inputs = files.iter().map(|file| Input { rows: rows(file), current: None }).collect();
        let mut merged = Self { spec: plan.spec.clone(), inputs };
        (0..files.len()).try_for_each(|input| merged.load(input))?;
        Ok(merged)
    }

    /// The next rows, about as many as a page holds; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        if let [input] = self.inputs.as_mut_slice() {
            let rows = input.current.take().map(|current| current.rows);
            self.load(0)?;
            return Ok(rows);
        }
        let mut batches: Vec<RecordBatch> = Vec::new();
        // Which of the batches is the current one of each input.
        let mut known: Vec<Option<usize>> = vec![None; self.inputs.len()];
        let mut places = Vec::with_capacity(BATCH_ROWS);
        while places.len() < BATCH_ROWS {
            let Some((first, end)) = self.run() else { break };
            let Some(Some(current)) = self.inputs.get_mut(first).map(|input| &mut input.current) else { break };
            let batch = *known[first].get_or_insert_with(|| {
                batches.push(current.rows.clone());
                batches.len() - 1
            });
            let end = end.min(current.at + BATCH_ROWS - places.len());
            places.extend((current.at..end).map(|row| (batch, row)));
            current.at = end;
            if current.at == current.rows.num_rows() {
                known[first] = None;
                self.load(first)?;
            }
        }
        if places.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        gather(&self.spec.schema, &batches, &places).map(Some).map_err(Error::internal)
    }

    /// The input whose row comes next, and up to where its rows come before those of all others.
    fn run(&self) -> Option<(usize, usize)> {
        let mut ready = self.inputs.iter().enumerate().filter_map(|(at, input)| Some((at, input.current.as_ref()?)));
        let mut first = ready.next()?;
        let mut second: Option<(usize, &Current)> = None;
        for next in ready {
            // Inputs are looked at in their order, so an equal row of a later one stays behind.
            let loser = if next.1.compare(next.1.at, first.1, first.1.at).is_lt() {
                std::mem::replace(&mut first, next)
            } else {
                next
            };
            let closer = second.is_none_or(|second| {
                let order = loser.1.compare(loser.1.at, second.1, second.1.at);
                order.then(loser.0.cmp(&second.0)).is_lt()
            });
            if closer {
                second = Some(loser);
            }
        }
        let Some(second) = second else { return Some((first.0, first.1.rows.num_rows())) };
        let before = |row: usize| {
            let order = first.1.compare(row, second.1, second.1.at);
            order.then(first.0.cmp(&second.0)).is_lt()
        };
        Some((first.0, gallop(first.1.at, first.1.rows.num_rows(), before)))
    }

    /// Makes the next rows of an input its current ones, when it has none.
    fn load(&mut self, input: usize) -> Result<(), Error> {
        let Some(input) = self.inputs.get_mut(input) else { return Ok(()) };
        loop {
            match input.rows.step()? {
                Step::More => {}
                Step::Rows(rows) if rows.num_rows() == 0 => {}
                Step::Rows(rows) => {
                    let keys = keys(&self.spec, &rows).map_err(Error::internal)?;
                    input.current = Some(Current { rows, keys, at: 0 });
                    return Ok(());
                }
                Step::Done => {
                    input.current = None;
                    return Ok(());
                }
            }
        }
    }
}

impl Current {
    fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        let orders = self.keys.iter().zip(&other.keys).map(|(key, other)| key.compare(row, other, other_row));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl Key {
    fn compare(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        match (self, other) {
            (Self::Number(numbers), Self::Number(others)) => {
                let number = |numbers: &Int64Array, row| numbers.is_valid(row).then(|| numbers.value(row));
                number(numbers, row).cmp(&number(others, other_row))
            }
            _ => self.text(row).cmp(&other.text(other_row)),
        }
    }

    fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Dictionary(keys, values) => {
                let key = keys.is_valid(row).then(|| keys.value(row))?;
                usize::try_from(key).ok().map(|key| values.value(key))
            }
            Self::Text(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Number(_) => None,
        }
    }
}

fn keys(spec: &TableSpec, rows: &RecordBatch) -> Result<Vec<Key>, ArrowError> {
    let key = |name: &&str| {
        let column = rows.column(rows.schema_ref().index_of(name)?);
        Ok(match column.data_type() {
            kind if is_text_dictionary(kind) => {
                let dictionary = column.as_dictionary::<Int32Type>();
                Key::Dictionary(dictionary.keys().clone(), dictionary.values().as_string::<i32>().clone())
            }
            DataType::Utf8 => Key::Text(column.as_string::<i32>().clone()),
            _ => Key::Number(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        })
    };
    spec.sort.iter().map(key).collect()
}

/// The end of the rows from `start` on which are `before`, looking ahead in growing steps; at least one.
fn gallop(start: usize, end: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (start + 1, 1);
    while low + step <= end && before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let mut high = (low + step - 1).min(end);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_the_first_row_of_another_input_comes_before() {
        for end in 1..40 {
            for cut in 1..=end {
                assert_eq!(gallop(0, end, |row| row < cut), cut, "{cut} of {end}");
            }
        }
    }
}
