//! Accepts connections within bounds: not more than so many at once, and none whose requests keep it waiting.

mod version;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tls::{Accepted, Greeting};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use self::version::Version;
use super::Peer;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Connections at once; further ones wait to be accepted.
    pub(crate) connections: usize,
    /// How long the headers of a request may take, an idle connection's next one included.
    pub(crate) header: Duration,
    /// How long the body of a request may take.
    pub(crate) body: Duration,
}

/// How long to wait when the system has no more files for connections.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers until `stop` resolves, then lets the running requests end.
pub(crate) async fn serve(
    listener: TcpListener,
    greeting: &Greeting,
    router: Router,
    patience: Patience,
    stop: impl Future<Output = ()>,
) {
    serve_in(Version::one(patience), listener, greeting, router, patience, stop).await;
}

/// The same in HTTP/2 only, as clients of gRPC speak it.
pub(crate) async fn serve_two(
    listener: TcpListener,
    greeting: &Greeting,
    router: Router,
    patience: Patience,
    stop: impl Future<Output = ()>,
) {
    serve_in(Version::two(patience), listener, greeting, router, patience, stop).await;
}

async fn serve_in(
    version: Version,
    listener: TcpListener,
    greeting: &Greeting,
    router: Router,
    patience: Patience,
    stop: impl Future<Output = ()>,
) {
    let (go_on, ending) = watch::channel(());
    let slots = Arc::new(Semaphore::new(patience.connections));
    let (mut open, mut full) = (JoinSet::new(), false);
    let mut stop = pin!(stop);
    loop {
        let was_full = std::mem::replace(&mut full, slots.available_permits() == 0);
        if full && !was_full {
            warn!(limit = patience.connections, "all connections are taken, new ones wait");
        }
        let (stream, address, slot) = tokio::select! {
            () = &mut stop => break,
            Some(_) = open.join_next() => continue,
            next = accept(&listener, &slots) => next,
        };
        let (router, greeting, version) = (router.clone(), greeting.clone(), version.clone());
        let mut ending = ending.clone();
        // A connection that broke has nobody left to tell.
        open.spawn(async move {
            let accepted = tokio::select! {
                accepted = greeting.greet(stream) => accepted,
                _ = ending.changed() => return,
            };
            let Accepted { wire, secure, certificate } = match accepted {
                Ok(accepted) => accepted,
                Err(error) => return debug!(%error, "a handshake came to nothing"),
            };
            let peer = Peer::new(address, secure, certificate.as_deref());
            let service = service_fn(move |request: Request<Incoming>| {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer.clone());
                router.clone().oneshot(request)
            });
            version.speak(wire, service, async { drop(ending.changed().await) }).await;
            drop(slot);
        });
    }
    drop(listener);
    drop(go_on);
    while open.join_next().await.is_some() {}
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Small answers must not wait for more; a connection that is gone already ends by itself.
                drop(stream.set_nodelay(true));
                return (stream, address, slot);
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Why a body ends early.
#[derive(Debug)]
pub(crate) struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body took too long")
    }
}

impl std::error::Error for Late {}

/// A body that ends with [`Late`] when it takes longer than `limit`.
pub(super) fn timely(body: Body, limit: Duration) -> Body {
    if body.is_end_stream() { body } else { Body::new(Timely { body, deadline: Box::pin(sleep(limit)) }) }
}

struct Timely {
    body: Body,
    deadline: Pin<Box<Sleep>>,
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => self.deadline.as_mut().poll(cx).map(|()| Some(Err(axum::Error::new(Late)))),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
