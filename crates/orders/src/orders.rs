//! The door: the live state of open objects, fed by storage, and the story of each object.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use auth::{AuditSink, Scope};
use logline::{Tenant, Timestamp};
use query::Engine;
use stdx::{Clock, Tasks};
use storage::Storage;

use crate::error::Failure;
use crate::live::Live;
use crate::tell::{self, Access};
use crate::{Error, Filter, Graphs, ObjectRef, Page, State, Story, Summary, list, read};

mod feed;

/// What [`Orders::start`] works with.
pub struct Components {
    /// Answers reads under a scope.
    pub engine: Arc<Engine>,
    /// Has the table of [`crate::OrderEvents`] among its derived tables.
    pub storage: Arc<Storage>,
    /// What objects are measured by.
    pub graphs: Graphs,
    /// Tells how long an object has been waiting.
    pub clock: Arc<dyn Clock>,
    /// Runs the feed, and ends it.
    pub tasks: Tasks,
    /// Notes that the steps of an object were read by the server itself.
    pub audit: Arc<dyn AuditSink>,
}

/// What a story shall hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoryOptions {
    /// The lines behind the steps, as far as the reader may see them.
    pub lines: bool,
}

impl Default for StoryOptions {
    fn default() -> Self {
        Self { lines: true }
    }
}

/// Follows the objects of all tenants.
pub struct Orders {
    components: Components,
    live: Mutex<HashMap<Tenant, Live>>,
    loading: AtomicBool,
}

impl Orders {
    /// Returns at once. Open objects are read from storage in the background, as [`Summary::loading`] tells, and kept
    /// up to date from then on: a change is seen as soon as its lines are acknowledged.
    pub fn start(components: Components) -> Result<Arc<Self>, Error> {
        let table = components.storage.table(crate::table::ORDER_EVENTS).ok_or(Failure::NoTable("order_events"))?;
        let tasks = components.tasks.clone();
        let orders = Arc::new(Self { components, live: Mutex::default(), loading: AtomicBool::new(true) });
        tasks.spawn(feed::run(Arc::clone(&orders), table, tasks.shutdown()));
        Ok(orders)
    }

    /// Tells the story of one object: all of its steps, and the lines that `scope` may see. An object that no line
    /// speaks of is [`crate::Kind::NotFound`]. The case of the type does not matter.
    pub async fn story(&self, scope: &Scope, object: &str, id: &str, options: StoryOptions) -> Result<Story, Error> {
        let system = self.system("the steps of an object", scope.tenant());
        let object =
            self.with_live(scope.tenant(), self.now(), |live| list::object_type(live, &self.components.graphs, object));
        let object = ObjectRef { object, id: id.to_owned() };
        let rows = read::events_of(&self.components.engine, &system, &object).await?;
        let (events, truncated) = rows.events()?;
        let lines = match options.lines {
            true => Some(read::lines(&self.components.engine, scope, id, &events).await?),
            false => None,
        };
        let access = Access { services: scope.services(), lines: lines.as_ref() };
        let graph = self.components.graphs.get(&object.object);
        let story = tell::tell(&object, &events, graph, access, self.now());
        let story = story.ok_or(Failure::NotFound { object: object.object, id: object.id })?;
        Ok(Story { truncated, ..story })
    }

    /// Lists open objects in pages, those that came first into their status first. A type, status or owner that nothing
    /// is called by is [`crate::Kind::Invalid`], and the message lists those there are.
    pub fn list(&self, scope: &Scope, filter: &Filter) -> Result<Page, Error> {
        let (now, loading) = (self.now(), self.loading.load(Ordering::Relaxed));
        self.with_live(scope.tenant(), now, |live| {
            list::page(live, filter, &self.components.graphs, scope.services(), (now, loading))
        })
    }

    /// Lists what is stuck, whatever [`Filter::state`] says; what has been overdue for longest first.
    pub fn stuck(&self, scope: &Scope, filter: &Filter) -> Result<Page, Error> {
        self.list(scope, &Filter { state: Some(State::Stuck), ..filter.clone() })
    }

    /// Counts open objects by type and status.
    pub fn summary(&self, scope: &Scope) -> Summary {
        let now = self.now();
        let loading = self.loading.load(Ordering::Relaxed);
        self.with_live(scope.tenant(), now, |live| list::summary(live, &self.components.graphs, loading, now))
    }

    /// What objects are measured by.
    pub const fn graphs(&self) -> &Graphs {
        &self.components.graphs
    }

    fn with_live<T>(&self, tenant: &Tenant, now: Timestamp, look: impl FnOnce(&Live) -> T) -> T {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(tenant) {
            Some(live) => {
                live.refresh(&self.components.graphs, now);
                look(live)
            }
            None => look(&Live::default()),
        }
    }

    fn now(&self) -> Timestamp {
        self.components.clock.now().into()
    }

    fn system(&self, reason: &'static str, tenant: &Tenant) -> Scope {
        Scope::system(reason, tenant.clone(), &*self.components.audit)
    }
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").field("graphs", &self.components.graphs).finish_non_exhaustive()
    }
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Components").field("graphs", &self.graphs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
