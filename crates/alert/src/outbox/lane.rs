//! One destination: how fast it may be told, and how long it is left alone when it does not answer.

use std::time::Duration;

use logline::Timestamp;
use stdx::Rng;

use crate::notify::Pace;

/// Failures in a row after which a destination counts as broken.
const BREAKS_AFTER: u32 = 5;
/// First wait after a failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait: a broken destination is tried once in so long.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// What is known about a destination while the server runs.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pace: Pace,
    /// Deliveries that may go at once, in thousandths.
    tokens: u64,
    filled: Timestamp,
    failures: u32,
    /// Nothing goes before that.
    closed_until: Timestamp,
    /// A delivery is on its way.
    pub(super) busy: bool,
}

impl Lane {
    pub(super) fn new(pace: Pace, now: Timestamp) -> Self {
        let tokens = u64::from(pace.burst.max(1)) * 1_000;
        Self { pace, tokens, filled: now, failures: 0, closed_until: Timestamp::MIN, busy: false }
    }

    /// When the next delivery may go; now or in the past if at once.
    pub(super) fn opens(&mut self, now: Timestamp) -> Timestamp {
        let every = self.pace.every.as_millis().max(1);
        let passed = now.since(self.filled).as_millis();
        let gained = u64::try_from(passed * 1_000 / every).unwrap_or(u64::MAX);
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained).min(u64::from(self.pace.burst.max(1)) * 1_000);
            self.filled = now;
        }
        let lacks = 1_000_u64.saturating_sub(self.tokens);
        let wait = Duration::from_millis(u64::try_from(u128::from(lacks) * every / 1_000).unwrap_or(u64::MAX));
        self.closed_until.max(now.after(wait))
    }

    /// A delivery goes.
    pub(super) fn begin(&mut self) {
        self.tokens = self.tokens.saturating_sub(1_000);
        self.busy = true;
    }

    /// It arrived, or was refused for itself: the destination works. The lane stays busy until that is kept.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
    }

    /// It did not arrive; gives when to try again.
    pub(super) fn failed(&mut self, now: Timestamp, after: Option<Duration>, rng: &mut Rng) -> Timestamp {
        self.failures = self.failures.saturating_add(1);
        let step = FIRST_WAIT.saturating_mul(1 << self.failures.min(10)).min(LONGEST_WAIT) / 2;
        let wait = step + step.mul_f64(rng.unit());
        // What the destination asks for is kept to the full.
        self.closed_until = now.after(after.map_or(wait, |asked| asked.max(FIRST_WAIT)));
        self.closed_until
    }

    /// Whether it failed so often that it counts as broken.
    pub(super) const fn is_broken(&self) -> bool {
        self.failures >= BREAKS_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(1_000_000_000_000 + ms * 1_000_000)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let mut lane = Lane::new(Pace { burst: 2, every: Duration::from_secs(3) }, at(0));
        for _ in 0..2 {
            assert!(lane.opens(at(0)) <= at(0));
            lane.begin();
        }
        lane.answered();
        assert!(lane.busy, "what came of it is not kept yet");
        assert_eq!(lane.opens(at(0)), at(3_000));
        assert_eq!(lane.opens(at(1_500)), at(3_000));
        assert!(lane.opens(at(3_000)) <= at(3_000));
        lane.begin();
        assert_eq!(lane.opens(at(3_000)), at(6_000));
        assert!(lane.opens(at(60_000)) <= at(60_000));
    }

    #[test]
    fn failures_close_it_for_longer_and_longer_and_a_success_opens_it() {
        let (mut lane, mut rng) = (Lane::new(Pace::default(), at(0)), Rng::seeded(1));
        let mut last = Duration::ZERO;
        for _ in 0..12 {
            let wait = lane.failed(at(0), None, &mut rng).since(at(0));
            assert!(wait <= LONGEST_WAIT && wait.as_secs() >= 1, "{wait:?}");
            last = wait;
        }
        assert!(last >= LONGEST_WAIT / 2 && lane.is_broken());
        lane.answered();
        assert!(!lane.is_broken());
        assert_eq!(lane.failed(at(0), Some(Duration::from_secs(900)), &mut rng), at(900_000));
        assert_eq!(lane.opens(at(0)), at(900_000));
    }
}
