//! How much there is, as Loki's index would tell: statistics and volumes.

use axum::extract::State;
use axum::response::Response;
use query::{Answer, Engine, Volume, VolumeParams};
use serde_json::json;
use storage::TimeRange;

use super::handlers::{costed, range, text};
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
    let query::IndexStats { streams, chunks, bytes, entries } = found.data;
    let counts = json!({"streams": streams, "chunks": chunks, "bytes": bytes, "entries": entries});
    Ok(costed(encode::text(&counts), found.cost))
}

/// Bytes by labels over the whole range.
pub(crate) async fn volume(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let found = volumes(&app, &engine, &caller, &form, None).await?;
    Ok(costed(encode::vector(&found), found.cost))
}

/// Bytes by labels, a point a step.
pub(crate) async fn volume_range(
    State(app): State<App>,
    Asker(caller): Asker,
    Limited(engine): Limited,
    form: Form,
) -> Result<Response, HttpError> {
    let step = params::range(&form, app.now())?.step;
    let found = volumes(&app, &engine, &caller, &form, Some(step)).await?;
    Ok(costed(encode::matrix(&found), found.cost))
}

async fn volumes(
    app: &App,
    engine: &Engine,
    caller: &auth::Caller,
    form: &Form,
    step: Option<std::time::Duration>,
) -> Result<Answer<Vec<Volume>>, HttpError> {
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
    Ok(engine.volume(&scope, &asked).await?)
}
