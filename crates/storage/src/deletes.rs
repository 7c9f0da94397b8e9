//! Requests to delete lines: hidden from every reader at once, written out of the files later.
//!
//! A request is kept beside the table of lines, where every node finds it: one small file for each state it reaches,
//! written once. A derived table goes with its lines: the rows that its hook makes of the lines are known by their ids.

mod request;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::AsArray;
use arrow::record_batch::RecordBatch;
use logline::{Tenant, Timestamp};
use tokio::sync::watch;
use tracing::warn;

pub use self::request::{Delete, DeleteState, NewDelete};
pub(crate) use self::request::{Request, Stored};
use crate::error::Failure;
use crate::filter::Hidden;
use crate::rows::{LOGS_INDEX, RowMaker};
use crate::store::{Listed, Store};
use crate::{Error, Source, TableSpec, TimeRange, logs, paths};

/// Requests of one tenant that are not done yet; each costs every query of their time.
const MAX_ACTIVE: usize = 1_000;
/// A state is small; no file with one is read beyond this.
const MAX_STATE_BYTES: u64 = 64 << 20;

/// All requests, and what they hide.
#[derive(Debug)]
pub(crate) struct Deletes {
    /// That of the table of lines.
    store: Arc<dyn Store>,
    rows: RowMaker,
    specs: Vec<TableSpec>,
    all: Mutex<BTreeMap<String, Arc<Request>>>,
    /// The request whose lines are being written out of files; held while one is cancelled.
    processing: Mutex<Option<String>>,
    /// Counts how often what is hidden has changed.
    changes: watch::Sender<u64>,
}

/// While it lives, a request is being processed and cannot be cancelled.
#[derive(Debug)]
pub(crate) struct Processing<'a>(&'a Deletes);

impl Drop for Processing<'_> {
    fn drop(&mut self) {
        *self.0.processing() = None;
    }
}

impl Deletes {
    /// Reads what is known of requests; blocks.
    pub(crate) fn open(store: Arc<dyn Store>, rows: RowMaker) -> Result<Self, Error> {
        let (all, processing, changes) = (Mutex::default(), Mutex::default(), watch::Sender::new(0));
        let deletes = Self { store, specs: rows.specs(), rows, all, processing, changes };
        deletes.refresh()?;
        Ok(deletes)
    }

    /// Takes in what other nodes wrote; blocks.
    pub(crate) fn refresh(&self) -> Result<(), Error> {
        let mut newest: BTreeMap<String, Vec<(u8, String, u64)>> = BTreeMap::new();
        for file in self.store.list(paths::deletes())? {
            if let Some((id, state)) = paths::parse_delete_state(&file.path) {
                newest.entry(id.to_owned()).or_default().push((state, file.path.clone(), file.bytes));
            }
        }
        for (id, mut states) in newest {
            states.sort();
            let known = self.get(&id).map(|known| known.stored.state.number());
            if known >= states.last().map(|(state, ..)| *state) {
                continue;
            }
            // A state that was cut off by a crash was never told to anybody; the one before it counts.
            let read = |(_, path, bytes): &(u8, String, u64)| self.read(path, *bytes).transpose();
            match states.iter().rev().find_map(read).transpose()? {
                Some(stored) => self.insert(self.request(stored)?),
                None => warn!(request = id, "a request to delete lines was never completed; it is ignored"),
            }
        }
        Ok(())
    }

    fn read(&self, path: &str, bytes: u64) -> Result<Option<Stored>, Error> {
        let text = self.bytes(path, bytes)?;
        Ok(serde_json::from_slice(&text).ok())
    }

    fn bytes(&self, path: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        use parquet::file::reader::ChunkReader as _;
        let file = self.store.open(path, bytes)?;
        let mut read = Vec::new();
        let from = file.get_read(0).map_err(Error::internal)?;
        from.take(MAX_STATE_BYTES).read_to_end(&mut read).map_err(|error| Error::io("read", file.location(), error))?;
        Ok(read)
    }

    /// A request with the ids that were found before.
    fn request(&self, stored: Stored) -> Result<Request, Error> {
        let listed = self.store.list(paths::deletes())?;
        let mut request = Request::new(stored, &self.specs)?;
        if let Some(known) = self.get(&request.stored.id) {
            request.ids.clone_from(&known.ids);
            return Ok(request);
        }
        for (table, ids) in &request.ids {
            let own = |file: &&Listed| paths::is_delete_ids(&file.path, &request.stored.id, table);
            for file in listed.iter().filter(own) {
                ids.load(&self.bytes(&file.path, file.bytes)?);
            }
        }
        Ok(request)
    }

    /// Keeps a new request, durably; blocks. It hides nothing before [`Self::insert`].
    pub(crate) fn create(&self, new: NewDelete, now: Timestamp) -> Result<Request, Error> {
        let active = self.all().values().filter(|known| known.stored.tenant == new.tenant && known.hides()).count();
        if MAX_ACTIVE <= active {
            return Err(Error::invalid(format!(
                "there are {active} requests to delete lines already; wait for some to end"
            )));
        }
        let stored = Stored::new(new, now);
        self.write(&stored)?;
        Request::new(stored, &self.specs)
    }

    /// Makes a state of a request durable and then known; blocks.
    pub(crate) fn advance(&self, request: &Request, change: impl FnOnce(&mut Stored)) -> Result<Arc<Request>, Error> {
        let mut stored = request.stored.clone();
        change(&mut stored);
        self.write_ids(request)?;
        self.write(&stored)?;
        let mut next = Request::new(stored, &self.specs)?;
        next.ids.clone_from(&request.ids);
        self.insert(next);
        self.get(&request.stored.id).ok_or_else(|| Error::internal("a request is gone"))
    }

    /// Writes down what is hidden of derived tables and is not on the disk yet; blocks. Before lines leave the WAL, from
    /// which it could be found again.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let active: Vec<_> = self.list().into_iter().filter(|request| request.takes_new_lines()).collect();
        active.iter().try_for_each(|request| self.write_ids(request))
    }

    fn write_ids(&self, request: &Request) -> Result<(), Error> {
        for (table, ids) in &request.ids {
            let fresh = ids.take_fresh();
            if fresh.is_empty() {
                continue;
            }
            let path = paths::delete_ids(&request.stored.id, table, uuid::Uuid::new_v4());
            self.write_file(&path, &fresh).inspect_err(|_| ids.put_back(&fresh))?;
        }
        Ok(())
    }

    fn write(&self, stored: &Stored) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(stored).map_err(Error::internal)?;
        self.write_file(&paths::delete_state(&stored.id, stored.state.number()), &text)
    }

    fn write_file(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut file = self.store.create(path)?;
        let location = self.store.location(path);
        file.write_all(bytes).map_err(|error| Error::io("write to", &location, error))?;
        file.finish().map(drop)
    }

    /// From now on the request counts.
    pub(crate) fn insert(&self, request: Request) {
        // Also what came late and was hidden while files were rewritten is seen again.
        let is_seen = request.stored.state != DeleteState::Gone;
        self.all().insert(request.stored.id.clone(), Arc::new(request));
        if is_seen {
            self.changes.send_modify(|changes| *changes += 1);
        }
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Request>> {
        self.all().get(id).map(Arc::clone)
    }

    /// All requests, the oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Request>> {
        let mut all: Vec<_> = self.all().values().map(Arc::clone).collect();
        all.sort_by(|a, b| (a.stored.created, &a.stored.id).cmp(&(b.stored.created, &b.stored.id)));
        all
    }

    /// What a scan may not show.
    pub(crate) fn hidden(&self, table: &str, tenant: &Tenant, range: &TimeRange, source: &Source) -> Vec<Hidden> {
        let all = self.all();
        let of_tenant = all.values().filter(|request| request.stored.tenant == *tenant && request.hides());
        of_tenant.filter_map(|request| request.hidden(table, range, source)).collect()
    }

    /// Looks at lines that become visible: what is derived from those that wait to be deleted is hidden as well.
    pub(crate) fn observe(&self, tenant: &Tenant, rows: &RecordBatch) {
        let requests: Vec<_> = self.all().values().map(Arc::clone).collect();
        for request in requests.iter().filter(|request| request.stored.tenant == *tenant && request.takes_new_lines()) {
            if let Err(error) = self.add_ids(request, rows) {
                warn!(%error, request = request.stored.id, "rows that are derived from lines to be deleted may be seen for now");
            }
        }
    }

    /// Adds the ids of what is derived from those of the lines that the request is about.
    pub(crate) fn add_ids(&self, request: &Request, rows: &RecordBatch) -> Result<(), Error> {
        if request.ids.is_empty() {
            return Ok(());
        }
        let rows = request.lines.apply(rows)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let batch =
            logs::batch(&request.stored.tenant, &rows).ok_or_else(|| Error::internal("lines without a column"))?;
        for (table, spec) in self.specs.iter().enumerate().filter(|(table, _)| *table != LOGS_INDEX) {
            let Some(ids) = request.ids.get(spec.name) else { continue };
            // These lines were seen before, and may have rows although lines that come now have none.
            let derived = self.rows.again(&batch, table);
            let texts = spec.id.zip(derived.as_ref()).and_then(|(id, rows)| rows.column_by_name(id)?.as_string_opt());
            if let Some(texts) = texts {
                ids.add(texts);
            }
        }
        Ok(())
    }

    /// Begins to process a request; `None` when it was cancelled meanwhile.
    pub(crate) fn process(&self, id: &str) -> Option<Processing<'_>> {
        let mut processing = self.processing();
        self.get(id).filter(|request| request.takes_new_lines())?;
        *processing = Some(id.to_owned());
        Some(Processing(self))
    }

    /// Takes a request back, durably, unless it is being processed or was; blocks.
    pub(crate) fn cancel(&self, tenant: &Tenant, id: &str) -> Result<(), Error> {
        let processing = self.processing();
        let request = self.find(tenant, id)?;
        if !request.can_be_cancelled() || processing.as_deref() == Some(id) {
            let reason = "a request to delete lines that is being processed, or was, cannot be cancelled";
            return Err(Error::invalid(reason));
        }
        self.advance(&request, |stored| stored.state = DeleteState::Cancelled).map(drop)
    }

    /// A request of a tenant, for somebody who names it.
    pub(crate) fn find(&self, tenant: &Tenant, id: &str) -> Result<Arc<Request>, Error> {
        let found = self.get(id).filter(|request| request.stored.tenant == *tenant);
        found.ok_or_else(|| Failure::NotFound("there is no request to delete lines with this id").into())
    }

    /// Requests that hide something, and where files of theirs are still waiting to be removed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let all = self.all();
        let count = |state| all.values().filter(|request| request.stored.state == state).count();
        (all.values().filter(|request| request.takes_new_lines()).count(), count(DeleteState::Rewritten))
    }

    fn processing(&self) -> MutexGuard<'_, Option<String>> {
        self.processing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Request>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
