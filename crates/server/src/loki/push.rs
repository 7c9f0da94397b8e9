//! The push routes: who and for which tenant is known, the rest is `ingest`'s.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use ingest::loki::{Push, Version, push};

use crate::app::App;
use crate::http::Asker;

pub(crate) async fn push_v1(State(app): State<App>, asker: Asker, request: Request) -> Response {
    take(&app, asker, request, Version::V1).await
}

pub(crate) async fn push_legacy(State(app): State<App>, asker: Asker, request: Request) -> Response {
    take(&app, asker, request, Version::V0).await
}

async fn take(app: &App, Asker(caller): Asker, request: Request, version: Version) -> Response {
    let (parts, body) = request.into_parts();
    let tenant = caller.tenant().clone();
    let reply = push(&app.endpoint, &app.ingest_limits, Push { tenant, version, headers: parts.headers, body }).await;
    if let Some(detail) = &reply.detail {
        tracing::error!(status = reply.status.as_u16(), detail, "push failed");
    }
    reply.into_response()
}
