//! What the writer, flushes and scans of one storage share, and the flush itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use logline::{Tenant, Timestamp};
use stdx::Clock;
use tokio::sync::{Notify, OwnedMutexGuard};
use tracing::{debug, info};

use crate::budget::Budget;
use crate::deletes::Deletes;
use crate::files::{self, NewFile};
use crate::head::Sealed;
use crate::health::{Affected, Health};
use crate::jobs::Jobs;
use crate::rows::LOGS_INDEX;
use crate::seen::{Mark, Prints, Seen, SeenLines};
use crate::snapshot::Pins;
use crate::wal::Wal;
use crate::{AckLevel, Error, Lifecycle, Metrics, Table};

/// State behind a storage.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: Arc<str>,
    /// What files are named after.
    pub(crate) author: Arc<str>,
    pub(crate) ack: AckLevel,
    pub(crate) flush_bytes: u64,
    pub(crate) tables: Vec<Arc<Table>>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) pins: Arc<Pins>,
    pub(crate) deletes: Arc<Deletes>,
    pub(crate) jobs: Jobs,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Arc<dyn Clock>,
    /// Told when the head has grown large.
    pub(crate) wake: Notify,
    pub(crate) inserted: Mutex<Inserted>,
    /// Makes fingerprints of lines; `None` when all lines are kept.
    pub(crate) prints: Option<Prints>,
    /// Held by the flush that runs.
    pub(crate) flushing: Arc<tokio::sync::Mutex<()>>,
    pub(crate) health: Health,
}

/// How far the heads are. Held while rows of a record go into all heads and while all heads are sealed, so that a seal
/// cuts every table at one WAL position.
#[derive(Debug)]
pub(crate) struct Inserted {
    /// WAL position of the newest record whose rows are in the heads or in files.
    pub(crate) position: u64,
    /// Since when the heads have rows that are not sealed.
    pub(crate) since: Option<Instant>,
    /// Numbered batches whose rows are in the heads or in files.
    pub(crate) seen: Seen,
    /// Lines without a number that were received lately.
    pub(crate) lines: SeenLines,
}

/// What one batch brings: its rows for each table, by the table's index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) mark: Option<&'a Mark>,
    /// Fingerprints of its lines, when they have no number.
    pub(crate) prints: &'a [u64],
    pub(crate) tables: &'a [(usize, RecordBatch)],
}

impl Shared {
    /// Makes durable batches visible; `last` is the WAL position of the last of them.
    pub(crate) fn insert<'a>(&self, last: u64, batches: impl Iterator<Item = Rows<'a>>) {
        let now = self.clock.instant();
        let mut inserted = self.inserted();
        for batch in batches {
            for (table, rows) in batch.tables {
                if *table == LOGS_INDEX {
                    self.deletes.observe(batch.tenant, rows);
                }
                self.tables[*table].insert(batch.tenant, rows);
            }
            if let Some(mark) = batch.mark {
                inserted.seen.insert(mark);
            }
            inserted.lines.insert(batch.prints, now);
        }
        inserted.position = last;
        inserted.since = inserted.since.or(Some(now));
        self.metrics.remembered_lines.set(i64::try_from(inserted.lines.len()).unwrap_or(i64::MAX));
    }

    pub(crate) fn inserted(&self) -> MutexGuard<'_, Inserted> {
        self.inserted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    /// Wakes the background task when a flush may be due.
    pub(crate) fn wake_when_large(&self) {
        if self.flush_bytes <= self.budget.used() {
            self.wake.notify_one();
        }
    }

    /// Accounted bytes that are not sealed.
    pub(crate) fn active_bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.active_bytes()).sum()
    }

    /// Whether an earlier flush has left work that nobody is doing.
    pub(crate) fn has_left_over(&self) -> bool {
        self.flushing.try_lock().is_ok() && self.tables.iter().any(|table| table.sealed().is_some())
    }

    /// Background work that fails, also when it cannot even be looked for.
    pub(crate) fn note_jobs(&self, lost: Option<&Error>) {
        let mut failing = self.jobs.failing(self.clock.instant());
        failing.extend(lost.map(|error| (error.summary(), error.to_string())));
        self.health.note_jobs(&failing);
    }

    pub(crate) fn is_job_failing(&self) -> bool {
        !self.jobs.failing(self.clock.instant()).is_empty()
    }

    pub(crate) fn show_wal_bytes(&self, wal: &dyn Wal) {
        self.metrics.wal_bytes.set(i64::try_from(wal.bytes()).unwrap_or(i64::MAX));
    }

    /// Moves what the heads hold now into committed files. Returns the WAL position that all tables have passed, or
    /// `None` when there was nothing to do. Safe to drop and to try again at any point.
    pub(crate) async fn flush(&self) -> Result<Option<u64>, Error> {
        let running = Arc::new(Arc::clone(&self.flushing).lock_owned().await);
        let started = self.clock.instant();
        let flushed = self.flush_all(&running).await;
        self.health.note(Affected::Flushes, &flushed);
        match &flushed {
            Ok(Some(position)) => {
                let took = self.clock.instant().saturating_duration_since(started);
                self.metrics.flushes.inc();
                self.metrics.flush_seconds.observe(took.as_secs_f64());
                info!(position, seconds = took.as_secs_f64(), "flushed");
            }
            Ok(None) => {}
            Err(_) => drop(self.metrics.flush_failures.inc()),
        }
        flushed
    }

    async fn flush_all(&self, running: &Arc<OwnedMutexGuard<()>>) -> Result<Option<u64>, Error> {
        // What an earlier flush has left comes first: only then can all tables be sealed at one position.
        let left = self.flush_sealed(running).await?;
        if !self.seal() {
            return Ok(left);
        }
        self.flush_sealed(running).await
    }

    /// Seals all heads at one WAL position; false when they are empty.
    ///
    /// The numbers of the batches go with the lines: a batch has lines and is marked in the same step in which they are
    /// inserted, so that the marks are those of exactly the sealed records. A commit that claimed a batch behind the
    /// seal would be believed after a crash that took the batch with it, as it may when the disk is not waited for.
    pub(crate) fn seal(&self) -> bool {
        let mut inserted = self.inserted();
        let Inserted { position, since, seen, .. } = &mut *inserted;
        *since = None;
        let mut any = false;
        for (index, table) in self.tables.iter().enumerate() {
            any |= table.seal(*position, || if index == LOGS_INDEX { seen.take_changed() } else { Vec::new() });
        }
        any
    }

    async fn flush_sealed(&self, running: &Arc<OwnedMutexGuard<()>>) -> Result<Option<u64>, Error> {
        let mut flushed = None;
        for table in &self.tables {
            if let Some(sealed) = table.sealed() {
                // A commit that failed may have been written after all: its files must be neither written nor removed again.
                let files = match table.written() {
                    Some(files) => files,
                    None => table.keep_written(self.write(table, sealed.clone(), running).await?),
                };
                self.commit(table, &files, &sealed).await?;
                flushed = Some(sealed.position);
            }
        }
        Ok(flushed)
    }

    /// Writes the files of one table.
    async fn write(
        &self,
        table: &Arc<Table>,
        sealed: Sealed,
        running: &Arc<OwnedMutexGuard<()>>,
    ) -> Result<Vec<NewFile>, Error> {
        let (table, author) = (Arc::clone(table), Arc::clone(&self.author));
        // The guard goes with the work: should this future be dropped, no other flush starts before it is done.
        let (running, deletes) = (Arc::clone(running), Arc::clone(&self.deletes));
        let work = move || {
            deletes.sync()?;
            let files = files::write(table.delta().store().as_ref(), table.spec(), &author, &sealed);
            drop(running);
            files
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::internal(format!("a flush ended early: {error}")))?
    }

    /// Commits the files of one table, which then take the place of its sealed rows.
    pub(crate) async fn commit(&self, table: &Table, files: &[NewFile], sealed: &Sealed) -> Result<(), Error> {
        let version = table.commit(files, sealed, self.now()).await?;
        self.metrics.files_written.inc_by(files.len() as u64);
        self.metrics.file_bytes_written.inc_by(files.iter().map(|new| new.file.bytes).sum());
        debug!(table = table.spec().name, version, position = sealed.position, files = files.len(), "committed");
        Ok(())
    }
}
