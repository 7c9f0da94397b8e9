//! Calls told by hand, and queues.

use std::collections::HashMap;

use super::*;
use crate::testing::log;

#[test]
fn a_call_by_hand_writes_both_lines() {
    let (log, lines) = log();
    let order = OrderContext::new("4711", "SUBMITTED");
    let open = log
        .call("crm", "POST /orders/4711/price?x=1")
        .attempt(2)
        .order(&order)
        .object(ObjectContext::customer("812"))
        .body(r#"{"email":"ivan@example.ru"}"#)
        .start();
    order.set_status("PRICE_CALCULATED");
    open.answered(200, r#"{"price":"1490"}"#);
    let ids = "trace_id=00000000000000010000000000000002 span_id=0000000000000003 request_id=0000000000000004";
    assert_eq!(
        lines.of(&log),
        [
            format!(
                "[REQ][POST /orders/{{id}}/price] order_id=4711 status=SUBMITTED \
                 customer_id=812 {ids} dir=out peer=crm attempt=2 path=\"/orders/4711/price?x=1\" body={{\"email\":\"<email>\"}}"
            ),
            format!(
                "[RESP][POST /orders/{{id}}/price] order_id=4711 status=PRICE_CALCULATED \
                 customer_id=812 {ids} dir=out peer=crm attempt=2 path=\"/orders/4711/price?x=1\" http_status=200 duration_ms=1 body={{\"price\":\"1490\"}}"
            ),
        ]
    );
}

#[test]
fn a_call_that_ends_without_an_answer_says_so() {
    let (log, lines) = log();
    log.call("crm", "GET /x").start().failed("timed out after 3 s");
    drop(log.call("crm", "GET /x").start());
    let lines = lines.of(&log);
    assert!(lines[1].contains(r#"duration_ms=1 error="timed out after 3 s""#), "{}", lines[1]);
    assert!(lines[3].contains(r#"error="ended without an answer""#), "{}", lines[3]);
}

#[tokio::test]
async fn a_message_carries_trace_and_request_id_through_a_queue() {
    let (log, lines) = log();
    let order = OrderContext::new("4711", "MANUFACTURING_APPROVED");
    let published = log.publish("mes-queue", "orders.approved").order(&order).body("4711").start();
    let headers: HashMap<_, _> = published.call().carried().into_iter().collect();
    published.confirmed();

    let consumed = log.consume("mes-queue", "orders.approved", |name| headers.get(name).map(String::as_str)).start();
    consumed
        .scope(async {
            let call = Call::current().unwrap();
            call.order(&order);
            log.transition(&order, "MANUFACTURING_STARTED");
            log.call("shop", "POST /orders/{id}/status").start().answered(204, "");
        })
        .await;
    consumed.confirmed();

    let lines = lines.of(&log);
    assert!(lines[0].starts_with("[REQ][PUBLISH orders.approved] order_id=4711 status=MANUFACTURING_APPROVED "));
    assert!(lines[1].starts_with("[RESP][PUBLISH orders.approved] ") && lines[1].ends_with(" duration_ms=1"));
    assert!(lines[2].starts_with("[REQ][CONSUME orders.approved] ") && lines[2].contains("dir=in peer=mes-queue"));
    assert!(lines[3].starts_with("[STATUS][order] order_id=4711 from=MANUFACTURING_APPROVED to=MANUFACTURING_STARTED"));
    assert!(lines[4].starts_with("[REQ][POST /orders/{id}/status] order_id=4711 status=MANUFACTURING_STARTED "));
    assert!(lines[6].starts_with("[RESP][CONSUME orders.approved] order_id=4711 status=MANUFACTURING_STARTED "));
    assert!(lines.iter().all(|line| line.contains("trace_id=00000000000000010000000000000002 ")), "{lines:#?}");
    let request_id = |line: &str| line.split(" request_id=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(request_id(&lines[0]), request_id(&lines[2]));
    assert_ne!(request_id(&lines[0]), request_id(&lines[4]));
}
