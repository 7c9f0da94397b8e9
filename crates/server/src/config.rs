//! The server's settings: read once, valid afterwards. The reference in `docs/reference/config.md` is made from here.

mod access;
mod alerts;
mod audit;
mod bucket;
mod directory;
mod extract;
mod facts;
mod graphs;
mod notify;
mod oidc;
mod pushes;
mod queries;
mod reading;
mod reference;
mod retention;
mod secret;
mod transport;

use std::iter;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use state::Location;
use stdx::{ByteSize, Problems, Settings};

pub use access::Access;
pub(crate) use audit::Audit;
pub use notify::Notify;
pub(crate) use reading::Reading;
pub use reference::reference;
pub(crate) use transport::Transport;

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
    /// The address of the listener for OTLP over gRPC, if there is one.
    pub grpc_listen: Option<SocketAddr>,
    /// Who may come in.
    pub access: Access,
    /// Where users, sessions, tokens and the like are kept.
    pub state: Location,
    /// Where and how lines are kept.
    pub storage: storage::Config,
    /// What a push may hold.
    pub ingest: ingest::LimitsByTenant,
    /// What is done about personal data that arrives unmasked.
    pub masking: ingest::Masking,
    /// Who is told of alerts, and how.
    pub notify: Notify,
    /// What a query may cost.
    pub query: query::Config,
    /// How facts are read out of lines.
    pub(crate) reading: Reading,
    /// The status graphs of objects.
    pub(crate) graphs: orders::Graphs,
    /// Whether events of objects are taken from lines as they come.
    pub(crate) orders_enabled: bool,
    /// Memory for the paths of objects that are over, for each tenant and type.
    pub(crate) orders_history: ByteSize,
    /// How rules are evaluated.
    pub alerts: alert::eval::Config,
    /// What is needed to say whether a masked value is what somebody thinks.
    pub(crate) reveal: crate::reveal::Settings,
    /// Directories that people log in with.
    pub(crate) directories: Vec<auth::Directory>,
    /// Providers that people log in with.
    pub(crate) providers: Vec<auth::OidcSettings>,
    /// How long the audit trail is kept, and who else is told.
    pub(crate) audit: Audit,
    /// How the listener is reached.
    pub(crate) transport: Transport,
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
    let doc = "Address and port of a listener for OTLP over gRPC, such as `127.0.0.1:4317`; none if not given. It has the certificates and limits of `http`.";
    let grpc_listen = settings.optional("grpc_listen", doc);
    let transport = transport::read(settings, listen, grpc_listen);
    let data_dir = flags.data_dir.clone().unwrap_or(data_dir);
    let audit = audit::read(settings);
    let (mode, rules) = masking(settings);
    let masker = masker(&rules);
    let reveal = reveal(settings, rules);
    let state = state(settings, &data_dir);
    let mut storage = storage(settings, data_dir);
    storage.lifecycle.tables.extend(audit.retention.map(|period| (crate::audit::AUDIT.to_owned(), period)));
    let home = external_url(settings);
    let links = home.as_ref().map_or("", |home| home.as_str().trim_end_matches('/'));
    Config {
        listen,
        grpc_listen,
        access: access::read(settings, iter::once(listen).chain(grpc_listen), flags.no_auth),
        state,
        storage,
        ingest: pushes::read(settings, transport.patience.body),
        transport,
        masking: ingest::Masking::new(mode, Arc::clone(&masker)),
        reveal,
        directories: directory::read(settings),
        providers: oidc::read(settings, home.as_ref()),
        audit,
        notify: notify::read(settings, masker, links),
        query: queries::read(settings),
        reading: reading::read(settings),
        graphs: graphs::read(settings),
        orders_enabled: settings.or(
            "orders.enabled",
            true,
            "Whether events of orders are taken from lines as they come. Without them orders are not followed, and lines cost less to take in and to keep; `lapidary orders reread` takes them later from the lines that are kept.",
        ),
        orders_history: settings.or(
            "orders.history_memory",
            ByteSize(256 << 20),
            "Memory for the paths of orders that are over, for each tenant and type of objects; past it analysis reaches less far back.",
        ),
        alerts: alerts::read(settings, links),
        shutdown_grace,
    }
}

/// Where everything but lines is kept.
fn state(settings: &mut Settings, data_dir: &Path) -> Location {
    let docs = [
        "Where users, sessions, tokens, silences and the like are kept: a file of SQLite (relative to the data folder), or `postgres://user:password@host/database` that several nodes share.",
        "File that holds `state.url`, for an address with a password.",
    ];
    let url = secret::read(settings, "state.url", docs);
    Location::parse(url.as_ref().map_or(Location::FILE, |url| url.reveal().as_str()), data_dir)
}

/// The address that people see.
fn external_url(settings: &mut Settings) -> Option<Url> {
    let doc = "The address that people see, such as `https://logs.example`: logins elsewhere come back to it, and links begin with it.";
    let written: Option<String> = settings.optional("external_url", doc);
    let url = Url::parse(&written?).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        settings.problem("external_url", "is no address such as `https://logs.example`");
    }
    url
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

/// What is done about personal data, and by which rules.
fn masking(settings: &mut Settings) -> (ingest::Mode, mask::Config) {
    let words = [("off", ingest::Mode::Off), ("detect", ingest::Mode::Detect), ("mask", ingest::Mode::Mask)];
    let doc = "Personal data in lines that arrive unmasked: `detect` counts it per service and rule, `mask` replaces it, `off` does not look.";
    let mode = settings.choice("masking.mode", &words, "detect", doc).unwrap_or_default();
    (mode, ingest::mask_settings(settings, "masking"))
}

/// Masks what leaves in messages in any case. What makes no masker was reported as a problem.
fn masker(rules: &mask::Config) -> Arc<mask::Masker> {
    let masker = mask::Masker::new(rules).or_else(|_| mask::Masker::new(&mask::Config::default()));
    Arc::new(masker.unwrap_or_else(|_| unreachable!("the default rules make a masker")))
}

/// By which rules and keys it is said whether a masked value is what somebody thinks.
fn reveal(settings: &mut Settings, rules: mask::Config) -> crate::reveal::Settings {
    let token_keys = ingest::token_keys(settings, "access.token_keys");
    let doc = "How often one person may ask whether a masked value is what they think, per hour.";
    let per_hour = count(settings, "access.reveals_per_hour", 30, doc);
    crate::reveal::Settings { mask: mask::Config { token_keys, sealer: None, ..rules }, per_hour }
}

fn count(settings: &mut Settings, key: &str, default: usize, doc: &'static str) -> usize {
    usize::try_from(settings.or(key, default as u64, doc)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
