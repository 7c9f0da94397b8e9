//! A program whose output is read; it is started again when it ends.

use std::process::Stdio;

use stdx::Shutdown;
use tokio::process::{Child, Command};
use tracing::{info, warn};

use super::{Door, stream};
use crate::config::CommandInput;
use crate::intake::Stopped;

/// Starts a program without an input. What it writes to its standard error is not read, since it would be unmasked.
pub(super) fn start(command: &[String]) -> std::io::Result<Child> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "no program"));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn()
}

/// Runs the program until a stop is asked for.
pub(super) async fn run(door: Door, input: CommandInput) {
    let program = input.command.first().cloned().unwrap_or_default();
    let mut shutdown = door.shutdown.clone();
    let mut origin = 0;
    loop {
        origin += 1;
        match start(&input.command) {
            Ok(mut child) => {
                if let Some(output) = child.stdout.take() {
                    match stream::read(&door, output, origin).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => warn!(program, %error, "cannot read what the program writes"),
                        Err(Stopped) => return,
                    }
                }
                if !shutdown.is_asked() {
                    end(&program, child, &mut shutdown).await;
                }
            }
            Err(error) => warn!(program, %error, "cannot start the program; trying again"),
        }
        if tokio::time::timeout(input.restart, shutdown.wait()).await.is_ok() {
            return;
        }
    }
}

/// Waits for the end of a program that has closed its output.
pub(super) async fn end(program: &str, mut child: Child, shutdown: &mut Shutdown) {
    tokio::select! {
        () = shutdown.wait() => {}
        ended = child.wait() => match ended {
            Ok(status) => info!(program, %status, "the program has ended"),
            Err(error) => warn!(program, %error, "cannot tell how the program ended"),
        },
    }
}
