//! Exponential back-off with full jitter, validated once.

use std::time::Duration;

use crate::Rng;

/// Waits that grow from `min` to `max`, each drawn between half the current step and the whole of it.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
    rng: Rng,
}

impl Backoff {
    /// `None` unless `0 < min <= max`.
    pub fn new(min: Duration, max: Duration, rng: Rng) -> Option<Self> {
        (!min.is_zero() && min <= max).then_some(Self { min, max, next: min, rng })
    }

    /// How long to wait before the next try.
    pub fn next_wait(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        step.mul_f64(0.5 + self.rng.unit() / 2.0)
    }

    /// Starts again from `min` after a success.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_maximum_and_start_again_after_a_success() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(min, max, Rng::seeded(1)).unwrap();
        let waits: Vec<_> = (0..8).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] >= min / 2 && waits[0] <= min);
        assert!(waits[7] >= max / 2 && waits[7] <= max);
        backoff.reset();
        assert!(backoff.next_wait() <= min);
        assert!(Backoff::new(max, min, Rng::seeded(1)).is_none());
    }
}
