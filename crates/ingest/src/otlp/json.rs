//! `ExportLogsServiceRequest` in JSON, read tolerantly: numbers may be texts, enumerations names, empty messages `{}`,
//! and names may be written with `_`, as clients do.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use logline::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::record::{Place, Record, Resource, Scope};
use super::value::{Attribute, MAX_DEPTH, Value};
use crate::DecodeError;
use crate::assemble::Assembler;

/// Any JSON, with texts borrowed where they can be.
#[derive(Debug, Default)]
enum Json<'a> {
    #[default]
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Self>),
    Map(Vec<(Cow<'a, str>, Self)>),
}

/// Reads a request into `out`.
pub(super) fn read(body: &[u8], now: Timestamp, out: &mut Assembler<'_>) -> Result<(), DecodeError> {
    let most = out.items_left();
    let left = Cell::new(most);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let tree = Tree(&left).deserialize(&mut deserializer).and_then(|tree| deserializer.end().map(|()| tree));
    // More than there may be ended the reading; this says so.
    out.take_items(most.saturating_sub(left.get()).saturating_add(usize::from(left.get() == 0)))?;
    let request = tree.map_err(|error| DecodeError::Invalid(crate::loki::describe(&error)))?;
    let Json::Map(_) = request else { return Err(expected("an object with `resourceLogs`")) };
    for mut logs in list(request.into_field("resourceLogs"), "resourceLogs")? {
        let place = Place::of(resource(logs.take_field("resource")), out);
        for mut logs in list(logs.take_field("scopeLogs"), "scopeLogs")? {
            let place = place.within(scope(logs.take_field("scope")));
            for log in list(logs.take_field("logRecords"), "logRecords")? {
                place.put(record(log), now, out);
            }
        }
    }
    Ok(())
}

fn expected(what: &str) -> DecodeError {
    DecodeError::Invalid(format!("error parsing JSON: expected {what}"))
}

/// A list, which may be left out.
fn list<'a>(found: Json<'a>, name: &str) -> Result<Vec<Json<'a>>, DecodeError> {
    match found {
        Json::List(values) => Ok(values),
        Json::Null => Ok(Vec::new()),
        _ => Err(expected(&format!("`{name}` to be an array"))),
    }
}

fn resource(mut found: Json<'_>) -> Resource<'_> {
    Resource {
        attributes: attributes(found.take_field("attributes"), MAX_DEPTH),
        dropped: found.take_field("droppedAttributesCount").unsigned(),
    }
}

fn scope(mut found: Json<'_>) -> Scope<'_> {
    Scope {
        name: found.take_field("name").text(),
        version: found.take_field("version").text(),
        attributes: attributes(found.take_field("attributes"), MAX_DEPTH),
        dropped: found.take_field("droppedAttributesCount").unsigned(),
    }
}

fn record(mut found: Json<'_>) -> Record<'_> {
    Record {
        time: found.take_field("timeUnixNano").unsigned(),
        observed: found.take_field("observedTimeUnixNano").unsigned(),
        severity: severity(&found.take_field("severityNumber")),
        severity_text: found.take_field("severityText").text(),
        body: value(found.take_field("body"), MAX_DEPTH),
        attributes: attributes(found.take_field("attributes"), MAX_DEPTH),
        dropped: found.take_field("droppedAttributesCount").unsigned(),
        flags: found.take_field("flags").unsigned(),
        trace_id: id(found.take_field("traceId")),
        span_id: id(found.take_field("spanId")),
        event_name: found.take_field("eventName").text(),
    }
}

fn attributes(found: Json<'_>, depth: usize) -> Vec<Attribute<'_>> {
    let Json::List(pairs) = found else { return Vec::new() };
    pairs.into_iter().map(|pair| attribute(pair, depth)).collect()
}

fn attribute(mut pair: Json<'_>, depth: usize) -> Attribute<'_> {
    (pair.take_field("key").text(), value(pair.take_field("value"), depth))
}

fn value(found: Json<'_>, depth: usize) -> Value<'_> {
    let (Json::Map(mut fields), Some(depth)) = (found, depth.checked_sub(1)) else { return Value::Empty };
    let Some((kind, mut found)) = fields.pop() else { return Value::Empty };
    let mut values = || match found.take_field("values") {
        Json::List(values) => values,
        _ => Vec::new(),
    };
    let kinds = ["stringValue", "bytesValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue"];
    match kinds.into_iter().find(|known| is(&kind, known)) {
        // Bytes are base64 in JSON, which is their text as well.
        Some("stringValue" | "bytesValue") => Value::Text(found.text()),
        Some("boolValue") => Value::Bool(matches!(found, Json::Bool(true))),
        Some("intValue") => Value::Int(found.signed()),
        Some("doubleValue") => Value::Double(found.float()),
        Some("arrayValue") => Value::List(values().into_iter().map(|found| value(found, depth)).collect()),
        Some("kvlistValue") => Value::Map(attributes(Json::List(values()), depth)),
        _ => Value::Empty,
    }
}

/// A number, or a name such as `SEVERITY_NUMBER_WARN2`.
fn severity(found: &Json<'_>) -> i64 {
    let Json::Text(text) = found else { return found.signed() };
    let name = text.strip_prefix("SEVERITY_NUMBER_").unwrap_or(text);
    let (name, step) = match name.split_at_checked(name.len().saturating_sub(1)) {
        Some((before, "2")) => (before, 1),
        Some((before, "3")) => (before, 2),
        Some((before, "4")) => (before, 3),
        _ => (name, 0),
    };
    let first = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].into_iter().zip((1..).step_by(4));
    let number = { first }.find(|(known, _)| *known == name).map(|(_, number)| number + step);
    number.unwrap_or_else(|| found.signed())
}

/// An id in small letters; one of zeros only is none.
fn id(found: Json<'_>) -> Cow<'_, str> {
    let text = found.text();
    match text.bytes().all(|byte| byte == b'0') {
        true => Cow::Borrowed(""),
        false if text.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Owned(text.to_ascii_lowercase()),
        false => text,
    }
}

/// Whether a key is a name of protobuf's JSON, or the one of the definition.
fn is(key: &str, name: &str) -> bool {
    key == name || key.bytes().filter(|byte| *byte != b'_').eq(name.bytes().map(|byte| byte.to_ascii_lowercase()))
}

impl<'a> Json<'a> {
    /// Takes a field out of an object; nothing of anything else.
    fn take_field(&mut self, name: &str) -> Self {
        let Self::Map(fields) = self else { return Self::Null };
        let at = fields.iter().position(|(key, _)| is(key, name));
        at.map_or(Self::Null, |at| fields.swap_remove(at).1)
    }

    fn into_field(mut self, name: &str) -> Self {
        self.take_field(name)
    }

    fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Bool(value) => Cow::Owned(value.to_string()),
            Self::Signed(value) => Cow::Owned(value.to_string()),
            Self::Unsigned(value) => Cow::Owned(value.to_string()),
            Self::Float(value) => Cow::Owned(value.to_string()),
            Self::Null | Self::List(_) | Self::Map(_) => Cow::Borrowed(""),
        }
    }

    fn unsigned(&self) -> u64 {
        match self {
            Self::Unsigned(value) => *value,
            Self::Text(text) => text.parse().unwrap_or(0),
            other => other.signed().max(0).unsigned_abs(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 saturates")]
    fn signed(&self) -> i64 {
        match self {
            Self::Signed(value) => *value,
            Self::Unsigned(value) => i64::try_from(*value).unwrap_or(i64::MAX),
            Self::Float(value) => *value as i64,
            Self::Text(text) => text.parse().unwrap_or(0),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Map(_) => 0,
        }
    }

    fn float(&self) -> f64 {
        match self {
            Self::Float(value) => *value,
            // `NaN`, `Infinity` and `-Infinity` among them.
            Self::Text(text) => text.parse().unwrap_or(f64::NAN),
            other => other.signed() as f64,
        }
    }
}

/// Reads one value, and counts it and all within: there are as many as the cell says.
#[derive(Clone, Copy)]
struct Tree<'c>(&'c Cell<usize>);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| D::Error::custom("expected fewer items"))?;
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Json::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Json::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            fields.push((key.0, map.next_value_seed(self)?));
        }
        Ok(Json::Map(fields))
    }
}

/// A name, borrowed if it can be.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
