//! What an operator sets, and the parts that tests replace.

mod bucket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::{ByteSize, Clock, Tasks};

pub use self::bucket::{BucketConfig, BucketUrl, Encryption, Keys};
use crate::Derive;

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
            memory: ByteSize(128 << 20),
            flush_interval: Duration::from_secs(60),
            flush_bytes: ByteSize(64 << 20),
            ack: AckLevel::Fsync,
            dedup_window: Duration::from_secs(600),
            bucket: None,
        }
    }
}
