//! Our own API: orders and their stories, described by OpenAPI.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use orders::{Filter, Page, Story, StoryOptions, Summary};
use serde::Deserialize;

use super::HttpError;
use super::guard::Asker;
use crate::app::App;

/// What to tell of an object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoryQuery {
    /// The object type; `order` if not given.
    #[serde(rename = "type")]
    object: Option<String>,
    /// Whether the lines behind the steps are wanted.
    lines: Option<bool>,
}

/// Open objects, those that came first into their status first.
pub(super) async fn list(
    State(app): State<App>,
    Asker(caller): Asker,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, HttpError> {
    let Query(filter) = filter.map_err(|error| HttpError::bad_request(error.body_text()))?;
    Ok(Json(app.orders.list(&caller.scope(), &filter)?))
}

/// How many objects are in which status, and how many of them are stuck.
pub(super) async fn summary(State(app): State<App>, Asker(caller): Asker) -> Json<Summary> {
    Json(app.orders.summary(&caller.scope()))
}

/// One object's path over the services, with the lines behind it that the caller may see.
pub(super) async fn story(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
    query: Result<Query<StoryQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Story>, HttpError> {
    let Query(query) = query.map_err(|error| HttpError::bad_request(error.body_text()))?;
    let lines = query.lines.unwrap_or(true) && caller.may(auth::Permission::Read);
    let object = query.object.as_deref().unwrap_or("order");
    Ok(Json(app.orders.story(&caller.scope(), object, &id, StoryOptions { lines }).await?))
}

/// The description of this API.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

impl From<orders::Error> for HttpError {
    fn from(error: orders::Error) -> Self {
        match error.kind() {
            orders::Kind::Invalid => Self::bad_request(error.to_string()),
            orders::Kind::NotFound => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            orders::Kind::Busy { retry_after } => Self::busy(error.to_string(), retry_after),
            orders::Kind::Unavailable => Self::unavailable(&error),
            orders::Kind::Internal => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests;
