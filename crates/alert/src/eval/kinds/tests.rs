//! What each kind finds in real lines, and what it leaves alone.

use super::super::found::Found;
use super::super::testing::{World, at};
use super::*;
use crate::rule::parse_group;

fn kind(text: &str) -> Kind {
    parse_group(&format!("{{name: g, rules: [{{alert: A, {text}}}]}}")).unwrap().rules.swap_remove(0).kind
}

async fn found(world: &World, kind: &Kind, second: i64) -> Vec<Found> {
    let mut findings = find(kind, &world.source(), Grid::at(at(second)), &mut Memory::default()).await.unwrap();
    findings.take(0)
}

/// Labels and value.
fn shown(found: &[Found]) -> Vec<String> {
    let one = |found: &Found| {
        let labels: Vec<String> = found.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", labels.join(" "), found.value)
    };
    found.iter().map(one).collect()
}

fn resp(second: i64, endpoint: &str, rest: &str) -> (i64, String) {
    let time = jiff::Timestamp::from(at(second));
    (second, format!("[{time}][RESP][{endpoint}] {rest}"))
}

#[tokio::test]
async fn http_errors_are_shares_of_all_answers_whatever_the_format_of_the_lines() {
    let world = World::new().await;
    let code = |n: i64| if n % 4 == 0 { 500 } else { 200 };
    world
        .push(
            "shop",
            (0..40).map(|n| {
                resp(n, "GET /orders/{id}", &format!("dir=in http_status={} body={{\"a\":\"b \\\"c\\\" d\"}}", code(n)))
            }),
        )
        .await;
    world.push("shop", (0..40).map(|n| resp(n, "POST /pay", "dir=out http_status=503"))).await;
    let json = |n: i64| {
        format!(r#"{{"kind":"RESP","endpoint":"GET /json","http_status":{}}}"#, if n % 2 == 0 { 404 } else { 200 })
    };
    world.push("crm", (0..40).map(|n| (n, json(n)))).await;
    let logfmt = |n: i64| format!(r#"kind=RESP endpoint="GET /logfmt" http_status={}"#, code(n));
    world.push("mes", (0..40).map(|n| (n, logfmt(n)))).await;
    let all = found(&world, &kind("kind: http_errors, with: {window: 1m}"), 50).await;
    assert_eq!(
        shown(&all),
        [
            "endpoint=GET /json service_name=crm status_class=4xx 0.5",
            "endpoint=GET /logfmt service_name=mes status_class=5xx 0.25",
            "endpoint=GET /orders/{id} service_name=shop status_class=5xx 0.25",
        ]
    );
    assert_eq!((all[2].about.facts["Count"].as_str(), all[2].about.facts["Requests"].as_str()), ("10", "40"));
    let late = kind("kind: http_errors, with: {window: 22s, classes: [5xx], min_requests: 5}");
    let seen: Vec<_> = found(&world, &late, 40).await.into_iter().map(|one| one.about.first_seen).collect();
    assert_eq!(seen, [Some(at(20)), Some(at(20))], "the first bad answer of the window, not its first answer");
    let few = kind("kind: http_errors, with: {window: 1m, count: 15, classes: [5xx]}");
    assert_eq!(found(&world, &few, 50).await, []);
    let lines = lines_query(&kind("kind: http_errors"), &all[2].labels, true).unwrap();
    let mut count = 0;
    world.source().each_line(&lines, (at(-1), at(60)), 100, |_| count += 1).await.unwrap();
    assert_eq!(count, 10, "{lines}");
}

#[tokio::test]
async fn http_errors_know_the_names_that_loggers_of_other_languages_give_to_a_status() {
    let world = World::new().await;
    let named = [
        ("a", r#"{"route":"/a","httpStatus":500}"#, "/a"),
        ("b", r#"{"http.route":"/b","http.response.status_code":500}"#, "/b"),
        ("c", r#"{"Route":"/c","StatusCode":500}"#, "/c"),
        ("d", r#"{"http":{"route":"/d","status_code":500}}"#, "/d"),
        ("e", "route=/e response_status=500", "/e"),
        ("f", r#"{"method":"POST","route":"/f","statusCode":500}"#, "POST /f"),
        ("g", r#"{"request":{"method":"PUT","uri":"/g/4711?x=1"},"response":{"status":500}}"#, "PUT /g/{id}"),
        ("h", "http_method=GET path=/h/4711 status=500", "GET /h/{id}"),
        ("i", r#"{"endpoint":"/i","status":500,"body":{"status":200}}"#, "/i"),
        ("j", r#"{"route":"/j","statusCode":500,"direction":"outbound"}"#, "left out"),
        ("k", r#"[2026-03-01T12:00:00Z][REQ][POST /k] order_id=1 status=NEW body={"status":500}"#, "no answer"),
    ];
    for (service, line, _) in named {
        world.push(service, (0..20).map(|n| (n, line.to_owned()))).await;
    }
    let all = found(&world, &kind("kind: http_errors, with: {window: 1m}"), 50).await;
    let mut wanted: Vec<String> = named
        .iter()
        .take(9)
        .map(|(service, _, endpoint)| format!("endpoint={endpoint} service_name={service} status_class=5xx 1"))
        .collect();
    wanted.sort();
    let mut found = shown(&all);
    found.sort();
    assert_eq!(found, wanted);
    for one in &all {
        let lines = lines_query(&kind("kind: http_errors"), &one.labels, true).unwrap();
        let mut count = 0;
        world.source().each_line(&lines, (at(-1), at(60)), 100, |_| count += 1).await.unwrap();
        assert_eq!(count, 20, "{lines}");
    }
}

#[tokio::test]
async fn http_errors_know_the_names_that_the_configuration_gives_to_a_status() {
    let world = World::with_facts(&[("http_status", "antwort"), ("endpoint", "weg")]).await;
    world.push("a", (0..20).map(|n| (n, r#"{"weg":"/a","antwort":500}"#.to_owned()))).await;
    world.push("b", (0..20).map(|n| (n, "route=/b status_code=503".to_owned()))).await;
    let all = found(&world, &kind("kind: http_errors, with: {window: 1m}"), 50).await;
    assert_eq!(
        shown(&all),
        ["endpoint=/a service_name=a status_class=5xx 1", "endpoint=/b service_name=b status_class=5xx 1"]
    );
}

#[tokio::test]
async fn what_rules_read_out_of_free_text_counts_as_what_lines_tell() {
    let part = |text: &str| match text.strip_prefix('<') {
        Some(name) => logline::Part::Capture(Some(name.to_owned())),
        None => logline::Part::Literal(text.to_owned()),
    };
    let rule = |pattern: &[&str], set: &[(&str, &str)]| {
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        logline::Rule::new(vec!["old".to_owned()], pattern.iter().map(|text| part(text)).collect(), set).unwrap()
    };
    let extraction = [
        rule(&["answered ", "<method", " ", "<path", " ", "<http_status"], &[]),
        rule(&["order ", "<order_id", " (", "<status", ") did not go through: ", "<error"], &[("kind", "RESP")]),
    ];
    let extraction = extraction.into_iter().collect();
    let world = World::with_lines_read(logline::Config { extraction, ..logline::Config::default() }).await;
    let answer = |n: i64| (n, format!("12:00:{n} answered GET /a {}", if n % 2 == 0 { 503 } else { 200 }));
    world.push("old", (0..20).map(answer)).await;
    world.push("new", (0..20).map(answer)).await;
    world.push("old", [(5, "order 7 (CREATED) did not go through: nobody is there".to_owned())]).await;
    let all = found(&world, &kind("kind: http_errors, with: {window: 1m, min_requests: 5}"), 50).await;
    assert_eq!(shown(&all), ["endpoint=GET /a service_name=old status_class=5xx 0.5"]);
    let rule = kind("kind: transition_error");
    let all = found(&world, &rule, 60).await;
    assert_eq!(shown(&all), ["object=order service_name=old 1"]);
    assert_eq!((all[0].about.orders.clone(), all[0].about.first_seen), (vec!["7".to_owned()], Some(at(5))));
    let behind = async |by_default| {
        let lines = lines_query(&rule, &all[0].labels, by_default).unwrap();
        let mut texts = Vec::new();
        world.source().each_line(&lines, (at(-1), at(60)), 100, |line| texts.push(line.text)).await.unwrap();
        texts.retain(|text| text.contains("order 7"));
        texts.len()
    };
    assert_eq!((behind(true).await, behind(false).await), (0, 1));
}

#[tokio::test]
async fn a_failed_transition_is_found_unless_another_attempt_mends_it() {
    let world = World::new().await;
    let call = |second: i64, id: u32, attempt: u32, rest: &str| {
        let rest = format!("order_id={id} status=CREATED trace_id=t{id} dir=out peer=crm attempt={attempt} {rest}");
        resp(second, "POST /orders", &rest)
    };
    let mut lines = vec![
        call(10, 1, 1, "error=\"connection reset\""),
        call(11, 1, 2, "http_status=201"),
        call(20, 2, 1, "error=\"no answer\""),
        call(21, 2, 2, "error=\"no answer\""),
        call(22, 3, 1, "http_status=404"),
    ];
    lines.push((23, "2026-10-13 ERROR the bench broke order_id=9 trace_id=t9".to_owned()));
    lines.push(resp(24, "POST /orders/{id}/start", "order_id=9 status=APPROVED trace_id=t9 dir=in http_status=500"));
    lines.push(resp(25, "GET /health", "http_status=500"));
    world.push("shop", lines).await;
    let rule = kind("kind: transition_error");
    assert_eq!(found(&world, &rule, 40).await, [], "there is still time to mend it");
    let all = found(&world, &rule, 60).await;
    assert_eq!(
        shown(&all),
        [
            "endpoint=POST /orders object=order peer=crm service_name=shop 2",
            "endpoint=POST /orders/{id}/start object=order service_name=shop 1",
        ]
    );
    assert_eq!(
        (all[0].about.orders.clone(), all[0].about.total, all[0].about.first_seen),
        (vec!["2".to_owned()], 1, Some(at(20)))
    );
    assert_eq!(found(&world, &rule, 500).await, []);
    let rejected = found(&world, &kind("kind: transition_error, with: {rejected: true}"), 60).await;
    assert_eq!(rejected[0].about.orders, ["2", "3"]);
}

#[tokio::test]
async fn what_is_loaded_later_from_long_ago_is_learned_as_well() {
    let world = World::new().await;
    world.push("shop", (-7_200..3_600).step_by(60).map(|n| (n, "up".to_owned()))).await;
    let rule = kind("kind: absence, with: {window: 5m}");
    let mut memory = Memory::default();
    let mut silent = async |second| {
        let found = find(&rule, &world.source(), Grid::at(at(second)), &mut memory).await.unwrap().take(0);
        found.into_iter().map(|one| one.labels["service_name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(silent(600).await, Vec::<String>::new());
    world.push("crm", (-7_200..-3_600).step_by(60).map(|n| (n, "up".to_owned()))).await;
    assert_eq!(silent(900).await, ["crm"]);
}

#[tokio::test]
async fn silence_is_found_in_what_usually_speaks_and_lasts_until_it_speaks_again() {
    let world = World::new().await;
    let spoke = |from: i64, to: i64, every: usize| (from..to).step_by(every).map(|n| (n, "up".to_owned()));
    world.push("shop", spoke(-7_200, 3_600, 60)).await;
    world.push("crm", spoke(-7_200, 0, 60)).await;
    world.push("crm", spoke(3_000, 3_600, 60)).await;
    world.push("nightly", spoke(-7_200, 3_600, 3_000)).await;
    world.push("young", spoke(-900, -600, 60)).await;
    let rule = kind("kind: absence, with: {window: 5m, expect: [shop, billing]}");
    let silent = found(&world, &rule, 600).await;
    let names: Vec<&str> = silent.iter().map(|one| one.labels["service_name"].as_str()).collect();
    assert_eq!(names, ["crm", "billing"]);
    assert_eq!((silent[0].value, silent[0].about.first_seen), (600.0, Some(at(0))));
    assert_eq!(found(&world, &rule, 230).await.len(), 1, "four minutes are not five");
    let mut memory = Memory::default();
    let grid = Grid { start: at(0), step: std::time::Duration::from_secs(60), points: 60 };
    let mut findings = find(&rule, &world.source(), grid, &mut memory).await.unwrap();
    let of_crm = |point: u32, all: &mut Findings| all.take(point).iter().any(|one| one.labels["service_name"] == "crm");
    let silent: Vec<u32> = (0..60).filter(|point| of_crm(*point, &mut findings)).collect();
    assert_eq!((silent.first(), silent.last(), silent.len()), (Some(&4), Some(&49), 46), "{silent:?}");
}

#[tokio::test]
async fn errors_of_a_new_form_are_found_once_their_service_is_known() {
    let world = World::new().await;
    let line = |n: i64, text: &str| (n, format!("level=error msg=\"{text}\""));
    world.push("shop", (-200_000..0).step_by(10_000).map(|n| line(n, &format!("order {n} timed out")))).await;
    world.push("shop", [line(10, "order 77 timed out"), line(20, "disk 3 is full"), line(21, "disk 4 is full")]).await;
    world.push("new", [line(10, "anything at all")]).await;
    let rule = kind("kind: new_pattern");
    let all = found(&world, &rule, 60).await;
    assert_eq!(all.len(), 1, "{:?}", shown(&all));
    assert_eq!(
        (all[0].labels["service_name"].as_str(), all[0].value, all[0].about.first_seen),
        ("shop", 2.0, Some(at(20)))
    );
    assert!(!all[0].labels.values().any(|value| value.contains("disk")), "no words of a line");
    assert_eq!(found(&world, &rule, 700).await, [], "it is not new any more");
}

#[tokio::test]
async fn what_a_service_is_known_for_is_not_new_at_another_endpoint() {
    let world = World::new().await;
    let failed = |n: i64, endpoint: &str, error: &str| {
        resp(n, endpoint, &format!("level=error http_status=503 error=\"{error}\""))
    };
    let before = (-200_000..0).step_by(10_000);
    world.push("shop", before.map(|n| failed(n, "GET /orders", "connection reset by peer"))).await;
    world.push("shop", [failed(10, "POST /models", "connection reset by peer")]).await;
    world.push("shop", [failed(20, "POST /models", "no such alloy")]).await;
    let all = found(&world, &kind("kind: new_pattern"), 60).await;
    assert_eq!((all.len(), all[0].labels["endpoint"].as_str()), (1, "POST /models"), "{:?}", shown(&all));
    assert_eq!(all[0].about.first_seen, Some(at(20)));
}

#[tokio::test]
async fn a_form_that_was_stored_late_is_not_new() {
    let world = World::new().await;
    let line = |n: i64, text: &str| (n, format!("level=error msg=\"{text}\""));
    world.push("shop", (-200_000..0).step_by(10_000).map(|n| line(n, "order 1 timed out"))).await;
    let rule = kind("kind: new_pattern");
    let mut memory = Memory::default();
    let mut at_once =
        async |second: i64| find(&rule, &world.source(), Grid::at(at(second)), &mut memory).await.unwrap().take(0);
    assert_eq!(at_once(0).await, []);
    // Logs of another day are loaded, and the same and something else comes in anew.
    world.push("shop", (-100_000..-90_000).step_by(1_000).map(|n| line(n, "disk 3 is full"))).await;
    world.push("shop", [line(10, "disk 4 is full"), line(20, "queue is full")]).await;
    for second in [60, 120] {
        let all = at_once(second).await;
        assert_eq!((all.len(), all[0].about.first_seen), (1, Some(at(20))), "{:?}", shown(&all));
    }
}

#[tokio::test]
async fn spikes_and_changes_are_found_against_the_time_before() {
    let world = World::new().await;
    world.push("shop", (-3_600..0).step_by(10).map(|n| (n, "version=1 x".to_owned()))).await;
    world.push("shop", (2..602).step_by(2).map(|n| (n, "version=2 x".to_owned()))).await;
    let spike = found(&world, &kind("kind: spike"), 600).await;
    assert_eq!((spike.len(), spike[0].labels["side"].as_str()), (1, "high"));
    assert!((spike[0].value - 5.0).abs() < 0.1, "{}", spike[0].value);
    assert_eq!(spike[0].about.first_seen, Some(at(0)), "the window began with it");
    let midway = found(&world, &kind("kind: spike, with: {factor: 2}"), 300).await;
    assert_eq!(midway[0].about.first_seen, Some(at(0)), "it began in the midst of the window");
    assert_eq!(found(&world, &kind("kind: spike, with: {min: 1000}"), 600).await, []);
    let change = kind("kind: change, with: {selector: '{service_name=~\".+\"} | logfmt', field: version}");
    let changed = found(&world, &change, 300).await;
    assert_eq!(shown(&changed), ["service_name=shop version=2 1"]);
    assert_eq!(changed[0].about.facts["Before"], "1");
    assert_eq!(changed[0].about.first_seen, Some(at(2)));
    assert_eq!(found(&world, &change, -1_000).await, []);
}

#[tokio::test]
async fn a_volume_that_falls_is_found_with_a_picture() {
    let world = World::new().await;
    let day = 86_400;
    for days in (1..=16).rev() {
        world.push("shop", (-days * day..-(days - 1) * day).step_by(20).map(|n| (n, "x".to_owned()))).await;
    }
    world.push("shop", (0..3_600).step_by(20).map(|n| (n, "x".to_owned()))).await;
    let rule = kind("kind: volume_anomaly");
    let mut memory = Memory::default();
    let mut at_once =
        async |second: i64| find(&rule, &world.source(), Grid::at(at(second)), &mut memory).await.unwrap().take(0);
    assert_eq!(at_once(3_600).await, []);
    assert_eq!(at_once(3_900).await, [], "five minutes may be chance");
    let low = at_once(4_800).await;
    assert_eq!((low[0].labels["service_name"].as_str(), low[0].labels["side"].as_str()), ("shop", "low"));
    assert_eq!(low[0].about.facts["Basis"], "hour of day");
    let Kind::VolumeAnomaly(with) = &rule else { panic!("another kind") };
    let drawn = picture(with, &mut memory, &low[0].labels, (at(3_600), at(4_800)), stdx::Language::English).unwrap();
    assert!(drawn.png.starts_with(b"\x89PNG") && drawn.alt.contains("shop: fewer lines than usual"), "{}", drawn.alt);
}

#[tokio::test]
async fn a_volume_is_judged_by_what_was_loaded_after_the_first_look() {
    let world = World::new().await;
    let day = 86_400;
    let load = async |days: std::ops::RangeInclusive<i64>, every: usize| {
        for days in days.rev() {
            let lines = (-days * day..-(days - 1) * day).step_by(every).map(|n| (n, "x".to_owned()));
            world.push("shop", lines).await;
        }
    };
    // Half of the lines are there when the rule looks first, so that twice as many seem usual later.
    load(1..=16, 40).await;
    let rule = kind("kind: volume_anomaly");
    let mut memory = Memory::default();
    let mut at_once =
        async |second: i64| find(&rule, &world.source(), Grid::at(at(second)), &mut memory).await.unwrap().take(0);
    assert_eq!(at_once(0).await, []);
    load(1..=16, 10).await;
    world.push("shop", (0..3_600).step_by(40).map(|n| (n, "x".to_owned()))).await;
    let low = at_once(3_600).await;
    assert_eq!(low.iter().map(|one| one.labels["side"].as_str()).collect::<Vec<_>>(), ["low"], "{:?}", shown(&low));
}

#[tokio::test]
async fn the_lines_behind_an_expression_are_those_of_its_series() {
    let world = World::new().await;
    world.push("shop", [(1, "level=error x".to_owned()), (2, "level=info x".to_owned())]).await;
    world.push("crm", [(1, "level=error x".to_owned())]).await;
    let rule = kind(r#"expr: 'sum by (service_name) (count_over_time({service_name=~".+"} |= "error" [1m])) > 0'"#);
    let all = found(&world, &rule, 30).await;
    assert_eq!(shown(&all), ["service_name=crm 1", "service_name=shop 1"]);
    let query = lines_query(&rule, &all[1].labels, true).unwrap();
    let mut lines = Vec::new();
    world.source().each_line(&query, (at(0), at(30)), 10, |line| lines.push(line.text)).await.unwrap();
    assert_eq!(lines, ["level=error x"]);
}
