//! `ExportLogsServiceRequest` in protobuf.
//!
//! `{ 1: ResourceLogs { 1: Resource { 1: attributes, 2: dropped }, 2: ScopeLogs { 1: Scope { 1: name, 2: version,
//! 3: attributes, 4: dropped }, 2: LogRecord } } }`, `KeyValue { 1: key, 2: AnyValue }`. Other fields are skipped.

use std::borrow::Cow;
use std::fmt::Write as _;

use logline::Timestamp;

use super::record::{Place, Record, Resource, Scope};
use super::value::{Attribute, MAX_DEPTH, Value};
use crate::DecodeError;
use crate::assemble::Assembler;
use crate::protobuf::{Fields, Value as Field};

/// Reads a request into `out`.
pub(super) fn read(body: &[u8], now: Timestamp, out: &mut Assembler<'_>) -> Result<(), DecodeError> {
    for field in Fields(body) {
        if let (1, Field::Bytes(logs)) = field? {
            out.take_items(1)?;
            // The resource may stand behind its records, so it is looked for first.
            let place = Place::of(resource(logs, out)?, out);
            for field in Fields(logs) {
                if let (2, Field::Bytes(logs)) = field? {
                    out.take_items(1)?;
                    let place = place.within(scope(logs, out)?);
                    records(logs, &place, now, out)?;
                }
            }
        }
    }
    Ok(())
}

fn records<'a>(logs: &'a [u8], place: &Place<'a>, now: Timestamp, out: &mut Assembler<'_>) -> Result<(), DecodeError> {
    for field in Fields(logs) {
        if let (2, Field::Bytes(bytes)) = field? {
            out.take_items(1)?;
            let record = record(bytes, out)?;
            place.put(record, now, out);
        }
    }
    Ok(())
}

fn resource<'a>(logs: &'a [u8], out: &mut Assembler<'_>) -> Result<Resource<'a>, DecodeError> {
    let mut resource = Resource::default();
    for field in Fields(logs) {
        let (1, Field::Bytes(bytes)) = field? else { continue };
        for field in Fields(bytes) {
            match field? {
                (1, Field::Bytes(bytes)) => resource.attributes.push(attribute(bytes, MAX_DEPTH, out)?),
                (2, Field::Varint(count)) => resource.dropped = count,
                _ => {}
            }
        }
    }
    Ok(resource)
}

fn scope<'a>(logs: &'a [u8], out: &mut Assembler<'_>) -> Result<Scope<'a>, DecodeError> {
    let mut scope = Scope::default();
    for field in Fields(logs) {
        let (1, Field::Bytes(bytes)) = field? else { continue };
        for field in Fields(bytes) {
            match field? {
                (1, Field::Bytes(name)) => scope.name = stdx::lossy(name),
                (2, Field::Bytes(version)) => scope.version = stdx::lossy(version),
                (3, Field::Bytes(bytes)) => scope.attributes.push(attribute(bytes, MAX_DEPTH, out)?),
                (4, Field::Varint(count)) => scope.dropped = count,
                _ => {}
            }
        }
    }
    Ok(scope)
}

fn record<'a>(bytes: &'a [u8], out: &mut Assembler<'_>) -> Result<Record<'a>, DecodeError> {
    let mut record = Record::default();
    for field in Fields(bytes) {
        match field? {
            (1, Field::Fixed64(nanos)) => record.time = nanos,
            (2, Field::Varint(number)) => record.severity = number.cast_signed(),
            (3, Field::Bytes(text)) => record.severity_text = stdx::lossy(text),
            (5, Field::Bytes(bytes)) => record.body = value(bytes, MAX_DEPTH, out)?,
            (6, Field::Bytes(bytes)) => record.attributes.push(attribute(bytes, MAX_DEPTH, out)?),
            (7, Field::Varint(count)) => record.dropped = count,
            (8, Field::Fixed32(flags)) => record.flags = u64::from(flags),
            (9, Field::Bytes(id)) => record.trace_id = hex(id),
            (10, Field::Bytes(id)) => record.span_id = hex(id),
            (11, Field::Fixed64(nanos)) => record.observed = nanos,
            (12, Field::Bytes(name)) => record.event_name = stdx::lossy(name),
            _ => {}
        }
    }
    Ok(record)
}

fn attribute<'a>(bytes: &'a [u8], depth: usize, out: &mut Assembler<'_>) -> Result<Attribute<'a>, DecodeError> {
    let mut attribute = (Cow::Borrowed(""), Value::Empty);
    for field in Fields(bytes) {
        match field? {
            (1, Field::Bytes(name)) => attribute.0 = stdx::lossy(name),
            (2, Field::Bytes(bytes)) => attribute.1 = value(bytes, depth, out)?,
            _ => {}
        }
    }
    Ok(attribute)
}

fn value<'a>(bytes: &'a [u8], depth: usize, out: &mut Assembler<'_>) -> Result<Value<'a>, DecodeError> {
    out.take_items(1)?;
    let Some(depth) = depth.checked_sub(1) else { return Ok(Value::Empty) };
    let mut value = Value::Empty;
    for field in Fields(bytes) {
        value = match field? {
            (1, Field::Bytes(text)) => Value::Text(stdx::lossy(text)),
            (2, Field::Varint(number)) => Value::Bool(number != 0),
            (3, Field::Varint(number)) => Value::Int(number.cast_signed()),
            (4, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
            (5, Field::Bytes(bytes)) => {
                let values = messages(bytes).map(|bytes| self::value(bytes?, depth, out));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            (6, Field::Bytes(bytes)) => {
                let values = messages(bytes).map(|bytes| attribute(bytes?, depth, out));
                Value::Map(values.collect::<Result<_, _>>()?)
            }
            (7, Field::Bytes(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
            _ => continue,
        };
    }
    Ok(value)
}

/// The messages of the first field.
fn messages(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], DecodeError>> {
    Fields(bytes).filter_map(|field| match field {
        Ok((1, Field::Bytes(bytes))) => Some(Ok(bytes)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    })
}

/// An id as people know it; one of zeros only is none.
fn hex<'a>(id: &[u8]) -> Cow<'a, str> {
    let mut text = String::new();
    if id.iter().any(|byte| *byte != 0) {
        id.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap_or_default());
    }
    Cow::Owned(text)
}
