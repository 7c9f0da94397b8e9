//! Our own API, described by OpenAPI: orders and their stories, alerts and incidents, background work, and who may come in.

pub(super) mod access;
pub(super) mod alerts;
pub(super) mod analysis;
pub(super) mod audit;
pub(super) mod elsewhere;
mod json;
pub(super) mod login;
mod params;
pub(super) mod reveal;
pub(super) mod rules;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use orders::{Page, Story, StoryOptions, Summary};
use serde::{Deserialize, Serialize};
use stdx::Language;

pub(crate) use self::alerts::{Alerts, Deliveries, Incidents, ShownIncident, TestSent};
pub(super) use self::alerts::{may_see, seen, seen_alerts};
pub(crate) use self::audit::Verdict;
use self::params::Parameters;
pub(crate) use self::reveal::{Match, Question};
use super::HttpError;
use super::guard::Asker;
use crate::app::App;

/// Open objects, those that came first into their status first.
pub(super) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Page>, HttpError> {
    let page = app.orders.list(&caller.scope(), &asked.filter()?);
    page.map(Json).map_err(told(asked.language))
}

/// How many objects are in which status, and how many of them are stuck.
pub(super) async fn summary(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Summary>, HttpError> {
    asked.only(&[])?;
    Ok(Json(app.orders.summary(&caller.scope())))
}

/// The story of an order, or of an object of the type that is asked for.
pub(super) async fn order(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
    asked: Parameters,
) -> Result<Json<Story>, HttpError> {
    asked.only(&["type", "lines"])?;
    story(&app, &caller, asked.text("type").unwrap_or("order"), &id, &asked).await
}

/// The same at an address that no other answer has, whatever the object is called.
pub(super) async fn object(
    State(app): State<App>,
    Asker(caller): Asker,
    Path((object, id)): Path<(String, String)>,
    asked: Parameters,
) -> Result<Json<Story>, HttpError> {
    asked.only(&["lines"])?;
    story(&app, &caller, &object, &id, &asked).await
}

/// One object's path over the services, with the lines behind it that the caller may see.
async fn story(
    app: &App,
    caller: &auth::Caller,
    object: &str,
    id: &str,
    asked: &Parameters,
) -> Result<Json<Story>, HttpError> {
    let wanted = asked.choice("lines", &[("true", true), ("false", false)])?.unwrap_or(true);
    let options = StoryOptions { lines: wanted && caller.may(auth::Permission::Read) };
    let story = app.orders.story(&caller.scope(), object, id, options).await;
    story.map(Json).map_err(told(asked.language))
}

/// Background work, for people and programs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Jobs {
    /// What runs, then what ended last.
    pub(crate) jobs: Vec<Job>,
}

/// A piece of background work.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) table: String,
    pub(crate) subject: String,
    pub(crate) state: String,
    pub(crate) done: u64,
    pub(crate) total: u64,
    pub(crate) started: String,
    pub(crate) ended: Option<String>,
    pub(crate) reason: Option<String>,
}

/// Jobs on rows of the caller's tenant, and on whole tables.
pub(super) async fn jobs(State(app): State<App>, Asker(caller): Asker) -> Json<Jobs> {
    let jobs = app.storage.jobs().into_iter();
    let own = jobs.filter(|job| job.tenant.as_ref().is_none_or(|tenant| tenant == caller.tenant()));
    let time = |time: logline::Timestamp| jiff::Timestamp::from(time).to_string();
    let shown = |job: storage::Job| Job {
        id: job.id,
        kind: job.kind.name().to_owned(),
        table: job.table.to_owned(),
        subject: job.subject,
        state: job.state.name().to_owned(),
        done: job.done,
        total: job.total,
        started: time(job.started),
        ended: job.ended.map(time),
        reason: job.reason,
    };
    Json(Jobs { jobs: app.orders.reading().map(reading).into_iter().chain(own.map(shown)).collect() })
}

/// The reading of all kept events: a changed status graph holds for all orders once it is done.
fn reading(reading: orders::Reading) -> Job {
    let time = |time: logline::Timestamp| jiff::Timestamp::from(time).to_string();
    Job {
        id: 0,
        kind: "read".to_owned(),
        table: "order_events".to_owned(),
        subject: "state of orders".to_owned(),
        state: if reading.ended.is_some() { "done" } else { "running" }.to_owned(),
        done: reading.done,
        total: reading.total,
        started: time(reading.started),
        ended: reading.ended.map(time),
        reason: None,
    }
}

/// Has the events of the tenant's objects taken from all kept lines again; the jobs tell how far that is.
pub(super) async fn reread(State(app): State<App>, Asker(caller): Asker) -> Result<StatusCode, HttpError> {
    app.storage.reread(orders::ORDER_EVENTS, caller.tenant()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Tells a running job to stop.
pub(super) async fn cancel_job(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
) -> Result<StatusCode, HttpError> {
    let id = id.parse().map_err(|_| HttpError::bad_request(format!("`{id}` is no number of a job")))?;
    let known = app.storage.jobs().into_iter().find(|job| job.id == id);
    let strange = known.and_then(|job| job.tenant).is_some_and(|tenant| tenant != *caller.tenant());
    if strange {
        return Err(HttpError::new(StatusCode::NOT_FOUND, "no job with this id is running"));
    }
    app.storage.cancel_job(id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The description of this API.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

/// An error of `orders` as an answer, in the asker's language.
fn told(language: Language) -> impl Fn(orders::Error) -> HttpError {
    move |error| match error.kind() {
        orders::Kind::Invalid => HttpError::bad_request(error.text(language)),
        orders::Kind::NotFound => HttpError::new(StatusCode::NOT_FOUND, error.text(language)),
        orders::Kind::Busy { retry_after } => HttpError::busy(error.text(language), retry_after),
        orders::Kind::Unavailable => HttpError::unavailable(&error),
        orders::Kind::Internal => HttpError::internal(&error),
    }
}

#[cfg(test)]
mod tests;
