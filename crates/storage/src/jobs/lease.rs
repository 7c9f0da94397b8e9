//! Who does the background work of a table that several nodes share: one of them, as long as it says so.
//!
//! A lease is a sequence of small files beside the table, and the newest counts: it names its holder. The next one can be
//! put by one node only. The holder puts another from time to time; whoever has seen the same newest one for long enough,
//! by its own clock alone, takes the lease. Two holders at once would cost work and nothing else: of two commits that take
//! the same files away one gives way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::run::blocking;
use crate::shared::Shared;
use crate::store::Store;
use crate::{Error, Storage, Table, paths};

/// A holder that has not been heard of for so long is gone.
pub(crate) const LASTS: Duration = Duration::from_secs(60);
/// A holder says that it is there this often.
const RENEWED: Duration = Duration::from_secs(20);

/// The lease of one table, as this node knows it.
#[derive(Debug, Default)]
pub(crate) struct Lease(Mutex<Option<Known>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    number: u64,
    /// The run of a node, as files are named after it.
    holder: String,
    /// When this node saw it first.
    since: Instant,
}

impl Storage {
    /// Tables whose background work this node does now. In a folder of its own that is all of them.
    pub(super) async fn led(&self) -> Result<Vec<Arc<Table>>, Error> {
        let mut led = Vec::new();
        for table in &self.shared().tables {
            if self.leads(table).await? {
                led.push(Arc::clone(table));
            }
        }
        Ok(led)
    }

    /// Whether this node holds the lease of a table; takes or renews it when it may.
    pub(crate) async fn leads(&self, table: &Arc<Table>) -> Result<bool, Error> {
        if !table.delta().store().answers_late() {
            return Ok(true);
        }
        let (shared, table) = (Arc::clone(self.shared()), Arc::clone(table));
        blocking(move || table.lease().hold(table.delta().store().as_ref(), &shared)).await
    }

    /// Renews the leases that this node holds.
    pub(crate) async fn keep_leases(&self) -> Result<(), Error> {
        for table in &self.shared().tables {
            let is_held = table.lease().get().is_some_and(|known| known.holder == *self.shared().author);
            if is_held {
                self.leads(table).await?;
            }
        }
        Ok(())
    }
}

impl Lease {
    fn hold(&self, store: &dyn Store, shared: &Shared) -> Result<bool, Error> {
        let (now, own) = (shared.clock.instant(), &*shared.author);
        let known = self.look(store, now)?;
        let may_put = known.as_ref().is_none_or(|known| {
            let age = now.saturating_duration_since(known.since);
            // An earlier run of this node has ended: the data folder is locked.
            let is_mine = known.holder.split('.').next() == Some(&shared.node);
            if known.holder == own { RENEWED <= age } else { is_mine || LASTS <= age }
        });
        if may_put {
            let next = known.as_ref().map_or(1, |known| known.number + 1);
            store.create_new(&paths::lease(next), own.as_bytes())?;
            let held = self.look(store, now)?;
            if held.as_ref().is_some_and(|held| held.number == next && held.holder == own) {
                known.iter().try_for_each(|old| store.delete(&paths::lease(old.number)))?;
            }
        }
        Ok(self.get().is_some_and(|known| known.holder == own))
    }

    /// The newest one there is.
    fn look(&self, store: &dyn Store, now: Instant) -> Result<Option<Known>, Error> {
        let listed = store.list(paths::leases())?;
        let newest =
            listed.iter().filter_map(|file| Some((paths::parse_lease(&file.path)?, file))).max_by_key(|it| it.0);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match newest {
            None => None,
            Some((number, _)) if state.as_ref().is_some_and(|known| known.number == number) => state.take(),
            Some((number, file)) => {
                let holder = store.open(&file.path, file.bytes)?.read_one(0..file.bytes)?;
                Some(Known { number, holder: String::from_utf8_lossy(&holder).into_owned(), since: now })
            }
        };
        Ok(state.clone())
    }

    fn get(&self) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
