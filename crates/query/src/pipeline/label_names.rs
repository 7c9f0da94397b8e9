//! `| drop a, b="x"` and `| keep a, b="x"`.

use logql::ast::{LabelNames, NamedLabel};

use super::label_filter::LabelMatch;
use super::labels::{ERROR, ERROR_DETAILS};
use super::{Row, Stage};

/// Removes the labels it names.
#[derive(Debug)]
pub(crate) struct Drop {
    names: Vec<Named>,
}

/// Removes all labels but those it names; the error labels stay.
#[derive(Debug)]
pub(crate) struct Keep {
    names: Vec<Named>,
}

#[derive(Debug)]
enum Named {
    Name(String),
    Match(LabelMatch),
}

impl Drop {
    pub(crate) fn new(names: &LabelNames) -> Self {
        Self { names: named(names) }
    }
}

impl Keep {
    pub(crate) fn new(names: &LabelNames) -> Self {
        Self { names: named(names) }
    }
}

fn named(names: &LabelNames) -> Vec<Named> {
    let one = |label: &NamedLabel| match label {
        NamedLabel::Name(name) => Named::Name(name.clone()),
        NamedLabel::Match(matcher) => Named::Match(LabelMatch::new(matcher)),
    };
    names.labels.iter().map(one).collect()
}

impl Named {
    fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Match(matcher) => &matcher.name,
        }
    }

    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Name(_) => true,
            Self::Match(matcher) => matcher.accepts(value),
        }
    }
}

impl Stage for Drop {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        for named in &self.names {
            if row.labels.get(named.name()).is_some_and(|value| named.accepts(value)) {
                row.labels.remove(named.name());
            }
        }
        true
    }
}

impl Stage for Keep {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        let names = &self.names;
        row.labels.retain(|name, value| {
            matches!(name, ERROR | ERROR_DETAILS)
                || names.iter().any(|named| named.name() == name && named.accepts(value))
        });
        true
    }
}
