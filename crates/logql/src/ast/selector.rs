//! Stream selectors and matchers: `{app="shop", env=~"prod|test"}`.

use std::fmt;

use super::Quoted;
use crate::{Regex, Span};

/// `{…}`: the streams whose labels pass every matcher. Empty selects all.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// In the order written.
    pub matchers: Vec<Matcher>,
    /// Braces included.
    pub span: Span,
}

/// A test of one label by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// What its value must be; a missing label has the empty value.
    pub test: ValueTest,
    /// Name to value.
    pub span: Span,
}

/// What a label's value must be. Regexes must match the whole value.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// `=`
    Equal(String),
    /// `!=`
    NotEqual(String),
    /// `=~`
    Match(Regex),
    /// `!~`
    NotMatch(Regex),
}

impl ValueTest {
    /// Whether a missing or empty label passes.
    #[must_use]
    pub fn accepts_empty(&self) -> bool {
        match self {
            Self::Equal(value) => value.is_empty(),
            Self::NotEqual(value) => !value.is_empty(),
            Self::Match(regex) => regex.matches_empty(),
            Self::NotMatch(regex) => !regex.matches_empty(),
        }
    }

    /// The operator as written: `=`, `!=`, `=~`, `!~`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Equal(_) => "=",
            Self::NotEqual(_) => "!=",
            Self::Match(_) => "=~",
            Self::NotMatch(_) => "!~",
        }
    }

    /// The right side as text, unquoted.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Equal(value) | Self::NotEqual(value) => value,
            Self::Match(regex) | Self::NotMatch(regex) => regex.source(),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.test.op(), Quoted(self.test.value()))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        super::quote::comma_separated(f, &self.matchers)?;
        f.write_str("}")
    }
}
