//! What a table is: its name, its columns and how its rows are sorted.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::logs::{LINE, PATTERN, text_dictionary};

/// A table kept by storage: a Delta table partitioned by tenant and day (UTC), with a head in memory.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// Folder of the table below the data folder, and its name in a [`crate::Scan`].
    pub name: &'static str,
    /// Columns of the rows. One must be `timestamp` (microseconds, UTC); `nanos` (Int16) adds the rest of a
    /// nanosecond time when it is there. The partition columns `tenant` and `day` are not among them.
    pub schema: SchemaRef,
    /// Columns by which rows are sorted in a file; ties keep the order of arrival.
    pub sort: &'static [&'static str],
    /// For a derived table: the text column that names a row by its first 16 bytes. Equal lines of one batch must get different ids, and the
    /// same line the same id whenever it is derived again, alone or among others; then deleting lines deletes the rows
    /// derived from them. Without it their rows stay.
    pub id: Option<&'static str>,
}

impl TableSpec {
    /// The columns of its files: those of the rows, and what is worked out when a file is written.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        if self.schema.field_with_name(LINE).is_err() {
            return Arc::clone(&self.schema);
        }
        let pattern = Arc::new(Field::new(PATTERN, text_dictionary(), true));
        Arc::new(Schema::new(self.schema.fields().iter().cloned().chain([pattern]).collect::<Vec<_>>()))
    }
}
