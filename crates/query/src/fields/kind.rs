//! What the values of a field are: numbers, durations, sizes, or just text.

use logql::{ByteCount, Nanos};

/// A type that all values of a field have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Anything.
    String,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// `true` and `false`.
    Boolean,
    /// Such as `1.5s`.
    Duration,
    /// Such as `5MiB`.
    Bytes,
}

impl FieldKind {
    /// Loki's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Duration => "duration",
            Self::Bytes => "bytes",
        }
    }

    /// What all values are; text when they differ or there are none.
    pub(super) fn of<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let both = |a: Self, b: Self| match (a, b) {
            (a, b) if a == b => a,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            _ => Self::String,
        };
        values.into_iter().map(Self::of_value).reduce(both).unwrap_or(Self::String)
    }

    fn of_value(value: &str) -> Self {
        if value.parse::<i64>().is_ok() {
            Self::Int
        } else if is_number(value) {
            Self::Float
        } else if matches!(value, "t" | "T" | "true" | "TRUE" | "True" | "f" | "F" | "false" | "FALSE" | "False") {
            Self::Boolean
        } else if Nanos::parse_go(value).is_some() {
            Self::Duration
        } else if ByteCount::parse(value).is_some() {
            Self::Bytes
        } else {
            Self::String
        }
    }
}

pub(super) fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

/// `8-4-4-4-12` hexadecimal digits.
pub(super) fn is_uuid(value: &str) -> bool {
    let parts: Vec<_> = value.split('-').collect();
    let lengths = [8, 4, 4, 4, 12];
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_what_all_values_are() {
        for (values, want) in [
            (&["1", "-5"][..], "int"),
            (&["1", "2.5"], "float"),
            (&["true", "false"], "boolean"),
            (&["5ms", "1h2m"], "duration"),
            (&["5MB", "1 KiB"], "bytes"),
            (&["5MB", "5ms"], "string"),
            (&["CREATED"], "string"),
            (&[], "string"),
        ] {
            assert_eq!(FieldKind::of(values.iter().copied()).name(), want, "{values:?}");
        }
    }

    #[test]
    fn an_id_is_told_from_a_word() {
        assert!(is_uuid("123e4567-e89b-12d3-a456-426614174000"));
        assert!(!is_uuid("123e4567-e89b-12d3-a456-42661417400g") && !is_uuid("one-two"));
    }
}
