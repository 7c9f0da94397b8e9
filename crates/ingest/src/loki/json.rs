//! Loki's push in JSON, in its present form and in the first one; strings are borrowed wherever they hold no escape.
//!
//! Unknown keys are skipped. An error tells the place and what was expected there, never what stood there.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use logline::{InvalidLabels, Labels, Timestamp};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Version;
use crate::DecodeError;
use crate::assemble::{Assembler, Pair, RawEntry};

/// Reads a push request into `out`.
pub(super) fn read(body: &[u8], version: Version, out: &mut Assembler<'_>) -> Result<(), DecodeError> {
    let mut over = None;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read =
        Request { version, out, over: &mut over }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (read, over) {
        (_, Some(over)) => Err(over),
        (Ok(()), None) => Ok(()),
        (Err(error), None) => Err(DecodeError::Invalid(describe(&error))),
    }
}

/// serde quotes the offending value; only what was expected is passed on.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let place = format!("at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let expected =
        text.rfind("expected ").and_then(|from| text.get(from..)).and_then(|text| text.split(" at line ").next());
    match (error.classify(), expected) {
        (serde_json::error::Category::Data, Some(expected)) => format!("error parsing JSON: {expected} {place}"),
        (serde_json::error::Category::Data, None) => format!("error parsing JSON: unexpected value {place}"),
        _ => format!("error parsing JSON: {text}"),
    }
}

/// The whole request.
struct Request<'o, 'a> {
    version: Version,
    out: &'o mut Assembler<'a>,
    over: &'o mut Option<DecodeError>,
}

impl<'de> DeserializeSeed<'de> for Request<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Request<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an object with `streams`")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            if key == "streams" {
                map.next_value_seed(Streams(&mut self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Streams<'r, 'o, 'a>(&'r mut Request<'o, 'a>);

impl<'de> DeserializeSeed<'de> for Streams<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Streams<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an array of streams")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(stream) = seq.next_element_seed(Object::<RawStream<'_>>::new(self.0))? {
            self.0.take(1).map_err(S::Error::custom)?;
            stream.into(self.0.out);
        }
        Ok(())
    }
}

impl Request<'_, '_> {
    /// Counts items; what is over the limit ends the reading, and is kept aside since serde would flatten it.
    fn take(&mut self, items: usize) -> Result<(), &'static str> {
        self.out.take_items(items).map_err(|over| {
            *self.over = Some(over);
            "expected fewer items"
        })
    }
}

/// A stream, whose keys come in any order.
#[derive(Default)]
struct RawStream<'a> {
    labels: RawLabels<'a>,
    entries: Vec<RawEntry<'a>>,
}

enum RawLabels<'a> {
    Pairs(Vec<Pair<'a>>),
    Text(Cow<'a, str>),
}

impl Default for RawLabels<'_> {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl RawStream<'_> {
    fn into(self, out: &mut Assembler<'_>) {
        let (labels, text) = match self.labels {
            RawLabels::Text(text) => (Labels::parse(&text), text.into_owned()),
            RawLabels::Pairs(pairs) => of_pairs(&pairs),
        };
        let target = out.stream(labels, &text);
        let entries = self.entries.len();
        for entry in self.entries {
            out.entry(&target, entry);
        }
        out.close(&target, entries);
    }
}

/// Labels and, if they are wrong, how they read.
fn of_pairs(pairs: &[Pair<'_>]) -> (Result<Labels, InvalidLabels>, String) {
    let written = || pairs.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ");
    let labels = match pairs.iter().all(|(name, _)| is_label_name(name)) {
        true => Labels::new(pairs.iter().map(|(name, value)| (name.clone().into_owned(), value.clone().into_owned()))),
        false => Err(InvalidLabels::Syntax { reason: "expected label names of letters, digits and `_`", at: 0 }),
    };
    let text = if labels.is_err() { format!("{{{}}}", written()) } else { String::new() };
    (labels, text)
}

fn is_label_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && name.chars().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Reads one object or array of the request, with the request at hand for counting.
struct Object<'r, 'o, 'a, T>(&'r mut Request<'o, 'a>, PhantomData<T>);

impl<'r, 'o, 'a, T> Object<'r, 'o, 'a, T> {
    fn new(request: &'r mut Request<'o, 'a>) -> Self {
        Self(request, PhantomData)
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, '_, RawStream<'de>> {
    type Value = RawStream<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_, RawStream<'de>> {
    type Value = RawStream<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a stream object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut stream = RawStream::default();
        while let Some(Text(key)) = map.next_key()? {
            match (self.0.version, key.as_ref()) {
                (Version::V1, "stream") => {
                    stream.labels = RawLabels::Pairs(map.next_value_seed(Pairs { request: self.0, strict: false })?);
                }
                (Version::V0, "labels") => stream.labels = RawLabels::Text(map.next_value::<Text<'de>>()?.0),
                (Version::V1, "values") | (Version::V0, "entries") => {
                    stream.entries = map.next_value_seed(Object::<Vec<RawEntry<'de>>>::new(self.0))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(stream)
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, '_, Vec<RawEntry<'de>>> {
    type Value = Vec<RawEntry<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_, Vec<RawEntry<'de>>> {
    type Value = Vec<RawEntry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an array of entries")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element_seed(Object::<RawEntry<'de>>::new(self.0))? {
            self.0.take(1).map_err(S::Error::custom)?;
            entries.push(entry);
        }
        Ok(entries)
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, '_, RawEntry<'de>> {
    type Value = RawEntry<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0.version {
            Version::V1 => deserializer.deserialize_seq(self),
            Version::V0 => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_, RawEntry<'de>> {
    type Value = RawEntry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.version {
            Version::V1 => "expected an entry: [\"<nanoseconds>\", \"<line>\"]",
            Version::V0 => "expected an entry object with `ts` and `line`",
        })
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let missing = || S::Error::custom("expected an entry of a timestamp and a line");
        let Text(time) = seq.next_element()?.ok_or_else(missing)?;
        let Text(line) = seq.next_element()?.ok_or_else(missing)?;
        let nanos = time.parse().map_err(|_| S::Error::custom("expected a timestamp: a string of nanoseconds"))?;
        let pairs = seq.next_element_seed(Pairs { request: self.0, strict: true })?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(RawEntry { timestamp: Some(Timestamp(nanos)), line, metadata: pairs.unwrap_or_default() })
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut time, mut line) = (None, Cow::Borrowed(""));
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "ts" => time = Some(map.next_value::<Text<'de>>()?.0),
                "line" => line = map.next_value::<Text<'de>>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let time = time.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let time = time.ok_or_else(|| M::Error::custom("expected `ts`: a time as RFC 3339 writes it"))?;
        Ok(RawEntry { timestamp: i64::try_from(time.as_nanosecond()).ok().map(Timestamp), line, metadata: Vec::new() })
    }
}

/// An object of strings. Labels are read leniently: numbers and booleans as their text.
struct Pairs<'r, 'o, 'a> {
    request: &'r mut Request<'o, 'a>,
    strict: bool,
}

impl<'de> DeserializeSeed<'de> for Pairs<'_, '_, '_> {
    type Value = Vec<Pair<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pairs<'_, '_, '_> {
    type Value = Vec<Pair<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an object of strings")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            self.request.take(1).map_err(M::Error::custom)?;
            let value = if self.strict { map.next_value::<Text<'de>>()?.0 } else { map.next_value::<Scalar<'de>>()?.0 };
            pairs.push((name, value));
        }
        Ok(pairs)
    }
}

/// A string, borrowed from the body if it can be.
struct Text<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Self)
    }
}

/// A string, a number or a boolean as text.
struct Scalar<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

/// Takes what it is given as text; `deserialize_str` gives it nothing but strings.
struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }
}
