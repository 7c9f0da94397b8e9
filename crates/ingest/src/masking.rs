//! Personal data on its way in: left alone, counted, or replaced.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// What to do about personal data in lines, metadata and labels.
#[derive(Clone, Debug, Default)]
pub enum Masking {
    /// Look for none.
    #[default]
    Off,
}

/// How often each rule found something, by (service, rule).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(BTreeMap<(String, String), u64>);

impl Masking {
    /// The text to keep.
    pub(crate) fn apply<'t>(&self, text: Cow<'t, str>, _service: &str, _hits: &mut Hits) -> Cow<'t, str> {
        match self {
            Self::Off => text,
        }
    }
}

impl Hits {
    /// Counts by (service, rule).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.0.iter().map(|((service, rule), count)| (service.as_str(), rule.as_str(), *count))
    }

    /// Adds the counts of `other`.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }
}
