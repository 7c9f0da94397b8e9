//! Stands in front of every route: finds out who asks, whether they may, counts and writes down what was done.

mod visit;

use auth::{AuditSink as _, Caller, Credentials, Denied, Outcome, Permission};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use logline::Tenant;

use self::visit::Visit;
use super::connections::timely;
use super::routes::{Access, Route};
use super::{HttpError, Peer};
use crate::app::App;

pub(crate) use self::visit::Note;

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
        Ok((request, visit)) => {
            let response = next.run(request).await;
            if let Some(visit) = visit {
                visit.end(&response);
            }
            response
        }
        Err(error) => error.into_response(),
    };
    app.metrics.observe(route.path, &method, response.status(), app.clock.instant() - begun);
    response
}

async fn admit(app: &App, route: &'static Route, mut request: Request) -> Result<(Request, Option<Visit>), HttpError> {
    if route.access == Access::Open {
        return Ok((request, None));
    }
    let needed = route.access.permission(request.method());
    let peer = request.extensions().get::<Peer>().cloned();
    let address = peer.as_ref().map(|peer| app.shield.client(peer, request.headers()));
    let asking = credentials(request.headers(), peer.as_ref());
    let caller = app.access.authenticate(asking).await.inspect_err(|denied| {
        let who = match denied {
            Denied::Tenant { principal } | Denied::Stranger { principal } => principal,
            _ => "unknown",
        };
        app.usage.count(who, &Tenant::default(), "refused credentials", address, Outcome::Denied);
    })?;
    let visit = Visit::new(app, route, &caller, &request, address);
    if let Err(denied) = needed.map_or(Ok(()), |permission| caller.require(permission)) {
        visit.refused();
        return Err(denied.into());
    }
    if route.audit && !app.audit.is_ready() {
        visit.refused();
        let text = "the audit trail cannot be written, so nothing is done that must stand in it; try again";
        return Err(HttpError::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    // Reads are over all tenants that are named; everything else is about one.
    if needed != Some(Permission::Read)
        && let Err(denied) = caller.require_one_tenant()
    {
        visit.refused();
        return Err(denied.into());
    }
    request.extensions_mut().insert(visit.note());
    request.extensions_mut().insert(Asker(caller));
    Ok((request, Some(visit)))
}

fn credentials<'a>(headers: &'a HeaderMap, peer: Option<&'a Peer>) -> Credentials<'a> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    Credentials {
        authorization: text(header::AUTHORIZATION.as_str()),
        session: session(headers),
        org_id: text("x-scope-orgid"),
        user: text("x-grafana-user"),
        certificate: peer.and_then(Peer::certificate),
    }
}

/// The id of the session in the cookies of a request.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == SESSION_COOKIE && !value.is_empty()).map(|(_, value)| value)
}
