//! Who comes to the shop, and when; and what looks after the services.

use std::time::Duration;

use logline::Timestamp;
use stdx::Tasks;

use super::Crowd;
use crate::faults::Fault;
use crate::history::{BROKEN_GAP, HEALTH_GAP, LOOK_GAP, ORDERS_PER_DAY, VISITS_PER_DAY};
use crate::lines::Service;
use crate::world::{Item, Look, Traffic, visit};

/// How often somebody asks whether a fault is going on.
const GLANCE: Duration = Duration::from_millis(500);

/// Starts the visitors and the health checks.
pub(super) fn start(crowd: &Crowd, tasks: &Tasks) {
    arrivals(crowd, tasks, true);
    arrivals(crowd, tasks, false);
    let checker = crowd.clone();
    repeat(
        tasks,
        move || HEALTH_GAP,
        move || {
            let crowd = checker.clone();
            async move {
                for service in Service::ALL {
                    crowd.ask_health(service).await;
                }
            }
        },
    );
    let (pace, broken) = (crowd.clone(), crowd.clone());
    let gap = move || match pace.0.faults.is_on(Fault::BadRequests) {
        true => pace.with_rng(|rng| rng.exponential(BROKEN_GAP)),
        false => GLANCE,
    };
    repeat(tasks, gap, move || {
        let crowd = broken.clone();
        async move {
            if crowd.0.faults.is_on(Fault::BadRequests) {
                let customer = crowd.world().visitor();
                let look = Look::AddBroken(crowd.with_rng(Item::draw));
                crowd.look(customer, &look).await;
            }
        }
    });
}

/// Visitors, each in a task of their own.
fn arrivals(crowd: &Crowd, tasks: &Tasks, buys: bool) {
    let traffic = Traffic::per_day(if buys { ORDERS_PER_DAY } else { VISITS_PER_DAY });
    let (crowd, spawner, mut shutdown) = (crowd.clone(), tasks.clone(), tasks.shutdown());
    tasks.spawn(async move {
        loop {
            let now: Timestamp = crowd.0.clock.now().into();
            let boost = crowd.0.faults.boost() * crowd.0.speed;
            let next = crowd.with_rng(|rng| traffic.next(now, boost, rng)).since(now);
            // A spike that begins meanwhile shall not wait for the next visitor of a quiet hour.
            let wait = next.min(Duration::from_secs(30));
            if tokio::time::timeout(wait, shutdown.wait()).await.is_ok() {
                return;
            }
            if wait < next {
                continue;
            }
            let Ok(turn) = std::sync::Arc::clone(&crowd.0.busy).acquire_owned().await else { return };
            let visitor = crowd.clone();
            spawner.spawn(async move {
                drop(turn);
                visitor.visit(buys).await;
            });
        }
    });
}

/// Does something again and again until the tasks are told to stop.
fn repeat<W>(
    tasks: &Tasks,
    mut gap: impl FnMut() -> Duration + Send + 'static,
    mut work: impl FnMut() -> W + Send + 'static,
) where
    W: Future<Output = ()> + Send + 'static,
{
    let mut shutdown = tasks.shutdown();
    tasks.spawn(async move {
        while tokio::time::timeout(gap(), shutdown.wait()).await.is_err() {
            work().await;
        }
    });
}

impl Crowd {
    async fn visit(&self, buys: bool) {
        let customer = self.world().visitor();
        let looks = self.with_rng(|rng| visit(buys, rng));
        for look in &looks {
            self.look(customer, look).await;
            let pause = self.with_rng(|rng| rng.exponential(LOOK_GAP)).div_f64(self.0.speed);
            tokio::time::sleep(pause).await;
        }
        if buys {
            let now = self.0.clock.now().into();
            let order = self.world().create(customer, now);
            if self.create(&order).await {
                self.plan(order.id).await;
            }
        }
    }
}

#[cfg(test)]
impl Crowd {
    /// Looks at everything once, for a test that compares the lines.
    pub(super) async fn visits_of_every_kind(&self, customer: u32) {
        let item = self.with_rng(Item::draw);
        let looks = [Look::Article(item.clone()), Look::Add(item.clone()), Look::AddBroken(item), Look::Gone(7)];
        for look in looks.into_iter().chain([Look::Catalog, Look::Cart, Look::Order]) {
            self.look(customer, &look).await;
        }
        for service in Service::ALL {
            self.ask_health(service).await;
        }
    }
}
