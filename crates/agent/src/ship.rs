//! Ships the spool to one output: reads it as a stream, keeps as many requests under way as the server bears, and notes
//! what is settled.
//!
//! While the server is away nothing is dropped: the reader stays where it is.

mod concurrency;
mod send;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use stdx::{Clock, Shutdown};
use tokio::sync::watch;
use tracing::{error, warn};

pub(crate) use send::{Outcome, Sender};

use crate::cursor::{Cursor, Progress};
use crate::settled::Settled;
use crate::spool::{Reader, Record, Spool};

/// The cursor is synced at most this often.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Batches that may be settled before one that was read before them is.
const MAX_AHEAD: usize = 256;
/// How long a reader waits after the disk failed.
const DISK_WAIT: Duration = Duration::from_secs(1);

/// One output at work.
#[derive(Debug)]
pub(crate) struct Shipper {
    sender: Arc<Sender>,
    reader: Option<Reader>,
    settled: Arc<Settled>,
    synced: watch::Receiver<u64>,
    /// Closed when nothing more comes into the spool.
    writing: watch::Receiver<()>,
    leaving: Arc<AtomicBool>,
    notes: Option<Notes>,
    shown: Arc<Mutex<Progress>>,
    /// Batches under way, in order, each with its end once it is settled.
    under_way: VecDeque<UnderWay>,
    is_stopped: bool,
}

/// The cursor, and when it was synced.
#[derive(Debug)]
struct Notes {
    cursor: Cursor,
    clock: Arc<dyn Clock>,
    next_sync: Instant,
}

#[derive(Debug)]
struct UnderWay {
    sequence: u64,
    lines_end: u64,
    lines: u64,
    settled: Option<Outcome>,
}

/// What a shipper shares with the rest of the agent.
#[derive(Debug)]
pub(crate) struct Around {
    pub(crate) spool: Arc<Spool>,
    pub(crate) settled: Arc<Settled>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) writing: watch::Receiver<()>,
    /// Whether the outputs are to end with what is under way, whatever waits.
    pub(crate) leaving: Arc<AtomicBool>,
}

impl Shipper {
    pub(crate) fn new(sender: Sender, cursor: Cursor, around: Around) -> Self {
        let Around { spool, settled, clock, writing, leaving } = around;
        let progress = cursor.progress;
        let known = (progress.sequence > 0).then_some(progress.lines_end);
        let reader = Some(spool.reader(progress.sequence, known));
        settled.pass(sender.name(), progress.sequence);
        let notes = Some(Notes { cursor, next_sync: clock.instant(), clock });
        Self {
            sender: Arc::new(sender),
            reader,
            settled,
            synced: spool.watch(),
            writing,
            leaving,
            notes,
            shown: Arc::new(Mutex::new(progress)),
            under_way: VecDeque::new(),
            is_stopped: false,
        }
    }

    /// What sends its batches.
    pub(crate) fn sender(&self) -> Arc<Sender> {
        Arc::clone(&self.sender)
    }

    /// What the output has done so far, whenever it is looked at.
    pub(crate) fn progress(&self) -> Arc<Mutex<Progress>> {
        Arc::clone(&self.shown)
    }

    /// Ships until nothing more comes into the spool and all of it is delivered, or until a stop is asked for while the
    /// server is away.
    pub(crate) async fn run(mut self) {
        let mut flight = FuturesUnordered::new();
        let mut is_last = false;
        loop {
            self.note().await;
            self.is_stopped |= self.leaving.load(Ordering::Relaxed);
            self.synced.mark_unchanged();
            let mut is_drained = false;
            while !self.is_stopped && flight.len() < self.sender.limit() && self.under_way.len() < MAX_AHEAD {
                let Some(record) = self.next().await else {
                    is_drained = true;
                    break;
                };
                if let Some(record) = self.begin(record) {
                    let sender = Arc::clone(&self.sender);
                    flight.push(async move { (record.head.sequence, sender.deliver(&record).await) });
                }
            }
            // Records without lines are settled already.
            self.note().await;
            if flight.is_empty() && (self.is_stopped || is_last && is_drained) {
                break;
            }
            tokio::select! {
                Some((sequence, outcome)) = flight.next(), if !flight.is_empty() => self.settle(sequence, outcome),
                changed = self.synced.changed(), if !self.is_stopped => drop(changed),
                _ = self.writing.changed(), if !is_last => is_last = true,
            }
        }
        self.write(true).await;
    }

    /// The next record; `None` if there is none now.
    async fn next(&mut self) -> Option<Record> {
        let mut reader = self.reader.take()?;
        let read = tokio::task::spawn_blocking(move || {
            let read = reader.next();
            (reader, read)
        });
        let Ok((reader, read)) = read.await else {
            error!(output = self.sender.name(), "reading the spool panicked; this output stops");
            self.is_stopped = true;
            return None;
        };
        self.reader = Some(reader);
        match read {
            Ok(record) => record,
            Err(error) => {
                error!(output = self.sender.name(), %error, "cannot read the spool; trying again");
                tokio::time::sleep(DISK_WAIT).await;
                None
            }
        }
    }

    /// Notes a record as under way; gives it back if there is something to send.
    fn begin(&mut self, record: Record) -> Option<Record> {
        if record.missing.batches > 0 {
            let (batches, lines) = (record.missing.batches, record.missing.lines);
            error!(
                output = self.sender.name(),
                batches, lines, "batches are gone from the spool before they were sent"
            );
        }
        let has_lines = !record.body.is_empty();
        self.under_way.push_back(UnderWay {
            sequence: record.head.sequence,
            lines_end: record.lines_end(),
            lines: u64::from(record.head.lines),
            settled: (!has_lines).then(Outcome::default),
        });
        self.change(|progress| progress.lost_lines += record.missing.lines);
        has_lines.then_some(record)
    }

    fn settle(&mut self, sequence: u64, outcome: Option<Outcome>) {
        match outcome {
            Some(outcome) => {
                let batch = self.under_way.iter_mut().find(|batch| batch.sequence == sequence);
                if let Some(batch) = batch {
                    batch.settled = Some(outcome);
                }
            }
            None => self.is_stopped = true,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Progress)) {
        if let Some(notes) = &mut self.notes {
            change(&mut notes.cursor.progress);
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = notes.cursor.progress;
        }
    }

    /// Writes down what is settled, and lets the spool go up to there.
    async fn note(&mut self) {
        let mut any = false;
        while let Some(batch) = self.under_way.pop_front_if(|batch| batch.settled.is_some()) {
            any = true;
            let outcome = batch.settled.unwrap_or_default();
            self.change(|progress| {
                progress.sequence = batch.sequence;
                progress.lines_end = batch.lines_end;
                progress.retries += outcome.retries;
                progress.refused_batches += u64::from(outcome.refused_lines > 0);
                progress.refused_lines += outcome.refused_lines;
                let delivered = batch.lines.saturating_sub(outcome.refused_lines);
                progress.batches += u64::from(delivered > 0);
                progress.lines += delivered;
            });
        }
        if any {
            self.write(false).await;
        }
    }

    async fn write(&mut self, is_last: bool) {
        let Some(mut notes) = self.notes.take() else { return };
        let (settled, sender) = (Arc::clone(&self.settled), Arc::clone(&self.sender));
        let written = tokio::task::spawn_blocking(move || {
            let now = notes.clock.instant();
            let mut written = notes.cursor.write();
            if is_last || notes.next_sync <= now {
                written = written.and_then(|()| notes.cursor.sync());
                notes.next_sync = now + SYNC_EVERY;
            }
            settled.pass(sender.name(), notes.cursor.progress.sequence);
            (notes, written)
        });
        match written.await {
            Ok((notes, written)) => {
                self.notes = Some(notes);
                if let Err(error) = written {
                    warn!(output = self.sender.name(), %error, "cannot write the cursor");
                }
            }
            Err(error) => error!(output = self.sender.name(), %error, "writing the cursor panicked"),
        }
    }
}

/// Waits; `false` when a stop was asked for.
async fn pause(shutdown: &mut Shutdown, wait: Duration) -> bool {
    tokio::time::timeout(wait, shutdown.wait()).await.is_err()
}
