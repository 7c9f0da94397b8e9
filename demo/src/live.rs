//! The live part: services, queue and customers from the open orders on, faults by chance, memory on disk.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stdx::{Clock, Rng, Tasks};

use crate::Error;
use crate::control;
use crate::crowd::Crowd;
use crate::faults::{Fault, LiveFaults};
use crate::folder::Folder;
use crate::services::{Company, Components};
use crate::state::State;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Faults that happen by chance.
    pub faults: BTreeSet<Fault>,
    /// How many times faster than life everybody acts.
    pub speed: f64,
}

/// The running company and everybody around it.
#[derive(Debug)]
pub struct Live {
    crowd: Crowd,
    folder: Folder,
    base: State,
    tasks: Tasks,
}

/// How often the open orders are saved.
const SAVE: Duration = Duration::from_secs(30);
/// Ids that are passed over after a crash, so that none is given twice.
const SPARE_IDS: u64 = 1_000;
/// The mean pause between two faults by chance.
const FAULTS: Duration = Duration::from_mins(25);
/// How long requests that are under way may take when everything ends.
const GRACE: Duration = Duration::from_secs(5);

impl Live {
    /// Starts everything; the orders of `state` go on.
    pub async fn start(folder: &Folder, state: State, wishes: &Wishes, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let tasks = Tasks::default();
        let faults = LiveFaults::new(Arc::clone(&clock));
        let mut rng = Rng::from_entropy();
        let components = Components { clock, tasks: tasks.clone(), faults: faults.clone(), rng: rng.fork() };
        let company = Company::open(&folder.logs(), state.open.clone(), components.clone()).await?;
        let crowd = Crowd::start(company, state.next_order, wishes.speed, components)?;
        control::open(folder, faults.clone(), &tasks).await?;
        by_chance(wishes.faults.iter().copied().collect(), faults, &tasks, rng);
        let live = Self { crowd, folder: folder.clone(), base: state, tasks };
        live.remember();
        Ok(live)
    }

    /// The order whose story is worth telling.
    pub const fn story(&self) -> Option<u64> {
        self.base.story
    }

    /// An order to try: that one, else any that is open.
    pub fn order(&self) -> Option<u64> {
        self.base.story.or_else(|| self.base.open.first().map(|order| order.id))
    }

    /// Ends everything and saves the open orders as they are.
    pub async fn end(self) -> Result<(), Error> {
        self.tasks.drain(GRACE).await;
        self.crowd.settle_interrupted();
        let crowd = self.crowd.clone();
        // A log that cannot be written any more is no reason not to end.
        drop(tokio::task::spawn_blocking(move || crowd.company().flush(GRACE)).await);
        let state = self.crowd.state(&self.base);
        state.save(&self.folder.state()).map_err(Error::file(self.folder.state()))
    }

    /// Saves now and then what a crash must not lose.
    fn remember(&self) {
        let (crowd, base, path) = (self.crowd.clone(), self.base.clone(), self.folder.state());
        let mut shutdown = self.tasks.shutdown();
        self.tasks.spawn(async move {
            while tokio::time::timeout(SAVE, shutdown.wait()).await.is_err() {
                let state = crowd.state(&base);
                let (state, path) = (State { next_order: state.next_order + SPARE_IDS, ..state }, path.clone());
                // What cannot be saved now is saved next time, or told at the end.
                drop(tokio::task::spawn_blocking(move || state.save(&path)).await);
            }
        });
    }
}

/// Triggers one of the faults now and then.
fn by_chance(names: Vec<Fault>, faults: LiveFaults, tasks: &Tasks, mut rng: Rng) {
    if names.is_empty() {
        return;
    }
    let mut shutdown = tasks.shutdown();
    tasks.spawn(async move {
        while tokio::time::timeout(FAULTS.div_f64(2.0) + rng.exponential(FAULTS.div_f64(2.0)), shutdown.wait())
            .await
            .is_err()
        {
            if let Some(fault) = rng.pick(&names) {
                faults.trigger(*fault);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use stdx::SystemClock;

    use super::*;
    use crate::history::{Plan, log_file, write};
    use crate::lines::Service;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn orders_that_history_left_open_go_on_and_are_remembered() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        let now = SystemClock.now().into();
        let plan = Plan::usual(3, now, Duration::from_hours(24));
        let plan = Plan { orders_per_day: 120.0, visits_per_day: 10.0, faults: BTreeSet::new(), ..plan };
        let state = write(&folder.logs(), &plan, &mut |_| {}).unwrap();
        let size = |service| std::fs::metadata(log_file(&folder.logs(), service)).unwrap().len();
        let before = Service::ALL.map(size);

        let due = state.open.iter().filter(|order| order.next.is_some());
        let soonest = due.min_by_key(|order| order.next.map(|(_, at)| at)).unwrap();
        let wishes = Wishes { faults: BTreeSet::new(), speed: 1_000.0 };
        let live = Live::start(&folder, state.clone(), &wishes, Arc::new(SystemClock)).await.unwrap();
        let moved_on = async {
            while live.crowd.company().book().order(soonest.id).is_some_and(|order| order.next == soonest.next) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), moved_on).await.expect("the next due order moves on");
        live.end().await.unwrap();

        let after = State::load(&folder.state()).unwrap().unwrap();
        assert!(state.next_order <= after.next_order && after.story == state.story);
        let same = after.open.iter().find(|order| order.id == soonest.id);
        assert!(same.is_none_or(|order| order.next != soonest.next));
        assert!(Service::ALL.map(size).iter().sum::<u64>() > before.iter().sum());
    }
}
