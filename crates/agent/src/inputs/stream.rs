//! Lines from a stream of bytes: the standard input, or what a program writes.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::{info, warn};

use super::Door;
use crate::cutter::Cutter;
use crate::intake::Stopped;
use crate::lines::Lines;

/// Bytes of one read.
const CHUNK: usize = 64 << 10;
/// How often events are looked at that wait for more lines.
const EXPIRE_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// Reads the standard input until it ends.
pub(super) async fn stdin(door: Door) {
    let input = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(input) => tokio::fs::File::from_std(input.into()),
        Err(error) => return warn!(%error, "there is no standard input"),
    };
    match read(&door, input, 0).await {
        Ok(Ok(())) => info!("the standard input has ended"),
        Ok(Err(error)) => warn!(%error, "cannot read the standard input"),
        Err(Stopped) => {}
    }
}

/// Reads until the stream ends or a stop is asked for; what was read goes in either way.
pub(super) async fn read(
    door: &Door,
    mut stream: impl AsyncRead + Unpin,
    origin: u64,
) -> Result<io::Result<()>, Stopped> {
    let mut cutter = Cutter::new(Lines::new(Arc::clone(&door.source), origin), 0);
    let mut shutdown = door.shutdown.clone();
    let mut chunk = vec![0; CHUNK];
    loop {
        let mut out = Vec::new();
        let end = tokio::select! {
            () = shutdown.wait() => Some(Ok(())),
            read = stream.read(&mut chunk) => match read {
                Ok(0) => Some(Ok(())),
                Ok(length) => {
                    cutter.push(chunk.get(..length).unwrap_or_default(), door.clock.instant(), &mut out);
                    None
                }
                Err(error) => Some(Err(error)),
            },
            () = tokio::time::sleep(EXPIRE_EVERY), if cutter.lines.is_waiting() => {
                cutter.lines.expire(door.clock.instant());
                None
            }
        };
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
