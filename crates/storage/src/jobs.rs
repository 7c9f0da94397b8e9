//! Background work: compaction, retention, deletes on request, removal of files. One job at a time, each visible while
//! it runs, paced so that pushes and queries come first, and safe to kill: what a job wrote counts only once it is
//! committed, and whatever is still to be done is found again by looking at the tables.

mod compact;
mod delete;
mod merged;
mod pace;
mod retain;
mod rewrite;
mod run;
mod vacuum;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use logline::{Tenant, Timestamp};
use serde::Serialize;

use self::pace::Progress;
pub(crate) use self::run::background;
use crate::Error;
use crate::error::Failure;

/// Jobs that are remembered after their end.
const REMEMBERED: usize = 200;
/// What failed is left alone for this long, twice as long each time,
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// up to this; also what somebody cancelled.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);

/// A piece of background work, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Counts up from the start of the server.
    pub id: u64,
    /// What is being done.
    pub kind: JobKind,
    /// On which table.
    pub table: &'static str,
    /// Whose rows; all tenants' when it is missing.
    pub tenant: Option<Tenant>,
    /// On what: the folder of a day, or a request to delete lines.
    pub subject: String,
    /// How it is doing.
    pub state: JobState,
    /// How much is done, of `total`, in rows or files.
    pub done: u64,
    /// How much there is to do.
    pub total: u64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed or did nothing.
    pub reason: Option<String>,
}

/// What background work there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Makes one file of several small ones.
    Compact,
    /// Takes away rows that have been kept for long enough.
    Retain,
    /// Looks for what is derived from lines that are to be deleted.
    Hide,
    /// Writes files anew without lines that are to be deleted.
    Delete,
    /// Removes files that no version names any more, and old parts of the log.
    Vacuum,
}

/// How a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It is at work.
    Running,
    /// It did what there was to do.
    Done,
    /// It could not; it is tried again after a while.
    Failed,
    /// Somebody stopped it, or another node did the same work first.
    Cancelled,
}

/// All jobs since the start that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    state: Mutex<State>,
    /// Held by whoever does background work.
    pub(crate) working: tokio::sync::Mutex<run::Memory>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    jobs: VecDeque<(Job, Arc<Progress>)>,
    /// What failed, how often in a row, and until when it is left alone.
    paused: HashMap<Subject, (u32, Instant)>,
}

/// What a job is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) kind: JobKind,
    pub(crate) table: &'static str,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) name: String,
}

/// How a job ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    /// Another writer changed the files first.
    Outrun,
}

impl Jobs {
    /// Jobs that run, then those that ended last.
    pub(crate) fn list(&self) -> Vec<Job> {
        let state = self.state();
        let shown = |(job, progress): &(Job, Arc<Progress>)| {
            let mut job = job.clone();
            if job.state == JobState::Running {
                job.done = progress.done.load(Ordering::Relaxed);
                job.total = progress.total.load(Ordering::Relaxed);
            }
            job
        };
        state.jobs.iter().rev().map(shown).collect()
    }

    /// Tells a running job to stop; what it was about is left alone for half an hour.
    pub(crate) fn cancel(&self, id: u64) -> Result<(), Error> {
        let state = self.state();
        let running = |job: &Job| job.id == id && job.state == JobState::Running;
        let found = state.jobs.iter().find(|(job, _)| running(job));
        let (_, progress) = found.ok_or(Failure::NotFound("no job with this id is running"))?;
        progress.cancelled.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a subject is left alone for now.
    fn is_paused(&self, subject: &Subject, now: Instant) -> bool {
        self.state().paused.get(subject).is_some_and(|(_, until)| now < *until)
    }

    fn start(&self, subject: &Subject, total: u64, now: Timestamp) -> (u64, Arc<Progress>) {
        let mut state = self.state();
        state.next += 1;
        let id = state.next;
        let progress = Arc::new(Progress::default());
        progress.total.store(total, Ordering::Relaxed);
        let job = Job {
            id,
            kind: subject.kind,
            table: subject.table,
            tenant: subject.tenant.clone(),
            subject: subject.name.clone(),
            state: JobState::Running,
            done: 0,
            total,
            started: now,
            ended: None,
            reason: None,
        };
        state.jobs.push_back((job, Arc::clone(&progress)));
        if REMEMBERED < state.jobs.len() {
            state.jobs.pop_front();
        }
        (id, progress)
    }

    /// Notes how a job ended; gives its state.
    fn end(&self, id: u64, subject: &Subject, ended: &Result<Ended, Error>, now: (Timestamp, Instant)) -> JobState {
        let mut state = self.state();
        let Some(at) = state.jobs.iter().position(|(job, _)| job.id == id) else { return JobState::Failed };
        let cancelled = state.jobs.get(at).is_some_and(|(_, progress)| progress.cancelled.load(Ordering::Relaxed));
        let (ended, reason) = match ended {
            Ok(Ended::Done) => (JobState::Done, None),
            Ok(Ended::Outrun) => (JobState::Cancelled, Some("another writer changed the files first".to_owned())),
            Err(_) if cancelled => (JobState::Cancelled, Some("it was asked to stop".to_owned())),
            Err(error) => (JobState::Failed, Some(error.to_string())),
        };
        if let Some((job, progress)) = state.jobs.get_mut(at) {
            job.done = progress.done.load(Ordering::Relaxed);
            job.total = progress.total.load(Ordering::Relaxed);
            (job.state, job.ended, job.reason) = (ended, Some(now.0), reason);
        }
        let times = state.paused.get(subject).map_or(0, |(times, _)| *times);
        match ended {
            JobState::Failed => {
                let pause = FIRST_PAUSE.saturating_mul(1 << times.min(16)).min(LONGEST_PAUSE);
                state.paused.insert(subject.clone(), (times + 1, now.1 + pause));
            }
            JobState::Cancelled if cancelled => {
                state.paused.insert(subject.clone(), (times, now.1 + LONGEST_PAUSE));
            }
            JobState::Done | JobState::Cancelled | JobState::Running => {
                state.paused.remove(subject);
            }
        }
        ended
    }

    /// What failed and was not done since, with its reason.
    pub(crate) fn failing(&self) -> Vec<String> {
        let state = self.state();
        let mut told = HashSet::new();
        let newest = state.jobs.iter().rev().filter(|(job, _)| told.insert((job.kind, job.table, job.subject.clone())));
        let failed = newest.filter(|(job, _)| job.state == JobState::Failed);
        failed.filter_map(|(job, _)| job.reason.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobState {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl JobKind {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Retain => "retain",
            Self::Hide => "hide",
            Self::Delete => "delete",
            Self::Vacuum => "vacuum",
        }
    }
}
