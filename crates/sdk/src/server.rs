//! The tower layer of a service: REQ and RESP of every request it answers.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Request};
use http_body::Body;
use logline::Direction;
use tower::Layer;

use crate::call::{Half, Head, REQUEST_ID, taken_over};
use crate::logged::{Logged, Side};
use crate::trace::TRACEPARENT;
use crate::{Call, Captured, Log, OpenCall, TraceContext};

/// Finds the route's template in a request, such as `/orders/{id}`.
type RouteOf = Arc<dyn Fn(&Parts) -> Option<String> + Send + Sync>;

/// The route's template as a request extension, for routers that know it. Without one, ids in the path become `{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTemplate(pub String);

/// Logs REQ and RESP of each request. Puts its [`Call`] into the request's extensions and around the handler.
#[derive(Clone)]
pub struct ServerLayer {
    log: Log,
    route_of: RouteOf,
}

impl ServerLayer {
    /// A layer that writes to this log.
    pub fn new(log: Log) -> Self {
        let route_of = |parts: &Parts| parts.extensions.get().map(|RouteTemplate(route)| route.clone());
        Self { log, route_of: Arc::new(route_of) }
    }

    /// Takes the route's template from elsewhere. With axum:
    /// `layer.route(|parts| parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()))`.
    #[must_use]
    pub fn route(self, route_of: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { route_of: Arc::new(route_of), ..self }
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer").field("log", &self.log).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Logged<S, Self>;

    fn layer(&self, inner: S) -> Self::Service {
        Logged::new(inner, self.clone())
    }
}

impl Side for ServerLayer {
    fn begin<B: Body>(&self, request: Request<B>) -> (OpenCall, Request<Captured<B>>) {
        let (mut parts, body) = request.into_parts();
        let call = Call::new(self.log.clone(), self.head(&parts));
        call.note(Half::Request, |message| message.set_headers(&parts.headers, &self.log));
        parts.extensions.insert(call.clone());
        let open = OpenCall::new(call.clone());
        (open, Request::from_parts(parts, Captured::request(body, call)))
    }
}

impl ServerLayer {
    fn head(&self, parts: &Parts) -> Head {
        let path = parts.uri.path();
        let route = (self.route_of)(parts);
        let whole = parts.uri.path_and_query().map_or(path, |whole| whole.as_str());
        let endpoint = format!("{} {}", parts.method, route.as_deref().unwrap_or(whole));
        let caller = header(&parts.headers, TRACEPARENT).and_then(TraceContext::parse);
        Head {
            dir: Direction::In,
            // Without a route the call makes a template, and sets the path itself.
            path: route.filter(|route| route != whole).map(|_| whole.to_owned()),
            endpoint,
            peer: None,
            attempt: None,
            trace: self.log.trace(caller),
            request_id: header(&parts.headers, REQUEST_ID).and_then(taken_over).unwrap_or_else(|| new_id(&self.log)),
            started: self.log.now(),
        }
    }
}

pub(crate) fn new_id(log: &Log) -> String {
    format!("{:016x}", log.random())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests;
