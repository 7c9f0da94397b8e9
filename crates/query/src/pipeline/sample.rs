//! The number a line stands for in a metric query.

use logql::ast::{Conversion, Unwrap};
use logql::{ByteCount, Nanos};

use super::Row;
use super::label_filter::LabelFilter;
use super::labels::Failure;

/// How a line becomes a number.
#[derive(Debug)]
pub(crate) enum Sample {
    /// Every line is one.
    Line,
    /// The bytes of the line, after all stages.
    Bytes,
    /// The value of a label.
    Label {
        /// Its name.
        name: String,
        /// How it is read.
        conversion: Conversion,
        /// Conditions on what came of it.
        filters: Vec<LabelFilter>,
    },
}

impl Sample {
    /// The value of a label.
    pub(crate) fn unwrapping(unwrap: &Unwrap) -> Self {
        Self::Label {
            name: unwrap.label.clone(),
            conversion: unwrap.conversion,
            filters: unwrap.filters.iter().map(LabelFilter::new).collect(),
        }
    }

    /// The number; `None` when the line has none. A value that cannot be read marks the line and counts as 0.
    pub(crate) fn value(&self, row: &mut Row<'_>) -> Option<f64> {
        match self {
            Self::Line => Some(1.0),
            #[expect(clippy::cast_precision_loss, reason = "no line has 2^53 bytes")]
            Self::Bytes => Some(row.line.len() as f64),
            Self::Label { name, conversion, filters } => {
                let text = row.labels.get(name).filter(|text| !text.is_empty())?;
                let value = convert(*conversion, text);
                if value.is_none() {
                    row.labels.fail(Failure::Sample, format_args!("`{name}` cannot be unwrapped"));
                }
                filters.iter().all(|filter| filter.keeps(&mut row.labels)).then(|| value.unwrap_or_default())
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
fn convert(conversion: Conversion, text: &str) -> Option<f64> {
    match conversion {
        Conversion::Number => text.parse().ok(),
        Conversion::Bytes => ByteCount::parse(text).map(|bytes| bytes.0 as f64),
        Conversion::Duration => Nanos::parse_go(text).map(|nanos| nanos.0 as f64 / 1e9),
    }
}
