//! Every stage of a pipeline, in data.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;
use logline::{Aliases, Reader};

use super::world::{World, line};
use crate::Config;

const APP: &str = r#"{app="x"}"#;

async fn world(texts: &[&str]) -> World {
    let lines: Vec<_> = texts.iter().zip(1_i32..).map(|(text, second)| line(second, APP, text)).collect();
    World::new(&lines).await
}

#[tokio::test]
async fn json_flattens_objects_and_says_what_is_broken() {
    let world = world(&[
        r#"{"a":"1","b":{"c":2,"d-e":true,"f":null,"g":[1]},"a":"2","app":"y","9z":"\u00e9\n"}"#,
        r#"{"a":"1", broken"#,
        "no json",
    ])
    .await;
    world
        .lines(
            r#"{app="x"} | json"#,
            expect![[r#"
                {app="x"}
                  1 {"a":"1","b":{"c":2,"d-e":true,"f":null,"g":[1]},"a":"2","app":"y","9z":"\u00e9\n"} p._9z=é
                 p.a=1 p.app_extracted=y p.b_c=2 p.b_d_e=true
                  2 {"a":"1", broken p.__error__=JSONParserErr p.__error_details__=expected a string at byte 10 p.a=1
                  3 no json p.__error__=JSONParserErr p.__error_details__=expected an object at byte 0
            "#]],
        )
        .await;
}

#[tokio::test]
async fn json_paths_find_values_and_a_missing_one_is_empty() {
    let world = world(&[r#"{"a":{"b":[{"c":"deep"},7]},"s":"x","n":null}"#, "no json"]).await;
    world
        .lines(
            r#"{app="x"} | json c="a.b[0].c", seven="a.b[1]", raw="a.b", s, n, missing="a.z", app="s""#,
            expect![[r#"
                {app="x"}
                  1 {"a":{"b":[{"c":"deep"},7]},"s":"x","n":null} p.app_extracted=x p.c=deep p.missing= p.n= p.raw=[{"c":"deep"},7] p.s=x p.seven=7
                  2 no json p.__error__=JSONParserErr
            "#]],
        )
        .await;
}

#[tokio::test]
async fn logfmt_skips_what_is_broken_unless_it_is_strict() {
    let world = world(&[r#"a=1 b="two words" c=\"x d= e f-g=3 =bad h=x"y i="\"q\"" a=9"#]).await;
    world
        .lines(
            r#"{app="x"} | logfmt"#,
            expect![[r#"
                {app="x"}
                  1 a=1 b="two words" c=\"x d= e f-g=3 =bad h=x"y i="\"q\"" a=9 p.a=1 p.b=two words p.f_g=3 p.i="q"
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | logfmt --strict --keep-empty"#,
            expect![[r#"
                {app="x"}
                  1 a=1 b="two words" c=\"x d= e f-g=3 =bad h=x"y i="\"q\"" a=9 p.__error__=LogfmtParserErr p.__error_details__=unexpected `"` at byte 21 p.a=1 p.b=two words
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | logfmt a, words="b", none="nothing""#,
            expect![[r#"
                {app="x"}
                  1 a=1 b="two words" c=\"x d= e f-g=3 =bad h=x"y i="\"q\"" a=9 p.a=9 p.none= p.words=two words
            "#]],
        )
        .await;
}

#[tokio::test]
async fn patterns_extract_and_filter() {
    let world = world(&["GET /a took 5ms", "GET /b", "say GET /c took 7ms", ""]).await;
    world
        .lines(
            r#"{app="x"} | pattern "GET <path> took <ms>ms<_>""#,
            expect![[r#"
                {app="x"}
                  1 GET /a took 5ms p.ms=5 p.path=/a
                  2 GET /b p.path=/b
                  3 say GET /c took 7ms
                  4 
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} |> "GET <_> took <_>ms""#,
            expect![[r#"
                {app="x"}
                  1 GET /a took 5ms
                  3 say GET /c took 7ms
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} !> "<_>GET<_>" !> """#,
            expect![[r#"
                {app="x"}
                  1 GET /a took 5ms
                  2 GET /b
            "#]],
        )
        .await;
}

#[tokio::test]
async fn regexps_extract_named_captures() {
    let world = world(&["status=200 in 5ms", "nothing"]).await;
    world
        .lines(
            r#"{app="x"} | regexp "status=(?P<status>\\d+)(?P<rest> gone)? in (?P<app>\\d+)""#,
            expect![[r#"
                {app="x"}
                  1 status=200 in 5ms p.app_extracted=5 p.rest= p.status=200
                  2 nothing
            "#]],
        )
        .await;
}

#[tokio::test]
async fn unpack_restores_the_packed_line() {
    let world = world(&[r#"{"_entry":"the line","pod":"p1","n":1}"#, r#"{"pod":"p1"}"#, "no json"]).await;
    world
        .lines(
            r#"{app="x"} | unpack |= "line""#,
            expect![[r#"
                {app="x"}
                  1 the line p.pod=p1
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | unpack | __error__!="" | pod!="p1""#,
            expect![[r#"
                {app="x"}
                  3 no json p.__error__=JSONParserErr p.__error_details__=expected an object at byte 0
            "#]],
        )
        .await;
}

#[tokio::test]
async fn facts_are_the_same_whatever_the_format_of_the_line() {
    let world = world(&[
        r#"[2026-03-01T12:00:00Z][RESP][POST /pay] order_id=1 status=PAID dir=in http_status=503 body={"dir":"out"}"#,
        r#"{"method":"POST","path":"/pay","response":{"status":503},"direction":"inbound","orderId":1}"#,
        r#"kind=RESP method=POST route=/pay status=503 order_id=1 dir=in"#,
        "no such line",
    ])
    .await;
    world
        .lines(
            r#"{app="x"} | facts | endpoint="POST /pay" | http_status>=500 | dir="in" | kind="RESP" | keep order_id"#,
            expect![[r#"
                {}
                  1 [2026-03-01T12:00:00Z][RESP][POST /pay] order_id=1 status=PAID dir=in http_status=503 body={"dir":"out"} p.order_id=1
                  2 {"method":"POST","path":"/pay","response":{"status":503},"direction":"inbound","orderId":1} p.order_id=1
                  3 kind=RESP method=POST route=/pay status=503 order_id=1 dir=in p.order_id=1
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | facts | order_id="""#,
            expect![[r#"
                {app="x"}
                  4 no such line
            "#]],
        )
        .await;
}

#[tokio::test]
async fn facts_are_read_by_the_names_that_they_have_here() {
    let aliases = Aliases::from(BTreeMap::from([("http_status".to_owned(), vec!["antwort".to_owned()])]));
    let reader = Arc::new(Reader::new(logline::Config { aliases, ..logline::Config::default() }));
    let lines = [line(1, APP, r#"{"route":"/pay","antwort":503}"#), line(2, APP, "route=/pay status_code=200")];
    let world = World::with_config(&lines, &Config { reader, ..Config::default() }).await;
    world
        .lines(
            r#"{app="x"} | facts | http_status>=500 | keep http_status"#,
            expect![[r#"
                {}
                  1 {"route":"/pay","antwort":503} p.http_status=503
            "#]],
        )
        .await;
    world
        .values(
            r#"sum by (http_status) (count_over_time({app="x"} | facts [5m]))"#,
            expect![[r#"
        {http_status="200"} 1
        {http_status="503"} 1
    "#]],
        )
        .await;
}

#[tokio::test]
async fn facts_of_free_text_are_what_the_rules_for_its_service_read() {
    let parts = ["answered ", " after "].map(|text| logline::Part::Literal(text.to_owned()));
    let [answered, after] = parts;
    let capture = |name: &str| logline::Part::Capture(Some(name.to_owned()));
    let parts = vec![answered, capture("http_status"), after, capture("duration_ms")];
    let rule = logline::Rule::new(vec!["old".to_owned()], parts, []).unwrap();
    let config = logline::Config { extraction: [rule].into_iter().collect(), ..logline::Config::default() };
    let reader = Arc::new(Reader::new(config));
    let old = r#"{app="x", service_name="old"}"#;
    let lines = [line(1, old, "12:00 answered 503 after 7"), line(2, APP, "12:00 answered 503 after 8")];
    let world = World::with_config(&lines, &Config { reader, ..Config::default() }).await;
    world
        .values(
            r#"sum by (kind, http_status) (sum_over_time({app="x"} | facts | unwrap duration_ms [5m]))"#,
            expect![[r#"
                {http_status="503", kind="RESP"} 7
            "#]],
        )
        .await;
}

#[tokio::test]
async fn or_chains_and_addresses_filter_lines() {
    let world = world(&["from 10.1.2.3:80", "from 192.168.0.1", "from nobody"]).await;
    world
        .lines(
            r#"{app="x"} |= ip("10.0.0.0/8") or "nobody""#,
            expect![[r#"
                {app="x"}
                  1 from 10.1.2.3:80
                  3 from nobody
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} != "10.1" or "nobody""#,
            expect![[r#"
                {app="x"}
                  2 from 192.168.0.1
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} != ip("192.168.0.0-192.168.0.9")"#,
            expect![[r#"
                {app="x"}
                  1 from 10.1.2.3:80
                  3 from nobody
            "#]],
        )
        .await;
}

#[tokio::test]
async fn typed_label_filters_compare_and_keep_what_they_cannot_read() {
    let world = world(&[
        "status=200 took=5ms size=1KB addr=10.0.0.1",
        "status=500 took=2s size=3MiB addr=11.0.0.1",
        "status=abc took=x",
    ])
    .await;
    world
        .lines(
            r#"{app="x"} | logfmt | status >= 500 or size < 2KB"#,
            expect![[r#"
                {app="x"}
                  1 status=200 took=5ms size=1KB addr=10.0.0.1 p.addr=10.0.0.1 p.size=1KB p.status=200 p.took=5ms
                  2 status=500 took=2s size=3MiB addr=11.0.0.1 p.addr=11.0.0.1 p.size=3MiB p.status=500 p.took=2s
                  3 status=abc took=x p.__error__=LabelFilterErr p.__error_details__=`status` is not a number p.status=abc p.took=x
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | logfmt | took > 1s, size > 1MB | keep took, size"#,
            expect![[r#"
                {}
                  2 status=500 took=2s size=3MiB addr=11.0.0.1 p.size=3MiB p.took=2s
                  3 status=abc took=x p.__error__=LabelFilterErr p.__error_details__=`took` is not a duration p.took=x
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | logfmt | addr = ip("10.0.0.0/8") | drop status, took, size, addr="10.0.0.1""#,
            expect![[r#"
                {app="x"}
                  1 status=200 took=5ms size=1KB addr=10.0.0.1
            "#]],
        )
        .await;
}

#[tokio::test]
async fn labels_and_lines_are_rewritten() {
    let world = world(&["\u{1b}[31ma=1\u{1b}[0m b=2"]).await;
    world
        .lines(
            r#"{app="x"} | decolorize | logfmt | label_format was=app, both="{{.a}}-{{.b}}" | line_format "{{.both}} of {{.was}}""#,
            expect![[r#"
                {}
                  1 1-2 of x p.a=1 p.b=2 p.both=1-2 p.was=x
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | line_format "{{ .app | ToUpper }}" | label_format n="{{ len .app }}""#,
            expect![[r#"
                {app="x"}
                  1 X p.n=1
            "#]],
        )
        .await;
}

#[tokio::test]
async fn templates_know_the_time_and_the_line_and_say_what_is_wrong() {
    let world = world(&["a=1", "b=x"]).await;
    world
        .lines(
            r#"{app="x"} | logfmt | label_format at="{{ __timestamp__ | date `15:04:05` }}", n="{{ div 1 (int .a) }}" | line_format "{{ __line__ | upper }}""#,
            expect![[r#"
                {app="x"}
                  1 A=1 p.a=1 p.at=22:13:21 p.n=1
                  2 B=X p.__error__=TemplateFormatErr p.__error_details__=template: error calling div: integer divide by zero p.at=22:13:22 p.b=x
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="x"} | line_format "{{ .a | nothing }}""#,
            expect![[r#"
                Invalid: parse error : stage '| line_format "{{ .a | nothing }}"' : invalid template: line:1: function "nothing" not defined
            "#]],
        )
        .await;
    world
        .values(
            r#"sum by (n) (count_over_time({app="x"} | logfmt | line_format "{{ div 1 0 }}" | label_format n="{{ .a | default `none` }}" [10m]))"#,
            expect![[r#"
                {n="1"} 1
                {n="none"} 1
            "#]],
        )
        .await;
    let all = r#"sum by (n) (count_over_time({app="x"} | logfmt | label_format n="{{ range $k, $v := . }}{{ $k }},{{ end }}" [10m]))"#;
    world
        .values(
            all,
            expect![[r#"
                {n="a,app,"} 1
                {n="app,b,"} 1
            "#]],
        )
        .await;
}

#[tokio::test]
async fn line_filters_run_before_what_stands_in_front_of_them() {
    // Loki moves the filter ahead of `decolorize`, so that it sees the colours.
    let world = world(&["\u{1b}[31mred"]).await;
    world
        .lines(
            "{app=\"x\"} | decolorize |= \"\u{1b}[31m\"",
            expect![[r#"
                {app="x"}
                  1 red
            "#]],
        )
        .await;
    world.lines("{app=\"x\"} | decolorize | app=\"x\" |= \"\u{1b}[31m\"", expect![""]).await;
}
