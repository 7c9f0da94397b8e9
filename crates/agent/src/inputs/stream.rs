//! Lines from a stream of bytes: what a program writes, and a step of reading for the standard input.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::Door;
use crate::cutter::Cutter;
use crate::intake::{OwnedLine, Stopped};
use crate::lines::Lines;

/// Bytes of one read.
pub(super) const CHUNK: usize = 64 << 10;
/// How often events are looked at that wait for more lines.
const EXPIRE_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// Reads until the stream ends or a stop is asked for; what was read goes in either way.
pub(super) async fn read(
    door: &Door,
    mut stream: impl AsyncRead + Unpin,
    origin: u64,
) -> Result<io::Result<()>, Stopped> {
    let mut cutter = Cutter::new(Lines::new(Arc::clone(&door.source), origin), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let mut out = Vec::new();
        let end = step(door, &mut stream, &mut chunk, &mut cutter, &mut out).await;
        if end.is_some() {
            cutter.finish(door.clock.instant(), &mut out);
        }
        cutter.take(&mut out);
        door.hand_in(origin, out).await?;
        if let Some(end) = end {
            return Ok(end);
        }
    }
}

/// Cuts what the stream has next; how it ended, or was to end, if it did.
pub(super) async fn step(
    door: &Door,
    stream: &mut (impl AsyncRead + Unpin),
    chunk: &mut [u8],
    cutter: &mut Cutter,
    out: &mut Vec<OwnedLine>,
) -> Option<io::Result<()>> {
    let mut shutdown = door.shutdown.clone();
    tokio::select! {
        () = shutdown.wait() => Some(Ok(())),
        read = stream.read(chunk) => match read {
            Ok(0) => Some(Ok(())),
            Ok(length) => {
                cutter.push(chunk.get(..length).unwrap_or_default(), door.clock.instant(), out);
                None
            }
            Err(error) => Some(Err(error)),
        },
        () = tokio::time::sleep(EXPIRE_EVERY), if cutter.lines.is_waiting() => {
            cutter.lines.expire(door.clock.instant());
            None
        }
    }
}
