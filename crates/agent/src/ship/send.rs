//! Sends one batch until the server takes it or refuses it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use logline::Timestamp;
use reqwest::header::{AUTHORIZATION, DATE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use stdx::{Backoff, Clock, Rng, Shutdown};
use tracing::{error, info, warn};

use super::concurrency::Concurrency;
use super::pause;
use crate::Error;
use crate::batch::Treatment;
use crate::config::{Auth, Destination, Output, Scheme, Token};
use crate::output::{self, Format, Refusal, Request, Verdict};
use crate::present;
use crate::spool::Record;
use crate::transport::Transport;

const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);
/// How often a server is asked whether what it took is safe, and for how long before it is sent again.
const ASK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long a server may think about what time it is.
const ASK_TIME: Duration = Duration::from_secs(2);
/// Characters of a server's reason that are logged.
const MAX_REASON: usize = 300;
/// Bytes of an answer that are read: a bulk answer has a few hundred for each line.
const MAX_ANSWER: usize = 16 << 20;

/// Sends batches in one format to one server.
#[derive(Debug)]
pub(crate) struct Sender {
    name: String,
    format: Box<dyn Format>,
    transport: Transport,
    auth: Option<Auth>,
    treatment: Arc<Treatment>,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    concurrency: Mutex<Concurrency>,
    under_way: AtomicUsize,
    /// Where to ask for the time, if the server refuses lines from the future.
    tells_time: Option<Url>,
}

/// How a batch was settled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(super) retries: u64,
    /// Lines that the server refused; all of a request that it refused wholly or in some part that it does not tell.
    pub(super) refused_lines: u64,
}

/// What came of one attempt.
struct Attempt {
    verdict: Verdict,
    status: Option<StatusCode>,
    reason: String,
    wait: Option<Duration>,
}

impl Sender {
    pub(crate) fn new(
        output: &Output,
        agent: &str,
        treatment: Arc<Treatment>,
        clock: Arc<dyn Clock>,
        shutdown: Shutdown,
    ) -> Result<Self, Error> {
        let format = output::format(output, agent);
        let max = if format.is_ordered() { 1 } else { output.max_requests };
        Ok(Self {
            name: output.name.clone(),
            format,
            transport: Transport::new(output.clone(), Arc::clone(&clock))?,
            auth: output.auth.clone(),
            treatment,
            clock,
            shutdown,
            concurrency: Mutex::new(Concurrency::new(max)),
            under_way: AtomicUsize::new(0),
            tells_time: matches!(output.kind, Destination::Lapidary | Destination::Loki).then(|| output.url.clone()),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many batches may be under way.
    pub(crate) fn limit(&self) -> usize {
        self.concurrency.lock().unwrap_or_else(PoisonError::into_inner).limit()
    }

    /// Sends until the server takes the batch or refuses it; `None` when a stop was asked for first.
    pub(crate) async fn deliver(&self, record: &Record) -> Option<Outcome> {
        let mut outcome = Outcome::default();
        let batch = record.head.sequence;
        let request = match self.format.encode(record) {
            Ok(request) => request,
            Err(error) => {
                error!(output = self.name, batch, %error, "a batch is passed over");
                let refused_lines = u64::from(record.head.lines);
                return Some(Outcome { refused_lines, ..outcome });
            }
        };
        // More than one only where the server finds a request too large.
        let mut requests = vec![request];
        while let Some(request) = requests.pop() {
            requests.extend(self.send_until_settled(request, batch, &mut outcome).await?);
        }
        Some(outcome)
    }

    /// What is left to be sent instead of the request; `None` when a stop was asked for first.
    async fn send_until_settled(
        &self,
        mut request: Request,
        batch: u64,
        outcome: &mut Outcome,
    ) -> Option<Vec<Request>> {
        let mut backoff = Backoff::new(MIN_WAIT, MAX_WAIT, Rng::from_entropy()).expect("the waits are in order");
        let mut shutdown = self.shutdown.clone();
        // What the server is asked, and until when.
        let mut asking: Option<(Request, Instant)> = None;
        loop {
            asking = asking.filter(|(_, until)| self.clock.instant() < *until);
            let attempt = self.send(asking.as_ref().map_or(&request, |(question, _)| question)).await;
            match attempt.verdict {
                Verdict::Ask { question } => {
                    let until = asking.map_or_else(|| self.clock.instant() + ASK.1, |(_, until)| until);
                    asking = Some((*question, until));
                    if pause(&mut shutdown, ASK.0).await {
                        continue;
                    }
                    return None;
                }
                Verdict::Stored(refused) => {
                    self.note_refusal(&refused, batch, outcome);
                    return Some(Vec::new());
                }
                Verdict::Refused => {
                    if attempt.status == Some(StatusCode::PAYLOAD_TOO_LARGE)
                        && let Some(halves) = request.halves()
                    {
                        return Some(halves.into());
                    }
                    outcome.refused_lines += request.lines;
                    let reason = attempt.reason;
                    error!(output = self.name, batch, reason, "the server refused a batch, or a part of it");
                    return Some(Vec::new());
                }
                Verdict::Rest { request: rest, refused } => {
                    self.note_refusal(&refused, batch, outcome);
                    request = *rest;
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

    /// Counts the lines that the server refused for good, and tells why it did.
    fn note_refusal(&self, refused: &Refusal, batch: u64, outcome: &mut Outcome) {
        let Refusal { lines, reason } = refused;
        outcome.refused_lines += lines;
        if *lines > 0 {
            error!(output = self.name, batch, lines, reason = self.told(reason), "the server refused lines");
        }
    }

    /// One attempt, of which the limit learns.
    async fn send(&self, request: &Request) -> Attempt {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let begun = self.clock.instant();
        let attempt = self.attempt(request).await;
        let now = self.clock.instant();
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        let is_good = matches!(attempt.verdict, Verdict::Stored(_) | Verdict::Ask { .. } | Verdict::Refused);
        let mut concurrency = self.concurrency.lock().unwrap_or_else(PoisonError::into_inner);
        concurrency.answered(now, now.duration_since(begun), under_way, is_good);
        attempt
    }

    async fn attempt(&self, request: &Request) -> Attempt {
        let later = |reason| Attempt { verdict: Verdict::Later, status: None, reason, wait: None };
        let client = self.transport.client();
        let post = client.post(request.url.clone()).headers(request.headers.clone()).body(request.body.clone());
        let post = match self.authorized(post).await {
            Ok(post) => post,
            Err(problem) => return later(problem),
        };
        match post.send().await {
            Ok(response) => self.answer(request, response).await,
            Err(error) => {
                self.transport.doubt();
                later(describe(error))
            }
        }
    }

    async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder, String> {
        let Some(auth) = &self.auth else { return Ok(request) };
        Ok(request.header(AUTHORIZATION, auth.header().await?))
    }

    async fn answer(&self, request: &Request, mut response: Response) -> Attempt {
        let status = response.status();
        self.learn_time(&response);
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header.and_then(|text| text.parse().ok()).map(|s| Duration::from_secs(s).min(MAX_RETRY_AFTER));
        let mut body = Vec::new();
        let verdict = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
                Ok(None) => break self.format.judge(request, status, &body),
                Ok(Some(_)) => break Verdict::of(status),
                // What it would have said of single lines is not known.
                Err(_) if status.is_success() => break Verdict::Later,
                Err(_) => break Verdict::of(status),
            }
        };
        Attempt { verdict, status: Some(status), reason: self.reason(status, &body), wait }
    }

    /// Asks a server that refuses lines from the future what time it is: whatever it answers, its time stands with it.
    pub(crate) async fn ask_time(&self) {
        let Some(url) = &self.tells_time else { return };
        let question = self.transport.client().head(url.clone()).timeout(ASK_TIME);
        let Ok(question) = self.authorized(question).await else { return };
        if let Ok(response) = question.send().await {
            self.learn_time(&response);
        }
    }

    /// Notes the server's time, if it is one that refuses lines from the future.
    fn learn_time(&self, response: &Response) {
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let Some(time) = date.filter(|_| self.tells_time.is_some()).and_then(present::date) else { return };
        let own = Timestamp::from(self.clock.now());
        if let Some(ahead) = self.treatment.present.tell(&self.name, time, own, self.clock.instant()) {
            let ahead_s = ahead.as_secs();
            warn!(output = self.name, ahead_s, "the clock of this host is ahead of the server's, whose time counts");
        }
    }

    fn reason(&self, status: StatusCode, body: &[u8]) -> String {
        let head = body.get(..body.len().min(4 * MAX_REASON)).unwrap_or_default();
        format!("{}: {}", status.as_u16(), self.told(&String::from_utf8_lossy(head)))
    }

    /// What the server said, as it may stand in our own log.
    fn told(&self, text: &str) -> String {
        let head = text.get(..text.floor_char_boundary(4 * MAX_REASON)).unwrap_or_default();
        self.treatment.masker.mask(head.trim()).chars().take(MAX_REASON).collect()
    }
}

impl Auth {
    /// The header's value, marked so that nothing shows it.
    async fn header(&self) -> Result<HeaderValue, String> {
        let token = match &self.token {
            Token::Given(token) => token.reveal().clone(),
            Token::File(path) => {
                let text = tokio::fs::read_to_string(path).await;
                text.map_err(|error| format!("cannot read the token: {error}"))?.trim().to_owned()
            }
        };
        let text = match &self.scheme {
            Scheme::Word(word) => format!("{word} {token}"),
            Scheme::Basic(user) => format!("Basic {}", STANDARD.encode(format!("{user}:{token}"))),
        };
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| "the token has characters that no token has".to_owned())?;
        value.set_sensitive(true);
        Ok(value)
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
