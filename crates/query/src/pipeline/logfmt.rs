//! `| logfmt`: every `key=value` of the line becomes a label, or those that were asked for.

use std::borrow::Cow;
use std::fmt;

use logql::ast::{Extraction, LogfmtFlags};

use super::json::push_sanitized;
use super::json_text::unescape;
use super::labels::{Failure, Source};
use super::{Row, Stage, Wanted};

/// Extracts every key.
#[derive(Debug)]
pub(crate) struct LogfmtKeys {
    flags: LogfmtFlags,
    wanted: Wanted,
    name: String,
}

impl LogfmtKeys {
    pub(crate) const fn new(flags: LogfmtFlags, wanted: Wanted) -> Self {
        Self { flags, wanted, name: String::new() }
    }
}

impl Stage for LogfmtKeys {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        if self.wanted.is_nothing() {
            return true;
        }
        let mut left = self.wanted.len();
        for pair in Pairs::of(&row.line) {
            let (key, value) = match pair {
                Ok(pair) => pair,
                Err(broken) if self.flags.strict => {
                    row.labels.fail(Failure::Logfmt, broken);
                    return true;
                }
                Err(_) => continue,
            };
            if value.is_empty() && !self.flags.keep_empty {
                continue;
            }
            self.name.clear();
            push_sanitized(&mut self.name, key);
            if self.wanted.has(&self.name) && row.labels.extract(&self.name, &value) {
                left = left.map(|left| left.saturating_sub(1));
            }
            if left == Some(0) {
                return true;
            }
        }
        true
    }
}

/// `logfmt a, b="c"`: each label gets the value of its key, or an empty one.
#[derive(Debug)]
pub(crate) struct LogfmtFields {
    strict: bool,
    fields: Vec<Extraction<String>>,
    name: String,
}

impl LogfmtFields {
    pub(crate) const fn new(flags: LogfmtFlags, fields: Vec<Extraction<String>>) -> Self {
        Self { strict: flags.strict, fields, name: String::new() }
    }
}

impl Stage for LogfmtFields {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        let mut found: Vec<Option<Cow<'_, str>>> = vec![None; self.fields.len()];
        for pair in Pairs::of(&row.line) {
            match pair {
                Ok((key, value)) => {
                    self.name.clear();
                    push_sanitized(&mut self.name, key);
                    let wanted = self.fields.iter().zip(&mut found).filter(|(field, _)| field.source == self.name);
                    wanted.for_each(|(_, slot)| *slot = Some(value.clone()));
                }
                Err(broken) if self.strict => {
                    row.labels.fail(Failure::Logfmt, broken);
                    break;
                }
                Err(_) => {}
            }
        }
        for (field, value) in self.fields.iter().zip(found) {
            match value {
                Some(value) => {
                    row.labels.extract(&field.name, &value);
                }
                None if row.labels.stream().get(&field.name).is_none() => {
                    row.labels.set(&field.name, "", Source::Parsed);
                }
                None => {}
            }
        }
        true
    }
}

/// What is no pair, and where.
#[derive(Clone, Copy, Debug)]
struct Broken {
    reason: &'static str,
    at: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

/// The `key=value` pairs of a line; what is none is an error, after which it goes on with the next word.
struct Pairs<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Pairs<'t> {
    const fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The text from here to the first byte that `stop` accepts; moves there.
    fn take_until(&mut self, stop: impl Fn(u8) -> bool) -> &'t str {
        let bytes = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let len = bytes.iter().position(|byte| stop(*byte)).unwrap_or(bytes.len());
        let taken = self.text.get(self.at..self.at + len).unwrap_or_default();
        self.at += len;
        taken
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn broken(&mut self, reason: &'static str) -> Broken {
        let broken = Broken { reason, at: self.at };
        self.take_until(|byte| byte <= b' ');
        broken
    }

    fn pair(&mut self) -> Result<(&'t str, Cow<'t, str>), Broken> {
        let key = self.take_until(|byte| byte <= b' ' || byte == b'=' || byte == b'"');
        match self.peek() {
            Some(b'"') => return Err(self.broken("unexpected `\"`")),
            Some(b'=') if key.is_empty() => return Err(self.broken("unexpected `=`")),
            Some(b'=') => self.at += 1,
            _ => return Ok((key, Cow::Borrowed(""))),
        }
        if self.peek() == Some(b'"') {
            return Ok((key, self.quoted()?));
        }
        let value = self.take_until(|byte| byte <= b' ' || byte == b'=' || byte == b'"');
        match self.peek() {
            Some(b'"') => Err(self.broken("unexpected `\"`")),
            Some(b'=') => Err(self.broken("unexpected `=`")),
            _ => Ok((key, Cow::Borrowed(value))),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'t, str>, Broken> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.take_until(|byte| byte == b'"' || byte == b'\\');
            match self.peek() {
                Some(b'"') => break,
                Some(_) => {
                    escaped = true;
                    self.at += 2;
                }
                None => return Err(self.broken("unterminated quoted value")),
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        if !escaped {
            return Ok(Cow::Borrowed(raw));
        }
        unescape(raw).map(Cow::Owned).ok_or_else(|| self.broken("invalid quoted value"))
    }
}

impl<'t> Iterator for Pairs<'t> {
    type Item = Result<(&'t str, Cow<'t, str>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take_until(|byte| byte > b' ');
        self.peek()?;
        Some(self.pair())
    }
}

#[cfg(test)]
mod tests;
