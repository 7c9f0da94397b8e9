//! One query while it runs: what it may use, what it has used, how its plans are executed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use auth::{Cost, Scope};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use logline::Reader;
use stdx::Clock;
#[cfg(test)]
use storage::SharedStats;
use storage::{ScanStats, Storage};

use crate::answer::{Answer, Stats};
use crate::cache::Cache;
use crate::config::Limits;
use crate::error::{Error, Failure};
use crate::exec::{QueryContext, Share};
use crate::turns::Turn;
use crate::workers::Workers;

/// One of the counters of a scan.
type Count = fn(&ScanStats) -> &AtomicU64;

/// What a query has cost so far; for the audit trail, not for whoever asked.
#[derive(Clone, Debug)]
pub struct Spent(Arc<QueryContext>);

impl Spent {
    /// What was looked at up to now.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.0.cost()
    }
}

/// A query that runs.
#[derive(Debug)]
pub(crate) struct Run {
    clock: Arc<dyn Clock>,
    started: Instant,
    timeout: Duration,
    query: Arc<QueryContext>,
    task: Arc<TaskContext>,
    cache: Arc<Cache>,
    /// Whether whoever asks sees everything, and so may be told what reading took.
    sees_everything: bool,
    /// Its place among the queries that run, and how long it waited for it.
    turn: Option<(Turn, Duration)>,
    workers: Arc<Workers>,
}

impl Run {
    pub(crate) fn new(
        (storage, reader): (&Arc<Storage>, &Arc<Reader>),
        scope: &Scope,
        limits: &Limits,
        (memory, per_query): (&Arc<RuntimeEnv>, usize),
        clock: &Arc<dyn Clock>,
        (cache, workers): (&Arc<Cache>, &Arc<Workers>),
    ) -> Self {
        let query = Arc::new(QueryContext::new(storage, reader, limits.max_bytes, clock.now().into()));
        let share = Share::of(Arc::clone(&memory.memory_pool), per_query);
        let memory = RuntimeEnv { memory_pool: Arc::new(share), ..RuntimeEnv::clone(memory) };
        let config = SessionConfig::new().with_extension(Arc::clone(&query));
        let task = TaskContext::default().with_session_config(config).with_runtime(Arc::new(memory));
        Self {
            clock: Arc::clone(clock),
            started: clock.instant(),
            timeout: limits.timeout,
            query,
            task: Arc::new(task),
            cache: Arc::clone(cache),
            sees_everything: scope.tenants().iter().all(|tenant| scope.sight(tenant).is_everything()),
            turn: None,
            workers: Arc::clone(workers),
        }
    }

    /// Holds its place among the queries that run.
    pub(crate) fn with_turn(mut self, turn: Turn, waited: Duration) -> Self {
        self.turn = Some((turn, waited));
        self
    }

    /// Whether whoever asks sees everything.
    pub(crate) const fn sees_everything(&self) -> bool {
        self.sees_everything
    }

    /// Points that were computed before.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What plans are decoded with.
    #[cfg(test)]
    pub(crate) const fn task(&self) -> &Arc<TaskContext> {
        &self.task
    }

    /// What scans count in; each holds it while it runs.
    #[cfg(test)]
    pub(crate) fn scanned(&self) -> &SharedStats {
        &self.query.scanned
    }

    /// Where plans read.
    #[cfg(test)]
    pub(crate) fn storage(&self) -> &Arc<Storage> {
        &self.query.storage
    }

    /// Executes a plan batch by batch on the threads of queries; dropping the stream stops it.
    pub(crate) fn stream(&self, plan: Arc<dyn ExecutionPlan>) -> Result<SendableRecordBatchStream, Error> {
        #[cfg(test)]
        let plan = crate::tests::travelled(self, plan)?;
        self.workers.stream(plan, Arc::clone(&self.task))
    }

    /// Executes a plan and gathers what it yields; dropping the future stops it.
    pub(crate) async fn collect(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<RecordBatch>, Error> {
        let memory = MemoryConsumer::new("answer").register(self.task.memory_pool());
        let mut rows = self.stream(plan)?;
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            memory.try_grow(batch.get_array_memory_size())?;
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Waits for an answer, but not longer than a query may take.
    pub(crate) async fn within_limits<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout.into()),
        }
    }

    /// So many files and rows are looked at again, for another time.
    pub(crate) fn look_again(&self, files: u64, rows: u64) {
        self.query.look_again(files, rows);
    }

    /// Tells what it has cost, while it runs and after.
    pub(crate) fn spent(&self) -> Spent {
        Spent(Arc::clone(&self.query))
    }

    /// What it has cost so far, told to nobody yet.
    pub(crate) fn stats(&self, returned: u64) -> Stats {
        let (files, head) = (&self.query.scanned, &self.query.head);
        let of = |count: Count| (count(files).load(Ordering::Relaxed), count(head).load(Ordering::Relaxed));
        let both = |count: Count| of(count).0 + of(count).1;
        // What another scan of the same list reads was ruled out by its time in this one.
        let (files_again, lines_again) = self.query.looked_again();
        let of_others = both(|stats| &stats.rows_pruned_by_time).min(lines_again);
        Stats {
            bytes: both(|stats| &stats.bytes_read),
            bytes_of_head: of(|stats| &stats.bytes_read).1,
            lines: both(|stats| &stats.rows_read),
            lines_of_head: of(|stats| &stats.rows_read).1,
            lines_kept: self.query.lines_kept.load(Ordering::Relaxed),
            metadata_bytes: self.query.metadata_bytes.load(Ordering::Relaxed),
            streams: self.query.streams(),
            files: both(|stats| &stats.files).saturating_sub(files_again),
            lines_pruned: both(|stats| &stats.rows_pruned).saturating_sub(of_others),
            lines_pruned_by_time: both(|stats| &stats.rows_pruned_by_time) - of_others,
            lines_pruned_by_stream: both(|stats| &stats.rows_pruned_by_stream),
            lines_pruned_by_index: both(|stats| &stats.rows_pruned_by_index),
            lines_by_statistics: both(|stats| &stats.rows_by_statistics),
            lines_by_pattern: both(|stats| &stats.rows_by_pattern),
            index_bytes: both(|stats| &stats.index_bytes_read),
            returned,
            waited: self.turn.as_ref().map_or(Duration::ZERO, |(_, waited)| *waited),
            took: self.clock.instant().saturating_duration_since(self.started),
        }
    }

    /// What is given out: so much was found.
    pub(crate) fn answer<T>(&self, data: T, returned: usize) -> Answer<T> {
        Answer { data, stats: self.told(returned as u64), cost: self.query.cost(), warnings: Vec::new() }
    }

    /// What it took so far, as far as whoever asked may be told; so much was found.
    pub(crate) fn told(&self, returned: u64) -> Stats {
        self.stats(returned).told(self.sees_everything)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.query.end();
    }
}
