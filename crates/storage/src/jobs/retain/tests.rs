//! Which rule decides, and when.

use super::*;
use crate::TextMatch;

const DAY: Duration = Duration::from_hours(24);

fn app(name: &str) -> Predicate {
    Predicate::Label { name: "app".to_owned(), text: TextMatch::Equals(name.to_owned()) }
}

fn rule(name: &str, priority: u32, days: u32) -> StreamRetention {
    StreamRetention { selector: app(name), priority, period: DAY * days }
}

/// A file whose newest row is so many days old.
fn file(days: u32) -> (FileRef, Timestamp) {
    let last = Timestamp(1_000);
    let file = FileRef { path: String::new(), bytes: 1, rows: 1, first: Timestamp(0), last };
    (file, last.after(DAY * days).after(Duration::from_secs(1)))
}

fn expired(lifecycle: &Lifecycle, table: &str, days: u32) -> Option<Expiry> {
    let (file, now) = file(days);
    Periods::of(lifecycle, table, &Tenant::default()).expired(&file, now)
}

#[test]
fn without_a_period_nothing_ever_goes() {
    assert_eq!(expired(&Lifecycle::default(), LOGS, 10_000), None);
    let zero = Lifecycle {
        retention: Retention { period: Some(Duration::ZERO), streams: Vec::new() },
        ..Lifecycle::default()
    };
    assert_eq!(expired(&zero, LOGS, 10_000), None);
}

#[test]
fn a_file_goes_whole_when_its_newest_row_is_older_than_the_longest_period() {
    let retention = Retention { period: Some(DAY * 30), streams: vec![rule("noise", 1, 2)] };
    let lifecycle = Lifecycle { retention, ..Lifecycle::default() };
    assert_eq!(expired(&lifecycle, LOGS, 1), None);
    let noise = Predicate::Or(vec![app("noise"), Predicate::False]);
    assert_eq!(expired(&lifecycle, LOGS, 2), Some(Expiry::Rows(DAY * 2, noise)));
    assert_eq!(expired(&lifecycle, LOGS, 30), Some(Expiry::Whole));
}

#[test]
fn a_longer_rule_keeps_its_streams_beyond_the_period_of_the_rest() {
    let retention = Retention { period: Some(DAY * 7), streams: vec![rule("audit", 1, 365)] };
    let lifecycle = Lifecycle { retention, ..Lifecycle::default() };
    let others = Predicate::And(vec![Predicate::Not(Box::new(app("audit"))), Predicate::True]);
    assert_eq!(expired(&lifecycle, LOGS, 8), Some(Expiry::Rows(DAY * 7, others)));
    assert_eq!(expired(&lifecycle, LOGS, 365), Some(Expiry::Whole));
}

#[test]
fn the_highest_priority_decides_then_the_shorter_period_and_a_tenants_own_rules_before_all() {
    let streams = vec![rule("a", 1, 3), rule("b", 2, 5), rule("c", 2, 4)];
    let own = Retention { period: None, streams: vec![rule("d", 0, 9)] };
    let lifecycle = Lifecycle {
        retention: Retention { period: Some(DAY * 30), streams },
        tenants: [(Tenant::default(), own)].into(),
        ..Lifecycle::default()
    };
    let tenant = Tenant::default();
    let periods = Periods::of(&lifecycle, LOGS, &tenant);
    let order: Vec<_> = periods.rules.iter().map(|rule| rule.period / 86_400).map(|days| days.as_secs()).collect();
    assert_eq!(order, [9, 4, 5, 3]);
    assert_eq!(periods.rest, Some(DAY * 30), "a tenant without a period has the general one");
}

#[test]
fn derived_tables_have_a_period_of_their_own() {
    let lifecycle = Lifecycle { tables: [("events".to_owned(), DAY * 10)].into(), ..Lifecycle::default() };
    assert_eq!(expired(&lifecycle, "events", 10), Some(Expiry::Whole));
    assert_eq!(expired(&lifecycle, LOGS, 10), None);
    assert_eq!(expired(&lifecycle, "others", 10), None);
}
