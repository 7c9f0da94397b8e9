//! What usually comes: the same windows of past weeks, trimmed; and how far from it last week has strayed.

use std::time::Duration;

use super::{Counts, Settings, buckets};

/// Windows that begin up to so many buckets earlier or later are compared with as well.
const SHIFT: i64 = 2;
const SHIFTS: usize = 5;
/// One in so many of the compared windows is left out at each end.
const QUARTER: usize = 4;
/// Days that are compared with when there are too few weeks.
const DAYS: i64 = 14;
/// Samples that a bucket of the week must have; with fewer the hour of the day is compared.
const SAMPLES: i64 = 3;
/// Days of the same kind, working days or weekends, that there must be.
const ALIKE: usize = 2;
/// With so many one of them may be left out at each end.
const MANY: usize = 4;
/// The latest days of the same kind, whose middle one tells how much comes now while hours of the day are compared.
const LATEST: usize = 3;
/// The steepest growth from day to day that is followed, as a logarithm.
const STEEPEST: f64 = 0.3;
/// How far growth from week to week, or from some day to today, is followed.
const GROWTH: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// The spread of counts that are as regular as chance allows; nothing real is more regular.
const LEAST_SPREAD: f64 = 1.0;

/// What a window is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The same hour of the same weekday in past weeks.
    HourOfWeek,
    /// The same hour of past days, of working days or of weekends: there are fewer than three weeks of history.
    HourOfDay,
}

impl Basis {
    /// The words of the label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HourOfWeek => "hour of week",
            Self::HourOfDay => "hour of day",
        }
    }
}

/// What usually comes, as [`stable`] has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usual {
    pub(crate) mean: f64,
    /// The mean of the windows that begin just so much earlier or later, where that is smallest
    pub(crate) least: f64,
    /// and where it is largest: at the beginning of a shift these differ by far, and people come a little late.
    pub(crate) most: f64,
    /// By what the spread is multiplied: where few days are compared, their mean and spread are uncertain themselves.
    pub(crate) doubt: f64,
}

/// Windows of the past, as [`stable`] has them.
#[derive(Debug, Default)]
struct Past {
    /// Days or weeks that they are of.
    alike: usize,
    /// Those that begin each of [`SHIFTS`] earlier or later.
    shifted: [Vec<f64>; SHIFTS],
    /// The largest of working days, where hours of a weekend are compared: nobody knows yet how these differ.
    others: f64,
}

/// What is known of a series after its last week was replayed. Good for a day or so.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// What windows are compared with.
    pub basis: Basis,
    /// The spread of each window's comparison.
    pub(crate) spreads: Vec<f64>,
    /// By how much the last seven days exceed each past week's.
    growth: Vec<f64>,
    /// What came on each whole day while there are too few weeks: number of the day, its kind, its sum.
    days: Vec<Day>,
}

/// A whole day in UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Day {
    number: i64,
    is_weekend: bool,
    sum: f64,
}

impl Calibration {
    /// Replays the week before `at`. As long as there is too little history, how much more is needed.
    ///
    /// # Errors
    /// The time that is left to learn.
    pub fn of(counts: &Counts, at: i64, settings: &Settings) -> Result<Self, Duration> {
        let age = counts.first_filled().map_or(0, |first| at - first);
        let needed = buckets(settings.learning, settings.bucket);
        if age < needed {
            return Err(settings.bucket * u32::try_from(needed - age).unwrap_or(u32::MAX));
        }
        let basis = if age < SAMPLES * settings.week() { Basis::HourOfDay } else { Basis::HourOfWeek };
        let days = if basis == Basis::HourOfDay { days(counts, at, settings) } else { Vec::new() };
        let mut calibration = Self { basis, spreads: Vec::new(), growth: growth(counts, at, settings), days };
        let spreads = settings.windows.iter().map(|window| calibration.spread(counts, at, *window, settings));
        calibration.spreads = spreads.collect();
        Ok(calibration)
    }

    /// What the `window` buckets before `end` should come to; none without anything to compare.
    pub(crate) fn expected(&self, counts: &Counts, end: i64, window: usize, settings: &Settings) -> Option<Usual> {
        let mut past = self.past(counts, end, i64::try_from(window).unwrap_or(1), settings)?;
        if self.basis == Basis::HourOfDay && past.alike < ALIKE {
            return None;
        }
        let mut all = past.shifted.concat();
        let mean = trimmed_mean(&mut all, past.alike)?;
        let doubt = if self.basis == Basis::HourOfDay { 1.0 + 1.0 / past.alike as f64 } else { 1.0 };
        let (least, most) = if self.basis == Basis::HourOfDay {
            // One bad day does not become what is usual, if there are enough others.
            let cut = if past.alike < MANY { 0 } else { SHIFTS.min(all.len() / QUARTER) };
            let kept = all.get(cut..all.len() - cut).unwrap_or_default();
            (kept.first().copied().unwrap_or(mean), kept.last().copied().unwrap_or(mean).max(past.others))
        } else {
            let of_shifts = past.shifted.iter_mut().filter_map(|samples| trimmed_mean(samples, past.alike));
            of_shifts.fold((mean, mean), |(least, most), one| (least.min(one), most.max(one)))
        };
        Some(Usual { mean, least, most, doubt })
    }

    /// The windows that those before `end` are compared with.
    fn past(&self, counts: &Counts, end: i64, length: i64, settings: &Settings) -> Option<Past> {
        let (step, times) = match self.basis {
            Basis::HourOfWeek => (settings.week(), i64::try_from(settings.weeks).unwrap_or(4)),
            Basis::HourOfDay => (settings.day(), DAYS),
        };
        let begin = counts.first_filled()?;
        let off = &settings.days_off;
        let is_weekend = self.basis == Basis::HourOfDay && off.is_weekend(counts.time(end - 1));
        // A window from a working day into a weekend, or back, is like neither.
        let is_alike = |then: i64| {
            let of_kind = |bucket: i64| off.is_weekend(counts.time(bucket)) == is_weekend;
            self.basis == Basis::HourOfWeek || of_kind(then - length) && of_kind(then - 1)
        };
        if !is_alike(end) {
            return None;
        }
        let level = self.level(end - 1, is_weekend, settings);
        let mut past = Past::default();
        for ago in 1..=times {
            let then = end - ago * step;
            let is_known = begin <= then - length && !off.touches(counts.time(then - length), counts.time(then));
            if !is_known || !(is_weekend || is_alike(then)) {
                continue;
            }
            let growth = match self.basis {
                Basis::HourOfWeek => self.growth.get(usize::try_from(ago - 1).unwrap_or(0)).copied().unwrap_or(1.0),
                Basis::HourOfDay if is_alike(then) => self.grown(then - 1, level, settings),
                Basis::HourOfDay => 1.0,
            };
            let known = |then: i64| counts.sum(then, length).filter(|_| begin <= then - length);
            let samples = (then - SHIFT..=then + SHIFT).map(|then| known(then).map(|sum| stable(sum * growth)));
            if is_alike(then) {
                past.alike += 1;
                past.shifted.iter_mut().zip(samples).for_each(|(all, sample)| all.extend(sample));
            } else {
                past.others = samples.flatten().fold(past.others, f64::max);
            }
        }
        Some(past)
    }

    /// How much comes on a day such as this one: the middle one of the latest before it, and what it has grown since.
    fn level(&self, bucket: i64, is_weekend: bool, settings: &Settings) -> Option<f64> {
        let today = bucket.div_euclid(settings.day());
        let known: Vec<&Day> = self.days.iter().filter(|day| day.number < today && 0.0 < day.sum).collect();
        let alike = known.iter().rev().filter(|day| day.is_weekend == is_weekend);
        let mut latest: Vec<&&Day> = alike.take(LATEST).collect();
        latest.sort_by(|a, b| a.sum.total_cmp(&b.sum));
        let middle = latest.get(latest.len() / 2)?;
        // Growth slackens: half of it is taken to go on.
        Some(middle.sum * (trend(&known) / 2.0 * (today - middle.number) as f64).exp())
    }

    /// By how much a day's `level` exceeds that of the day a bucket lies in. A young system has more to do every day.
    fn grown(&self, bucket: i64, level: Option<f64>, settings: &Settings) -> f64 {
        let number = bucket.div_euclid(settings.day());
        let then = self.days.iter().find(|day| day.number == number && 0.0 < day.sum);
        level.zip(then).map_or(1.0, |(level, then)| (level / then.sum).clamp(*GROWTH.start(), *GROWTH.end()))
    }

    /// How far last week strayed from what was expected of it.
    fn spread(&self, counts: &Counts, at: i64, window: usize, settings: &Settings) -> f64 {
        let length = i64::try_from(window).unwrap_or(1);
        let mut strays: Vec<f64> = Vec::new();
        // Neighbouring windows overlap: every third of a window is enough.
        let step = usize::try_from((length / 3).max(1)).unwrap_or(1);
        for end in (at - settings.week()..at - settings.longest()).step_by(step) {
            if settings.days_off.touches(counts.time(end - length), counts.time(end)) {
                continue;
            }
            let expected = self.expected(counts, end, window, settings);
            strays.extend(expected.zip(counts.sum(end, length)).map(|(expected, sum)| stable(sum) - expected.mean));
        }
        if strays.is_empty() {
            return LEAST_SPREAD;
        }
        strays.sort_by(f64::total_cmp);
        let middle = quantile(&strays, 0.5);
        strays.iter_mut().for_each(|stray| *stray = (*stray - middle).abs());
        strays.sort_by(f64::total_cmp);
        // The median, and a high quantile for what has heavier tails than the normal distribution; an incident of an
        // hour or two in the week moves neither.
        let robust = (quantile(&strays, 0.5) * 1.4826).max(quantile(&strays, 0.975) / 2.24);
        robust.max(LEAST_SPREAD)
    }
}

/// The last seven days against the same days of each past week; days off, and what they are compared with, left out.
fn growth(counts: &Counts, at: i64, settings: &Settings) -> Vec<f64> {
    let (week, day) = (settings.week(), settings.day());
    let is_off = |end: i64| settings.days_off.touches(counts.time(end - day), counts.time(end));
    let of = |past: i64| {
        let (mut now, mut then) = (0.0, 0.0);
        for end in (0..7).map(|ago| at - ago * day) {
            let before = end - past * week;
            if !is_off(end) && !is_off(before) {
                now += counts.sum(end, day)?;
                then += counts.sum(before, day)?;
            }
        }
        (then > 0.0).then(|| (now / then).clamp(*GROWTH.start(), *GROWTH.end()))
    };
    (1..=i64::try_from(settings.weeks).unwrap_or(4)).map(|past| of(past).unwrap_or(1.0)).collect()
}

/// By how much working days grow from one to the next, as a logarithm: against the same weekday, else among themselves.
fn trend(known: &[&Day]) -> f64 {
    let working: Vec<&Day> = known.iter().filter(|day| !day.is_weekend).copied().collect();
    let latest = working.get(working.len().saturating_sub(LATEST)..).unwrap_or_default();
    let between = |then: &Day, now: &Day| (now.sum / then.sum).ln() / (now.number - then.number) as f64;
    let week_before =
        |now: &&&Day| working.iter().find(|then| then.number == now.number - 7).map(|then| between(then, now));
    let mut slopes: Vec<f64> = latest.iter().filter_map(|now| week_before(&now)).collect();
    if slopes.is_empty() {
        let pairs =
            latest.iter().enumerate().flat_map(|(at, then)| latest.iter().skip(at + 1).map(move |now| (then, now)));
        slopes = pairs.map(|(then, now)| between(then, now)).collect();
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0).clamp(-STEEPEST, STEEPEST)
}

/// The whole days before a moment, days off left out.
fn days(counts: &Counts, at: i64, settings: &Settings) -> Vec<Day> {
    let day = settings.day();
    let first = counts.first_filled().map_or(i64::MAX, |first| (first + day - 1).div_euclid(day));
    let of = |number: i64| {
        let (start, end) = (number * day, (number + 1) * day);
        let is_off = settings.days_off.touches(counts.time(start), counts.time(end));
        let is_weekend = settings.days_off.is_weekend(counts.time(start + day / 2));
        counts.sum(end, day).filter(|_| !is_off).map(|sum| Day { number, is_weekend, sum })
    };
    (first..at.div_euclid(day)).filter_map(of).collect()
}

/// A count whose spread is about one whatever its size: Anscombe's transform.
pub(crate) fn stable(count: f64) -> f64 {
    2.0 * (count.max(0.0) + 0.375).sqrt()
}

/// The count that is transformed to this.
pub(crate) fn count(stable: f64) -> f64 {
    ((stable.max(0.0) / 2.0).powi(2) - 0.375).max(0.0)
}

/// The mean without the smallest and the largest quarter, which is a whole day or week where three are compared.
fn trimmed_mean(samples: &mut [f64], alike: usize) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    let least = if alike == 3 { samples.len() / alike } else { 0 };
    let cut = least.max(samples.len() / QUARTER);
    let kept = samples.get(cut..samples.len() - cut).filter(|kept| !kept.is_empty())?;
    Some(kept.iter().sum::<f64>() / kept.len() as f64)
}

/// A quantile of sorted numbers.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into a small list")]
    let index = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_comes_back_and_the_mean_is_not_moved_by_a_bad_week() {
        for value in [0.0, 1.0, 7.0, 12_345.0] {
            assert!((count(stable(value)) - value).abs() < 1e-6);
        }
        let mut samples = [10.0, 10.0, 11.0, 9.0, 10.0, 0.0, 300.0, 10.0];
        assert_eq!(trimmed_mean(&mut samples, 8), Some(10.0));
        assert_eq!(trimmed_mean(&mut [1.0, 9.0, 10.0, 2.0, 9.0, 11.0], 3), Some(9.0));
        assert_eq!(trimmed_mean(&mut [], 0), None);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.5), 2.0);
    }
}
