//! Counts by bucket of everything a selector selects, kept in memory and carried on from evaluation to evaluation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logline::{Labels, Timestamp};

use super::found::Grid;
use super::source::{Failure, Source};
use crate::anomaly::Counts;

/// Points of one query, below the most that a query may have.
const POINTS: u32 = 10_000;
/// The newest stretch that is read again each time, for lines that came late.
const LATE: Duration = Duration::from_secs(15 * 60);
/// The pauses between two readings of all of it, for lines that come much later, as those of an agent that was cut off or
/// of logs that are loaded: the longest while nothing is found, the shortest after something was.
const WHOLE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// The share of a series' lines that makes its past another one: a few lines always come late.
const OTHER: f64 = 0.01;
/// Most series that are followed.
const SERIES: usize = 1_000;

/// Counts of several series over the same buckets.
#[derive(Debug)]
pub(crate) struct History {
    query: String,
    bucket: Duration,
    length: Duration,
    /// Buckets up to here were read.
    until: Option<i64>,
    /// When all of it is read again, and after which pause.
    whole: (Timestamp, Duration),
    series: BTreeMap<Labels, Counts>,
}

impl History {
    /// Follows `selector`, a log query, summed up by labels, for so long into the past.
    pub(crate) fn new(selector: &str, by: &[String], bucket: Duration, length: Duration) -> Self {
        let query = counted(selector, by, bucket, Duration::ZERO);
        Self { query, bucket, length, until: None, whole: (Timestamp::MIN, WHOLE.0), series: BTreeMap::new() }
    }

    /// Reads what is new: buckets that ended by `time`. Gives the series whose past is another than it was: lines came
    /// that were written long before, as when logs are loaded.
    pub(crate) async fn advance(&mut self, source: &Source, time: Timestamp) -> Result<BTreeSet<Labels>, Failure> {
        let end = self.number(time);
        let oldest = end - self.buckets(self.length);
        let known = self.until.map_or(oldest, |until| (until - self.buckets(LATE)).max(oldest));
        // The past that is looked at does not grow any more.
        let is_whole = known == oldest || !source.is_past() && self.whole.0 <= time;
        let from = if is_whole { oldest } else { known };
        // Time went back, as when the past is looked at anew: all that was read is of no use.
        if self.until.is_some_and(|until| end < until - self.buckets(LATE)) {
            (self.until, self.series) = (None, BTreeMap::new());
            return Box::pin(self.advance(source, time)).await;
        }
        let before = is_whole.then(|| self.lines(known));
        if is_whole {
            (self.until, self.series) = (None, BTreeMap::new());
        }
        self.series.values_mut().for_each(|counts| counts.cut_to(from));
        let mut begin = from;
        while begin < end {
            let stop = end.min(begin + i64::from(POINTS));
            let points = u32::try_from(stop - begin).unwrap_or(POINTS);
            let grid = Grid { start: self.time(begin + 1), step: self.bucket, points };
            for series in source.series(&self.query, grid).await? {
                self.take(&series, from);
            }
            begin = stop;
        }
        self.until = Some(end);
        let mut others = BTreeSet::new();
        if let Some(before) = before {
            let now = self.lines(known);
            self.whole.1 = if before == now { (self.whole.1 * 2).min(WHOLE.1) } else { WHOLE.0 };
            self.whole.0 = time.after(self.whole.1);
            let of = |lines: &BTreeMap<Labels, f64>, labels: &Labels| lines.get(labels).copied().unwrap_or(0.0);
            let is_other = |labels: &Labels| {
                let (before, now) = (of(&before, labels), of(&now, labels));
                OTHER * before < (now - before).abs()
            };
            others.extend(now.keys().filter(|labels| is_other(labels)).cloned());
        }
        for counts in self.series.values_mut() {
            counts.fill_to(end);
            counts.forget_before(oldest);
        }
        self.series.retain(|_, counts| counts.first_filled().is_some());
        Ok(others)
    }

    /// Lines of each series before a bucket, as far back as they are followed.
    fn lines(&self, end: i64) -> BTreeMap<Labels, f64> {
        let of = |counts: &Counts| counts.sum(end, end - counts.first()).unwrap_or(0.0);
        self.series.iter().map(|(labels, counts)| (labels.clone(), of(counts))).collect()
    }

    fn take(&mut self, series: &query::Series, from: i64) {
        if SERIES <= self.series.len() && !self.series.contains_key(&series.labels) {
            return;
        }
        let (start, bucket) = (self.time(from), self.bucket);
        let counts = self.series.entry(series.labels.clone()).or_insert_with(|| Counts::new(start, bucket));
        for (time, value) in &series.points {
            counts.fill_to(time.0.div_euclid(nanos(bucket)) - 1);
            counts.push(*value);
        }
    }

    /// All series that are followed.
    pub(crate) const fn series(&self) -> &BTreeMap<Labels, Counts> {
        &self.series
    }

    /// The number of the bucket that ends last by this time, plus one: the end of what can be judged then.
    pub(crate) fn number(&self, time: Timestamp) -> i64 {
        time.0.div_euclid(nanos(self.bucket))
    }

    fn time(&self, number: i64) -> Timestamp {
        Timestamp(number.saturating_mul(nanos(self.bucket)))
    }

    fn buckets(&self, length: Duration) -> i64 {
        crate::anomaly::buckets(length, self.bucket)
    }
}

/// Counts lines of a window, summed up by labels; the window ended so long ago.
pub(crate) fn counted(selector: &str, by: &[String], window: Duration, ago: Duration) -> String {
    let grouping = if by.is_empty() { String::new() } else { format!("by ({}) ", by.join(",")) };
    let offset = if ago.is_zero() { String::new() } else { format!(" offset {}ms", ago.as_millis()) };
    format!("sum {grouping}(count_over_time({selector} [{}ms]{offset}))", window.as_millis())
}

fn nanos(bucket: Duration) -> i64 {
    i64::try_from(bucket.as_nanos()).unwrap_or(i64::MAX).max(1)
}
