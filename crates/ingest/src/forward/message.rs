//! One message: Message, Forward, PackedForward or CompressedPackedForward, told apart by its second part.

use logline::{Entry, Timestamp};

use super::msgpack::{Broken, Reader, Token, Value};
use crate::fields::Fields;
use crate::{DecodeError, inflate};

/// What a message brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// Fluent's routing name.
    pub tag: String,
    /// The records: `log`, `message` or `msg` is the line and the rest metadata; a record without them is a line of JSON.
    pub entries: Vec<Entry>,
    /// What to acknowledge with, if the sender wants to know.
    pub chunk: Option<Vec<u8>>,
}

/// Keys that hold the line, in order of preference.
const LINE: [&[u8]; 4] = [b"log", b"message", b"msg", b"MESSAGE"];
/// Objects of one record.
const MAX_OBJECTS: usize = 20_000;
/// Records of one message.
const MAX_RECORDS: usize = 200_000;

/// Reads a message. A heartbeat (nil) has no entries. `max` is the limit for what is packed in it once it is
/// decompressed; `now` is the time of records without one.
pub fn decode(bytes: &[u8], max: usize, now: Timestamp) -> Result<Forward, DecodeError> {
    let mut reader = Reader::new(bytes, MAX_OBJECTS);
    read(&mut reader, max, now)
}

fn invalid(what: &str) -> DecodeError {
    DecodeError::Invalid(format!("forward: {what}"))
}

impl From<Broken> for DecodeError {
    fn from(_: Broken) -> Self {
        invalid("broken or oversized MessagePack")
    }
}

fn read(reader: &mut Reader<'_>, max: usize, now: Timestamp) -> Result<Forward, DecodeError> {
    let parts = match reader.token()? {
        Token::Value(Value::Nil) => return Ok(Forward::default()),
        Token::Array(parts @ 2..=4) => parts,
        _ => return Err(invalid("a message is an array of two to four parts")),
    };
    let tag = match reader.token()? {
        Token::Value(Value::Str(tag) | Value::Bin(tag)) => String::from_utf8_lossy(tag).into_owned(),
        _ => return Err(invalid("the tag is no text")),
    };
    let mut forward = Forward { tag, ..Forward::default() };
    let second = reader.clone();
    let read = match reader.token()? {
        Token::Array(records) if is_list(reader.clone(), records) => {
            for _ in 0..records {
                entry(reader, now, &mut forward.entries)?;
            }
            2
        }
        Token::Value(Value::Bin(packed) | Value::Str(packed)) => {
            let options = if parts > 2 { Options::read(reader)? } else { Options::default() };
            forward.chunk = options.chunk;
            unpack(packed, options.compressed.as_deref(), max, now, &mut forward.entries)?;
            parts
        }
        // Message mode: the second part is the time.
        _ => {
            *reader = second;
            let time = reader.value()?;
            let record = if parts > 2 { reader.value()? } else { Value::Nil };
            let Value::Map(record) = record else { return Err(invalid("a record is no map")) };
            push(&time, &record, now, &mut forward.entries);
            3
        }
    };
    if parts > read {
        reader.allow(MAX_OBJECTS);
        forward.chunk = Options::read(reader)?.chunk;
    }
    Ok(forward)
}

/// Whether an array is a list of records rather than a time with its metadata.
fn is_list(mut inside: Reader<'_>, records: u32) -> bool {
    records == 0 || matches!(inside.token(), Ok(Token::Array(_)))
}

/// Records one after the other, without a list around them.
fn unpack(
    packed: &[u8],
    compressed: Option<&[u8]>,
    max: usize,
    now: Timestamp,
    entries: &mut Vec<Entry>,
) -> Result<(), DecodeError> {
    let plain = match compressed {
        None | Some(b"" | b"text") => std::borrow::Cow::Borrowed(packed),
        Some(b"gzip") => inflate::gunzip(packed, max)?,
        Some(b"zstd") => inflate::unzstd(packed, max)?,
        Some(_) => return Err(invalid("a compression other than gzip and zstd")),
    };
    let mut reader = Reader::new(&plain, MAX_OBJECTS);
    while !reader.is_at_end() {
        entry(&mut reader, now, entries)?;
    }
    Ok(())
}

/// `[time, record]`, where the time may be `[time, metadata]`.
fn entry(reader: &mut Reader<'_>, now: Timestamp, entries: &mut Vec<Entry>) -> Result<(), DecodeError> {
    if entries.len() >= MAX_RECORDS {
        return Err(DecodeError::TooLarge(format!("forward: more than {MAX_RECORDS} records in a message")));
    }
    reader.allow(MAX_OBJECTS);
    match reader.value()? {
        Value::Array(parts) => match parts.as_slice() {
            [time, Value::Map(record), ..] => push(time, record, now, entries),
            _ => return Err(invalid("a record is not a time and a map")),
        },
        Value::Nil => {}
        _ => return Err(invalid("a record is not a time and a map")),
    }
    Ok(())
}

/// Adds a record, unless it is one of Fluent Bit's marks for the begin and the end of a group.
fn push(time: &Value<'_>, record: &[(Value<'_>, Value<'_>)], now: Timestamp, entries: &mut Vec<Entry>) {
    let (time, metadata) = match time {
        Value::Array(parts) => match parts.as_slice() {
            [time, Value::Map(metadata), ..] => (time, metadata.as_slice()),
            [time, ..] => (time, [].as_slice()),
            [] => (&Value::Nil, [].as_slice()),
        },
        time => (time, [].as_slice()),
    };
    let Some(timestamp) = timestamp(time, now) else { return };
    let mut fields = Fields::default();
    for (name, value) in metadata {
        fields.set(&text(name), &text(value));
    }
    let is_line = |key: &Value<'_>, name: &[u8]| matches!(key, Value::Str(key) | Value::Bin(key) if *key == name);
    let is_text = |value: &Value<'_>| matches!(value, Value::Str(_) | Value::Bin(_));
    let find = |name: &&[u8]| record.iter().position(|(key, value)| is_line(key, name) && is_text(value));
    let place = LINE.iter().find_map(find);
    let line = match place.and_then(|place| record.get(place)) {
        Some((_, value)) => {
            for (index, (name, value)) in record.iter().enumerate() {
                if Some(index) != place {
                    fields.set(&text(name), &text(value));
                }
            }
            let line = text(value);
            line.strip_suffix('\n').map(str::to_owned).unwrap_or(line)
        }
        None => json_map(record).to_string(),
    };
    entries.push(Entry { timestamp, line, metadata: fields.finish() });
}

/// Seconds, with a fraction, as `EventTime`, or (from some libraries) milliseconds; `None` for the mark of a group.
fn timestamp(time: &Value<'_>, now: Timestamp) -> Option<Timestamp> {
    let nanos = match time {
        Value::Int(-2 | -1) => return None,
        Value::Int(seconds) if *seconds >= 100_000_000_000 => seconds.checked_mul(1_000_000),
        Value::Int(seconds) => seconds.checked_mul(1_000_000_000),
        Value::Float(seconds) => {
            let whole = logline::LineTime::parse(&format!("{seconds:.6}"), &jiff::tz::TimeZone::UTC);
            whole.map(|time| time.at.0)
        }
        Value::Ext(0, bytes) => {
            let (seconds, nanos) = bytes.split_at_checked(4)?;
            let number = |bytes: &[u8]| bytes.iter().fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
            let seconds = number(seconds);
            // -1 and -2 in 32 bits.
            if seconds >= 0xffff_fffe {
                return None;
            }
            seconds.checked_mul(1_000_000_000).and_then(|at| at.checked_add(number(nanos)))
        }
        _ => None,
    };
    Some(nanos.map_or(now, Timestamp))
}

/// An object as text: as it is, or as JSON.
fn text(value: &Value<'_>) -> String {
    match value {
        Value::Str(text) | Value::Bin(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Nil => String::new(),
        value => json(value).to_string(),
    }
}

fn json(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
        Value::Str(_) | Value::Bin(_) => text(value).into(),
        Value::Ext(kind, bytes) => format!("ext {kind}, {} bytes", bytes.len()).into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(pairs) => json_map(pairs),
    }
}

fn json_map(pairs: &[(Value<'_>, Value<'_>)]) -> serde_json::Value {
    serde_json::Value::Object(pairs.iter().map(|(name, value)| (text(name), json(value))).collect())
}

/// The last part of a message.
#[derive(Debug, Default)]
struct Options {
    chunk: Option<Vec<u8>>,
    compressed: Option<Vec<u8>>,
}

impl Options {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut options = Self::default();
        let pairs = match reader.value()? {
            Value::Map(pairs) => pairs,
            Value::Nil => return Ok(options),
            _ => return Err(invalid("the options are no map")),
        };
        for (name, value) in pairs {
            match (name, value) {
                (Value::Str(b"chunk"), Value::Str(chunk) | Value::Bin(chunk)) => options.chunk = Some(chunk.to_vec()),
                (Value::Str(b"compressed"), Value::Str(name)) => options.compressed = Some(name.to_vec()),
                _ => {}
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests;
