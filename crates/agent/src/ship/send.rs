//! Sends one batch until the server takes it or refuses it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use stdx::{Backoff, Rng, Shutdown};
use tracing::{error, info, warn};

use super::pause;
use crate::batch::Treatment;
use crate::config::Token;
use crate::output::{Format, Request, Verdict};
use crate::spool::Record;

const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);
/// Characters of a server's reason that are logged.
const MAX_REASON: usize = 300;
/// Bytes of an answer that are read: a bulk answer has a few hundred for each line.
const MAX_ANSWER: usize = 16 << 20;

/// Sends batches in one format to one server.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) name: String,
    pub(crate) format: Box<dyn Format>,
    pub(crate) client: Client,
    pub(crate) token: Option<Token>,
    pub(crate) treatment: Arc<Treatment>,
    pub(crate) shutdown: Shutdown,
}

/// How a batch was settled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(super) retries: u64,
    /// The server refused it, or a part of it.
    pub(super) is_refused: bool,
    pub(super) refused_lines: u64,
}

/// What came of one attempt.
struct Attempt {
    verdict: Verdict,
    reason: String,
    wait: Option<Duration>,
}

impl Sender {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many batches may be under way.
    pub(crate) fn limit(&self) -> usize {
        if self.format.is_ordered() { 1 } else { 4 }
    }

    /// Sends until the server takes the batch or refuses it; `None` when a stop was asked for first.
    pub(crate) async fn deliver(&self, record: &Record) -> Option<Outcome> {
        let mut outcome = Outcome::default();
        let requests = match self.format.encode(record) {
            Ok(requests) => requests,
            Err(error) => {
                error!(output = self.name, batch = record.head.sequence, %error, "a batch is passed over");
                let refused_lines = u64::from(record.head.lines);
                return Some(Outcome { is_refused: true, refused_lines, ..outcome });
            }
        };
        for request in requests {
            self.send_until_settled(request, record.head.sequence, &mut outcome).await?;
        }
        Some(outcome)
    }

    async fn send_until_settled(&self, mut request: Request, batch: u64, outcome: &mut Outcome) -> Option<()> {
        let mut backoff = Backoff::new(MIN_WAIT, MAX_WAIT, Rng::from_entropy()).expect("the waits are in order");
        let mut shutdown = self.shutdown.clone();
        loop {
            let attempt = self.send(&request).await;
            match attempt.verdict {
                Verdict::Stored { refused_lines: 0 } => return Some(()),
                Verdict::Stored { refused_lines } => {
                    outcome.refused_lines += refused_lines;
                    error!(output = self.name, batch, lines = refused_lines, "the server refused lines");
                    return Some(());
                }
                Verdict::Refused => {
                    outcome.is_refused = true;
                    let reason = attempt.reason;
                    error!(output = self.name, batch, reason, "the server refused a batch, or a part of it");
                    return Some(());
                }
                Verdict::Rest { request: rest, refused_lines } => {
                    outcome.refused_lines += refused_lines;
                    request = rest;
                }
                Verdict::Later => {}
            }
            outcome.retries += 1;
            let wait = attempt.wait.unwrap_or_else(|| backoff.next_wait());
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            warn!(output = self.name, batch, reason = attempt.reason, wait_ms, "shipping failed");
            if !pause(&mut shutdown, wait).await {
                info!(output = self.name, "stopping; what is not delivered is sent at the next start");
                return None;
            }
        }
    }

    async fn send(&self, request: &Request) -> Attempt {
        let later = |reason| Attempt { verdict: Verdict::Later, reason, wait: None };
        let mut headers = request.headers.clone();
        if let Some(token) = &self.token {
            let value = token.text().await.map(|token| HeaderValue::from_str(&format!("Bearer {token}")));
            match value {
                Ok(Ok(value)) => drop(headers.insert(AUTHORIZATION, value)),
                Ok(Err(_)) => return later("the token has characters that no token has".to_owned()),
                Err(error) => return later(format!("cannot read the token: {error}")),
            }
        }
        let sent = self.client.post(request.url.clone()).headers(headers).body(request.body.clone()).send();
        match sent.await {
            Ok(response) => self.answer(request, response).await,
            Err(error) => later(describe(error)),
        }
    }

    async fn answer(&self, request: &Request, mut response: reqwest::Response) -> Attempt {
        let status = response.status();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header.and_then(|text| text.parse().ok()).map(|s| Duration::from_secs(s).min(MAX_RETRY_AFTER));
        let mut body = Vec::new();
        let mut is_whole = true;
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => {
                    is_whole = false;
                    break;
                }
            }
        }
        let verdict = if is_whole { self.format.judge(request, status, &body) } else { Verdict::of(status) };
        Attempt { verdict, reason: self.reason(status, &body), wait }
    }

    /// What the server said, as it may stand in our own log.
    fn reason(&self, status: StatusCode, body: &[u8]) -> String {
        let head = body.get(..body.len().min(4 * MAX_REASON)).unwrap_or_default();
        let text = String::from_utf8_lossy(head);
        let reason: String = self.treatment.masker.mask(text.trim()).chars().take(MAX_REASON).collect();
        format!("{}: {reason}", status.as_u16())
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
