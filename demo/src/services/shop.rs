//! SHOP: catalogue, cart, orders, 3D models, payments. What customers talk to.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use sdk::{Call, ObjectContext, STATUS_TARGET, StatusLayer};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use super::office::{Office, Problem, expect};
use super::transport::Failure;
use crate::lines::{CRM_IS_DOWN, GONE, SIZE_IS_MISSING, bodies, routes};
use crate::world::Status;

/// Says who the customer is; a real shop would have a session.
pub(crate) const CUSTOMER: &str = "x-customer";
/// Says which cart is meant.
pub(crate) const CART: &str = "x-cart";

type Done = Result<StatusCode, Problem>;

pub(super) fn router(office: Office) -> Router {
    let router = Router::new()
        .route(routes::CATALOG.template(), get(catalog))
        .route(routes::ARTICLE.template(), get(article))
        .route(routes::ADD_TO_CART.template(), post(add_to_cart))
        .route(routes::CART.template(), get(cart))
        .route(routes::CREATE.template(), post(create))
        .route(routes::LOOK.template(), get(look))
        .route(routes::UPLOAD.template(), post(upload))
        .route(routes::SUBMIT.template(), post(submit))
        .route(routes::PAY.template(), post(pay))
        .route(routes::NOTIFY.template(), post(notify));
    office.logged(router)
}

/// Names the customer who asks.
fn name_customer(call: &Call, headers: &HeaderMap) {
    if let Some(id) = headers.get(CUSTOMER).and_then(|value| value.to_str().ok()) {
        call.object(ObjectContext::customer(id));
    }
}

async fn catalog(State(office): State<Office>, Extension(call): Extension<Call>, headers: HeaderMap) -> StatusCode {
    name_customer(&call, &headers);
    office.think(Duration::from_millis(18)).await;
    StatusCode::OK
}

async fn article(
    State(office): State<Office>,
    Path(id): Path<String>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
) -> Done {
    name_customer(&call, &headers);
    office.think(Duration::from_millis(9)).await;
    if id.starts_with(GONE) { Err(Problem::NoSuchArticle) } else { Ok(StatusCode::OK) }
}

async fn add_to_cart(
    State(office): State<Office>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
    Json(item): Json<Value>,
) -> Done {
    name_customer(&call, &headers);
    office.think(Duration::from_millis(6)).await;
    match item.get("size") {
        Some(_) => Ok(StatusCode::CREATED),
        None => Err(Problem::BadBody(SIZE_IS_MISSING)),
    }
}

async fn cart(State(office): State<Office>, Extension(call): Extension<Call>, headers: HeaderMap) -> StatusCode {
    name_customer(&call, &headers);
    office.think(Duration::from_millis(5)).await;
    StatusCode::OK
}

async fn create(
    State(office): State<Office>,
    Extension(call): Extension<Call>,
    headers: HeaderMap,
    Json(_): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    name_customer(&call, &headers);
    let cart = headers.get(CART).and_then(|value| value.to_str().ok()?.parse().ok());
    let case = cart.and_then(|cart| office.book.check_out(cart)).ok_or(Problem::BadBody("no such cart"))?;
    call.created_order(&case.context);
    office.think(Duration::from_millis(4)).await;
    // SHOP tells its log by way of tracing, as services that have it do.
    let tell = tracing_subscriber::registry().with(StatusLayer::new(office.log().clone()));
    tracing::subscriber::with_default(tell, || {
        tracing::info!(target: STATUS_TARGET, order_id = case.order.id, to = Status::Created.as_str());
    });
    Ok((StatusCode::CREATED, Json(bodies::created(&case.order))))
}

async fn look(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    office.case(id, &call)?;
    office.think(Duration::from_millis(7)).await;
    Ok(StatusCode::OK)
}

async fn upload(
    State(office): State<Office>,
    Path(id): Path<u64>,
    Extension(call): Extension<Call>,
    Json(body): Json<Value>,
) -> Done {
    let (case, _) = office.case_with_model(id, &call, |_| true)?;
    expect(&case, Status::Created)?;
    office.reach(routes::MODEL, &case.context, Some(&body)).await.map_err(unavailable("mes-api does not answer"))?;
    Ok(StatusCode::CREATED)
}

async fn submit(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::Created)?;
    let body = bodies::handed_on(&case.order, &case.order.customer());
    office.reach(routes::REGISTER, &case.context, Some(&body)).await.map_err(unavailable(CRM_IS_DOWN))?;
    office.moves(&case.context, Status::Submitted).await;
    Ok(StatusCode::OK)
}

async fn pay(
    State(office): State<Office>,
    Path(id): Path<u64>,
    Extension(call): Extension<Call>,
    Json(body): Json<Value>,
) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::PriceCalculated)?;
    office.reach(routes::PAYMENT, &case.context, Some(&body)).await.map_err(unavailable(CRM_IS_DOWN))?;
    Ok(StatusCode::CREATED)
}

async fn notify(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    office.case(id, &call)?;
    Ok(StatusCode::ACCEPTED)
}

/// The job that asks MES for the price of a submitted order.
pub(super) async fn price(office: &Office, id: u64) -> Result<(), Failure> {
    let Some(case) = office.book.case(id) else { return Ok(()) };
    office.reach(routes::PRICE, &case.context, None).await
}

fn unavailable(text: &'static str) -> impl FnOnce(Failure) -> Problem {
    move |_| Problem::Unavailable(text)
}
