//! What is in the way right now: of pushes, of flushes, of reads; for `/ready`, metrics and people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::{Error, Metrics};

/// Damaged files that are named.
const MAX_DAMAGED: usize = 16;
/// A clock may be set back by this much without a word.
const SLACK: Duration = Duration::from_secs(2);

/// What something is in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Affected {
    /// Pushes are refused; what was acknowledged is safe, and reads go on.
    Pushes,
    /// The head stays in memory and in the WAL; flushes are tried again.
    Flushes,
    /// Files cannot be read; queries that need them fail.
    Reads,
    /// What other nodes commit to the bucket is not seen.
    Bucket,
    /// Background work fails and is tried again: files are not merged, or not removed.
    Jobs,
    /// The machine's clock went back; receipt times are out of order.
    Clock,
}

/// Something that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Of what.
    pub affected: Affected,
    /// What it is, in a few words that name no path.
    pub summary: &'static str,
    /// All that is known.
    pub reason: String,
}

/// Troubles as they come and go.
#[derive(Debug)]
pub(crate) struct Health {
    state: Mutex<State>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct State {
    troubles: BTreeMap<Affected, Trouble>,
    damaged: BTreeSet<PathBuf>,
    latest: Option<SystemTime>,
}

impl Health {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { state: Mutex::default(), metrics }
    }

    /// Notes how an attempt ended: a failure is in the way until one succeeds.
    pub(crate) fn note<T>(&self, affected: Affected, outcome: &Result<T, Error>) {
        let mut state = self.state();
        match outcome {
            Ok(_) => drop(state.troubles.remove(&affected)),
            Err(error) => state.set(affected, error.summary(), error.to_string()),
        }
        self.show(&state);
    }

    /// Notes a file that is damaged; it stays so until the next start.
    pub(crate) fn note_damage(&self, error: &Error) {
        let Some(path) = error.damaged() else { return };
        let mut state = self.state();
        if state.damaged.len() < MAX_DAMAGED {
            state.damaged.insert(path.to_owned());
        }
        let names: Vec<String> = state.damaged.iter().map(|path| format!("`{}`", path.display())).collect();
        state.set(Affected::Reads, error.summary(), format!("damaged: {}", names.join(", ")));
        self.show(&state);
    }

    /// Notes how background work is doing: what fails, with its summary, until it succeeds.
    pub(crate) fn note_jobs(&self, failing: &[(&'static str, String)]) {
        let mut state = self.state();
        match failing.first() {
            Some((summary, reason)) => state.set(Affected::Jobs, summary, reason.clone()),
            None => drop(state.troubles.remove(&Affected::Jobs)),
        }
        self.metrics.jobs_failing.set(i64::try_from(failing.len()).unwrap_or(i64::MAX));
    }

    /// Looks at the clock.
    pub(crate) fn note_time(&self, now: SystemTime) {
        let mut state = self.state();
        let latest = state.latest.map_or(now, |latest| latest.max(now));
        state.latest = Some(latest);
        let back = latest.duration_since(now).unwrap_or_default();
        if SLACK < back {
            let reason = format!("the clock is {} s behind what it has shown before", back.as_secs());
            state.set(Affected::Clock, "the clock went back", reason);
        } else {
            state.troubles.remove(&Affected::Clock);
        }
        self.metrics.clock_back_seconds.set(i64::try_from(back.as_secs()).unwrap_or(i64::MAX));
    }

    pub(crate) fn trouble(&self, affected: Affected) -> Option<Trouble> {
        self.state().troubles.get(&affected).cloned()
    }

    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.state().troubles.values().cloned().collect()
    }

    fn show(&self, state: &State) {
        let has = |affected| i64::from(state.troubles.contains_key(&affected));
        self.metrics.pushes_refused.set(has(Affected::Pushes));
        self.metrics.flushes_failing.set(has(Affected::Flushes));
        self.metrics.damaged_files.set(i64::try_from(state.damaged.len()).unwrap_or(i64::MAX));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, affected: Affected, summary: &'static str, reason: String) {
        self.troubles.insert(affected, Trouble { affected, summary, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_is_told_until_it_has_caught_up() {
        let health = Health::new(Metrics::default());
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        health.note_time(at(1_000));
        health.note_time(at(999));
        assert_eq!(health.troubles(), []);
        health.note_time(at(900));
        assert_eq!(health.troubles()[0].reason, "the clock is 100 s behind what it has shown before");
        assert_eq!(health.metrics.clock_back_seconds.get(), 100);
        health.note_time(at(1_001));
        assert_eq!(health.troubles(), []);
    }

    #[test]
    fn a_failure_is_told_until_an_attempt_succeeds_and_damage_for_good() {
        let health = Health::new(Metrics::default());
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        health.note::<()>(Affected::Pushes, &Err(Error::io("write to", "/a/b".as_ref(), full)));
        let trouble = health.trouble(Affected::Pushes).unwrap();
        assert_eq!(trouble.summary, "the disk is full");
        assert!(trouble.reason.contains("/a/b"));
        assert_eq!(health.metrics.pushes_refused.get(), 1);
        health.note(Affected::Pushes, &Ok(()));
        assert_eq!((health.troubles(), health.metrics.pushes_refused.get()), (Vec::new(), 0));
        for _ in 0..2 {
            health.note_damage(&Error::corrupt("/a/c".as_ref(), "cut"));
        }
        health.note_damage(&Error::internal("no file"));
        assert_eq!(health.trouble(Affected::Reads).unwrap().reason, "damaged: `/a/c`");
        assert_eq!(health.metrics.damaged_files.get(), 1);
    }
}
