//! The task that sends: first what an earlier run left, then what is handed over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use auth::Record;
use stdx::{Backoff, Rng, Shutdown};
use tracing::{info, warn};

use super::super::State;
use super::queue::{TOGETHER, Waiting};
use super::{Past, Sender, Sent};

/// Between two attempts, at least and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Records of earlier runs that are sent at most, the newest.
const BACK: u64 = 100_000;

/// What sends.
pub(super) struct Sending {
    sender: Sender,
    past: Arc<dyn Past>,
    /// The last record that the receiver has.
    sent: Sent,
    /// The end of the trail when this run began.
    end: Sent,
    state: Arc<State>,
    shutdown: Shutdown,
}

/// The server stops.
struct Stopped;

impl Sending {
    /// Finds out what the receiver has. Gives also how many records it has not that are too far back.
    pub(super) async fn new(
        sender: Sender,
        (past, end): (Arc<dyn Past>, Sent),
        state: Arc<State>,
        shutdown: Shutdown,
    ) -> (Self, u64) {
        let last = past.last().await.unwrap_or_else(|error| {
            warn!(error, "what the receiver of the audit trail has cannot be read; it is told what comes from now on");
            Some(end)
        });
        if last.is_none() {
            // A receiver that is new begins here. Written down at once: what comes now is sent even after a kill.
            keep(past.as_ref(), end).await;
        }
        let mut sent = last.filter(|sent| sent.sequence <= end.sequence).unwrap_or(end);
        let too_far = (end.sequence - sent.sequence).saturating_sub(BACK);
        sent.sequence += too_far;
        state.unsent.fetch_add(too_far, Ordering::Relaxed);
        (Self { sender, past, sent, end, state, shutdown }, too_far)
    }

    /// Sends until the server stops.
    pub(super) async fn run(mut self, mut waiting: Waiting) {
        if self.catch_up().await.is_err() {
            return;
        }
        loop {
            let records = tokio::select! {
                () = self.shutdown.wait() => break,
                records = waiting.next() => records,
            };
            let Some(records) = records else { return };
            if self.deliver(&records).await.is_err() {
                return;
            }
        }
        // What waits is sent once more; what is not taken now is at the next start.
        loop {
            let records = waiting.now();
            if records.is_empty() || self.sender.send(&records).await.is_err() {
                return;
            }
            self.note(&records).await;
        }
    }

    /// Sends what earlier runs did not. What cannot be found any more is counted.
    async fn catch_up(&mut self) -> Result<(), Stopped> {
        let (first, mut found) = (self.sent.sequence, 0);
        while self.sent.sequence < self.end.sequence {
            let records = match self.past.behind(self.sent).await {
                Ok(records) => records,
                Err(error) => {
                    warn!(error, "the audit trail cannot be read to send it on; tried again");
                    self.pause(PAUSE.0.saturating_mul(10)).await?;
                    continue;
                }
            };
            let end = self.end.sequence;
            let records: Vec<Record> = records.into_iter().filter(|record| record.sequence <= end).collect();
            if records.is_empty() {
                break;
            }
            for group in records.chunks(TOGETHER) {
                self.deliver(group).await?;
                found += group.len() as u64;
            }
        }
        if found > 0 {
            info!(records = found, "the receiver of the audit trail has what an earlier run left");
        }
        let gone = (self.end.sequence - first).saturating_sub(found);
        if gone > 0 {
            warn!(records = gone, "records of the audit trail that were not sent on are not there any more");
            self.state.unsent.fetch_add(gone, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Tries until the receiver takes them.
    async fn deliver(&mut self, records: &[Record]) -> Result<(), Stopped> {
        let Some(mut backoff) = Backoff::new(PAUSE.0, PAUSE.1, Rng::from_entropy()) else { return Err(Stopped) };
        let mut has_failed = false;
        while let Err(reason) = self.sender.send(records).await {
            has_failed = true;
            warn!(reason, "the audit trail cannot be sent on; tried again");
            self.pause(backoff.next_wait()).await?;
        }
        if has_failed {
            info!("the receiver of the audit trail takes records again");
        }
        self.note(records).await;
        Ok(())
    }

    async fn note(&mut self, records: &[Record]) {
        if let Some(last) = records.last() {
            self.sent = Sent::of(last);
            keep(self.past.as_ref(), self.sent).await;
        }
    }

    async fn pause(&mut self, time: Duration) -> Result<(), Stopped> {
        tokio::select! {
            () = self.shutdown.wait() => Err(Stopped),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

async fn keep(past: &dyn Past, sent: Sent) {
    if let Err(error) = past.keep(sent).await {
        warn!(error, "what the receiver of the audit trail has cannot be written down; it may be told again");
    }
}
