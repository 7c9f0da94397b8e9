//! Numbers for `/metrics`.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;

use crate::JobKind;

/// Counters and gauges of one storage; cheap to clone, all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Lines that were acknowledged.
    pub appended_lines: Counter,
    /// Bytes of their text, metadata included.
    pub appended_bytes: Counter,
    /// Batches that an agent sent again although they were kept.
    pub repeated_batches: Counter,
    /// Lines dropped because the same one had been received within the window.
    pub repeated_lines: Counter,
    /// Lines that are remembered for that.
    pub remembered_lines: Gauge,
    /// Batches that were told to come back because the memory budget was used up.
    pub busy: Counter,
    /// How long each sync of the WAL took.
    pub wal_sync_seconds: Histogram,
    /// Bytes of WAL on disk.
    pub wal_bytes: Gauge,
    /// Accounted bytes of rows in memory.
    pub head_bytes: Gauge,
    /// Flushes that were committed.
    pub flushes: Counter,
    /// Flushes that failed and will be tried again.
    pub flush_failures: Counter,
    /// How long a flush took.
    pub flush_seconds: Histogram,
    /// Files that flushes wrote.
    pub files_written: Counter,
    /// Bytes of these files.
    pub file_bytes_written: Counter,
    /// WAL records that were replayed at the start.
    pub replayed_records: Counter,
    /// Bytes of WAL that were cut off as never acknowledged.
    pub torn_bytes: Counter,
    /// Batches that a derived table could not be made from.
    pub derive_failures: Counter,
    /// Times that the token index of a file was asked.
    pub index_lookups: Counter,
    /// Parts of token indexes that were found in memory.
    pub index_hits: Counter,
    /// Parts of token indexes that were read.
    pub index_misses: Counter,
    /// Bytes of token indexes in memory.
    pub index_cache_bytes: Gauge,
    /// Times that a token index was found damaged and its file read without it.
    pub index_damaged: Counter,
    /// 1 while pushes are refused because the WAL cannot be written.
    pub pushes_refused: Gauge,
    /// 1 while flushes fail.
    pub flushes_failing: Gauge,
    /// Damaged files that reads came upon since the start.
    pub damaged_files: Gauge,
    /// How far the clock is behind what it has shown before.
    pub clock_back_seconds: Gauge,
    /// Blocks of a bucket's files that were read from the local disk.
    pub cache_hits: Counter,
    /// Blocks of a bucket's files that had to be fetched.
    pub cache_misses: Counter,
    /// Bytes of such blocks on the local disk.
    pub cache_bytes: Gauge,
    /// Jobs that did what there was to do, by kind.
    pub jobs_done: Family<JobLabels, Counter>,
    /// Jobs that failed and are tried again, by kind.
    pub job_failures: Family<JobLabels, Counter>,
    /// Background work that failed and has not succeeded since.
    pub jobs_failing: Gauge,
    /// Bytes of files that jobs wrote in the place of others.
    pub rewritten_bytes: Counter,
    /// Files that no version named any more and that were removed.
    pub files_removed: Counter,
}

/// The kind of a job, as a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct JobLabels {
    /// [`JobKind::name`].
    pub job: &'static str,
}

impl From<JobKind> for JobLabels {
    fn from(kind: JobKind) -> Self {
        Self { job: kind.name() }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds =
            || Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        Self {
            appended_lines: Counter::default(),
            appended_bytes: Counter::default(),
            repeated_batches: Counter::default(),
            repeated_lines: Counter::default(),
            remembered_lines: Gauge::default(),
            busy: Counter::default(),
            wal_sync_seconds: seconds(),
            wal_bytes: Gauge::default(),
            head_bytes: Gauge::default(),
            flushes: Counter::default(),
            flush_failures: Counter::default(),
            flush_seconds: seconds(),
            files_written: Counter::default(),
            file_bytes_written: Counter::default(),
            replayed_records: Counter::default(),
            torn_bytes: Counter::default(),
            derive_failures: Counter::default(),
            index_lookups: Counter::default(),
            index_hits: Counter::default(),
            index_misses: Counter::default(),
            index_cache_bytes: Gauge::default(),
            index_damaged: Counter::default(),
            pushes_refused: Gauge::default(),
            flushes_failing: Gauge::default(),
            damaged_files: Gauge::default(),
            clock_back_seconds: Gauge::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            cache_bytes: Gauge::default(),
            jobs_done: Family::default(),
            job_failures: Family::default(),
            jobs_failing: Gauge::default(),
            rewritten_bytes: Counter::default(),
            files_removed: Counter::default(),
        }
    }
}

impl Metrics {
    /// Adds all of them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("lapidary_storage");
        let mut counter = |name: &str, help: &str, counter: &Counter<u64, AtomicU64>| {
            registry.register(name, help, counter.clone());
        };
        counter("appended_lines", "Lines that were acknowledged", &self.appended_lines);
        counter("appended_bytes", "Bytes of text that were acknowledged", &self.appended_bytes);
        counter("repeated_batches", "Batches sent again although they were kept", &self.repeated_batches);
        counter("repeated_lines", "Lines dropped as received before within the window", &self.repeated_lines);
        counter("busy", "Batches refused because the memory budget was used up", &self.busy);
        counter("flushes", "Flushes that were committed", &self.flushes);
        counter("flush_failures", "Flushes that failed and are tried again", &self.flush_failures);
        counter("files_written", "Files written by flushes", &self.files_written);
        counter("file_bytes_written", "Bytes of files written by flushes", &self.file_bytes_written);
        counter("replayed_records", "WAL records replayed at the start", &self.replayed_records);
        counter("torn_bytes", "Bytes of WAL cut off as never acknowledged", &self.torn_bytes);
        counter("derive_failures", "Batches a derived table could not be made from", &self.derive_failures);
        counter("index_lookups", "Times the token index of a file was asked", &self.index_lookups);
        counter("index_hits", "Parts of token indexes found in memory", &self.index_hits);
        counter("index_misses", "Parts of token indexes that were read", &self.index_misses);
        counter("index_damaged", "Times a token index was found damaged and not used", &self.index_damaged);
        counter("cache_hits", "Blocks of a bucket's files read from the local disk", &self.cache_hits);
        counter("cache_misses", "Blocks of a bucket's files that had to be fetched", &self.cache_misses);
        counter("rewritten_bytes", "Bytes of files that jobs wrote in the place of others", &self.rewritten_bytes);
        counter("files_removed", "Files that no version named and that were removed", &self.files_removed);
        registry.register("jobs", "Background jobs that ended well, by kind", self.jobs_done.clone());
        registry.register("job_failures", "Background jobs that failed, by kind", self.job_failures.clone());
        registry.register("jobs_failing", "Background work that fails and is tried again", self.jobs_failing.clone());
        registry.register("head_bytes", "Accounted bytes of rows in memory", self.head_bytes.clone());
        registry.register("wal_bytes", "Bytes of WAL on disk", self.wal_bytes.clone());
        let mut gauge = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        gauge("index_cache_bytes", "Bytes of token indexes in memory", &self.index_cache_bytes);
        gauge("pushes_refused", "1 while pushes are refused because the WAL cannot be written", &self.pushes_refused);
        gauge("flushes_failing", "1 while flushes fail", &self.flushes_failing);
        gauge("damaged_files", "Damaged files that reads came upon since the start", &self.damaged_files);
        gauge("clock_back_seconds", "How far the clock is behind what it has shown", &self.clock_back_seconds);
        gauge("remembered_lines", "Lines remembered to recognise repeats", &self.remembered_lines);
        gauge("cache_bytes", "Bytes of a bucket's files on the local disk", &self.cache_bytes);
        let seconds = Unit::Seconds;
        registry.register_with_unit("wal_sync", "Time to sync the WAL", seconds.clone(), self.wal_sync_seconds.clone());
        registry.register_with_unit("flush", "Time to flush the head", seconds, self.flush_seconds.clone());
    }
}
