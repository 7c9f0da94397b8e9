//! MES: checks 3D models, calculates prices, follows the workshop. Its logger masks nothing.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Json, Router};
use sdk::{Call, ObjectContext};
use serde_json::Value;
use stdx::Tasks;

use super::book::Case;
use super::office::{Office, Problem, expect};
use super::queue::{HANDOVERS, MANUFACTURING};
use crate::faults::Fault;
use crate::lines::{BENCH_IS_DOWN, BENCH_PATIENCE, INSURED, REJECTED, bodies, legacy, routes};
use crate::world::{ModelStatus, Order, Status};

type Done = Result<StatusCode, Problem>;

const FURNACE: Duration = Duration::from_mins(7);

pub(super) fn router(office: Office) -> Router {
    let router = Router::new()
        .route(routes::MODEL.template(), post(model))
        .route(routes::PRICE.template(), post(price))
        .route(routes::START.template(), post(begin))
        .route(routes::COMPLETE.template(), post(complete))
        .route(routes::REWORK.template(), post(rework))
        .route(routes::PACKAGE.template(), post(package))
        .route(routes::SHIP.template(), post(ship));
    office.logged(router)
}

async fn model(State(office): State<Office>, Extension(call): Extension<Call>, Json(body): Json<Value>) -> Done {
    let id = body.get("order_id").and_then(Value::as_u64).ok_or(Problem::BadBody("order_id is missing"))?;
    let (_, model) = office.case_with_model(id, &call, |_| true)?;
    let model = model.ok_or(Problem::BadBody("model_id is missing"))?;
    becomes(&office, &model, None, ModelStatus::Uploaded).await;
    office.think(Duration::from_millis(300)).await;
    let mut before = ModelStatus::Uploaded;
    if id.is_multiple_of(REJECTED) {
        becomes(&office, &model, Some(before), ModelStatus::Rejected).await;
        office.think(Duration::from_millis(800)).await;
        before = ModelStatus::Rejected;
    }
    becomes(&office, &model, Some(before), ModelStatus::Checked).await;
    Ok(StatusCode::CREATED)
}

async fn becomes(office: &Office, model: &ObjectContext, from: Option<ModelStatus>, to: ModelStatus) {
    office.think(Duration::from_millis(20)).await;
    office.log().transition_of(model, from.map(ModelStatus::as_str), to.as_str());
}

async fn price(
    State(office): State<Office>,
    Path(id): Path<u64>,
    Extension(call): Extension<Call>,
) -> Result<Json<Value>, Problem> {
    let case = office.book.case(id).ok_or(Problem::NoSuchOrder)?;
    call.order(&case.context);
    expect(&case, Status::Submitted)?;
    office.think(Duration::from_millis(250)).await;
    office.moves(&case.context, Status::PriceCalculated).await;
    Ok(Json(bodies::price(&case.order)))
}

async fn begin(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    if office.faults.is_on(Fault::FailedChange) {
        let case = office.case(id, &call)?;
        tokio::time::sleep(BENCH_PATIENCE).await;
        office.write_raw(legacy::broke_down(office.now(), &case.order, &call.trace().trace_id()));
        return Err(Problem::Broken(BENCH_IS_DOWN));
    }
    let (case, model) = office.case_with_model(id, &call, |status| status == ModelStatus::Checked)?;
    expect(&case, Status::ManufacturingApproved)?;
    office.moves(&case.context, Status::ManufacturingStarted).await;
    if let Some(model) = model {
        becomes(&office, &model, Some(ModelStatus::Checked), ModelStatus::InProduction).await;
    }
    Ok(StatusCode::OK)
}

async fn complete(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let (case, model) = office.case_with_model(id, &call, |status| status == ModelStatus::InProduction)?;
    expect(&case, Status::ManufacturingStarted)?;
    office.moves(&case.context, Status::ManufacturingCompleted).await;
    if let Some(model) = model {
        becomes(&office, &model, Some(ModelStatus::InProduction), ModelStatus::Cast).await;
    }
    Ok(StatusCode::OK)
}

async fn rework(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::ManufacturingCompleted)?;
    office.moves(&case.context, Status::ManufacturingStarted).await;
    Ok(StatusCode::OK)
}

async fn package(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::ManufacturingCompleted)?;
    office.moves(&case.context, Status::Packaging).await;
    office.think(Duration::from_millis(120)).await;
    print_label(&office, case, &call.trace().trace_id());
    Ok(StatusCode::OK)
}

fn print_label(office: &Office, case: Case, trace: &str) {
    let packed = Order { status: Status::Packaging, ..case.order };
    let customer = packed.customer();
    office.write_raw(legacy::label_printed(office.now(), &packed, &customer, trace));
    if packed.id.is_multiple_of(legacy::TORN) {
        office.write_raw(legacy::label_printed_again(office.now(), &packed, trace));
    }
    if packed.price() > INSURED {
        office.write_raw(legacy::insured(office.now(), &packed, &customer, trace));
    }
}

/// 200 once the queue has the hand-over; 202 if it never said so.
async fn ship(State(office): State<Office>, Path(id): Path<u64>, Extension(call): Extension<Call>) -> Done {
    let case = office.case(id, &call)?;
    expect(&case, Status::Packaging)?;
    office.moves(&case.context, Status::Shipped).await;
    let told = office.publish(HANDOVERS, &case, &bodies::reference(id)).await;
    Ok(if told { StatusCode::OK } else { StatusCode::ACCEPTED })
}

/// Takes approved orders from the queue, and watches the furnaces.
pub(super) fn start(office: Office, tasks: &Tasks) {
    let consumer = office.clone();
    office.consume(tasks, MANUFACTURING, move |message| {
        let office = consumer.clone();
        async move {
            if let Some(open) = office.taken(MANUFACTURING, &message) {
                open.answered(StatusCode::OK.as_u16(), "");
            }
        }
    });
    let mut shutdown = tasks.shutdown();
    tasks.spawn(async move {
        while tokio::time::timeout(FURNACE, shutdown.wait()).await.is_err() {
            let (number, celsius) = office.with_rng(|rng| (1 + rng.below(3), 690 + rng.below(60)));
            office.write_raw(legacy::furnace(office.now(), number, celsius));
        }
    });
}
