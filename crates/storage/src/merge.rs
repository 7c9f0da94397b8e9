//! Puts batches together: dictionaries are merged without repeats, so that small pushes do not pile up copies of labels.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray};
use arrow::compute::{concat, interleave};
use arrow::datatypes::{DataType, Int32Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// One column of several batches over one shared dictionary.
#[derive(Debug)]
pub(crate) struct Unified {
    /// The distinct values, sorted, so that keys compare as values do.
    pub(crate) values: Arc<StringArray>,
    /// The keys of each batch.
    pub(crate) keys: Vec<Int32Array>,
}

/// Whether a column is `Dictionary(Int32, Utf8)`.
pub(crate) fn is_text_dictionary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8)
}

/// Gives the columns one dictionary.
pub(crate) fn unify<'a>(columns: impl Iterator<Item = &'a ArrayRef> + Clone) -> Result<Unified, ArrowError> {
    let dictionaries = columns.map(|column| column.as_dictionary::<Int32Type>());
    let texts = dictionaries.clone().flat_map(|dictionary| dictionary.values().as_string::<i32>().iter().flatten());
    let distinct = distinct(texts);
    let ranks: HashMap<&str, i32> = distinct.iter().copied().zip(0..).collect();
    let keys = dictionaries.map(|dictionary| rekey(dictionary, &ranks)).collect();
    Ok(Unified { values: Arc::new(StringArray::from_iter_values(distinct)), keys })
}

/// Each text once, sorted.
pub(crate) fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let texts: HashSet<&str> = texts.collect();
    let mut texts: Vec<&str> = texts.into_iter().collect();
    texts.sort_unstable();
    texts
}

fn rekey(dictionary: &DictionaryArray<Int32Type>, ranks: &HashMap<&str, i32>) -> Int32Array {
    let values = dictionary.values().as_string::<i32>();
    let new_keys: Vec<i32> =
        values.iter().map(|value| value.and_then(|v| ranks.get(v)).copied().unwrap_or(0)).collect();
    let at = |key: i32| usize::try_from(key).ok().and_then(|key| new_keys.get(key)).copied().unwrap_or(0);
    // `unary` keeps the nulls; what stands under a null key does not matter.
    dictionary.keys().unary(at)
}

/// The rows of all batches, in order.
pub(crate) fn merge(schema: &SchemaRef, batches: &[&RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| -> Result<ArrayRef, ArrowError> {
        let columns = batches.iter().map(move |batch| batch.column(index));
        if !is_text_dictionary(field.data_type()) {
            return concat(&columns.map(|column| &**column).collect::<Vec<_>>());
        }
        let unified = unify(columns)?;
        let keys = concat(&unified.keys.iter().map(|keys| keys as &dyn Array).collect::<Vec<_>>())?;
        Ok(Arc::new(DictionaryArray::try_new(keys.as_primitive::<Int32Type>().clone(), unified.values)?))
    };
    let columns = schema.fields().iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Rows of several batches, by batch and row, in this order.
pub(crate) fn gather(
    schema: &SchemaRef,
    batches: &[&RecordBatch],
    places: &[(usize, usize)],
) -> Result<RecordBatch, ArrowError> {
    let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| -> Result<ArrayRef, ArrowError> {
        let columns = batches.iter().map(move |batch| batch.column(index));
        if !is_text_dictionary(field.data_type()) {
            return interleave(&columns.map(|column| &**column).collect::<Vec<_>>(), places);
        }
        let unified = unify(columns)?;
        let keys: Vec<&dyn Array> = unified.keys.iter().map(|keys| keys as &dyn Array).collect();
        let keys = interleave(&keys, places)?.as_primitive::<Int32Type>().clone();
        Ok(Arc::new(DictionaryArray::try_new(keys, unified.values)?))
    };
    let columns = schema.fields().iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}
