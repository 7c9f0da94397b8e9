//! The syntax tree of a query: one file a construct family, `Display` prints each node back as LogQL.

mod aggregation;
mod binary;
mod format;
mod label_filter;
mod labels;
mod line_filter;
pub(crate) mod parser;
mod print;
mod quote;
mod scalar;
mod selector;

pub use aggregation::{Conversion, Grouping, LogRange, RangeAggregation, RangeOp, Unwrap, VectorAggregation, VectorOp};
pub use binary::{Binary, BinaryOp, GroupSide, GroupedMatch, Matching, On};
pub use format::{LabelFormat, LabelFormats, LabelSource, LineFormat};
pub use label_filter::{Compare, LabelFilter, LabelTest, LabelValue};
pub use labels::{LabelNames, NamedLabel};
pub use line_filter::{LineFilter, Needle};
pub use parser::{Extraction, Json, JsonStep, Logfmt, LogfmtFlags, Parser};
pub(crate) use quote::Quoted;
pub use selector::{Matcher, Selector, ValueMatch, ValueTest};

use crate::Span;

/// A whole query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A query for lines.
    Log(LogExpr),
    /// A query for numbers.
    Metric(MetricExpr),
}

/// Lines of the selected streams, sent through the stages in order.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// Which streams.
    pub selector: Selector,
    /// What happens to each line; empty for a bare selector.
    pub stages: Vec<Stage>,
    /// Selector and stages; parentheses and range not counted.
    pub span: Span,
}

/// One step of a log pipeline. `unwrap` is not here: it belongs to a [`LogRange`].
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// `|= "a" or "b"` and its siblings.
    LineFilter(LineFilter),
    /// `| json`, `| logfmt`, `| regexp`, `| pattern`, `| unpack`, `| facts`.
    Parser(Parser),
    /// `| status >= 500 and method = "GET"`.
    LabelFilter(LabelFilter),
    /// `| line_format "…"`.
    LineFormat(LineFormat),
    /// `| label_format a=b, c="…"`.
    LabelFormat(LabelFormats),
    /// `| decolorize`.
    Decolorize(Span),
    /// `| drop a, b="x"`.
    Drop(LabelNames),
    /// `| keep a, b="x"`.
    Keep(LabelNames),
}

/// A query whose value at a time is a vector (or a number).
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    /// `rate({…} [5m])`.
    Range(Box<RangeAggregation>),
    /// `sum by (a) (…)`.
    Vector(Box<VectorAggregation>),
    /// `a / on (x) b`.
    Binary(Box<Binary>),
    /// `label_replace(v, "dst", "$1", "src", "re")`.
    LabelReplace(Box<LabelReplace>),
    /// `vector(1)`: one series without labels.
    Constant(Number),
    /// `1.5`: a scalar.
    Number(Number),
}

/// A finite number, with its sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// Never NaN, never infinite.
    pub value: f64,
    /// Where it stands, sign included.
    pub span: Span,
}

/// `label_replace(expr, "target", "replacement", "source", "regex")`.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplace {
    /// The vector whose labels change.
    pub expr: MetricExpr,
    /// The label written.
    pub target: String,
    /// What is written: text with `$1` or `${name}` of the regex.
    pub replacement: String,
    /// The label read; a missing one reads as empty.
    pub source: String,
    /// Must match the whole of `source`, else the series stays as it is.
    pub regex: crate::Regex,
    /// The whole call.
    pub span: Span,
}
