//! Stages that extract labels from the line: `json`, `logfmt`, `regexp`, `pattern`, `unpack`, `facts`.

use std::fmt;

use super::Quoted;
use super::quote::comma_separated;
use crate::{Pattern, Regex, Span};

/// The word of [`Parser::Facts`]. It is a label's name as well where a comparison follows.
pub(crate) const FACTS: &str = "facts";

/// Extracts labels from the line.
#[derive(Debug, Clone, PartialEq)]
pub enum Parser {
    /// `| json`, `| json a="b.c[0]"`
    Json(Json),
    /// `| logfmt`, `| logfmt --strict a, b="c"`
    Logfmt(Logfmt),
    /// `| regexp "(?P<a>…)"`: at least one capture has a name.
    Regexp(Regex, Span),
    /// `| pattern "<a> … <_>"`: at least one capture has a name.
    Pattern(Pattern, Span),
    /// `| unpack`
    Unpack(Span),
    /// `| facts`: what a line tells of a call or a change, whatever its format. Loki does not have it.
    Facts(Span),
}

/// `json` with the fields wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Json {
    /// Empty: all fields.
    pub fields: Vec<Extraction<Vec<JsonStep>>>,
    /// Keyword to last field.
    pub span: Span,
}

/// One step of a path into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JsonStep {
    /// `.name` or `["name"]`
    Field(String),
    /// `[0]`
    Index(usize),
}

/// `logfmt` with its flags and the keys wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Logfmt {
    /// How to treat what is not quite logfmt.
    pub flags: LogfmtFlags,
    /// Empty: all keys.
    pub fields: Vec<Extraction<String>>,
    /// Keyword to last field.
    pub span: Span,
}

/// The flags of `logfmt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogfmtFlags {
    /// `--strict`: stop at the first broken pair.
    pub strict: bool,
    /// `--keep-empty`: keep keys without a value.
    pub keep_empty: bool,
}

/// `name="source"`: the label `name` gets what `source` finds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extraction<T> {
    /// The label written.
    pub name: String,
    /// Where its value is, resolved.
    pub source: T,
    /// `source` as written; equal to `name` when left out.
    pub text: String,
}

impl<T> fmt::Display for Extraction<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name == self.text { f.write_str(&self.name) } else { write!(f, "{}={}", self.name, Quoted(&self.text)) }
    }
}

impl fmt::Display for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(json) => json.fmt(f),
            Self::Logfmt(logfmt) => logfmt.fmt(f),
            Self::Regexp(regex, _) => write!(f, "regexp {}", Quoted(regex.source())),
            Self::Pattern(pattern, _) => write!(f, "pattern {}", Quoted(pattern.source())),
            Self::Unpack(_) => f.write_str("unpack"),
            // Before `!=` and `!~` only the parentheses tell it from a label of that name.
            Self::Facts(_) => write!(f, "{FACTS}()"),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")?;
        fields(f, &self.fields)
    }
}

impl fmt::Display for Logfmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("logfmt")?;
        if self.flags.strict {
            f.write_str(" --strict")?;
        }
        if self.flags.keep_empty {
            f.write_str(" --keep-empty")?;
        }
        fields(f, &self.fields)
    }
}

fn fields<T>(f: &mut fmt::Formatter<'_>, fields: &[Extraction<T>]) -> fmt::Result {
    if fields.is_empty() {
        return Ok(());
    }
    f.write_str(" ")?;
    comma_separated(f, fields)
}
