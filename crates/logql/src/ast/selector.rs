//! Stream selectors and matchers: `{app="shop", env=~"prod|test"}`.

use std::fmt;

use regex_automata::meta;

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

/// A [`ValueTest`] that is ready to look at many values.
#[derive(Debug, Clone)]
pub struct ValueMatch(Ready);

#[derive(Debug, Clone)]
enum Ready {
    Equal(String),
    NotEqual(String),
    Match(Box<meta::Regex>),
    NotMatch(Box<meta::Regex>),
}

impl ValueMatch {
    /// Compiles what there is to compile.
    #[must_use]
    pub fn new(test: &ValueTest) -> Self {
        Self(match test {
            ValueTest::Equal(value) => Ready::Equal(value.clone()),
            ValueTest::NotEqual(value) => Ready::NotEqual(value.clone()),
            ValueTest::Match(regex) => Ready::Match(Box::new(regex.full_matcher())),
            ValueTest::NotMatch(regex) => Ready::NotMatch(Box::new(regex.full_matcher())),
        })
    }

    /// Whether a value passes; a missing label has the empty value.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        match &self.0 {
            Ready::Equal(want) => value == want,
            Ready::NotEqual(want) => value != want,
            Ready::Match(regex) => regex.is_match(value),
            Ready::NotMatch(regex) => !regex.is_match(value),
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
