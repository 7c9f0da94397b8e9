//! Takes new settings while the agent runs: on SIGHUP, or when the file has changed. Bad ones change nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Config, Error, Left};
use anyhow::Result;
use stdx::{Clock, Tasks};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

/// How often the file is compared with what was read.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A task that had to be aborted may hold the state folder for a moment.
const LOCK_TRIES: u32 = 50;

/// The file with the settings.
pub(super) struct Watched {
    path: PathBuf,
    text: String,
    hangup: Signal,
}

impl Watched {
    pub(super) fn new(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        Ok(Self { path: path.to_owned(), text, hangup: signal(SignalKind::hangup())? })
    }

    /// Resolves with the new settings, once there are some that are good and can be taken without a restart. May be
    /// cancelled.
    pub(super) async fn changed(&mut self, running: &Config) -> Config {
        loop {
            let asked = tokio::select! {
                _ = self.hangup.recv() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let text = match tokio::fs::read_to_string(&self.path).await {
                Ok(text) if text == self.text && !asked => continue,
                Ok(text) => text,
                Err(error) if asked => {
                    error!(%error, "cannot read the settings; going on with the old ones");
                    continue;
                }
                // It may be between two names.
                Err(_) => continue,
            };
            self.text = text;
            match Config::load(&self.text, std::env::vars()) {
                Ok(new) => match new.need_restart(running).as_slice() {
                    [] => return new,
                    keys => error!(?keys, "these cannot change without a restart; going on with the old settings"),
                },
                Err(problems) => error!("the new settings have problems; going on with the old ones:\n{problems}"),
            }
        }
    }
}

/// Opens the agent with the new settings, or with the old ones if that fails.
pub(super) async fn reopen(
    mut left: Left,
    config: &mut Config,
    new: Config,
    clock: &Arc<dyn Clock>,
    tasks: &Tasks,
) -> Result<Agent> {
    match open(&mut left, &new, clock, tasks).await {
        Ok(agent) => {
            info!("took new settings");
            *config = new;
            return Ok(agent);
        }
        Err(error) => error!(%error, "the new settings do not work; going on with the old ones"),
    }
    Ok(open(&mut left, config, clock, tasks).await?)
}

async fn open(left: &mut Left, config: &Config, clock: &Arc<dyn Clock>, tasks: &Tasks) -> Result<Agent, Error> {
    let mut tries = 0;
    loop {
        match Agent::open_after(left, config, Arc::clone(clock), tasks) {
            Err(Error::Locked(_)) if tries < LOCK_TRIES => {
                tries += 1;
                warn!("the state folder is still in use; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            opened => return opened,
        }
    }
}
