//! Orders the rows of many batches by day and then by the table's sort columns; ties keep the order of arrival.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::TableSpec;
use crate::logs::TIMESTAMP;
use crate::merge::{Unified, distinct, is_text_dictionary, unify};

const DAY_MICROS: i64 = 86_400_000_000;

/// Rows of several batches in their final order; the batches stay where they are.
pub(super) struct Sorted<'a> {
    spec: &'a TableSpec,
    batches: &'a [&'a RecordBatch],
    /// Shared dictionaries, for the columns that are dictionaries.
    unified: Vec<Option<Unified>>,
    /// Batch and row of each row, in order of arrival.
    places: Vec<(u32, u32)>,
    /// Rows (as indexes into `places`) in their final order.
    order: Vec<u32>,
    days: Vec<i64>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(spec: &'a TableSpec, batches: &'a [&'a RecordBatch]) -> Result<Self, ArrowError> {
        let columns = |index: usize| batches.iter().map(move |batch| batch.column(index));
        let unified = spec
            .schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| is_text_dictionary(field.data_type()).then(|| unify(columns(index))).transpose());
        let unified = unified.collect::<Result<Vec<_>, _>>()?;
        let times = times(spec, batches)?;
        let days: Vec<i64> = times.iter().map(|time| time.div_euclid(DAY_MICROS)).collect();
        let mut codes = vec![days.iter().map(|day| ordered(*day)).collect()];
        for name in spec.sort {
            let index = spec.schema.index_of(name)?;
            let shared = unified.get(index).and_then(Option::as_ref);
            codes.push(match shared {
                Some(shared) => shared.keys.iter().flat_map(|keys| keys.iter().map(rank)).collect(),
                None => column_codes(&columns(index).collect::<Vec<_>>())?,
            });
        }
        let order = in_order(&codes, u32::try_from(days.len()).map_err(|_| too_many())?);
        Ok(Self { spec, batches, unified, places: places(batches)?, order, days })
    }

    /// The rows of each day, in order, as [`Self::rows`] takes them.
    pub(super) fn days(&self) -> impl Iterator<Item = (i64, &[u32])> {
        let day = |row: &u32| self.days.get(*row as usize).copied().unwrap_or(0);
        self.order.chunk_by(move |a, b| day(a) == day(b)).map(move |rows| (rows.first().map_or(0, day), rows))
    }

    /// These rows, in this order.
    pub(super) fn rows(&self, order: &[u32]) -> Result<RecordBatch, ArrowError> {
        let place = |row: &u32| self.places.get(*row as usize).map_or((0, 0), |(b, r)| (*b as usize, *r as usize));
        let places: Vec<(usize, usize)> = order.iter().map(place).collect();
        let column = |(index, shared): (usize, &Option<Unified>)| -> Result<ArrayRef, ArrowError> {
            let Some(shared) = shared else {
                let columns: Vec<&dyn Array> = self.batches.iter().map(|batch| &**batch.column(index)).collect();
                return interleave(&columns, &places);
            };
            let keys: Vec<&dyn Array> = shared.keys.iter().map(|keys| keys as &dyn Array).collect();
            let keys = interleave(&keys, &places)?.as_primitive::<Int32Type>().clone();
            Ok(Arc::new(DictionaryArray::try_new(keys, Arc::<arrow::array::StringArray>::clone(&shared.values))?))
        };
        let columns = self.unified.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.spec.schema), columns)
    }
}

/// Rows sorted by their codes; of equal ones the earlier comes first.
fn in_order(codes: &[Vec<u64>], rows: u32) -> Vec<u32> {
    if let Some(mut packed) = packed(codes, rows) {
        packed.sort_unstable();
        #[expect(clippy::cast_possible_truncation, reason = "the row is in the low half of the low half")]
        return packed.into_iter().map(|key| key as u32).collect();
    }
    let mut order: Vec<u32> = (0..rows).collect();
    let code = |codes: &Vec<u64>, row: u32| codes.get(row as usize).copied().unwrap_or(0);
    order.sort_by(|a, b| {
        let different = codes.iter().map(|codes| code(codes, *a).cmp(&code(codes, *b))).find(|o| o.is_ne());
        different.unwrap_or(std::cmp::Ordering::Equal)
    });
    order
}

/// All codes of a row and its number in one number that compares as they do one after the other; `None` when they do not
/// fit. The rows of a flush are near each other, so they mostly do.
fn packed(codes: &[Vec<u64>], rows: u32) -> Option<Vec<u128>> {
    let mut keys = vec![0_u128; rows as usize];
    let mut bits = u32::BITS;
    for codes in codes {
        let least = codes.iter().min().copied().unwrap_or(0);
        let width = u64::BITS - (codes.iter().max().copied().unwrap_or(0) - least).leading_zeros();
        bits += width;
        if u128::BITS < bits {
            return None;
        }
        keys.iter_mut().zip(codes).for_each(|(key, code)| *key = *key << width | u128::from(code - least));
    }
    Some(keys.into_iter().zip(0..rows).map(|(key, row)| key << u32::BITS | u128::from(row)).collect())
}

fn places(batches: &[&RecordBatch]) -> Result<Vec<(u32, u32)>, ArrowError> {
    let mut places = Vec::new();
    for (batch, rows) in (0..).zip(batches) {
        let rows = u32::try_from(rows.num_rows()).map_err(|_| too_many())?;
        places.extend((0..rows).map(|row| (batch, row)));
    }
    Ok(places)
}

fn times(spec: &TableSpec, batches: &[&RecordBatch]) -> Result<Vec<i64>, ArrowError> {
    let index = spec.schema.index_of(TIMESTAMP)?;
    let mut times = Vec::with_capacity(batches.iter().map(|batch| batch.num_rows()).sum());
    for batch in batches {
        times.extend_from_slice(batch.column(index).as_primitive::<TimestampMicrosecondType>().values());
    }
    Ok(times)
}

/// Numbers that compare as the values of a column do; nulls come first.
fn column_codes(columns: &[&ArrayRef]) -> Result<Vec<u64>, ArrowError> {
    let Some(kind) = columns.first().map(|column| column.data_type()) else { return Ok(Vec::new()) };
    if *kind == DataType::Utf8 {
        let texts = || columns.iter().flat_map(|column| column.as_string::<i32>().iter());
        let ranks: HashMap<&str, u64> = distinct(texts().flatten()).into_iter().zip(1..).collect();
        return Ok(texts().map(|text| text.and_then(|text| ranks.get(text)).copied().unwrap_or(0)).collect());
    }
    let mut codes = Vec::new();
    for column in columns {
        let numbers = cast(column, &DataType::Int64)?;
        codes.extend(numbers.as_primitive::<Int64Type>().iter().map(|number| number.map_or(0, ordered)));
    }
    Ok(codes)
}

fn rank(key: Option<i32>) -> u64 {
    key.and_then(|key| u64::try_from(key).ok()).map_or(0, |key| key + 1)
}

const fn ordered(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn too_many() -> ArrowError {
    ArrowError::ComputeError("too many rows in one flush".to_owned())
}

#[cfg(test)]
mod tests;
