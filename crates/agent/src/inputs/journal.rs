//! systemd's journal, through `journalctl -o export --follow`; the place in it is saved with the lines.

use std::sync::Arc;
use std::time::Duration;

use ingest::journal::Parser;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;
use tracing::{info, warn};

use super::{Door, command, line_of};
use crate::batch::MAX_LINE;
use crate::config::{JournalInput, Start};
use crate::intake::Stopped;

/// How long after its end journalctl is started again.
const RESTART: Duration = Duration::from_secs(5);
const CHUNK: usize = 64 << 10;

/// Follows the journal until a stop is asked for.
pub(super) async fn run(door: Door, input: JournalInput, mut cursor: Option<String>) {
    let mut shutdown = door.shutdown.clone();
    loop {
        match command::start(&arguments(&input, cursor.as_deref(), &door)) {
            Ok(mut child) => {
                if let Some(output) = child.stdout.take()
                    && follow(&door, &input, output, &mut cursor).await.is_err()
                {
                    return;
                }
                if !shutdown.is_asked() {
                    command::end(&input.command, child, &mut shutdown).await;
                }
            }
            Err(error) => warn!(program = input.command, %error, "cannot read the journal; trying again"),
        }
        if tokio::time::timeout(RESTART, shutdown.wait()).await.is_ok() {
            return;
        }
    }
}

fn arguments(input: &JournalInput, cursor: Option<&str>, door: &Door) -> Vec<String> {
    let mut arguments: Vec<_> =
        [&input.command, "--output=export", "--follow", "--all", "--quiet"].map(str::to_owned).into();
    let since = |time: logline::Timestamp| format!("--since=@{}", time.0.div_euclid(1_000_000_000));
    match (cursor, input.start) {
        (Some(cursor), _) => arguments.push(format!("--after-cursor={cursor}")),
        (None, Start::Head) => {}
        (None, Start::End) => arguments.push("--lines=0".to_owned()),
        (None, Start::At(time)) => arguments.push(since(time)),
        (None, Start::Back(back)) => arguments.push(since(door.now().before(back))),
    }
    if !arguments.iter().any(|argument| argument.starts_with("--lines")) {
        arguments.push("--no-tail".to_owned());
    }
    arguments.extend(input.units.iter().map(|unit| format!("--unit={unit}")));
    arguments
}

/// Reads until the program ends or a stop is asked for.
async fn follow(
    door: &Door,
    input: &JournalInput,
    mut output: ChildStdout,
    cursor: &mut Option<String>,
) -> Result<(), Stopped> {
    let mut parser = Parser::new(MAX_LINE);
    let mut shutdown = door.shutdown.clone();
    let mut chunk = vec![0; CHUNK];
    info!(name = input.name, "reading the journal");
    loop {
        let length = tokio::select! {
            () = shutdown.wait() => return Ok(()),
            read = output.read(&mut chunk) => match read {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) => {
                    warn!(%error, "cannot read the journal");
                    return Ok(());
                }
            },
        };
        parser.push(chunk.get(..length).unwrap_or_default());
        let mut lines = Vec::new();
        while let Some(record) = parser.next(door.now()) {
            *cursor = record.cursor.or(cursor.take());
            lines.push(line_of(record.entry));
        }
        if !lines.is_empty() {
            let place = cursor.clone().map(|cursor| (input.name.clone(), cursor));
            door.feed.hand_in(Arc::clone(&door.source), 0, lines, place).await?;
        }
    }
}
