//! Which queries may be asked.

use crate::parse;

#[track_caller]
fn check(query: &str, allowed: bool) {
    assert_eq!(parse(query).unwrap().validate_for_query().is_ok(), allowed, "{query}");
}

#[test]
fn a_selector_must_refuse_streams_without_some_label() {
    for selector in [r#"{a="b"}"#, r#"{a=~".+"}"#, r#"{a!=""}"#, r#"{a!~".*"}"#, r#"{a="", b="c"}"#, r#"{a=~"x|y"}"#] {
        check(selector, true);
    }
    for selector in
        ["{}", r#"{a=""}"#, r#"{a=~".*"}"#, r#"{a!="b"}"#, r#"{a!~"b"}"#, r#"{a=~"b|"}"#, r#"{a=~"(?i)b*"}"#]
    {
        check(selector, false);
    }
}

#[test]
fn every_selector_of_a_metric_query_counts() {
    check(r#"sum(rate({a="b"}[5m])) / vector(1)"#, true);
    check(r#"sum(rate({a="b"}[5m])) / label_replace(rate({}[5m]), "a", "b", "c", "d")"#, false);
    check("vector(1) + 1", true);
}

#[test]
fn the_message_tells_what_would_do() {
    let error = parse("{}").unwrap().validate_for_query().unwrap_err();
    assert_eq!(
        error.to_string(),
        "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible \
         value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will"
    );
    assert_eq!(error.position(), None);
}

#[test]
fn numbers_are_reckoned_as_loki_does() {
    let scalar = |query: &str| match parse(query).unwrap() {
        crate::Expr::Metric(metric) => metric.scalar(),
        crate::Expr::Log(_) => None,
    };
    assert_eq!(scalar("1 + 2 * 3 ^ 2 - 10 % 4"), Some(17.0));
    assert_eq!(scalar("(1 > 2) + (2 >= 2)"), Some(1.0));
    assert!(scalar("1 / 0").unwrap().is_nan());
    assert!(scalar("1 % 0").unwrap().is_nan());
    assert_eq!(scalar("1 + vector(1)"), None);
}
