//! What the protocols share on the server's side: the sink, masking, a bound on parallel decoding, and totals.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logline::{Batch, Timestamp};
use stdx::Clock;
use tokio::sync::Semaphore;

use crate::rate::{Rates, TooFast};
use crate::{DecodeError, Decoded, Hits, Limits, Masking, Sink, SinkError};

/// Takes pushes of all protocols to one sink.
#[derive(Debug)]
pub struct Endpoint {
    sink: Arc<dyn Sink>,
    masking: Masking,
    clock: Arc<dyn Clock>,
    /// Decoding is work for the processor: more at once than there are processors only costs memory.
    slots: Arc<Semaphore>,
    totals: Mutex<Totals>,
    rates: Rates,
}

/// What has come in since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pushes that were stored, wholly or in part.
    pub pushes: u64,
    /// Lines that were stored.
    pub lines: u64,
    /// Their bytes, metadata included.
    pub bytes: u64,
    /// Lines that were refused for what they are.
    pub rejected_lines: u64,
    /// Pushes that were refused whole, for what they are.
    pub rejected_pushes: u64,
    /// Pushes that the sink could not take; the sender tries again.
    pub failed_pushes: u64,
    /// Personal data found.
    pub hits: Hits,
}

/// How long a push waits for its turn to be decoded.
const MAX_WAIT: Duration = Duration::from_secs(10);

impl Endpoint {
    /// Takes pushes to `sink`.
    pub fn new(sink: Arc<dyn Sink>, masking: Masking, clock: Arc<dyn Clock>) -> Self {
        let slots = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 16));
        Self {
            sink,
            masking,
            clock,
            slots: Arc::new(Semaphore::new(slots)),
            totals: Mutex::default(),
            rates: Rates::default(),
        }
    }

    /// What has come in so far.
    pub fn totals(&self) -> Totals {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    pub(crate) fn masking(&self) -> &Masking {
        &self.masking
    }

    /// Runs a decoder off the async threads, when there is a free slot for it. `None`: no slot became free, or the
    /// decoder panicked, which the runtime reports.
    pub(crate) async fn decode<F>(&self, decoder: F) -> Option<Result<Decoded, DecodeError>>
    where
        F: FnOnce() -> Result<Decoded, DecodeError> + Send + 'static,
    {
        let slot = tokio::time::timeout(MAX_WAIT, Arc::clone(&self.slots).acquire_owned()).await.ok()?.ok()?;
        let decoded = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            decoder()
        });
        let decoded = decoded.await.ok()?;
        if decoded.is_err() {
            self.count(|totals| totals.rejected_pushes += 1);
        }
        Some(decoded)
    }

    /// Whether the tenant may send this batch now.
    pub(crate) fn admit(&self, batch: &Batch, limits: &Limits) -> Result<(), TooFast> {
        let Some(rate) = limits.ingestion_rate else { return Ok(()) };
        let admitted = self.rates.take(batch, rate, self.clock.instant());
        if admitted.is_err() {
            self.count(|totals| totals.failed_pushes += 1);
        }
        admitted
    }

    /// Stores a batch, if there is something in it, and counts what became of it.
    pub(crate) async fn store(&self, batch: Batch, rejected_lines: u64, hits: Hits) -> Result<(), SinkError> {
        let (lines, bytes) = (batch.lines() as u64, batch.bytes() as u64);
        let stored = if lines == 0 { Ok(()) } else { self.sink.append(batch).await };
        self.count(|totals| match &stored {
            Ok(()) => {
                totals.pushes += 1;
                totals.lines += lines;
                totals.bytes += bytes;
                totals.rejected_lines += rejected_lines;
                totals.hits.merge(&hits);
            }
            Err(SinkError::Invalid(_)) => totals.rejected_pushes += 1,
            Err(_) => totals.failed_pushes += 1,
        });
        stored
    }

    fn count(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
