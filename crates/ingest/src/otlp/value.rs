//! The values of attributes and bodies, and their text as Go's collector writes it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Values nest this deep at most; what lies deeper is left out.
pub(super) const MAX_DEPTH: usize = 32;

/// A name and its value.
pub(super) type Attribute<'a> = (Cow<'a, str>, Value<'a>);

/// OpenTelemetry's `AnyValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value<'a> {
    #[default]
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
    List(Vec<Self>),
    Map(Vec<Attribute<'a>>),
}

impl<'a> Value<'a> {
    /// As one text: lists and maps as JSON with sorted names, bytes as base64.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => text,
            Self::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Double(value) => Cow::Owned(double(value)),
            Self::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
            // Memory takes everything, and names are texts.
            Self::List(_) | Self::Map(_) => Cow::Owned(serde_json::to_string(&self).unwrap_or_default()),
        }
    }
}

/// Adds an attribute to pairs of texts: a map as a pair for each of its values, with dots in its name.
pub(super) fn flatten<'a>(name: &str, value: Value<'a>, out: &mut Vec<(String, Cow<'a, str>)>) {
    match value {
        Value::Map(values) => {
            values.into_iter().for_each(|(inner, value)| flatten(&format!("{name}.{inner}"), value, out))
        }
        value => out.push((name.to_owned(), value.into_text())),
    }
}

/// Plain between a millionth and 10^21, else with an exponent.
fn double(value: f64) -> String {
    let size = value.abs();
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ if size >= 1e21 => format!("{value:e}").replace('e', "e+"),
        _ if size < 1e-6 && size > 0.0 => format!("{value:e}"),
        _ => value.to_string(),
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => to.serialize_unit(),
            Self::Text(text) => to.serialize_str(text),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Int(value) => to.serialize_i64(*value),
            Self::Double(value) if value.is_finite() && value.fract() == 0.0 && value.abs() < 1e15 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "a whole number below 10^15")]
                to.serialize_i64(*value as i64)
            }
            Self::Double(value) if value.is_finite() => to.serialize_f64(*value),
            Self::Double(value) => to.serialize_str(&double(*value)),
            Self::Bytes(bytes) => to.serialize_str(&STANDARD.encode(bytes)),
            Self::List(values) => to.collect_seq(values),
            Self::Map(values) => {
                let mut sorted: Vec<_> = values.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                let mut map = to.serialize_map(Some(sorted.len()))?;
                for (name, value) in sorted {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}
