//! What an operator sets, and the parts that tests replace.

mod bucket;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logline::Tenant;
use serde::{Deserialize, Serialize};
use stdx::{ByteSize, Clock, Tasks};

pub use self::bucket::{BucketConfig, BucketUrl, Encryption, Keys};
use crate::{Derive, Predicate};

/// How storage behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder; made when it is missing.
    pub data_dir: PathBuf,
    /// Name of this node in WAL, files and commits: letters, digits and `-`.
    pub node: String,
    /// The accounted budget of the head; past it pushes are told to come back.
    pub memory: ByteSize,
    /// Rows reach files at the latest after this time.
    pub flush_interval: Duration,
    /// The head is flushed when it has grown to this size.
    pub flush_bytes: ByteSize,
    /// What an acknowledged push may rely on.
    pub ack: AckLevel,
    /// A line without a batch number that equals one received within this time is dropped; zero keeps all.
    pub dedup_window: Duration,
    /// Where the files of the tables are kept in place of the data folder.
    pub bucket: Option<BucketConfig>,
    /// How long what is kept, and what becomes of files.
    pub lifecycle: Lifecycle,
}

/// What becomes of files after they were written.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// Whether anything is ever removed because of its age.
    pub retention_enabled: bool,
    /// How long lines are kept whose tenant has no rules of its own.
    pub retention: Retention,
    /// Rules of single tenants; they come before the general ones.
    pub tenants: BTreeMap<Tenant, Retention>,
    /// How long the rows of derived tables are kept; for ever when a table is not named.
    pub tables: BTreeMap<String, Duration>,
    /// How long a file stays on the disk after no version names it any more. Queries end, and old versions can be read,
    /// within this time.
    pub delete_delay: Duration,
    /// How long a request to delete lines can be taken back; until then no file is rewritten for it.
    pub cancel_period: Duration,
    /// Small files are merged towards this size.
    pub file_bytes: ByteSize,
    /// How often background work looks for something to do; never when it is `None`, but only when it is asked to.
    pub interval: Option<Duration>,
}

/// How long lines are kept.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// What holds for streams that no rule selects; zero is for ever.
    pub period: Option<Duration>,
    /// Rules for single streams.
    pub streams: Vec<StreamRetention>,
}

/// How long the lines of some streams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRetention {
    /// Which streams; looks at labels only.
    pub selector: Predicate,
    /// Of several rules that fit, the one with the highest priority decides; of equal ones the shorter period.
    pub priority: u32,
    /// How long.
    pub period: Duration,
}

/// What an acknowledged push may rely on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckLevel {
    /// It survives the loss of power.
    #[default]
    Fsync,
    /// It survives the end of the process, but not of the machine; synced within a second.
    Write,
    /// It may be lost with the process.
    Memory,
}

/// What storage is given to work with.
#[derive(Clone, Debug)]
pub struct Components {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Tables that are derived from every durable batch.
    pub derives: Vec<Arc<dyn Derive>>,
    /// Where background work runs.
    pub tasks: Tasks,
}

impl Config {
    /// The defaults, for a data folder.
    pub fn at(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            node: "local".to_owned(),
            memory: ByteSize(112 << 20),
            flush_interval: Duration::from_secs(60),
            flush_bytes: ByteSize(56 << 20),
            ack: AckLevel::Fsync,
            dedup_window: Duration::from_secs(600),
            bucket: None,
            lifecycle: Lifecycle::default(),
        }
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            retention_enabled: false,
            retention: Retention::default(),
            tenants: BTreeMap::new(),
            tables: BTreeMap::new(),
            delete_delay: Duration::from_hours(2),
            cancel_period: Duration::from_hours(24),
            file_bytes: ByteSize(64 << 20),
            interval: Some(Duration::from_secs(10)),
        }
    }
}
