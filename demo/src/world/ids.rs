//! Ids of calls, as W3C trace context has them.

use std::fmt::Write as _;

use stdx::Rng;

/// Draws ids from a generator of its own.
#[derive(Clone, Debug)]
pub struct Ids(Rng);

impl Ids {
    /// Repeats the ids of this generator.
    pub const fn new(rng: Rng) -> Self {
        Self(rng)
    }

    /// 32 hex digits.
    pub fn trace(&mut self) -> String {
        let mut id = String::with_capacity(32);
        hex(&mut id, self.0.bits());
        hex(&mut id, self.0.bits());
        id
    }

    /// 16 hex digits.
    pub fn span(&mut self) -> String {
        let mut id = String::with_capacity(16);
        hex(&mut id, self.0.bits());
        id
    }
}

fn hex(out: &mut String, bits: u64) {
    write!(out, "{bits:016x}").expect("a string takes all that is written to it");
}
