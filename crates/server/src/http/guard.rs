//! Stands in front of every route: finds out who asks, whether they may, counts and writes down what was done.

mod visit;

use auth::{AuditSink as _, Caller, Credentials, Denied, Outcome, Permission};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use self::visit::Visit;
use super::connections::timely;
use super::routes::{Access, Route};
use super::{HttpError, Peer};
use crate::app::App;

pub(crate) use self::visit::{Afterwards, Note, Unfinished};

/// Holds the id of the session.
pub(super) const SESSION_COOKIE: &str = "lapidary_session";

/// Whose data is meant; several tenants stand in one header, with `|` between them.
const TENANT: &str = "x-scope-orgid";
/// Whom a trusted program asks for.
const USER: &str = "x-grafana-user";

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
            match visit {
                Some(visit) => visit.end(response),
                None => response,
            }
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
    if app.access.is_open() && !is_of_this_machine(&request) {
        let text = "with `--auth none` this server answers by names of this machine only, such as `localhost`";
        return Err(HttpError::forbidden(text));
    }
    agreed(request.headers())?;
    let needed = route.access.permission(request.method());
    let peer = request.extensions().get::<Peer>().cloned();
    let address = peer.as_ref().map(|peer| app.shield.client(peer, request.headers()));
    let asking = credentials(request.headers(), peer.as_ref());
    let caller = app.access.authenticate(asking).await.inspect_err(|denied| {
        let who = match denied {
            Denied::Tenant { principal } | Denied::Stranger { principal } => principal,
            _ => "unknown",
        };
        app.usage.count(who, &auth::server_wide(), "refused credentials", address, Outcome::Denied);
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

/// Refuses a request that names two different tenants, or two users: whoever stands before the server may have looked at
/// the other one.
fn agreed(headers: &HeaderMap) -> Result<(), HttpError> {
    for name in [TENANT, USER] {
        let mut values = headers.get_all(name).iter();
        let first = values.next();
        if values.any(|value| Some(value) != first) {
            let text = format!("there are several `{name}` headers that differ; send one");
            return Err(HttpError::bad_request(text));
        }
    }
    Ok(())
}

/// Whether this machine is asked by its own name. A page of another site may have the site's name lead here, and would
/// read what everybody here may read.
fn is_of_this_machine(request: &Request) -> bool {
    let of_header = |value: &header::HeaderValue| value.to_str().ok()?.parse::<Authority>().ok();
    let header = request.headers().get(header::HOST);
    match (request.uri().authority(), header) {
        (Some(authority), _) => tls::is_loopback(authority.host()),
        (None, Some(value)) => of_header(value).is_some_and(|authority| tls::is_loopback(authority.host())),
        (None, None) => true,
    }
}

fn credentials<'a>(headers: &'a HeaderMap, peer: Option<&'a Peer>) -> Credentials<'a> {
    // What is there but cannot be read is not passed over: it names nobody.
    let text = |name: &str| headers.get(name).map(|value| std::str::from_utf8(value.as_bytes()).unwrap_or("\u{fffd}"));
    let some = |name: &str| text(name).filter(|text| !text.is_empty());
    Credentials {
        authorization: some(header::AUTHORIZATION.as_str()),
        session: session(headers),
        org_id: some(TENANT),
        user: text(USER),
        certificate: peer.and_then(Peer::certificate),
    }
}

/// The id of the session in the cookies of a request.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == SESSION_COOKIE && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn where_nobody_is_asked_who_they_are_only_names_of_this_machine_are_answered() {
        let asked = |uri: &str, host: Option<&str>| {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(header::HOST, host);
            }
            is_of_this_machine(&request.body(Body::empty()).unwrap())
        };
        for host in ["localhost", "localhost:3100", "127.0.0.1:3100", "127.1.2.3", "[::1]:3100"] {
            assert!(asked("/", Some(host)), "{host}");
            assert!(asked(&format!("http://{host}/"), None), "{host}");
        }
        for host in ["evil.example", "evil.example:3100", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!asked("/", Some(host)), "{host}");
        }
        assert!(!asked("http://evil.example/", Some("localhost")));
        assert!(asked("/", None), "no browser goes without it");
    }

    #[test]
    fn headers_that_contradict_each_other_are_refused() {
        let agree = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, header::HeaderValue::from_static(value));
            }
            agreed(&headers).map_err(|error| error.message().to_owned())
        };
        assert_eq!(agree(&[(TENANT, "a"), (USER, "anna"), (TENANT, "a")]), Ok(()));
        assert_eq!(agree(&[(TENANT, "a|b")]), Ok(()));
        let want = "there are several `x-scope-orgid` headers that differ; send one";
        assert_eq!(agree(&[(TENANT, "a"), (TENANT, "b")]), Err(want.to_owned()));
        assert!(agree(&[(TENANT, "a"), (TENANT, "")]).is_err() && agree(&[(USER, "a"), (USER, "b")]).is_err());
    }

    #[test]
    fn a_user_that_cannot_be_read_is_not_nobody() {
        let user = |bytes: &[u8]| {
            let value = header::HeaderValue::from_bytes(bytes).unwrap();
            let headers = HeaderMap::from_iter([(header::HeaderName::from_static("x-grafana-user"), value)]);
            credentials(&headers, None).user.map(str::to_owned)
        };
        assert_eq!(user("Иван".as_bytes()).as_deref(), Some("Иван"));
        assert_eq!(user(b"\xff").as_deref(), Some("\u{fffd}"));
        assert_eq!(user(b"").as_deref(), Some(""));
        assert_eq!(credentials(&HeaderMap::new(), None).user, None);
    }
}
