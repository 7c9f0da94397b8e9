//! A table: its live files, its head, and who listens to it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::record_batch::RecordBatch;
use logline::Tenant;
use tokio::sync::broadcast;
use tracing::error;

use crate::budget::Budget;
use crate::delta::{Committed, DeltaLog, Live};
use crate::files::NewFile;
use crate::head::{Head, Part, Sealed};
use crate::merge::merge;
use crate::seen::Mark;
use crate::snapshot::{Pins, Snapshot};
use crate::{FileRef, TableSpec, TableStatus};

/// Messages a slow subscriber may be behind.
const SUBSCRIBER_QUEUE: usize = 64;

/// A table kept by storage.
#[derive(Debug)]
pub struct Table {
    spec: TableSpec,
    node: Arc<str>,
    delta: DeltaLog,
    state: Mutex<State>,
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
        let (version, files, parts) = {
            let state = self.state();
            (state.live.version(), state.live.files(tenant), state.head.parts(tenant))
        };
        Snapshot::new(
            Arc::clone(&self.node),
            tenant.clone(),
            version,
            files,
            self.pins.pin(self.spec.name, tenant, parts),
        )
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
        let state = Mutex::new(State { live, head: Head::default(), committed, written: None });
        Self { spec, node, delta, state, budget, pins, feed: broadcast::Sender::new(SUBSCRIBER_QUEUE) }
    }

    pub(crate) const fn delta(&self) -> &DeltaLog {
        &self.delta
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

    /// Tells the subscribers of rows that are visible now.
    pub(crate) fn announce(&self, tenant: &Tenant, rows: RecordBatch) {
        if self.feed.receiver_count() > 0 && rows.num_rows() > 0 {
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

    /// The files of a commit take the place of the sealed rows.
    pub(crate) fn advance(&self, committed: Committed, position: u64) {
        let released = {
            let mut state = self.state();
            state.live.advance(committed);
            state.committed = position;
            state.written = None;
            state.head.release()
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
