//! The labels of a stream: a sorted set of name-value pairs with one canonical text.

use std::borrow::Cow;
use std::fmt;

/// A stream's labels, sorted by name, names unique, no empty values.
///
/// The canonical text (`{app="x", env="prod"}`, Go-quoted values) is what storage keeps and what equality means.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Labels(Vec<(String, String)>);

/// Why labels cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabels {
    /// The same name stands twice.
    #[error("duplicate label name `{0}`")]
    Duplicate(String),
    /// The text is not `{name="value", …}`.
    #[error("{reason} at byte {at} of the labels")]
    Syntax {
        /// What was expected there.
        reason: &'static str,
        /// Byte offset into the text.
        at: usize,
    },
}

impl Labels {
    /// Sorts the pairs and drops those with an empty value, which mean "no such label".
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidLabels> {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort();
        match pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(InvalidLabels::Duplicate(pair[0].0.clone())),
            None => Ok(Self(pairs)),
        }
    }

    /// Reads `{name="value", …}`: values in double quotes with Go escapes or in back quotes; any order.
    pub fn parse(text: &str) -> Result<Self, InvalidLabels> {
        let mut reader = Reader { text, at: 0 };
        reader.expect("{", "expected `{`")?;
        let mut pairs = Vec::new();
        while !reader.take("}") {
            let name = reader.name()?;
            reader.expect("=", "expected `=`")?;
            pairs.push((name, reader.value()?));
            if !reader.take(",") && !reader.peek("}") {
                return Err(reader.error("expected `,` or `}`"));
            }
        }
        if !reader.rest().is_empty() {
            return Err(reader.error("expected the end"));
        }
        Self::new(pairs)
    }

    /// The value of a label, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.binary_search_by(|pair| pair.0.as_str().cmp(name)).ok().map(|index| self.0[index].1.as_str())
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        match (self.0.binary_search_by(|pair| pair.0.as_str().cmp(name)), value.is_empty()) {
            (Ok(index), true) => drop(self.0.remove(index)),
            (Ok(index), false) => value.clone_into(&mut self.0[index].1),
            (Err(_), true) => {}
            (Err(index), false) => self.0.insert(index, (name.to_owned(), value.to_owned())),
        }
    }

    /// Pairs by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}=\"{}\"", quoted(value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Escapes as Go's `%q` does for the characters that need it in a label value.
fn quoted(value: &str) -> Cow<'_, str> {
    let plain = |c: char| !matches!(c, '"' | '\\') && !c.is_control();
    if value.chars().all(plain) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn peek(&mut self, token: &str) -> bool {
        self.rest().starts_with(token)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str, reason: &'static str) -> Result<(), InvalidLabels> {
        if self.take(token) { Ok(()) } else { Err(self.error(reason)) }
    }

    fn error(&self, reason: &'static str) -> InvalidLabels {
        InvalidLabels::Syntax { reason, at: self.at }
    }

    fn name(&mut self) -> Result<String, InvalidLabels> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.error("expected a label name"));
        }
        self.at += end;
        Ok(name.to_owned())
    }

    fn value(&mut self) -> Result<String, InvalidLabels> {
        if self.take("`") {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let end = rest.find('`').ok_or_else(|| self.error("expected a closing back quote"))?;
            self.at += end + 1;
            return Ok(rest.get(..end).unwrap_or_default().to_owned());
        }
        self.expect("\"", "expected a quoted value")?;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(c) = rest.chars().next() else { return Err(self.error("expected a closing quote")) };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InvalidLabels> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { return Err(self.error("expected an escape")) };
        let (value, len) = match c {
            'n' => ('\n', 1),
            'r' => ('\r', 1),
            't' => ('\t', 1),
            'a' => ('\u{7}', 1),
            'b' => ('\u{8}', 1),
            'f' => ('\u{c}', 1),
            'v' => ('\u{b}', 1),
            '"' | '\\' | '\'' => (c, 1),
            'x' => (hex(rest, 2).ok_or_else(|| self.error("expected two hex digits"))?, 3),
            'u' => (hex(rest, 4).ok_or_else(|| self.error("expected four hex digits"))?, 5),
            'U' => (hex(rest, 8).ok_or_else(|| self.error("expected eight hex digits"))?, 9),
            _ => return Err(self.error("unknown escape")),
        };
        self.at += len;
        Ok(value)
    }
}

fn hex(rest: &str, digits: usize) -> Option<char> {
    char::from_u32(u32::from_str_radix(rest.get(1..=digits)?, 16).ok()?)
}

#[cfg(test)]
mod tests;
