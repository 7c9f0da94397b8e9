//! The workshop's old logger: JSON lines of its workers, written as they come, personal data and all. The agent's
//! masking is what stands between them and the platform.

use logline::Timestamp;
use serde_json::json;

use crate::world::{Customer, Order};

/// A worker prints the courier's label: the whole address, and the card's last use.
pub fn label_printed(at: Timestamp, order: &Order, customer: &Customer, trace: &str) -> String {
    line(
        at,
        "info",
        "mes.labels",
        "label printed",
        order,
        trace,
        &json!({
            "recipient": {"name": customer.name, "phone": customer.phone, "email": customer.email, "city": customer.city},
            "cash_on_delivery": false,
        }),
    )
}

/// A worker checks the insurance of a dear piece, and writes the whole card number down.
pub fn insured(at: Timestamp, order: &Order, customer: &Customer, trace: &str) -> String {
    line(
        at,
        "warn",
        "mes.insurance",
        "insured above the limit",
        order,
        trace,
        &json!({
            "value": order.price(),
            "payer": {"name": customer.name, "card": customer.card},
            "authorization": format!("Bearer mes.{:016x}.{:016x}", order.id.wrapping_mul(0x9E37_79B9), order.id),
        }),
    )
}

/// The bench's controller broke down in the middle of a change; the stack is one field with line breaks in it.
pub fn broke_down(at: Timestamp, order: &Order, trace: &str) -> String {
    line(
        at,
        "error",
        "mes.bench",
        super::BENCH_IS_DOWN,
        order,
        trace,
        &json!({
            "exception": "BenchTimeoutException: no answer within 1500 ms",
            "stack": "BenchTimeoutException: no answer within 1500 ms\n\
                \tat mes.bench.Controller.reserve(Controller.java:214)\n\
                \tat mes.orders.StartHandler.handle(StartHandler.java:88)\n\
                \tat mes.http.Dispatcher.run(Dispatcher.java:51)",
        }),
    )
}

/// The first label was torn. This line alone forgets the order's status, which the platform counts as a defect of MES.
pub fn label_printed_again(at: Timestamp, order: &Order, trace: &str) -> String {
    let timestamp = jiff::Timestamp::from(at).to_string();
    let (level, logger, message) = ("warn", "mes.labels", PRINTED_AGAIN);
    json!({"timestamp": timestamp, "level": level, "logger": logger, "message": message, "order_id": order.id,
        "trace_id": trace})
    .to_string()
}

/// What the line without a status says.
pub const PRINTED_AGAIN: &str = "label printed again";

/// One label in so many is torn.
pub const TORN: u64 = 40;

/// The furnace tells how it is; about no order at all.
pub fn furnace(at: Timestamp, number: u64, celsius: u64) -> String {
    format!("{} INFO [furnace-{number}] temperature {celsius} C, chamber closed", jiff::Timestamp::from(at))
}

fn line(
    at: Timestamp,
    level: &str,
    logger: &str,
    message: &str,
    order: &Order,
    trace: &str,
    context: &serde_json::Value,
) -> String {
    json!({
        "timestamp": jiff::Timestamp::from(at).to_string(),
        "level": level,
        "logger": logger,
        "message": message,
        "order_id": order.id,
        "status": order.status.as_str(),
        "trace_id": trace,
        "context": context,
    })
    .to_string()
}
