//! Structured metadata as columns: ids in their own, the rest in a map; and both together again.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, AsArray, Int32Array, MapArray, MapBuilder, MapFieldNames, StringArray,
    StringBuilder, StringDictionaryBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use logline::Batch;

use super::{KEYS, METADATA, NAME, PAIR, key_type, text_map};

type PairsBuilder = MapBuilder<StringBuilder, StringBuilder>;

/// Builds the columns of structured metadata.
pub(super) struct Metadata {
    rest: PairsBuilder,
    /// A column for each of [`KEYS`]; `None` while no row has it.
    ids: [Option<KeyColumn>; KEYS.len()],
    rows: usize,
}

enum KeyColumn {
    Dictionary(StringDictionaryBuilder<Int32Type>),
    Text(StringBuilder),
}

impl Metadata {
    /// As large as needed and no larger: a small push must not keep default capacities in memory.
    pub(super) fn new(batch: &Batch, rows: usize) -> Self {
        let entries = || batch.streams.iter().flat_map(|stream| &stream.entries);
        let pairs = || entries().flat_map(|entry| &entry.metadata).filter(|(name, _)| position(name).is_none());
        let names_len = pairs().map(|(name, _)| name.len()).sum();
        let values_len = pairs().map(|(_, value)| value.len()).sum();
        let count = pairs().count();
        let rest = MapBuilder::with_capacity(
            Some(names()),
            StringBuilder::with_capacity(count, names_len),
            StringBuilder::with_capacity(count, values_len),
            rows,
        );
        Self { rest, ids: std::array::from_fn(|_| None), rows: 0 }
    }

    /// Adds the pairs of the next row.
    pub(super) fn append(&mut self, pairs: &[(String, String)]) -> Result<(), ArrowError> {
        let mut rest = false;
        for (name, value) in pairs {
            let id = position(name).and_then(|id| self.ids.get_mut(id).zip(KEYS.get(id)));
            match id.map(|(column, name)| column.get_or_insert_with(|| KeyColumn::new(name))) {
                // A name that stands there again, against the rules, stays in the map.
                Some(column) if column.len() <= self.rows => column.set(self.rows, value)?,
                _ => {
                    append(&mut self.rest, name, value);
                    rest = true;
                }
            }
        }
        self.rows += 1;
        self.rest.append(rest)
    }

    /// The map of the rest, and the columns of ids.
    pub(super) fn finish(mut self) -> (ArrayRef, Vec<ArrayRef>) {
        let rows = self.rows;
        let column = |(name, column): (&str, Option<KeyColumn>)| match column {
            Some(column) => column.finish(rows),
            None => new_null_array(&key_type(name), rows),
        };
        (Arc::new(self.rest.finish()), KEYS.into_iter().zip(self.ids).map(column).collect())
    }
}

impl KeyColumn {
    fn new(name: &str) -> Self {
        match key_type(name) {
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(0, 0)),
            _ => Self::Dictionary(StringDictionaryBuilder::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(texts) => texts.len(),
            Self::Dictionary(texts) => texts.len(),
        }
    }

    /// Gives a row a value; those before it that have none are null.
    fn set(&mut self, row: usize, value: &str) -> Result<(), ArrowError> {
        match self {
            Self::Text(texts) => {
                texts.append_nulls(row.saturating_sub(texts.len()));
                texts.append_value(value);
            }
            Self::Dictionary(texts) => {
                texts.append_nulls(row.saturating_sub(texts.len()));
                texts.append(value)?;
            }
        }
        Ok(())
    }

    fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Self::Text(mut texts) => {
                texts.append_nulls(rows.saturating_sub(texts.len()));
                Arc::new(texts.finish())
            }
            Self::Dictionary(mut texts) => {
                texts.append_nulls(rows.saturating_sub(texts.len()));
                Arc::new(texts.finish())
            }
        }
    }
}

/// The texts of a column, plain or dictionary.
#[derive(Clone, Copy, Debug)]
pub enum Texts<'c> {
    /// A text for each row.
    Plain(&'c StringArray),
    /// A number for each row, and the text of each number.
    Dictionary(&'c Int32Array, &'c StringArray),
}

impl<'c> Texts<'c> {
    /// `None` when the column holds no text.
    pub fn of(column: &'c dyn Array) -> Option<Self> {
        if let Some(texts) = column.as_string_opt() {
            return Some(Self::Plain(texts));
        }
        let dictionary = column.as_dictionary_opt::<Int32Type>()?;
        Some(Self::Dictionary(dictionary.keys(), dictionary.values().as_string_opt()?))
    }

    /// A number that rows with the same text share; zero stands for null.
    /// `None` when the texts have no numbers.
    pub fn key(&self, row: usize) -> Option<usize> {
        match self {
            Self::Plain(_) => None,
            Self::Dictionary(keys, _) if keys.is_null(row) => Some(0),
            Self::Dictionary(keys, _) => usize::try_from(keys.value(row)).ok().map(|key| key + 1),
        }
    }

    /// The text of a row; `None` when it is null.
    pub fn get(&self, row: usize) -> Option<&'c str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Dictionary(keys, texts) => {
                let key = keys.is_valid(row).then(|| keys.value(row))?;
                usize::try_from(key).ok().filter(|key| *key < texts.len()).map(|key| texts.value(key))
            }
        }
    }
}

/// All structured metadata of rows with these columns: each row's pairs sorted by name. Ids that are `hidden` are left
/// out.
pub(crate) fn assembled(rows: &RecordBatch, hidden: &[&str]) -> Result<ArrayRef, ArrowError> {
    let rest = rows.column_by_name(METADATA);
    let ids = KEYS.into_iter().filter(|name| !hidden.contains(name)).filter_map(|name| {
        let column = rows.column_by_name(name).filter(|column| column.null_count() < column.len())?;
        Some((name, Texts::of(column)?))
    });
    let ids: Vec<(&str, Texts<'_>)> = ids.collect();
    if ids.is_empty() {
        return Ok(rest.map_or_else(|| new_null_array(&text_map(), rows.num_rows()), Arc::clone));
    }
    let rest = rest.and_then(|rest| rest.as_map_opt());
    let mut all = MapBuilder::new(Some(names()), StringBuilder::new(), StringBuilder::new());
    for row in 0..rows.num_rows() {
        let mut ids = ids.iter().filter_map(|(name, texts)| Some((*name, texts.get(row)?))).peekable();
        let mut any = ids.peek().is_some();
        for (name, value) in rest.into_iter().flat_map(|rest| pairs(rest, row)) {
            any = true;
            while let Some((id, text)) = ids.next_if(|(id, _)| *id < name) {
                append(&mut all, id, text);
            }
            // A file of format 1 had its ids in the map.
            if ids.peek().is_none_or(|(id, _)| *id != name) {
                append(&mut all, name, value);
            }
        }
        ids.for_each(|(id, text)| append(&mut all, id, text));
        all.append(any)?;
    }
    Ok(Arc::new(all.finish()))
}

/// The column of an id; taken out of the map where rows come from a file of format 1, which has no such column.
pub(crate) fn key_column(rows: &RecordBatch, name: &str) -> ArrayRef {
    if let Some(column) = rows.column_by_name(name) {
        return Arc::clone(column);
    }
    let map = rows.column_by_name(METADATA).and_then(|metadata| metadata.as_map_opt());
    let of_row = |row| pairs(map?, row).find(|(key, _)| *key == name).map(|(_, value)| value);
    Arc::new((0..rows.num_rows()).map(of_row).collect::<StringArray>())
}

/// The pairs of a row of a map of texts; a value that is null reads as empty.
pub fn pairs(map: &MapArray, row: usize) -> impl Iterator<Item = (&str, &str)> {
    let offset = |index: usize| map.value_offsets().get(index).and_then(|offset| usize::try_from(*offset).ok());
    let (start, end) = if map.is_null(row) { (0, 0) } else { (offset(row).unwrap_or(0), offset(row + 1).unwrap_or(0)) };
    let names: &StringArray = map.keys().as_string();
    let values: &StringArray = map.values().as_string();
    (start..end).map(move |index| (names.value(index), if values.is_null(index) { "" } else { values.value(index) }))
}

fn position(name: &str) -> Option<usize> {
    KEYS.iter().position(|id| *id == name)
}

fn append(map: &mut PairsBuilder, name: &str, value: &str) {
    map.keys().append_value(name);
    map.values().append_value(value);
}

/// The names that Parquet and Delta use for the parts of a map.
pub(crate) fn names() -> MapFieldNames {
    MapFieldNames { entry: PAIR.to_owned(), key: NAME.to_owned(), value: "value".to_owned() }
}
