//! The agent's own small HTTP server: `/metrics` and `/ready`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use stdx::{Clock, Shutdown};
use tracing::{info, warn};

use crate::Error;
use crate::cursor::Progress;
use crate::report::{Report, Waiting};
use crate::spool::Spool;
use crate::store::Store;

/// What the answers are made of.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) store: Arc<Store>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) outputs: BTreeMap<String, Arc<Mutex<Progress>>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: Shutdown,
}

/// A socket that is bound, and what to answer on it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: std::net::TcpListener,
    shown: Shown,
}

impl Shown {
    fn report(&self) -> Report {
        let progress = |shown: &Arc<Mutex<Progress>>| *shown.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = self.outputs.iter().map(|(name, shown)| (name.clone(), progress(shown))).collect();
        let fill = self.spool.fill();
        let waiting = Waiting { bytes: fill.bytes, segments: fill.segments as u64, last: fill.last };
        let state = self.store.with(|state| state.clone());
        Report::new(&state, outputs, waiting, self.clock.now())
    }
}

impl Listener {
    pub(crate) fn bind(address: SocketAddr, shown: Shown) -> Result<Self, Error> {
        let failed = |reason| Error::Listen { address, reason };
        let socket = std::net::TcpListener::bind(address).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        info!(address = %socket.local_addr().map_err(failed)?, "metrics");
        Ok(Self { socket, shown })
    }

    /// Serves until a stop is asked for.
    pub(crate) async fn run(self) {
        let mut shutdown = self.shown.shutdown.clone();
        let app = Router::new().route("/metrics", get(metrics)).route("/ready", get(ready)).with_state(self.shown);
        let served = match tokio::net::TcpListener::from_std(self.socket) {
            Ok(socket) => axum::serve(socket, app).with_graceful_shutdown(async move { shutdown.wait().await }).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            warn!(%error, "metrics are not served any more");
        }
    }
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    // Looks at every file once.
    match tokio::task::spawn_blocking(move || shown.report().metrics()).await {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State(shown): State<Shown>) -> impl IntoResponse {
    if shown.shutdown.is_asked() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
