//! Files of rules: what is read, what is refused and with which words, what is written back.

use orders::Graphs;

use super::*;

fn problems(text: &str) -> String {
    match parse_file(text) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_of_loki_is_read_as_it_is() {
    let groups = parse_file(
        r#"
groups:
  - name: errors
    interval: 5m
    limit: 10
    rules:
      - alert: HighErrors
        expr: |
          sum by (app) (rate({env="prod"} |= "error" [5m])) > 0.05
        for: 10m
        keep_firing_for: 5m
        labels:
          severity: page
          tier: 1
        annotations:
          summary: '{{ $labels.app }}: {{ $value | humanize }}'
      - record: nginx:requests:rate1m
        expr: sum(rate({container="nginx"}[1m]))
        labels: {cluster: "us"}
"#,
    )
    .unwrap();
    let group = &groups[0];
    assert_eq!((group.name.as_str(), group.interval.as_secs(), group.limit), ("errors", 300, 10));
    let alert = &group.rules[0];
    assert_eq!((alert.role, alert.wait.as_secs(), alert.keep.as_secs()), (Role::Alert, 600, 300));
    assert_eq!(alert.labels["tier"].source, "1");
    assert_eq!(group.rules[1].role, Role::Record);
    assert_eq!(alert.query().trim(), r#"sum by (app) (rate({env="prod"} |= "error" [5m])) > 0.05"#);
}

#[test]
fn every_problem_is_told_with_its_line_group_and_rule() {
    let text = r#"groups:
  - name: a
    rules:
      - alert: One
        expr: sum(rate({app="x"}
      - alert: Two
        expr: '{app="x"}'
        labels: {bad-name: x}
        annotations: {summary: '{{ .x'}
      - expr: vector(1)
      - record: 1bad
        expr: vector(1)
        for: 5m
      - alert: Four
        kind: no_such
      - alert: Five
        kind: http_errors
        with: {rat: 3}
  - name: a
    rules: []
"#;
    let told = problems(text);
    for want in [
        "line 4: group \"a\", rule 1, \"One\": could not parse expression",
        "line 6: group \"a\", rule 2, \"Two\": could not parse expression: a query for lines is no rule",
        "invalid label name: `bad-name`",
        "annotation `summary`:",
        "rule 3, \"\": one of 'record' or 'alert' must be set",
        "invalid field 'for', 'keep_firing_for' or 'annotations' in a recording rule",
        "invalid recording rule name: `1bad`",
        "unknown kind `no_such`; there are order_stuck",
        "settings of `http_errors`: unknown field `rat`",
        "groupname: \"a\" is repeated in the same file",
    ] {
        assert!(told.contains(want), "missing: {want}\n{told}");
    }
    assert!(problems("groups: [{name: a, rulez: []}]").contains("unknown field `rulez`"));
    assert_eq!(problems("groups:"), "fine");
}

#[test]
fn settings_of_kinds_are_checked() {
    let kind = |kind: &str, with: &str| {
        problems(&format!("groups: [{{name: g, rules: [{{alert: A, kind: {kind}, with: {with}}}]}}]"))
    };
    for (name, with, want) in [
        ("volume_anomaly", "{bucket: 7m}", "`bucket` must divide the day"),
        ("volume_anomaly", "{days_off: ['31.12.2026']}", "is no date"),
        ("volume_anomaly", "{timezone: Mars/Base}", "`timezone`: `Mars/Base` is unknown"),
        ("http_errors", "{classes: [6xx]}", "`classes`: `6xx` is none"),
        ("absence", "{by: []}", "`by` must name a label"),
        ("spike", "{factor: 0.5}", "`factor` must be more than 1"),
        ("change", "{selector: '{a=\"b\"} | logfmt'}", "`field` must name a label"),
        ("http_errors", "{rate: 5}", "`rate` is a share of all answers: want 0 to 1 (0.05 is 5 %), not 5"),
        ("http_errors", "{rate: -0.1}", "not -0.1"),
        ("http_errors", "{window: 0s}", "`window` must be longer than nothing"),
        ("http_errors", "{count: 0}", "`count` of 0 would tell of nothing at all"),
        ("http_errors", "{classes: []}", "`classes` must name one"),
        ("volume_anomaly", "{threshold: -5}", "`threshold` must be more than 0, not -5"),
        ("volume_anomaly", "{low: 1.5}", "`low` is a share of what is usual"),
        ("volume_anomaly", "{high: 0.5}", "`high` must be more than 1"),
        ("volume_anomaly", "{sides: []}", "`sides` must name low, high or both"),
        ("volume_anomaly", "{learning: 60d}", "`learning` of 60d never ends: only 35d are looked at"),
        ("absence", "{presence: 1.2}", "`presence` is a share of windows with lines"),
        ("absence", "{window: 2d}", "`window` of 2d is longer than `lookback` of 1d"),
        ("new_pattern", "{levels: [eror]}", "`levels`: `eror` is none"),
        ("spike", "{factor: .nan}", "`factor` must be more than 1"),
        ("order_stuck", "{min: 0}", "`min` of 0"),
        ("order_sla", "{burn: 0}", "`burn` must be more than 0"),
        ("order_sla", "{window: 5h}", "`window` must be 6h, 24h, 3d or 7d"),
        ("transition_error", "{selector: 'count_over_time({a=\"b\"}[1m])'}", "`selector` must select lines"),
    ] {
        let told = kind(name, with);
        assert!(told.contains(want), "{name} {with}: {told}");
    }
    for name in kind::NAMES.into_iter().filter(|name| *name != "change") {
        assert_eq!(kind(name, "{}"), "fine", "{name} works without settings");
    }
}

#[test]
fn a_group_comes_back_from_yaml_as_it_was() {
    let group = parse_group(
        "name: g\ninterval: 1m30s\nrules:\n  - alert: A\n    kind: absence\n    with: {window: 10m}\n    for: 1d\n    labels: {severity: page}\n",
    )
    .unwrap();
    let text = serde_yaml_ng::to_string(&group.raw).unwrap();
    let again = parse_group(&text).unwrap();
    assert_eq!(again.raw, group.raw);
    assert!(text.contains("interval: 1m30s") && text.contains("for: 1d"), "{text}");
    assert_eq!(group.rules[0].query(), "absence(window=\"10m\")");
}

#[test]
fn the_servers_own_rules_are_fine_and_nothing_is_odd_about_them() {
    let groups = parse_file(defaults::TEXT).unwrap();
    assert_eq!(groups.len(), default_groups().len());
    assert_eq!(lint(&groups, &Graphs::default()), []);
    let rules: Vec<&Rule> = groups.iter().flat_map(|group| &group.rules).collect();
    for rule in rules {
        let russian = |name: &String| rule.annotations.contains_key(&format!("{name}_ru"));
        assert!(rule.annotations.keys().filter(|name| !name.ends_with("_ru")).all(russian), "{}", rule.name);
    }
}

#[test]
fn what_is_odd_is_told() {
    let groups = parse_file(
        r#"
groups:
  - name: g
    interval: 5m
    rules:
      - alert: Always
        expr: sum(count_over_time({app="x"}[1m]))
        for: 1m
        labels: {severity: page, value: '{{ $value }}'}
        annotations: {summary: x}
      - alert: Always
        expr: vector(1) > 0
        labels: {severity: page, value: '{{ $value }}'}
      - alert: Below
        expr: sum(count_over_time({app="x"}[5m])) < 0
        labels: {severity: page}
        annotations: {summary: x}
      - alert: Above
        expr: -1 < sum(rate({app="x"}[5m]))
        labels: {severity: page}
        annotations: {summary: x}
      - alert: Status
        kind: order_stuck
        with: {status: PAKAGING, owner: mes}
        labels: {severity: page}
        annotations: {summary: x}
      - alert: Type
        kind: order_stuck
        with: {object: modell}
        labels: {severity: page}
        annotations: {summary: x}
      - alert: Promise
        kind: order_sla
        with: {objective: fast}
        labels: {severity: page}
        annotations: {summary: x}
  - name: empty
"#,
    )
    .unwrap();
    let told: Vec<String> = lint(&groups, &Graphs::default())
        .into_iter()
        .map(|lint| format!("{}/{}: {}", lint.group, lint.rule, lint.text))
        .collect();
    let told = told.join("\n");
    for want in [
        "compares nothing",
        "looks at 1m every 5m",
        "`for: 1m` is shorter than the interval 5m",
        "label `value` holds the value",
        "another rule of this group has the same name and labels",
        "has neither `summary` nor `description`",
        "g/Below: compares counts with 0: they are never negative, so it never fires",
        "g/Above: compares counts with -1: they are never negative, so it always fires",
        "g/Status: `status`: no graph of `order` has `PAKAGING`; it has CREATED, SUBMITTED,",
        "g/Status: `owner`: no graph of `order` has `mes`; it has",
        "g/Type: `object`: there is no graph of `modell`; there is one of order",
        "g/Promise: `objective`: no graph of `order` has `fast`",
        "empty/: the group has no rules",
    ] {
        assert!(told.contains(want), "missing: {want}\n{told}");
    }
}
