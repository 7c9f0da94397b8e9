//! Lines in, events out.

use expect_test::{Expect, expect};
use logline::{Defect, Entry, Tenant, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::event::Outcome;
use crate::fixture::{ORDER_4711, at, batch, labels};
use crate::table::Events;

fn derived(batch: &Batch) -> Vec<String> {
    let Some(rows) = OrderEvents::default().derive(batch) else { return Vec::new() };
    let line = |event: Event<'_>| {
        let mut out = format!("{} {}/{}", event.kind.as_str(), event.object, event.object_id);
        let texts = [("from", event.from), ("status", event.status), ("peer", event.peer), ("error", event.error)];
        for (name, value) in texts.into_iter().chain([("with", event.related)]) {
            out += &value.map(|value| format!(" {name}={value}")).unwrap_or_default();
        }
        out += &event.outcome.map(|outcome| format!(" {}", Outcome::as_str(outcome))).unwrap_or_default();
        out
    };
    Events::of(&rows).unwrap().iter().map(line).collect()
}

#[track_caller]
fn check(lines: &str, want: &Expect) {
    let text: String = lines.lines().map(|line| format!("mes-api {}\n", line.trim())).collect();
    want.assert_eq(&derived(&batch(&text)).iter().map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn every_line_that_names_an_object_gives_one_event() {
    check(
        r#"[2026-03-09T10:00:00Z][REQ][POST /orders/{id}/start] order_id=1 model_id=m customer_id=7 status=A dir=out peer=bench
           [2026-03-09T10:00:01Z][RESP][POST /orders/{id}/start] order_id=1 status=B http_status=200
           [2026-03-09T10:00:02Z][RESP][POST /orders/{id}/start] order_id=1 status=A http_status=409
           [2026-03-09T10:00:03Z][RESP][POST /orders/{id}/start] order_id=1 status=A http_status=503 error="bench is offline"
           [2026-03-09T10:00:04Z][STATUS][order] order_id=1 from=A to=B
           [2026-03-09T10:00:05Z][STATUS][model] model_id=m order_id=1 from=CHECKED to=CAST
           [2026-03-09T10:00:06Z][REQ][GET /health]"#,
        &expect![[r#"
            REQ order/1 status=A peer=bench with=model/m customer/7
            RESP order/1 status=B ok
            RESP order/1 status=A rejected
            RESP order/1 status=A error=bench is offline failed
            STATUS order/1 from=A status=B
            STATUS model/m from=CHECKED status=CAST with=order/1
        "#]],
    );
}

#[test]
fn without_events_lines_have_none_until_they_are_read_again() {
    let lines = batch("mes-api [2026-03-09T10:00:04Z][STATUS][order] order_id=1 from=A to=B");
    let [on, off] = [true, false].map(|enabled| OrderEvents::default().enabled(enabled));
    assert!(on.derive(&lines).is_some());
    assert_eq!(off.derive(&lines), None);
    assert_eq!(off.derive_again(&lines), on.derive_again(&lines));
}

#[test]
fn the_same_facts_are_recognised_in_json_and_logfmt() {
    check(
        r#"{"time":"2026-03-09T10:00:00Z","kind":"STATUS","endpoint":"order","order_id":"1","from":"A","to":"B"}
           time=2026-03-09T10:00:01Z kind=RESP endpoint="GET /orders/{id}" order_id=1 status=B http_status=200
           {"time":"2026-03-09T10:00:02Z","level":"error","msg":"bench controller did not answer","order_id":"1"}"#,
        &expect![[r#"
            STATUS order/1 from=A status=B
            RESP order/1 status=B ok
            LOG order/1 error=bench controller did not answer failed
        "#]],
    );
}

#[test]
fn deriving_again_gives_the_same_rows() {
    let batch = batch(ORDER_4711);
    let events = OrderEvents::default();
    let first = events.derive(&batch).unwrap();
    assert_eq!(first, events.derive(&batch).unwrap());
    assert_eq!(first, OrderEvents::default().derive(&batch).unwrap());
}

#[test]
fn equal_lines_of_one_moment_are_events_of_their_own() {
    let line = "[2026-03-09T10:00:00Z][STATUS][order] order_id=1 to=CREATED";
    let rows =
        OrderEvents::default().derive(&batch(&format!("mes-api {line}\nmes-api {line}\ncrm-api {line}"))).unwrap();
    let mut ids: Vec<u64> = Events::of(&rows).unwrap().iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn the_events_time_is_the_lines_own_unless_it_is_a_day_off() {
    let time = |entry: &str| {
        let line = "[2026-03-09T10:00:00Z][STATUS][order] order_id=1 to=CREATED".to_owned();
        let entry = Entry { timestamp: at(entry), line, metadata: Vec::new() };
        let streams = vec![Stream { labels: labels("mes-api"), entries: vec![entry] }];
        let batch = Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(0) };
        let rows = OrderEvents::default().derive(&batch).unwrap();
        let event = Events::of(&rows).unwrap().iter().next().map(|event| (event.time, event.line_time));
        event.unwrap()
    };
    assert_eq!(
        time("2026-03-09T12:00:00.000000001Z"),
        (at("2026-03-09T10:00:00Z"), at("2026-03-09T12:00:00.000000001Z"))
    );
    assert_eq!(time("2026-03-11T12:00:00Z").0, at("2026-03-11T12:00:00Z"));
}

#[test]
fn a_line_about_an_order_without_status_is_a_defect_of_its_service() {
    let events = OrderEvents::default();
    let text = "mes-api [2026-03-09T10:00:00Z][REQ][GET /orders/{id}] order_id=1
                mes-api [2026-03-09T10:00:01Z][REQ][GET /orders/{id}] order_id=2
                crm-api [2026-03-09T10:00:01Z][REQ][GET /orders/{id}] order_id=2 status=CREATED
                shop-api [2026-03-09T10:00:01][REQ][GET /cart] customer_id=2";
    events.derive(&batch(text));
    let counts: Vec<_> = events.defects().into_iter().map(|count| (count.service, count.defect, count.lines)).collect();
    assert_eq!(counts, [("mes-api".to_owned(), Defect::NoStatus, 2), ("shop-api".to_owned(), Defect::NoZone, 1)]);
}

#[test]
fn an_id_that_is_too_long_names_nothing() {
    let long = "x".repeat(200);
    check(&format!("[2026-03-09T10:00:00Z][STATUS][order] order_id={long} to=CREATED"), &expect![""]);
}

proptest! {
    /// Whatever a line is, deriving neither panics nor differs from one time to the next.
    #[test]
    fn any_line_derives_the_same_twice(line in "(\\[.{0,20}\\])?(\\[(REQ|RESP|STATUS)\\])?(\\[order\\])? ?(order_id=)?.{0,60}", nanos in any::<i64>()) {
        let entry = Entry { timestamp: Timestamp(nanos), line, metadata: Vec::new() };
        let streams = vec![Stream { labels: labels("mes-api"), entries: vec![entry] }];
        let batch = Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(0) };
        prop_assert_eq!(derived(&batch), derived(&batch));
    }
}
