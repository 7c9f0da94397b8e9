//! How many lines came in each bucket of time, with sums over any window at hand.

use std::time::Duration;

use logline::Timestamp;

/// Counts of one series by bucket. Buckets are numbered from 1970 on; what was never told is zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    bucket: Duration,
    first: i64,
    /// Sums of all buckets before each one; one more than there are buckets.
    sums: Vec<f64>,
}

impl Counts {
    /// No buckets yet; the first one is that in which `start` lies.
    pub fn new(start: Timestamp, bucket: Duration) -> Self {
        Self { bucket, first: number(start, bucket), sums: vec![0.0] }
    }

    /// Adds the count of the next bucket.
    pub fn push(&mut self, count: f64) {
        let last = self.sums.last().copied().unwrap_or(0.0);
        self.sums.push(last + if count.is_finite() { count.max(0.0) } else { 0.0 });
    }

    /// Adds empty buckets up to but not including this one.
    pub fn fill_to(&mut self, end: i64) {
        while self.end() < end {
            self.push(0.0);
        }
    }

    /// Takes back buckets from this one on.
    pub fn cut_to(&mut self, end: i64) {
        let kept = usize::try_from((end - self.first).max(0)).unwrap_or(usize::MAX);
        self.sums.truncate(kept.saturating_add(1));
    }

    /// Drops buckets before this one.
    pub fn forget_before(&mut self, first: i64) {
        let surplus = usize::try_from(first - self.first).unwrap_or(0).min(self.sums.len() - 1);
        let base = self.sums.get(surplus).copied().unwrap_or(0.0);
        self.sums.drain(..surplus);
        self.sums.iter_mut().for_each(|sum| *sum -= base);
        self.first += i64::try_from(surplus).unwrap_or(0);
    }

    /// The number of the bucket in which a time lies.
    pub fn number(&self, time: Timestamp) -> i64 {
        number(time, self.bucket)
    }

    /// When a bucket begins.
    pub fn time(&self, number: i64) -> Timestamp {
        Timestamp(number.saturating_mul(i64::try_from(self.bucket.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The first bucket that is told.
    pub const fn first(&self) -> i64 {
        self.first
    }

    /// Behind the last bucket that is told.
    pub fn end(&self) -> i64 {
        self.first + i64::try_from(self.sums.len()).unwrap_or(1) - 1
    }

    /// The sum of the `length` buckets before `end`; none if some of them are not told.
    pub fn sum(&self, end: i64, length: i64) -> Option<f64> {
        let at = |number: i64| self.sums.get(usize::try_from(number - self.first).ok()?);
        Some(at(end)? - at(end - length)?)
    }

    /// The first bucket with anything in it.
    pub fn first_filled(&self) -> Option<i64> {
        let filled = self.sums.partition_point(|sum| *sum <= 0.0);
        (filled < self.sums.len()).then(|| self.first + i64::try_from(filled).unwrap_or(1) - 1)
    }
}

fn number(time: Timestamp, bucket: Duration) -> i64 {
    time.0.div_euclid(i64::try_from(bucket.as_nanos()).unwrap_or(i64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_buckets_before_an_end() {
        let minute = Duration::from_secs(60);
        let mut counts = Counts::new(Timestamp(600_000_000_000), minute);
        for count in [0.0, 3.0, 4.0, f64::NAN] {
            counts.push(count);
        }
        assert_eq!((counts.first(), counts.end()), (10, 14));
        assert_eq!(counts.sum(13, 2), Some(7.0));
        assert_eq!(counts.sum(14, 4), Some(7.0));
        assert_eq!((counts.sum(15, 1), counts.sum(13, 4)), (None, None));
        assert_eq!(counts.first_filled(), Some(11));
        counts.forget_before(12);
        assert_eq!((counts.first(), counts.sum(13, 1), counts.sum(12, 1)), (12, Some(4.0), None));
        counts.fill_to(20);
        assert_eq!((counts.end(), counts.sum(20, 6)), (20, Some(0.0)));
        counts.cut_to(13);
        assert_eq!((counts.end(), counts.sum(13, 1)), (13, Some(4.0)));
    }
}
