//! The table of lines: its columns, and how a batch becomes rows.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::TableSpec;

/// Name of the table that keeps the lines.
pub const LOGS: &str = "logs";

/// Canonical text of the labels: the identity of the stream.
pub const STREAM: &str = "stream";
/// The label `service_name`, null when the stream has none.
pub const SERVICE_NAME: &str = "service_name";
/// Microseconds since the epoch, UTC.
pub const TIMESTAMP: &str = "timestamp";
/// What the microseconds leave out of the nanosecond time: 0 to 999.
pub const NANOS: &str = "nanos";
/// The text of the line.
pub const LINE: &str = "line";
/// Structured metadata, sorted by name; null when there is none.
pub const METADATA: &str = "metadata";
/// When the server received the line.
pub const RECEIVED: &str = "received";

/// Columns of the table of lines, in order.
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new(STREAM, text_dictionary(), false),
            Field::new(SERVICE_NAME, text_dictionary(), true),
            Field::new(TIMESTAMP, micros_utc(), false),
            Field::new(NANOS, DataType::Int16, false),
            Field::new(LINE, DataType::Utf8, false),
            Field::new(METADATA, text_map(), true),
            Field::new(RECEIVED, micros_utc(), false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// The table of lines.
pub fn spec() -> TableSpec {
    TableSpec { name: LOGS, schema: schema(), sort: &[STREAM, TIMESTAMP, NANOS] }
}

/// `Timestamp(µs, "UTC")`, the only precision Delta has.
pub fn micros_utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// `Dictionary(Int32, Utf8)`.
pub fn text_dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// `Map<Utf8, Utf8>` with the names that Parquet and Delta use for its parts.
pub fn text_map() -> DataType {
    let pair = Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair), false)), false)
}
