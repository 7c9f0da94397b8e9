//! Stream selectors as conditions of a scan.

use logql::ast::ValueTest;
use logql::{Matcher, Regex};
use storage::{Predicate, TextMatch};

/// Keeps the rows of the streams that a selector selects.
pub(crate) fn predicate(matchers: &[Matcher]) -> Predicate {
    matchers.iter().map(of_matcher).fold(Predicate::True, Predicate::and)
}

fn of_matcher(matcher: &Matcher) -> Predicate {
    let label = |text| Predicate::Label { name: matcher.name.clone(), text };
    match &matcher.test {
        ValueTest::Equal(value) => label(TextMatch::Equals(value.clone())),
        ValueTest::NotEqual(value) => Predicate::Not(Box::new(label(TextMatch::Equals(value.clone())))),
        ValueTest::Match(regex) => label(whole(regex)),
        ValueTest::NotMatch(regex) => Predicate::Not(Box::new(label(whole(regex)))),
    }
}

/// The whole value must match; `.` matches a newline too.
fn whole(regex: &Regex) -> TextMatch {
    TextMatch::Regex(format!("^(?s:{})$", regex.rust()))
}
