//! One event as every part of the platform sees it, whatever format the line had.

use std::borrow::Cow;

use crate::key::Key;
use crate::level::{is_error, of_words};
use crate::scan::cut;
use crate::{Defect, Defects, Direction, Entity, Format, Kind, Level, LineTime, Timestamp, Value};
use crate::{endpoint, time, write};

/// The facts of one line, borrowed from it where nothing had to be unescaped.
///
/// Made by a [`crate::Reader`], or by a service that writes a line: start with [`Record::new`], add fields in the order
/// in which they shall stand (ids first, `headers` and `body` last), end with [`Record::write`].
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    pub(crate) format: Format,
    pub(crate) time: Option<LineTime>,
    pub(crate) kind: Option<Kind>,
    pub(crate) endpoint: Cow<'a, str>,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) slots: Slots,
    /// The text of a line of free text, which tells its level.
    pub(crate) words: Cow<'a, str>,
    pub(crate) defects: Defects,
}

/// More fields than most lines have: reading one allocates once.
const USUAL_FIELDS: usize = 16;

/// One `key=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name; for a known alias of another format, the name of the house format.
    pub key: Cow<'a, str>,
    /// The value.
    pub value: Value<'a>,
}

/// Where the reserved keys stand among the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots([u16; Key::COUNT]);

impl Slots {
    pub(crate) const EMPTY: Self = Self([u16::MAX; Key::COUNT]);

    fn get(&self, key: Key) -> Option<usize> {
        let index = self.0[key as usize];
        (index != u16::MAX).then_some(usize::from(index))
    }
}

/// Writing.
impl<'a> Record<'a> {
    /// A record of the house format. An endpoint without a template (`GET /orders/4711`) becomes one
    /// (`GET /orders/{id}`) and leaves its path in the field `path`.
    pub fn new(at: Timestamp, kind: Kind, endpoint: impl Into<Cow<'a, str>>) -> Self {
        let mut record = Self::empty(Format::House);
        record.time = Some(LineTime { at, zoned: true });
        record.kind = Some(kind);
        record.set_endpoint(endpoint.into());
        record
    }

    /// Adds a field. Characters that a key cannot have become `_`; a reserved key that is set already takes the new
    /// value.
    #[must_use]
    pub fn field(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        let key = write::key(key.into());
        match Key::of(&key).and_then(|known| self.slots.get(known)).and_then(|index| self.fields.get_mut(index)) {
            Some(field) => field.value = value.into(),
            None => self.push(key, value.into()),
        }
        self
    }

    /// Adds a field if there is a value.
    #[must_use]
    pub fn maybe(self, key: impl Into<Cow<'a, str>>, value: Option<impl Into<Value<'a>>>) -> Self {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// Adds `order_id` and `status`: the current status in a REQ, the new one (changed or kept) in a RESP.
    #[must_use]
    pub fn order(self, id: impl Into<Value<'a>>, status: impl Into<Value<'a>>) -> Self {
        self.field("order_id", id).field("status", status)
    }

    /// Adds `from` and `to`: a STATUS line's change. An object that has just come into being has no `from`.
    #[must_use]
    pub fn change(self, from: Option<impl Into<Value<'a>>>, to: impl Into<Value<'a>>) -> Self {
        self.maybe("from", from).field("to", to)
    }

    /// Adds `headers`: JSON as it is, made one line; anything else as a quoted string.
    #[must_use]
    pub fn headers_json(self, text: impl Into<Cow<'a, str>>) -> Self {
        self.field("headers", Value::json(text))
    }

    /// Adds `body`: JSON as it is, made one line; anything else as a quoted string.
    #[must_use]
    pub fn body_json(self, text: impl Into<Cow<'a, str>>) -> Self {
        self.field("body", Value::json(text))
    }

    /// Appends the line in its canonical form, without a line break at the end. The text never has one inside.
    pub fn write(&self, out: &mut String) {
        write::record(self, out);
    }

    /// The line in its canonical form.
    pub fn to_line(&self) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out);
        out
    }
}

/// Reading.
impl<'a> Record<'a> {
    /// What the line was recognised as.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The line's own time.
    pub const fn time(&self) -> Option<LineTime> {
        self.time
    }

    /// When the event happened, by the time rule: see [`time::event_time`].
    pub fn event_time(&self, entry: Timestamp) -> Timestamp {
        time::event_time(entry, self.time)
    }

    /// What happened. None in a line that does not say so.
    pub const fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// Method and route template, or the object type of a STATUS line; empty when the line names none.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// All fields in the order of the line.
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The text of a field; of the first one, should the key stand twice.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.value(key).map(Value::as_str)
    }

    /// The value of a field; of the first one, should the key stand twice.
    pub fn value(&self, key: &str) -> Option<&Value<'a>> {
        match Key::of(key) {
            Some(key) => self.known(key),
            None => self.fields.iter().find(|field| field.key == key).map(|field| &field.value),
        }
    }

    /// `order_id`.
    pub fn order_id(&self) -> Option<&str> {
        self.text(Key::OrderId)
    }

    /// `trace_id`.
    pub fn trace_id(&self) -> Option<&str> {
        self.text(Key::TraceId)
    }

    /// `span_id`.
    pub fn span_id(&self) -> Option<&str> {
        self.text(Key::SpanId)
    }

    /// `request_id`: the same in a REQ and its RESP.
    pub fn request_id(&self) -> Option<&str> {
        self.text(Key::RequestId)
    }

    /// Every object the line names by a key `…_id`, in the order of the line. Ids of the call are not among them.
    pub fn entities(&self) -> impl Iterator<Item = Entity<'_>> {
        self.fields.iter().filter_map(|field| Entity::of_field(&field.key, field.value.as_str()))
    }

    /// The object whose status this is: in a STATUS line the one its endpoint names, else the order, else the first
    /// object of the line.
    pub fn subject(&self) -> Option<Entity<'_>> {
        let of = |object: &str| self.entities().find(|entity| entity.object == object);
        match (self.kind, self.order_id()) {
            (Some(Kind::Status), _) => of(&self.endpoint),
            (_, Some(id)) if !id.is_empty() => Some(Entity { object: "order", id }),
            _ => self.entities().next(),
        }
    }

    /// The subject's status after this event: `to` of a STATUS line, else `status`.
    pub fn status(&self) -> Option<&str> {
        match self.kind {
            Some(Kind::Status) => self.text(Key::To).or_else(|| self.text(Key::Status)),
            _ => self.text(Key::Status),
        }
    }

    /// `from`: the status a transition left.
    pub fn from(&self) -> Option<&str> {
        self.text(Key::From)
    }

    /// `to`: the status a transition reached.
    pub fn to(&self) -> Option<&str> {
        self.text(Key::To)
    }

    /// `http_status`, 100 to 599.
    pub fn http_status(&self) -> Option<u16> {
        self.text(Key::HttpStatus).and_then(http_status)
    }

    /// `duration_ms`, zero or more.
    pub fn duration_ms(&self) -> Option<f64> {
        self.text(Key::DurationMs).and_then(duration_ms)
    }

    /// `dir`: whether the service was called or called `peer`.
    pub fn dir(&self) -> Option<Direction> {
        self.text(Key::Dir).and_then(Direction::parse)
    }

    /// `peer`: the other side of a call.
    pub fn peer(&self) -> Option<&str> {
        self.text(Key::Peer)
    }

    /// `attempt`: 1 for the first.
    pub fn attempt(&self) -> Option<u32> {
        self.text(Key::Attempt).and_then(|text| text.parse().ok())
    }

    /// `error`: why it failed; none if it is empty, `null` or `false`.
    pub fn error(&self) -> Option<&str> {
        self.text(Key::Error).filter(|text| is_error(text))
    }

    /// `path`: the real path behind the endpoint's template.
    pub fn path(&self) -> Option<&str> {
        self.text(Key::Path)
    }

    /// `headers`.
    pub fn headers(&self) -> Option<&Value<'a>> {
        self.known(Key::Headers)
    }

    /// `body`.
    pub fn body(&self) -> Option<&Value<'a>> {
        self.known(Key::Body)
    }

    /// `msg`: what a logger of another format calls the message.
    pub fn message(&self) -> Option<&str> {
        self.text(Key::Msg)
    }

    /// The level the line states; else error if it has an `error` or `http_status >= 500`; else info. A line of free
    /// text has the level its words tell, or [`Level::Unknown`].
    pub fn level(&self) -> Level {
        let stated = self.text(Key::Level).map_or(Level::Unknown, Level::parse);
        match (stated, self.format) {
            (Level::Unknown, _) if self.error().is_some() || self.http_status().is_some_and(|code| 500 <= code) => {
                Level::Error
            }
            (Level::Unknown, Format::Unknown | Format::Extracted) => of_words(&self.words),
            (Level::Unknown, _) => Level::Info,
            (stated, _) => stated,
        }
    }

    /// What is wrong with the line; empty for a record that was not read.
    pub const fn defects(&self) -> Defects {
        self.defects
    }

    /// Cuts the tie to the line.
    pub fn into_owned(self) -> Record<'static> {
        let owned =
            |field: Field<'_>| Field { key: Cow::Owned(field.key.into_owned()), value: field.value.into_owned() };
        Record {
            endpoint: Cow::Owned(self.endpoint.into_owned()),
            fields: self.fields.into_iter().map(owned).collect(),
            format: self.format,
            time: self.time,
            kind: self.kind,
            slots: self.slots,
            words: Cow::Owned(self.words.into_owned()),
            defects: self.defects,
        }
    }
}

/// Building, for the readers.
impl<'a> Record<'a> {
    pub(crate) fn empty(format: Format) -> Self {
        Self {
            format,
            time: None,
            kind: None,
            endpoint: Cow::Borrowed(""),
            fields: if format == Format::Unknown { Vec::new() } else { Vec::with_capacity(USUAL_FIELDS) },
            slots: Slots::EMPTY,
            words: Cow::Borrowed(""),
            defects: Defects::NONE,
        }
    }

    /// Takes the endpoint as its template; a path that was replaced goes to `path`, unless that is there.
    pub(crate) fn set_endpoint(&mut self, text: Cow<'a, str>) {
        let Some((template, path)) = endpoint::template(&text) else {
            self.endpoint = text;
            return;
        };
        if self.text(Key::Path).is_none() {
            let at = text.len() - path.len();
            let path = match &text {
                Cow::Borrowed(text) => Cow::Borrowed(cut(text, at, text.len())),
                Cow::Owned(_) => Cow::Owned(path.to_owned()),
            };
            self.push(Cow::Borrowed("path"), Value::text(path));
        }
        self.endpoint = Cow::Owned(template);
    }

    /// Adds a field as it is, and notes a reserved key that stands twice.
    pub(crate) fn push(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        if let Some(known) = Key::of(&key) {
            let slot = &mut self.slots.0[known as usize];
            match *slot {
                u16::MAX => *slot = u16::try_from(self.fields.len()).unwrap_or(u16::MAX),
                _ => self.defects.add(Defect::DuplicateKey),
            }
        }
        self.fields.push(Field { key, value });
    }

    pub(crate) fn known(&self, key: Key) -> Option<&Value<'a>> {
        self.slots.get(key).and_then(|index| self.fields.get(index)).map(|field| &field.value)
    }

    pub(crate) fn text(&self, key: Key) -> Option<&str> {
        self.known(key).map(Value::as_str)
    }
}

/// Reads an HTTP status.
pub(crate) fn http_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (100..600).contains(code))
}

/// Reads a duration in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<f64> {
    text.parse().ok().filter(|ms: &f64| ms.is_finite() && 0.0 <= *ms)
}

#[cfg(test)]
mod tests;
