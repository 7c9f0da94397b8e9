//! A service or client whose requests are logged: what both tower layers put around what is inside.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use crate::call::Half;
use crate::{Call, Captured, OpenCall};

/// A service whose requests are logged; made by [`crate::ServerLayer`] and [`crate::ClientLayer`].
#[derive(Clone, Debug)]
pub struct Logged<S, L> {
    inner: S,
    layer: L,
}

impl<S, L> Logged<S, L> {
    pub(crate) const fn new(inner: S, layer: L) -> Self {
        Self { inner, layer }
    }
}

/// Which side of a request is logged.
pub(crate) trait Side {
    /// Opens the call of a request, and readies the request for what is inside.
    fn begin<B: Body>(&self, request: Request<B>) -> (OpenCall, Request<Captured<B>>);
}

impl<S, L, B, R> Service<Request<B>> for Logged<S, L>
where
    S: Service<Request<Captured<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: fmt::Display + Send,
    L: Side,
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
        let (open, request) = self.layer.begin(request);
        // The service that was ready is the one to call; its clone may not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move { answer(open, async move { inner.call(request).await }).await })
    }
}

/// Waits for the answer within the call, and hands the call on to the response's body, whose end is its end.
async fn answer<R, E>(
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
