//! The audit trail: who did what, kept in a table of its own, chained record by record, read by auditors only.
//!
//! Events wait in a bounded queue and are written together, durably, a moment later. When the trail cannot be written,
//! what must not be done unseen is refused ([`auth::AuditSink::is_ready`]). What comes all the same and finds no room is
//! counted, and the number becomes a record of its own as soon as there is room: nothing is lost in silence.

mod anchors;
mod forward;
mod read;
mod table;
mod usage;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use auth::{AuditEvent, AuditSink};
use storage::Lifecycle;
use tokio::sync::mpsc;

use forward::Forward;
pub(crate) use forward::{Place, Target};
use read::end;
pub(crate) use read::{Checked, Filter, Page, list, verify};
pub(crate) use table::{AUDIT, AuditTable};
pub(crate) use usage::Usage;
pub(crate) use writer::{Anchors, Components, Running, Writer};

/// Events that may wait to be written.
const QUEUE: usize = 8_192;
/// So many of them are kept for what cannot be refused any more.
const RESERVE: usize = QUEUE / 4;
/// Bytes of details that may wait before what can be refused is.
const WAITING: usize = 64 << 20;

/// Where events go; the other end is the [`Writer`].
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    queue: mpsc::Sender<AuditEvent>,
    state: Arc<State>,
}

/// What both ends know.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Events that found no room since the last record about them.
    missed: AtomicU64,
    /// All of them.
    missed_in_all: AtomicU64,
    /// Bytes of details that wait.
    waiting: AtomicUsize,
    written: AtomicU64,
    /// Records that could not be sent on.
    unsent: AtomicU64,
    failing: AtomicBool,
}

impl Trail {
    /// Both ends of the queue; the second is for [`Writer::start`].
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<AuditEvent>) {
        let (queue, events) = mpsc::channel(QUEUE);
        (Arc::new(Self { queue, state: Arc::default() }), events)
    }

    /// Records written, and events that found no room, since the start.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.state.written.load(Ordering::Relaxed), self.state.missed_in_all.load(Ordering::Relaxed))
    }

    /// Records that are in the trail only, since whoever they are sent to was too slow or away.
    pub(crate) fn unsent(&self) -> u64 {
        self.state.unsent.load(Ordering::Relaxed)
    }

    /// Whether the last attempt to write failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.state.failing.load(Ordering::Relaxed)
    }
}

impl AuditSink for Trail {
    fn record(&self, event: AuditEvent) {
        let bytes = event.detail.len();
        self.state.waiting.fetch_add(bytes, Ordering::Relaxed);
        if self.queue.try_send(event).is_err() {
            self.state.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.state.missed_in_all.fetch_add(1, Ordering::Relaxed);
            if self.state.missed.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!("the audit trail cannot be written as fast as things happen; events are counted only");
            }
        }
    }

    fn is_ready(&self) -> bool {
        RESERVE < self.queue.capacity() && self.state.waiting.load(Ordering::Relaxed) < WAITING
    }
}

/// How long records are kept; for ever if nothing is set.
pub(crate) fn kept_for(lifecycle: &Lifecycle) -> Option<Duration> {
    lifecycle.tables.get(AUDIT).copied().filter(|_| lifecycle.retention_enabled)
}

/// Whether a period is set that takes nothing away, since nothing is ever taken away.
pub(crate) fn is_kept_all_the_same(lifecycle: &Lifecycle) -> bool {
    lifecycle.tables.contains_key(AUDIT) && kept_for(lifecycle).is_none()
}

#[cfg(test)]
mod tests {
    use auth::Outcome;
    use logline::Tenant;

    use super::*;

    #[test]
    fn a_trail_that_cannot_be_written_refuses_first_and_counts_what_comes_all_the_same() {
        let (trail, mut events) = Trail::new();
        let event = || AuditEvent::new("anna", Tenant::default(), "query", "", Outcome::Allowed);
        for _ in 0..QUEUE - RESERVE {
            assert!(trail.is_ready());
            trail.record(event());
        }
        assert!(!trail.is_ready(), "what can be refused is refused while there is room for the rest");
        for _ in 0..RESERVE + 3 {
            trail.record(event());
        }
        assert_eq!(trail.counts(), (0, 3));
        while events.try_recv().is_ok() {}
        assert!(trail.is_ready());
    }
    #[test]
    fn long_details_that_wait_are_refused_before_memory_is_full_of_them() {
        let (trail, _events) = Trail::new();
        let long = "x".repeat(WAITING / 8);
        for _ in 0..8 {
            assert!(trail.is_ready());
            trail.record(AuditEvent::new("anna", Tenant::default(), "query", long.as_str(), Outcome::Allowed));
        }
        assert!(!trail.is_ready());
    }

    #[test]
    fn a_period_of_the_trail_alone_takes_nothing_away_and_is_told() {
        let day = Duration::from_hours(24);
        let mut lifecycle = Lifecycle { tables: [(AUDIT.to_owned(), day)].into(), ..Lifecycle::default() };
        assert!(is_kept_all_the_same(&lifecycle) && kept_for(&lifecycle).is_none());
        lifecycle.retention_enabled = true;
        assert!(!is_kept_all_the_same(&lifecycle) && kept_for(&lifecycle) == Some(day));
        assert!(!is_kept_all_the_same(&Lifecycle::default()));
    }
}
