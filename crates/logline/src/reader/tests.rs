//! Cases and laws for reading lines of the house format; other formats stand in `foreign/tests.rs`.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::{Kind, Timestamp, level};

/// What a record says, in a form to compare.
pub(super) fn describe(record: &Record<'_>) -> String {
    let time = record.time().map_or("no time".to_owned(), |time| {
        let zone = if time.zoned { "" } else { "?" };
        format!("{}{zone}", jiff::Timestamp::from(time.at))
    });
    let kind = record.kind().map_or("-", Kind::as_str);
    let mut out = format!("{} {time} {kind} <{}> {}\n", record.format().as_str(), record.endpoint(), record.level());
    for field in record.fields() {
        let json = if field.value.is_json() { " (json)" } else { "" };
        out += &format!("  {}: {:?}{json}\n", field.key, field.value.as_str());
    }
    if let Some(subject) = record.subject() {
        out += &format!("  = {subject} is {}\n", record.status().unwrap_or("?"));
    }
    if !record.defects().is_empty() {
        out += &format!("  ! {}\n", record.defects().iter().map(Defect::name).collect::<Vec<_>>().join(" "));
    }
    out
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `Expect` is always passed so")]
fn check(line: &str, want: Expect) {
    want.assert_eq(&describe(&Reader::default().read(line, &Context::default())));
}

#[test]
fn a_request_and_its_response() {
    check(
        r#"[2026-03-01T12:00:00.120Z][REQ][POST /orders/{id}/submit] order_id=4711 status=CREATED request_id=r1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 dir=in headers={"user-agent":"curl/8"} body={"note":"gold {24k}, size=\"7\""}"#,
        expect![[r#"
            house 2026-03-01T12:00:00.12Z REQ <POST /orders/{id}/submit> info
              order_id: "4711"
              status: "CREATED"
              request_id: "r1"
              trace_id: "4bf92f3577b34da6a3ce929d0e0e4736"
              dir: "in"
              headers: "{\"user-agent\":\"curl/8\"}" (json)
              body: "{\"note\":\"gold {24k}, size=\\\"7\\\"\"}" (json)
              = order/4711 is CREATED
        "#]],
    );
    check(
        r#"[2026-03-01T15:00:00.253+03:00][RESP][POST /orders/{id}/submit] order_id=4711 status=SUBMITTED request_id=r1 http_status=503 duration_ms=133.5 error="CRM gave up: \"timeout\"""#,
        expect![[r#"
            house 2026-03-01T12:00:00.253Z RESP <POST /orders/{id}/submit> error
              order_id: "4711"
              status: "SUBMITTED"
              request_id: "r1"
              http_status: "503"
              duration_ms: "133.5"
              error: "CRM gave up: \"timeout\""
              = order/4711 is SUBMITTED
        "#]],
    );
}

#[test]
fn a_transition_names_its_object_in_the_endpoint() {
    check(
        "[2026-03-01T12:00:00Z][STATUS][order] order_id=4711 from=CREATED to=SUBMITTED",
        expect![[r#"
            house 2026-03-01T12:00:00Z STATUS <order> info
              order_id: "4711"
              from: "CREATED"
              to: "SUBMITTED"
              = order/4711 is SUBMITTED
        "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][STATUS][model] order_id=4711 model_id=m-9 from=UPLOADED to=CHECKED",
        expect![[r#"
            house 2026-03-01T12:00:00Z STATUS <model> info
              order_id: "4711"
              model_id: "m-9"
              from: "UPLOADED"
              to: "CHECKED"
              = model/m-9 is CHECKED
        "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][STATUS][order] from=CREATED",
        expect![[r#"
            house 2026-03-01T12:00:00Z STATUS <order> info
              from: "CREATED"
              ! no_status no_object
        "#]],
    );
}

#[test]
fn a_line_about_an_order_must_carry_its_status() {
    check(
        "[2026-03-01T12:00:00Z][REQ][GET /orders/4711] order_id=4711 dir=in",
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /orders/{id}> info
              order_id: "4711"
              dir: "in"
              path: "/orders/4711"
              = order/4711 is ?
              ! no_status
        "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][REQ][GET /orders/{id}] order_id=4711 status=LOST",
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /orders/{id}> info
              order_id: "4711"
              status: "LOST"
              = order/4711 is LOST
              ! unknown_status
        "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][REQ][GET /customers/{id}] customer_id=15",
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /customers/{id}> info
              customer_id: "15"
              = customer/15 is ?
        "#]],
    );
}

#[test]
fn a_time_without_zone_is_the_sources_and_a_defect() {
    let moscow = Context { timezone: TimeZone::fixed(jiff::tz::offset(3)) };
    let reader = Reader::default();
    let record = reader.read("[2026-03-01 12:00:00,5][REQ][GET /]", &moscow);
    expect![[r#"
        house 2026-03-01T09:00:00.5Z? REQ <GET /> info
          ! no_zone
    "#]]
    .assert_eq(&describe(&record));
}

#[test]
fn a_broken_head_is_told_apart_from_a_foreign_line() {
    check(
        "[yesterday][REQ][GET /]",
        expect![[r#"
        house no time REQ <GET /> info
          ! bad_time
    "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][QUERY][GET /] a=1",
        expect![[r#"
        house 2026-03-01T12:00:00Z - <GET /> info
          a: "1"
          ! unknown_kind
    "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][RESP] a=1",
        expect![[r#"
        house 2026-03-01T12:00:00Z RESP <> info
          a: "1"
          ! no_endpoint
    "#]],
    );
    check(
        "[2026-03-01T12:00:00Z] [REQ] [GET /] ",
        expect![[r#"
        house 2026-03-01T12:00:00Z REQ <GET /> info
    "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][INFO][main] Server started in 3 s",
        expect![[r#"
        unknown no time - <> info
    "#]],
    );
    check(
        "[main] something",
        expect![[r#"
        unknown no time - <> unknown
    "#]],
    );
    check(
        "",
        expect![[r#"
        unknown no time - <> unknown
    "#]],
    );
}

#[test]
fn a_broken_field_does_not_hide_the_others() {
    check(
        r#"[2026-03-01T12:00:00Z][REQ][GET /] lost "stray a=1" {b=2} =3 x="1"y z={}! w=a=b last= "#,
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /> info
              x: "1"
              z: "{}" (json)
              w: "a=b"
              last: ""
              ! broken_field
        "#]],
    );
}

#[test]
fn a_value_that_does_not_close_takes_the_rest_and_forges_nothing() {
    check(
        r#"[2026-03-01T12:00:00Z][REQ][GET /] a="one order_id=1"#,
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /> info
              a: "one order_id=1"
              ! unterminated_quote
        "#]],
    );
    check(
        r#"[2026-03-01T12:00:00Z][REQ][GET /] body={"a":["} order_id=1"#,
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /> info
              body: "{\"a\":[\"} order_id=1"
              ! unterminated_json
        "#]],
    );
    check(
        r#"[2026-03-01T12:00:00Z][REQ][GET /] body={"a":[1}] order_id=1"#,
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <GET /> info
              body: "{\"a\":[1}] order_id=1"
              ! unterminated_json
        "#]],
    );
}

#[test]
fn reserved_keys_have_types() {
    check(
        "[2026-03-01T12:00:00Z][RESP][GET /] http_status=ok duration_ms=-1 level=warn level=info attempt=2",
        expect![[r#"
            house 2026-03-01T12:00:00Z RESP <GET /> warn
              http_status: "ok"
              duration_ms: "-1"
              level: "warn"
              level: "info"
              attempt: "2"
              ! bad_value duplicate_key
        "#]],
    );
}

#[test]
fn escapes_are_undone_and_unknown_ones_stay() {
    check(
        r#"[2026-03-01T12:00:00Z][REQ][a\]b] a="x\ny\u0416\ud83d\udc8e\q\ud83d" "#,
        expect![[r#"
            house 2026-03-01T12:00:00Z REQ <a]b> info
              a: "x\nyЖ💎\\q\\ud83d"
              ! bad_escape
        "#]],
    );
}

#[test]
fn what_stands_on_a_second_physical_line_is_not_read() {
    check(
        "[2026-03-01T12:00:00Z][REQ][GET /] a=1\n\tat b=2",
        expect![[r#"
        house 2026-03-01T12:00:00Z REQ <GET /> info
          a: "1"
          ! multi_line
    "#]],
    );
    check(
        "[2026-03-01T12:00:00Z][REQ][GET /] a=1\r\n",
        expect![[r#"
        house 2026-03-01T12:00:00Z REQ <GET /> info
          a: "1"
    "#]],
    );
}

#[test]
fn limits_end_the_reading_and_are_told() {
    let limits = Limits { line_bytes: 70, fields: 2, depth: 2 };
    let reader = Reader::new(Config { limits, ..Config::default() });
    let read = |line: &str| describe(&reader.read(line, &Context::default()));
    expect![[r#"
        house 2026-03-01T12:00:00Z REQ <GET /> info
          a: "1"
          b: "2"
          ! too_many_fields
    "#]]
    .assert_eq(&read("[2026-03-01T12:00:00Z][REQ][GET /] a=1 b=2 c=3"));
    expect![[r#"
        house 2026-03-01T12:00:00Z REQ <GET /> info
          a: "[[[]]] b=1"
          ! too_deep
    "#]]
    .assert_eq(&read("[2026-03-01T12:00:00Z][REQ][GET /] a=[[[]]] b=1"));
    expect![[r#"
        house 2026-03-01T12:00:00Z REQ <GET /> info
          a: "Срок изготовлени"
          ! unterminated_quote too_long
    "#]]
    .assert_eq(&read("[2026-03-01T12:00:00Z][REQ][GET /] a=\"Срок изготовления вышел\""));
}

#[test]
fn deep_nesting_costs_no_stack() {
    let line = format!("[2026-03-01T12:00:00Z][REQ][GET /] body={} order_id=1", "[".repeat(500_000));
    let reader = Reader::default();
    let record = reader.read(&line, &Context::default());
    assert_eq!(record.defects().iter().collect::<Vec<_>>(), [Defect::TooDeep]);
}

/// Any text, and more often than not the characters that the grammar is about.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_./:-]{1,12}",
        "[ \"=\\\\{}\\[\\]\n\r\tЖ💎a1\u{85}\u{2028}]{0,12}",
        "\\PC{0,16}",
        any::<String>(),
    ]
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    (value, any::<bool>()).prop_map(|(value, pretty)| if pretty { format!("{value:#}") } else { value.to_string() })
}

/// Any record that a service can make.
fn record() -> impl Strategy<Value = Record<'static>> {
    let kind = prop_oneof![Just(Kind::Req), Just(Kind::Resp), Just(Kind::Status)];
    let key = prop_oneof!["[a-z_]{1,8}", "(order|model|trace)_id|status|path|error|level", text()];
    let value = prop_oneof![text().prop_map(Value::from), json().prop_map(Value::json)];
    let endpoint = prop_oneof!["(GET|PUT) /orders/([0-9]{1,5}|[{]id[}])", text()];
    (any::<i64>(), kind, endpoint, prop::collection::vec((key, value), 0..6)).prop_map(
        |(at, kind, endpoint, fields)| {
            let record = Record::new(Timestamp(at), kind, endpoint);
            fields.into_iter().fold(record, |record, (key, value)| record.field(key, value))
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(record in record()) {
        let line = record.to_line();
        let reader = Reader::default();
        let back = reader.read(&line, &Context::default());
        prop_assert_eq!(back.format(), Format::House);
        prop_assert_eq!((back.time(), back.kind(), back.endpoint()), (record.time(), record.kind(), record.endpoint()));
        prop_assert_eq!(back.fields(), record.fields());
        prop_assert_eq!(back.level(), record.level());
        prop_assert_eq!(reader.time(&line, &Context::default()), record.time());
        prop_assert_eq!(level::level_of(&line, &[]), record.level());
        let forbidden = [Defect::BrokenField, Defect::BadEscape, Defect::UnterminatedJson, Defect::UnterminatedQuote, Defect::DuplicateKey];
        prop_assert!(!forbidden.into_iter().any(|defect| back.defects().has(defect)), "{:?}", back.defects());
        prop_assert!(!line.contains(scan::is_break), "an event is one physical line");
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point(head in "\\[2026-03-01[T ]12:00:00(Z|[+]03:00)?\\] ?\\[(REQ|RESP|STATUS)\\]\\[(GET /orders/4711|order)\\]", rest in text(), more in text()) {
        let line = format!("{head} a={rest} {more}");
        let reader = Reader::default();
        let once = reader.read(&line, &Context::default());
        let canonical = once.to_line();
        let twice = reader.read(&canonical, &Context::default());
        prop_assert_eq!(twice.to_line(), canonical.clone());
        prop_assert_eq!(twice.fields().len(), once.fields().len());
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in text(), head in "(\\[2026-03-01T12:00:00Z\\]\\[REQ\\]|[{]\"a\":|a=)?") {
        let line = format!("{head}{line}");
        let reader = Reader::default();
        let record = reader.read(&line, &Context::default());
        let _ = (record.level(), level::level_of(&line, &[]), record.subject(), record.to_line());
        prop_assert_eq!(reader.time(&line, &Context::default()), record.time());
    }

    #[test]
    fn a_line_cut_anywhere_still_says_what_stands_before_the_cut(cut in 0..280_usize) {
        let line = r#"[2026-03-01T12:00:00.120Z][RESP][POST /orders/{id}/submit] order_id=4711 status=SUBMITTED http_status=200 error="no \"such\" thing" body={"note":"x status=CLOSED","list":[1,{"a":"}"}]} last=1"#;
        let cut = cut.min(line.len());
        let (reader, context) = (Reader::default(), Context::default());
        let (whole, part) = (reader.read(line, &context), reader.read(scan::cut(line, 0, cut), &context));
        let keys = |record: &Record<'_>| record.fields().iter().map(|field| field.key.to_string()).collect::<Vec<_>>();
        prop_assert!(keys(&whole).starts_with(&keys(&part)), "{:?}", keys(&part));
    }
}
