//! The value of a field: text, or JSON as it stands in the line.

use std::borrow::Cow;

use crate::{Limits, json};

/// A field's value; borrowed from the line unless it had to be unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Value<'a> {
    text: Cow<'a, str>,
    json: bool,
}

impl<'a> Value<'a> {
    /// A value that is plain text, whatever it looks like.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), json: false }
    }

    /// A value that is a JSON object or array if its brackets close, else plain text; without
    /// white space around it. Line breaks and other control characters are taken out of JSON, so that it fits into one
    /// line; its meaning stays.
    pub fn json(text: impl Into<Cow<'a, str>>) -> Self {
        let text = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
            Cow::Owned(text) if text.trim_ascii().len() < text.len() => Cow::Owned(text.trim_ascii().to_owned()),
            owned @ Cow::Owned(_) => owned,
        };
        if json::is_value(&text, Limits::default().depth) {
            Self { text: json::one_line(text), json: true }
        } else {
            Self { text, json: false }
        }
    }

    /// Brackets known to close, from the reader.
    pub(crate) const fn scanned_json(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), json: true }
    }

    /// The text: unescaped, or the JSON as it stands.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, borrowed from the line where it stands there as it is.
    pub(crate) fn as_cow(&self) -> Cow<'a, str> {
        self.text.clone()
    }

    /// Whether it is a JSON object or array: it began with a bracket, and its brackets close. Nothing else is checked.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Cuts the tie to the line.
    pub fn into_owned(self) -> Value<'static> {
        Value { text: Cow::Owned(self.text.into_owned()), json: self.json }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::text(text)
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

macro_rules! from_display {
    ($($number:ty),*) => {$(
        impl From<$number> for Value<'_> {
            fn from(number: $number) -> Self {
                Self::text(number.to_string())
            }
        }
    )*};
}
from_display!(bool, u16, u32, u64, usize, i32, i64, f64);
