//! The columns a scan gives out: projected, masked, in the table's types.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int16Array, Int32Array, StringArray, TimestampMicrosecondArray, UInt32Array,
    UInt64Array, new_null_array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::tally::Tally;
use crate::logs::{self, ALL_METADATA, COUNT, KEYS, METADATA, NANOS, STREAM, TIMESTAMP};
use crate::merge::is_text_dictionary;
use crate::veil::Veils;
use crate::{ColumnMask, Error, Stretches};

/// How to make the rows of the answer.
#[derive(Debug)]
pub(crate) struct Output {
    schema: SchemaRef,
    columns: Vec<Column>,
    veils: Option<Arc<Veils>>,
}

#[derive(Debug)]
enum Column {
    /// As it was read; null where the file does not have it.
    Read,
    /// A key of the structured metadata with a column of its own.
    Key(String),
    /// All structured metadata, but for ids that are hidden.
    Metadata(Vec<&'static str>),
    /// The same in every row.
    Masked(ArrayRef),
    /// How many rows a row stands for.
    Count,
}

impl Output {
    /// Fails when a column does not exist or cannot be masked.
    pub(crate) fn new(table: &Schema, projection: &[String], masks: &[ColumnMask]) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(projection.len());
        let mut columns = Vec::with_capacity(projection.len());
        for name in projection {
            let field = logs::field(table, name);
            let field = field.ok_or_else(|| Error::invalid(format!("there is no column `{name}`")))?;
            let mask_of = |name: &str| masks.iter().find(|mask| mask.column == name);
            let hides_all = || mask_of(METADATA).filter(|_| field.name() == ALL_METADATA);
            columns.push(match mask_of(name).or_else(hides_all) {
                Some(mask) => Column::Masked(masked(&field, &mask.replacement)?),
                // A table may have a column of that name itself.
                None if name == COUNT && table.field_with_name(COUNT).is_err() => Column::Count,
                None if name == ALL_METADATA => {
                    Column::Metadata(KEYS.into_iter().filter(|id| mask_of(id).is_some()).collect())
                }
                None if KEYS.contains(&name.as_str()) && table.field_with_name(METADATA).is_ok() => {
                    Column::Key(name.clone())
                }
                None => Column::Read,
            });
            fields.push(field);
        }
        let output = Self { schema: Arc::new(Schema::new(fields)), columns, veils: None };
        let together = |name: &String| [STREAM, TIMESTAMP, NANOS, METADATA, COUNT].contains(&name.as_str());
        match projection.iter().find(|name| !together(name)).filter(|_| output.counts()) {
            Some(name) => Err(Error::invalid(format!("`{COUNT}` cannot be projected together with `{name}`"))),
            None => Ok(output),
        }
    }

    /// Lays veils over the rows before they are given out.
    pub(crate) fn behind(self, veils: Option<Arc<Veils>>) -> Self {
        Self { veils, ..self }
    }

    /// Whether rows may be given out as one row with their number.
    pub(crate) fn counts(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, Column::Count))
    }

    /// Names of the columns to read.
    pub(crate) fn reads(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for (field, column) in self.schema.fields().iter().zip(&self.columns) {
            match column {
                Column::Read | Column::Key(_) => drop(names.insert(field.name().as_str())),
                Column::Metadata(hidden) => {
                    names.insert(METADATA);
                    names.extend(KEYS.into_iter().filter(|id| !hidden.contains(id)));
                }
                Column::Masked(_) | Column::Count => {}
            }
        }
        if self.veils.as_ref().is_some_and(|veils| names.iter().any(|name| veils.covers(name))) {
            names.insert(STREAM);
        }
        names
    }

    /// The answer's rows for rows that were kept, each by itself.
    pub(crate) fn rows(&self, kept: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        self.projected(kept, None)
    }

    /// The same for rows of which those of one stream and stretch are one row.
    pub(super) fn together(
        &self,
        kept: &RecordBatch,
        stretches: Option<&Stretches>,
    ) -> Result<RecordBatch, ArrowError> {
        self.counted(kept, Tally::of_batch(kept, stretches), None)
    }

    /// The answer's rows for a count of rows; all of them at about the time `micros` if it is given.
    pub(super) fn counted(
        &self,
        rows: &RecordBatch,
        tally: Tally,
        micros: Option<i64>,
    ) -> Result<RecordBatch, ArrowError> {
        let (chosen, count) = (UInt32Array::from(tally.rows), tally.counts.len());
        let mut fields = Vec::with_capacity(3);
        let mut columns = Vec::with_capacity(3);
        let mut add = |name: &str, column: ArrayRef| {
            fields.push(Field::new(name, column.data_type().clone(), true));
            columns.push(column);
        };
        let wanted = self.reads();
        for name in &wanted {
            match (rows.column_by_name(name), micros) {
                // Nobody wants any of it.
                _ if *name == METADATA => {}
                (Some(column), _) => add(name, take(column, &chosen, None)?),
                (None, Some(micros)) if *name == TIMESTAMP => {
                    let times = TimestampMicrosecondArray::from(vec![micros; count]).with_timezone("UTC");
                    add(name, Arc::new(times));
                }
                // The microsecond lies in one stretch.
                (None, _) if *name == NANOS => add(name, Arc::new(Int16Array::from(vec![0; count]))),
                (None, _) => {}
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let chosen = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        let counts: ArrayRef = Arc::new(UInt64Array::from(tally.counts));
        self.projected(&chosen, Some(&counts))
    }

    fn projected(&self, kept: &RecordBatch, counts: Option<&ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let veils = self.veils.as_ref().filter(|veils| self.reads().into_iter().any(|name| veils.covers(name)));
        let behind = veils.map(|veils| veils.lay(kept)).transpose()?;
        let kept = behind.as_ref().unwrap_or(kept);
        let column = |(field, column): (&Arc<Field>, &Column)| match column {
            Column::Masked(value) => repeat(value, kept.num_rows()),
            Column::Count => {
                Ok(counts.cloned().unwrap_or_else(|| Arc::new(UInt64Array::from(vec![1; kept.num_rows()]))))
            }
            Column::Metadata(hidden) => logs::assembled(kept, hidden),
            Column::Key(name) => {
                let ids = logs::key_column(kept, name);
                if ids.data_type() == field.data_type() { Ok(ids) } else { cast(&ids, field.data_type()) }
            }
            Column::Read => match kept.column_by_name(field.name()) {
                Some(read) if read.data_type() == field.data_type() => Ok(Arc::clone(read)),
                Some(read) => cast(read, field.data_type()),
                None => Ok(new_null_array(field.data_type(), kept.num_rows())),
            },
        };
        let columns = self.schema.fields().iter().zip(&self.columns).map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// One value that stands for all values of a masked column.
fn masked(field: &Field, replacement: &str) -> Result<ArrayRef, Error> {
    let text = || Arc::new(StringArray::from(vec![replacement]));
    match field.data_type() {
        DataType::Utf8 => Ok(text()),
        kind if is_text_dictionary(kind) => {
            let one = DictionaryArray::<Int32Type>::try_new(Int32Array::from(vec![0]), text());
            Ok(Arc::new(one.map_err(Error::internal)?))
        }
        // There is no text to put in its place, so the value is simply gone.
        kind if field.is_nullable() => Ok(new_null_array(kind, 1)),
        kind => Err(Error::invalid(format!("column `{}` of type {kind} cannot be masked", field.name()))),
    }
}

fn repeat(value: &ArrayRef, rows: usize) -> Result<ArrayRef, ArrowError> {
    take(value, &UInt32Array::from(vec![0; rows]), None)
}
