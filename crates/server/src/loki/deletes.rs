//! Loki's API for deleting lines. Parameters stand in the URL, also of a POST.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, StatusCode};
use logline::Timestamp;
use serde_json::{Value, json};
use storage::{Delete, DeleteState, TimeRange};

use crate::app::App;
use crate::http::{Asker, Form, HttpError};

/// Where the answer names the request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-delete-request-id");

/// Hides lines from every reader at once; they are written out of the files after the time to cancel.
pub(crate) async fn delete(
    State(app): State<App>,
    Asker(caller): Asker,
    RawQuery(url): RawQuery,
) -> Result<(StatusCode, [(HeaderName, String); 1]), HttpError> {
    let form = Form::of(url.as_deref().unwrap_or_default());
    let query = required(&form, "query")?;
    let range = range(&form, app.now())?;
    if let Some(text) = form.get("max_interval") {
        // Pieces are a matter of how Loki works; here a request is one whatever its length.
        stdx::parse_duration(text).ok_or_else(|| invalid("max_interval", text))?;
    }
    let made = app.engine.delete(&caller.scope(), query, range).await?;
    Ok((StatusCode::NO_CONTENT, [(REQUEST_ID, made.id)]))
}

/// The tenant's requests, the oldest first, each with what became of it.
pub(crate) async fn deletes(State(app): State<App>, Asker(caller): Asker) -> Result<Json<Vec<Value>>, HttpError> {
    // The requests of others tell what they looked for, and where.
    if !caller.scope().sight(caller.tenant()).is_everything() {
        return Err(HttpError::forbidden("requests to delete are shown to those who see every service whole"));
    }
    let all = app.storage.deletes(caller.tenant()).await?;
    let kept = all.into_iter().filter(|made| made.state != DeleteState::Cancelled);
    Ok(Json(kept.map(|made| shown(&made)).collect()))
}

/// Takes a request back.
pub(crate) async fn cancel_delete(
    State(app): State<App>,
    Asker(caller): Asker,
    RawQuery(url): RawQuery,
) -> Result<StatusCode, HttpError> {
    let form = Form::of(url.as_deref().unwrap_or_default());
    let id = required(&form, "request_id")?;
    app.storage.cancel_delete(caller.tenant(), id, form.get("force") == Some("true")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Loki's fields, and what it does not tell.
fn shown(made: &Delete) -> Value {
    let status = match (made.state, made.percent) {
        (DeleteState::Rewritten | DeleteState::Gone, _) => "processed".to_owned(),
        (_, Some(percent)) => format!("{percent}% Complete"),
        _ => "received".to_owned(),
    };
    let at = |time: Option<Timestamp>| time.map(seconds);
    json!({
        "request_id": made.id,
        "start_time": seconds(made.range.start),
        "end_time": seconds(made.range.end),
        "query": made.query,
        "status": status,
        "created_at": seconds(made.created),
        "state": made.state,
        "cancel_until": seconds(made.cancel_until),
        "hidden_at": at(made.hidden),
        "rewritten_at": at(made.rewritten),
        "gone_after": at(made.gone_after),
        "gone_at": at(made.gone),
        "rows": made.rows,
        "files_left": made.files_left,
        "backups": made.backups,
    })
}

/// Seconds since the epoch, to the millisecond.
fn seconds(time: Timestamp) -> Value {
    let millis = time.0.div_euclid(1_000_000);
    if millis % 1_000 == 0 {
        return json!(millis / 1_000);
    }
    json!(millis as f64 / 1_000.0)
}

fn range(form: &Form, now: Timestamp) -> Result<TimeRange, HttpError> {
    let start = time("start", required(form, "start")?)?;
    let end = form.get("end").map_or(Ok(now), |text| time("end", text))?;
    if now < start || now < end {
        return Err(HttpError::bad_request("deletes in the future are not allowed"));
    }
    if end < start {
        return Err(HttpError::bad_request("the start of a delete must not be after its end"));
    }
    // Both ends belong to it.
    Ok(TimeRange { start, end: end.after(std::time::Duration::from_nanos(1)) })
}

fn required<'f>(form: &'f Form, name: &str) -> Result<&'f str, HttpError> {
    form.get(name).ok_or_else(|| HttpError::bad_request(format!("the parameter `{name}` is missing")))
}

/// RFC 3339, or whole seconds since the epoch: nanoseconds would be a date far away.
fn time(name: &str, text: &str) -> Result<Timestamp, HttpError> {
    if text.len() <= 10
        && let Ok(seconds) = text.parse::<i64>()
    {
        return Ok(Timestamp(seconds.saturating_mul(1_000_000_000)));
    }
    text.parse::<jiff::Timestamp>().map(Timestamp::from).map_err(|_| invalid(name, text))
}

fn invalid(name: &str, text: &str) -> HttpError {
    HttpError::bad_request(format!(
        "cannot parse the parameter `{name}`: `{text}`; want RFC 3339 or seconds since the epoch"
    ))
}

#[cfg(test)]
mod tests;
