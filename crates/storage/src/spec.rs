//! What a table is: its name, its columns and how its rows are sorted.

use arrow::datatypes::SchemaRef;

/// A table kept by storage: a Delta table partitioned by tenant and day (UTC), with a head in memory.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// Folder of the table below the data folder, and its name in a [`crate::Scan`].
    pub name: &'static str,
    /// Columns in the files. One must be `timestamp` (microseconds, UTC); `nanos` (Int16) adds the rest of a
    /// nanosecond time when it is there. The partition columns `tenant` and `day` are not among them.
    pub schema: SchemaRef,
    /// Columns by which rows are sorted in a file; ties keep the order of arrival.
    pub sort: &'static [&'static str],
    /// For a derived table: the text column that names a row by its first 16 bytes. Equal lines of one batch must get different ids, and the
    /// same line the same id whenever it is derived again, alone or among others; then deleting lines deletes the rows
    /// derived from them. Without it their rows stay.
    pub id: Option<&'static str>,
}
