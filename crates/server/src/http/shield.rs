//! What protects those who come with a browser: headers on every answer, and no requests in the name of other sites.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{HttpError, Peer};

/// Settings of the protection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shield(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The header `Strict-Transport-Security`, for connections with TLS.
    strict: Option<HeaderValue>,
    /// A proxy in front ends TLS.
    terminated: bool,
    /// Whose `X-Forwarded-For` is believed.
    proxies: Vec<IpAddr>,
}

/// What answers have that say nothing else: no page may be made of them or frame them, nobody keeps them.
const ALWAYS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (header::CACHE_CONTROL, "no-store"),
];

impl Shield {
    /// `hsts` is how long browsers use nothing but TLS, zero for no such promise; `terminated` says that a proxy ends
    /// TLS; the `X-Forwarded-For` of `proxies` is believed.
    pub(crate) fn new(hsts: Duration, terminated: bool, proxies: Vec<IpAddr>) -> Self {
        let strict = (!hsts.is_zero()).then(|| format!("max-age={}", hsts.as_secs()));
        let strict = strict.and_then(|value| HeaderValue::try_from(value).ok());
        Self(Arc::new(Inner { strict, terminated, proxies }))
    }

    /// Whether what is sent to this peer goes over TLS all the way.
    pub(crate) fn is_secure(&self, peer: Option<&Peer>) -> bool {
        self.0.terminated || peer.is_some_and(Peer::is_secure)
    }

    /// Who really asks: behind proxies that are believed, the nearest address that is none of them.
    pub(crate) fn client(&self, peer: &Peer, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.address();
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let mut named: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        while self.0.proxies.contains(&client) {
            let Some(before) = named.pop().and_then(|name| name.parse::<IpAddr>().ok()) else { break };
            client = before.to_canonical();
        }
        client
    }
}

/// Stands around everything.
pub(super) async fn shield(State(shield): State<Shield>, request: Request, next: Next) -> Response {
    let secure = shield.is_secure(request.extensions().get::<Peer>());
    let mut response = match of_own_site(&request) {
        true => next.run(request).await,
        false => HttpError::forbidden("a page of another site may not do this in your name").into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(strict) = shield.0.strict.as_ref().filter(|_| secure) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, strict.clone());
    }
    response
}

/// Whether nobody but the asker themselves can have sent this. A browser adds cookies to requests that other sites make,
/// but tells whose page it was; what brings a bearer token is nobody else's doing. Name and password (`Basic`) are: they
/// may stand in an address that a page of another site opens.
fn of_own_site(request: &Request) -> bool {
    let headers = request.headers();
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let changes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let has_token = text("authorization").is_some_and(|shown| !shown.to_ascii_lowercase().starts_with("basic "));
    if !(changes || headers.contains_key(header::UPGRADE)) || has_token {
        return true;
    }
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text("origin") {
        Some(origin) => origin.split_once("://").map(|(_, site)| site) == text("host"),
        // Programs that are no browsers send neither, nor do they send our cookies.
        None => !headers.contains_key(header::COOKIE),
    }
}

#[cfg(test)]
mod tests;
