//! Cases for the canonical form.

use expect_test::{Expect, expect};

use crate::{Kind, Record, Timestamp, Value};

const NOON: Timestamp = Timestamp(1_772_366_400_120_000_000);

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `Expect` is always passed so")]
fn check(record: Record<'_>, want: Expect) {
    want.assert_eq(&record.to_line());
}

#[test]
fn ids_stand_first_and_the_body_last() {
    check(
        Record::new(NOON, Kind::Resp, "POST /orders/4711/submit")
            .order("4711", "SUBMITTED")
            .maybe("customer_id", Some("15"))
            .maybe("model_id", None::<&str>)
            .field("http_status", 200_u16)
            .field("duration_ms", 12.5)
            .headers_json(r#"{"content-type":"application/json"}"#)
            .body_json("{\n  \"note\": \"a\tb\"\n}"),
        expect![[
            r#"[2026-03-01T12:00:00.120Z][RESP][POST /orders/{id}/submit] path=/orders/4711/submit order_id=4711 status=SUBMITTED customer_id=15 http_status=200 duration_ms=12.5 headers={"content-type":"application/json"} body={ "note": "a\tb" }"#
        ]],
    );
    check(
        Record::new(NOON, Kind::Status, "order").field("order_id", "4711").change(Some("CREATED"), "SUBMITTED"),
        expect!["[2026-03-01T12:00:00.120Z][STATUS][order] order_id=4711 from=CREATED to=SUBMITTED"],
    );
}

#[test]
fn values_are_quoted_only_when_they_must_be() {
    let record = [
        "plain",
        "",
        "two words",
        "a=b",
        "\"q\"",
        "C:\\dir",
        "Кольцо-обручальное",
        "line\nbreak",
        "{",
        "[x]",
        "a{b}",
        "\u{2028}\u{7}",
    ];
    let record = record
        .iter()
        .zip('a'..)
        .fold(Record::new(NOON, Kind::Req, "GET /"), |record, (value, key)| record.field(key.to_string(), *value));
    check(
        record,
        expect![[
            r#"[2026-03-01T12:00:00.120Z][REQ][GET /] a=plain b="" c="two words" d="a=b" e="\"q\"" f=C:\dir g=Кольцо-обручальное h="line\nbreak" i="{" j="[x]" k=a{b} l="\u2028\u0007""#
        ]],
    );
}

#[test]
fn a_body_that_is_no_json_is_a_quoted_string() {
    check(
        Record::new(NOON, Kind::Req, "GET /").body_json("<xml a=\"1\">\n{"),
        expect![[r#"[2026-03-01T12:00:00.120Z][REQ][GET /] body="<xml a=\"1\">\n{""#]],
    );
    check(
        Record::new(NOON, Kind::Req, "GET /").body_json("{\"a\":"),
        expect![[r#"[2026-03-01T12:00:00.120Z][REQ][GET /] body="{\"a\":""#]],
    );
    check(
        Record::new(NOON, Kind::Req, "GET /").body_json(" [1] "),
        expect!["[2026-03-01T12:00:00.120Z][REQ][GET /] body=[1]"],
    );
    assert!(!Value::text("{}").is_json());
}

#[test]
fn keys_and_endpoints_cannot_break_the_line() {
    check(
        Record::new(NOON, Kind::Req, "a]b\\c\nd").field("k e=y\"\n", "v").field("", "v").field("имя", "v"),
        expect![[r#"[2026-03-01T12:00:00.120Z][REQ][a\]b\\c\nd] k_e_y__=v _=v имя=v"#]],
    );
}

#[test]
fn a_reserved_key_set_again_takes_the_new_value() {
    check(
        Record::new(NOON, Kind::Req, "GET /x/1").field("path", "/x/2").field("status", "A").field("status", "B"),
        expect!["[2026-03-01T12:00:00.120Z][REQ][GET /x/{id}] path=/x/2 status=B"],
    );
}
