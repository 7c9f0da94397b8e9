//! The server's settings: read once, valid afterwards. The reference in `docs/reference/config.md` is made from here.

mod access;
mod alerts;
mod bucket;
mod graphs;
mod notify;
mod queries;
mod reference;
mod retention;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use state::Location;
use stdx::{ByteSize, Problems, Settings};

use crate::http::Patience;

pub use access::Access;
pub use notify::Notify;
pub use reference::reference;

/// What the environment's overrides begin with: `LAPIDARY__STORAGE__MEMORY=512MiB`.
pub const ENVIRONMENT_PREFIX: &str = "LAPIDARY";

/// Flags of `lapidary serve`; they say where it runs and win over the file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// `--auth none`.
    pub no_auth: bool,
}

/// Everything the server needs to know.
#[derive(Debug)]
pub struct Config {
    /// The address of the HTTP listener.
    pub listen: SocketAddr,
    /// Who may come in.
    pub access: Access,
    /// Where users, sessions, tokens and the like are kept.
    pub state: Location,
    /// Whether people reach the server over TLS.
    pub is_secure: bool,
    /// Where and how lines are kept.
    pub storage: storage::Config,
    /// What a push may hold.
    pub ingest: ingest::Limits,
    /// What is done about personal data that arrives unmasked.
    pub masking: ingest::Masking,
    /// Who is told of alerts, and how.
    pub notify: Notify,
    /// What a query may cost.
    pub query: query::Config,
    /// The status graphs of objects.
    pub(crate) graphs: orders::Graphs,
    /// Memory for the paths of objects that are over, for each tenant and type.
    pub(crate) orders_history: ByteSize,
    /// How rules are evaluated.
    pub alerts: alert::eval::Config,
    /// How many connections there may be, and how slow.
    pub(crate) patience: Patience,
    /// How long requests may take to end after SIGTERM.
    pub shutdown_grace: Duration,
}

impl Config {
    /// Reads the settings; every problem is reported at once.
    pub fn load(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, Problems> {
        let mut settings = Settings::parse(text, ENVIRONMENT_PREFIX, environment);
        let config = read(&mut settings, flags);
        settings.finish()?;
        Ok(config)
    }
}

fn read(settings: &mut Settings, flags: &Flags) -> Config {
    let listen =
        settings.or("listen", SocketAddr::from(([127, 0, 0, 1], 3100)), "Address and port of the HTTP listener.");
    let listen = flags.listen.unwrap_or(listen);
    let data_dir =
        settings.or("data_dir", PathBuf::from("./lapidary-data"), "Folder that holds everything the server keeps.");
    let shutdown_grace = settings.or(
        "shutdown_grace",
        Duration::from_secs(30),
        "How long running requests may take to end after SIGTERM.",
    );
    let is_secure = transport(settings, listen);
    let data_dir = flags.data_dir.clone().unwrap_or(data_dir);
    let patience = patience(settings);
    let access = access::read(settings, listen, flags.no_auth);
    let state = state(settings, &data_dir);
    let storage = storage(settings, data_dir);
    let ingest = ingest::Limits { max_body_wait: patience.body, ..ingest(settings) };
    let (masking, masker) = masking(settings);
    Config {
        listen,
        access,
        state,
        is_secure,
        storage,
        ingest,
        patience,
        masking,
        notify: notify::read(settings, masker),
        query: queries::read(settings),
        graphs: graphs::read(settings),
        orders_history: settings.or(
            "orders.history_memory",
            ByteSize(256 << 20),
            "Memory for the paths of orders that are over, for each tenant and type of objects; past it analysis reaches less far back.",
        ),
        alerts: alerts::read(settings),
        shutdown_grace,
    }
}

/// Where everything but lines is kept.
fn state(settings: &mut Settings, data_dir: &Path) -> Location {
    let doc = "Where users, sessions, tokens, silences and the like are kept: a file of SQLite (relative to the data folder), or `postgres://user:password@host/database` that several nodes share.";
    let written: Option<String> = settings.optional("state.url", doc);
    let file: Option<PathBuf> =
        settings.optional("state.url_file", "File that holds `state.url`, for an address with a password.");
    let read = file.map(|file| std::fs::read_to_string(&file));
    let url = match (written, read) {
        (Some(_), Some(_)) => {
            settings.problem("state.url", "stands beside `state.url_file`; write one of them");
            None
        }
        (_, Some(Err(error))) => {
            settings.problem("state.url_file", format!("cannot be read: {error}"));
            None
        }
        (_, Some(Ok(text))) => Some(text.trim().to_owned()),
        (written, None) => written,
    };
    Location::parse(url.as_deref().unwrap_or(Location::FILE), data_dir)
}

/// Plain HTTP may not leave the machine, unless something in front ends the TLS. Whether it does.
fn transport(settings: &mut Settings, listen: SocketAddr) -> bool {
    let words = [("none", false), ("terminated", true)];
    let doc = "`terminated` promises that a proxy in front ends TLS; without it only loopback addresses are accepted.";
    let terminated = settings.choice("tls", &words, "none", doc);
    if terminated == Some(false) && !listen.ip().is_loopback() {
        let remedy = "would send logs over the network in clear; put a TLS proxy in front and set `tls = \"terminated\"`, or listen on loopback";
        settings.problem("listen", remedy);
    }
    terminated == Some(true)
}

fn patience(settings: &mut Settings) -> Patience {
    let most = "Connections at once; further ones wait until one ends.";
    let connections = count(settings, "http.max_connections", 1_000, most);
    if connections == 0 {
        settings.problem("http.max_connections", "lets nobody in; want 1 or more");
    }
    let header = "Longest time a request's headers may take; an idle connection is closed after it.";
    let body = "Longest time a request's body may take.";
    Patience {
        connections,
        header: settings.or("http.header_timeout", Duration::from_secs(75), header),
        body: settings.or("http.body_timeout", Duration::from_secs(60), body),
    }
}

fn storage(settings: &mut Settings, data_dir: PathBuf) -> storage::Config {
    let default = storage::Config::at(data_dir);
    let levels = [
        ("fsync", storage::AckLevel::Fsync),
        ("write", storage::AckLevel::Write),
        ("memory", storage::AckLevel::Memory),
    ];
    let ack = "When a push is answered: after `fsync` (safe on power loss), after `write` (safe on a crash of the process), or from `memory` (not safe).";
    storage::Config {
        node: settings.or(
            "storage.node",
            default.node.clone(),
            "Name of this node in its WAL, files and commits; keep it for the life of the data folder.",
        ),
        memory: settings.or(
            "storage.memory",
            default.memory,
            "Budget of memory for lines not yet in files; past it pushes get 429.",
        ),
        flush_interval: settings.or(
            "storage.flush_interval",
            default.flush_interval,
            "Longest time a line stays out of the files.",
        ),
        flush_bytes: settings.or(
            "storage.flush_bytes",
            default.flush_bytes,
            "Memory in use at which files are written earlier.",
        ),
        ack: settings.choice("storage.ack", &levels, "fsync", ack).unwrap_or(default.ack),
        dedup_window: settings.or(
            "storage.dedup_window",
            default.dedup_window,
            "A line that equals one received within this time (stream, timestamp, text, metadata) is dropped; `0s` keeps all. Numbered batches of agents are compared by number only.",
        ),
        bucket: bucket::read(settings),
        lifecycle: retention::read(settings),
        ..default
    }
}

fn ingest(settings: &mut Settings) -> ingest::Limits {
    let default = ingest::Limits::default();
    ingest::Limits {
        max_line_size: settings
            .or("limits.max_line_size", ByteSize(default.max_line_size as u64), "Longest line.")
            .as_usize(),
        max_line_size_truncate: settings.or(
            "limits.max_line_size_truncate",
            default.max_line_size_truncate,
            "Cuts longer lines and marks them; else they are refused.",
        ),
        creation_grace_period: settings.or(
            "limits.creation_grace_period",
            default.creation_grace_period,
            "How far in the future a timestamp may lie.",
        ),
        ..default
    }
}

/// What is done on arrival, and the masker for what leaves in messages: that is masked in any case.
fn masking(settings: &mut Settings) -> (ingest::Masking, Arc<mask::Masker>) {
    let words = [("off", ingest::Mode::Off), ("detect", ingest::Mode::Detect), ("mask", ingest::Mode::Mask)];
    let doc = "Personal data in lines that arrive unmasked: `detect` counts it per service and rule, `mask` replaces it, `off` does not look.";
    let mode = settings.choice("masking.mode", &words, "detect", doc).unwrap_or_default();
    let rules = ingest::mask_settings(settings, "masking");
    // What makes no masker was reported as a problem.
    let masker = mask::Masker::new(&rules).or_else(|_| mask::Masker::new(&mask::Config::default()));
    let masker = Arc::new(masker.unwrap_or_else(|_| unreachable!("the default rules make a masker")));
    (ingest::Masking::new(mode, Arc::clone(&masker)), masker)
}

fn count(settings: &mut Settings, key: &str, default: usize, doc: &'static str) -> usize {
    usize::try_from(settings.or(key, default as u64, doc)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
