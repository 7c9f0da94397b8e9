//! Stream selectors as conditions of a scan.

use logql::ast::{LabelFilter, ValueTest};
use logql::{Matcher, Regex};
use storage::{Predicate, TextMatch, logs};

/// Keeps the rows of the streams that a selector selects.
pub(crate) fn predicate(matchers: &[Matcher]) -> Predicate {
    matchers.iter().map(of_matcher).fold(Predicate::True, Predicate::and)
}

pub(crate) fn of_matcher(matcher: &Matcher) -> Predicate {
    of_test(&matcher.test, |text| Predicate::Label { name: matcher.name.clone(), text })
}

/// What a test says of the value in some place of a row.
pub(crate) fn of_test(test: &ValueTest, place: impl Fn(TextMatch) -> Predicate) -> Predicate {
    match test {
        ValueTest::Equal(value) => place(TextMatch::Equals(value.clone())),
        ValueTest::NotEqual(value) => Predicate::Not(Box::new(place(TextMatch::Equals(value.clone())))),
        ValueTest::Match(regex) => place(whole(regex)),
        ValueTest::NotMatch(regex) => Predicate::Not(Box::new(place(whole(regex)))),
    }
}

/// What a label filter in front of all parsers says of an id in the structured metadata, as far as the scan can tell:
/// every row that the filter keeps satisfies it.
pub(crate) fn of_ids(filter: &LabelFilter) -> Predicate {
    match filter {
        LabelFilter::All(parts) => parts.iter().map(of_ids).fold(Predicate::True, Predicate::and),
        LabelFilter::Any(parts) => {
            let parts: Vec<_> = parts.iter().map(of_ids).collect();
            if parts.contains(&Predicate::True) { Predicate::True } else { Predicate::Or(parts) }
        }
        LabelFilter::Match(matcher) if logs::KEYS.contains(&matcher.name.as_str()) => {
            let text = match &matcher.test {
                ValueTest::Equal(value) => TextMatch::Equals(value.clone()),
                ValueTest::Match(regex) => whole(regex),
                ValueTest::NotEqual(_) | ValueTest::NotMatch(_) => return Predicate::True,
            };
            Predicate::Metadata { name: matcher.name.clone(), text }
        }
        LabelFilter::Match(_) | LabelFilter::Compare(_) | LabelFilter::Ip { .. } => Predicate::True,
    }
}

/// The whole value must match; `.` matches a newline too.
pub(crate) fn whole(regex: &Regex) -> TextMatch {
    TextMatch::Regex(format!("^(?s:{})$", regex.rust()))
}
