//! `lapidary tail`: lines as they come in, and again after a connection broke.

use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use serde::Deserialize;
use stdx::Language;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{self, Message};

use super::client::{Login, encoded};
use super::query::{Output, Printer, Stream, unreadable};
use super::time::{duration, now};
use super::{Failure, block_on, complain};

/// The key of the opening: it only tells that both sides mean a WebSocket.
const KEY: &str = "bGFwaWRhcnktdGFpbC0wMQ==";
/// How often in a row a broken connection is made again.
const ATTEMPTS: u32 = 20;
/// How long to wait before that.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the server may say nothing at all; it pings each second.
const SILENCE: Duration = Duration::from_secs(30);

/// What to tail, and how to print it.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// The query, in LogQL: `{service_name="shop-api"} |= "error"`.
    query: String,
    /// How many stored lines to begin with, the newest ones.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// How far back those may be, such as 15m.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    since: Duration,
    /// Holds lines back for so many seconds, to sort them by time.
    #[arg(long, value_name = "0..5", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=5))]
    delay_for: u8,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    login: Login,
}

/// A message of the server.
#[derive(Debug, Deserialize)]
struct Frame {
    streams: Vec<Stream>,
    #[serde(default)]
    dropped_entries: Vec<serde_json::Value>,
}

/// How a connection ended.
enum Ended {
    /// It broke; it is worth trying again.
    Broken,
    /// The server said why.
    Told(String),
}

impl TailArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        block_on(self.follow())?
    }

    async fn follow(&self) -> Result<(), Failure> {
        let words = self.login.language();
        let mut printer = Printer::new(&self.output, 0, &self.login)?;
        let mut from = now().before(self.since).0;
        let (mut left, mut is_first) = (ATTEMPTS, true);
        loop {
            let before = from;
            let missed = if is_first { Ok(()) } else { self.missed(&mut from, &mut printer).await };
            let ended = match missed {
                Ok(()) => self.connection(&mut from, &mut printer).await,
                Err(failure) => Err(failure),
            };
            is_first = false;
            match ended {
                Ok(Ended::Told(reason)) => return Err(Failure::Failed(reason)),
                // What never worked will not.
                Err(failure) if left == 0 || left == ATTEMPTS && before == from => return Err(failure),
                Ok(Ended::Broken) if left == 0 => {
                    let text = words.pick("the connection breaks again and again", "связь рвётся снова и снова");
                    return Err(Failure::Failed(text.to_owned()));
                }
                Ok(Ended::Broken) | Err(_) => {}
            }
            if before != from {
                left = ATTEMPTS;
            }
            left = left.saturating_sub(1);
            complain(words.pick("the connection broke; it is made again", "связь прервалась, соединяюсь снова"));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What came in while there was no connection, however much it is.
    async fn missed(&self, from: &mut i64, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let query = encoded(&[
            ("query", self.query.clone()),
            ("start", from.to_string()),
            ("end", now().0.saturating_add(1).to_string()),
            ("direction", "forward".to_owned()),
        ]);
        let lines = self.login.open(|client, address| {
            let request = client.get(format!("{address}/loki/api/v1/query_range?{query}"));
            request.header("Accept", "application/x-ndjson")
        });
        let read = printer.read(lines.await?, &self.login).await;
        *from = (*from).max(printer.newest().saturating_add(1));
        read
    }

    /// One connection, from its opening to its end. Moves `from` behind what was printed.
    async fn connection(&self, from: &mut i64, printer: &mut Printer<'_>) -> Result<Ended, Failure> {
        let query = encoded(&[
            ("query", self.query.clone()),
            ("start", from.to_string()),
            ("limit", self.limit.to_string()),
            ("delay_for", self.delay_for.to_string()),
        ]);
        let opening = self.login.open(|client, address| {
            let request = client.get(format!("{address}/loki/api/v1/tail?{query}"));
            request
                .header("Connection", "Upgrade")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", KEY)
        });
        let socket = opening.await?.upgrade().await.map_err(|error| self.login.unreachable(&error))?;
        let mut socket = WebSocketStream::from_raw_socket(socket, Role::Client, None).await;
        loop {
            match tokio::time::timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let frame =
                        serde_json::from_str(&text).map_err(|error| unreadable(&error, self.login.language()))?;
                    self.print(frame, from, printer);
                }
                Ok(Some(Ok(Message::Close(frame)))) => return Ok(ended(frame)),
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(tungstenite::Error::ConnectionClosed)) | None) => return Ok(Ended::Broken),
                Ok(Some(Err(_))) | Err(_) => return Ok(Ended::Broken),
            }
        }
    }

    fn print(&self, frame: Frame, from: &mut i64, printer: &mut Printer<'_>) {
        frame.streams.into_iter().flat_map(Stream::lines).for_each(|line| printer.show(line));
        *from = (*from).max(printer.newest().saturating_add(1));
        let lost = frame.dropped_entries.len();
        if lost > 0 {
            complain(&match self.login.language() {
                Language::English => format!("{lost} lines came too fast and are left out"),
                Language::Russian => format!("строки шли слишком быстро, пропущено: {lost}"),
            });
        }
    }
}

fn ended(frame: Option<CloseFrame>) -> Ended {
    match frame {
        Some(frame) if frame.code == CloseCode::Error => Ended::Told(frame.reason.to_string()),
        _ => Ended::Broken,
    }
}
