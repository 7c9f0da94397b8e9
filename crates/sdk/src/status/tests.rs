//! Which events become STATUS lines.

use tracing::{error, info};
use tracing_subscriber::prelude::*;

use super::*;
use crate::testing::log;
use crate::{ObjectContext, OrderContext};

fn lines_of(events: impl FnOnce()) -> Vec<String> {
    let (log, lines) = log();
    let subscriber = tracing_subscriber::registry().with(StatusLayer::new(log.clone()));
    tracing::subscriber::with_default(subscriber, events);
    lines.of(&log)
}

#[test]
fn an_event_with_from_and_to_is_a_transition() {
    let lines = lines_of(|| {
        info!(order_id = 4711, from = "CREATED", to = "SUBMITTED");
        error!(order_id = %"4712", from = "SHIPPED", to = "PACKAGING", reason = "came back", "rework");
    });
    assert_eq!(
        lines,
        [
            "[STATUS][order] order_id=4711 from=CREATED to=SUBMITTED",
            r#"[STATUS][order] order_id=4712 from=SHIPPED to=PACKAGING level=error msg=rework reason="came back""#,
        ]
    );
}

#[test]
fn the_target_status_needs_no_from() {
    let lines = lines_of(|| info!(target: STATUS_TARGET, model_id = "m-1", to = "UPLOADED"));
    assert_eq!(lines, ["[STATUS][model] model_id=m-1 to=UPLOADED"]);
}

#[test]
fn the_object_may_be_named_among_several() {
    let lines = lines_of(|| info!(order_id = 1, model_id = 2, object = "model", from = "A", to = "B"));
    assert_eq!(lines, ["[STATUS][model] model_id=2 from=A to=B order_id=1"]);
}

#[test]
fn every_other_event_passes_by() {
    let lines = lines_of(|| {
        info!(user_id = 1, to = "ivan@example.ru", "mail sent");
        info!(trace_id = "ab", from = "A", to = "B");
        info!(order_id = 1, "looked at");
        info!("plain");
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_transition_is_written_and_kept_by_the_order() {
    let (log, lines) = log();
    let order = OrderContext::new("4711", "CREATED");
    log.order_created(&order);
    log.transition(&order, "SUBMITTED");
    log.transition_of(&ObjectContext::model("m-1"), None, "UPLOADED");
    assert_eq!(order.status(), "SUBMITTED");
    assert_eq!(
        lines.of(&log),
        [
            "[STATUS][order] order_id=4711 to=CREATED",
            "[STATUS][order] order_id=4711 from=CREATED to=SUBMITTED",
            "[STATUS][model] model_id=m-1 to=UPLOADED",
        ]
    );
}

#[test]
fn an_object_context_is_no_way_around_the_status() {
    assert_eq!(ObjectContext::new("order", "4711").key(), "order_ref_id");
}
