//! The tower layer around an HTTP client: REQ and RESP of every call to another service.

use http::Request;
use http_body::Body;
use tower::Layer;

use crate::call::Half;
use crate::logged::{Logged, Side};
use crate::{Captured, Log, OpenCall, OrderContext, RouteTemplate};

/// Which attempt this request is, as a request extension: 1, the default, is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt(pub u32);

/// Logs REQ and RESP of each request that is sent to `peer`, and carries trace and request id there.
///
/// Trace, order and objects are those of the [current call](crate::Call::current); an [`OrderContext`], a
/// [`RouteTemplate`] and an [`Attempt`] may stand in the request's extensions.
#[derive(Clone, Debug)]
pub struct ClientLayer {
    log: Log,
    peer: String,
}

impl ClientLayer {
    /// A layer for calls to `peer`, the name of the other service.
    pub fn new(log: Log, peer: impl Into<String>) -> Self {
        Self { log, peer: peer.into() }
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Logged<S, Self>;

    fn layer(&self, inner: S) -> Self::Service {
        Logged::new(inner, self.clone())
    }
}

impl Side for ClientLayer {
    fn begin<B: Body>(&self, mut request: Request<B>) -> (OpenCall, Request<Captured<B>>) {
        let open = self.open(&request);
        open.call().carry_into(request.headers_mut());
        let call = open.call().clone();
        (open, request.map(|body| Captured::request(body, call)))
    }
}

impl ClientLayer {
    fn open<B>(&self, request: &Request<B>) -> OpenCall {
        let extensions = request.extensions();
        let whole = request.uri().path_and_query().map_or("/", |whole| whole.as_str());
        let route = extensions.get().map(|RouteTemplate(route)| route.as_str());
        let endpoint = format!("{} {}", request.method(), route.unwrap_or(whole));
        let mut builder = self.log.call(&self.peer, &endpoint);
        if let Some(Attempt(attempt)) = extensions.get() {
            builder = builder.attempt(*attempt);
        }
        if let Some(order) = extensions.get::<OrderContext>() {
            builder = builder.order(order);
        }
        if route.is_some_and(|route| route != whole) {
            builder = builder.path(whole);
        }
        let open = builder.open();
        open.call().note(Half::Request, |message| message.set_headers(request.headers(), &self.log));
        open
    }
}

#[cfg(test)]
mod tests;
