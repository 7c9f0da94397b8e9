//! Stretches of time: what a scan that only counts need not look into.

use serde::{Deserialize, Serialize};

/// Time cut at `origin + n·step` for every whole n, and `rest` before each of these cuts when it is not zero. A cut
/// belongs to the stretch that it ends. All in nanoseconds; `rest` is less than `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretches {
    /// One of the cuts.
    pub origin: i64,
    /// From cut to cut; at least 1.
    pub step: i64,
    /// How far a second cut lies before each; 0 for none.
    pub rest: i64,
}

impl Stretches {
    /// The first and the last instant of the stretch that a time lies in.
    pub fn of(&self, time: i64) -> (i64, i64) {
        let (step, rest) = (i128::from(self.step.max(1)), i128::from(self.rest));
        let (origin, time) = (i128::from(self.origin), i128::from(time));
        let end = origin + (time - origin + step - 1).div_euclid(step) * step;
        let split = end - rest;
        let (first, last) = match rest {
            0 => (end - step + 1, end),
            _ if split < time => (split + 1, end),
            _ => (end - step + 1, split),
        };
        (clamp(first), clamp(last))
    }

    /// Whether two times lie in the same one.
    pub(crate) fn are_one(&self, first: i64, last: i64) -> bool {
        last <= self.of(first).1
    }
}

fn clamp(time: i128) -> i64 {
    i64::try_from(time).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: i64, time: i64, want: (i64, i64)) {
        assert_eq!(Stretches { origin: 100, step: 30, rest }.of(time), want, "{time}");
    }

    #[test]
    fn a_cut_belongs_to_the_stretch_that_it_ends() {
        check(0, 100, (71, 100));
        check(0, 101, (101, 130));
        check(0, -20, (-49, -20));
        check(10, 120, (101, 120));
        check(10, 121, (121, 130));
        check(10, 130, (121, 130));
    }

    #[test]
    fn the_ends_of_time_are_stretches_too() {
        let far = Stretches { origin: i64::MAX, step: 7, rest: 0 };
        assert_eq!(far.of(i64::MIN).0, i64::MIN);
        assert_eq!(far.of(i64::MAX).1, i64::MAX);
    }
}
