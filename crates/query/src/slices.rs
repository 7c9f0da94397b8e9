//! Cuts time into slices, so that a query for the last lines reads the newest first and stops when it has enough.

use logline::Timestamp;
use storage::TimeRange;

use crate::params::Direction;

/// How much larger each slice is than the one before: what was read in vain stays a small share.
const GROWTH: u64 = 8;

/// A file or a head: its first and last time, and how many rows it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartOfTime {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) rows: u64,
    pub(crate) is_file: bool,
}

/// Slices of a range, next ones first, by the number of rows that are probably in them.
#[derive(Debug)]
pub(crate) struct Slices {
    parts: Vec<PartOfTime>,
    rest: Option<TimeRange>,
    direction: Direction,
    rows: u64,
    max_rows: u64,
    /// The longest slice in nanoseconds, once one was too large.
    longest: Option<u64>,
}

impl Slices {
    /// Cuts `range`, at first into `rows` rows; no slice is meant to hold much more than `max_rows`.
    pub(crate) fn new(
        parts: Vec<PartOfTime>,
        range: TimeRange,
        direction: Direction,
        rows: u64,
        max_rows: u64,
    ) -> Self {
        let rest = (range.start < range.end).then_some(range);
        Self { parts, rest, direction, rows: rows.max(1), max_rows, longest: None }
    }

    /// Takes back what is left of the last slice, which was too large; further ones are at first no longer than this, in
    /// nanoseconds.
    pub(crate) fn give_back(&mut self, left: TimeRange, longest: u64) {
        self.longest = Some(longest.max(1));
        self.rest = Some(match self.rest {
            None => left,
            Some(rest) => TimeRange { start: left.start.min(rest.start), end: left.end.max(rest.end) },
        });
    }

    /// How many rows are probably between two times.
    fn rows_between(&self, start: i64, end: i64) -> u64 {
        let part = |PartOfTime { first, last, rows, .. }: &PartOfTime| {
            let length = i128::from(last.0) - i128::from(first.0) + 1;
            let overlap = i128::from(end.min(last.0.saturating_add(1))) - i128::from(start.max(first.0));
            u64::try_from(i128::from(*rows) * overlap.max(0) / length.max(1)).unwrap_or(u64::MAX)
        };
        self.parts.iter().map(part).fold(0, u64::saturating_add)
    }

    /// Where the next slice ends, seen from the end of the rest that comes first; `None` if it is the last.
    fn end_of_next(&mut self, rest: TimeRange) -> Option<i64> {
        let has_more = self.rows < self.rows_between(rest.start.0, rest.end.0);
        let enough = has_more.then(|| self.cut(rest));
        let Some(longest) = &mut self.longest else { return enough };
        let length = i64::try_from(*longest).unwrap_or(i64::MAX);
        // Rows need not stay as dense as they were there.
        *longest = longest.saturating_add(longest.div_ceil(GROWTH));
        match self.direction {
            Direction::Forward => {
                let end = rest.start.0.saturating_add(length);
                Some(enough.map_or(end, |enough| enough.min(end))).filter(|end| *end < rest.end.0)
            }
            Direction::Backward => {
                let start = rest.end.0.saturating_sub(length);
                Some(enough.map_or(start, |enough| enough.max(start))).filter(|start| rest.start.0 < *start)
            }
        }
    }

    /// Where a slice with enough rows ends, seen from the end of the rest that comes first.
    fn cut(&self, rest: TimeRange) -> i64 {
        let (mut low, mut high) = (rest.start.0, rest.end.0);
        while i128::from(high) - i128::from(low) > 1 {
            let middle = i64::midpoint(low, high);
            let is_enough = match self.direction {
                Direction::Forward => self.rows_between(rest.start.0, middle) >= self.rows,
                Direction::Backward => self.rows_between(middle, rest.end.0) >= self.rows,
            };
            // Forward looks for the first time with enough rows before it, backward for the last with enough after it.
            if is_enough == (self.direction == Direction::Forward) {
                high = middle;
            } else {
                low = middle;
            }
        }
        match self.direction {
            Direction::Forward => high,
            Direction::Backward => low,
        }
    }
}

impl Iterator for Slices {
    type Item = TimeRange;

    fn next(&mut self) -> Option<TimeRange> {
        let rest = self.rest.take()?;
        let Some(cut) = self.end_of_next(rest).map(Timestamp) else { return Some(rest) };
        let (earlier, later) = (TimeRange { start: rest.start, end: cut }, TimeRange { start: cut, end: rest.end });
        let (slice, rest) = match self.direction {
            Direction::Forward => (earlier, later),
            Direction::Backward => (later, earlier),
        };
        self.rest = (rest.start < rest.end).then_some(rest);
        self.rows = self.rows.saturating_mul(GROWTH).min(self.max_rows);
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: &[(i64, i64, u64)], direction: Direction, want: &[(i64, i64)]) {
        let part = |(first, last, rows): &(i64, i64, u64)| PartOfTime {
            first: Timestamp(*first),
            last: Timestamp(*last),
            rows: *rows,
            is_file: true,
        };
        let parts = parts.iter().map(part).collect();
        let range = TimeRange { start: Timestamp(0), end: Timestamp(1_000_000) };
        let slices = Slices::new(parts, range, direction, 16_384, 10_000_000);
        let found: Vec<_> = slices.map(|slice| (slice.start.0, slice.end.0)).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn slices_start_at_the_asked_end_and_grow() {
        let even = [(0, 999_999, 1_000_000)];
        check(&even, Direction::Backward, &[(983_616, 1_000_000), (852_544, 983_616), (0, 852_544)]);
        check(&even, Direction::Forward, &[(0, 16_384), (16_384, 147_456), (147_456, 1_000_000)]);
    }

    #[test]
    fn little_is_read_at_once_and_nothing_costs_one_slice() {
        check(&[(10, 20, 5)], Direction::Backward, &[(0, 1_000_000)]);
        check(&[], Direction::Forward, &[(0, 1_000_000)]);
    }

    #[test]
    fn what_was_too_large_comes_in_smaller_slices_that_grow_again() {
        let part = PartOfTime { first: Timestamp(0), last: Timestamp(999), rows: 1_000, is_file: true };
        let range = TimeRange { start: Timestamp(0), end: Timestamp(1_000) };
        for direction in [Direction::Forward, Direction::Backward] {
            let mut slices = Slices::new(vec![part], range, direction, 400, 400);
            let first = slices.next().unwrap();
            assert_eq!(first.end.0 - first.start.0, 400);
            slices.give_back(first, 50);
            let all: Vec<_> = slices.collect();
            assert_eq!(all.iter().map(|slice| slice.end.0 - slice.start.0).sum::<i64>(), 1_000, "{all:?}");
            let lengths: Vec<_> = all.iter().map(|slice| slice.end.0 - slice.start.0).collect();
            assert_eq!(lengths[..3], [50, 57, 65], "{direction:?}");
            let follows = |pair: &[TimeRange]| match direction {
                Direction::Forward => pair[0].end == pair[1].start,
                Direction::Backward => pair[0].start == pair[1].end,
            };
            assert!(all.windows(2).all(follows), "{all:?}");
        }
    }

    #[test]
    fn all_rows_at_one_instant_are_one_slice() {
        check(&[(500, 500, 1_000_000)], Direction::Backward, &[(500, 1_000_000), (0, 500)]);
    }
}
