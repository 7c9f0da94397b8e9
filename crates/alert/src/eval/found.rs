//! What looking at the data came to: points in time, series over them, and what is known about each.

use std::collections::BTreeMap;
use std::time::Duration;

use logline::{Labels, Timestamp};
use serde::{Deserialize, Serialize};

/// Most ids of orders that an alert names.
pub(crate) const NAMED_ORDERS: usize = 20;

/// Moments at which a rule is evaluated in one go: one when it is live, many when the past is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The first moment.
    pub start: Timestamp,
    /// From moment to moment.
    pub step: Duration,
    /// How many; one at least.
    pub points: u32,
}

impl Grid {
    /// One moment.
    pub const fn at(time: Timestamp) -> Self {
        Self { start: time, step: Duration::from_secs(1), points: 1 }
    }

    /// Moments from `start` on, up to `end` at most.
    pub fn between(start: Timestamp, end: Timestamp, step: Duration) -> Self {
        let steps = end.since(start).as_nanos() / step.as_nanos().max(1);
        Self { start, step, points: u32::try_from(steps).unwrap_or(u32::MAX - 1) + 1 }
    }

    /// A moment by its number.
    pub fn time(&self, point: u32) -> Timestamp {
        let step = i64::try_from(self.step.as_nanos()).unwrap_or(i64::MAX);
        Timestamp(self.start.0.saturating_add(step.saturating_mul(i64::from(point))))
    }

    /// The last moment.
    pub fn end(&self) -> Timestamp {
        self.time(self.points.saturating_sub(1))
    }

    /// All of them with their numbers.
    pub fn times(self) -> impl Iterator<Item = (u32, Timestamp)> {
        (0..self.points).map(move |point| (point, self.time(point)))
    }

    /// The number of a moment that is one of them.
    pub(crate) fn point(&self, time: Timestamp) -> u32 {
        let step = i64::try_from(self.step.as_nanos()).unwrap_or(i64::MAX).max(1);
        u32::try_from((time.0 - self.start.0) / step).unwrap_or(0)
    }
}

/// What is known about something that was found, beside its labels and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Ids of orders, a bounded sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<String>,
    /// How many orders in all.
    #[serde(default)]
    pub total: u64,
    /// When the data first showed it.
    #[serde(default)]
    pub first_seen: Option<Timestamp>,
    /// Further facts for the templates, by name, such as `Expected`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

impl About {
    /// Adds a fact.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "facts are numbers and fresh texts")]
    pub(crate) fn fact(mut self, name: &str, value: impl ToString) -> Self {
        self.facts.insert(name.to_owned(), value.to_string());
        self
    }
}

/// Something that was found at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The series' own labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
    /// What else is known.
    pub about: About,
}

/// What was found at the moments of a grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    by_point: BTreeMap<u32, Vec<Found>>,
}

impl Findings {
    /// Adds what was found at a moment.
    pub fn add(&mut self, point: u32, found: Found) {
        self.by_point.entry(point).or_default().push(found);
    }

    /// Adds something with nothing known but labels and value.
    pub(crate) fn plain(&mut self, point: u32, labels: &Labels, value: f64) {
        self.add(point, Found { labels: owned(labels), value, about: About::default() });
    }

    /// What was found at a moment.
    pub(crate) fn at(&mut self, point: u32) -> &mut [Found] {
        self.by_point.get_mut(&point).map(Vec::as_mut_slice).unwrap_or_default()
    }

    /// Takes out what was found at a moment.
    pub fn take(&mut self, point: u32) -> Vec<Found> {
        self.by_point.remove(&point).unwrap_or_default()
    }
}

/// Labels by name.
pub(crate) fn owned(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_reaches_up_to_its_end() {
        let minute = Duration::from_secs(60);
        let at = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let grid = Grid::between(at(60), at(200), minute);
        assert_eq!(grid.times().collect::<Vec<_>>(), [(0, at(60)), (1, at(120)), (2, at(180))]);
        assert_eq!((grid.end(), grid.point(at(120))), (at(180), 1));
        assert_eq!(Grid::at(at(5)).times().collect::<Vec<_>>(), [(0, at(5))]);
    }
}
