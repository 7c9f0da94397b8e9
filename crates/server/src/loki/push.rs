//! The push routes: who and for which tenant is known, the rest is `ingest`'s.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use ingest::loki::{Push, Version, push};
use ingest::otlp::{Export, Manners, export};

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
    let limits = app.ingest_limits.of(&tenant);
    let reply =
        push(&app.endpoint, limits, Push { tenant: tenant.clone(), version, headers: parts.headers, body }).await;
    if let Some(detail) = &reply.detail {
        tracing::error!(status = reply.status.as_u16(), detail, "push failed");
    }
    reply.into_response()
}

/// OpenTelemetry's logs, answered as Loki answers.
pub(crate) async fn otlp(State(app): State<App>, asker: Asker, request: Request) -> Response {
    take_export(&app, asker, request, Manners::Loki).await
}

/// OpenTelemetry's logs at the path and with the answers of the specification.
pub(crate) async fn otlp_standard(State(app): State<App>, asker: Asker, request: Request) -> Response {
    take_export(&app, asker, request, Manners::Standard).await
}

async fn take_export(app: &App, Asker(caller): Asker, request: Request, manners: Manners) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Export { tenant: caller.tenant().clone(), manners, headers: parts.headers, body };
    let limits = app.ingest_limits.of(caller.tenant());
    let reply = export(&app.endpoint, limits, asked).await;
    if let Some(detail) = &reply.detail {
        tracing::error!(status = reply.status.as_u16(), detail, "push failed");
    }
    reply.into_response()
}
