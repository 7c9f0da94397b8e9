//! How the server is: readiness, metrics, build, state for the start page.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use orders::DefectCount;
use serde_json::json;

use super::HttpError;
use super::guard::Asker;
use crate::app::App;

/// 200 `ready`, or 503 while the server starts, drains or refuses pushes. What else is in the way stands below `ready`.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if app.is_draining() {
        return HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down").into_response();
    }
    let troubles = app.storage.troubles();
    if let Some(trouble) = troubles.iter().find(|trouble| trouble.affected == storage::Affected::Pushes) {
        let text = format!("pushes are refused: {}; reads go on", trouble.summary);
        return HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    let unwritten = "the audit trail cannot be written: queries and changes are refused once its queue is full\n";
    let unwritten = app.audit.is_failing().then(|| unwritten.to_owned());
    let below = troubles.iter().map(|trouble| match trouble.affected {
        storage::Affected::Pushes | storage::Affected::Clock => format!("{}\n", trouble.summary),
        storage::Affected::Flushes => format!("flushes fail and are tried again: {}\n", trouble.summary),
        storage::Affected::Reads => format!("queries that need some files fail: {}\n", trouble.summary),
        storage::Affected::Bucket => format!("lines of other nodes may be missing: {}\n", trouble.summary),
        storage::Affected::Jobs => format!("background work fails and is tried again: {}\n", trouble.summary),
    });
    std::iter::once("ready\n".to_owned()).chain(below).chain(unwritten).collect::<String>().into_response()
}

/// Prometheus's text format.
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, HttpError> {
    let text = app.metrics.encode(&app).map_err(|error| HttpError::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// State of ingest and storage, for the start page and `lapidary storage`; by service only for those services that the
/// caller may see.
pub(super) async fn status(State(app): State<App>, Asker(caller): Asker) -> Json<serde_json::Value> {
    let totals = app.endpoint.totals();
    let scope = caller.scope();
    let visible = |service: &str| scope.services().contains(service);
    let personal = totals.hits.iter().filter(|(service, ..)| visible(service));
    let personal = personal.map(|(service, rule, count)| json!({"service": service, "rule": rule, "count": count}));
    let own = |found: &DefectCount| found.tenant == *caller.tenant() && visible(&found.service);
    let defects = app.events.defects().into_iter().filter(own);
    let defects =
        defects.map(|found| json!({"service": found.service, "defect": found.defect.name(), "lines": found.lines}));
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": app.uptime().as_secs(),
        "ingest": {
            "pushes": totals.pushes,
            "lines": totals.lines,
            "bytes": totals.bytes,
            "rejected_lines": totals.rejected_lines,
            "personal_data": personal.collect::<Vec<_>>(),
            "defects": defects.collect::<Vec<_>>(),
        },
        "storage": app.storage.status(),
    }))
}

/// What Grafana asks to find out which API it talks to.
pub(super) async fn buildinfo() -> Json<serde_json::Value> {
    Json(json!({
        "version": crate::loki::LOKI_VERSION,
        "revision": "lapidary",
        "branch": "main",
        "buildUser": "lapidary",
        "buildDate": "",
        "goVersion": format!("lapidary {}", env!("CARGO_PKG_VERSION")),
    }))
}

/// Writes what is in memory to files, now.
pub(super) async fn flush(State(app): State<App>) -> Result<StatusCode, HttpError> {
    app.storage.flush().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Loki's list of modules; one program has one.
pub(super) async fn services() -> &'static str {
    "lapidary => Running\n"
}

/// Go's text, since clients know it.
pub(super) async fn not_found() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "404 page not found")
}
