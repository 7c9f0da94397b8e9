//! Patterns: text with captures, `<method> <_> took <ms>ms`.

use std::fmt;

/// A parsed pattern; no two captures stand side by side, no name stands twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    parts: Vec<PatternPart>,
}

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternPart {
    /// Text as it must stand in the line; never empty, never beside another literal.
    Literal(String),
    /// Any text; `None` for `<_>`.
    Capture(Option<String>),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// Two captures stand side by side.
    Consecutive,
    /// Two captures have this name.
    Duplicate(String),
    /// No capture has a name.
    NoName,
    /// A capture has a name.
    Named,
}

impl std::error::Error for PatternError {}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consecutive => f.write_str("found consecutive capture: invalid expression"),
            Self::Duplicate(name) => write!(f, "duplicate capture name ({name}): invalid expression"),
            Self::NoName => f.write_str("at least one capture is required"),
            Self::Named => f.write_str("named captures are not allowed"),
        }
    }
}

impl Pattern {
    /// A pattern for the `pattern` stage: at least one capture has a name.
    ///
    /// # Errors
    ///
    /// Captures stand side by side, two have one name, or none has any.
    pub fn extracting(source: &str) -> Result<Self, PatternError> {
        let pattern = Self::parse(source)?;
        if pattern.names().next().is_none() { Err(PatternError::NoName) } else { Ok(pattern) }
    }

    /// A pattern for the line filters `|>` and `!>`: no capture has a name.
    pub(crate) fn matching(source: &str) -> Result<Self, PatternError> {
        let pattern = Self::parse(source)?;
        if pattern.names().next().is_some() { Err(PatternError::Named) } else { Ok(pattern) }
    }

    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The pieces in order; none for the empty pattern.
    #[must_use]
    pub fn parts(&self) -> &[PatternPart] {
        &self.parts
    }

    /// Names of the captures, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            PatternPart::Capture(name) => name.as_deref(),
            PatternPart::Literal(_) => None,
        })
    }

    fn parse(source: &str) -> Result<Self, PatternError> {
        let parts = split(source);
        for pair in parts.windows(2) {
            if let [PatternPart::Capture(_), PatternPart::Capture(_)] = pair {
                return Err(PatternError::Consecutive);
            }
        }
        let pattern = Self { source: source.to_owned(), parts };
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = pattern.names().find(|name| !seen.insert(*name)) {
            return Err(PatternError::Duplicate(twice.to_owned()));
        }
        Ok(pattern)
    }
}

fn split(source: &str) -> Vec<PatternPart> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if let Some((name, tail)) = capture(rest) {
            if !literal.is_empty() {
                parts.push(PatternPart::Literal(std::mem::take(&mut literal)));
            }
            parts.push(PatternPart::Capture((name != "_").then(|| name.to_owned())));
            rest = tail;
        } else {
            literal.push(c);
            rest = rest.split_at(c.len_utf8()).1;
        }
    }
    if !literal.is_empty() {
        parts.push(PatternPart::Literal(literal));
    }
    parts
}

/// The name of the capture that `text` begins with, and what follows it.
fn capture(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find(|c: char| c != '_' && !c.is_ascii_alphanumeric())?;
    let (name, tail) = inner.split_at(end);
    let tail = tail.strip_prefix('>')?;
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((name, tail))
}

#[cfg(test)]
mod tests;
