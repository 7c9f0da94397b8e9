//! The door: opens the data folder, appends, scans, flushes, closes.

mod open;

use std::fs::File;
use std::hash::BuildHasherDefault;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use logline::{Batch, Labels, Stream, Tenant};
use stdx::{Backoff, Rng, Shutdown};
use tracing::{error, warn};

use crate::error::Failure;
use crate::head::Parts;
use crate::health::Affected;
use crate::read::{self, FileRows, Footers, HeadRows, Plan, Step, Steps};
use crate::rows::RowMaker;
use crate::seen::{Mark, PrintSet};
use crate::shared::Shared;
use crate::wal;
use crate::writer::{Pending, Taken, Writer};
use crate::{
    AckLevel, Components, Config, Error, FileRef, Job, Metrics, Predicate, Scan, SharedStats, Source, Status, Table,
    TimeRange, Trouble, paths,
};

/// A batch with more text is refused; ingest's own limits are far below.
const MAX_BATCH_BYTES: usize = 256 << 20;
/// Batches with more text are prepared on a blocking thread.
const SMALL_BATCH_BYTES: usize = 64 << 10;
/// What a line takes in memory besides its text, and a batch besides its lines; estimates, replaced by what the rows
/// really take once they are in the head.
const LINE_OVERHEAD: usize = 96;
const BATCH_OVERHEAD: usize = 8 << 10;
/// When a push that found the budget used up should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often the background task looks at the head.
const TICK: Duration = Duration::from_secs(1);
/// How often a node that shares a bucket looks at what others have done.
const FOLLOW: Duration = Duration::from_secs(5);

/// Keeps batches and answers scans; share it with `Arc`.
#[derive(Debug)]
pub struct Storage {
    shared: Arc<Shared>,
    rows: RowMaker,
    writer: Writer,
    footers: Arc<Footers>,
    flush_interval: Duration,
    shutdown: Shutdown,
    data_dir: PathBuf,
    closed: AtomicBool,
    lock: Mutex<Option<File>>,
}

/// A batch on its way to the writer.
struct Prepared {
    pending: Pending,
    lines: usize,
    bytes: usize,
}

impl Storage {
    /// Locks the data folder, opens the tables and replays what the WAL holds beyond them.
    ///
    /// Starts a thread for the WAL and a background task that flushes; dropping the storage without
    /// [`Self::close`] is like a crash: nothing acknowledged is lost.
    pub async fn open(config: Config, components: Components) -> Result<Arc<Self>, Error> {
        open::open(config, components).await
    }

    /// Returns once the batch is durable (at the configured level) **and** visible to scans.
    ///
    /// After a crash every batch that returned `Ok` is there once; one that did not may be there or not, never in
    /// part. Batches of one caller become visible in the order they were appended. An empty batch is fine. Dropping
    /// the future does not take the batch back.
    ///
    /// A batch with an id that was kept before is not kept again, also after a restart: of an agent's last 1,024 numbers
    /// each is known, everything below them counts as kept, and after a restart also what lies below the highest number
    /// that is in files.
    ///
    /// Of a batch without an id, lines are dropped that equal one (stream, timestamp, text, metadata) received within
    /// `dedup_window` in such a batch, or in this one, also after a restart.
    pub async fn append(&self, batch: Batch) -> Result<(), Error> {
        let (lines, bytes) = (batch.lines(), batch.bytes());
        if lines == 0 {
            return Ok(());
        }
        if self.closed.load(Ordering::Relaxed) {
            return Err(Failure::Unavailable("storage is closing").into());
        }
        if MAX_BATCH_BYTES < bytes {
            return Err(Error::invalid(format!("a batch of {bytes} bytes is over the limit of {MAX_BATCH_BYTES}")));
        }
        if let Some(id) = batch.id.filter(|id| i64::try_from(id.sequence).is_err()) {
            return Err(Error::invalid(format!("the number `{}` of a batch is over {}", id.sequence, i64::MAX)));
        }
        if self.shared.budget.is_full() {
            return Err(self.busy());
        }
        batch.streams.iter().try_for_each(check_labels)?;
        let mut next = self.prepare(batch).await?;
        // Each turn has fewer lines than the one before.
        while let Some(prepared) = next.take() {
            let Prepared { pending, lines, bytes } = prepared;
            match self.writer.append(pending).await? {
                Taken::Stored => {
                    self.shared.metrics.appended_lines.inc_by(lines as u64);
                    self.shared.metrics.appended_bytes.inc_by(bytes as u64);
                }
                Taken::Repeat => drop(self.shared.metrics.repeated_batches.inc()),
                Taken::Known(pending, known) => {
                    let mut batch = wal::decode(&pending.record).map_err(Error::internal)?;
                    drop(pending);
                    self.without(&mut batch, &known);
                    next = self.prepare(batch).await?;
                }
            }
        }
        Ok(())
    }

    /// A table by its name: [`crate::LOGS`], or that of a [`crate::Derive`].
    pub fn table(&self, name: &str) -> Option<Arc<Table>> {
        self.shared.tables.iter().find(|table| table.spec().name == name).map(Arc::clone)
    }

    /// Reads rows. The stream yields batches with exactly the projected columns; dropping it stops the work.
    /// Must be polled within a tokio runtime: decoding runs on its blocking threads, in steps of some milliseconds.
    ///
    /// Fails at once when the scan cannot be asked: [`crate::Kind::Invalid`] for an unknown table or column, a text
    /// condition on a column without text, a bad regular expression or a file of another tenant;
    /// [`crate::Kind::Unavailable`] when the snapshot of a head is gone.
    pub fn scan(
        &self,
        scan: &Scan,
        stats: &SharedStats,
    ) -> Result<BoxStream<'static, Result<RecordBatch, Error>>, Error> {
        let table =
            self.table(&scan.table).ok_or_else(|| Error::invalid(format!("there is no table `{}`", scan.table)))?;
        let hidden = self.shared.deletes.hidden(&scan.table, &scan.tenant, &scan.range, &scan.source);
        let plan = Arc::new(Plan::new(table.spec(), scan, &hidden, stats)?);
        match &scan.source {
            Source::Files { files, .. } => {
                let own = format!("{}/", paths::tenant_folder(&scan.tenant));
                let stranger = files.iter().find(|file| !file.path.starts_with(&own) || !is_plain(&file.path));
                if let Some(file) = stranger {
                    return Err(Error::invalid(format!("`{}` is no file of tenant `{}`", file.path, scan.tenant)));
                }
                let store = Arc::clone(table.delta().store());
                let pins = &self.shared.pins;
                let pin = pins.pin(table.spec().name, &scan.tenant, &Arc::new(files.clone()), Parts::new());
                let rows = FileRows::new(plan, store, Arc::clone(&self.footers), files.iter().cloned());
                let shared = Arc::clone(&self.shared);
                let noted = read::stream(rows).inspect_err(move |error| {
                    // The files stay as long as the stream does.
                    let _held = &pin;
                    shared.health.note_damage(error);
                });
                Ok(noted.boxed())
            }
            Source::Head { node, epoch } => {
                if **node != *self.shared.node {
                    return Err(Error::invalid(format!("the head of node `{node}` is not on this node")));
                }
                let parts = self.shared.pins.get(*epoch, &scan.table, &scan.tenant);
                let parts = parts.ok_or(Failure::Unavailable("the snapshot of the head is gone"))?;
                Ok(read::stream(HeadRows::new(plan, parts.to_vec())))
            }
        }
    }

    /// Moves what the head holds now into committed files. Appends go on meanwhile.
    pub async fn flush(&self) -> Result<(), Error> {
        if let Some(position) = self.shared.flush().await? {
            self.writer.recycle(position).await;
        }
        Ok(())
    }

    /// Flushes and stops; every append fails afterwards, scans go on. The folder is unlocked when this ends, also
    /// when the flush fails: the WAL holds what is not in files.
    pub async fn close(&self) -> Result<(), Error> {
        self.closed.store(true, Ordering::Relaxed);
        let wal = self.writer.stop().await;
        let flushed = self.shared.flush().await;
        if let (Ok(Some(position)), Some(mut wal)) = (&flushed, wal) {
            wal.recycle(*position)?;
            self.shared.show_wal_bytes(wal.as_ref());
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        flushed.map(drop)
    }

    /// Takes in what other nodes committed, and what they hide.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        for table in &self.shared.tables {
            table.refresh().await?;
        }
        self.tell_news().await;
        let deletes = Arc::clone(&self.shared.deletes);
        tokio::task::spawn_blocking(move || deletes.refresh()).await.map_err(Error::internal)?
    }

    /// Tells who watches of rows that other nodes committed, and of rows that were made anew.
    pub(crate) async fn tell_news(&self) {
        for table in &self.shared.tables {
            let mut news = table.take_news();
            if !news.added.is_empty() {
                let (table, footers, added) = (Arc::clone(table), Arc::clone(&self.footers), news.added);
                let told = tokio::task::spawn_blocking(move || announce(&table, &footers, added)).await;
                if let Err(error) = told.map_err(Error::internal).and_then(|told| told) {
                    // A file may be merged with others by now: then all is read again.
                    warn!(%error, "rows of other nodes cannot be told one by one");
                    news.remade = true;
                }
            }
            if news.remade {
                self.shared.jobs.note_remade();
            }
        }
    }

    /// Background work: what runs, and what ended last.
    pub fn jobs(&self) -> Vec<Job> {
        self.shared.jobs.list()
    }

    /// Tells a running job to stop. It leaves nothing half done, and its work is left alone for half an hour.
    pub fn cancel_job(&self, id: u64) -> Result<(), Error> {
        self.shared.jobs.cancel(id)
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) const fn rows(&self) -> &RowMaker {
        &self.rows
    }

    pub(crate) const fn footers(&self) -> &Arc<Footers> {
        &self.footers
    }

    pub(crate) const fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Numbers for `/metrics`.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The state, for people.
    pub fn status(&self) -> Status {
        let health = &self.shared.health;
        let (deletes_waiting, deletes_rewritten) = self.shared.deletes.counts();
        Status {
            job_errors: self.shared.jobs.failing(self.shared.clock.instant()).into_iter().map(|(_, why)| why).collect(),
            deletes_waiting,
            deletes_rewritten,
            node: self.shared.node.to_string(),
            head_bytes: self.shared.budget.used(),
            head_limit_bytes: self.shared.budget.limit(),
            wal_position: self.shared.inserted().position,
            wal_bytes: u64::try_from(self.shared.metrics.wal_bytes.get()).unwrap_or(0),
            flush_error: health.trouble(Affected::Flushes).map(|trouble| trouble.reason),
            troubles: health.troubles(),
            tables: self.shared.tables.iter().map(|table| table.status()).collect(),
        }
    }

    /// What is in the way right now.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.shared.health.troubles()
    }

    fn busy(&self) -> Error {
        self.shared.metrics.busy.inc();
        self.shared.wake.notify_one();
        Failure::Busy { retry_after: RETRY_AFTER }.into()
    }

    /// Makes rows and record of a batch, under the budget; `None` when there is nothing in it.
    async fn prepare(&self, mut batch: Batch) -> Result<Option<Prepared>, Error> {
        let prints = match &self.shared.prints {
            Some(prints) if batch.id.is_none() => {
                let prints = prints.batch(&batch);
                self.distinct(&mut batch, prints)
            }
            _ => Vec::new(),
        };
        let (lines, bytes) = (batch.lines(), batch.bytes());
        if lines == 0 {
            return Ok(None);
        }
        let estimate = bytes + lines * LINE_OVERHEAD + BATCH_OVERHEAD;
        let reserved = self.shared.budget.reserve(estimate as u64).ok_or_else(|| self.busy())?;
        let maker = self.rows.clone();
        let work = move || {
            let rows = maker.make(&batch, |_| true)?;
            let tenant = batch.tenant.clone();
            let mark = batch.id.map(|id| Mark { tenant: tenant.clone(), id });
            let record = wal::encode(&batch).map_err(Error::internal)?;
            Ok::<_, Error>(Pending { record, tenant, mark, prints, rows, reserved })
        };
        let made = if bytes <= SMALL_BATCH_BYTES {
            work()
        } else {
            let made = tokio::task::spawn_blocking(work).await;
            made.map_err(|error| Error::internal(format!("an append ended early: {error}")))?
        };
        Ok(Some(Prepared { pending: made?, lines, bytes }))
    }

    /// Drops lines that stand in the batch before; gives the fingerprints of those that stay.
    fn distinct(&self, batch: &mut Batch, mut prints: Vec<u64>) -> Vec<u64> {
        let mut seen = PrintSet::with_capacity_and_hasher(prints.len(), BuildHasherDefault::default());
        let known: Vec<bool> = prints.iter().map(|print| !seen.insert(*print)).collect();
        if seen.len() < prints.len() {
            self.without(batch, &known);
            let mut known = known.into_iter();
            prints.retain(|_| known.next() != Some(true));
        }
        prints
    }

    /// Drops the lines that are known, of all in the order of the batch.
    fn without(&self, batch: &mut Batch, known: &[bool]) {
        let before = batch.lines();
        let mut known = known.iter();
        for stream in &mut batch.streams {
            stream.entries.retain(|_| known.next() != Some(&true));
        }
        batch.streams.retain(|stream| !stream.entries.is_empty());
        self.shared.metrics.repeated_lines.inc_by((before - batch.lines()) as u64);
    }

    /// Flushes when the head is large or old; whether a flush succeeded, if one was due.
    async fn tick(&self) -> Option<bool> {
        if self.shared.ack != AckLevel::Fsync {
            self.writer.sync().await;
        }
        self.shared.health.note_time(self.shared.clock.now());
        if self.shared.health.trouble(Affected::Pushes).is_some() {
            self.writer.probe().await;
        }
        let since = self.shared.inserted().since;
        let age = since.map(|since| self.shared.clock.instant().saturating_duration_since(since));
        let due = self.shared.has_left_over()
            || age.is_some_and(|age| self.flush_interval <= age)
            || self.shared.flush_bytes <= self.shared.active_bytes();
        if !due || self.closed.load(Ordering::Relaxed) {
            return None;
        }
        let flushed = self.flush().await;
        if let Err(error) = &flushed {
            error!(%error, "the head could not be flushed; it stays in memory and in the WAL");
        }
        Some(flushed.is_ok())
    }
}

/// Tells subscribers of the rows of files; blocks.
fn announce(table: &Table, footers: &Arc<Footers>, added: Vec<(Tenant, FileRef)>) -> Result<(), Error> {
    let columns: Vec<String> = table.spec().schema.fields().iter().map(|field| field.name().clone()).collect();
    for (tenant, file) in added {
        let plan = Plan::own(table.spec(), TimeRange::ALL, &Predicate::True, &[], &columns)?;
        let store = Arc::clone(table.delta().store());
        let mut rows = FileRows::new(Arc::new(plan), store, Arc::clone(footers), [file]);
        loop {
            match rows.step()? {
                Step::More => {}
                Step::Rows(rows) => table.announce(&tenant, rows),
                Step::Done => break,
            }
        }
    }
    Ok(())
}

/// Takes in what other nodes committed, from time to time, until told to stop or the storage is gone. Background work does
/// so as well, but may be at one file for minutes.
async fn follow(storage: Weak<Storage>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(FOLLOW) => {}
        }
        let Some(storage) = storage.upgrade() else { return };
        let followed = match storage.keep_leases().await {
            Ok(()) => storage.catch_up().await,
            failed => failed,
        };
        storage.shared.health.note(Affected::Bucket, &followed);
    }
}

/// Flushes from time to time until told to stop or the storage is gone.
async fn background(storage: Weak<Storage>, shared: Arc<Shared>, mut shutdown: Shutdown) {
    let Some(mut backoff) = Backoff::new(TICK, Duration::from_secs(30), Rng::from_entropy()) else { return };
    let mut wait = TICK;
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = shared.wake.notified(), if wait == TICK => {}
            () = tokio::time::sleep(wait) => {}
        }
        let Some(storage) = storage.upgrade() else { return };
        match storage.tick().await {
            Some(false) => wait = backoff.next_wait(),
            Some(true) | None => {
                backoff.reset();
                wait = TICK;
            }
        }
    }
}

/// A stream is known by the text of its labels, which must therefore read back as the same labels.
fn check_labels(stream: &Stream) -> Result<(), Error> {
    let text = stream.labels.to_string();
    if Labels::parse(&text).is_ok_and(|labels| labels == stream.labels) {
        return Ok(());
    }
    Err(Error::invalid(format!("the labels `{text}` have a name that is no label name")))
}

/// Whether a path stays below the folder it is relative to.
fn is_plain(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
