//! What goes out for a batch, and what answers mean, format by format.

use expect_test::{Expect, expect};
use logline::{Entry, Labels};

use super::*;
use crate::config::Config;
use crate::spool::format::Head;
use crate::state::Covered;

fn record() -> Record {
    let labels = Labels::parse(r#"{service="shop-api", host="web-1", env="prod"}"#).unwrap();
    let entry = |seconds: i64, line: &str, metadata: &[(&str, &str)]| Entry {
        timestamp: Timestamp(seconds * 1_000_000_000 + 5_000_001),
        line: line.to_owned(),
        metadata: metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let entries = vec![
        entry(1_772_366_400, "заказ \"4711\"\n\tat Shop.java:7", &[("trace_id", "abc"), ("env", "again")]),
        entry(1_772_366_401, "}\n{\"delete\":{}}", &[]),
    ];
    let body = ingest::loki::encode(&[Stream { labels, entries }]);
    let (sequence, at, lines) = (7, 1_772_366_402_000_000_000, 2);
    let head = Head { sequence, synced: 6, lines_before: 40, at, lines, covered: 0, body: 0, crc: 0 };
    Record { head, covered: Covered::default(), body: body.into(), missing: Default::default() }
}

fn format_of(kind: &str, more: &str) -> Box<dyn Format> {
    let text = format!(
        "[[input]]\npaths = [\"x\"]\nlabels = {{ service = \"s\" }}\n[output]\nkind = \"{kind}\"\n\
         url = \"http://127.0.0.1:1\"\ncompression = \"none\"\n{more}"
    );
    format(&Config::load(&text, []).unwrap().outputs[0], "agent-1")
}

#[track_caller]
fn check(kind: &str, more: &str, want: &Expect) {
    let request = format_of(kind, more).encode(&record()).unwrap();
    assert_eq!(request.lines, 2);
    let mut text = format!("POST {}\n", request.url.path());
    for (name, value) in &request.headers {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    text += "\n";
    text += std::str::from_utf8(&request.body).unwrap();
    want.assert_eq(&text);
}

#[test]
fn bulk_lines_cannot_be_forged_by_what_a_line_holds() {
    check(
        "elasticsearch",
        "index = \"logs-shop-prod\"",
        &expect![[r#"
        POST /_bulk
        content-type: application/x-ndjson

        {"create":{"_index":"logs-shop-prod","_id":"agent-1-7-0"}}
        {"@timestamp":"2026-03-01T12:00:00.005000001Z","message":"заказ \"4711\"\n\tat Shop.java:7","labels":{"env":"prod","host":"web-1","service":"shop-api","trace_id":"abc"}}
        {"create":{"_index":"logs-shop-prod","_id":"agent-1-7-1"}}
        {"@timestamp":"2026-03-01T12:00:01.005000001Z","message":"}\n{\"delete\":{}}","labels":{"env":"prod","host":"web-1","service":"shop-api"}}
    "#]],
    );
}

#[test]
fn splunk_gets_times_to_the_nanosecond_and_flat_fields() {
    check(
        "splunk",
        "index = \"main\"",
        &expect![[r#"
        POST /services/collector/event
        x-splunk-request-channel: agent-1
        content-type: application/json

        {"time":1772366400.005000001,"host":"web-1","index":"main","event":"заказ \"4711\"\n\tat Shop.java:7","fields":{"env":"prod","host":"web-1","service":"shop-api","trace_id":"abc"}}
        {"time":1772366401.005000001,"host":"web-1","index":"main","event":"}\n{\"delete\":{}}","fields":{"env":"prod","host":"web-1","service":"shop-api"}}
    "#]],
    );
}

fn shown(refused: &Refusal) -> String {
    format!("refused {} {}", refused.lines, refused.reason).trim_end().to_owned()
}

fn verdict(kind: &str, status: u16, body: &str) -> String {
    let format = format_of(kind, "");
    let request = format.encode(&record()).unwrap();
    match format.judge(&request, StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
        Verdict::Stored(refused) => shown(&refused),
        Verdict::Rest { request, refused } => format!("again {} {}", request.lines, shown(&refused)),
        other => format!("{other:?}"),
    }
}

#[test]
fn only_what_is_wrong_with_the_lines_themselves_is_given_up() {
    for kind in ["lapidary", "loki", "otlp", "elasticsearch", "splunk"] {
        for status in [400, 413, 422] {
            assert_eq!(verdict(kind, status, ""), "Refused", "{kind} {status}");
        }
        for status in
            [101, 301, 307, 401, 403, 404, 405, 407, 408, 409, 410, 415, 418, 421, 426, 429, 451, 500, 503, 999]
        {
            assert_eq!(verdict(kind, status, ""), "Later", "{kind} {status}");
        }
    }
    // The page of somebody in between is no answer of the server.
    assert_eq!(verdict("lapidary", 200, "<html>"), "Later");
    assert_eq!(verdict("lapidary", 204, ""), "refused 0");
    assert_eq!(verdict("loki", 200, ""), "refused 0");
}

#[test]
fn every_document_of_a_bulk_answer_counts_by_itself() {
    let items = |first: u16, second: u16| {
        let text = format!(
            r#"{{"took":1,"errors":true,"items":[{{"create":{{"status":{first},"error":{{"type":"x","reason":"no date"}}}}}},{{"create":{{"status":{second},"error":"a text"}}}}]}}"#
        );
        verdict("opensearch", 200, &text)
    };
    assert_eq!(items(201, 409), "refused 0");
    assert_eq!(items(400, 201), "refused 1 x: no date");
    assert_eq!(items(429, 201), "again 1 refused 0");
    assert_eq!(items(503, 400), "again 1 refused 1 a text");
    assert_eq!(items(503, 429), "again 2 refused 0");
    for odd in ["", "{}", r#"{"errors":false,"items":[]}"#, r#"{"errors":false,"items":[{"create":{"status":201}}]}"#] {
        assert_eq!(verdict("elasticsearch", 200, odd), "Later", "{odd}");
    }
    assert_eq!(verdict("elasticsearch", 503, ""), "Later");
    assert_eq!(verdict("elasticsearch", 400, ""), "Refused");
}

#[test]
fn what_is_sent_again_or_in_halves_are_the_same_documents() {
    let format = format_of("elasticsearch", "");
    let request = format.encode(&record()).unwrap();
    let [first, second] = request.halves().unwrap();
    assert_eq!([&first.body[..], &second.body[..]].concat(), request.body);
    assert!(first.halves().is_none());
    assert_eq!(request.only([1].into_iter()).unwrap().body, second.body);
}

#[test]
fn splunk_says_by_its_code_what_a_change_of_settings_cures() {
    assert_eq!(verdict("splunk", 200, r#"{"text":"Success","code":0}"#), "refused 0");
    assert_eq!(verdict("splunk", 400, r#"{"text":"Incorrect index","code":7,"invalid-event-number":1}"#), "Later");
    assert_eq!(verdict("splunk", 400, r#"{"text":"Invalid data format","code":6}"#), "Refused");
    assert_eq!(verdict("splunk", 403, r#"{"text":"Invalid token","code":4}"#), "Later");
}

#[test]
fn otlp_tells_how_many_records_it_rejected() {
    assert_eq!(verdict("otlp", 200, ""), "refused 0");
    assert_eq!(verdict("otlp", 200, "\x0a\x02\x08\x02"), "refused 2");
    assert_eq!(verdict("otlp", 200, "\x0a\x09\x08\x02\x12\x05a b c"), "refused 2 a b c");
    assert_eq!(verdict("otlp", 200, "\x0a\x02\x12\x00"), "refused 0");
    assert_eq!(verdict("otlp", 500, ""), "Later");
}

#[test]
fn splunk_is_asked_whether_the_indexers_have_what_it_took() {
    let format = format_of("splunk", "");
    let request = format.encode(&record()).unwrap();
    let judge = |request: &Request, status: u16, body: &str| {
        format.judge(request, StatusCode::from_u16(status).unwrap(), body.as_bytes())
    };
    let Verdict::Ask { question } = judge(&request, 200, r#"{"text":"Success","code":0,"ackId":7}"#) else {
        panic!("it is not asked")
    };
    assert_eq!(question.url.as_str(), "http://127.0.0.1:1/services/collector/ack?channel=agent-1");
    assert_eq!(question.headers["x-splunk-request-channel"], "agent-1");
    assert_eq!((&question.body[..], question.lines), (br#"{"acks":[7]}"#.as_slice(), 2));
    assert!(matches!(judge(&question, 200, r#"{"acks":{"7":true}}"#), Verdict::Stored(Refusal { lines: 0, .. })));
    assert!(matches!(judge(&question, 200, r#"{"acks":{"7":false}}"#), Verdict::Ask { .. }));
    assert!(matches!(judge(&question, 200, r#"{"acks":{}}"#), Verdict::Ask { .. }));
    for (status, body) in [(503, ""), (400, r#"{"text":"ACK is disabled","code":14}"#), (200, "what?")] {
        assert!(matches!(judge(&question, status, body), Verdict::Later), "{body}");
    }
}
