//! Go's text templates as LogQL's `line_format` and `label_format` use them: labels and a line in, a text out.
//!
//! The language is that of Go's `text/template` with Loki's functions. A template reads nothing but its [`Fields`], knows
//! no clock, and every rendering has limits on its output, its depth and its work, so that one that loops or grows ends
//! with an error.
//!
//! Rules and notifications use the same language over data of any shape: [`Template::parse_alert`] knows the functions of
//! Prometheus' and Alertmanager's templates, and [`Template::render_data`] takes a [`Value`].
//!
//! ```
//! # struct Row;
//! # impl template::Fields for Row {
//! #     fn label(&self, name: &str) -> Option<&str> { (name == "method").then_some("get") }
//! #     fn labels(&self) -> Vec<(&str, &str)> { vec![("method", "get")] }
//! #     fn line(&self) -> &str { "a line" }
//! #     fn time_ns(&self) -> i64 { 0 }
//! #     fn now_ns(&self) -> i64 { 0 }
//! # }
//! let template = template::Template::parse("{{ .method | upper }}: {{ __line__ }}")?;
//! assert_eq!(template.render(&Row)?, "GET: a line");
//! # Ok::<(), template::Error>(())
//! ```

mod ast;
mod func;
mod layout;
mod lex;
mod parse;
mod printf;
mod run;
mod value;

use std::collections::BTreeSet;

pub use value::Value;

/// Most bytes of a rendered text, and of any text on the way to it.
pub const MAX_OUTPUT: usize = 1 << 20;
/// How deep actions, parentheses and calls of templates may nest.
pub const MAX_DEPTH: usize = 64;

/// What a template may read.
pub trait Fields {
    /// The value of a label.
    fn label(&self, name: &str) -> Option<&str>;
    /// All labels, in any order.
    fn labels(&self) -> Vec<(&str, &str)>;
    /// The line as it is now.
    fn line(&self) -> &str;
    /// The time of the line, in nanoseconds since 1970.
    fn time_ns(&self) -> i64;
    /// The time of the query, in nanoseconds since 1970.
    fn now_ns(&self) -> i64;
}

/// Why a text is no template, or why a template could not be rendered. The message names types and functions, never the
/// text of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {message}")]
pub struct Error {
    message: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// A template that is known to be well formed.
#[derive(Debug)]
pub struct Template {
    parsed: parse::Parsed,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong and on which line: unbalanced actions, unknown functions or variables, too much nesting.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::parse(text, func::Dialect::Lines).map(|parsed| Self { parsed })
    }

    /// Reads a template of a rule or a notification, with the functions of Prometheus and Alertmanager beside the others.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_alert(text: &str) -> Result<Self, Error> {
        parse::parse(text, func::Dialect::Alerts).map(|parsed| Self { parsed })
    }

    /// The text with this data as its dot; a missing key is empty.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_data(&self, data: &Value, now_ns: i64) -> Result<String, Error> {
        run::render(&self.parsed, &Nothing { now_ns }, data, Value::text(""))
    }

    /// The text with these fields in it; a missing label is empty.
    ///
    /// # Errors
    /// A function that refuses its arguments, and every limit.
    pub fn render(&self, fields: &dyn Fields) -> Result<String, Error> {
        run::render(&self.parsed, fields, &Value::Labels, Value::Nil)
    }

    /// Names of the labels it reads; `None` when it may read any.
    #[must_use]
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        (!self.parsed.reads_all).then_some(&self.parsed.names)
    }

    /// Whether it reads the line itself.
    #[must_use]
    pub fn reads_line(&self) -> bool {
        self.parsed.reads_line
    }
}

/// No line at all; the time of the rendering is known.
#[derive(Debug)]
struct Nothing {
    now_ns: i64,
}

impl Fields for Nothing {
    fn label(&self, _: &str) -> Option<&str> {
        None
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn line(&self) -> &str {
        ""
    }

    fn time_ns(&self) -> i64 {
        self.now_ns
    }

    fn now_ns(&self) -> i64 {
        self.now_ns
    }
}

#[cfg(test)]
mod tests;
