//! Cases for JSON and logfmt lines.

use expect_test::{Expect, expect};

use super::super::tests::describe;
use super::*;
use crate::{Aliases, reader};

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an `Expect` is always passed so")]
fn check(line: &str, want: Expect) {
    want.assert_eq(&describe(&Reader::default().read(line, &Context::default())));
}

#[test]
fn the_same_facts_in_json() {
    check(
        r#"{"ts":"2026-03-01T12:00:00.120Z","kind":"RESP","method":"POST","path":"/orders/4711/submit","orderId":4711,"status":"SUBMITTED","traceId":"abc","statusCode":500,"msg":"done","invoiceId":"i-1","body":{"order":{"id":1}},"gone":null}"#,
        expect![[r#"
            json 2026-03-01T12:00:00.12Z RESP <POST /orders/{id}/submit> error
              path: "/orders/4711/submit"
              order_id: "4711"
              status: "SUBMITTED"
              trace_id: "abc"
              http_status: "500"
              msg: "done"
              invoice_id: "i-1"
              body: "{\"order\":{\"id\":1}}" (json)
              = order/4711 is SUBMITTED
        "#]],
    );
}

#[test]
fn the_same_facts_in_logfmt() {
    check(
        r#"ts=2026-03-01T12:00:00.120Z lvl=warn kind=STATUS msg="moved on" orderId=4711 from=CREATED to=SUBMITTED"#,
        expect![[r#"
            logfmt 2026-03-01T12:00:00.12Z STATUS <order> warn
              level: "warn"
              msg: "moved on"
              order_id: "4711"
              from: "CREATED"
              to: "SUBMITTED"
              = order/4711 is SUBMITTED
        "#]],
    );
}

#[test]
fn a_change_is_recognised_by_its_statuses_not_by_the_words_from_and_to() {
    check(
        r#"{"customer_id":"15","order_id":"4711","status":"SHIPPED","from":"PACKAGING","to":"SHIPPED"}"#,
        expect![[r#"
        json no time STATUS <order> info
          customer_id: "15"
          order_id: "4711"
          status: "SHIPPED"
          from: "PACKAGING"
          to: "SHIPPED"
          = order/4711 is SHIPPED
    "#]],
    );
    check(
        r#"{"customer_id":"15","from":"shop@example.org","to":"anna@example.org"}"#,
        expect![[r#"
        json no time - <> info
          customer_id: "15"
          from: "shop@example.org"
          to: "anna@example.org"
          = customer/15 is ?
    "#]],
    );
}

#[test]
fn what_known_loggers_write() {
    // Serilog's compact format
    check(
        r#"{"@t":"2026-03-01T12:00:00.1234567Z","@l":"Error","@m":"failed","OrderId":"4711","Status":"PACKAGING","@x":"boom"}"#,
        expect![[r#"
        json 2026-03-01T12:00:00.1234567Z - <> error
          level: "Error"
          msg: "failed"
          order_id: "4711"
          status: "PACKAGING"
          error: "boom"
          = order/4711 is PACKAGING
    "#]],
    );
    // Logback with the Logstash encoder
    check(
        r#"{"@timestamp":"2026-03-01T12:00:00.1+03:00","message":"m","level":"INFO","mdc":{"order_id":"4711","status":"CREATED"}}"#,
        expect![[r#"
        json 2026-03-01T09:00:00.1Z - <> info
          msg: "m"
          level: "INFO"
          order_id: "4711"
          status: "CREATED"
          = order/4711 is CREATED
    "#]],
    );
    // tracing in Rust
    check(
        r#"{"timestamp":"2026-03-01T12:00:00Z","level":"INFO","fields":{"message":"m","order_id":"4711","status":"CREATED"},"target":"shop"}"#,
        expect![[r#"
        json 2026-03-01T12:00:00Z - <> info
          level: "INFO"
          msg: "m"
          order_id: "4711"
          status: "CREATED"
          target: "shop"
          = order/4711 is CREATED
    "#]],
    );
    // ECS
    check(
        r#"{"@timestamp":"2026-03-01T12:00:00Z","log":{"level":"error"},"order":{"id":"4711","status":"SHIPPED"},"trace":{"id":"t1"},"http":{"response":{"status_code":502}}}"#,
        expect![[r#"
        json 2026-03-01T12:00:00Z RESP <> error
          log: "{\"level\":\"error\"}" (json)
          level: "error"
          order: "{\"id\":\"4711\",\"status\":\"SHIPPED\"}" (json)
          order_id: "4711"
          status: "SHIPPED"
          trace: "{\"id\":\"t1\"}" (json)
          trace_id: "t1"
          http: "{\"response\":{\"status_code\":502}}" (json)
          http_status: "502"
          = order/4711 is SHIPPED
    "#]],
    );
    // pino
    check(
        r#"{"level":50,"time":1772366400123,"msg":"m","err":{"message":"boom"}}"#,
        expect![[r#"
        json 2026-03-01T12:00:00.123Z - <> error
          level: "50"
          msg: "m"
          error: "{\"message\":\"boom\"}" (json)
    "#]],
    );
    // an access log
    check(
        r#"{"time":"2026-03-01T12:00:00Z","method":"GET","uri":"/orders/4711?full=1","status":200,"type":"access"}"#,
        expect![[r#"
        json 2026-03-01T12:00:00Z RESP <GET /orders/{id}> info
          path: "/orders/4711?full=1"
          http_status: "200"
          type: "access"
    "#]],
    );
}

#[test]
fn broken_json_keeps_what_was_read() {
    check(
        r#"{"order_id":"1","status":"CREATED","body":{"a":"#,
        expect![[r#"
        json no time - <> info
          order_id: "1"
          status: "CREATED"
          = order/1 is CREATED
          ! unterminated_json
    "#]],
    );
    check(
        r#"{"a":"1" "b":2}"#,
        expect![[r#"
        json no time - <> info
          a: "1"
          ! broken_field
    "#]],
    );
    check(
        r#"{"a":"1","b"}"#,
        expect![[r#"
        json no time - <> info
          a: "1"
          ! broken_field
    "#]],
    );
    check(
        r#"{"a":"1"} tail"#,
        expect![[r#"
        json no time - <> info
          a: "1"
          ! broken_field
    "#]],
    );
    check(
        r#"{"a":"1","#,
        expect![[r#"
        json no time - <> info
          a: "1"
          ! unterminated_json
    "#]],
    );
    check(
        r#"{"a":tru"#,
        expect![[r#"
        json no time - <> info
          ! unterminated_json
    "#]],
    );
    check(
        "{not json}",
        expect![[r#"
        unknown no time - <> unknown
    "#]],
    );
    check(
        "{}",
        expect![[r#"
        json no time - <> info
    "#]],
    );
}

#[test]
fn a_text_that_only_looks_like_fields_is_unknown() {
    check(
        "GET /x?a=b 200",
        expect![[r#"
        unknown no time - <> unknown
    "#]],
    );
    check(
        "https://shop/x?a=b c",
        expect![[r#"
        unknown no time - <> unknown
    "#]],
    );
    check(
        "connection error: a=1",
        expect![[r#"
        unknown no time - <> error
    "#]],
    );
}

#[test]
fn aliases_are_configured_by_target() {
    let more = r#"{"order_id": ["bestellnummer", "zakaz"], "status": ["state"]}"#;
    let aliases: Aliases = serde_json::from_str(more).unwrap();
    let reader = Reader::new(reader::Config { aliases, ..reader::Config::default() });
    let line = r#"{"Bestell-Nummer":"4711","state":"SHIPPED","level":"debug"}"#;
    expect![[r#"
        json no time - <> debug
          order_id: "4711"
          status: "SHIPPED"
          level: "debug"
          = order/4711 is SHIPPED
    "#]]
    .assert_eq(&describe(&reader.read(line, &Context::default())));
}
