//! Chance with an account: every draw says how many bits of information it added.

use stdx::Rng;

/// A seeded source that counts what it gave.
#[derive(Debug)]
pub(super) struct Draws {
    rng: Rng,
    bits: f64,
}

impl Draws {
    pub(super) const fn new(rng: Rng) -> Self {
        Self { rng, bits: 0.0 }
    }

    /// Bits of all draws so far.
    pub(super) const fn bits(&self) -> f64 {
        self.bits
    }

    /// `0..below`, each as likely.
    pub(super) fn below(&mut self, below: u64) -> u64 {
        if 1 < below {
            self.bits += (below as f64).log2();
        }
        self.rng.below(below)
    }

    /// One of `items`.
    pub(super) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let index = self.below(items.len() as u64);
        usize::try_from(index).ok().and_then(|index| items.get(index)).copied().unwrap_or_default()
    }

    /// True once in `one_in` times.
    pub(super) fn rarely(&mut self, one_in: u64) -> bool {
        let part = 1.0 / one_in.max(2) as f64;
        let hit = self.rng.below(one_in.max(2)) == 0;
        self.bits -= if hit { part } else { 1.0 - part }.log2();
        hit
    }

    /// An index, as likely as its weight.
    pub(super) fn weighted(&mut self, weights: &[u64]) -> usize {
        let total: u64 = weights.iter().sum();
        let mut left = self.rng.below(total);
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                self.bits += (total as f64 / *weight as f64).log2();
                return index;
            }
            left -= weight;
        }
        0
    }

    /// All 64 bits.
    pub(super) fn word(&mut self) -> u64 {
        self.bits += 64.0;
        self.rng.bits()
    }

    /// A duration: each power of two from 1 to 512 as likely, and within it each value.
    pub(super) fn duration(&mut self) -> u64 {
        let base = 1 << self.below(10);
        base + self.below(base)
    }
}
