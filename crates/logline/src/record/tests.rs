//! Cases for typed access.

use super::*;

const NOON: Timestamp = Timestamp(1_772_366_400_120_000_000);

#[test]
fn every_id_key_names_an_object_but_those_of_a_call() {
    let record = Record::new(NOON, Kind::Req, "GET /")
        .field("trace_id", "t")
        .field("model_id", "m1")
        .field("order_id", "4711")
        .field("span_id", "s")
        .field("invoice_id", "")
        .field("customer_id", "15");
    let entities: Vec<_> = record.entities().map(|entity| entity.to_string()).collect();
    assert_eq!(entities, ["model/m1", "order/4711", "customer/15"]);
    assert_eq!(record.subject().map(|entity| entity.object), Some("order"));
    assert_eq!(Entity::parse("order/47/11"), Some(Entity { object: "order", id: "47/11" }));
    assert_eq!(Entity::parse("order/"), None);
}

#[test]
fn typed_values_are_none_when_they_are_not_of_their_type() {
    let record = Record::new(NOON, Kind::Resp, "GET /")
        .field("http_status", "200")
        .field("duration_ms", "1.5")
        .field("attempt", "2")
        .field("dir", "out")
        .field("peer", "crm");
    assert_eq!(record.http_status(), Some(200));
    assert_eq!(record.duration_ms(), Some(1.5));
    assert_eq!((record.attempt(), record.dir(), record.peer()), (Some(2), Some(Direction::Out), Some("crm")));
    let wrong = Record::new(NOON, Kind::Resp, "GET /")
        .field("http_status", "1000")
        .field("duration_ms", "NaN")
        .field("attempt", "-1")
        .field("dir", "up");
    assert_eq!((wrong.http_status(), wrong.duration_ms(), wrong.attempt(), wrong.dir()), (None, None, None, None));
}

#[test]
fn the_level_is_stated_or_follows_from_the_failure() {
    let record = |key: &'static str, value: &'static str| Record::new(NOON, Kind::Resp, "GET /").field(key, value);
    assert_eq!(record("a", "1").level(), Level::Info);
    assert_eq!(record("http_status", "499").level(), Level::Info);
    assert_eq!(record("http_status", "500").level(), Level::Error);
    assert_eq!(record("error", "boom").level(), Level::Error);
    assert_eq!(record("error", "null").level(), Level::Info);
    assert_eq!(record("level", "WARN").field("error", "boom").level(), Level::Warn);
}

#[test]
fn an_owned_record_says_the_same() {
    let line = String::from("[2026-03-01T12:00:00Z][REQ][GET /orders/1] order_id=1 status=CREATED body={\"a\":1}");
    let reader = crate::Reader::default();
    let record = reader.read(&line, &crate::Context::default());
    let text = record.to_line();
    let owned = record.into_owned();
    drop(line);
    assert_eq!(owned.to_line(), text);
    assert_eq!(owned.order_id(), Some("1"));
}
