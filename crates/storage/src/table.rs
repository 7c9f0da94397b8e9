//! A table: its live files, its head, and who listens to it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::record_batch::RecordBatch;
use logline::{Tenant, Timestamp};
use tokio::sync::broadcast;
use tracing::error;

use crate::budget::Budget;
use crate::delta::{Change, Committed, DeltaLog, Live, News};
use crate::files::NewFile;
use crate::head::{Head, Part, Parts, Sealed};
use crate::jobs::lease::Lease;
use crate::merge::merge;
use crate::seen::Mark;
use crate::snapshot::{Pins, Snapshot};
use crate::{At, Error, FileRef, TableSpec, TableStatus};

/// Messages a slow subscriber may be behind.
const SUBSCRIBER_QUEUE: usize = 64;

/// A table kept by storage.
#[derive(Debug)]
pub struct Table {
    spec: TableSpec,
    node: Arc<str>,
    delta: DeltaLog,
    state: Mutex<State>,
    /// Held while an entry is written to the log and taken into the state: one after the other.
    committing: tokio::sync::Mutex<()>,
    lease: Lease,
    budget: Arc<Budget>,
    pins: Arc<Pins>,
    feed: broadcast::Sender<Arc<Appended>>,
}

/// Files and head change together, under one lock, so that a snapshot of both is one moment.
#[derive(Debug)]
struct State {
    live: Live,
    head: Head,
    /// WAL position up to which rows are in files.
    committed: u64,
    /// Whole files of the sealed rows, from just before their commit is first tried until it is known to be there.
    written: Option<Arc<[NewFile]>>,
    /// What commits brought that nobody was told yet.
    news: News,
}

/// Rows that just became durable and visible.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Whose rows these are.
    pub tenant: Tenant,
    /// The rows, with the columns of the table.
    pub rows: RecordBatch,
}

impl Table {
    /// Its name, columns and order.
    pub const fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// One (Delta version, head epoch) of a tenant's rows: a flush in between neither doubles nor misses a row.
    pub fn snapshot(&self, tenant: &Tenant) -> Snapshot {
        // Pinned before anything can change: a file that was live a moment ago is not removed under us.
        let state = self.state();
        let (version, files, parts) = (state.live.version(), state.live.files(tenant), state.head.parts(tenant));
        self.pinned(tenant, version, files, parts)
    }

    /// The rows of a tenant in files at some time in the past: what was in no file then is not among them. The files of
    /// versions that are older than the delay of removal may be gone; then a scan of them fails.
    pub async fn snapshot_at(&self, tenant: &Tenant, at: At) -> Result<Snapshot, Error> {
        let version = match at {
            At::Version(version) => version,
            At::Time(time) => self.delta.version_at(time, self.version()).await?,
        };
        let live = self.delta.live_at(version).await?;
        Ok(self.pinned(tenant, version, live.files(tenant), Parts::new()))
    }

    fn pinned(&self, tenant: &Tenant, version: u64, files: Arc<Vec<FileRef>>, parts: Parts) -> Snapshot {
        let pin = self.pins.pin(self.spec.name, tenant, &files, parts);
        Snapshot::new(Arc::clone(&self.node), tenant.clone(), version, files, pin)
    }

    /// Tenants that have rows.
    pub fn tenants(&self) -> Vec<Tenant> {
        let state = self.state();
        let all: BTreeSet<&Tenant> = state.live.tenants().chain(state.head.tenants()).collect();
        all.into_iter().cloned().collect()
    }

    /// Rows as they become durable and visible, in order. Bounded: who is too slow gets `Lagged` with the number of
    /// messages missed and goes on with newer ones.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Appended>> {
        self.feed.subscribe()
    }

    pub(crate) fn new(
        spec: TableSpec,
        node: Arc<str>,
        delta: (DeltaLog, Live, u64),
        shared: (Arc<Budget>, Arc<Pins>),
    ) -> Self {
        let (delta, live, committed) = delta;
        let (budget, pins) = shared;
        let state = Mutex::new(State { live, head: Head::default(), committed, written: None, news: News::default() });
        let feed = broadcast::Sender::new(SUBSCRIBER_QUEUE);
        Self {
            spec,
            node,
            delta,
            state,
            committing: tokio::sync::Mutex::default(),
            lease: Lease::default(),
            budget,
            pins,
            feed,
        }
    }

    pub(crate) const fn delta(&self) -> &DeltaLog {
        &self.delta
    }

    pub(crate) const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// WAL position up to which rows are in files.
    pub(crate) fn committed(&self) -> u64 {
        self.state().committed
    }

    /// Makes durable rows visible.
    pub(crate) fn insert(&self, tenant: &Tenant, rows: &RecordBatch) {
        let Some(part) = Part::new(rows.clone()) else { return };
        self.budget.change(part.bytes.cast_signed());
        self.state().head.insert(tenant, part);
    }

    /// Whether anybody wants to hear of rows.
    fn is_watched(&self) -> bool {
        self.feed.receiver_count() > 0
    }

    /// What commits brought since this was asked last.
    pub(crate) fn take_news(&self) -> News {
        std::mem::take(&mut self.state().news)
    }

    /// Tells the subscribers of rows that are visible now.
    pub(crate) fn announce(&self, tenant: &Tenant, rows: RecordBatch) {
        if self.is_watched() && rows.num_rows() > 0 {
            // An error means that the last subscriber just left.
            drop(self.feed.send(Arc::new(Appended { tenant: tenant.clone(), rows })));
        }
    }

    /// Keeps the number of parts small. The work is done outside the lock; only the writer may call it.
    pub(crate) fn merge(&self, tenant: &Tenant) {
        loop {
            let Some(parts) = self.state().head.mergeable(tenant) else { return };
            let batches: Vec<&RecordBatch> = parts.iter().map(|part| &part.rows).collect();
            let merged = merge(&self.spec.schema, &batches);
            let Ok(Some(merged)) = merged.map(Part::new) else {
                error!(table = self.spec.name, "cannot merge rows of the head; they stay apart");
                return;
            };
            let Some(change) = self.state().head.replace(tenant, &parts, merged) else { return };
            self.budget.change(change);
        }
    }

    pub(crate) fn seal(&self, position: u64, marks: impl FnOnce() -> Vec<Mark>) -> bool {
        self.state().head.seal(position, marks)
    }

    pub(crate) fn sealed(&self) -> Option<Sealed> {
        self.state().head.sealed()
    }

    /// Files of the sealed rows whose commit was tried.
    pub(crate) fn written(&self) -> Option<Arc<[NewFile]>> {
        self.state().written.clone()
    }

    /// Keeps the files of the sealed rows until their commit is known to be there.
    pub(crate) fn keep_written(&self, files: Vec<NewFile>) -> Arc<[NewFile]> {
        Arc::clone(self.state().written.insert(files.into()))
    }

    pub(crate) fn version(&self) -> u64 {
        self.state().live.version()
    }

    /// Commits the files of what is sealed, which take its place. Gives the version.
    pub(crate) async fn commit(&self, files: &[NewFile], sealed: &Sealed, now: Timestamp) -> Result<u64, Error> {
        let version = {
            let _alone = self.committing.lock().await;
            if sealed.position <= self.committed() {
                // An earlier attempt was written after all, and was found among what others wrote.
                return Ok(self.version());
            }
            let committed = self.delta.commit(self.version(), files, sealed, now).await?;
            let version = committed.version;
            self.advance(committed);
            version
        };
        self.delta.checkpoint(version).await;
        Ok(version)
    }

    /// Puts files in the place of live ones. `None` when another writer was faster with one of them: nothing was
    /// changed, and the new files are nobody's. Gives the version.
    pub(crate) async fn replace(&self, change: &Change, now: Timestamp) -> Result<Option<u64>, Error> {
        let version = {
            let _alone = self.committing.lock().await;
            if !self.state().live.has_all(&change.remove) {
                return Ok(None);
            }
            let (committed, done) = self.delta.replace(self.version(), change, now).await?;
            let version = committed.version;
            self.advance(committed);
            if !done {
                return Ok(None);
            }
            version
        };
        self.delta.checkpoint(version).await;
        Ok(Some(version))
    }

    /// Takes in what other writers committed.
    pub(crate) async fn refresh(&self) -> Result<(), Error> {
        let _alone = self.committing.lock().await;
        if let Some(news) = self.delta.news(self.version()).await? {
            self.advance(news);
        }
        Ok(())
    }

    /// Live files of all tenants, oldest first for each.
    pub(crate) fn live(&self) -> Vec<(Tenant, Arc<Vec<FileRef>>)> {
        let state = self.state();
        state.live.tenants().map(|tenant| (tenant.clone(), state.live.files(tenant))).collect()
    }

    /// Live files of a tenant in a folder of the table.
    pub(crate) fn live_in(&self, tenant: &Tenant, folder: &str) -> Vec<FileRef> {
        let files = self.state().live.files(tenant);
        let inside = |file: &&FileRef| file.path.rsplit_once('/').is_some_and(|(parent, _)| parent == folder);
        files.iter().filter(inside).cloned().collect()
    }

    /// Moves on to a committed version. Files of our own flush take the place of the sealed rows in the same moment,
    /// whoever read their commit: the answer to its writing may have got lost.
    fn advance(&self, committed: Committed) {
        let mut news = self.delta.news_in(&committed);
        if !self.is_watched() {
            news.added.clear();
        }
        let released = {
            let mut state = self.state();
            state.news.extend(news);
            let position = self.delta.position(&committed).unwrap_or(0);
            let is_flushed = state.head.sealed().is_some_and(|sealed| sealed.position <= position);
            state.live.advance(committed);
            if is_flushed {
                state.committed = position;
                state.written = None;
                state.head.release()
            } else {
                0
            }
        };
        self.budget.change(-released.cast_signed());
    }

    pub(crate) fn active_bytes(&self) -> u64 {
        self.state().head.active_bytes()
    }

    /// A live file, and whose it is.
    pub(crate) fn live_file(&self, path: &str) -> Option<(Tenant, FileRef)> {
        self.state().live.find(path)
    }

    /// Paths of all live files, relative to the table.
    pub(crate) fn live_paths(&self) -> BTreeSet<String> {
        self.state().live.all().map(|file| file.path.clone()).collect()
    }

    pub(crate) fn status(&self) -> TableStatus {
        let state = self.state();
        let mut status = TableStatus {
            name: self.spec.name,
            version: state.live.version(),
            files: 0,
            file_bytes: 0,
            file_rows: 0,
            head_rows: state.head.rows(),
        };
        for file in state.live.all() {
            status.files += 1;
            status.file_bytes += file.bytes;
            status.file_rows += file.rows;
        }
        status
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
