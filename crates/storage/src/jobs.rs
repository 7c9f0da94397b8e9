//! Background work: compaction, retention, deletes on request, removal of files. One job at a time, each visible while
//! it runs, paced so that pushes and queries come first, and safe to kill: what a job wrote counts only once it is
//! committed, and whatever is still to be done is found again by looking at the tables.

mod compact;
mod delete;
pub(crate) mod lease;
mod merged;
mod pace;
mod reread;
mod retain;
mod rewrite;
mod run;
mod vacuum;

use std::collections::{HashMap, VecDeque};
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
    /// Makes rows of a derived table anew from the lines that are kept.
    Reread,
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
    /// Counts how often the rows of a derived table were made anew.
    reread: tokio::sync::watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    jobs: VecDeque<(Job, Arc<Progress>)>,
    /// What is left alone for now.
    paused: HashMap<Subject, Pause>,
}

#[derive(Debug)]
struct Pause {
    /// How often in a row it failed.
    times: u32,
    until: Instant,
    /// Why it failed, in a few words and in full; nothing when somebody stopped it.
    failure: Option<(&'static str, String)>,
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
    /// It makes room for other work, and goes on after that.
    Yielded,
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

    /// The rows of a derived table were made anew.
    pub(crate) fn note_remade(&self) {
        self.reread.send_modify(|changes| *changes += 1);
    }

    /// Whether a subject is left alone for now.
    fn is_paused(&self, subject: &Subject, now: Instant) -> bool {
        self.state().paused.get(subject).is_some_and(|pause| now < pause.until)
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
        if matches!(ended, Ok(Ended::Yielded)) {
            // It is listed again when it goes on.
            state.jobs.remove(at);
            return JobState::Running;
        }
        let failure = ended.as_ref().err().map(|error| (error.summary(), error.to_string()));
        let (ended, reason) = match ended {
            Ok(Ended::Done) => (JobState::Done, None),
            Ok(Ended::Yielded) => (JobState::Running, None),
            Ok(Ended::Outrun) => (JobState::Cancelled, Some("another writer changed the files first".to_owned())),
            Err(_) if cancelled => (JobState::Cancelled, Some("it was asked to stop".to_owned())),
            Err(error) => (JobState::Failed, Some(error.to_string())),
        };
        if let Some((job, progress)) = state.jobs.get_mut(at) {
            job.done = progress.done.load(Ordering::Relaxed);
            job.total = progress.total.load(Ordering::Relaxed);
            (job.state, job.ended, job.reason) = (ended, Some(now.0), reason);
        }
        let times = state.paused.get(subject).map_or(0, |pause| pause.times);
        match ended {
            JobState::Failed => {
                let pause = FIRST_PAUSE.saturating_mul(1 << times.min(16)).min(LONGEST_PAUSE);
                state.paused.insert(subject.clone(), Pause { times: times + 1, until: now.1 + pause, failure });
            }
            JobState::Cancelled if cancelled => {
                let pause = Pause { times, until: now.1 + LONGEST_PAUSE, failure: None };
                state.paused.insert(subject.clone(), pause);
            }
            JobState::Done | JobState::Cancelled | JobState::Running => {
                state.paused.remove(subject);
            }
        }
        ended
    }

    /// What failed and was not done since: each in a few words and in full. What was not tried again although its time
    /// has long come is not to be done any more.
    pub(crate) fn failing(&self, now: Instant) -> Vec<(&'static str, String)> {
        let mut state = self.state();
        state.paused.retain(|_, pause| now < pause.until + LONGEST_PAUSE);
        state.paused.values().filter_map(|pause| pause.failure.clone()).collect()
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
            Self::Reread => "reread",
        }
    }
}
