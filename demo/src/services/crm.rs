//! CRM: registers orders and payments, lets orders into the workshop, follows parcels, closes orders.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use sdk::Call;
use serde_json::Value;
use stdx::Tasks;

use super::office::{Office, Problem, expect};
use super::queue::{HANDOVERS, MANUFACTURING, Message};
use crate::faults::Fault;
use crate::lines::{PATIENCE, bodies, routes};
use crate::world::Status;

type Done = Result<StatusCode, Problem>;

pub(super) fn router(office: Office) -> Router {
    let router = Router::new()
        .route(routes::REGISTER.template(), post(register))
        .route(routes::PAYMENT.template(), post(payment))
        .route(routes::APPROVE.template(), post(approve))
        .route(routes::DELIVER.template(), post(deliver));
    office.clone().logged(router).layer(from_fn_with_state(office, silent))
}

/// While it is silent, CRM lets everybody wait in vain and writes nothing.
async fn silent(State(office): State<Office>, request: Request, next: Next) -> Response {
    if office.faults.is_on(Fault::SilentService) {
        tokio::time::sleep(PATIENCE * 2).await;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

async fn register(State(office): State<Office>, Extension(call): Extension<Call>, Json(body): Json<Value>) -> Done {
    let id = body.get("order_id").and_then(Value::as_u64).ok_or(Problem::BadBody("order_id is missing"))?;
    office.case(id, &call)?;
    office.think(Duration::from_millis(12)).await;
    Ok(StatusCode::CREATED)
}

async fn payment(
    State(office): State<Office>,
    Path(id): Path<u64>,
    Extension(call): Extension<Call>,
    Json(_): Json<Value>,
) -> Done {
    office.case(id, &call)?;
    office.think(Duration::from_millis(90)).await;
    Ok(StatusCode::CREATED)
}

async fn approve(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::PriceCalculated)?;
    office.moves(&case.context, Status::ManufacturingApproved).await;
    let body = bodies::handed_on(&case.order, &case.order.customer());
    if office.publish(MANUFACTURING, &case, &body).await { Ok(StatusCode::OK) } else { Ok(StatusCode::ACCEPTED) }
}

async fn deliver(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::Shipped)?;
    office.moves(&case.context, Status::Delivered).await;
    // A notice that does not arrive is no reason to refuse a delivery.
    drop(office.reach(routes::NOTIFY, &case.context, None).await);
    Ok(StatusCode::OK)
}

/// The job that closes a delivered order; false if CRM is silent.
pub(super) fn close(office: &Office, id: u64) -> bool {
    if office.faults.is_on(Fault::SilentService) {
        return false;
    }
    if let Some(case) = office.book.case(id) {
        office.log().transition(&case.context, Status::Closed.as_str());
    }
    true
}

/// Takes parcels' hand-overs from the queue.
pub(super) fn start(office: &Office, tasks: &Tasks) {
    let consumer = office.clone();
    office.consume(tasks, HANDOVERS, move |message| {
        let office = consumer.clone();
        async move { hand_over(&office, &message).await }
    });
}

async fn hand_over(office: &Office, message: &Message) {
    while office.faults.is_on(Fault::SilentService) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let Some(open) = office.taken(HANDOVERS, message) else { return };
    open.scope(office.think(Duration::from_millis(8))).await;
    open.answered(StatusCode::OK.as_u16(), "");
}
