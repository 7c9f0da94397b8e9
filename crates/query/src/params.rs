//! What is asked: a query and when.

use std::time::Duration;

use logline::Timestamp;
use logql::Nanos;

use crate::config::Limits;
use crate::error::{Error, Failure};
use crate::range::Windows;

/// Most points in a series.
pub(crate) const MAX_POINTS: u64 = 11_000;

/// A query over a stretch of time.
#[derive(Clone, Debug)]
pub struct Params {
    /// The LogQL text.
    pub query: String,
    /// First instant of a log query, and first point of a metric query.
    pub start: Timestamp,
    /// A log query ends before it; a metric query has its last point there or earlier.
    pub end: Timestamp,
    /// From point to point; metric queries only.
    pub step: Duration,
    /// Lines closer to the last one given out are left out; log queries only, zero leaves out none.
    pub interval: Duration,
    /// Most lines given out; log queries only.
    pub limit: usize,
    /// Which end of the stretch the lines are taken from, and their order.
    pub direction: Direction,
}

/// The order of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    #[default]
    Backward,
}

impl Params {
    pub(crate) fn check_times(&self) -> Result<(), Error> {
        if self.end < self.start {
            return Err(Error::invalid("end timestamp must not be before or equal to start time"));
        }
        Ok(())
    }

    pub(crate) fn check_limit(&self, limits: &Limits) -> Result<(), Error> {
        if self.limit == 0 {
            return Err(Error::invalid("limit must be a positive value"));
        }
        if self.limit > limits.max_entries {
            return Err(Failure::Entries { limit: self.limit, max: limits.max_entries }.into());
        }
        Ok(())
    }

    pub(crate) fn grid(&self) -> Result<Grid, Error> {
        let step = i64::try_from(self.step.as_nanos()).unwrap_or(i64::MAX);
        if step == 0 {
            return Err(Error::no_step());
        }
        let length = self.end.0.saturating_sub(self.start.0);
        let steps = u64::try_from(length / step).unwrap_or(0);
        if steps > MAX_POINTS {
            return Err(Error::too_many_points());
        }
        Ok(Grid { start: self.start.0, step: Some(step), points: u32::try_from(steps + 1).unwrap_or(u32::MAX) })
    }
}

/// The points of a metric query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Grid {
    start: i64,
    /// `None` for a single point.
    step: Option<i64>,
    pub(crate) points: u32,
}

impl Grid {
    pub(crate) const fn instant(time: Timestamp) -> Self {
        Self { start: time.0, step: None, points: 1 }
    }

    /// Only the points from a time on.
    pub(crate) fn not_before(self, time: Timestamp) -> Self {
        let Some(step) = self.step else { return self };
        let early = time.0.saturating_sub(self.start).max(0);
        let skipped = early / step + i64::from(early % step != 0);
        let points = self.points.saturating_sub(u32::try_from(skipped).unwrap_or(u32::MAX));
        Self { start: self.start.saturating_add(skipped.saturating_mul(step)), points, ..self }
    }

    /// The windows of a range aggregation at these points.
    pub(crate) fn windows(&self, range: Nanos, offset: Nanos) -> Windows {
        match self.step {
            None => Windows::at(self.start, range.0, offset.0),
            Some(step) => Windows { start: self.start, step, points: self.points, range: range.0, offset: offset.0 },
        }
    }

    /// The time of a point.
    pub(crate) fn time(&self, point: u32) -> Timestamp {
        let step = self.step.unwrap_or(0);
        Timestamp(self.start.saturating_add(step.saturating_mul(i64::from(point))))
    }
}
