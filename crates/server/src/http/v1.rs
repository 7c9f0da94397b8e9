//! Our own API: orders and their stories, described by OpenAPI.

mod params;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use orders::{Page, Story, StoryOptions, Summary};
use stdx::Language;

use self::params::Parameters;
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

/// One object's path over the services, with the lines behind it that the caller may see.
pub(super) async fn story(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
    asked: Parameters,
) -> Result<Json<Story>, HttpError> {
    asked.only(&["type", "lines"])?;
    let wanted = asked.choice("lines", &[("true", true), ("false", false)])?.unwrap_or(true);
    let options = StoryOptions { lines: wanted && caller.may(auth::Permission::Read) };
    let object = asked.text("type").unwrap_or("order");
    let story = app.orders.story(&caller.scope(), object, &id, options).await;
    story.map(Json).map_err(told(asked.language))
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
