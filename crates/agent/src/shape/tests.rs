//! Events in; times, labels, metadata and drops out.

use std::path::Path;

use jiff::tz::TimeZone;
use logline::{Labels, Level};
use regex::Regex;

use super::*;

fn labels() -> Labels {
    Labels::parse(r#"{service="shop"}"#).unwrap()
}

/// What an event becomes where there is nothing to mask.
#[derive(Debug, Default, PartialEq)]
struct Shaped {
    time: Option<Timestamp>,
    labels: Option<Labels>,
    metadata: Vec<(String, String)>,
}

fn apply(shape: &Shape, text: &str, given: &[(&str, &str)]) -> Result<Shaped, String> {
    let given: Vec<_> = given.iter().map(|(name, value)| pair(name, value)).collect();
    let (labels, reader) = (labels(), Reader::default());
    let event = Event { text, metadata: &given };
    let seen = shape.look(event, &reader).map_err(|rule| rule.to_string())?;
    let values = shape.values(&seen, text, &reader);
    assert!(values.labels.iter().chain(&values.metadata).all(|mapped| !mapped.is_gone));
    let mut own = None;
    for mapped in &values.labels {
        own.get_or_insert_with(|| labels.clone()).set(mapped.name, &mapped.value);
    }
    let metadata = values.metadata.iter().map(|mapped| pair(mapped.name, &mapped.value)).collect();
    Ok(Shaped { time: seen.time, labels: own, metadata })
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn rule(when: Condition, keep: f64) -> Rule {
    Rule { name: "r".into(), when, keep, seen: Arc::default() }
}

#[test]
fn known_formats_give_their_time_and_what_is_asked_of_their_fields() {
    let shape = Shape {
        labels: vec![pair("env", "environment"), pair("endpoint", "endpoint")],
        metadata: vec![pair("trace_id", "trace_id")],
        ..Shape::default()
    };
    let house = "[2026-03-01T12:00:00Z][REQ][GET /orders/{id}] order_id=1 trace_id=abc environment=prod\n\tat a.B";
    let shaped = apply(&shape, house, &[]).unwrap();
    assert_eq!(shaped.time, Some(Timestamp(1_772_366_400_000_000_000)));
    let want = r#"{endpoint="GET /orders/{id}", env="prod", service="shop"}"#;
    assert_eq!(shaped.labels.unwrap().to_string(), want);
    assert_eq!(shaped.metadata, [pair("trace_id", "abc")]);
    let json = apply(&shape, r#"{"ts":1772366400,"traceId":"x"}"#, &[("environment", "test")]).unwrap();
    assert_eq!((json.time, json.metadata), (Some(Timestamp(1_772_366_400_000_000_000)), vec![pair("trace_id", "x")]));
    assert_eq!(json.labels.unwrap().to_string(), r#"{env="test", service="shop"}"#);
    assert_eq!(apply(&Shape::default(), "nothing known", &[]), Ok(Shaped::default()));
}

#[test]
fn a_format_that_is_told_is_the_only_one() {
    let shape = |parser| Shape { parser, labels: vec![pair("env", "env")], ..Shape::default() };
    let lines = [
        "[2026-03-01T12:00:00Z][REQ][GET /] env=house",
        r#"{"ts":"2026-03-01T12:00:00Z","env":"json"}"#,
        "ts=2026-03-01T12:00:00Z env=logfmt level=info",
    ];
    let seen = |parser| {
        let shape = shape(parser);
        let found = |line| apply(&shape, line, &[]).unwrap();
        lines.map(|line| (found(line).labels.is_some(), found(line).time.is_some()))
    };
    let (yes, no) = ((true, true), (false, false));
    assert_eq!(seen(Parser::Auto), [yes, yes, yes]);
    assert_eq!(seen(Parser::Only(logline::Format::House)), [yes, no, no]);
    assert_eq!(seen(Parser::Only(logline::Format::Json)), [no, yes, no]);
    assert_eq!(seen(Parser::Only(logline::Format::Logfmt)), [no, no, yes]);
}

#[test]
fn a_pattern_gives_its_groups_and_a_time_in_any_form() {
    let pattern =
        r#"^(?<peer>\S+) \S+ (?<user>\S+) \[(?<time>[^\]]+)\] "(?<method>\S+) (?<path>\S*)[^"]*" (?<http_status>\d+)"#;
    let shape = Shape {
        parser: Parser::Regexp(Captures::new(pattern).unwrap()),
        time_format: TimeFormat::Pattern("%d/%b/%Y:%H:%M:%S %z".to_owned()),
        labels: vec![pair("method", "method")],
        ..Shape::default()
    };
    let line = r#"10.0.0.1 - anna [01/Mar/2026:15:00:00 +0300] "GET /x HTTP/1.1" 200 5"#;
    let shaped = apply(&shape, line, &[]).unwrap();
    assert_eq!(shaped.time, Some(Timestamp(1_772_366_400_000_000_000)));
    let metadata = [
        pair("peer", "10.0.0.1"),
        pair("user", "anna"),
        pair("method", "GET"),
        pair("path", "/x"),
        pair("http_status", "200"),
    ];
    assert_eq!(shaped.metadata, metadata);
    assert_eq!(apply(&shape, "another form", &[]), Ok(Shaped::default()));
    let moscow = TimeZone::fixed(jiff::tz::Offset::constant(3));
    let format = TimeFormat::Pattern("%Y%m%d %H%M%S".to_owned());
    assert_eq!(format.read("20260301 150000", &moscow), Some(Timestamp(1_772_366_400_000_000_000)));
    assert_eq!(format.read("20260341 150000", &moscow), None);
}

#[test]
fn the_first_rule_that_matches_decides() {
    let regexp = |text: &str| Condition { regexp: Some(Regex::new(text).unwrap()), ..Condition::default() };
    let level = Condition { max_level: Some(Level::Debug), ..Condition::default() };
    let field = Condition { fields: vec![pair("endpoint", "GET /health")], ..Condition::default() };
    let shape =
        Shape { rules: vec![rule(regexp("important"), 1.0), rule(level, 0.0), rule(field, 0.0)], ..Shape::default() };
    assert!(apply(&shape, "level=debug msg=important", &[]).is_ok());
    assert_eq!(apply(&shape, "level=debug msg=x", &[]), Err("r".to_owned()));
    assert_eq!(apply(&shape, "text", &[("level", "trace")]), Err("r".to_owned()));
    assert!(apply(&shape, "level=info msg=x", &[]).is_ok());
    assert!(apply(&shape, "no level here", &[]).is_ok());
    assert_eq!(apply(&shape, "[2026-03-01T12:00:00Z][REQ][GET /health]", &[]), Err("r".to_owned()));
}

#[test]
fn a_share_is_kept_by_trace_and_evenly_without_one() {
    let shape = Shape { rules: vec![rule(Condition::default(), 0.25)], ..Shape::default() };
    let kept = |text: &str| apply(&shape, text, &[]).is_ok();
    let traces: Vec<_> = (0..400).map(|n| format!("trace_id={n:032x} a=b")).collect();
    let first: Vec<_> = traces.iter().map(|line| kept(line)).collect();
    let second: Vec<_> = traces.iter().map(|line| kept(&format!("{line} another=line"))).collect();
    assert_eq!(first, second);
    assert!((70..130).contains(&first.iter().filter(|kept| **kept).count()));
    assert_eq!((0..400).filter(|_| kept("no trace")).count(), 100);
}

#[test]
fn paths_give_labels() {
    let of = |labels: &PathLabels, path: &str| {
        let pairs = labels.of(Path::new(path));
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    let pieces = PathLabels::new("/var/log/{env}/**/{service}.log*").unwrap();
    assert_eq!(of(&pieces, "/var/log/prod/a/b/shop-api.log.1"), "env=prod service=shop-api");
    assert_eq!(of(&pieces, "/var/log/shop.log"), "");
    let groups = PathLabels::new(r"/(?<service>\w+)\.log$").unwrap();
    assert_eq!(of(&groups, "/a/b/crm.log"), "service=crm");
    assert!(PathLabels::new("/var/log/x.log").is_err() && PathLabels::new("/{a").is_err());
    let containers = PathLabels::containers();
    let id = "0123456789ab".to_owned() + &"c".repeat(52);
    assert_eq!(
        of(&containers, "/var/log/pods/shop_shop-api-5d4f-x_1234-5678/api/0.log"),
        "namespace=shop pod=shop-api-5d4f-x pod_uid=1234-5678 container=api"
    );
    assert_eq!(
        of(&containers, &format!("/var/log/containers/shop-api-x_shop_api-{id}.log")),
        "pod=shop-api-x namespace=shop container=api"
    );
    assert_eq!(of(&containers, &format!("/var/lib/docker/containers/{id}/{id}-json.log")), "container_id=0123456789ab");
}
