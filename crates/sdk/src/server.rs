//! The tower layer of a service: REQ and RESP of every request it answers.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use logline::Direction;
use tower::{Layer, Service};

use crate::call::{Half, Head, REQUEST_ID, taken_over};
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
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, layer: self.clone() }
    }
}

/// A service whose requests are logged; made by [`ServerLayer`].
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    layer: ServerLayer,
}

impl<S, B, R> Service<Request<B>> for Server<S>
where
    S: Service<Request<Captured<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: fmt::Display + Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: fmt::Display,
{
    type Response = Response<Captured<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let call = Call::new(self.layer.log.clone(), self.layer.head(&parts));
        call.note(Half::Request, |message| message.set_headers(&parts.headers, &self.layer.log));
        let open = OpenCall::new(call.clone());
        parts.extensions.insert(call.clone());
        let request = Request::from_parts(parts, Captured::request(body, call));
        // The service that was ready is the one to call; its clone may not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move { answer(open, async move { inner.call(request).await }).await })
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

/// Waits for the answer within the call, and hands the call on to the response's body, whose end is its end.
pub(crate) async fn answer<R, E>(
    open: OpenCall,
    work: impl Future<Output = Result<Response<R>, E>>,
) -> Result<Response<Captured<R>>, E>
where
    R: Body<Data = Bytes>,
    E: fmt::Display,
{
    let call = open.call().clone();
    let result = open.scope(written_in_time(&call, work)).await;
    match result {
        Ok(response) => {
            call.set_http_status(response.status().as_u16());
            call.note(Half::Response, |message| message.set_headers(response.headers(), call.log()));
            Ok(response.map(|body| Captured::response(body, open)))
        }
        Err(error) => {
            open.failed(&error);
            Err(error)
        }
    }
}

/// A handler that names no order for long shall not hide its REQ line.
async fn written_in_time<F: Future>(call: &Call, work: F) -> F::Output {
    let mut work = pin!(work);
    match tokio::time::timeout(call.log().settings().patience, work.as_mut()).await {
        Ok(output) => output,
        Err(_) => {
            call.write_request();
            work.await
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
