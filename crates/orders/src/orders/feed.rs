//! Keeps the live state up to date: reads the table once, then listens; reads it again after having missed something.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use logline::{Tenant, Timestamp};
use stdx::Shutdown;
use storage::{Appended, Table};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tracing::{debug, info, warn};

use super::{Held, Orders, Reading};
use crate::analysis::{Lens, dwell};
use crate::error::Failure;
use crate::live::Live;
use crate::table::{Events, ORDER_EVENTS};
use crate::{Error, Select, read};

/// Between two readings of the whole table.
const RELOAD_PAUSE: Duration = Duration::from_secs(5);
/// How often it is looked at how long stays usually take.
const LEARN: Duration = Duration::from_secs(5 * 60);
/// Objects that are read again by one scan.
const LATE_OBJECTS: usize = 200;
/// Between two times at which such objects are looked for.
const LATE_PAUSE: Duration = Duration::from_millis(500);
/// How often objects are brought up to date when nobody looks.
const REFRESH: Duration = Duration::from_secs(10);

/// Listens first and reads then, so that nothing falls in between; what comes twice does no harm.
pub(super) async fn run(orders: Arc<Orders>, table: Arc<Table>, mut shutdown: Shutdown) {
    let mut rows = table.subscribe();
    let missed = Arc::new(Notify::new());
    missed.notify_one();
    orders.components.tasks.spawn(reload(Arc::clone(&orders), table, Arc::clone(&missed), shutdown.clone()));
    let mut hidden = orders.components.storage.hidden_changes();
    let mut reread = orders.components.storage.reread_changes();
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let received = tokio::select! {
            () = shutdown.wait() => return,
            _ = refresh.tick() => {
                orders.refresh();
                continue;
            }
            Ok(()) = hidden.changed() => {
                info!("lines were hidden or are seen again, order events are read again");
                orders.forget();
                missed.notify_one();
                continue;
            }
            Ok(()) = reread.changed() => {
                info!("order events were made anew, they are read again");
                missed.notify_one();
                continue;
            }
            received = rows.recv() => received,
        };
        match received {
            Ok(appended) => orders.take(&appended),
            Err(RecvError::Lagged(messages)) => {
                warn!(messages, "order events were missed, reading them again");
                orders.loading.store(true, Ordering::Relaxed);
                missed.notify_one();
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Reads the events again of objects that were over when something new came to be known of them.
pub(super) async fn correct(orders: Arc<Orders>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = orders.late.notified() => {}
        }
        let mut pause = LATE_PAUSE;
        if let Err(error) = orders.read_late().await {
            warn!(error = %error, "late events of orders that are over cannot be read, trying again");
            orders.late.notify_one();
            pause = RELOAD_PAUSE;
        }
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Finds out every while how long a stay in each status usually takes at most.
pub(super) async fn learn(orders: Arc<Orders>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(LEARN) => {}
        }
        orders.learn().await;
    }
}

/// Reads the whole table whenever something was missed, the first time at the start.
async fn reload(orders: Arc<Orders>, table: Arc<Table>, missed: Arc<Notify>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = missed.notified() => {}
        }
        let loaded = tokio::select! {
            () = shutdown.wait() => return,
            loaded = load(&orders, &table) => loaded,
        };
        match loaded {
            Ok(Some(events)) => info!(events, "the state of open orders is loaded"),
            // Everything was forgotten meanwhile, and is read next.
            Ok(None) => {}
            Err(error) => {
                warn!(error = %error, "the state of open orders cannot be loaded, trying again");
                missed.notify_one();
            }
        }
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(RELOAD_PAUSE) => {}
        }
    }
}

/// Reads all events of all tenants, the oldest first: once an object is over, only its path is kept. When something is
/// shown already the new state is built beside it and takes its place at the end. Gives how many events there are; none
/// if everything was forgotten meanwhile: some of what was read is hidden now.
async fn load(orders: &Orders, table: &Table) -> Result<Option<u64>, Error> {
    let turn = orders.start_reading();
    let (mut work, mut total) = (Vec::new(), 0);
    for tenant in table.tenants() {
        let snapshot = table.snapshot(&tenant);
        total += read::rows(&snapshot);
        work.push((tenant, snapshot.stretches()));
    }
    let mut reading = Reading { started: orders.now(), ended: None, done: 0, total };
    orders.set_reading(reading);
    for (tenant, stretches) in work {
        let scope = orders.system("the state of open objects", &tenant);
        for range in stretches {
            for rows in read::all_events(&orders.components.engine, &scope, range).await? {
                let Some(events) = orders.apply_read(turn, &tenant, &rows)? else { return Ok(None) };
                reading.done += events;
            }
            orders.settle_read(turn, &tenant, range.end);
            orders.set_reading(reading);
        }
    }
    reading.ended = Some(orders.now());
    orders.set_reading(reading);
    orders.end_reading(turn);
    orders.refresh();
    orders.late.notify_one();
    // Before the state counts as read: who asks what is stuck would miss what is unusual.
    orders.learn().await;
    Ok(orders.end_loading(turn).then_some(reading.done))
}

impl Orders {
    fn take(&self, appended: &Appended) {
        if let Err(error) = self.apply(&appended.tenant, &appended.rows) {
            warn!(error = %error, "order events cannot be read");
        }
        if self.held().tenants.get(&appended.tenant).is_some_and(Live::is_behind) {
            self.late.notify_one();
        }
    }

    /// Takes in what just came: into what is shown, and into what is being built beside it.
    fn apply(&self, tenant: &Tenant, rows: &RecordBatch) -> Result<(), Error> {
        let Held { tenants, anew, .. } = &mut *self.held();
        let now = self.now();
        for all in [Some(tenants), anew.as_mut()].into_iter().flatten() {
            self.apply_to(all, tenant, rows, now)?;
        }
        Ok(())
    }

    fn apply_to(
        &self,
        all: &mut HashMap<Tenant, Live>,
        tenant: &Tenant,
        rows: &RecordBatch,
        arrived: Timestamp,
    ) -> Result<u64, Error> {
        let events = Events::of(rows).ok_or(Failure::Columns(ORDER_EVENTS))?;
        let live = all.entry(tenant.clone()).or_default();
        live.arrive(arrived);
        if arrived != Timestamp::MIN {
            live.backlog.note(events.origins(), arrived);
        }
        events.iter().for_each(|event| live.apply(&event, &self.components.graphs));
        Ok(rows.num_rows() as u64)
    }

    fn set_reading(&self, reading: Reading) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// Gives the turn in which is read: what is read in it counts until everything is forgotten.
    pub(super) fn start_reading(&self) -> u64 {
        let mut held = self.held();
        held.anew = (!held.tenants.is_empty() && !self.is_loading_first()).then(HashMap::new);
        held.read_up_to = Some(Timestamp::MIN);
        held.forgotten
    }

    /// What is held, if nothing was forgotten since this turn began.
    fn held_in(&self, turn: u64) -> Option<MutexGuard<'_, Held>> {
        Some(self.held()).filter(|held| held.forgotten == turn)
    }

    pub(super) fn apply_read(&self, turn: u64, tenant: &Tenant, rows: &RecordBatch) -> Result<Option<u64>, Error> {
        let Some(mut held) = self.held_in(turn) else { return Ok(None) };
        let Held { tenants, anew, .. } = &mut *held;
        self.apply_to(anew.as_mut().unwrap_or(tenants), tenant, rows, Timestamp::MIN).map(Some)
    }

    /// All events of a tenant up to a moment have been read.
    fn settle_read(&self, turn: u64, tenant: &Tenant, up_to: Timestamp) {
        let Some(mut held) = self.held_in(turn) else { return };
        held.read_up_to = Some(up_to);
        let Held { tenants, anew, .. } = &mut *held;
        if let Some(live) = anew.as_mut().unwrap_or(tenants).get_mut(tenant) {
            live.refresh(&self.components.graphs, up_to);
            live.shrink(self.components.history.as_usize());
        }
    }

    fn end_reading(&self, turn: u64) {
        let Some(mut held) = self.held_in(turn) else { return };
        held.read_up_to = None;
        if let Some(anew) = held.anew.take() {
            held.tenants = anew;
        }
        self.read_once.store(true, Ordering::Relaxed);
    }

    /// From here on the state is whole; not if everything was forgotten since this turn began.
    fn end_loading(&self, turn: u64) -> bool {
        let held = self.held_in(turn);
        if held.is_some() {
            self.loading.store(false, Ordering::Relaxed);
        }
        held.is_some()
    }

    /// Whether nothing was read to its end yet.
    fn is_loading_first(&self) -> bool {
        !self.read_once.load(Ordering::Relaxed)
    }

    /// What is read again later may be less than what is known now.
    pub(super) fn forget(&self) {
        let mut held = self.held();
        self.loading.store(true, Ordering::Relaxed);
        self.read_once.store(false, Ordering::Relaxed);
        *held = Held { forgotten: held.forgotten + 1, ..Held::default() };
    }

    pub(super) fn refresh(&self) {
        let now = self.now();
        let mut held = self.held();
        let horizon = held.horizon(now);
        for live in held.tenants.values_mut() {
            live.refresh(&self.components.graphs, horizon);
            live.shrink(self.components.history.as_usize());
        }
    }

    async fn learn(&self) {
        let kinds: Vec<(Tenant, String)> = {
            let held = self.held();
            let of = |(tenant, live): (&Tenant, &Live)| -> Vec<_> {
                live.types().map(|object| (tenant.clone(), object.to_owned())).collect()
            };
            held.tenants.iter().flat_map(of).collect()
        };
        for (tenant, live) in &self.held().tenants {
            let (objects, bytes, lost) = live.kept();
            debug!(%tenant, objects, bytes, lost, "paths of objects that are over");
        }
        for (tenant, object) in kinds {
            let Some(trails) = self.held().tenants.get(&tenant).map(|live| live.trails(&object)) else { continue };
            let (graphs, kind, now) = (self.components.graphs.clone(), object.clone(), self.now());
            let norms = tokio::task::spawn_blocking(move || {
                let select = Select::default();
                dwell::norms(&Lens::new((&trails, &graphs), &select, &kind, now))
            });
            if let Ok(norms) = norms.await
                && let Some(live) = self.held().tenants.get_mut(&tenant)
            {
                live.set_norms(&object, &norms);
            }
        }
    }

    /// The turn, and objects of one type that are to be read again.
    fn take_late(&self, tenant: &Tenant) -> Option<(u64, String, Vec<String>)> {
        let Held { tenants, forgotten, .. } = &mut *self.held();
        let (object, ids) = tenants.get_mut(tenant)?.take_late(LATE_OBJECTS)?;
        Some((*forgotten, object, ids))
    }

    async fn read_late(&self) -> Result<(), Error> {
        let tenants: Vec<Tenant> = self.held().tenants.keys().cloned().collect();
        for tenant in tenants {
            while let Some((turn, object, ids)) = self.take_late(&tenant) {
                let scope = self.system("late events of objects that are over", &tenant);
                let read = read::events_of_all(&self.components.engine, &scope, &object, ids.clone()).await;
                // Some of it may be hidden now, and all of it is read again.
                let Some(mut held) = self.held_in(turn) else { return Ok(()) };
                let Held { tenants, .. } = &mut *held;
                let live = tenants.entry(tenant.clone()).or_default();
                let rows = read.inspect_err(|_| live.put_late(&object, &ids))?;
                ids.iter().for_each(|id| live.forget(&object, id));
                for rows in rows {
                    self.apply_to(tenants, &tenant, &rows, Timestamp::MIN)?;
                }
            }
        }
        Ok(())
    }
}
