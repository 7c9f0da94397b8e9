//! The agent's settings: what to read, where to ship, what to mask. All problems are reported at once.

mod input;
mod output;

use std::path::PathBuf;
use std::time::Duration;

use stdx::{ByteSize, Problems, Settings};

pub(crate) use input::{CommandInput, Files, ForwardInput, Input, JournalInput, Kind, Start};
pub(crate) use output::{Auth, Compression, Destination, Output, Scheme, Token};

/// What the environment's overrides begin with: `LAPIDARY_AGENT__OUTPUT__URL=https://logs.example.org`.
pub const ENVIRONMENT_PREFIX: &str = "LAPIDARY_AGENT";

/// Everything the agent needs to know; valid by construction.
#[derive(Clone, Debug)]
pub struct Config {
    /// What to read.
    pub(crate) inputs: Vec<Input>,
    /// Where to ship; at least one, each with a name of its own.
    pub(crate) outputs: Vec<Output>,
    /// Where `/metrics` and `/ready` are served, if anywhere.
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Where the spool and the positions are.
    pub state_dir: PathBuf,
    /// How lines wait.
    pub spool: Spool,
    /// What to replace.
    pub mask: mask::Config,
    /// How long the end may take after SIGTERM.
    pub shutdown_grace: Duration,
}

/// How lines wait on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spool {
    pub(crate) max_bytes: ByteSize,
    pub(crate) drop_oldest: bool,
    pub(crate) batch_bytes: usize,
    pub(crate) batch_wait: Duration,
}

/// A segment is closed at this size, or at an eighth of the spool's.
const SEGMENT_BYTES: u64 = 16 << 20;

impl Spool {
    pub(crate) fn limits(&self) -> crate::spool::Limits {
        let (max_bytes, drop_oldest) = (self.max_bytes.0, self.drop_oldest);
        crate::spool::Limits { max_bytes, segment_bytes: SEGMENT_BYTES.min(max_bytes / 8), drop_oldest }
    }
}

impl Config {
    /// The keys that a running agent with those settings cannot take as they are here.
    pub fn need_restart(&self, running: &Self) -> Vec<&'static str> {
        let keys = [("state_dir", self.state_dir != running.state_dir), ("spool", self.spool != running.spool)];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }

    /// Reads the settings from a file's text and the environment.
    pub fn load(text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problems> {
        let mut settings = Settings::parse(text, ENVIRONMENT_PREFIX, environment);
        let config = read(&mut settings);
        if config.inputs.is_empty() {
            settings.problem("input", "is missing; want at least one `[[input]]` with `paths`");
        }
        settings.finish()?;
        Ok(config)
    }

    /// Reads what is masked, and how, from settings that need have nothing else.
    pub fn load_mask(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<mask::Config, Problems> {
        let mut settings = Settings::parse(text, ENVIRONMENT_PREFIX, environment);
        let config = read(&mut settings);
        settings.finish()?;
        Ok(config.mask)
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }
}

fn read(settings: &mut Settings) -> Config {
    let state_dir = PathBuf::from("./lapidary-agent");
    let doc = "Folder for the spool (masked lines), the positions and the agent's id.";
    let state_dir = settings.or("state_dir", state_dir, doc);
    let doc = "How long the end may take after SIGTERM; what is not delivered by then is sent at the next start.";
    let shutdown_grace = settings.or("shutdown_grace", Duration::from_secs(10), doc);
    let listen = listen(settings);
    let (inputs, spool) = (input::inputs(settings, listen), spool(settings));
    Config {
        inputs,
        outputs: output::outputs(settings),
        listen,
        state_dir,
        spool,
        mask: ingest::mask_settings(settings, "mask"),
        shutdown_grace,
    }
}

fn listen(settings: &mut Settings) -> Option<std::net::SocketAddr> {
    let doc = "Address for `/metrics` and `/ready`, such as `127.0.0.1:9311`; without it nothing is served.";
    let text: String = settings.optional("listen", doc)?;
    let address = text.parse().ok();
    if address.is_none() {
        settings.problem("listen", format!("is `{text}`, but must be an address such as `127.0.0.1:9311`"));
    }
    address
}

fn spool(settings: &mut Settings) -> Spool {
    let doc = "How large the spool may become; beyond that, reading waits.";
    let max_bytes = settings.or("spool.max_bytes", ByteSize(1 << 30), doc);
    let doc = "What a full spool does: `block` lets reading wait, `drop_oldest` drops the oldest segment and counts its lines.";
    let words = [("block", false), ("drop_oldest", true)];
    let drop_oldest = settings.choice("spool.when_full", &words, "block", doc).unwrap_or(false);
    let doc = "A batch is closed when it has this many bytes.";
    let batch_bytes = settings.or("spool.batch_bytes", ByteSize(1 << 20), doc);
    let doc = "A batch is closed when its first line has waited this long.";
    let batch_wait = settings.or("spool.batch_wait", Duration::from_secs(1), doc);
    if !(1 << 10..=16 << 20).contains(&batch_bytes.0) {
        settings.problem("spool.batch_bytes", "must be 1KiB to 16MiB");
    }
    if max_bytes.0 < batch_bytes.0.saturating_mul(8) {
        settings.problem("spool.max_bytes", "must be at least eight times `spool.batch_bytes`");
    }
    Spool { max_bytes, drop_oldest, batch_bytes: batch_bytes.as_usize(), batch_wait }
}

#[cfg(test)]
mod tests;
