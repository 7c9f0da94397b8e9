//! The table `order_events`: its columns, rows from events, events from rows.

mod words;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Float64Builder, Int16Array, Int16Builder, Int32Array,
    Int32Builder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int16Type, Int32Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use logline::Timestamp;
use storage::TableSpec;
use storage::logs::{NANOS, STREAM, TIMESTAMP, micros_utc, text_dictionary};

use self::words::Words;
use crate::EventKind;
use crate::event::{Event, Outcome};

/// The table of all events, whose rows storage can make anew from the lines that are kept ([`storage::Storage::reread`]).
pub const ORDER_EVENTS: &str = "order_events";

/// `order`, `model` …
pub(crate) const OBJECT_TYPE: &str = "object_type";
/// The object's id.
pub(crate) const OBJECT_ID: &str = "object_id";

/// The time of the line.
pub(crate) const LINE_TIME: &str = "line_timestamp";

/// How it ended.
pub(crate) const OUTCOME: &str = "outcome";

/// Rows of one object stand together, in order of time.
pub(crate) fn spec() -> TableSpec {
    TableSpec {
        name: ORDER_EVENTS,
        schema: Arc::clone(&SCHEMA),
        sort: &[OBJECT_TYPE, OBJECT_ID, TIMESTAMP, NANOS],
        id: Some("event_id"),
    }
}

/// Names of all columns.
pub(crate) fn columns() -> Vec<&'static str> {
    SCHEMA.fields().iter().map(|field| field.name().as_str()).collect()
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(TIMESTAMP, micros_utc(), false),
        Field::new(NANOS, DataType::Int16, false),
        Field::new(OBJECT_TYPE, text_dictionary(), false),
        Field::new(OBJECT_ID, DataType::Utf8, false),
        Field::new("event_id", DataType::Utf8, false),
        Field::new("kind", text_dictionary(), false),
        Field::new("from_status", text_dictionary(), true),
        Field::new("status", text_dictionary(), true),
        Field::new("service_name", text_dictionary(), false),
        Field::new("endpoint", text_dictionary(), false),
        Field::new("dir", text_dictionary(), true),
        Field::new("peer", text_dictionary(), true),
        Field::new("trace_id", DataType::Utf8, true),
        Field::new("request_id", DataType::Utf8, true),
        Field::new("http_status", DataType::Int16, true),
        Field::new(OUTCOME, text_dictionary(), true),
        Field::new("error", text_dictionary(), true),
        Field::new("duration_ms", DataType::Float64, true),
        Field::new("attempt", DataType::Int32, true),
        Field::new(STREAM, text_dictionary(), false),
        Field::new(LINE_TIME, micros_utc(), false),
        Field::new("line_nanos", DataType::Int16, false),
        Field::new("related", DataType::Utf8, true),
        Field::new("rating", DataType::Int16, true),
    ]))
});

/// Rows being made.
pub(crate) struct Rows {
    time: Times,
    object_type: Words,
    object_id: StringBuilder,
    event_id: StringBuilder,
    kind: Words,
    from: Words,
    status: Words,
    service: Words,
    endpoint: Words,
    dir: Words,
    peer: Words,
    trace_id: StringBuilder,
    request_id: StringBuilder,
    http_status: Int16Builder,
    outcome: Words,
    error: Words,
    duration_ms: Float64Builder,
    attempt: Int32Builder,
    stream: Words,
    line_time: Times,
    related: StringBuilder,
    rating: Int16Builder,
}

/// A time in its two columns.
#[derive(Debug, Default)]
struct Times {
    micros: TimestampMicrosecondBuilder,
    nanos: Int16Builder,
}

impl Times {
    fn push(&mut self, time: Timestamp) {
        self.micros.append_value(time.micros());
        self.nanos.append_value(i16::try_from(time.nanos_of_micro()).unwrap_or_default());
    }

    fn finish(mut self) -> (ArrayRef, ArrayRef) {
        (Arc::new(self.micros.finish().with_timezone("UTC")), Arc::new(self.nanos.finish()))
    }
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self {
            time: Times::default(),
            object_type: Words::new(),
            object_id: StringBuilder::new(),
            event_id: StringBuilder::new(),
            kind: Words::new(),
            from: Words::new(),
            status: Words::new(),
            service: Words::new(),
            endpoint: Words::new(),
            dir: Words::new(),
            peer: Words::new(),
            trace_id: StringBuilder::new(),
            request_id: StringBuilder::new(),
            http_status: Int16Builder::new(),
            outcome: Words::new(),
            error: Words::new(),
            duration_ms: Float64Builder::new(),
            attempt: Int32Builder::new(),
            stream: Words::new(),
            line_time: Times::default(),
            related: StringBuilder::new(),
            rating: Int16Builder::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, event: &Event<'_>) {
        self.time.push(event.time);
        self.object_type.append_value(event.object);
        self.object_id.append_value(event.object_id);
        // As `id_text`, into the column itself.
        write!(self.event_id, "{:016x}", event.id).ok();
        self.event_id.append_value("");
        self.kind.append_value(event.kind.as_str());
        self.from.append_option(event.from);
        self.status.append_option(event.status);
        self.service.append_value(event.service);
        self.endpoint.append_value(event.endpoint);
        self.dir.append_option(event.dir);
        self.peer.append_option(event.peer);
        self.trace_id.append_option(event.trace_id);
        self.request_id.append_option(event.request_id);
        self.http_status.append_option(event.http_status.and_then(|code| i16::try_from(code).ok()));
        self.outcome.append_option(event.outcome.map(Outcome::as_str));
        self.error.append_option(event.error);
        self.duration_ms.append_option(event.duration_ms);
        self.attempt.append_option(event.attempt.and_then(|attempt| i32::try_from(attempt).ok()));
        self.stream.append_value(event.stream);
        self.line_time.push(event.line_time);
        self.related.append_option(event.related);
        self.rating.append_option(event.rating.map(i16::from));
    }

    /// The rows; none if nothing was added.
    pub(crate) fn finish(mut self) -> Option<RecordBatch> {
        let (micros, nanos) = self.time.finish();
        let (line_micros, line_nanos) = self.line_time.finish();
        if micros.is_empty() {
            return None;
        }
        let columns: Vec<ArrayRef> = vec![
            micros,
            nanos,
            Arc::new(self.object_type.finish()),
            Arc::new(self.object_id.finish()),
            Arc::new(self.event_id.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.from.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.service.finish()),
            Arc::new(self.endpoint.finish()),
            Arc::new(self.dir.finish()),
            Arc::new(self.peer.finish()),
            Arc::new(self.trace_id.finish()),
            Arc::new(self.request_id.finish()),
            Arc::new(self.http_status.finish()),
            Arc::new(self.outcome.finish()),
            Arc::new(self.error.finish()),
            Arc::new(self.duration_ms.finish()),
            Arc::new(self.attempt.finish()),
            Arc::new(self.stream.finish()),
            line_micros,
            line_nanos,
            Arc::new(self.related.finish()),
            Arc::new(self.rating.finish()),
        ];
        Some(
            RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
                .expect("every builder stands for one column of the schema"),
        )
    }
}

/// Rows being read.
#[derive(Debug)]
pub(crate) struct Events<'a> {
    rows: usize,
    micros: &'a TimestampMicrosecondArray,
    nanos: &'a Int16Array,
    object_type: Dictionary<'a>,
    object_id: &'a StringArray,
    event_id: &'a StringArray,
    kind: Dictionary<'a>,
    from: Dictionary<'a>,
    status: Dictionary<'a>,
    service: Dictionary<'a>,
    endpoint: Dictionary<'a>,
    dir: Dictionary<'a>,
    peer: Dictionary<'a>,
    trace_id: &'a StringArray,
    request_id: &'a StringArray,
    http_status: &'a Int16Array,
    outcome: Dictionary<'a>,
    error: Dictionary<'a>,
    duration_ms: &'a Float64Array,
    attempt: &'a Int32Array,
    stream: Dictionary<'a>,
    line_micros: &'a TimestampMicrosecondArray,
    line_nanos: &'a Int16Array,
    related: &'a StringArray,
    rating: &'a Int16Array,
}

impl<'a> Events<'a> {
    /// Looks at rows with all columns of the table; none if they are not of that shape.
    pub(crate) fn of(batch: &'a RecordBatch) -> Option<Self> {
        let column = |name: &str| batch.column_by_name(name);
        let words = |name: &str| Dictionary::of(column(name)?);
        let text = |name: &str| column(name)?.as_string_opt::<i32>();
        let times = |name: &str| column(name)?.as_primitive_opt::<TimestampMicrosecondType>();
        let short = |name: &str| column(name)?.as_primitive_opt::<Int16Type>();
        Some(Self {
            rows: batch.num_rows(),
            micros: times(TIMESTAMP)?,
            nanos: short(NANOS)?,
            object_type: words(OBJECT_TYPE)?,
            object_id: text(OBJECT_ID)?,
            event_id: text("event_id")?,
            kind: words("kind")?,
            from: words("from_status")?,
            status: words("status")?,
            service: words("service_name")?,
            endpoint: words("endpoint")?,
            dir: words("dir")?,
            peer: words("peer")?,
            trace_id: text("trace_id")?,
            request_id: text("request_id")?,
            http_status: short("http_status")?,
            outcome: words(OUTCOME)?,
            error: words("error")?,
            duration_ms: column("duration_ms")?.as_primitive_opt::<Float64Type>()?,
            attempt: column("attempt")?.as_primitive_opt::<Int32Type>()?,
            stream: words(STREAM)?,
            line_micros: times(LINE_TIME)?,
            line_nanos: short("line_nanos")?,
            related: text("related")?,
            rating: short("rating")?,
        })
    }

    /// All events, in the order of the rows. A row whose id or kind cannot be read is left out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Event<'a>> {
        (0..self.rows).filter_map(|row| self.event(row))
    }

    /// Where and when each came to be.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&'a str, Timestamp)> + Clone {
        let origin = |row| {
            let time = time(self.micros.value(row), self.nanos.value(row));
            (self.service.get(row).unwrap_or_default(), time)
        };
        (0..self.rows).map(origin)
    }

    fn event(&self, row: usize) -> Option<Event<'a>> {
        let text = |column: &'a StringArray| column.is_valid(row).then(|| column.value(row));
        Some(Event {
            id: id_of(self.event_id.value(row))?,
            time: time(self.micros.value(row), self.nanos.value(row)),
            object: self.object_type.get(row)?,
            object_id: self.object_id.value(row),
            kind: EventKind::parse(self.kind.get(row)?)?,
            from: self.from.get(row),
            status: self.status.get(row),
            service: self.service.get(row).unwrap_or_default(),
            endpoint: self.endpoint.get(row).unwrap_or_default(),
            dir: self.dir.get(row),
            peer: self.peer.get(row),
            trace_id: text(self.trace_id),
            request_id: text(self.request_id),
            http_status: valid(self.http_status, row).and_then(|code| u16::try_from(code).ok()),
            outcome: self.outcome.get(row).and_then(Outcome::parse),
            error: self.error.get(row),
            duration_ms: self.duration_ms.is_valid(row).then(|| self.duration_ms.value(row)),
            attempt: self.attempt.is_valid(row).then(|| self.attempt.value(row)).and_then(|n| u32::try_from(n).ok()),
            stream: self.stream.get(row).unwrap_or_default(),
            line_time: time(self.line_micros.value(row), self.line_nanos.value(row)),
            related: text(self.related),
            rating: valid(self.rating, row).and_then(|rating| u8::try_from(rating).ok()),
        })
    }
}

/// A dictionary column with its words at hand.
#[derive(Debug)]
pub(crate) struct Dictionary<'a> {
    keys: &'a Int32Array,
    words: &'a StringArray,
}

impl<'a> Dictionary<'a> {
    pub(crate) fn of(column: &'a ArrayRef) -> Option<Self> {
        let dictionary: &DictionaryArray<Int32Type> = column.as_dictionary_opt()?;
        Some(Self { keys: dictionary.keys(), words: dictionary.values().as_string_opt()? })
    }

    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        let key = self.keys.is_valid(row).then(|| self.keys.value(row))?;
        usize::try_from(key).ok().filter(|key| *key < self.words.len()).map(|key| self.words.value(key))
    }
}

/// The time that two columns hold together.
pub(crate) fn time(micros: i64, nanos: i16) -> Timestamp {
    Timestamp(micros.saturating_mul(1_000).saturating_add(i64::from(nanos)))
}

fn valid(column: &Int16Array, row: usize) -> Option<i16> {
    column.is_valid(row).then(|| column.value(row))
}

/// Digits of an event's id. Rows of before 2026-11-27 have as many more behind them.
const ID_DIGITS: usize = 16;

/// An event's id as it is written: 16 hex digits.
pub(crate) fn id_text(id: u64) -> String {
    format!("{id:016x}")
}

fn id_of(text: &str) -> Option<u64> {
    u64::from_str_radix(text.get(..ID_DIGITS)?, 16).ok()
}

#[cfg(test)]
mod tests;
