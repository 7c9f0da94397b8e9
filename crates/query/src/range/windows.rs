//! Windows of a range query cut into panes: stretches of time that no window boundary crosses.

use serde::{Deserialize, Serialize};

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

impl Windows {
    /// One point with its window.
    pub(crate) fn at(time: i64, range: i64, offset: i64) -> Self {
        Self { start: time, step: range.max(1), points: 1, range, offset }
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

    /// The pane that a time lies in and the pane's first and last instant; `None` when no window covers it.
    pub(crate) fn pane(&self, time: i64) -> Option<(u32, i64, i64)> {
        let (first, last) = self.span()?;
        if time < first || last < time {
            return None;
        }
        // Everything is relative to the point `whole` steps before the first, which no window reaches beyond.
        let origin = i128::from(self.start) - i128::from(self.offset) - i128::from(self.whole_steps()) * i128::from(self.step);
        let after = i128::from(time) - origin;
        let step = i128::from(self.step);
        let period = (after + step - 1).div_euclid(step);
        let period_end = origin + period * step;
        let split = period_end - i128::from(self.rest());
        let (pane, first, last) = match self.rest() {
            0 => (period - 1, period_end - step + 1, period_end),
            _ if i128::from(time) > split => (2 * period + 1, split + 1, period_end),
            _ => (2 * period, period_end - step + 1, split),
        };
        if self.whole_steps() == 0 && pane % 2 == 0 && self.rest() != 0 {
            return None;
        }
        Some((u32::try_from(pane).ok()?, i64::try_from(first).unwrap_or(i64::MIN), i64::try_from(last).ok()?))
    }

    /// The first and the last pane of a point's window.
    pub(crate) fn panes(&self, point: u32) -> (u32, u32) {
        let whole = u32::try_from(self.whole_steps()).unwrap_or(u32::MAX);
        if self.rest() == 0 {
            (point, point.saturating_add(whole).saturating_sub(1))
        } else {
            (point.saturating_mul(2).saturating_add(1), point.saturating_add(whole).saturating_mul(2).saturating_add(1))
        }
    }

    /// The first point whose window ends in or after this pane.
    pub(crate) fn first_point(&self, pane: u32) -> u32 {
        let whole = u32::try_from(self.whole_steps()).unwrap_or(u32::MAX);
        let period = if self.rest() == 0 { pane.saturating_add(1) } else { pane / 2 };
        period.saturating_sub(whole)
    }

    const fn whole_steps(&self) -> i64 {
        self.range / self.step
    }

    const fn rest(&self) -> i64 {
        self.range % self.step
    }
}

#[cfg(test)]
mod tests;
