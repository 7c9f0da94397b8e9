//! What an operator sets: limits of one query, memory of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use logline::{Reader, Tenant, Timestamp};
use logql::Expr;
use stdx::ByteSize;
use storage::TimeRange;

use crate::error::{Error, Failure};
use crate::metric::longest_window;

/// How queries run.
#[derive(Clone, Debug)]
pub struct Config {
    /// What one query may use.
    pub limits: Limits,
    /// Tenants with limits of their own.
    pub tenants: BTreeMap<Tenant, Limits>,
    /// Memory that all queries share.
    pub memory: ByteSize,
    /// Memory that one query may use of it.
    pub memory_per_query: ByteSize,
    /// Memory for points that were computed before; none are kept when it is zero.
    pub results_cache: ByteSize,
    /// How many parts of a query run at once.
    pub parallelism: usize,
    /// How many queries run at once; further ones wait.
    pub at_once: usize,
    /// How many queries of one asker may wait.
    pub most_waiting: usize,
    /// For tables other than the lines: the text column that names the service a row belongs to. A table that is not
    /// named here can only be read by who may see all services.
    pub service_columns: BTreeMap<String, String>,
    /// Reads lines for `| facts`, by the names that facts have here.
    pub reader: Arc<Reader>,
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
    /// `max_query_length`: longest stretch of time of a query; no limit when `None`.
    pub max_length: Option<Duration>,
    /// `max_query_lookback`: older lines are not shown; no limit when `None`.
    pub max_lookback: Option<Duration>,
    /// `volume_max_series`: most series of a volume.
    pub max_volumes: usize,
    /// `max_concurrent_tail_requests`: most tails at once.
    pub max_tails: usize,
    /// `max_query_range`: longest window of a range aggregation; no limit when `None`.
    pub max_range: Option<Duration>,
    /// `required_labels`: labels that every selector must have a matcher for.
    pub required_labels: Vec<String>,
    /// `minimum_labels_number`: how many labels every selector must have matchers for.
    pub min_labels: usize,
}

impl Config {
    /// What a query of a tenant may use.
    pub fn limits_of(&self, tenant: &Tenant) -> &Limits {
        self.tenants.get(tenant).unwrap_or(&self.limits)
    }

    /// What a query over several tenants may use: of each limit the lowest.
    pub(crate) fn limits_of_all(&self, tenants: &[Tenant]) -> Limits {
        let all = tenants.iter().map(|tenant| self.limits_of(tenant).clone());
        all.reduce(|all, own| all.lowest(&own)).unwrap_or_else(|| self.limits.clone())
    }
}

impl Limits {
    /// No limit at all.
    pub const fn none() -> Self {
        Self {
            max_entries: usize::MAX,
            max_series: usize::MAX,
            max_bytes: None,
            timeout: Duration::MAX,
            max_length: None,
            max_lookback: None,
            max_volumes: usize::MAX,
            max_tails: usize::MAX,
            max_range: None,
            required_labels: Vec::new(),
            min_labels: 0,
        }
    }

    /// Of each limit the one that allows less.
    #[must_use]
    pub fn lowest(&self, other: &Self) -> Self {
        /// `None` is no limit.
        fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        }
        Self {
            max_entries: self.max_entries.min(other.max_entries),
            max_series: self.max_series.min(other.max_series),
            max_bytes: lower(self.max_bytes, other.max_bytes),
            timeout: self.timeout.min(other.timeout),
            max_length: lower(self.max_length, other.max_length),
            max_lookback: lower(self.max_lookback, other.max_lookback),
            max_volumes: self.max_volumes.min(other.max_volumes),
            max_tails: self.max_tails.min(other.max_tails),
            max_range: lower(self.max_range, other.max_range),
            required_labels: {
                let both = self.required_labels.iter().chain(&other.required_labels);
                both.cloned().collect::<BTreeSet<_>>().into_iter().collect()
            },
            min_labels: self.min_labels.max(other.min_labels),
        }
    }

    /// Refuses a query whose selectors or windows are not allowed. One that could touch every stream is allowed where
    /// the bytes it may read have a limit.
    pub(crate) fn check(&self, expr: &Expr) -> Result<(), Error> {
        if self.max_bytes.is_none() {
            expr.validate_for_query()?;
        }
        for log in expr.log_exprs() {
            let present: BTreeSet<&str> = log.selector.matchers.iter().map(|matcher| matcher.name.as_str()).collect();
            let missing: Vec<_> =
                self.required_labels.iter().map(String::as_str).filter(|name| !present.contains(name)).collect();
            let present: Vec<_> = present.into_iter().collect();
            let joined = present.join(", ");
            if !missing.is_empty() {
                let missing = missing.join(", ");
                return Err(Error::invalid(format!(
                    "stream selector is missing required matchers [{missing}], labels present in the query were [{joined}]"
                )));
            }
            if present.len() < self.min_labels {
                return Err(Error::invalid(format!(
                    "stream selector has less label matchers than required: (present: [{joined}], number_present: {}, required_number_label_matchers: {})",
                    present.len(),
                    self.min_labels
                )));
            }
        }
        let longest = match expr {
            Expr::Metric(expr) => longest_window(expr),
            Expr::Log(_) => Duration::ZERO,
        };
        match self.max_range {
            Some(limit) if limit < longest => Err(Error::invalid("[interval] value exceeds limit")),
            _ => Ok(()),
        }
    }

    /// The part of a stretch of time that may be read.
    pub(crate) fn clamp(&self, range: TimeRange, now: Timestamp) -> Result<TimeRange, Error> {
        let mut range = range;
        if let Some(lookback) = self.max_lookback {
            let oldest = now.before(lookback);
            if range.end < oldest {
                return Err(Failure::Lookback(lookback).into());
            }
            range.start = range.start.max(oldest);
        }
        let length = range.end.since(range.start);
        match self.max_length {
            Some(limit) if limit < length => Err(Failure::Length { length, limit }.into()),
            _ => Ok(range),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let parallelism = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            limits: Limits::default(),
            tenants: BTreeMap::new(),
            memory: ByteSize(256 << 20),
            memory_per_query: ByteSize(128 << 20),
            results_cache: ByteSize(32 << 20),
            parallelism,
            at_once: 8,
            most_waiting: 100,
            service_columns: BTreeMap::new(),
            reader: Arc::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 5_000,
            max_series: 500,
            max_bytes: None,
            timeout: Duration::from_secs(60),
            max_length: None,
            max_lookback: None,
            max_volumes: 1_000,
            max_tails: 10,
            max_range: None,
            required_labels: Vec::new(),
            min_labels: 0,
        }
    }
}
