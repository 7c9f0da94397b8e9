//! The table of lines: its columns, and how a batch becomes rows.

mod metadata;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayAccessor, ArrayRef, AsArray, DictionaryArray, Int16Array, Int32Array, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Field, Fields, Int16Type, Int32Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};

use self::metadata::Metadata;
pub use self::metadata::{Texts, pairs};
pub(crate) use self::metadata::{assembled, key_column, names as map_names};
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
/// Structured metadata that has no column of its own, sorted by name; null when there is none.
pub const METADATA: &str = "metadata";
/// Structured metadata with a column each, sorted: the ids by which cases are looked for and grouped, and the level.
pub const KEYS: [&str; 7] =
    ["customer_id", "detected_level", "model_id", "order_id", "request_id", "span_id", "trace_id"];
/// All structured metadata of a row, sorted by name. No file has this column; a scan puts it together.
pub const ALL_METADATA: &str = "all_metadata";
/// How many rows a row stands for. No file has this column; when it is projected, rows of one stream whose times lie in
/// one of [`crate::Scan::stretches`] may be given out as one row, with the time of one of them. Beside it only
/// [`STREAM`], [`TIMESTAMP`], [`NANOS`] and [`METADATA`] can be projected; rows that have pairs that are wanted
/// ([`crate::Scan::pairs`]) stay by themselves.
pub const COUNT: &str = "count";
/// When the server received the line.
pub const RECEIVED: &str = "received";
/// What the line has in common with others, as `docs/file-format.md` tells. Only files have this column; no scan gives it
/// out.
pub const PATTERN: &str = "line_pattern";

/// Columns of the table of lines, in order.
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let mut fields = vec![
            Field::new(STREAM, text_dictionary(), false),
            Field::new(SERVICE_NAME, text_dictionary(), true),
            Field::new(TIMESTAMP, micros_utc(), false),
            Field::new(NANOS, DataType::Int16, false),
            Field::new(LINE, DataType::Utf8, false),
            Field::new(METADATA, text_map(), true),
            Field::new(RECEIVED, micros_utc(), false),
        ];
        fields.extend(KEYS.map(|name| Field::new(name, key_type(name), true)));
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// A column that a scan of a table with these columns can give out.
pub fn field(table: &Schema, name: &str) -> Option<Field> {
    match table.field_with_name(name) {
        Ok(field) => Some(field.clone()),
        Err(_) if name == ALL_METADATA && table.field_with_name(METADATA).is_ok() => {
            Some(Field::new(ALL_METADATA, text_map(), true))
        }
        Err(_) if name == COUNT && table.field_with_name(STREAM).is_ok() => {
            Some(Field::new(COUNT, DataType::UInt64, false))
        }
        Err(_) => None,
    }
}

/// What many lines share is a dictionary; a trace has a line or two in a stream.
fn key_type(name: &str) -> DataType {
    if matches!(name, "request_id" | "span_id" | "trace_id") { DataType::Utf8 } else { text_dictionary() }
}

/// Whether the token index has the words of a key: there are too few levels to look for one.
pub(crate) fn is_indexed(key: &str) -> bool {
    key.ends_with("_id")
}

/// The table of lines.
pub fn spec() -> TableSpec {
    TableSpec { name: LOGS, schema: schema(), sort: &[STREAM, TIMESTAMP, NANOS], id: None }
}

/// `Timestamp(µs, "UTC")`, the only precision Delta has.
pub fn micros_utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// `Dictionary(Int32, Utf8)`.
pub fn text_dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// What Parquet and Delta call a pair of a map.
pub(crate) const PAIR: &str = "key_value";
/// What they call the name in a pair.
pub(crate) const NAME: &str = "key";

/// `Map<Utf8, Utf8>` with the names that Parquet and Delta use for its parts.
pub fn text_map() -> DataType {
    let pair = Fields::from(vec![Field::new(NAME, DataType::Utf8, false), Field::new("value", DataType::Utf8, true)]);
    DataType::Map(Arc::new(Field::new(PAIR, DataType::Struct(pair), false)), false)
}

/// Rows of a batch, in its order.
pub(crate) fn rows(batch: &Batch) -> Result<RecordBatch, ArrowError> {
    let count = batch.lines();
    let mut streams = StringBuilder::with_capacity(batch.streams.len(), batch.streams.len() * 64);
    let mut stream_keys = Vec::with_capacity(count);
    let mut services = Services::default();
    let mut times = Vec::with_capacity(count);
    let mut nanos = Vec::with_capacity(count);
    let entries = batch.streams.iter().flat_map(|stream| &stream.entries);
    let mut lines = StringBuilder::with_capacity(count, entries.map(|entry| entry.line.len()).sum());
    let mut metadata = Metadata::new(batch, count);
    for (key, stream) in (0_i32..).zip(&batch.streams) {
        streams.append_value(stream.labels.to_string());
        let service = services.key(stream.labels.get(SERVICE_NAME));
        stream_keys.resize(stream_keys.len() + stream.entries.len(), key);
        services.keys.resize(services.keys.len() + stream.entries.len(), service);
        for entry in &stream.entries {
            times.push(entry.timestamp.micros());
            nanos.push(i16::try_from(entry.timestamp.nanos_of_micro()).unwrap_or(0));
            lines.append_value(&entry.line);
            metadata.append(&entry.metadata)?;
        }
    }
    let (rest, ids) = metadata.finish();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(DictionaryArray::try_new(Int32Array::from(stream_keys), Arc::new(streams.finish()))?),
        Arc::new(services.finish()?),
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        Arc::new(Int16Array::from(nanos)),
        Arc::new(lines.finish()),
        rest,
        Arc::new(TimestampMicrosecondArray::from(vec![batch.received.micros(); count]).with_timezone("UTC")),
    ];
    columns.extend(ids);
    RecordBatch::try_new(schema(), columns)
}

/// Lines of a tenant from rows, each stream once; `None` when a column is missing. The inverse of [`rows`].
pub(crate) fn batch(tenant: &Tenant, rows: &RecordBatch) -> Option<Batch> {
    let streams = rows.column_by_name(STREAM)?.as_dictionary_opt::<Int32Type>()?;
    let streams = streams.downcast_dict::<StringArray>()?;
    let times = rows.column_by_name(TIMESTAMP)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    let nanos = rows.column_by_name(NANOS)?.as_primitive_opt::<Int16Type>()?;
    let lines = rows.column_by_name(LINE)?.as_string_opt::<i32>()?;
    let metadata = assembled(rows, &[]).ok()?;
    let metadata = metadata.as_map_opt()?;
    let mut of_stream: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let time = times.value(row).saturating_mul(1_000).saturating_add(i64::from(nanos.value(row)));
        let pairs = pairs(metadata, row).map(|(name, value)| (name.to_owned(), value.to_owned()));
        of_stream.entry(streams.value(row)).or_default().push(Entry {
            timestamp: Timestamp(time),
            line: lines.value(row).to_owned(),
            metadata: pairs.collect(),
        });
    }
    let stream = |(labels, entries)| Some(Stream { labels: Labels::parse(labels).ok()?, entries });
    let streams = of_stream.into_iter().map(stream).collect::<Option<Vec<_>>>()?;
    Some(Batch { tenant: tenant.clone(), streams, id: None, received: Timestamp::default() })
}

/// Distinct services and each row's; a batch has few.
#[derive(Default)]
struct Services {
    names: Vec<String>,
    keys: Vec<Option<i32>>,
}

impl Services {
    fn key(&mut self, name: Option<&str>) -> Option<i32> {
        let name = name?;
        let index = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        i32::try_from(index).ok()
    }

    fn finish(self) -> Result<DictionaryArray<Int32Type>, ArrowError> {
        DictionaryArray::try_new(Int32Array::from(self.keys), Arc::new(StringArray::from(self.names)))
    }
}
