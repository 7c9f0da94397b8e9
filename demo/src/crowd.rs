//! Everybody outside of the services: customers, managers, the workshop, couriers. They act over HTTP, each at the time
//! that the order's plan tells.

mod act;
mod visits;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use logline::Timestamp;
use stdx::{Clock, Rng, Tasks};
use tokio::sync::{Semaphore, mpsc};

use crate::Error;
use crate::faults::{Fault, LiveFaults};
use crate::services::{Company, Components};
use crate::state::State;
use crate::world::{Step, World};

pub use act::Ended;

/// How many act at the same time.
const BUSY: usize = 48;
/// How many plans may wait to be noted.
const PLANS: usize = 1_024;
/// What was due while the demo stood still is done within about this time.
const CATCH_UP: Duration = Duration::from_mins(10);

/// Everybody; clones are the same people.
#[derive(Clone, Debug)]
pub struct Crowd(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    company: Company,
    world: Mutex<World>,
    rng: Mutex<Rng>,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    faults: LiveFaults,
    speed: f64,
    plans: mpsc::Sender<(Timestamp, u64)>,
    busy: Arc<Semaphore>,
}

impl Crowd {
    /// Sends everybody to `company`, `speed` times faster than life: visitors come, and the open orders of its book go on
    /// as planned.
    pub fn start(company: Company, next_order: u64, speed: f64, components: Components) -> Result<Self, Error> {
        let tasks = components.tasks.clone();
        let (crowd, plans) = Self::gather(company, next_order, speed, components)?;
        tasks.spawn(crowd.clone().follow(plans, tasks.clone()));
        visits::start(&crowd, &tasks);
        Ok(crowd)
    }

    /// Everybody, still at home: only what is asked for happens.
    pub(crate) fn gather(
        company: Company,
        next_order: u64,
        speed: f64,
        components: Components,
    ) -> Result<(Self, mpsc::Receiver<(Timestamp, u64)>), Error> {
        let (plans, planned) = mpsc::channel(PLANS);
        let Components { clock, faults, mut rng, .. } = components;
        let world = Mutex::new(World::new(rng.fork(), next_order, speed));
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
        let http = http.build().map_err(Error::Client)?;
        let (rng, busy) = (Mutex::new(rng), Arc::new(Semaphore::new(BUSY)));
        Ok((Self(Arc::new(Inner { company, world, rng, http, clock, faults, speed, plans, busy })), planned))
    }

    /// What is to be remembered: `base` with the orders as they are now.
    pub fn state(&self, base: &State) -> State {
        let next_order = self.world().next_order();
        State { next_order, open: self.0.company.book().orders(), ..base.clone() }
    }

    /// Settles the steps that were done when everything ended, but whose answers nobody waited for.
    pub fn settle_interrupted(&self) {
        for (id, step) in self.0.company.book().done_unnoticed() {
            self.settle(id, step, Ended::Done);
        }
    }

    /// The services.
    pub fn company(&self) -> &Company {
        &self.0.company
    }

    /// Lets every order's next step happen when it is due, until the tasks are told to stop.
    async fn follow(self, mut plans: mpsc::Receiver<(Timestamp, u64)>, tasks: Tasks) {
        let mut shutdown = tasks.shutdown();
        let mut due: BinaryHeap<Reverse<(Timestamp, u64)>> = self.left_open().into_iter().map(Reverse).collect();
        loop {
            let now: Timestamp = self.0.clock.now().into();
            let next = due.peek().map_or(Duration::from_secs(60), |Reverse((at, _))| at.since(now));
            tokio::select! {
                () = shutdown.wait() => return,
                Some(plan) = plans.recv() => due.push(Reverse(plan)),
                () = tokio::time::sleep(next) => {
                    let Some(Reverse((_, order))) = due.pop() else { continue };
                    let Ok(turn) = Arc::clone(&self.0.busy).acquire_owned().await else { return };
                    let crowd = self.clone();
                    tasks.spawn(async move {
                        crowd.go_on(order).await;
                        drop(turn);
                        crowd.plan(order).await;
                    });
                }
            }
        }
    }

    /// The plans of the orders in the book, sooner by the speed; what is overdue is spread, so that not everybody comes
    /// at once.
    fn left_open(&self) -> Vec<(Timestamp, u64)> {
        let now: Timestamp = self.0.clock.now().into();
        let when = |at: Timestamp| {
            let wait = if now <= at { at.since(now) } else { self.with_rng(|rng| CATCH_UP.mul_f64(rng.unit())) };
            now.after(wait.div_f64(self.0.speed))
        };
        let orders = self.0.company.book().orders();
        orders.iter().filter_map(|order| order.next.map(|(_, at)| (when(at), order.id))).collect()
    }

    /// Tells the follower when an order's next step is due.
    async fn plan(&self, order: u64) {
        let next = self.0.company.book().order(order).and_then(|order| order.next);
        if let Some((_, at)) = next {
            // The follower is gone only when everything ends.
            let _gone = self.0.plans.send((at, order)).await;
        }
    }

    /// Does an order's next step, and plans the one after it.
    async fn go_on(&self, id: u64) {
        let Some((order, step)) = self.0.company.book().order(id).and_then(|o| o.next.map(|(step, _)| (o, step)))
        else {
            return;
        };
        if step == Step::Package && self.0.faults.keeps_one_more(Fault::StuckStatus) {
            self.0.company.book().change(id, |order| order.next = None);
            return;
        }
        let ended = self.act(&order, step).await;
        self.settle(id, step, ended);
    }

    fn settle(&self, id: u64, step: Step, ended: Ended) {
        let now: Timestamp = self.0.clock.now().into();
        let later = self.with_rng(|rng| Duration::from_secs(45) + rng.exponential(Duration::from_mins(4)));
        let mut world = self.world();
        self.0.company.book().change(id, |order| match ended {
            Ended::Done => world.advance(order, step, now),
            Ended::Lost => {
                world.advance(order, step, now);
                order.next = None;
            }
            Ended::Failed => {
                world.retry(order, step, now.after(later.div_f64(self.0.speed)));
                let gave_up = order.attempt > 3 && self.0.faults.keeps_one_more(Fault::FailedChange);
                if step == Step::Start && gave_up {
                    order.next = None;
                }
            }
        });
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_rng<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.0.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
