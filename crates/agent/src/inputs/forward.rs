//! Takes Fluent's forward protocol; a message is acknowledged when its records are in the spool.

use std::sync::Arc;
use std::time::Duration;

use ingest::DecodeError;
use ingest::forward::{Forward, Framer, Handshake, ack, decode};
use stdx::Secret;
use tls::Connection as Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{debug, warn};

use super::{Door, Listening, line_of};
use crate::config::ForwardInput;

/// A connection that is silent for so long is closed.
const IDLE: Duration = Duration::from_secs(900);
/// How long the other side may take for its part of the handshake, or to take an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// The largest message.
const MAX_MESSAGE: usize = 16 << 20;
/// The largest content of a compressed message.
const MAX_DECODED: usize = 32 << 20;
/// Beyond this a message is large, and only one connection at a time reads one.
const LARGE: usize = 256 << 10;
const CHUNK: usize = 64 << 10;
/// How the agent calls itself.
const HOSTNAME: &str = "lapidary-agent";

/// What all connections share.
#[derive(Debug)]
pub(super) struct Settings {
    shared_key: Option<Secret<String>>,
    /// Bounds the memory that large messages take.
    large: Semaphore,
}

impl Settings {
    pub(super) fn new(input: &ForwardInput) -> Self {
        Self { shared_key: input.shared_key.clone(), large: Semaphore::new(1) }
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Broken(#[from] DecodeError),
    #[error("the handshake failed: {0}")]
    Refused(#[from] ingest::forward::Refused),
    #[error("the other side is silent")]
    Silent,
    /// The other side has closed it, or the agent stops.
    #[error("closed")]
    Closed,
}

pub(super) async fn run(door: Door, listening: Listening, settings: Arc<Settings>) {
    let serve = move |door, stream| {
        let settings = Arc::clone(&settings);
        async move { serve(door, stream, &settings).await }
    };
    listening.each(door, "forward", serve).await;
}

/// Answers fluentd's heartbeats, which ask over UDP whether somebody listens.
pub(super) async fn heartbeats(door: Door, socket: std::net::UdpSocket) {
    let socket = match tokio::net::UdpSocket::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::error!(%error, "cannot answer heartbeats"),
    };
    let mut shutdown = door.shutdown.clone();
    let mut datagram = [0; 16];
    loop {
        let answered = async {
            let (_, sender) = socket.recv_from(&mut datagram).await?;
            socket.send_to(b"\0", sender).await
        };
        let answered = tokio::select! {
            () = shutdown.wait() => return,
            answered = answered => answered,
        };
        if let Err(error) = answered {
            debug!(%error, "a heartbeat could not be answered");
        }
    }
}

async fn serve(door: Door, stream: Stream, settings: &Settings) {
    let mut shutdown = door.shutdown.clone();
    let mut connection = Connection { stream, framer: Framer::new(MAX_MESSAGE), held: 0, permit: None };
    let end = tokio::select! {
        () = shutdown.wait() => return,
        end = connection.run(&door, settings) => end,
    };
    match end {
        Ok(()) | Err(End::Closed) => {}
        Err(error @ (End::Broken(_) | End::Refused(_))) => warn!(%error, "a forward connection was refused"),
        Err(error) => debug!(%error, "a forward connection ended"),
    }
}

struct Connection<'s> {
    stream: Stream,
    framer: Framer,
    /// Bytes of the message under way.
    held: usize,
    /// While it is large.
    permit: Option<SemaphorePermit<'s>>,
}

impl<'s> Connection<'s> {
    async fn run(&mut self, door: &Door, settings: &'s Settings) -> Result<(), End> {
        if let Some(key) = &settings.shared_key {
            let handshake = Handshake::new(key.reveal(), HOSTNAME, uuid::Uuid::new_v4().into_bytes());
            self.write(&handshake.helo()).await?;
            let ping = tokio::time::timeout(ANSWER_WAIT, self.message(settings)).await.map_err(|_| End::Silent)??;
            let (pong, checked) = handshake.pong(&ping);
            self.write(&pong).await?;
            checked?;
        }
        loop {
            let message = self.message(settings).await?;
            let now = door.now();
            // Decoding is work for the processor, and a message may be large.
            let decoded = tokio::task::spawn_blocking(move || decode(&message, MAX_DECODED, now)).await;
            let forward = decoded.map_err(|_| DecodeError::Invalid("forward: decoding failed".to_owned()))??;
            self.take(door, forward).await?;
            self.permit = None;
        }
    }

    /// Hands records in, and acknowledges them when they are in the spool.
    async fn take(&mut self, door: &Door, forward: Forward) -> Result<(), End> {
        let Forward { tag, entries, chunk } = forward;
        let mut lines: Vec<_> = entries.into_iter().map(line_of).collect();
        for line in &mut lines {
            line.metadata.push(("tag".to_owned(), tag.clone()));
        }
        let receipts = door.hand_in(0, lines).await.map_err(|_| End::Closed)?;
        let Some(chunk) = chunk else { return Ok(()) };
        for receipt in receipts {
            receipt.stored().await.map_err(|_| End::Closed)?;
        }
        self.write(&ack(&chunk)).await
    }

    /// The next whole message.
    async fn message(&mut self, settings: &'s Settings) -> Result<Vec<u8>, End> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if let Some(message) = self.framer.next()? {
                self.held = 0;
                return Ok(message.to_vec());
            }
            if self.held > LARGE && self.permit.is_none() {
                self.permit = settings.large.acquire().await.ok();
            }
            let read = tokio::time::timeout(IDLE, self.stream.read(&mut chunk)).await;
            match read.map_err(|_| End::Silent)?? {
                0 => return Err(End::Closed),
                length => {
                    self.held += length;
                    self.framer.push(chunk.get(..length).unwrap_or_default());
                }
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let written = tokio::time::timeout(ANSWER_WAIT, self.stream.write_all(bytes)).await;
        Ok(written.map_err(|_| End::Silent)??)
    }
}
