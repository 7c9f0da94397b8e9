//! Randomness that is seeded, so that a run can be repeated.

use std::time::Duration;

/// A small, fast generator; the same seed gives the same sequence. Not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(fastrand::Rng);

impl Rng {
    /// Repeats the sequence of `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A sequence nobody can repeat, for jitter.
    pub fn from_entropy() -> Self {
        Self(fastrand::Rng::new())
    }

    /// A generator of its own for one part of a run, so that parts do not disturb each other.
    pub fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// `0..below`; zero when `below` is zero.
    pub fn below(&mut self, below: u64) -> u64 {
        if below == 0 { 0 } else { self.0.u64(0..below) }
    }

    /// `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.f64() < probability
    }

    /// All 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// One of `items`; `None` when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.below(items.len() as u64);
        items.get(usize::try_from(index).ok()?)
    }

    /// A duration with an exponential distribution of this mean, at most 20 times the mean.
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64((-(1.0 - self.unit()).ln()).min(20.0))
    }
}
