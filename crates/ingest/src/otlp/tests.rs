//! Requests as exporters send them, in both forms; streams, entries and replies out.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use expect_test::{Expect, expect};
use logline::{Batch, Tenant, Timestamp};
use serde_json::json;
use stdx::ManualClock;

use super::*;
use crate::loki::Context;
use crate::protobuf::{field, fixed64_field, varint_field};
use crate::{DecodeError, Decoded, Endpoint, Limits, Masking, Sink, SinkError};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const TIME: i64 = 1_700_000_000_000_000_001;
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

fn run(kind: &str, encoding: &str, body: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    decode(Some(kind), Some(encoding), body, &Context { limits, masking: &Masking::Off, now: NOW })
}

fn print(decoded: Result<Decoded, DecodeError>) -> String {
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return format!("{error:?}"),
    };
    let mut out = String::new();
    for stream in &decoded.streams {
        out += &format!("{}\n", stream.labels);
        for entry in &stream.entries {
            let pairs: Vec<_> = entry.metadata.iter().map(|(name, value)| format!("{name}={value}")).collect();
            out += &format!("  {} {:?} {}\n", entry.timestamp.0, entry.line, pairs.join(" "));
        }
    }
    if !decoded.rejected.is_empty() {
        out += &format!("rejected {}: {}\n", decoded.rejected.lines(), decoded.rejected);
    }
    out
}

#[track_caller]
fn check_json(body: &serde_json::Value, want: &Expect) {
    want.assert_eq(&print(run(JSON, "", body.to_string().as_bytes(), &Limits::default())));
}

/// One record in a request.
fn request(record: &serde_json::Value) -> serde_json::Value {
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
}

fn message(parts: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    parts.iter().for_each(|(tag, bytes)| field(&mut out, *tag, bytes));
    out
}

fn attribute(name: &str, value: Vec<u8>) -> Vec<u8> {
    message(&[(1, name.as_bytes().to_vec()), (2, value)])
}

fn text(value: &str) -> Vec<u8> {
    message(&[(1, value.as_bytes().to_vec())])
}

fn int(value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint_field(&mut out, 3, value);
    out
}

/// The same request in both forms.
fn both() -> (Vec<u8>, serde_json::Value) {
    let mut log = Vec::new();
    fixed64_field(&mut log, 1, TIME);
    varint_field(&mut log, 2, 17);
    field(&mut log, 3, b"ERROR");
    field(&mut log, 5, &text("payment failed"));
    let http = message(&[(1, attribute("status", int(502))), (1, attribute("method", text("POST")))]);
    field(&mut log, 6, &attribute("http", message(&[(6, http)])));
    let tags = message(&[(1, text("a")), (1, int(7))]);
    field(&mut log, 6, &attribute("tags", message(&[(5, tags)])));
    field(&mut log, 9, &[0xab; 16]);
    field(&mut log, 10, &[0xcd; 8]);
    fixed64_field(&mut log, 11, TIME + 5);
    let resource = message(&[
        (1, attribute("service.name", text("shop-api"))),
        (1, attribute("k8s.pod.name", text("shop-0"))),
        (1, attribute("host.name", text("web-1"))),
    ]);
    let scope = message(&[(1, b"shop.orders".to_vec()), (2, b"1.2".to_vec())]);
    // The resource stands behind its records.
    let logs = message(&[(2, message(&[(2, log), (1, scope)])), (1, resource)]);
    let json = json!({"resourceLogs": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop-api"}},
            {"key": "k8s.pod.name", "value": {"stringValue": "shop-0"}},
            {"key": "host.name", "value": {"stringValue": "web-1"}},
        ]},
        "scopeLogs": [{
            "scope": {"name": "shop.orders", "version": "1.2"},
            "logRecords": [{
                "timeUnixNano": TIME.to_string(), "observedTimeUnixNano": TIME + 5,
                "severityNumber": "SEVERITY_NUMBER_ERROR", "severityText": "ERROR",
                "body": {"stringValue": "payment failed"},
                "attributes": [
                    {"key": "http", "value": {"kvlistValue": {"values": [
                        {"key": "status", "value": {"intValue": "502"}}, {"key": "method", "value": {"stringValue": "POST"}},
                    ]}}},
                    {"key": "tags", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": 7}]}}},
                ],
                "traceId": "AB".repeat(16), "spanId": "cd".repeat(8),
            }],
        }],
    }]});
    (message(&[(1, logs)]), json)
}

#[test]
fn both_forms_give_labels_of_the_resource_and_metadata_of_all_else() {
    let (protobuf, json) = both();
    let want = expect![[r#"
        {k8s_pod_name="shop-0", service_name="shop-api"}
          1700000000000000001 "payment failed" detected_level=error host_name=web-1 http_method=POST http_status=502 observed_timestamp=1700000000000000006 scope_name=shop.orders scope_version=1.2 severity_number=17 severity_text=ERROR span_id=cdcdcdcdcdcdcdcd tags=["a",7] trace_id=abababababababababababababababab
    "#]];
    check_json(&json, &want);
    want.assert_eq(&print(run(PROTOBUF, "", &protobuf, &Limits::default())));
    let zstd = zstd::encode_all(protobuf.as_slice(), 1).unwrap();
    want.assert_eq(&print(run(PROTOBUF, "zstd", &zstd, &Limits::default())));
}

#[test]
fn json_is_read_as_clients_write_it() {
    let odd = json!({
        "resource_logs": [{"resource": null, "scope_logs": [{"log_records": [
            {"time_unix_nano": 5, "severity_number": 10, "body": {"kvlistValue": {"values": [
                {"key": "b", "value": {"doubleValue": 1.0}}, {"key": "a", "value": {"boolValue": true}},
                {"key": "none", "value": {}}, {"key": "list", "value": {"arrayValue": {}}},
            ]}}, "attributes": [
                {"key": "nan", "value": {"doubleValue": "NaN"}}, {"key": "small", "value": {"doubleValue": 1e-7}},
                {"key": "bytes", "value": {"bytesValue": "aGk="}}, {"key": "empty", "value": {"kvlistValue": {}}},
                {"key": "1st.part/x", "value": {"stringValue": "y"}}, {"key": "null"},
            ], "trace_id": "", "span_id": "0000000000000000", "flags": 1, "unknown": [{}]},
        ]}]}],
    });
    check_json(
        &odd,
        &expect![[r#"
            {service_name="unknown_service"}
              5 "{\"a\":true,\"b\":1,\"list\":[],\"none\":null}" bytes=aGk= detected_level=info flags=1 key_1st_part_x=y nan=NaN severity_number=10 small=1e-7
        "#]],
    );
}

#[test]
fn attributes_are_masked_by_the_names_and_paths_they_came_with() {
    let value = |value: &str| json!({"stringValue": value});
    let body = request(&json!({"timeUnixNano": "5", "body": value("x"), "attributes": [
        {"key": "секрет", "value": value("LeakA1234567")},
        {"key": "req", "value": {"kvlistValue": {"values": [{"key": "пароль", "value": value("LeakB1234567")}]}}},
        {"key": "цех", "value": value("7")}, {"key": "вес", "value": value("9")},
    ]}));
    let masking = Masking::Mask(Arc::new(mask::Masker::new(&mask::Config::default()).unwrap()));
    let context = Context { limits: &Limits::default(), masking: &masking, now: NOW };
    let decoded = decode(Some(JSON), None, body.to_string().as_bytes(), &context).unwrap();
    assert_eq!(decoded.hits.iter().map(|(_, rule, count)| (rule, count)).collect::<Vec<_>>(), [("secret", 2)]);
    expect![[r#"
        {service_name="unknown_service"}
          5 "x" detected_level=unknown req_parol=<secret> sekret=<secret> tsekh=7 ves=9
    "#]]
    .assert_eq(&print(Ok(decoded)));
}

#[test]
fn a_record_without_a_time_has_the_one_when_it_was_seen_or_the_present() {
    for (record, time) in [
        (json!({"body": {"stringValue": "x"}}), NOW.0),
        (json!({"observedTimeUnixNano": "7"}), 7),
        (json!({"timeUnixNano": "9", "observedTimeUnixNano": "7"}), 9),
    ] {
        let decoded = run(JSON, "", request(&record).to_string().as_bytes(), &Limits::default()).unwrap();
        assert_eq!(decoded.streams[0].entries[0].timestamp, Timestamp(time));
    }
    check_json(
        &request(&json!({"timeUnixNano": u64::MAX})),
        &expect![[r#"
            rejected 1: entry for stream '{service_name="unknown_service"}' has a timestamp that does not fit into 64 bits of nanoseconds
        "#]],
    );
}

#[test]
fn nothing_to_say_is_no_mistake_and_other_things_are() {
    for body in ["{}", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":[{"scopeLogs":null}]}"#] {
        assert_eq!(run(JSON, "", body.as_bytes(), &Limits::default()).unwrap().streams, [], "{body}");
    }
    assert_eq!(run(PROTOBUF, "", b"", &Limits::default()), Ok(Decoded::default()));
    let limits = Limits { max_items: 9, ..Limits::default() };
    let (protobuf, json) = both();
    for (kind, encoding, body, want) in [
        (JSON, "", b"[1]".as_slice(), "expected an object with `resourceLogs`"),
        (JSON, "", br#"{"resourceLogs":{"secret":1}}"#, "expected `resourceLogs` to be an array"),
        (JSON, "", b"{\"resourceLogs\":[", "EOF while parsing a list"),
        (PROTOBUF, "", b"{}", "not a protobuf push request"),
        (PROTOBUF, "lz4", b"", "Content-Encoding \"lz4\" not supported"),
        ("text/plain", "", b"", "content type \"text/plain\" is not supported"),
        (JSON, "", json.to_string().as_bytes(), "more than 9 entries"),
        (PROTOBUF, "", &protobuf, "more than 9 entries"),
    ] {
        let error = run(kind, encoding, body, &limits).unwrap_err().to_string();
        assert!(error.contains(want) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn values_within_values_end_somewhere() {
    let mut deep = text("x");
    for _ in 0..1000 {
        deep = message(&[(5, message(&[(1, deep)]))]);
    }
    let record = message(&[(5, deep)]);
    let body = message(&[(1, message(&[(2, message(&[(2, record)]))]))]);
    let decoded = run(PROTOBUF, "", &body, &Limits::default()).unwrap();
    assert!(decoded.streams[0].entries[0].line.starts_with("[[["));
    let deep = format!(r#"{{"resourceLogs":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
    assert!(run(JSON, "", deep.as_bytes(), &Limits::default()).unwrap_err().to_string().contains("recursion"));
}

/// Keeps batches, or is too busy.
#[derive(Debug, Default)]
struct Memory {
    batches: Mutex<Vec<Batch>>,
    is_broken: bool,
}

#[async_trait::async_trait]
impl Sink for Memory {
    async fn append(&self, batch: Batch) -> Result<(), SinkError> {
        if self.is_broken {
            return Err(SinkError::Internal("a disk".to_owned()));
        }
        self.batches.lock().unwrap().push(batch);
        Ok(())
    }
}

/// Status, type and body of the reply.
async fn reply(manners: Manners, kind: &str, body: Vec<u8>, is_broken: bool) -> (u16, String, Vec<u8>) {
    let sink: Arc<dyn Sink> = Arc::new(Memory { is_broken, ..Memory::default() });
    let clock = ManualClock::at(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000));
    let endpoint = Endpoint::new(sink, Masking::Off, Arc::new(clock));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
    let asked = Export { tenant: Tenant::default(), manners, headers, body: Body::from(body) };
    let reply = export(&endpoint, &Arc::new(Limits::default()), asked).await.into_response();
    let kind = reply.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
    (reply.status().as_u16(), kind.unwrap_or_default(), to_bytes(reply.into_body(), 1 << 20).await.unwrap().to_vec())
}

#[tokio::test]
async fn success_is_told_as_loki_does_or_as_the_specification_says() {
    let (protobuf, json) = both();
    let json = json.to_string().into_bytes();
    assert_eq!(reply(Manners::Loki, PROTOBUF, protobuf.clone(), false).await, (204, String::new(), vec![]));
    assert_eq!(reply(Manners::Standard, PROTOBUF, protobuf, false).await, (200, PROTOBUF.to_owned(), vec![]));
    assert_eq!(reply(Manners::Standard, JSON, json, false).await, (200, JSON.to_owned(), b"{}".to_vec()));
    let late = request(&json!({"timeUnixNano": "1900000000000000000"})).to_string().into_bytes();
    let (status, _, body) = reply(Manners::Standard, JSON, late.clone(), false).await;
    let partial: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &partial["partialSuccess"]["rejectedLogRecords"]), (200, &json!("1")));
    let (status, _, body) = reply(Manners::Loki, JSON, late, false).await;
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &told["code"]), (400, &json!(3)));
    assert!(told["message"].as_str().unwrap().contains("has timestamp too new"), "{told}");
}

#[tokio::test]
async fn errors_are_a_status_in_the_form_of_the_request_and_ours_ask_to_try_again() {
    let (protobuf, _) = both();
    let (status, kind, body) = reply(Manners::Loki, PROTOBUF, b"\xff".to_vec(), false).await;
    assert_eq!((status, kind.as_str(), &body[..3]), (400, PROTOBUF, &[8, 3, 18][..]));
    let (status, kind, body) = reply(Manners::Loki, PROTOBUF, protobuf, true).await;
    assert_eq!((status, kind.as_str()), (503, PROTOBUF));
    assert!(body.ends_with(b"internal error"), "the sender is not told why");
}
