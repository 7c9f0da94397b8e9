//! The judgement: every window against what was expected of it.

use std::time::Duration;

use super::baseline::{Basis, Calibration, count, stable};
use super::{Counts, Settings};

/// The latest buckets must stray by this share of what the window must, or it is over already.
const STILL: f64 = 0.5;

/// Which way a volume is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Fewer lines than usual.
    Low,
    /// More lines than usual.
    High,
}

impl Side {
    /// The words of the label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// What is thought of a series at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// There is too little history; so much more is needed.
    Learning(Duration),
    /// The day is not judged.
    DayOff,
    /// As expected.
    Usual,
    /// Not as expected.
    Unusual(Finding),
}

/// A window that strays, the one that strays most.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which way.
    pub side: Side,
    /// Its length.
    pub window: Duration,
    /// How many lines came.
    pub came: f64,
    /// How many were expected.
    pub expected: f64,
    /// How many spreads that is apart; negative when too few.
    pub score: f64,
    /// What it was compared with.
    pub basis: Basis,
}

/// Judges one series; calibrates itself once a day.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: Settings,
    calibrated: Option<(i64, Calibration)>,
}

impl Detector {
    /// A detector that knows nothing yet.
    pub const fn new(settings: Settings) -> Self {
        Self { settings, calibrated: None }
    }

    /// Forgets what it calibrated itself by: the past is another than it was.
    pub fn forget(&mut self) {
        self.calibrated = None;
    }

    /// How it judges.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is thought of the buckets before `end`.
    pub fn judge(&mut self, counts: &Counts, end: i64) -> Judgement {
        let longest = self.settings.longest();
        if self.settings.days_off.touches(counts.time(end - 1), counts.time(end)) {
            return Judgement::DayOff;
        }
        let calibration = match self.calibration(counts, end) {
            Ok(calibration) => calibration.clone(),
            Err(left) => return Judgement::Learning(left),
        };
        let windows = self.settings.windows.iter().zip(&calibration.spreads);
        // A window that reaches into a day off says nothing about today.
        let windows = windows.filter(|(window, _)| {
            let begin = counts.time(end - i64::try_from(**window).unwrap_or(longest));
            !self.settings.days_off.touches(begin, counts.time(end))
        });
        let found = windows.filter_map(|(window, spread)| self.stray(counts, end, *window, *spread, &calibration));
        let worst = found.max_by(|a, b| a.score.abs().total_cmp(&b.score.abs()));
        match worst.filter(|finding| self.goes_on(counts, end, finding.side, &calibration)) {
            Some(finding) => Judgement::Unusual(finding),
            None => Judgement::Usual,
        }
    }

    /// What windows are compared with, made anew each day.
    pub(crate) fn calibration(&mut self, counts: &Counts, end: i64) -> Result<&Calibration, Duration> {
        let day = end.div_euclid(self.settings.day());
        if self.calibrated.as_ref().is_none_or(|(made, _)| *made != day) {
            let calibration = Calibration::of(counts, end, &self.settings)?;
            self.calibrated = Some((day, calibration));
        }
        self.calibrated.as_ref().map(|(_, calibration)| calibration).ok_or(Duration::ZERO)
    }

    fn stray(&self, counts: &Counts, end: i64, window: usize, spread: f64, by: &Calibration) -> Option<Finding> {
        let came = counts.sum(end, i64::try_from(window).ok()?)?;
        let usual = by.expected(counts, end, window, &self.settings)?;
        let (score, expected) = ((stable(came) - usual.mean) / (spread * usual.doubt), count(usual.mean));
        let settings = &self.settings;
        let (low, high) = (settings.low * count(usual.least), settings.high * count(usual.most));
        let side = if score <= -settings.threshold && came <= low && settings.min_volume <= expected {
            Side::Low
        } else if settings.threshold <= score && high <= came && settings.min_volume <= came {
            Side::High
        } else {
            return None;
        };
        let window = settings.bucket * u32::try_from(window).unwrap_or(u32::MAX);
        Some(Finding { side, window, came, expected, score, basis: by.basis })
    }

    /// Whether the shortest window still strays the same way: else it is over, and only longer windows remember it.
    fn goes_on(&self, counts: &Counts, end: i64, side: Side, by: &Calibration) -> bool {
        let Some(shortest) = self.settings.windows.first().copied() else { return false };
        let came = counts.sum(end, i64::try_from(shortest).unwrap_or(1));
        let expected = by.expected(counts, end, shortest, &self.settings).map(|usual| count(usual.mean));
        let Some((came, expected)) = came.zip(expected) else { return false };
        match side {
            Side::Low => came <= expected * (1.0 - STILL * (1.0 - self.settings.low)),
            Side::High => expected * (1.0 + STILL * (self.settings.high - 1.0)) <= came,
        }
    }
}
