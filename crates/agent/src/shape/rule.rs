//! Rules that drop events, or keep a share of them, and count what they drop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use logline::Level;
use regex::Regex;

use super::fields::Fields;

/// Drops what matches, but for a share.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// What it is counted under.
    pub(crate) name: Arc<str>,
    pub(crate) when: Condition,
    /// The share that is kept: 0 to 1. Events of one trace are kept or dropped together, on every host.
    pub(crate) keep: f64,
    /// Events without a trace that it has seen.
    pub(crate) seen: Arc<AtomicU64>,
}

/// All that is set must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    pub(crate) regexp: Option<Regex>,
    /// Fields and their values.
    pub(crate) fields: Vec<(String, String)>,
    /// The gravest level it is about; an event that tells no level is not meant.
    pub(crate) max_level: Option<Level>,
}

impl Rule {
    pub(super) fn matches(&self, text: &str, fields: &Fields<'_>) -> bool {
        let Condition { regexp, fields: wanted, max_level } = &self.when;
        let level = |max: Level| {
            let level = fields.level();
            level != Level::Unknown && level <= max
        };
        max_level.is_none_or(level)
            && wanted.iter().all(|(name, value)| fields.get(name).is_some_and(|got| got == *value))
            && regexp.as_ref().is_none_or(|regexp| regexp.is_match(text))
    }

    /// Whether an event that matches is kept.
    pub(super) fn keeps(&self, fields: &Fields<'_>) -> bool {
        if self.keep <= 0.0 {
            return false;
        }
        match fields.get("trace_id").filter(|trace| !trace.is_empty()) {
            Some(trace) => place(trace) < self.keep,
            // Evenly spread: the n-th is kept when n shares reach the next whole number.
            None => {
                let n = self.seen.fetch_add(1, Ordering::Relaxed) as f64;
                ((n + 1.0) * self.keep).floor() > (n * self.keep).floor()
            }
        }
    }
}

/// Where a trace stands between 0 and 1; the same on every host.
fn place(trace: &str) -> f64 {
    let hash = blake3::hash(trace.as_bytes());
    let number = hash.as_bytes().iter().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    number as f64 / (1_u64 << 48) as f64
}
