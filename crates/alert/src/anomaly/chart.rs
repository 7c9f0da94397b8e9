//! What a picture shows: for each moment what came, what was expected, and the band in which nothing is said.

use std::time::Duration;

use jiff::tz::TimeZone;
use logline::Timestamp;

use super::baseline::count;
use super::{Counts, Detector, buckets};

/// Numbers of a picture, before they are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it is about.
    pub title: String,
    /// What is counted, such as "lines in 10 min".
    pub unit: String,
    /// Names of the line and of the band.
    pub legend: [String; 2],
    /// In order of time.
    pub points: Vec<Point>,
    /// From when on it strays.
    pub since: Option<Timestamp>,
    /// In which hours the time is written.
    pub zone: TimeZone,
}

/// One moment of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The end of the window.
    pub time: Timestamp,
    /// How many lines came.
    pub came: f64,
    /// The lower edge of the band.
    pub low: f64,
    /// How many were expected.
    pub expected: f64,
    /// The upper edge of the band.
    pub high: f64,
}

impl Detector {
    /// The time before `end`, in windows of this length; nothing while the series is learned.
    pub fn chart(&mut self, counts: &Counts, end: i64, window: Duration, span: Duration) -> Vec<Point> {
        let settings = self.settings().clone();
        let length = buckets(window, settings.bucket);
        let size = usize::try_from(length).unwrap_or(1);
        let place = settings.windows.iter().position(|known| *known == size).unwrap_or(0);
        let Ok(calibration) = self.calibration(counts, end).cloned() else { return Vec::new() };
        let spread = calibration.spreads.get(place).copied().unwrap_or(1.0);
        let first = (end - buckets(span, settings.bucket)).max(counts.first() + length);
        let point = |at: i64| {
            let came = counts.sum(at, length)?;
            let usual = calibration.expected(counts, at, size, &settings)?;
            let (expected, reach) = (count(usual.mean), settings.threshold * spread * usual.doubt);
            Some(Point {
                time: counts.time(at),
                came,
                low: count(usual.mean - reach).min(settings.low * count(usual.least)),
                expected,
                high: count(usual.mean + reach).max(settings.high * count(usual.most)),
            })
        };
        (first..=end).filter_map(point).collect()
    }
}
