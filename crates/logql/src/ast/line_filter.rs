//! Line filters: `|= "a" or "b"`, `!~ "re"`, `|> "<_> took <_>"`, `|= ip("10.0.0.0/8")`.

use std::fmt;

use super::Quoted;
use crate::{IpSet, Pattern, Regex, Span};

/// Keeps a line that contains one of the needles or, when negated, none of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFilter {
    /// `!=`, `!~`, `!>`: the line must contain no needle at all.
    pub negated: bool,
    /// At least one; all regexes, or all patterns, or any mix of texts and addresses.
    pub needles: Vec<Needle>,
    /// Operator to last needle.
    pub span: Span,
}

/// What a line filter looks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Needle {
    /// `|= "text"`: a substring; the empty one is in every line.
    Text(String),
    /// `|~ "re"`: matches anywhere in the line; `.` does not match a newline.
    Regex(Regex),
    /// `|> "<_> text <_>"`: captures without names.
    Pattern(Pattern),
    /// `|= ip("…")`: an address in the set stands somewhere in the line.
    Ip(IpSet),
}

impl LineFilter {
    /// The operator as written: `|=`, `!=`, `|~`, `!~`, `|>`, `!>`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match (self.needles.first(), self.negated) {
            (Some(Needle::Regex(_)), false) => "|~",
            (Some(Needle::Regex(_)), true) => "!~",
            (Some(Needle::Pattern(_)), false) => "|>",
            (Some(Needle::Pattern(_)), true) => "!>",
            (Some(Needle::Text(_) | Needle::Ip(_)) | None, false) => "|=",
            (Some(Needle::Text(_) | Needle::Ip(_)) | None, true) => "!=",
        }
    }
}

impl fmt::Display for LineFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op())?;
        for (i, needle) in self.needles.iter().enumerate() {
            f.write_str(if i == 0 { " " } else { " or " })?;
            needle.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Regex(regex) => Quoted(regex.source()).fmt(f),
            Self::Pattern(pattern) => Quoted(pattern.source()).fmt(f),
            Self::Ip(set) => write!(f, "ip({})", Quoted(set.source())),
        }
    }
}
