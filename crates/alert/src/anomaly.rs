//! Volume anomaly: how many lines come is compared with what usually comes at this hour of the week. Pure: counts in,
//! a judgement out, and a picture of it.
//!
//! A count `x` is looked at as `2·√(x + 3/8)`, whose spread hardly depends on `x`; sums over several windows are compared
//! with the trimmed mean of the same windows in past weeks; the difference is divided by the spread that the same
//! comparison had when last week is replayed. See `docs/alerts.md`.

mod baseline;
mod calendar;
mod chart;
mod counts;
mod detector;
mod draw;

pub use baseline::{Basis, Calibration};
pub use calendar::DaysOff;
pub use chart::{Chart, Point};
pub use counts::Counts;
pub use detector::{Detector, Finding, Judgement, Side};
pub use draw::{PictureError, png};

use std::time::Duration;

/// How volumes are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Length of a bucket; a day holds a whole number of them.
    pub bucket: Duration,
    /// Windows in buckets, the shortest first.
    pub windows: Vec<usize>,
    /// How many past weeks are compared with.
    pub weeks: usize,
    /// How many spreads away from what was expected is too far.
    pub threshold: f64,
    /// And at least so small a share of what was expected is too low …
    pub low: f64,
    /// … or so large a one too high.
    pub high: f64,
    /// A window in which fewer lines than this are expected is never too low, one with fewer lines never too high.
    pub min_volume: f64,
    /// How much history a series needs before it is judged.
    pub learning: Duration,
    /// Days on which nothing is judged, and with which nothing is compared.
    pub days_off: DaysOff,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bucket: Duration::from_secs(300),
            windows: vec![2, 3, 6, 12, 24],
            weeks: 4,
            threshold: 5.0,
            low: 0.65,
            high: 1.6,
            min_volume: 20.0,
            learning: Duration::from_secs(7 * 86_400),
            days_off: DaysOff::default(),
        }
    }
}

impl Settings {
    /// Buckets of a day.
    pub(crate) fn day(&self) -> i64 {
        buckets(Duration::from_secs(86_400), self.bucket)
    }

    /// Buckets of a week.
    pub(crate) fn week(&self) -> i64 {
        7 * self.day()
    }

    /// The longest window in buckets.
    pub(crate) fn longest(&self) -> i64 {
        self.windows.iter().max().map_or(1, |longest| i64::try_from(*longest).unwrap_or(1))
    }
}

/// Whole buckets in a length of time; at least one.
pub(crate) fn buckets(length: Duration, bucket: Duration) -> i64 {
    i64::try_from(length.as_nanos() / bucket.as_nanos().max(1)).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests;
