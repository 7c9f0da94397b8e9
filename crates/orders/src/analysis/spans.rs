//! How long things take, when some of them are not over yet: the estimate of Kaplan and Meier over spans in buckets.
//!
//! Who takes percentiles of what has ended alone hides just what is stuck. A stay that lasts counts as being at least as
//! long as it is by now. Buckets are exact below 512 ms and at most 0.2 % off above.

use serde::{Deserialize, Serialize};

/// Buckets for each doubling, as a power of two.
const BITS: u32 = 8;
/// What is lost when survival is multiplied so often.
const ROUNDING: f64 = 1e-9;

/// By when this share was over, in milliseconds; none where too many are still waiting to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50_ms: Option<u64>,
    /// 75 of 100.
    pub p75_ms: Option<u64>,
    /// 90 of 100.
    pub p90_ms: Option<u64>,
    /// 95 of 100.
    pub p95_ms: Option<u64>,
    /// 99 of 100.
    pub p99_ms: Option<u64>,
}

/// Spans of time in buckets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    /// How many ended and how many wait, by bucket.
    buckets: Vec<[u32; 2]>,
    ended: u64,
    waiting: u64,
    sum: u128,
    longest: u64,
}

impl Spans {
    /// Adds a span that is over.
    pub(crate) fn add_ended(&mut self, ms: u64) {
        self.add(ms, 0);
        self.ended += 1;
        self.sum += u128::from(ms);
    }

    /// Adds a span that lasts.
    pub(crate) fn add_waiting(&mut self, ms: u64) {
        self.add(ms, 1);
        self.waiting += 1;
    }

    pub(crate) const fn ended(&self) -> u64 {
        self.ended
    }

    pub(crate) const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// The longest of all, over or not.
    pub(crate) fn longest(&self) -> Option<u64> {
        (0 < self.ended + self.waiting).then_some(self.longest)
    }

    /// The mean of those that are over.
    pub(crate) fn mean(&self) -> Option<u64> {
        self.sum.checked_div(u128::from(self.ended)).and_then(|mean| u64::try_from(mean).ok())
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let [p50_ms, p75_ms, p90_ms, p95_ms, p99_ms] = self.quantiles([0.5, 0.75, 0.9, 0.95, 0.99]);
        Percentiles { p50_ms, p75_ms, p90_ms, p95_ms, p99_ms }
    }

    /// The shortest spans by which these shares, in rising order, are over.
    fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Option<u64>; N] {
        let mut found = [None; N];
        let mut next = 0;
        let (mut at_risk, mut survival) = (self.ended + self.waiting, 1.0);
        for (bucket, [ended, waiting]) in self.buckets.iter().enumerate() {
            if 0 < *ended {
                survival *= 1.0 - f64::from(*ended) / at_risk as f64;
                while let Some(share) = shares.get(next).filter(|share| survival <= 1.0 - **share + ROUNDING) {
                    debug_assert!(0.0 < *share);
                    found[next] = Some(middle(bucket).min(self.longest));
                    next += 1;
                }
            }
            // Those that wait just as long were there when the others ended.
            at_risk -= u64::from(*ended) + u64::from(*waiting);
        }
        found
    }

    fn add(&mut self, ms: u64, kind: usize) {
        let bucket = bucket(ms);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, [0; 2]);
        }
        let count = &mut self.buckets[bucket][kind];
        *count = count.saturating_add(1);
        self.longest = self.longest.max(ms);
    }
}

/// The first 512 buckets hold one value each; of then on each doubling has 256.
fn bucket(ms: u64) -> usize {
    let shift = (u64::BITS - ms.leading_zeros()).saturating_sub(BITS + 1);
    (shift as usize) * (1 << BITS) + usize::try_from(ms >> shift).unwrap_or(usize::MAX)
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let shift = (bucket >> BITS).saturating_sub(1);
    let first = (bucket - (shift << BITS)) as u64;
    (first << shift) + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The estimate as its authors write it, over exact spans.
    fn reference(spans: &[(u64, bool)], share: f64) -> Option<u64> {
        let mut times: Vec<u64> = spans.iter().filter(|(_, ended)| *ended).map(|(ms, _)| *ms).collect();
        times.sort_unstable();
        times.dedup();
        let mut survival = 1.0;
        for time in times {
            let at_risk = spans.iter().filter(|(ms, _)| time <= *ms).count() as f64;
            let ended = spans.iter().filter(|(ms, ended)| *ended && *ms == time).count() as f64;
            survival *= 1.0 - ended / at_risk;
            if survival <= 1.0 - share + ROUNDING {
                return Some(time);
            }
        }
        None
    }

    fn spans(all: &[(u64, bool)]) -> Spans {
        let mut spans = Spans::default();
        for (ms, ended) in all {
            if *ended { spans.add_ended(*ms) } else { spans.add_waiting(*ms) }
        }
        spans
    }

    #[test]
    fn what_waits_long_makes_the_percentiles_longer_and_hides_the_highest() {
        let ended: Vec<(u64, bool)> = (1..=90).map(|ms| (ms, true)).collect();
        let stuck: Vec<(u64, bool)> = ended.iter().copied().chain([(400, false); 10]).collect();
        assert_eq!(spans(&ended).percentiles().p90_ms, Some(81));
        let with_stuck = spans(&stuck).percentiles();
        assert_eq!((with_stuck.p50_ms, with_stuck.p90_ms, with_stuck.p95_ms), (Some(50), Some(90), None));
    }

    #[test]
    fn young_ones_that_wait_do_not_make_it_look_faster() {
        // Ten began a moment ago: they say nothing about how long it takes.
        let all: Vec<(u64, bool)> = (101..=200).map(|ms| (ms, true)).chain([(1, false); 10]).collect();
        assert_eq!(spans(&all).percentiles().p50_ms, Some(150));
    }

    #[test]
    fn every_value_lies_in_its_bucket_and_close_to_its_middle() {
        for ms in (0..100_000).chain([u64::from(u32::MAX), 86_400_000 * 365]) {
            let middle = middle(bucket(ms));
            assert!(middle.abs_diff(ms) * 500 <= ms, "{ms} is told as {middle}");
        }
    }

    proptest! {
        #[test]
        fn buckets_give_what_the_exact_estimate_gives(
            all in proptest::collection::vec((0..5_000_000_u64, proptest::bool::weighted(0.7)), 1..200),
        ) {
            let spans = spans(&all);
            for (share, got) in [0.5, 0.75, 0.9, 0.95, 0.99].into_iter().zip(spans.quantiles([0.5, 0.75, 0.9, 0.95, 0.99])) {
                // Spans that share a bucket count as equally long: compare with the reference over the same buckets.
                let rounded: Vec<(u64, bool)> = all.iter().map(|(ms, ended)| (middle(bucket(*ms)), *ended)).collect();
                prop_assert_eq!(got, reference(&rounded, share).map(|ms| ms.min(spans.longest)));
                // Among those that share a bucket, who waits and who ended first makes a difference.
                if all.iter().all(|(_, ended)| *ended) && let (Some(got), Some(want)) = (got, reference(&all, share)) {
                    prop_assert!(got.abs_diff(want) <= want / 100 + 1, "{} instead of {}", got, want);
                }
            }
        }
    }
}
