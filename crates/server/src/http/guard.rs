//! Stands in front of every route: finds out who asks, whether they may, counts and writes down what was done.

use auth::{AuditEvent, Caller, Credentials, Outcome, Permission};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::HttpError;
use super::connections::timely;
use super::routes::{Access, Route};
use super::websocket::is_from_another_site;
use crate::app::App;

/// Holds the id of the session.
pub(super) const SESSION_COOKIE: &str = "lapidary_session";

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
        Access::Needs(_) | Access::ByMethod(..) | Access::Caller | Access::Open => {
            request.map(|body| timely(body, app.body_timeout))
        }
    };
    let response = match admit(&app, route, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    app.metrics.observe(route.path, &method, response.status(), app.clock.instant() - begun);
    response
}

async fn admit(app: &App, route: &'static Route, mut request: Request) -> Result<Request, HttpError> {
    if route.access == Access::Open {
        return Ok(request);
    }
    let needed = route.access.permission(request.method());
    let caller = app.access.authenticate(credentials(request.headers())).await?;
    let permitted = needed.map_or(Ok(()), |permission| caller.require(permission));
    record(app, route, &caller, if permitted.is_ok() { Outcome::Allowed } else { Outcome::Denied });
    permitted?;
    // A browser sends the cookie whoever made it ask; only pages of ours may make it change something.
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && caller.session().is_some() && is_from_elsewhere(request.headers()) {
        return Err(HttpError::forbidden("a page of another site may not do this in your name"));
    }
    // Reads are over all tenants that are named; everything else is about one.
    if needed != Some(Permission::Read) {
        caller.require_one_tenant()?;
    }
    request.extensions_mut().insert(Asker(caller));
    Ok(request)
}

/// Whether the browser says that a page of another site asks. One that says nothing is no browser of this decade.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    is_from_another_site(headers) || site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
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
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    Credentials {
        authorization: text(header::AUTHORIZATION.as_str()),
        session: session(headers),
        org_id: text("x-scope-orgid"),
        user: text("x-grafana-user"),
    }
}

/// The id of the session in the cookies of a request.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == SESSION_COOKIE && !value.is_empty()).map(|(_, value)| value)
}
