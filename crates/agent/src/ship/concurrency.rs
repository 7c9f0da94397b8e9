//! How many requests a server bears: one more while it answers as fast as ever, a tenth fewer when it slows or refuses.

use std::time::{Duration, Instant};

/// Weight of the newest round in the means.
const ALPHA: f64 = 0.4;
/// A round slower than the mean by so many deviations is a sign of too much.
const DEVIATIONS: f64 = 2.5;
/// So is one that takes so many times the least of late.
const SLOWEST: f64 = 1.7;
/// The least is forgotten slowly, since networks change.
const AGE: f64 = 1.005;
/// What is left after such a sign.
const DECREASE: f64 = 0.9;

/// Additive increase, multiplicative decrease, decided once a round trip.
#[derive(Clone, Debug)]
pub(crate) struct Concurrency {
    limit: f64,
    max: usize,
    /// Mean and variance of the time of good answers, in seconds.
    past: Option<(f64, f64)>,
    /// The quickest round of late.
    least: f64,
    round: Round,
}

/// What happened since the last decision.
#[derive(Clone, Debug, Default)]
struct Round {
    began: Option<Instant>,
    sum: f64,
    count: f64,
    pushed_back: bool,
    reached_limit: bool,
}

impl Concurrency {
    /// Begins with one; never more than `max`.
    pub(crate) fn new(max: usize) -> Self {
        Self { limit: 1.0, max: max.max(1), past: None, least: f64::INFINITY, round: Round::default() }
    }

    /// How many requests may be under way.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 64")]
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Notes that an answer took so long while `under_way` requests, itself included, were; `is_good` unless the
    /// server could not take it now.
    pub(crate) fn answered(&mut self, now: Instant, took: Duration, under_way: usize, is_good: bool) {
        let limit = self.limit();
        let round = &mut self.round;
        let began = *round.began.get_or_insert(now);
        if is_good {
            round.sum += took.as_secs_f64();
            round.count += 1.0;
        } else {
            round.pushed_back = true;
        }
        round.reached_limit |= under_way >= limit;
        let wait = self.past.map_or(0.0, |(mean, _)| mean);
        if now.duration_since(began).as_secs_f64() >= wait {
            self.decide();
        }
    }

    fn decide(&mut self) {
        let round = std::mem::take(&mut self.round);
        let rtt = (round.count > 0.0).then(|| round.sum / round.count);
        self.least = rtt.map_or(self.least, |rtt| rtt.min(self.least * AGE));
        let slow = match (rtt, self.past) {
            (Some(rtt), Some((mean, variance))) => {
                rtt >= self.least * SLOWEST || rtt > mean * 1.05 && rtt >= mean + DEVIATIONS * variance.sqrt()
            }
            _ => false,
        };
        if round.pushed_back || slow {
            self.limit = (self.limit * DECREASE).floor().max(1.0);
        } else if round.reached_limit && rtt.is_some_and(|rtt| self.past.is_none_or(|(mean, _)| rtt <= mean * 1.05)) {
            self.limit = (self.limit + 1.0).min(self.max as f64);
        }
        if let Some(rtt) = rtt {
            let (mean, variance) = self.past.unwrap_or((rtt, 0.0));
            let off = rtt - mean;
            self.past = Some((mean + ALPHA * off, (1.0 - ALPHA) * (variance + ALPHA * off * off)));
        }
    }
}

#[cfg(test)]
mod tests {
    use stdx::{Clock, SystemClock};

    use super::*;

    /// Answers of a server that does `capacity` at once at full speed and queues the rest; what it does when asked for
    /// more than `refuses` is to refuse.
    fn settle(capacity: usize, refuses: usize, rounds: usize) -> Vec<usize> {
        let mut concurrency = Concurrency::new(64);
        let mut now = SystemClock.instant();
        let mut limits = Vec::new();
        for _ in 0..rounds {
            let under_way = concurrency.limit();
            let queue = under_way.div_ceil(capacity);
            let took = Duration::from_millis(20) * u32::try_from(queue).unwrap();
            now += took;
            for n in 0..under_way {
                concurrency.answered(now, took, under_way, n < refuses);
            }
            limits.push(concurrency.limit());
        }
        limits
    }

    #[test]
    fn a_server_with_room_gets_all_that_is_allowed() {
        assert_eq!(settle(1000, 1000, 200).last(), Some(&64));
    }

    #[test]
    fn a_server_that_slows_is_held_near_what_it_does_at_full_speed() {
        let limits = settle(10, 1000, 400);
        let late = &limits[200..];
        let mean = late.iter().sum::<usize>() as f64 / late.len() as f64;
        assert!((7.0..=15.0).contains(&mean), "{mean}");
    }

    #[test]
    fn a_server_that_refuses_is_held_below_where_it_does() {
        let limits = settle(1000, 12, 400);
        assert!(limits[100..].iter().all(|limit| (9..=14).contains(limit)), "{limits:?}");
    }

    #[test]
    fn a_server_that_is_away_gets_one_at_a_time() {
        assert_eq!(settle(1000, 0, 100).last(), Some(&1));
    }
}
