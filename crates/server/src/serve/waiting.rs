//! A start without the bucket: the server is there, says what it waits for, and begins its work once the bucket answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use stdx::{Backoff, Rng};
use storage::{Components, Config, Kind, Storage};
use tls::Greeting;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::stop_signal;
use crate::http::{HttpError, Patience, serve};

/// Between two attempts, at least and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// When a sender should come back.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const REASON: &str = "starting: the bucket does not answer, tried again";

/// Where requests come in.
pub(super) struct Entrance<'a> {
    pub(super) listener: TcpListener,
    pub(super) greeting: &'a Greeting,
    pub(super) patience: Patience,
}

/// The address of a listener, for people.
pub(super) fn url(greeting: &Greeting, address: SocketAddr) -> String {
    let scheme = if matches!(greeting, Greeting::Clear) { "http" } else { "https" };
    format!("{scheme}://{address}")
}

/// Opens the data folder. While the bucket of its files does not answer, requests are told to come back; senders keep
/// what they have, since nothing is acknowledged. Gives the listener back.
pub(super) async fn open(
    config: Config,
    components: Components,
    entrance: Entrance<'_>,
) -> Result<(Arc<Storage>, TcpListener)> {
    let Entrance { listener, greeting, patience } = entrance;
    let (in_bucket, opening) = (config.bucket.is_some(), "cannot open the data folder");
    let opened = Storage::open(config.clone(), components.clone()).await;
    let error = match opened {
        Err(error) if in_bucket && error.kind() == Kind::Unavailable => error,
        opened => return Ok((opened.context(opening)?, listener)),
    };
    let address = url(greeting, listener.local_addr().context("the listener has no address")?);
    warn!(%error, "the bucket does not answer; tried again until it does");
    info!(address, "waiting for the bucket");
    // Of the two halves one answers now, and the other for as long as the server lives.
    let listener = listener.into_std()?;
    let now = TcpListener::from_std(listener.try_clone()?)?;
    let retried = async {
        let mut backoff = Backoff::new(PAUSE.0, PAUSE.1, Rng::from_entropy()).context("a pause without end")?;
        loop {
            tokio::time::sleep(backoff.next_wait()).await;
            match Storage::open(config.clone(), components.clone()).await {
                Err(error) if error.kind() == Kind::Unavailable => warn!(%error, "the bucket still does not answer"),
                opened => return opened.context(opening),
            }
        }
    };
    let (opened, answered) = tokio::sync::oneshot::channel::<()>();
    let answers = serve(now, greeting, Router::new().fallback(answer), patience, async { drop(answered.await) });
    let (storage, ()) = tokio::join!(
        async {
            let storage = tokio::select! {
                storage = retried => storage,
                () = stop_signal() => Err(anyhow::anyhow!("stopped while the bucket did not answer")),
            };
            drop(opened);
            storage
        },
        answers
    );
    match storage {
        Ok(storage) => Ok((storage, TcpListener::from_std(listener)?)),
        Err(error) => bail!(error),
    }
}

async fn answer(uri: Uri) -> Response {
    if uri.path() == "/metrics" {
        return "# TYPE lapidary_starting gauge\nlapidary_starting 1\n# EOF\n".into_response();
    }
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, REASON).retry_after(RETRY_AFTER).into_response()
}
