//! Takes events from the queue, chains them, and has storage keep them; one at a time, in order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use auth::{Anchor, AuditEvent, BREAK, Chain, Outcome, Record, server_wide, shorten};
use futures::future::BoxFuture;
use logline::Timestamp;
use mask::Masker;
use query::Engine;
use stdx::{Backoff, Clock, Rng, Tasks};
use storage::Storage;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::forward::{Sent, Trailing};
use super::{Forward, State, Target, Trail, table};

/// Events that are written together.
const TOGETHER: usize = 512;
/// How long the first of them waits for others: they share one write to the disk.
const GATHER: Duration = Duration::from_millis(50);
/// The longest detail. Its parts are cut where they come from, so it is seldom reached.
const DETAIL: usize = 96 << 10;
/// The end of the chain is anchored when it is older than this, or longer by so many records.
pub(super) const ANCHOR_EVERY: Duration = Duration::from_secs(60);
const ANCHOR_RECORDS: u64 = 1_000;
/// Between two attempts to write, at least and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Where ends of chains are written down, so that the trail cannot be replaced as a whole.
pub(crate) trait Anchors: Send + Sync + std::fmt::Debug {
    /// Keeps one.
    fn keep(&self, anchor: Anchor) -> BoxFuture<'_, Result<(), String>>;

    /// Forgets those of records that are older.
    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<(), String>>;

    /// All of all nodes, those of one node oldest first.
    fn all(&self) -> BoxFuture<'_, Result<Vec<Anchor>, String>>;
}

/// The task that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    events: mpsc::Receiver<AuditEvent>,
    state: Arc<State>,
    chain: Chain,
    storage: Arc<Storage>,
    anchors: Arc<dyn Anchors>,
    kept_for: Option<Duration>,
    forward: Option<Forward>,
    masker: Masker,
    clock: Arc<dyn Clock>,
    anchored: (u64, Instant),
    /// The hour up to which records may be gone, as far as it was written down.
    removed: Option<u64>,
}

/// A writer that runs. It ends only by [`Running::stop`], so that what happens during a shutdown is kept as well.
#[derive(Debug)]
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinSet<()>,
}

/// What a writer is made of.
#[derive(Debug)]
pub(crate) struct Components {
    pub(crate) node: String,
    pub(crate) storage: Arc<Storage>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) anchors: Arc<dyn Anchors>,
    /// How long records are kept; for ever if missing.
    pub(crate) kept_for: Option<Duration>,
    pub(crate) forward: Option<Target>,
    /// Where it is written down what was sent on.
    pub(crate) sent: state::State,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
}

impl Writer {
    /// Finds the end of the node's chain and goes on there.
    pub(crate) async fn start(
        trail: &Trail,
        events: mpsc::Receiver<AuditEvent>,
        components: Components,
    ) -> anyhow::Result<Running> {
        let Components { node, storage, engine, anchors, kept_for, forward, sent, clock, tasks } = components;
        let kept_since = kept_for.map_or(Timestamp::MIN, |period| Timestamp::from(clock.now()).before(period));
        let end = super::end(&engine, &storage, trail, anchors.as_ref(), (&node, kept_since)).await?;
        let broken = end.is_broken.then(|| {
            let behind = end.link.as_ref().map_or(0, |link| link.sequence);
            error!(behind, "the audit trail goes on behind a break, which stands in it; keep the damaged files");
            format!("goes on behind record {behind}: what followed is gone or cannot be read")
        });
        let unanchored = end.unanchored.map(|since| {
            error!(since, "anchors of the audit trail are missing: was an older state put in place of this one?");
            format!(
                "anchors are missing since record {since}: nobody knows whether it and those behind it were changed"
            )
        });
        let breaks = broken.into_iter().chain(unanchored);
        let breaks = breaks.map(|text| AuditEvent::new("system", server_wide(), BREAK, text, Outcome::Failed));
        let mut notes: Vec<_> = breaks.collect();
        let forward = match forward {
            None => None,
            Some(target) => {
                let (engine, storage, sink) = (engine, Arc::clone(&storage), Arc::new(trail.clone()));
                let past = Trailing { node: node.clone(), receiver: target.key(), sent, engine, storage, sink };
                let past = (Arc::new(past) as _, Sent::at(end.link.as_ref()));
                let (forward, too_far) =
                    Forward::start(&target, past, Arc::clone(&trail.state), (&clock, &tasks)).await?;
                notes.extend(unsent(too_far));
                Some(forward)
            }
        };
        let writer = Self {
            events,
            state: Arc::clone(&trail.state),
            anchored: (end.anchored, clock.instant()),
            removed: None,
            chain: Chain::new(node, end.link),
            storage,
            anchors,
            kept_for,
            forward,
            masker: Masker::new(&mask::Config::default())?,
            clock,
        };
        let (stop, stopped) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(writer.run(stopped, notes));
        Ok(Running { stop, task })
    }

    /// `notes` are what the trail has to say about itself first.
    async fn run(mut self, mut stopped: oneshot::Receiver<()>, notes: Vec<AuditEvent>) {
        // What an earlier run wrote may not be anchored at all, and a break is anchored at once.
        let at_once = !notes.is_empty();
        self.write(notes, Some(5)).await;
        self.anchor(at_once).await;
        loop {
            self.tell_removed().await;
            let mut events = Vec::with_capacity(TOGETHER);
            tokio::select! {
                _ = &mut stopped => break,
                _ = self.events.recv_many(&mut events, 1) => {}
                () = tokio::time::sleep(ANCHOR_EVERY) => {}
            }
            if !events.is_empty() {
                tokio::time::sleep(GATHER).await;
            }
            self.take(&mut events);
            self.write(events, None).await;
            self.anchor(false).await;
        }
        self.end().await;
    }

    /// What waits, as much as is written together.
    fn take(&mut self, events: &mut Vec<AuditEvent>) {
        while events.len() < TOGETHER
            && let Ok(event) = self.events.try_recv()
        {
            events.push(event);
        }
        let bytes = events.iter().map(|event| event.detail.len()).sum();
        self.state.waiting.fetch_sub(bytes, Ordering::Relaxed);
        let missed = self.state.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let text = "the trail could not be written; so many events are not in it";
            let event = AuditEvent::new("system", server_wide(), "audit", text, Outcome::Failed);
            events.push(AuditEvent { count: missed, ..event });
        }
    }

    /// Writes until it succeeds, or `attempts` are used up.
    async fn write(&mut self, events: Vec<AuditEvent>, attempts: Option<u32>) {
        if events.is_empty() {
            return;
        }
        let records: Vec<Record> = events.into_iter().map(|event| self.seal(event)).collect();
        let Some(mut backoff) = Backoff::new(PAUSE.0, PAUSE.1, Rng::from_entropy()) else { return };
        let mut left = attempts;
        loop {
            let batch = table::batch(&records);
            let kept = match batch {
                Ok(batch) => self.storage.append(batch).await.map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            let failed = kept.is_err();
            if self.state.failing.swap(failed, Ordering::Relaxed) != failed && !failed {
                warn!("the audit trail is written again");
            }
            let Err(error) = kept else { break };
            error!(error, records = records.len(), "the audit trail cannot be written; tried again");
            left = left.map(|left| left.saturating_sub(1));
            if left == Some(0) {
                return;
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
        self.state.written.fetch_add(records.len() as u64, Ordering::Relaxed);
        if let Some(forward) = &self.forward {
            forward.offer(records);
        }
    }

    fn seal(&mut self, event: AuditEvent) -> Record {
        let detail = shorten(&self.masker.mask(&event.detail), DETAIL).into_owned();
        self.chain.seal(AuditEvent { detail, ..event }, self.clock.now().into())
    }

    async fn anchor(&mut self, at_once: bool) {
        let Some(anchor) = self.chain.anchor() else { return };
        let (sequence, time) = self.anchored;
        let (grown, now) = (anchor.link.sequence.saturating_sub(sequence), self.clock.instant());
        // The first is anchored at once: nobody can put another beginning in its place, or a chain that never was.
        let due =
            at_once || sequence == 0 || ANCHOR_RECORDS <= grown || ANCHOR_EVERY <= now.saturating_duration_since(time);
        if grown == 0 || !due {
            return;
        }
        let sequence = anchor.link.sequence;
        match self.anchors.keep(anchor).await {
            Ok(()) => self.anchored = (sequence, now),
            Err(error) => warn!(error, "the end of the audit trail cannot be anchored; tried again"),
        }
        // They outlive their records: the one before the oldest record that is kept says that it could go.
        let oldest = self.kept_for.map(|period| Timestamp::from(self.clock.now()).before(period.saturating_mul(2)));
        if let Some(oldest) = oldest
            && let Err(error) = self.anchors.forget(oldest).await
        {
            warn!(error, "old anchors of the audit trail cannot be forgotten; tried again");
        }
    }

    /// Writes down elsewhere, once an hour, what may have been taken away by age.
    async fn tell_removed(&mut self) {
        let before = self.kept_for.map(|period| Timestamp::from(self.clock.now()).before(period));
        let Some(anchor) = before.map(Anchor::of_removal).filter(|anchor| self.removed != Some(anchor.link.sequence))
        else {
            return;
        };
        let hour = anchor.link.sequence;
        match self.anchors.keep(anchor).await {
            Ok(()) => self.removed = Some(hour),
            Err(error) => warn!(error, "what is taken from the audit trail cannot be written down; tried again"),
        }
    }

    /// Writes what waits, a few times at most, and anchors it.
    async fn end(&mut self) {
        self.events.close();
        loop {
            let mut events = Vec::new();
            self.take(&mut events);
            if events.is_empty() {
                break;
            }
            self.write(events, Some(5)).await;
        }
        self.anchor(true).await;
    }
}

/// What the trail says about records that are too far back to be sent on.
fn unsent(count: u64) -> Option<AuditEvent> {
    let text = "so many records that an earlier run did not send on are too far back; they are in the trail only";
    let event = AuditEvent::new("system", server_wide(), "audit", text, Outcome::Failed);
    (count > 0).then_some(AuditEvent { count, ..event })
}

impl Running {
    /// Has everything written that waits; returns after `grace` at the latest.
    pub(crate) async fn stop(mut self, grace: Duration) {
        let asked = self.stop.send(());
        if asked.is_err() || tokio::time::timeout(grace, self.task.join_next()).await.is_err() {
            error!("the audit trail was not written to its end in time");
        }
    }
}
