//! The rounds: who has the duty looks which groups are due, evaluates them side by side, saves, then hands over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use logline::{Tenant, Timestamp};
use stdx::{Shutdown, Tasks};
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard, Semaphore};

use super::{DUTY, Error, Evaluator, LEASE, RELOAD};
use crate::eval::book::{self, Book};
use crate::eval::found::Grid;
use crate::eval::group::{Due, GroupKey, GroupState, Running};
use crate::eval::report::GroupReport;
use crate::eval::source::{Failure, Source};
use crate::model::Alert;

/// Longest pause between two rounds.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the files of rules are read again.
const FILES: Duration = Duration::from_secs(30);
/// A group may take its interval, but no less than this.
const LEAST_DEADLINE: Duration = Duration::from_secs(10);

/// A group whose moment has come.
pub(super) struct Job {
    running: OwnedMutexGuard<Running>,
    grid: Grid,
}

/// What the groups of one round look at, one for each owner.
#[derive(Default)]
pub(super) struct Sources(Mutex<HashMap<(Tenant, Option<String>), OneSource>>);

/// Made when it is asked for first.
type OneSource = Arc<OnceCell<Arc<Source>>>;

/// Evaluates until it is time to stop.
pub(super) async fn run(evaluator: Arc<Evaluator>, tasks: Tasks, mut shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(evaluator.config.at_once.max(1)));
    let start = tokio::time::timeout(evaluator.config.start_delay, shutdown.wait());
    let mut stops = start.await.is_ok();
    while !stops {
        let sources = Arc::new(Sources::default());
        for job in evaluator.due().await {
            let (evaluator, sources, places) = (Arc::clone(&evaluator), Arc::clone(&sources), Arc::clone(&places));
            tasks.spawn(async move {
                // The semaphore is never closed.
                if let Ok(_place) = places.acquire_owned().await {
                    evaluator.perform(job, &sources).await;
                }
            });
        }
        stops = tokio::time::timeout(PAUSE, shutdown.wait()).await.is_ok();
    }
    drop(evaluator.components.state.leases().release(DUTY, &evaluator.components.node).await);
}

impl Evaluator {
    /// Evaluates everything that is due now and returns when it is done: one round, for tests and simulations.
    pub async fn round(&self) {
        let sources = Sources::default();
        for job in self.due().await {
            self.perform(job, &sources).await;
        }
    }

    /// The groups that are due, if this node has the duty.
    pub(super) async fn due(&self) -> Vec<Job> {
        match self.hold().await {
            Some(true) => {
                if let Err(error) = self.begin().await {
                    tracing::warn!(%error, "the duty of evaluating rules cannot be taken over yet");
                    self.shared().holds_until = None;
                    return Vec::new();
                }
            }
            Some(false) => {}
            None => {
                self.shared().running.clear();
                self.look_for_changes().await;
                return Vec::new();
            }
        }
        self.look_for_changes().await;
        self.adopt_changes().await;
        let now = Timestamp::from(self.components.clock.now());
        let all: Vec<_> = self.shared().running.iter().map(|(key, one)| (key.clone(), Arc::clone(one))).collect();
        let mut jobs = Vec::new();
        for (key, running) in all {
            // One that is still busy is due again later.
            let Ok(running) = running.try_lock_owned() else { continue };
            let delay = running.group.query_delay.unwrap_or(self.config.query_delay);
            let Some((grid, missed)) = running.missed(now.before(delay), self.config.catch_up) else { continue };
            self.shared().counts.entry(key).or_default().missed += missed;
            jobs.push(Job { running, grid });
        }
        jobs
    }

    /// Whether this node has the duty; `Some(true)` when it has just got it.
    async fn hold(&self) -> Option<bool> {
        let now = self.components.clock.now();
        let held = self.shared().holds_until;
        let still = held.is_some_and(|until| Timestamp::from(now) < until);
        if held.is_some_and(|until| Timestamp::from(now + LEASE * 2 / 3) < until) {
            return Some(false);
        }
        let taken = self.components.state.leases().take(DUTY, &self.components.node, now, LEASE).await;
        let until = match taken {
            Ok(lease) => lease.map(|lease| Timestamp::from(lease.expires)),
            Err(error) => {
                tracing::warn!(%error, "the duty of evaluating rules cannot be renewed");
                held.filter(|_| still)
            }
        };
        self.shared().holds_until = until;
        until.map(|_| !still)
    }

    /// Takes over: the state of all alerts is read, and what fired by rules that are gone since is told to be over.
    async fn begin(&self) -> Result<(), Error> {
        self.reload().await?;
        let states = match self.components.state.alert_states().all::<GroupState>().await {
            Err(error) if error.kind() == state::Kind::Unusable => {
                tracing::error!(%error, "the state of alerts cannot be read; they begin anew");
                Vec::new()
            }
            states => states?,
        };
        let mut known = BTreeMap::new();
        for one in states {
            if let Ok(tenant) = Tenant::new(&one.tenant) {
                known.insert(GroupKey { tenant, namespace: one.namespace, group: one.group }, one.value);
            }
        }
        let book = self.shared().book.clone();
        // A tenant without lines has no groups of the server's own yet; what is known of it waits.
        let own = book.keys().filter(|key| key.namespace == book::DEFAULTS);
        let tenants: BTreeSet<Tenant> = own.map(|key| key.tenant.clone()).collect();
        let waits = |key: &GroupKey| self.config.defaults && !tenants.contains(&key.tenant);
        known.retain(|key, _| book.contains_key(key) || !waits(key));
        let now = Timestamp::from(self.components.clock.now());
        let mut over = Vec::new();
        for (key, state) in &known {
            let rules = book.get(key).map(|entry| &entry.group.rules);
            let is_gone = |name: &str| rules.is_none_or(|rules| rules.iter().all(|rule| rule.key() != name));
            over.extend(state.withdrawn(key, &is_gone, now));
        }
        if !self.hand_over_resolved(over).await {
            return Err(Error::Unavailable("the ends of alerts whose rules are gone are not taken in".to_owned()));
        }
        for key in known.keys().filter(|key| !book.contains_key(key)) {
            self.forget_state(key).await;
        }
        let mut shared = self.shared();
        shared.running = book
            .iter()
            .map(|(key, entry)| {
                let state = known.remove(key).unwrap_or_default();
                let running = Running::new(key.clone(), entry.owner.clone(), Arc::clone(&entry.group), state);
                (key.clone(), Arc::new(Mutex::new(running)))
            })
            .collect();
        Ok(())
    }

    /// Whatever fails here is tried again when the duty is taken over next.
    async fn forget_state(&self, key: &GroupKey) {
        let states = self.components.state.alert_states();
        if let Err(error) = states.remove(key.tenant.as_str(), &key.namespace, &key.group).await {
            tracing::warn!(%error, group = key.group, "the state of a group that is gone cannot be removed");
        }
    }

    async fn look_for_changes(&self) {
        let now = self.components.clock.instant();
        let (reloaded, read) = {
            let shared = self.shared();
            (shared.reloaded, shared.read)
        };
        let ago = reloaded.map_or(Duration::MAX, |reloaded| now.saturating_duration_since(reloaded));
        if ago < RELOAD {
            return;
        }
        let number = self.components.state.changes().number(book::DOCUMENTS).await;
        let changed = number.is_ok_and(|number| read != Some(number));
        if (changed || FILES <= ago)
            && let Err(error) = self.reload().await
        {
            tracing::warn!(%error, "rules cannot be read anew");
        }
    }

    /// Groups that are new begin, those that changed go on with their state, those that are gone end.
    async fn adopt_changes(&self) {
        let (book, running): (Book, Vec<_>) = {
            let shared = self.shared();
            (shared.book.clone(), shared.running.iter().map(|(key, one)| (key.clone(), Arc::clone(one))).collect())
        };
        let now = Timestamp::from(self.components.clock.now());
        for (key, one) in running {
            // What is being evaluated right now is looked at again in the next round.
            let Ok(mut one) = one.try_lock_owned() else { continue };
            match book.get(&key) {
                Some(entry) if entry.group.raw == one.group.raw && entry.owner == one.owner => {}
                Some(entry) => {
                    let state = one.state().clone();
                    let next = Running::new(key, entry.owner.clone(), Arc::clone(&entry.group), state);
                    let is_gone = |rule: &str| !next.state().rules.contains_key(rule);
                    if self.hand_over_resolved(one.state().withdrawn(&next.key, &is_gone, now)).await {
                        *one = next;
                    }
                }
                None => {
                    if self.hand_over_resolved(one.state().withdrawn(&key, &|_| true, now)).await {
                        self.forget_state(&key).await;
                        self.shared().running.remove(&key);
                    }
                }
            }
        }
        let mut shared = self.shared();
        for (key, entry) in &book {
            if !shared.running.contains_key(key) {
                let one = Running::new(key.clone(), entry.owner.clone(), Arc::clone(&entry.group), <_>::default());
                shared.running.insert(key.clone(), Arc::new(Mutex::new(one)));
            }
        }
    }

    async fn hand_over_resolved(&self, alerts: Vec<Alert>) -> bool {
        if alerts.is_empty() {
            return true;
        }
        match self.components.notify.notify(alerts).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the end of alerts whose rule is gone is told later");
                false
            }
        }
    }

    /// Evaluates a group at its moments.
    pub(super) async fn perform(&self, job: Job, sources: &Sources) {
        let Job { mut running, grid } = job;
        let begun = self.components.clock.instant();
        let deadline = running.group.interval.max(LEAST_DEADLINE);
        let looked = async {
            let source = self.source(sources, &running.key.tenant, running.owner.clone()).await?;
            Ok::<_, Failure>(running.look(&source, grid).await)
        };
        let looked = match tokio::time::timeout(deadline, looked).await {
            Ok(looked) => looked,
            Err(_) => Err(Failure::Failed(format!("the evaluation took longer than {} s", deadline.as_secs()))),
        };
        match looked {
            Ok(mut looked) => {
                for moment in grid.times() {
                    let recorded = running.step(&mut looked, moment, &self.config.around);
                    for batch in recorded {
                        if let Err(failure) = self.components.recorder.record(batch).await {
                            running.failed(&failure.to_string());
                        }
                    }
                    self.hand_over(&mut running, moment.1).await;
                }
            }
            Err(failure) => running.skipped(grid.end(), &failure.to_string()),
        }
        let took = self.components.clock.instant().saturating_duration_since(begun);
        running.took(took);
        self.save(&running).await;
        self.publish(&running, took, grid.points);
    }

    /// Saves the state, then hands over what is due. In this order a kill in between makes it happen again, and the
    /// routes know an alert by its labels and its begin.
    async fn hand_over(&self, running: &mut Running, time: Timestamp) {
        let due: Vec<Due> = running.due(time, self.config.resend_delay, &self.config.around);
        if due.is_empty() || !self.save(running).await {
            return;
        }
        let alerts = due.iter().map(|due| due.alert.clone()).collect();
        match self.components.notify.notify(alerts).await {
            Ok(()) => running.sent(&due, time),
            Err(error) => tracing::warn!(%error, group = running.key.group, "alerts are handed over again later"),
        }
    }

    /// Saves the state of a group; false when it cannot be, or this node has no right to any more.
    async fn save(&self, running: &Running) -> bool {
        let now = self.components.clock.now();
        if self.shared().holds_until.is_none_or(|until| until <= Timestamp::from(now)) {
            return false;
        }
        let key = &running.key;
        let states = self.components.state.alert_states();
        let saved = states.put(key.tenant.as_str(), &key.namespace, &key.group, running.state(), now).await;
        if let Err(error) = &saved {
            tracing::error!(%error, group = key.group, "the state of alerts cannot be saved; they are handed over later");
        }
        saved.is_ok()
    }

    async fn source(&self, sources: &Sources, tenant: &Tenant, owner: Option<String>) -> Result<Arc<Source>, Failure> {
        let cell = Arc::clone(sources.0.lock().await.entry((tenant.clone(), owner.clone())).or_default());
        let source = cell.get_or_try_init(|| async {
            let parts = &self.components;
            let scope = parts.owners.scope(owner.as_deref(), tenant).await.map_err(Failure::Failed)?;
            Ok::<_, Failure>(Arc::new(Source::new(Arc::clone(&parts.engine), scope, parts.orders.clone())?))
        });
        source.await.map(Arc::clone)
    }

    fn publish(&self, running: &Running, took: Duration, points: u32) {
        let mut shared = self.shared();
        let Some(origin) = shared.book.get(&running.key).map(|entry| entry.origin) else { return };
        let failures = running.rules().filter_map(|(_, _, health)| health.failure.as_ref());
        let failed = failures.filter(|failure| !failure.is_wait()).count() as u64;
        let counts = shared.counts.entry(running.key.clone()).or_default();
        counts.evaluated += running.group.rules.len() as u64 * u64::from(points);
        counts.failed += failed;
        let counts = *counts;
        shared.reports.insert(running.key.clone(), GroupReport::of(running, origin, took, counts));
    }
}
