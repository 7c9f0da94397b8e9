//! What an operator sets: limits of one query, memory of all.

use std::collections::BTreeMap;
use std::time::Duration;

use stdx::ByteSize;

/// How queries run.
#[derive(Clone, Debug)]
pub struct Config {
    /// What one query may use.
    pub limits: Limits,
    /// Memory that all queries share.
    pub memory: ByteSize,
    /// How many parts of a query run at once.
    pub parallelism: usize,
    /// For tables other than the lines: the text column that names the service a row belongs to. A table that is not
    /// named here can only be read by who may see all services.
    pub service_columns: BTreeMap<String, String>,
}

/// What one query may use; Loki's names and, where they make sense, its defaults.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `max_entries_limit_per_query`: most lines in an answer.
    pub max_entries: usize,
    /// `max_query_series`: most series in an answer; series that only lead to it do not count.
    pub max_series: usize,
    /// `max_query_bytes_read`: most bytes of text it may read; no limit when `None`.
    pub max_bytes: Option<ByteSize>,
    /// `query_timeout`: how long it may take.
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let parallelism = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { limits: Limits::default(), memory: ByteSize(256 << 20), parallelism, service_columns: BTreeMap::new() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_entries: 5_000, max_series: 500, max_bytes: None, timeout: Duration::from_secs(60) }
    }
}
