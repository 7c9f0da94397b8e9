//! The push routes: who and for which tenant is known, the rest is `ingest`'s.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use ingest::loki::{Push, Version, push};
use ingest::otlp::{Export, GrpcReply, Manners, export, grpc};

use crate::app::App;
use crate::http::Asker;

/// Most bytes of a refusal that are told on.
const LONGEST_REFUSAL: usize = 64 << 10;

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

/// The same over gRPC.
pub(crate) async fn otlp_grpc(State(app): State<App>, Asker(caller): Asker, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Export { tenant: caller.tenant().clone(), manners: Manners::Grpc, headers: parts.headers, body };
    let reply = grpc(&app.endpoint, app.ingest_limits.of(caller.tenant()), asked).await;
    if let Some(detail) = &reply.detail {
        tracing::error!(detail, "push over gRPC failed");
    }
    reply.into_response()
}

/// Words an answer of what stands before a call, such as a refusal, as gRPC does: with 200, and the status in a header.
pub(crate) async fn in_words_of_grpc(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, LONGEST_REFUSAL).await.unwrap_or_default();
    let after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    GrpcReply::refused(parts.status, text, after.map(Duration::from_secs)).into_response()
}
