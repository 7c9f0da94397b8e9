//! Windows of a range query cut into panes: stretches of time that no window boundary crosses.

use serde::{Deserialize, Serialize};
use storage::Stretches;

/// A stretch of time that lies in each window whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pane {
    /// Counts up with time.
    pub(crate) index: u64,
    /// Its first instant.
    pub(crate) first: i64,
    /// Its last instant.
    pub(crate) last: i64,
}

/// The points of a query and the window `(point - offset - range, point - offset]` that belongs to each.
///
/// The boundaries of all windows cut time into panes. When the range is a multiple of the step, each step is one pane;
/// otherwise two: the part that the window starting there leaves out, and the rest. Every window is a run of panes,
/// so that a sample is added to one pane only, however many windows overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Windows {
    /// The first point, in nanoseconds.
    pub(crate) start: i64,
    /// From point to point, in nanoseconds; at least 1.
    pub(crate) step: i64,
    /// How many points there are.
    pub(crate) points: u32,
    /// Length of the windows, in nanoseconds.
    pub(crate) range: i64,
    /// How far the windows lie behind their points, in nanoseconds.
    pub(crate) offset: i64,
}

impl Pane {
    /// No time at all, so that the first time looks its own pane up.
    pub(crate) const EMPTY: Self = Self { index: 0, first: i64::MAX, last: i64::MIN };

    pub(crate) const fn contains(&self, time: i64) -> bool {
        self.first <= time && time <= self.last
    }
}

impl Windows {
    /// One point with its window.
    pub(crate) fn at(time: i64, range: i64, offset: i64) -> Self {
        Self { start: time, step: range.max(1), points: 1, range, offset }
    }

    /// The same, in the simplest way for a single point.
    pub(crate) fn simple(self) -> Self {
        if self.points == 1 { Self::at(self.start, self.range, self.offset) } else { self }
    }

    /// The time of a point.
    pub(crate) fn point(&self, index: u32) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(i64::from(index)))
    }

    /// The first and the last instant in any window, or `None` when there is none.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let last = self.point(self.points.checked_sub(1)?).saturating_sub(self.offset);
        let first = self.start.saturating_sub(self.offset).saturating_sub(self.range).saturating_add(1);
        (self.range > 0).then_some((first, last))
    }

    /// The first instant of the first window.
    pub(crate) fn first_instant(&self) -> i64 {
        self.span().map_or(self.start, |(first, _)| first)
    }

    /// Whether there is but one window, of one pane.
    pub(crate) const fn is_one(&self) -> bool {
        self.points == 1 && self.whole_steps() == 1 && self.rest() == 0
    }

    /// All cuts between panes.
    pub(crate) fn stretches(&self) -> Stretches {
        let origin = self.start.saturating_sub(self.offset);
        Stretches { origin, step: self.step, rest: self.rest() }
    }

    /// The pane that a time lies in; `None` when no window covers it.
    pub(crate) fn pane(&self, time: i64) -> Option<Pane> {
        let (first, last) = self.span()?;
        if time < first || last < time {
            return None;
        }
        // Periods are counted from the one that ends `whole_steps` before the first point: no window starts earlier.
        let (step, rest) = (i128::from(self.step), i128::from(self.rest()));
        let origin = i128::from(self.start) - i128::from(self.offset) - i128::from(self.whole_steps()) * step;
        let period = (i128::from(time) - origin + step - 1).div_euclid(step);
        let end = origin + period * step;
        let split = end - rest;
        let (index, first, last) = match rest {
            0 => (period - 1, end - step + 1, end),
            _ if split < i128::from(time) => (2 * period + 1, split + 1, end),
            _ if self.whole_steps() == 0 => return None,
            _ => (2 * period, end - step + 1, split),
        };
        Some(Pane { index: u64::try_from(index).ok()?, first: clamp(first), last: clamp(last) })
    }

    /// The first and the last pane of a point's window.
    pub(crate) fn panes(&self, point: u32) -> (u64, u64) {
        let (point, whole) = (u64::from(point), self.whole_steps().unsigned_abs());
        if self.rest() == 0 { (point, point + whole - 1) } else { (2 * point + 1, 2 * (point + whole) + 1) }
    }

    /// The first point whose window ends with this pane or later.
    pub(crate) fn first_point(&self, pane: u64) -> u64 {
        let period = if self.rest() == 0 { pane + 1 } else { pane / 2 };
        period.saturating_sub(self.whole_steps().unsigned_abs())
    }

    const fn whole_steps(&self) -> i64 {
        self.range / self.step
    }

    const fn rest(&self) -> i64 {
        self.range % self.step
    }
}

fn clamp(time: i128) -> i64 {
    i64::try_from(time).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
