//! A server that takes Loki pushes, answers as it is told, and drops repeats by number as Lapidary does.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ingest::loki::{Context, Version, decode};
use ingest::{BATCH_HEADER, Limits, Masking, parse_batch_id};
use logline::{Stream, Timestamp};
use stdx::{Clock, SystemClock};

/// Listens on loopback until it is dropped.
pub(crate) struct Receiver {
    url: String,
    inner: Arc<Mutex<Inner>>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Inner {
    /// Accepted ones, repeats included.
    requests: Vec<Request>,
    seen: BTreeSet<(u128, u64)>,
    lines: Vec<String>,
    times: Vec<Instant>,
    next: VecDeque<Answer>,
    always: Option<Answer>,
}

/// A push that was stored.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) sequence: u64,
    pub(crate) streams: Vec<Stream>,
    headers: HeaderMap,
}

/// What to answer.
#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    retry_after: Option<u32>,
    silent: bool,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, retry_after: None, silent: false }
    }

    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The batch is stored, and the answer never comes.
    pub(crate) fn stored_but_silent() -> Self {
        Self { silent: true, ..Self::status(204) }
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_on("http", tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// Takes pushes on a listener; its scheme goes into the address.
    pub(crate) fn start_on(scheme: &str, listener: impl axum::serve::Listener<Addr = SocketAddr>) -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let app = Router::new()
            .route("/loki/api/v1/push", axum::routing::post(take))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&inner));
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "ends with the receiver")]
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, inner, server }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Answers one request this way; otherwise, and after that, 204.
    pub(crate) fn answer_next(&self, answer: Answer) {
        self.inner().next.push_back(answer);
    }

    /// Answers every request this way, or with 204 again.
    pub(crate) fn answer_always(&self, answer: Option<Answer>) {
        self.inner().always = answer;
    }

    /// Requests that came, whatever was answered.
    pub(crate) fn attempts(&self) -> usize {
        self.inner().times.len()
    }

    /// When they came.
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.inner().times.clone()
    }

    /// Requests that were stored, repeats included.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.inner().requests.clone()
    }

    /// Lines that were stored, in the order of their coming; repeats are dropped by their number.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.inner().lines.clone()
    }

    pub(crate) async fn wait_for(&self, lines: usize) {
        until(|| self.inner().lines.len() >= lines).await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Waits for something that has to come.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    let deadline = SystemClock.instant() + Duration::from_secs(60);
    while !done() {
        assert!(SystemClock.instant() < deadline, "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn take(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = {
        let mut inner = inner.lock().unwrap();
        inner.times.push(SystemClock.instant());
        inner.next.pop_front().or_else(|| inner.always.clone()).unwrap_or_else(|| Answer::status(204))
    };
    if answer.status < 300 {
        store(&mut inner.lock().unwrap(), headers, &body);
    }
    if answer.silent {
        std::future::pending::<()>().await;
    }
    let status = StatusCode::from_u16(answer.status).unwrap();
    match answer.retry_after {
        Some(seconds) => (status, [("retry-after", seconds.to_string())], "not now").into_response(),
        None => (status, "as told").into_response(),
    }
}

fn store(inner: &mut Inner, headers: HeaderMap, body: &[u8]) {
    let limits = Limits { discover_log_levels: false, discover_service_name: Vec::new(), ..Limits::default() };
    let context = Context { limits: &limits, masking: &Masking::Off, now: Timestamp::from(SystemClock.now()) };
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let decoded = decode(text("content-type"), text("content-encoding"), body, Version::V1, &context).unwrap();
    assert!(decoded.rejected.is_empty(), "{}", decoded.rejected);
    let id = parse_batch_id(headers[BATCH_HEADER].to_str().unwrap()).unwrap();
    if inner.seen.insert((id.agent, id.sequence)) {
        let entries = decoded.streams.iter().flat_map(|stream| &stream.entries);
        inner.lines.extend(entries.map(|entry| entry.line.clone()));
    }
    inner.requests.push(Request { sequence: id.sequence, streams: decoded.streams, headers });
}
