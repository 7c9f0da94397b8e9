//! Sends batches in order, one at a time, and remembers what is delivered.
//!
//! A batch is written into the state, sent until the server answers, and only then counted as delivered. While the
//! server is away nothing is dropped: the next batch waits, and with it the reading.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ingest::BATCH_HEADER;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use stdx::{Backoff, Rng, Shutdown};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::Error;
use crate::batch::{Prepared, Treatment};
use crate::config::{Output, Token};
use crate::store::Store;

/// Ships batches to one server.
#[derive(Debug)]
pub(crate) struct Shipper {
    client: Client,
    output: Output,
    treatment: Arc<Treatment>,
    store: Arc<Store>,
    /// The agent's id.
    agent: String,
    shutdown: Shutdown,
}

/// What the server said.
enum Answer {
    /// It has the batch.
    Stored,
    /// It does not want the batch, or a part of it, and never will.
    Refused(String),
    /// The same batch may do better later, after this long if the server said so.
    Later(String, Option<Duration>),
}

const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);
/// Characters of a server's reason that are logged.
const MAX_REASON: usize = 300;
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;

impl Shipper {
    pub(crate) fn new(
        output: Output,
        treatment: Arc<Treatment>,
        store: Arc<Store>,
        shutdown: Shutdown,
    ) -> Result<Self, Error> {
        // A redirect would carry logs and token to another place than the one that was configured.
        let client = Client::builder()
            .timeout(output.timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("lapidary-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Client)?;
        let agent = store.with(|state| state.agent.clone());
        Ok(Self { client, output, treatment, store, agent, shutdown })
    }

    /// Ships what comes until the sender is gone, or until a stop is asked for while the server is away.
    pub(crate) async fn run(mut self, mut batches: mpsc::Receiver<Prepared>) {
        let mut next = batches.recv().await;
        while let Some(batch) = next {
            if !self.ship(&batch).await {
                return;
            }
            // The state is written anyway when the next batch begins.
            next = batches.try_recv().ok();
            if next.is_none() {
                if !self.save().await {
                    return;
                }
                next = batches.recv().await;
            }
        }
    }

    /// Whether the batch is settled.
    async fn ship(&mut self, batch: &Prepared) -> bool {
        let sequence = self.store.with(|state| state.begin(batch.sequence, &batch.parts));
        if !batch.body.is_empty() {
            if !self.save().await {
                return false;
            }
            let Some(delivered) = self.deliver(sequence, &batch.body).await else { return false };
            if let Err(reason) = delivered {
                self.store.with(|state| state.totals.refused_batches += 1);
                error!(sequence, reason, "the server refused a batch, or a part of it");
            }
            self.store.with(|state| batch.counts.add_to(&mut state.totals));
        }
        self.store.with(|state| {
            state.commit();
            state.files.retain(|position| !batch.forget.contains(&position.file));
        });
        true
    }

    /// Sends until the server takes the batch or refuses it; `None` when a stop was asked for first.
    async fn deliver(&mut self, sequence: u64, body: &Bytes) -> Option<Result<(), String>> {
        let mut backoff = backoff();
        loop {
            let (reason, wait) = match self.send(sequence, body.clone()).await {
                Answer::Stored => return Some(Ok(())),
                Answer::Refused(reason) => return Some(Err(reason)),
                Answer::Later(reason, wait) => (reason, wait.unwrap_or_else(|| backoff.next_wait())),
            };
            self.store.with(|state| state.totals.retries += 1);
            warn!(sequence, reason, wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), "shipping failed");
            if !self.pause(wait).await {
                return None;
            }
        }
    }

    async fn send(&self, sequence: u64, body: Bytes) -> Answer {
        let id = format!("{}/{sequence}", self.agent);
        let mut request = self.client.post(self.output.url.clone()).body(body);
        request = request.header(CONTENT_TYPE, "application/x-protobuf").header(CONTENT_ENCODING, "snappy");
        request = request.header(BATCH_HEADER, id);
        if let Some(tenant) = &self.output.tenant {
            request = request.header("X-Scope-OrgID", tenant.as_str());
        }
        if let Some(token) = &self.output.token {
            match token.text().await {
                Ok(token) => request = request.header(AUTHORIZATION, format!("Bearer {token}")),
                Err(error) => return Answer::Later(format!("cannot read the token: {error}"), None),
            }
        }
        match request.send().await {
            Ok(response) => self.answer(response).await,
            Err(error) => Answer::Later(describe(error), None),
        }
    }

    async fn answer(&self, mut response: reqwest::Response) -> Answer {
        let status = response.status();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header.and_then(|text| text.parse().ok()).map(|s| Duration::from_secs(s).min(MAX_RETRY_AFTER));
        let mut body = Vec::new();
        // The text only serves the log, so an answer cut off is as good.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                break;
            }
        }
        let text = String::from_utf8_lossy(&body);
        let reason: String = self.treatment.masker.mask(text.trim()).chars().take(MAX_REASON).collect();
        let reason = format!("{}: {reason}", status.as_u16());
        match status {
            status if status.is_success() => Answer::Stored,
            // Settings that are wrong here or there: nothing is lost while somebody puts them right.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => Answer::Later(reason, wait),
            status if status.is_client_error() => Answer::Refused(reason),
            _ => Answer::Later(reason, wait),
        }
    }

    /// Writes the state, again and again until it can be; `false` when a stop was asked for first.
    async fn save(&mut self) -> bool {
        let mut backoff = backoff();
        loop {
            let store = Arc::clone(&self.store);
            match tokio::task::spawn_blocking(move || store.save()).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => error!(%error, "cannot write the state; shipping waits"),
                Err(_) => error!("writing the state panicked; shipping waits"),
            }
            if !self.pause(backoff.next_wait()).await {
                return false;
            }
        }
    }

    /// Waits; `false` when a stop was asked for.
    async fn pause(&mut self, wait: Duration) -> bool {
        if tokio::time::timeout(wait, self.shutdown.wait()).await.is_ok() {
            info!("stopping; what is not delivered is sent at the next start");
            return false;
        }
        true
    }
}

impl Token {
    async fn text(&self) -> std::io::Result<String> {
        match self {
            Self::Given(token) => Ok(token.reveal().clone()),
            Self::File(path) => Ok(tokio::fs::read_to_string(path).await?.trim().to_owned()),
        }
    }
}

/// The chain of causes, without the address, which the settings tell.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.chars().take(MAX_REASON).collect()
}

fn backoff() -> Backoff {
    Backoff::new(MIN_WAIT, MAX_WAIT, Rng::from_entropy()).expect("the shortest wait is below the longest")
}
