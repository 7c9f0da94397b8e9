//! Lines as they come in, over a WebSocket: first the newest stored ones, then live.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth::Cost;
use axum::extract::{Request, State};
use axum::response::Response;
use futures::{SinkExt as _, StreamExt as _};
use logline::Labels;
use query::{Data, Direction, LogEntry, LogStream, Params, Tail};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::encode::{self, Encoding};
use super::{handlers, params};
use crate::app::App;
use crate::feed::{Dropped, Piece, Watch};
use crate::http::{Afterwards, Asker, Form, HttpError, Socket, open};

/// Lines of one message.
const MAX_LINES: usize = 100;
/// Lines that wait to be sent; more wait in the feed.
const MAX_WAITING: usize = 1_000;
/// How often what has come is sent.
const TICK: Duration = Duration::from_millis(200);
/// How often the client is asked whether it is still there.
const PING: Duration = Duration::from_secs(1);
/// How long a client may take to read a message.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a tail may last.
const LONGEST: Duration = Duration::from_hours(1);
/// How long lines may be held back to be sorted.
const LONGEST_DELAY: u64 = 5;
/// A close frame has room for this much.
const MAX_REASON_BYTES: usize = 123;

/// Opens a tail.
pub(crate) async fn tail(
    State(app): State<App>,
    Asker(caller): Asker,
    request: Request,
) -> Result<Response, HttpError> {
    let encoding = Encoding::of(request.headers());
    begin(app, &caller, request, encoding)
}

/// Checks what is asked and answers; the tail goes on by itself.
pub(super) fn begin(
    app: App,
    caller: &auth::Caller,
    mut request: Request,
    encoding: Encoding,
) -> Result<Response, HttpError> {
    let form = Form::of(request.uri().query().unwrap_or_default());
    caller.require_one_tenant()?;
    let scope = caller.scope();
    let query = handlers::text(&form)?;
    let (filter, lines) = query::tail(&scope, query, app.engine.reader())?;
    let delay = delay(&form)?;
    let (start, _) = params::bounds(&form, app.now())?;
    let limit = params::count(&form, "limit", params::DEFAULT_LIMIT)?;
    let (mut answer, opening) = open(&mut request)?;
    let afterwards = Afterwards::default();
    answer.extensions_mut().insert(afterwards.clone());
    let most = app.engine.limits(&scope).max_tails;
    let watch = app.feed.watch(scope.tenant(), filter, most);
    let query = query.to_owned();
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let Some(socket) = opening.socket().await else { return };
        let mut client = Client { socket, encoding };
        let end = match watch {
            Err(count) => Err(End::Limit(format!(
                "max concurrent tail requests limit exceeded, count > limit ({count} > {most})"
            ))),
            Ok(watch) => {
                let past = Params {
                    query,
                    start,
                    end: app.now().after(Duration::from_nanos(1)),
                    step: Duration::ZERO,
                    interval: Duration::ZERO,
                    limit,
                    direction: Direction::Backward,
                };
                let lines = Arc::new(Mutex::new(lines));
                let mut live = Live { watch, lines, delay, cost: Cost::default() };
                let end = follow(&app, &scope, &past, &mut live, &mut client).await;
                afterwards.end(live.cost);
                end
            }
        };
        client.close(end).await;
    });
    Ok(answer)
}

fn delay(form: &Form) -> Result<Duration, HttpError> {
    let Some(text) = form.get("delay_for") else { return Ok(Duration::ZERO) };
    let seconds = text.parse().map_err(|_| params::invalid("delay_for", text))?;
    if LONGEST_DELAY < seconds {
        return Err(HttpError::bad_request(format!("delay_for can't be greater than {LONGEST_DELAY}")));
    }
    Ok(Duration::from_secs(seconds))
}

/// Why a tail ends.
#[derive(Debug)]
enum End {
    /// A limit, or an error: told to the client with code 1011.
    Limit(String),
    /// The server goes away.
    Leaving,
    /// The client is gone, or does not read.
    Gone,
}

/// What comes in.
#[derive(Debug)]
struct Live {
    watch: Watch,
    lines: Arc<Mutex<Tail>>,
    delay: Duration,
    /// What was looked at, stored lines and live ones.
    cost: Cost,
}

/// A line and its stream, ready to be sent at a time.
type Waiting = (Instant, Labels, LogEntry);

async fn follow(
    app: &App,
    scope: &auth::Scope,
    past: &Params,
    live: &mut Live,
    client: &mut Client,
) -> Result<(), End> {
    let stored = app.engine.query_range(scope, past).await.map_err(|error| {
        let answer = HttpError::from(error);
        End::Limit(answer.message().to_owned())
    })?;
    live.cost = stored.cost;
    let Data::Streams(stored) = stored.data else { return Err(End::Limit("internal error".to_owned())) };
    // What came in while the past was read may be in both.
    let mut known = Known::of(&stored);
    let mut waiting: Vec<Waiting> = Vec::new();
    let now = Instant::now();
    for LogStream { labels, entries } in stored {
        waiting.extend(entries.into_iter().map(|entry| (now, labels.clone(), entry)));
    }
    while let Ok(piece) = live.watch.pieces.try_recv() {
        for (labels, entry) in live.lines_of(piece).await {
            if !known.take(&labels, &entry) {
                waiting.push((now, labels, entry));
            }
        }
    }
    drop(known);
    let (deadline, mut tick, mut ping) = (sleep_until(now + LONGEST), interval(TICK), interval(PING));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deadline = std::pin::pin!(deadline);
    loop {
        tokio::select! {
            () = &mut deadline => return Err(End::Limit("reached tail max duration limit".to_owned())),
            _ = tick.tick() => {
                if app.is_draining() {
                    return Err(End::Leaving);
                }
                client.send_due(&mut waiting, &live.watch).await?;
            }
            _ = ping.tick() => client.send(Message::Ping(Vec::new().into())).await?,
            heard = client.socket.next() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
                Some(Ok(_)) => {}
            },
            Some(piece) = live.watch.pieces.recv(), if waiting.len() < MAX_WAITING => {
                let due = Instant::now() + live.delay;
                waiting.extend(live.lines_of(piece).await.map(|(labels, entry)| (due, labels, entry)));
            }
        }
    }
}

impl Live {
    /// Lines of a piece that are wanted. What the query computes keeps nobody waiting but this tail.
    async fn lines_of(&mut self, piece: Piece) -> impl Iterator<Item = (Labels, LogEntry)> + use<> {
        let entries = &piece.stream.entries;
        self.cost.rows += entries.len() as u64;
        self.cost.bytes += entries.iter().map(|entry| entry.line.len() as u64).sum::<u64>();
        let lines = Arc::clone(&self.lines);
        let found = spawn_blocking(move || lines.lock().unwrap_or_else(PoisonError::into_inner).lines(&piece.stream));
        // It ends early only with the server.
        let found = found.await.unwrap_or_default();
        found
            .into_iter()
            .flat_map(|LogStream { labels, entries }| entries.into_iter().map(move |entry| (labels.clone(), entry)))
    }
}

/// Lines that were sent from storage, each as often as it is there.
struct Known(HashMap<u64, usize>);

impl Known {
    fn of(streams: &[LogStream]) -> Self {
        let mut known = HashMap::new();
        for stream in streams {
            stream.entries.iter().for_each(|entry| *known.entry(hash(&stream.labels, entry)).or_default() += 1);
        }
        Self(known)
    }

    fn take(&mut self, labels: &Labels, entry: &LogEntry) -> bool {
        match self.0.get_mut(&hash(labels, entry)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

fn hash(labels: &Labels, entry: &LogEntry) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (labels.to_string(), entry.timestamp.0, &entry.line, &entry.metadata).hash(&mut hasher);
    hasher.finish()
}

/// The other end.
struct Client {
    socket: Socket,
    encoding: Encoding,
}

impl Client {
    /// Sends what need not wait longer, sorted by time, and which lines were lost.
    async fn send_due(&mut self, waiting: &mut Vec<Waiting>, watch: &Watch) -> Result<(), End> {
        let now = Instant::now();
        let (mut due, later): (Vec<_>, Vec<_>) = std::mem::take(waiting).into_iter().partition(|line| line.0 <= now);
        *waiting = later;
        due.sort_by_key(|(_, _, entry)| entry.timestamp);
        let mut dropped: Vec<Dropped> = watch.dropped();
        let mut due = due.into_iter().map(|(_, labels, entry)| (labels, entry));
        loop {
            let lines: Vec<_> = due.by_ref().take(MAX_LINES).collect();
            if lines.is_empty() && dropped.is_empty() {
                return Ok(());
            }
            let text = encode::frame(lines, &std::mem::take(&mut dropped), &self.encoding);
            self.send(Message::text(text)).await?;
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn close(mut self, end: Result<(), End>) {
        let (code, reason) = match end {
            Err(End::Limit(reason)) => (CloseCode::Error, reason),
            Err(End::Leaving) => (CloseCode::Away, "the server is shutting down".to_owned()),
            Err(End::Gone) | Ok(()) => return,
        };
        let at = (0..=MAX_REASON_BYTES.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at)).unwrap_or(0);
        let reason = reason.get(..at).unwrap_or_default().to_owned();
        let frame = CloseFrame { code, reason: reason.into() };
        // The client may be gone.
        drop(timeout(PING, self.socket.close(Some(frame))).await);
        // Waits for the answer, so that the reason gets there before the connection ends.
        drop(timeout(PING, async { while self.socket.next().await.is_some_and(|heard| heard.is_ok()) {} }).await);
    }
}

#[cfg(test)]
mod tests;
