//! Puts the agent together: opens the state and the files, repeats what was under way, then reads and ships.

use std::sync::Arc;
use std::time::Duration;

use logline::Timestamp;
use stdx::{Clock, Shutdown, Tasks};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::Error;
use crate::batch::{Batch, Prepared, Treatment};
use crate::config::Config;
use crate::ship::Shipper;
use crate::store::Store;
use crate::tail::{SCAN_EVERY, Tail};

/// The shortest and the longest pause between two looks at the files; it grows while nothing is written.
const POLL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// An agent that is ready to run.
#[derive(Debug)]
pub struct Agent {
    shipper: Shipper,
    reading: Reading,
    repeated: Option<Prepared>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Reading {
    tail: Tail,
    treatment: Arc<Treatment>,
    clock: Arc<dyn Clock>,
    batch_bytes: usize,
    batch_wait: Duration,
}

impl Agent {
    /// Locks the state folder, opens the files that are there, and makes the batch that was under way once more.
    pub fn open(config: Config, clock: Arc<dyn Clock>, tasks: &Tasks) -> Result<Self, Error> {
        let masker = mask::Masker::new(config.mask.clone())?;
        let rules: Vec<_> = masker.rule_names().collect();
        if rules.is_empty() {
            warn!("masking is off: personal data leaves this host as it is");
        }
        let treatment = Arc::new(Treatment { masker, reader: logline::Reader::default() });
        let store = Arc::new(Store::open(&config.state_dir)?);
        let tail = Tail::open(&config, Arc::clone(&treatment), Arc::clone(&store), clock.instant());
        let (batch_bytes, batch_wait) = (config.output.batch_bytes, config.output.batch_wait);
        let mut reading = Reading { tail, treatment: Arc::clone(&treatment), clock, batch_bytes, batch_wait };
        let under_way = store.with(|state| state.in_flight.clone());
        let batch = reading.begin();
        let repeated = under_way.and_then(|under_way| reading.tail.repeat(&under_way, batch));
        store.save()?;
        info!(agent = store.with(|state| state.agent.clone()), url = %config.output.url, ?rules, "ready");
        let shipper = Shipper::new(config.output, treatment, store, tasks.shutdown())?;
        Ok(Self { shipper, reading, repeated, shutdown: tasks.shutdown() })
    }

    /// Runs until the tasks are drained: then the batch under construction is sent, if the server takes it. Should the
    /// agent fail, it stops the tasks itself.
    pub fn spawn(self, tasks: &Tasks) {
        let (out, batches) = mpsc::channel(1);
        let all = tasks.clone();
        tasks.spawn(async move {
            self.shipper.run(batches).await;
            all.stop();
        });
        tasks.spawn(run(self.reading, self.repeated, out, self.shutdown));
    }
}

async fn run(mut reading: Reading, repeated: Option<Prepared>, out: mpsc::Sender<Prepared>, mut shutdown: Shutdown) {
    let mut ready = repeated;
    let mut batch = reading.begin();
    let mut pause = POLL.0;
    let mut last = false;
    loop {
        if let Some(ready) = ready.take() {
            match hand_over(reading, ready, &out).await {
                Some(again) => reading = again,
                None => return,
            }
        }
        if last {
            return;
        }
        last = shutdown.is_asked();
        let Some(turn) = unblocked(move || reading.turn(batch, last)).await else { return };
        (reading, batch, ready) = (turn.reading, turn.batch, turn.ready);
        pause = if turn.any { POLL.0 } else { (pause * 2).min(POLL.1) };
        if ready.is_none() && !last {
            // Whether it ended by a stop is seen above, at the next turn.
            drop(tokio::time::timeout(pause, shutdown.wait()).await);
        }
    }
}

/// Waits until the batch is taken. Files are looked for meanwhile: while the server is away they are rotated as ever,
/// and what is open cannot be lost. `None` when nobody takes batches any more.
async fn hand_over(mut reading: Reading, ready: Prepared, out: &mpsc::Sender<Prepared>) -> Option<Reading> {
    loop {
        if let Ok(place) = tokio::time::timeout(SCAN_EVERY, out.reserve()).await {
            place.ok()?.send(ready);
            return Some(reading);
        }
        reading = unblocked(move || reading.look()).await?;
    }
}

/// Does what blocks on a thread of its own; `None` if it panicked, which ends the agent.
async fn unblocked<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| error!(%error, "reading failed")).ok()
}

/// What one turn of reading leaves.
struct Turn {
    reading: Reading,
    batch: Batch,
    ready: Option<Prepared>,
    any: bool,
}

impl Reading {
    fn begin(&self) -> Batch {
        let now = Timestamp::from(self.clock.now());
        Batch::new(Arc::clone(&self.treatment), self.batch_bytes, now, self.clock.instant())
    }

    fn look(mut self) -> Self {
        self.tail.look(self.clock.instant());
        self
    }

    /// Reads what is there; closes the batch when it is full, has waited long enough, or is the last one.
    fn turn(mut self, mut batch: Batch, last: bool) -> Turn {
        if batch.is_empty() {
            batch = self.begin();
        }
        let now = self.clock.instant();
        let any = self.tail.fill(&mut batch, now);
        let waited = now.duration_since(batch.begun()) >= self.batch_wait;
        let is_due = batch.is_full() || !batch.is_empty() && (waited || last);
        if !is_due {
            return Turn { reading: self, batch, ready: None, any };
        }
        let next = self.begin();
        let ready = self.tail.finish(batch);
        Turn { reading: self, batch: next, ready: Some(ready), any }
    }
}
