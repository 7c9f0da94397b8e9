//! Label filters: `status >= 500 and (method = "GET" or took > 1.5s)`.

use std::fmt;

use super::{Matcher, Quoted};
use crate::{ByteCount, IpSet, Nanos, Span};

/// A condition on the labels of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// All hold; at least two, none of them an `All`.
    All(Vec<Self>),
    /// One holds; at least two, none of them an `Any`.
    Any(Vec<Self>),
    /// The label read as a string.
    Match(Matcher),
    /// The label read as a number, duration or size.
    Compare(LabelTest),
    /// `addr = ip("10.0.0.0/8")`
    Ip {
        /// The label.
        name: String,
        /// `!=`
        negated: bool,
        /// The addresses.
        set: IpSet,
        /// Name to closing parenthesis.
        span: Span,
    },
}

/// `took > 1.5s`: the label's value is converted, then compared.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelTest {
    /// The label.
    pub name: String,
    /// How.
    pub compare: Compare,
    /// With what; says how the label's value is read.
    pub value: LabelValue,
    /// Name to value.
    pub span: Span,
}

/// The right side of a typed label filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelValue {
    /// The label is read as a float.
    Number(f64),
    /// The label is read as a duration.
    Duration(Nanos),
    /// The label is read as a size.
    Bytes(ByteCount),
}

/// An order between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `==`; in label filters also `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Compare {
    /// The operator as printed.
    #[must_use]
    pub fn op(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    /// Whether `left op right` holds; with NaN only `!=` does.
    #[must_use]
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}

impl fmt::Display for LabelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
            Self::Match(matcher) => matcher.fmt(f),
            Self::Compare(test) => write!(f, "{}{}{}", test.name, test.compare.op(), test.value),
            Self::Ip { name, negated, set, .. } => {
                write!(f, "{name}{}ip({})", if *negated { "!=" } else { "=" }, Quoted(set.source()))
            }
        }
    }
}

impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Duration(value) => value.fmt(f),
            Self::Bytes(value) => value.fmt(f),
        }
    }
}

/// Prints the parts with `word` between them, nested groups in parentheses.
fn joined(f: &mut fmt::Formatter<'_>, parts: &[LabelFilter], word: &str) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if 0 < i {
            f.write_str(word)?;
        }
        match part {
            LabelFilter::All(_) | LabelFilter::Any(_) => write!(f, "({part})")?,
            LabelFilter::Match(_) | LabelFilter::Compare(_) | LabelFilter::Ip { .. } => write!(f, "{part}")?,
        }
    }
    Ok(())
}
