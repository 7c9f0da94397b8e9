//! Keeps background work from getting in the way: it rests after each piece, longer while others need the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stdx::Shutdown;
use tokio::runtime::Handle;

use crate::Error;
use crate::budget::Reserved;
use crate::error::Failure;
use crate::shared::Shared;

/// Work that was done before it rests.
const PIECE: Duration = Duration::from_millis(20);
/// Rest for each unit of work: half of a core,
const REST: u32 = 1;
/// or a fifth of one while queries run or the head fills up.
const LONG_REST: u32 = 4;
/// No single rest is longer.
const LONGEST: Duration = Duration::from_secs(1);
/// How often it is looked whether lines leave room, between two looks, and how many looks there are: a minute of them.
const ROOM_PAUSE: Duration = Duration::from_millis(50);
const ROOM_LOOKS: u32 = 1_200;

/// How far a job is, and whether it shall go on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) done: AtomicU64,
    pub(super) total: AtomicU64,
    pub(super) cancelled: AtomicBool,
}

/// What a job's blocking work calls after each piece.
pub(super) struct Pace {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    /// Whether steps of this one count as progress.
    counts: bool,
    shutdown: Shutdown,
    runtime: Handle,
    since: Instant,
}

impl Pace {
    /// Must be made within the runtime, whose timer it rests on.
    pub(super) fn new(shared: &Arc<Shared>, progress: &Arc<Progress>, shutdown: &Shutdown) -> Self {
        let since = shared.clock.instant();
        let (shared, progress) = (Arc::clone(shared), Arc::clone(progress));
        Self { shared, progress, counts: true, shutdown: shutdown.clone(), runtime: Handle::current(), since }
    }

    /// The same for a part of the job whose steps do not count.
    pub(super) fn silent(&self) -> Self {
        Self { counts: false, ..Self::new(&self.shared, &self.progress, &self.shutdown) }
    }

    /// Memory for what the job holds, a quarter of the budget at most. Lines come first: it waits until they leave room,
    /// which they do after each flush.
    pub(super) async fn room(&mut self, bytes: u64) -> Result<Reserved, Error> {
        let budget = Arc::clone(&self.shared.budget);
        for _ in 0..ROOM_LOOKS {
            if let Some(reserved) = budget.reserve(bytes.min(budget.limit() / 4)) {
                self.since = self.shared.clock.instant();
                return Ok(reserved);
            }
            self.count(0)?;
            tokio::time::sleep(ROOM_PAUSE).await;
        }
        Err(Failure::Unavailable("lines in memory leave no room for background work").into())
    }

    /// Begins to count anew, up to a total.
    pub(super) fn set_total(&self, total: u64) {
        self.progress.total.store(total, Ordering::Relaxed);
        self.progress.done.store(0, Ordering::Relaxed);
    }

    /// `work` more of the total is done. Fails when the job shall not go on.
    pub(super) fn count(&self, work: u64) -> Result<(), Error> {
        if self.counts {
            self.progress.done.fetch_add(work, Ordering::Relaxed);
        }
        if self.shutdown.is_asked() || self.progress.cancelled.load(Ordering::Relaxed) {
            return Err(Failure::Unavailable("the job was stopped").into());
        }
        Ok(())
    }

    /// Counts, and rests when it is time to: only for blocking work.
    pub(super) fn step(&mut self, work: u64) -> Result<(), Error> {
        self.count(work)?;
        let worked = self.shared.clock.instant().saturating_duration_since(self.since);
        if PIECE <= worked {
            let busy = self.shared.pins.count() > 0 || self.shared.budget.limit() / 2 < self.shared.budget.used();
            let rest = worked * if busy { LONG_REST } else { REST };
            self.runtime.block_on(tokio::time::sleep(rest.min(LONGEST)));
            self.since = self.shared.clock.instant();
        }
        Ok(())
    }
}
