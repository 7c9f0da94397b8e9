//! The versions of HTTP that connections speak: 1.1 for all, 2 where gRPC is taken.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use super::Patience;

/// The longest head of a request: its first line and all its headers. More is answered with 431.
const MAX_HEAD_BYTES: usize = 128 << 10;
/// The most headers of a request.
const MAX_HEADERS: usize = 100;
/// In HTTP/2: the longest list of headers.
const MAX_HEADER_LIST_BYTES: u32 = 16 << 10;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 32;
/// Bytes of bodies on their way, of one request and of one connection of HTTP/2.
const WINDOWS: (u32, u32) = (256 << 10, 1 << 20);
/// How long the other side of an HTTP/2 connection may take to say that it is still there.
const STILL_THERE: Duration = Duration::from_secs(20);

/// How a connection speaks.
#[derive(Clone, Debug)]
pub(super) enum Version {
    One(http1::Builder),
    Two(http2::Builder<TokioExecutor>, Patience),
}

impl Version {
    pub(super) fn one(patience: Patience) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(patience.header);
        http.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
        Self::One(http)
    }

    pub(super) fn two(patience: Patience) -> Self {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(MAX_HEADER_LIST_BYTES);
        http.initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1);
        http.keep_alive_interval(patience.header).keep_alive_timeout(STILL_THERE);
        Self::Two(http, patience)
    }

    /// Answers requests until the other side is gone; from `ending` on no new ones. Errors are the other side's.
    pub(super) async fn speak<I, S>(self, wire: I, service: S, ending: impl Future<Output = ()>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static>,
    {
        let wire = TokioIo::new(wire);
        match self {
            Self::One(http) => {
                let mut connection = pin!(http.serve_connection(wire, service).with_upgrades());
                tokio::select! {
                    done = &mut connection => return drop(done),
                    () = ending => connection.as_mut().graceful_shutdown(),
                }
                drop(connection.await);
            }
            Self::Two(http, patience) => {
                let has_asked = Arc::new(AtomicBool::new(false));
                let service = Asked { service, has_asked: Arc::clone(&has_asked) };
                let mut connection = pin!(http.serve_connection(wire, service));
                // One that says nothing holds no place; one that has asked before may be silent as long as it is there.
                let silent = async {
                    sleep(patience.header).await;
                    if has_asked.load(Ordering::Relaxed) {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    done = &mut connection => return drop(done),
                    () = silent => return,
                    () = ending => connection.as_mut().graceful_shutdown(),
                }
                drop(connection.await);
            }
        }
    }
}

/// Notes that something was asked.
struct Asked<S> {
    service: S,
    has_asked: Arc<AtomicBool>,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for Asked<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        self.has_asked.store(true, Ordering::Relaxed);
        self.service.call(request)
    }
}
