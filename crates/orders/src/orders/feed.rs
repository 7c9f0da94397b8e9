//! Keeps the live state up to date: reads the table once, then listens; reads it again after having missed something.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use logline::Tenant;
use stdx::Shutdown;
use storage::{Appended, Table};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tracing::{info, warn};

use super::Orders;
use crate::error::Failure;
use crate::table::Events;
use crate::{Error, read};

/// Between two readings of the whole table.
const RELOAD_PAUSE: Duration = Duration::from_secs(5);
/// How often objects are brought up to date when nobody looks.
const REFRESH: Duration = Duration::from_secs(10);

/// Listens first and reads then, so that nothing falls in between; what comes twice does no harm.
pub(super) async fn run(orders: Arc<Orders>, table: Arc<Table>, mut shutdown: Shutdown) {
    let mut rows = table.subscribe();
    let missed = Arc::new(Notify::new());
    missed.notify_one();
    orders.components.tasks.spawn(reload(Arc::clone(&orders), table, Arc::clone(&missed), shutdown.clone()));
    let mut hidden = orders.components.storage.hidden_changes();
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
            Ok(events) => {
                orders.loading.store(false, Ordering::Relaxed);
                info!(events, "the state of open orders is loaded");
            }
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

/// Reads all events of all tenants, the newest first: once the end of an object is known, its other events take no
/// memory.
async fn load(orders: &Orders, table: &Table) -> Result<usize, Error> {
    let mut events = 0;
    for tenant in table.tenants() {
        let scope = orders.system("the state of open objects", &tenant);
        for range in read::stretches(&table.snapshot(&tenant)) {
            for rows in read::all_events(&orders.components.engine, &scope, range).await? {
                events += orders.apply(&tenant, &rows)?;
            }
        }
    }
    orders.refresh();
    Ok(events)
}

impl Orders {
    fn take(&self, appended: &Appended) {
        if let Err(error) = self.apply(&appended.tenant, &appended.rows) {
            warn!(error = %error, "order events cannot be read");
        }
    }

    fn apply(&self, tenant: &Tenant, rows: &arrow::array::RecordBatch) -> Result<usize, Error> {
        let events = Events::of(rows).ok_or(Failure::Columns("order_events"))?;
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let live = live.entry(tenant.clone()).or_default();
        events.iter().for_each(|event| live.apply(&event, &self.components.graphs));
        Ok(rows.num_rows())
    }

    /// What is read again later may be less than what is known now.
    fn forget(&self) {
        self.loading.store(true, Ordering::Relaxed);
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn refresh(&self) {
        let now = self.now();
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.values_mut().for_each(|live| live.refresh(&self.components.graphs, now));
    }
}
