//! Reading: fills batches from files and from what tasks hand in, and hands each over to be written.

use std::sync::Arc;
use std::time::Duration;

use logline::Timestamp;
use stdx::{Clock, Shutdown};
use tokio::sync::mpsc;
use tracing::error;

use crate::batch::{Batch, Prepared, Treatment};
use crate::intake::{Feed, Handed};
use crate::tail::{SCAN_EVERY, Tail};
use crate::watch::Waker;

/// The shortest and the longest pause between two looks at the files; it grows while nothing is written.
const POLL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// How long inputs that are told lines have for their last ones.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What reads, and what it reads into.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) tail: Tail,
    /// What tasks hand in.
    pub(super) handed: mpsc::Receiver<Handed>,
    pub(super) treatment: Arc<Treatment>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) batch_bytes: usize,
    pub(super) batch_wait: Duration,
}

/// Reads until a stop is asked for, and then what tasks still hand in; what it read with, unless it failed or nobody takes
/// batches any more.
pub(super) async fn run(
    mut reading: Reading,
    feed: Feed,
    out: mpsc::Sender<Prepared>,
    mut shutdown: Shutdown,
) -> Option<Tail> {
    let waker = reading.tail.waker();
    let mut feed = Some(feed);
    let mut batch = reading.begin();
    let mut pause = POLL.0;
    let mut handed = None;
    loop {
        let last = shutdown.is_asked();
        let turn = unblocked(move || reading.turn(batch, handed.take(), last)).await?;
        (reading, batch, handed) = (turn.reading, turn.batch, None);
        if let Some(ready) = turn.ready {
            match hand_over(reading, ready, &out).await {
                Some(again) => reading = again,
                None => return None,
            }
        } else if !last {
            pause = if turn.any { POLL.0 } else { (pause * 2).min(POLL.1) };
            tokio::select! {
                // Whether it ended by a stop is seen above, at the next turn.
                () = shutdown.wait() => {}
                some = reading.handed.recv() => handed = some,
                () = quiet(&waker, pause) => {}
            }
        }
        if last {
            // Inputs that are told lines hand in what they hold, and end.
            drop(feed.take());
            handed = tokio::time::timeout(LAST_WORDS, reading.handed.recv()).await.ok().flatten();
            if handed.is_none() && batch.is_empty() {
                return Some(reading.tail);
            }
        }
    }
}

/// Waits until a file has changed; not less than the shortest pause, so that a busy file is read in larger pieces, and
/// not longer than `pause`.
async fn quiet(waker: &Waker, pause: Duration) {
    tokio::time::sleep(POLL.0).await;
    // Either way it is time for another turn.
    drop(tokio::time::timeout(pause.saturating_sub(POLL.0), waker.changed()).await);
}

/// Waits until the batch is taken. Files are looked for meanwhile: while there is no room they are rotated as ever,
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
    fn turn(mut self, mut batch: Batch, handed: Option<Handed>, last: bool) -> Turn {
        if batch.is_empty() {
            batch = self.begin();
        }
        let now = self.clock.instant();
        let any_handed = self.take_handed(&mut batch, handed);
        let any = !last && self.tail.fill(&mut batch, now) || any_handed;
        let waited = now.duration_since(batch.begun()) >= self.batch_wait;
        let is_due = batch.is_full() || !batch.is_empty() && (waited || last);
        if !is_due {
            return Turn { reading: self, batch, ready: None, any };
        }
        let next = self.begin();
        let ready = self.tail.finish(batch, Timestamp::from(self.clock.now()));
        Turn { reading: self, batch: next, ready: Some(ready), any }
    }

    /// Takes what tasks handed in, up to half of the batch, so that files have their share.
    fn take_handed(&mut self, batch: &mut Batch, first: Option<Handed>) -> bool {
        let mut next = first.or_else(|| self.handed.try_recv().ok());
        let any = next.is_some();
        while let Some(handed) = next {
            batch.hand_in(handed);
            next = if batch.is_half_full() { None } else { self.handed.try_recv().ok() };
        }
        any
    }
}
