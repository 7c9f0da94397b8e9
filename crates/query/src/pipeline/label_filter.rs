//! `| status >= 500 and method = "GET"`: keeps a line by its labels.

use logql::ast::{self, Compare, LabelTest, LabelValue, Matcher};
use logql::{ByteCount, IpSet, Nanos, ValueMatch};

use super::labels::Failure;
use super::{LabelSet, Row, Stage, ip};

/// A condition on the labels of a line.
///
/// A value that cannot be read as the type it is compared with marks the line with `LabelFilterErr` and keeps it; a
/// line that carries an error already passes every typed condition.
#[derive(Debug)]
pub(crate) enum LabelFilter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Match(LabelMatch),
    Compare(LabelTest),
    Ip { name: String, negated: bool, set: IpSet },
}

/// A test of one label as text; a missing label reads as empty.
#[derive(Debug)]
pub(crate) struct LabelMatch {
    pub(crate) name: String,
    test: ValueMatch,
}

impl LabelMatch {
    pub(crate) fn new(matcher: &Matcher) -> Self {
        Self { name: matcher.name.clone(), test: ValueMatch::new(&matcher.test) }
    }

    pub(crate) fn accepts(&self, value: &str) -> bool {
        self.test.accepts(value)
    }
}

impl LabelFilter {
    pub(crate) fn new(filter: &ast::LabelFilter) -> Self {
        match filter {
            ast::LabelFilter::All(parts) => Self::All(parts.iter().map(Self::new).collect()),
            ast::LabelFilter::Any(parts) => Self::Any(parts.iter().map(Self::new).collect()),
            ast::LabelFilter::Match(matcher) => Self::Match(LabelMatch::new(matcher)),
            ast::LabelFilter::Compare(test) => Self::Compare(test.clone()),
            ast::LabelFilter::Ip { name, negated, set, .. } => {
                Self::Ip { name: name.clone(), negated: *negated, set: set.clone() }
            }
        }
    }

    pub(crate) fn keeps(&self, labels: &mut LabelSet<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.keeps(labels)),
            Self::Any(parts) => parts.iter().any(|part| part.keeps(labels)),
            Self::Match(matcher) => matcher.accepts(labels.get(&matcher.name).unwrap_or_default()),
            Self::Compare(_) | Self::Ip { .. } if labels.has_failed() => true,
            Self::Compare(test) => match labels.get(&test.name).map(|value| compare(test, value)) {
                None => false,
                Some(Ok(keeps)) => keeps,
                Some(Err(details)) => {
                    labels.fail(Failure::LabelFilter, details);
                    true
                }
            },
            Self::Ip { name, negated, set } => {
                labels.get(name).is_some_and(|value| ip::stands_in(set, value) != *negated)
            }
        }
    }
}

impl Stage for LabelFilter {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        self.keeps(&mut row.labels)
    }
}

fn compare(test: &LabelTest, value: &str) -> Result<bool, String> {
    let compare: Compare = test.compare;
    match test.value {
        LabelValue::Number(right) => match value.parse::<f64>() {
            Ok(left) => Ok(compare.holds(&left, &right)),
            Err(_) => Err(format!("`{}` is not a number", test.name)),
        },
        LabelValue::Duration(right) => match Nanos::parse_go(value) {
            Some(left) => Ok(compare.holds(&left, &right)),
            None => Err(format!("`{}` is not a duration", test.name)),
        },
        LabelValue::Bytes(right) => match ByteCount::parse(value) {
            Some(left) => Ok(compare.holds(&left, &right)),
            None => Err(format!("`{}` is not a size", test.name)),
        },
    }
}
