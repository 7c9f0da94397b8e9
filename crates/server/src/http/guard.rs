//! Stands in front of every route: finds out who asks, whether they may, counts and writes down what was done.

use auth::{AuditEvent, Caller, Credentials, Outcome, Permission};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::HttpError;
use super::connections::timely;
use super::routes::{Access, Route};
use crate::app::App;

/// The caller of a guarded route, as a handler's argument.
#[derive(Clone, Debug)]
pub(crate) struct Asker(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| HttpError::internal(&"a handler behind no guard asks for its caller"))
    }
}

/// Lets a request through to its handler, or not.
pub(super) async fn guard(State((app, route)): State<(App, &'static Route)>, request: Request, next: Next) -> Response {
    let begun = app.clock.instant();
    let method = request.method().clone();
    // A push has a deadline of its own, and an answer to match.
    let request = match route.access {
        Access::Needs(Permission::Push) => request,
        Access::Needs(_) | Access::Open => request.map(|body| timely(body, app.body_timeout)),
    };
    let response = match admit(&app, route, request) {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    app.metrics.observe(route.path, &method, response.status(), app.clock.instant() - begun);
    response
}

fn admit(app: &App, route: &'static Route, mut request: Request) -> Result<Request, HttpError> {
    let Access::Needs(permission) = route.access else { return Ok(request) };
    let caller = app.authenticator.authenticate(credentials(request.headers()))?;
    let permitted = caller.require(permission);
    record(app, route, &caller, if permitted.is_ok() { Outcome::Allowed } else { Outcome::Denied });
    permitted?;
    // Reads are over all tenants that are named; everything else is about one.
    if permission != Permission::Read {
        caller.require_one_tenant()?;
    }
    request.extensions_mut().insert(Asker(caller));
    Ok(request)
}

fn record(app: &App, route: &'static Route, caller: &Caller, outcome: Outcome) {
    if !route.audit && outcome == Outcome::Allowed {
        return;
    }
    app.audit.record(AuditEvent {
        principal: caller.principal().to_owned(),
        tenant: caller.tenant().clone(),
        action: route.name,
        detail: route.path.to_owned(),
        outcome,
    });
}

fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Credentials {
        authorization: text(header::AUTHORIZATION.as_str()),
        org_id: text("x-scope-orgid").filter(|id| !id.is_empty()),
    }
}
