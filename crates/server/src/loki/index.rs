//! How much there is, as Loki's index would tell: statistics and volumes.

use axum::extract::State;
use axum::response::Response;
use query::{Engine, Stats, Volume, VolumeParams};
use serde_json::json;
use storage::TimeRange;

use super::handlers::{body, range, text};
use super::limits::Limited;
use super::{encode, params};
use crate::app::App;
use crate::http::{Asker, Form, HttpError};

/// Counts of a selector: a bare object.
pub(crate) async fn stats(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let found = engine.stats(&caller.scope(), range(&app, &form)?, text(&form)?).await?;
    // Files in which nothing is seen are those of others.
    let chunks = if found.entries == 0 { 0 } else { found.chunks };
    let counts = json!({"streams": found.streams, "chunks": chunks, "bytes": found.bytes, "entries": found.entries});
    Ok(body(encode::text(&counts)))
}

/// Bytes by labels over the whole range.
pub(crate) async fn volume(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let (found, stats) = volumes(&app, &engine, &caller, &form, None).await?;
    Ok(body(encode::vector(&found, &stats)))
}

/// Bytes by labels, a point a step.
pub(crate) async fn volume_range(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let step = params::range(&form, app.now())?.step;
    let (found, stats) = volumes(&app, &engine, &caller, &form, Some(step)).await?;
    Ok(body(encode::matrix(&found, &stats)))
}

async fn volumes(
    app: &App,
    engine: &Engine,
    caller: &auth::Caller,
    form: &Form,
    step: Option<std::time::Duration>,
) -> Result<(Vec<Volume>, Stats), HttpError> {
    let scope = caller.scope();
    let by_label = match form.get("aggregateBy") {
        None | Some("series") => false,
        Some("labels") => true,
        Some(_) => return Err(HttpError::bad_request("invalid aggregation option")),
    };
    let (start, end) = params::bounds(form, app.now())?;
    let labels = form.get("targetLabels").map(|names| names.split(',').map(|name| name.trim().to_owned()).collect());
    let most = engine.limits(&scope).max_volumes;
    let limit = match form.get("limit") {
        Some("0") => params::DEFAULT_LIMIT,
        _ => params::count(form, "limit", params::DEFAULT_LIMIT)?,
    };
    let asked = VolumeParams {
        selector: text(form)?.to_owned(),
        range: TimeRange { start, end },
        step,
        labels: labels.unwrap_or_default(),
        by_label,
        limit: limit.min(most),
    };
    let (found, stats) = engine.volume(&scope, &asked).await?;
    Ok((found, stats.told_to(&scope)))
}
