//! The label lists of `drop` and `keep`.

use std::fmt;

use super::Matcher;
use super::quote::comma_separated;
use crate::Span;

/// Which labels `drop` removes or `keep` keeps.
///
/// The grammar has no way to write a line filter with `!=` or `!~` right behind a list that ends in a bare name: it reads
/// as a test of that label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelNames {
    /// At least one.
    pub labels: Vec<NamedLabel>,
    /// Keyword to last label.
    pub span: Span,
}

/// A label by name, or by name and value.
#[derive(Debug, Clone, PartialEq)]
pub enum NamedLabel {
    /// Whatever its value is.
    Name(String),
    /// Only when its value passes.
    Match(Matcher),
}

impl fmt::Display for NamedLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Match(matcher) => matcher.fmt(f),
        }
    }
}

impl fmt::Display for LabelNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        comma_separated(f, &self.labels)
    }
}
