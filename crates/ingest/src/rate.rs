//! Holds tenants to their ingestion rate: a bucket of bytes each, which fills at the rate.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use logline::{Batch, Tenant};

use crate::limits::Rate;

/// Beyond so many tenants those that have sent nothing for a while are forgotten.
const MAX_TENANTS: usize = 1_000;

/// What each tenant has left.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Tenant, Bucket>>);

#[derive(Debug)]
struct Bucket {
    /// Bytes; less than none after a batch that is larger than the burst.
    left: f64,
    at: Instant,
    rate: Rate,
}

/// A batch that comes too early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct TooFast {
    text: String,
    /// When it may come again.
    pub(crate) retry_after: Duration,
}

impl Rates {
    /// Takes a batch's bytes out of its tenant's bucket. A batch larger than the burst is let in when the bucket is full.
    pub(crate) fn take(&self, batch: &Batch, rate: Rate, now: Instant) -> Result<(), TooFast> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MAX_TENANTS {
            buckets.retain(|_, bucket| bucket.level(now) < bucket.rate.burst as f64);
        }
        let new = || Bucket { left: rate.burst as f64, at: now, rate };
        let bucket = buckets.entry(batch.tenant.clone()).or_insert_with(new);
        let level = bucket.level(now);
        let bytes = batch.bytes() as f64;
        let wanted = bytes.min(rate.burst as f64);
        if level < wanted {
            let wait = (wanted - level) / (rate.bytes_per_second.max(1) as f64);
            return Err(TooFast {
                text: format!(
                    "ingestion rate limit exceeded for user {} (limit: {} bytes/sec) while attempting to ingest '{}' lines totaling '{}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased",
                    batch.tenant,
                    rate.bytes_per_second,
                    batch.lines(),
                    batch.bytes()
                ),
                retry_after: Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX),
            });
        }
        *bucket = Bucket { left: level - bytes, at: now, rate };
        Ok(())
    }
}

impl Bucket {
    fn level(&self, now: Instant) -> f64 {
        let come = now.saturating_duration_since(self.at).as_secs_f64() * self.rate.bytes_per_second as f64;
        (self.left + come).min(self.rate.burst as f64)
    }
}

#[cfg(test)]
mod tests {
    use logline::{Entry, Labels, Stream, Timestamp};
    use stdx::{Clock as _, ManualClock};

    use super::*;

    const RATE: Rate = Rate { bytes_per_second: 10, burst: 30 };

    fn batch(tenant: &str, bytes: usize) -> Batch {
        let entry = Entry { timestamp: Timestamp(1), line: "x".repeat(bytes), metadata: Vec::new() };
        let streams = vec![Stream { labels: Labels::default(), entries: vec![entry] }];
        Batch { tenant: Tenant::new(tenant).unwrap(), streams, id: None, received: Timestamp(1) }
    }

    #[test]
    fn a_tenant_may_send_its_burst_at_once_and_then_its_rate() {
        let (rates, clock) = (Rates::default(), ManualClock::at(std::time::UNIX_EPOCH));
        let take = |tenant: &str, bytes| rates.take(&batch(tenant, bytes), RATE, clock.instant());
        assert_eq!(take("a", 25), Ok(()));
        let refused = take("a", 10).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_millis(500));
        let text = refused.to_string();
        assert!(text.starts_with("ingestion rate limit exceeded for user a (limit: 10 bytes/sec) while attempting to ingest '1' lines totaling '10' bytes"), "{text}");
        assert_eq!(take("b", 30), Ok(()), "another's bucket is another");
        clock.advance(Duration::from_millis(500));
        assert_eq!(take("a", 10), Ok(()));
    }

    #[test]
    fn a_batch_larger_than_the_burst_comes_in_and_costs_its_whole_size() {
        let (rates, clock) = (Rates::default(), ManualClock::at(std::time::UNIX_EPOCH));
        let take = |bytes| rates.take(&batch("a", bytes), RATE, clock.instant());
        assert_eq!(take(100), Ok(()));
        assert_eq!(take(1).unwrap_err().retry_after, Duration::from_millis(7_100));
        clock.advance(Duration::from_secs(8));
        assert_eq!(take(1), Ok(()));
    }

    #[test]
    fn tenants_that_are_done_are_forgotten() {
        let (rates, clock) = (Rates::default(), ManualClock::at(std::time::UNIX_EPOCH));
        for n in 0..=MAX_TENANTS {
            rates.take(&batch(&format!("t{n}"), 1), RATE, clock.instant()).unwrap();
        }
        clock.advance(Duration::from_secs(60));
        rates.take(&batch("last", 1), RATE, clock.instant()).unwrap();
        assert_eq!(rates.0.lock().unwrap().len(), 1);
    }
}
