//! Stages that rewrite line or labels by template: `line_format`, `label_format`.

use std::fmt;

use super::Quoted;
use super::quote::comma_separated;
use crate::Span;

/// `line_format "…"`.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFormat {
    /// A Go text template, not looked into here.
    pub template: String,
    /// Keyword to template.
    pub span: Span,
}

/// `label_format a=b, c="…"`; no label is written twice.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelFormats {
    /// At least one, applied in order.
    pub labels: Vec<LabelFormat>,
    /// Keyword to last label.
    pub span: Span,
}

/// One label that `label_format` writes.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelFormat {
    /// The label written; never `__error__`.
    pub name: String,
    /// Where its value comes from.
    pub source: LabelSource,
}

/// Where a formatted label's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelSource {
    /// `new=old`: the label is renamed.
    Rename(String),
    /// `new="{{.old}}"`: a Go text template, not looked into here.
    Template(String),
}

impl fmt::Display for LineFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line_format {}", Quoted(&self.template))
    }
}

impl fmt::Display for LabelFormats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("label_format ")?;
        comma_separated(f, &self.labels)
    }
}

impl fmt::Display for LabelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            LabelSource::Rename(from) => write!(f, "{}={from}", self.name),
            LabelSource::Template(template) => write!(f, "{}={}", self.name, Quoted(template)),
        }
    }
}
