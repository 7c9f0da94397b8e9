//! What a template computes with, and how Go prints it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Zoned;

use crate::layout;

/// A value of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// What a missing key of JSON is; prints `<no value>`.
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// Values in order.
    List(Arc<[Self]>),
    /// Values by name.
    Map(Arc<BTreeMap<String, Self>>),
    /// All labels of the row; a missing one is an empty text.
    Labels,
    /// A point in time, in its zone.
    Time(Zoned),
}

/// The layout in which Go prints a time.
const TIME: &str = "2006-01-02 15:04:05.999999999 -0700 MST";

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    /// Values by name.
    pub fn map(pairs: impl IntoIterator<Item = (String, Self)>) -> Self {
        Self::Map(Arc::new(pairs.into_iter().collect()))
    }

    /// Texts by name.
    pub fn texts<'t>(pairs: impl IntoIterator<Item = (&'t String, &'t String)>) -> Self {
        Self::map(pairs.into_iter().map(|(name, value)| (name.clone(), Self::text(value))))
    }

    /// The name of its type, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "list",
            Self::Map(_) | Self::Labels => "map",
            Self::Time(_) => "time.Time",
        }
    }

    /// Whether `if` and `with` take it: neither zero nor empty.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(value) => !value.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Map(pairs) => !pairs.is_empty(),
            Self::Labels | Self::Time(_) => true,
        }
    }

    /// Appends the value as Go's `%v` prints it.
    pub(crate) fn print(&self, out: &mut String) {
        match self {
            Self::Nil => out.push_str("<no value>"),
            Self::Bool(value) => write_to(out, value),
            Self::Int(value) => write_to(out, value),
            Self::Float(value) => out.push_str(&float(*value)),
            Self::Text(value) => out.push_str(value),
            Self::List(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    value.print_inner(out);
                }
                out.push(']');
            }
            Self::Map(pairs) => {
                out.push_str("map[");
                for (index, (key, value)) in pairs.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    out.push_str(key);
                    out.push(':');
                    value.print_inner(out);
                }
                out.push(']');
            }
            Self::Labels => out.push_str("map[]"),
            Self::Time(time) => out.push_str(&layout::format(time, TIME)),
        }
    }

    /// Inside of lists and maps nothing prints as `<nil>`.
    fn print_inner(&self, out: &mut String) {
        if *self == Self::Nil { out.push_str("<nil>") } else { self.print(out) }
    }
}

fn write_to(out: &mut String, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to a string cannot fail");
}

/// A float as Go's `%v` prints it: as few digits as tell it apart, with an exponent from `1e+06` on and below `1e-04`.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) { format!("{value}") } else { with_exponent(digits, exponent) }
}

/// `1.5e+06`: a sign and at least two digits.
pub(crate) fn with_exponent(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}
