//! The door: the live state of open objects, fed by storage, and the story of each object.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth::{AuditSink, Scope};
use logline::{Tenant, Timestamp};
use query::Engine;
use stdx::{ByteSize, Clock, Tasks};
use storage::{Storage, TimeRange};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::analysis::{Lens, conformance, dwell, funnel, objectives, past, picture, throughput, variants};
use crate::error::Failure;
use crate::live::{Live, Trails};
use crate::tell::{self, Access};
use crate::{
    Cohort, Conformance, Dwell, Error, ExportFormat, Filter, Funnel, Graphs, IncidentFilter, Incidents, ObjectRef,
    Outcomes, Page, Picture, Select, Sla, State, Story, StuckSpans, Summary, Throughput, TransitionError, Variants,
    export, failures, incident, list, read,
};

mod feed;

/// Analyses that run at the same time: they hold a core each.
const ANALYSES: usize = 2;
/// Event logs that are written at the same time: each holds a thread for as long as somebody reads.
const EXPORTS: usize = 4;
/// Pieces of an event log that wait for who reads it.
const PIECES: usize = 4;
/// How long whoever reads an event log may take for a piece.
const STALL: Duration = Duration::from_secs(60);
/// How long whoever asks waits for others to be done.
const WAIT: Duration = Duration::from_secs(30);

/// What [`Orders::start`] works with.
pub struct Components {
    /// Answers reads under a scope.
    pub engine: Arc<Engine>,
    /// Has the table of [`crate::OrderEvents`] among its derived tables.
    pub storage: Arc<Storage>,
    /// What objects are measured by.
    pub graphs: Graphs,
    /// Bytes of memory for the paths of objects that are over, for each tenant and type.
    pub history: ByteSize,
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
    held: Mutex<Held>,
    loading: AtomicBool,
    /// Whether the table has been read to its end.
    read_once: AtomicBool,
    /// Whoever analyses holds one.
    turns: Arc<Semaphore>,
    /// Whoever writes an event log holds one.
    exports: Arc<Semaphore>,
    reading: Mutex<Option<Reading>>,
    /// Told when something new came to be known of objects that are over.
    late: Notify,
}

/// How far the state is read from the events that are kept: at the start, so that a changed graph holds for all of them,
/// and after something was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Events that are read, of all tenants.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Pieces of an event log as they are written. The last one is empty: without it something is missing.
pub type Pieces = tokio::sync::mpsc::Receiver<Vec<u8>>;

/// What is held in memory.
#[derive(Debug, Default)]
struct Held {
    tenants: HashMap<Tenant, Live>,
    /// Being read anew beside what is shown, after something was missed.
    anew: Option<HashMap<Tenant, Live>>,
    /// While the table is being read: up to when all of its events are known.
    read_up_to: Option<Timestamp>,
    /// How often everything was forgotten: what was read before that is not taken in after it.
    forgotten: u64,
}

impl Held {
    /// Up to when all events are known.
    fn horizon(&self, now: Timestamp) -> Timestamp {
        match self.read_up_to {
            Some(time) if self.anew.is_none() => time.min(now),
            _ => now,
        }
    }
}

impl Orders {
    /// Returns at once. Open objects are read from storage in the background, as [`Summary::loading`] tells, and kept
    /// up to date from then on: a change is seen as soon as its lines are acknowledged.
    pub fn start(components: Components) -> Result<Arc<Self>, Error> {
        let table = components.storage.table(crate::table::ORDER_EVENTS).ok_or(Failure::NoTable("order_events"))?;
        let tasks = components.tasks.clone();
        let orders = Arc::new(Self {
            components,
            held: Mutex::default(),
            loading: AtomicBool::new(true),
            read_once: AtomicBool::new(false),
            turns: Arc::new(Semaphore::new(ANALYSES)),
            exports: Arc::new(Semaphore::new(EXPORTS)),
            reading: Mutex::default(),
            late: Notify::new(),
        });
        tasks.spawn(feed::run(Arc::clone(&orders), table, tasks.shutdown()));
        tasks.spawn(feed::correct(Arc::clone(&orders), tasks.shutdown()));
        tasks.spawn(feed::learn(Arc::clone(&orders), tasks.shutdown()));
        Ok(orders)
    }

    /// Tells the story of one object: all of its steps, and the lines that `scope` may see. An object that no line
    /// speaks of is [`crate::Kind::NotFound`]. The case of the type does not matter.
    pub async fn story(&self, scope: &Scope, object: &str, id: &str, options: StoryOptions) -> Result<Story, Error> {
        let system = self.system("the steps of an object", scope.tenant());
        let object = self.with_live(scope.tenant(), |live| list::object_type(live, &self.components.graphs, object));
        let object = ObjectRef { object, id: id.to_owned() };
        let rows = read::events_of(&self.components.engine, &system, &object).await?;
        let (events, truncated) = rows.events()?;
        let lines = match options.lines {
            true => Some(read::lines(&self.components.engine, scope, id, &events).await?),
            false => None,
        };
        let access = Access { services: scope.services(), lines: lines.as_ref() };
        let norm = |status: &str| self.with_live(scope.tenant(), |live| live.norm(&object.object, status));
        let story = tell::tell(&object, &events, (&self.components.graphs, &norm), access, self.now());
        let story = story.ok_or(Failure::NotFound { object: object.object, id: object.id })?;
        Ok(Story { truncated, ..story })
    }

    /// Lists open objects in pages, those that came first into their status first. A type, status or owner that nothing
    /// is called by is [`crate::Kind::Invalid`], and the message lists those there are.
    pub fn list(&self, scope: &Scope, filter: &Filter) -> Result<Page, Error> {
        let (now, loading) = (self.now(), self.is_loading());
        self.with_live(scope.tenant(), |live| {
            list::page(live, filter, &self.components.graphs, scope.services(), (now, loading))
        })
    }

    /// Lists what is stuck, whatever [`Filter::state`] says; what has been overdue for longest first.
    pub fn stuck(&self, scope: &Scope, filter: &Filter) -> Result<Page, Error> {
        self.list(scope, &Filter { state: Some(State::Stuck), ..filter.clone() })
    }

    /// Whether an old stretch of log is being loaded: what has not come yet is not missing, and who seems to wait may have
    /// moved on long ago.
    pub fn is_catching_up(&self, scope: &Scope) -> bool {
        let now = self.now();
        self.with_live(scope.tenant(), |live| live.backlog.is_caught_up_on(now))
    }

    /// Counts open objects by type and status.
    pub fn summary(&self, scope: &Scope) -> Summary {
        let (now, loading) = (self.now(), self.is_loading());
        self.with_live(scope.tenant(), |live| list::summary(live, &self.components.graphs, loading, now))
    }

    /// What is stuck, grouped by the place where it waits; a place has the same id whenever it is asked for. As long as
    /// [`Incidents::loading`] is set what is missing is not over.
    pub fn incidents(&self, scope: &Scope, filter: &IncidentFilter) -> Incidents {
        let (now, loading) = (self.now(), self.is_loading());
        let graphs = &self.components.graphs;
        let incidents =
            self.with_live(scope.tenant(), |live| incident::incidents(live, filter, graphs, scope.services(), now));
        Incidents { as_of: now, loading, incidents }
    }

    /// How long objects stay in each status and take each way, with what fails meanwhile; what lasts is counted.
    pub async fn dwell(&self, scope: &Scope, select: &Select) -> Result<Dwell, Error> {
        self.analyse(scope, select, dwell::dwell).await
    }

    /// The `limit` most frequent ways objects take.
    pub async fn variants(&self, scope: &Scope, select: &Select, limit: usize) -> Result<Variants, Error> {
        self.analyse(scope, select, move |lens, loading| variants::variants(lens, limit, loading)).await
    }

    /// What share of objects keeps to the graph, and where the others leave it.
    pub async fn conformance(&self, scope: &Scope, select: &Select) -> Result<Conformance, Error> {
        self.analyse(scope, select, conformance::conformance).await
    }

    /// How far objects get, by the time at which they came into being.
    pub async fn funnel(&self, scope: &Scope, select: &Select, by: Cohort) -> Result<Funnel, Error> {
        self.analyse(scope, select, move |lens, loading| funnel::funnel(lens, by, loading)).await
    }

    /// How the promises of the graph are kept, and how fast their budgets burn.
    pub async fn sla(&self, scope: &Scope, select: &Select) -> Result<Sla, Error> {
        self.analyse(scope, select, objectives::sla).await
    }

    /// When what `filter` wants was stuck, as far as that touches a stretch of time: also what has moved on since.
    pub async fn stuck_between(
        &self,
        scope: &Scope,
        filter: &Filter,
        range: (Timestamp, Timestamp),
    ) -> Result<StuckSpans, Error> {
        let (graphs, loading) = (&self.components.graphs, self.is_loading());
        let (object, status) =
            self.with_live(scope.tenant(), |live| list::known_names(live, filter, graphs, loading))?;
        let select = Select { object: Some(object), ..Select::default() };
        let wanted = past::Wanted { status, owner: filter.owner.clone(), range };
        self.analyse(scope, &select, move |lens, loading| past::stuck(lens, &wanted, loading)).await
    }

    /// When the promises of the graph were kept and broken, from a moment on.
    pub async fn outcomes(&self, scope: &Scope, select: &Select, since: Timestamp) -> Result<Outcomes, Error> {
        self.analyse(scope, select, move |lens, loading| past::outcomes(lens, since, loading)).await
    }

    /// How many objects come and go on each day.
    pub async fn throughput(&self, scope: &Scope, select: &Select) -> Result<Throughput, Error> {
        self.analyse(scope, select, throughput::throughput).await
    }

    /// The graph with what happened on it; or, if `discover` is set, the graph of what happened, without ways that fewer
    /// than this share takes.
    pub async fn picture(&self, scope: &Scope, select: &Select, discover: Option<f64>) -> Result<Picture, Error> {
        self.analyse(scope, select, move |lens, loading| picture::picture(lens, discover, loading)).await
    }

    /// The steps of all selected objects as an event log, piece by piece. It has no lines, so it is for everybody who may
    /// see orders. Who stops listening, or does not take a piece for a minute, ends it.
    pub async fn export(&self, scope: &Scope, select: &Select, format: ExportFormat) -> Result<Pieces, Error> {
        let (turn, (object, trails)) = (turn(&self.exports).await?, self.trails(scope, select)?);
        let (sender, pieces) = tokio::sync::mpsc::channel(PIECES);
        let (graphs, select, now) = (self.components.graphs.clone(), select.clone(), self.now());
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let lens = Lens::new((&trails, &graphs), &select, &object, now);
            export::export(&lens, format, |piece| runtime.block_on(sender.send_timeout(piece, STALL)).is_ok());
            drop(turn);
        });
        Ok(pieces)
    }

    /// What went wrong with objects in a stretch of time, the oldest first: failed calls and reported errors, with the
    /// status the object had. At most 10,000; the text of an error only as far as `scope` lets it be seen.
    pub async fn transition_errors(&self, scope: &Scope, range: TimeRange) -> Result<Vec<TransitionError>, Error> {
        let system = self.system("errors of orders", scope.tenant());
        let rows = read::failures(&self.components.engine, &system, range).await?;
        failures::transition_errors(&rows, scope.services())
    }

    /// How the last reading of all kept events goes, or went; none before the first one.
    pub fn reading(&self) -> Option<Reading> {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at all paths of a type, away from the threads that answer requests; a few at a time.
    async fn analyse<T: Send + 'static>(
        &self,
        scope: &Scope,
        select: &Select,
        look: impl FnOnce(&Lens<'_>, bool) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = turn(&self.turns).await?;
        let (object, trails) = self.trails(scope, select)?;
        let (graphs, select) = (self.components.graphs.clone(), select.clone());
        let (now, loading) = (self.now(), self.is_loading() || trails.behind);
        let told = tokio::task::spawn_blocking(move || {
            let told = look(&Lens::new((&trails, &graphs), &select, &object, now), loading);
            // Held to here, also when whoever asked has gone.
            drop(turn);
            told
        });
        Ok(told.await.map_err(|_| Failure::Broken)?)
    }

    /// The paths that were selected, as they are now, and the name of their type.
    fn trails(&self, scope: &Scope, select: &Select) -> Result<(String, Trails), Error> {
        let (graphs, loading) = (&self.components.graphs, self.is_loading());
        let asked = select.object.as_deref().unwrap_or("order");
        self.with_live(scope.tenant(), |live| {
            let object = list::known_type(live, graphs, asked, loading)?;
            let trails = live.trails(&object);
            Ok((object, trails))
        })
    }

    /// What objects are measured by.
    pub const fn graphs(&self) -> &Graphs {
        &self.components.graphs
    }

    fn with_live<T>(&self, tenant: &Tenant, look: impl FnOnce(&Live) -> T) -> T {
        match self.held().tenants.get_mut(tenant) {
            Some(live) => {
                live.update(&self.components.graphs);
                look(live)
            }
            None => look(&Live::default()),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the state is still being read from storage.
    fn is_loading(&self) -> bool {
        self.loading.load(Ordering::Relaxed)
    }

    fn now(&self) -> Timestamp {
        self.components.clock.now().into()
    }

    fn system(&self, reason: &'static str, tenant: &Tenant) -> Scope {
        Scope::system(reason, tenant.clone(), &*self.components.audit)
    }
}

/// Waits until few enough do the same.
async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
    let turn = tokio::time::timeout(WAIT, Arc::clone(turns).acquire_owned()).await;
    turn.ok().and_then(Result::ok).ok_or(Failure::Crowded)
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
