//! The life of an alert, moment by moment, as Prometheus lives it.

use super::*;
use crate::rule::parse_group;

fn rule(settings: &str) -> Rule {
    let text = format!("name: g\nrules:\n  - alert: Errors\n    expr: vector(1)\n{settings}");
    parse_group(&text).unwrap().rules.swap_remove(0)
}

const fn minute(minute: i64) -> Timestamp {
    Timestamp(minute * 60_000_000_000)
}

fn found(service: &str, value: f64) -> Found {
    let labels = BTreeMap::from([("service_name".to_owned(), service.to_owned())]);
    Found { labels, value, about: About::default() }
}

/// Evaluates once a minute: `1` where it holds. What the alert is after each minute.
fn life(rule: &Rule, holds: &str) -> String {
    let mut state = RuleState::default();
    let mut shown = String::new();
    for (number, holds) in (0..).zip(holds.chars()) {
        let found = if holds == '1' { vec![found("shop", 1.0)] } else { Vec::new() };
        state.evaluate(rule, minute(number), found, &Outside::default(), 0).unwrap();
        shown.push(match state.instances.values().next().map(|one| one.standing) {
            None => '.',
            Some(Standing::Inactive) => 'r',
            Some(Standing::Pending) => 'p',
            Some(Standing::Firing) => 'F',
        });
    }
    shown
}

#[test]
fn an_alert_waits_fires_and_is_kept_for_a_quarter_of_an_hour() {
    assert_eq!(life(&rule(""), "0110"), ".FFr");
    assert_eq!(life(&rule("    for: 2m\n"), "01111000"), ".ppFFrrr");
    assert_eq!(life(&rule("    for: 2m\n"), "0110"), ".pp.", "what was only pending goes without a word");
    let long = format!("1{}", "0".repeat(18));
    assert_eq!(life(&rule(""), &long), format!("F{}..", "r".repeat(16)));
}

#[test]
fn keep_firing_for_bridges_gaps_and_starts_anew_after_each() {
    assert_eq!(life(&rule("    keep_firing_for: 2m\n"), "1001000"), "FFFFFFr");
    assert_eq!(life(&rule("    for: 1m\n    keep_firing_for: 1m\n"), "11000"), "pFFrr");
}

#[test]
fn one_that_comes_back_after_it_was_resolved_waits_again() {
    assert_eq!(life(&rule("    for: 1m\n"), "110011"), "pFrrpF");
}

#[test]
fn a_longer_for_moves_what_fires_back_and_its_end_is_told() {
    let mut state = RuleState::default();
    let outside = Outside::default();
    state.evaluate(&rule(""), minute(0), vec![found("shop", 1.0)], &outside, 0).unwrap();
    state.sent([*state.instances.keys().next().unwrap()], minute(0));
    let longer = rule("    for: 5m\n");
    state.evaluate(&longer, minute(1), vec![found("shop", 1.0)], &outside, 0).unwrap();
    assert_eq!(state.standing(), Standing::Pending);
    let due: Vec<_> = state.due(minute(1), Duration::from_secs(60)).map(|(_, one)| one.resolved_at).collect();
    assert_eq!(due, [Some(minute(1))]);
    for number in 2..=5 {
        state.evaluate(&longer, minute(number), vec![found("shop", 1.0)], &outside, 0).unwrap();
    }
    let one = state.instances.values().next().unwrap();
    assert_eq!((one.standing, one.fired_at, one.resolved_at), (Standing::Firing, Some(minute(5)), None));
}

#[test]
fn firing_is_told_at_once_and_again_after_a_while_and_its_end_too() {
    let rule = rule("");
    let resend = Duration::from_secs(120);
    let mut state = RuleState::default();
    let mut told = Vec::new();
    for (number, holds) in (0..).zip([true, true, true, true, false, false]) {
        let found = if holds { vec![found("shop", 1.0)] } else { Vec::new() };
        state.evaluate(&rule, minute(number), found, &Outside::default(), 0).unwrap();
        let due: Vec<(u64, bool)> =
            state.due(minute(number), resend).map(|(key, one)| (key, one.resolved_at.is_some())).collect();
        told.extend(due.iter().map(|(_, over)| (number, *over)));
        state.sent(due.iter().map(|(key, _)| *key), minute(number));
    }
    assert_eq!(told, [(0, false), (3, false), (4, true)]);
}

#[test]
fn an_end_is_kept_until_it_was_handed_over_also_when_there_are_too_many() {
    let rule = rule("");
    let resend = Duration::from_secs(120);
    let mut state = RuleState::default();
    state.evaluate(&rule, minute(0), vec![found("shop", 1.0)], &Outside::default(), 0).unwrap();
    let key = *state.instances.keys().next().unwrap();
    state.sent([key], minute(0));
    let mut crowd = state.clone();
    for number in 1..=30 {
        state.evaluate(&rule, minute(number), Vec::new(), &Outside::default(), 0).unwrap();
    }
    let ends = |state: &RuleState, at| state.due(at, resend).map(|(_, one)| one.resolved_at).collect::<Vec<_>>();
    assert_eq!(ends(&state, minute(30)), [Some(minute(1))], "nobody took it for half an hour");
    state.sent([key], minute(30));
    state.evaluate(&rule, minute(31), Vec::new(), &Outside::default(), 0).unwrap();
    assert!(state.instances.is_empty());

    let both = vec![found("shop", 1.0), found("crm", 1.0)];
    assert!(crowd.evaluate(&rule, minute(1), both, &Outside::default(), 1).is_err());
    assert_eq!(ends(&crowd, minute(1)), [Some(minute(1))], "what was told as firing is told as over");
    assert_eq!(crowd.instances.len(), 1);
}

#[test]
fn labels_and_annotations_are_filled_in_and_the_rules_own_win() {
    let rule = rule(
        "    labels:\n      severity: page\n      service_name: ''\n      team: '{{ $labels.service_name }}s'\n    annotations:\n      summary: '{{ $labels.service_name }} at {{ $value | humanizePercentage }}, {{ .Total }} of {{ .Window }}'\n      broken: '{{ .Value | toUpper }}'\n",
    );
    let mut found = found("shop", 0.25);
    found.labels.insert("__name__".to_owned(), "gone".to_owned());
    found.about = About { total: 3, ..About::default() }.fact("Window", "5m");
    let mut state = RuleState::default();
    state.evaluate(&rule, minute(0), vec![found], &Outside::default(), 0).unwrap();
    let one = state.instances.values().next().unwrap();
    let labels: Vec<_> = one.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["alertname=Errors", "severity=page", "team=shops"]);
    assert_eq!(one.annotations["summary"], "shop at 25%, 3 of 5m");
    assert!(one.annotations["broken"].starts_with("<error expanding template:"), "{}", one.annotations["broken"]);
}

#[test]
fn two_series_that_become_one_alert_and_too_many_of_them_are_refused() {
    let same = rule("    labels:\n      service_name: all\n");
    let mut state = RuleState::default();
    let both = || vec![found("shop", 1.0), found("crm", 1.0)];
    assert_eq!(state.evaluate(&same, minute(0), both(), &Outside::default(), 0), Err(Refused::Duplicate));
    let limited = rule("");
    let refused = state.evaluate(&limited, minute(0), both(), &Outside::default(), 1);
    assert_eq!(refused, Err(Refused::Limit { limit: 1, alerts: 2 }));
    assert!(state.instances.is_empty());
    state.evaluate(&limited, minute(1), both(), &Outside::default(), 2).unwrap();
    assert_eq!(state.active().count(), 2);
}

#[test]
fn a_state_comes_back_from_json_as_it_was() {
    let mut state = RuleState::default();
    state.evaluate(&rule(""), minute(0), vec![found("shop", f64::INFINITY)], &Outside::default(), 0).unwrap();
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<RuleState>(&text).unwrap(), state);
}
