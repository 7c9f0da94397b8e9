//! Moves closed batches into the spool, those that wait together in one write and one sync, and saves the state behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stdx::{Backoff, Clock, Rng, Shutdown};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::Error;
use crate::batch::Prepared;
use crate::settled::Settled;
use crate::spool::{Refused, Spool};
use crate::store::Store;

/// Batches that are synced together at most.
const GROUP: usize = 16;
/// The state is saved at most this often while the spool grows, and less often if saving takes long.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Saving may take this share of the time.
const SAVE_SHARE: u32 = 20;
/// The waits between tries when the disk fails.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Appends to the spool.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) spool: Arc<Spool>,
    pub(crate) store: Arc<Store>,
    pub(crate) settled: Arc<Settled>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: Shutdown,
}

/// When the state is to be saved again.
#[derive(Debug)]
struct Due {
    is_dirty: bool,
    at: Instant,
}

impl Writer {
    /// Runs until the reader is gone and all it closed is in the spool; or until a stop is asked for while there is no
    /// room, or the disk fails: what is not in the spool is read again at the next start.
    pub(crate) async fn run(mut self, mut batches: mpsc::Receiver<Prepared>) {
        let mut due = Due { is_dirty: true, at: self.clock.instant() };
        loop {
            let batch = match tokio::time::timeout(SAVE_EVERY, batches.recv()).await {
                Ok(Some(batch)) => Some(batch),
                Ok(None) => break,
                Err(_) => None,
            };
            let mut group: Vec<_> = batch.into_iter().collect();
            while group.len() < GROUP
                && let Ok(batch) = batches.try_recv()
            {
                group.push(batch);
            }
            if !group.is_empty() {
                if !self.write(group).await {
                    return;
                }
                due.is_dirty = true;
            }
            if due.is_dirty && due.at <= self.clock.instant() {
                self.save(&mut due).await;
            }
        }
        self.save(&mut due).await;
    }

    /// Whether the batches are in the spool.
    async fn write(&mut self, mut group: Vec<Prepared>) -> bool {
        let mut backoff = Backoff::new(WAITS.0, WAITS.1, Rng::from_entropy()).expect("the waits are in order");
        let mut is_told = false;
        loop {
            let (spool, store) = (Arc::clone(&self.spool), Arc::clone(&self.store));
            let Ok((same, written)) = tokio::task::spawn_blocking(move || {
                let written = write(&spool, &store, &group);
                (group, written)
            })
            .await
            else {
                error!("writing the spool panicked");
                return false;
            };
            group = same;
            let wait = match written {
                Ok(()) => {
                    // Nobody waits any more where the other side is gone.
                    group.into_iter().flat_map(|batch| batch.receipts).for_each(|receipt| _ = receipt.send(()));
                    return true;
                }
                Err(Refused::Full) => {
                    if !std::mem::replace(&mut is_told, true) {
                        warn!("the spool is full: reading waits until the outputs have delivered");
                    }
                    self.settled.release();
                    SAVE_EVERY
                }
                Err(Refused::Failed(error)) => {
                    error!(%error, "cannot write the spool; trying again");
                    self.settled.release();
                    backoff.next_wait()
                }
            };
            let settled = Arc::clone(&self.settled);
            tokio::select! {
                () = self.shutdown.wait() => {
                    info!("stopping; what is not in the spool is read again at the next start");
                    return false;
                }
                () = settled.room(), if is_told => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn save(&self, due: &mut Due) {
        let (spool, store, settled) = (Arc::clone(&self.spool), Arc::clone(&self.store), Arc::clone(&self.settled));
        let begun = self.clock.instant();
        let saved = tokio::task::spawn_blocking(move || {
            let saved = save(&spool, &store);
            settled.release();
            saved
        });
        match saved.await {
            Ok(Ok(())) => due.is_dirty = false,
            Ok(Err(error)) => warn!(%error, "cannot write the state; trying again"),
            Err(error) => error!(%error, "writing the state panicked"),
        }
        let end = self.clock.instant();
        due.at = end + SAVE_EVERY.max(end.duration_since(begun) * SAVE_SHARE);
    }
}

fn write(spool: &Spool, store: &Store, group: &[Prepared]) -> Result<(), Refused> {
    if spool.is_segment_full() {
        save(spool, store).map_err(Refused::Failed)?;
        spool.close_segment();
    }
    let first = match spool.append(group) {
        Err(Refused::Full) => {
            // All that is left may be in the segment that takes records.
            save(spool, store).map_err(Refused::Failed)?;
            spool.close_segment();
            spool.append(group)?
        }
        Err(refused) => {
            // What the failed write had taken may be room enough for the state, and then segments can go.
            _ = save(spool, store);
            return Err(refused);
        }
        Ok(first) => first,
    };
    store.with(|state| {
        for (batch, sequence) in group.iter().zip(first..) {
            state.apply(sequence, &batch.covered);
        }
    });
    Ok(())
}

/// Saves the state; the spool may then remove what it covers.
pub(crate) fn save(spool: &Spool, store: &Store) -> Result<(), Error> {
    store.save().map(|sequence| spool.mark_saved(sequence))
}
