//! Takes syslog from the network. It has no answers, so what is not read yet waits with the sender (TCP) or, as far as
//! there is room, in the kernel (UDP).

use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ingest::syslog::{Frame, Framer, message};
use tls::Connection;
use tokio::io::AsyncReadExt;
use tracing::{debug, warn};

use super::{Door, Listening, line_of};
use crate::batch::{MARGIN, MAX_LINE};
use crate::intake::OwnedLine;

/// A connection that is silent for so long is closed: its other side may be gone.
const IDLE: Duration = Duration::from_secs(900);
const CHUNK: usize = 64 << 10;
/// Datagrams that are handed in together.
const TOGETHER: usize = 256;

/// Tells lines of one connection from those of others.
static ORIGIN: AtomicU64 = AtomicU64::new(1);

pub(super) async fn tcp(door: Door, listening: Listening) {
    listening.each(door, "syslog", connection).await;
}

async fn connection(door: Door, mut stream: Connection) {
    let origin = ORIGIN.fetch_add(1, Ordering::Relaxed);
    let mut framer = Framer::new(MAX_LINE + MARGIN);
    let mut shutdown = door.shutdown.clone();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            () = shutdown.wait() => return,
            read = tokio::time::timeout(IDLE, stream.read(&mut chunk)) => read,
        };
        let length = match read {
            Ok(Ok(length)) => length,
            // What came before is a line all the same.
            Ok(Err(error)) => {
                debug!(%error, "a syslog connection failed");
                0
            }
            Err(_) => return,
        };
        framer.push(chunk.get(..length).unwrap_or_default());
        let mut lines = Vec::new();
        while let Some(frame) = framer.next() {
            lines.push(line(&door, &frame));
        }
        if length == 0 {
            lines.extend(framer.finish().map(|frame| line(&door, &frame)));
        }
        if door.hand_in(origin, lines).await.is_err() || length == 0 {
            return;
        }
    }
}

fn line(door: &Door, frame: &Frame) -> OwnedLine {
    let zone = &door.source.treating.shape.context.timezone;
    OwnedLine { total: frame.total, ..line_of(message(&frame.bytes, zone, door.now())) }
}

pub(super) async fn udp(door: Door, socket: UdpSocket) {
    let socket = match tokio::net::UdpSocket::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::error!(%error, "cannot take datagrams"),
    };
    let mut shutdown = door.shutdown.clone();
    let mut datagram = vec![0; CHUNK];
    loop {
        let received = tokio::select! {
            () = shutdown.wait() => return,
            received = socket.recv_from(&mut datagram) => received,
        };
        let mut lines = Vec::new();
        let mut next = received;
        loop {
            match next {
                Ok((length, _)) => {
                    let bytes = datagram.get(..length).unwrap_or_default().to_vec();
                    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0)).map_or(0, |at| at + 1);
                    let frame = Frame { bytes: bytes.get(..end).unwrap_or_default().to_vec(), total: None };
                    lines.push(line(&door, &frame));
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    warn!(%error, "cannot take a datagram");
                    break;
                }
            }
            if lines.len() >= TOGETHER {
                break;
            }
            next = socket.try_recv_from(&mut datagram);
        }
        // Datagrams come from many hosts: none is the line before another.
        if door.hand_in(0, lines).await.is_err() {
            return;
        }
    }
}
