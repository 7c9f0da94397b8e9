//! Lines that were received lately, by 64-bit fingerprints, so that one that is sent again is known.
//!
//! Fingerprints are made with a key of this run, so that nobody can make two lines collide. Among `n` remembered lines
//! a new one is taken for a known one by chance once in 2^64 / n: with the 700,000 of a 112 MiB budget and 100,000 lines a
//! second, once in eight years. They are kept in slices of the window; the oldest slice goes when it has passed the window,
//! or earlier when the limit is reached: then the reach is shorter than the window.
//!
//! Measured on lines of 207 bytes: 54 ns to make a fingerprint, 16 to look it up, 24 to remember it, 19 bytes a line.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::time::{Duration, Instant};

use ahash::RandomState;
use logline::{Batch, Tenant, Timestamp};

/// Parts of the window; what is remembered reaches back at most one of them further than the window.
const SLICES: u32 = 4;
/// What a fingerprint takes in memory at most: eight bytes and one of the table, which is at least half full.
pub(crate) const PRINT_BYTES: u64 = 20;

/// Makes fingerprints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prints(RandomState);

/// Lines received within a window.
#[derive(Debug)]
pub(crate) struct SeenLines {
    window: Duration,
    limit: usize,
    slices: VecDeque<Slice>,
    len: usize,
}

#[derive(Debug)]
struct Slice {
    since: Instant,
    prints: PrintSet,
}

/// Fingerprints are as good as random already.
pub(crate) type PrintSet = HashSet<u64, BuildHasherDefault<Identity>>;

/// Takes a number for its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Prints {
    /// What the lines of a stream have in common.
    pub(crate) fn stream(&self, tenant: &Tenant, stream: &str) -> u64 {
        self.0.hash_one((tenant.as_str(), stream))
    }

    /// A line of a stream; metadata in its order.
    pub(crate) fn line<'a>(
        &self,
        stream: u64,
        timestamp: Timestamp,
        line: &str,
        metadata: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u64(stream);
        hasher.write_i64(timestamp.0);
        line.hash(&mut hasher);
        metadata.for_each(|pair| pair.hash(&mut hasher));
        hasher.finish()
    }

    /// All lines of a batch, in its order.
    pub(crate) fn batch(&self, batch: &Batch) -> Vec<u64> {
        let mut prints = Vec::with_capacity(batch.lines());
        for stream in &batch.streams {
            let common = self.stream(&batch.tenant, &stream.labels.to_string());
            prints.extend(stream.entries.iter().map(|entry| {
                let metadata = entry.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                self.line(common, entry.timestamp, &entry.line, metadata)
            }));
        }
        prints
    }
}

impl SeenLines {
    /// Remembers for `window`, at most `limit` lines; an empty window remembers nothing.
    pub(crate) const fn new(window: Duration, limit: usize) -> Self {
        Self { window, limit, slices: VecDeque::new(), len: 0 }
    }

    /// Whether a line was received within the window.
    pub(crate) fn contains(&self, print: u64) -> bool {
        self.slices.iter().rev().any(|slice| slice.prints.contains(&print))
    }

    /// Lines that are remembered.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether no more can be remembered without forgetting others.
    pub(crate) const fn is_full(&self) -> bool {
        self.limit <= self.len
    }

    /// Remembers lines that were received at `at`.
    pub(crate) fn insert(&mut self, prints: &[u64], at: Instant) {
        if self.window.is_zero() || prints.is_empty() {
            return;
        }
        self.forget(at);
        let index = self.slice(at);
        let Some(slice) = self.slices.get_mut(index) else { return };
        let before = slice.prints.len();
        slice.prints.extend(prints);
        self.len += slice.prints.len() - before;
        while self.limit < self.len
            && let Some(oldest) = self.slices.pop_front()
        {
            self.len -= oldest.prints.len();
        }
    }

    /// Forgets slices that have passed the window.
    pub(crate) fn forget(&mut self, now: Instant) {
        let reach = self.window + self.window / SLICES;
        while let Some(oldest) = self.slices.front().filter(|slice| reach <= now.saturating_duration_since(slice.since))
        {
            self.len -= oldest.prints.len();
            self.slices.pop_front();
        }
    }

    /// The slice of a moment; a new one when the newest is over, or large enough to go by itself.
    fn slice(&mut self, at: Instant) -> usize {
        let newest = self.slices.back();
        let over = newest.is_none_or(|slice| {
            self.window / SLICES <= at.saturating_duration_since(slice.since)
                || (self.limit / SLICES as usize <= slice.prints.len() && slice.since <= at)
        });
        if over {
            let expected = newest.map_or(0, |slice| slice.prints.len());
            let prints = PrintSet::with_capacity_and_hasher(expected, BuildHasherDefault::default());
            self.slices.push_back(Slice { since: at, prints });
            return self.slices.len() - 1;
        }
        // Only what is replayed comes out of order.
        if self.slices.front().is_some_and(|slice| at < slice.since) {
            self.slices.push_front(Slice { since: at, prints: PrintSet::default() });
            return 0;
        }
        self.slices.iter().rposition(|slice| slice.since <= at).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(600);

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn start() -> Instant {
        Instant::now() + WINDOW * 10
    }

    #[test]
    fn a_line_is_known_for_the_window_and_hardly_longer() {
        let (mut seen, start) = (SeenLines::new(WINDOW, 1_000), start());
        for minute in 0..30_u32 {
            let at = start + Duration::from_secs(60) * minute;
            seen.insert(&[u64::from(minute)], at);
            for earlier in 0..=minute {
                let age = Duration::from_secs(60) * (minute - earlier);
                if age < WINDOW {
                    assert!(seen.contains(u64::from(earlier)), "{earlier} at {minute}");
                } else if WINDOW + WINDOW / 4 <= age {
                    assert!(!seen.contains(u64::from(earlier)), "{earlier} at {minute}");
                }
            }
        }
        seen.forget(start + WINDOW * 10);
        assert_eq!(seen.len(), 0);
    }

    #[test]
    fn no_more_than_the_limit_is_remembered_and_the_newest_stay() {
        let (mut seen, start) = (SeenLines::new(WINDOW, 1_000), start());
        for number in 0..100_000_u64 {
            seen.insert(&[number], start + Duration::from_micros(number));
            assert!(seen.len() <= 1_000);
            assert!(seen.contains(number) && seen.contains(number.saturating_sub(700)), "{number}");
        }
        assert!(!seen.contains(90_000));
    }

    #[test]
    fn what_is_replayed_in_any_order_goes_with_its_own_time() {
        let (mut seen, start) = (SeenLines::new(WINDOW, 1_000), start());
        seen.insert(&[1], start);
        seen.insert(&[2], start - WINDOW / 2);
        seen.insert(&[3], start - WINDOW);
        seen.insert(&[4], start - WINDOW / 2 + Duration::from_secs(1));
        assert!([1, 2, 3, 4].iter().all(|print| seen.contains(*print)));
        seen.forget(start + WINDOW / 2);
        assert!(seen.contains(1) && !seen.contains(3));
    }

    #[test]
    fn an_empty_window_remembers_nothing() {
        let mut seen = SeenLines::new(Duration::ZERO, 1_000);
        seen.insert(&[1], start());
        assert!(!seen.contains(1));
    }

    #[test]
    fn every_part_of_a_line_makes_a_difference() {
        let prints = Prints::default();
        let print = |tenant: &str, stream: &str, time: i64, line: &str, metadata: &[(&str, &str)]| {
            let stream = prints.stream(&Tenant::new(tenant).unwrap(), stream);
            prints.line(stream, Timestamp(time), line, metadata.iter().copied())
        };
        let all = [
            print("a", "{b=\"c\"}", 1, "d", &[("e", "f")]),
            print("b", "{b=\"c\"}", 1, "d", &[("e", "f")]),
            print("a", "{b=\"d\"}", 1, "d", &[("e", "f")]),
            print("a", "{b=\"c\"}", 2, "d", &[("e", "f")]),
            print("a", "{b=\"c\"}", 1, "e", &[("e", "f")]),
            print("a", "{b=\"c\"}", 1, "d", &[("e", "g")]),
            print("a", "{b=\"c\"}", 1, "d", &[("ef", "")]),
            print("a", "{b=\"c\"}", 1, "d", &[]),
            print("a", "{b=\"c\"}", 1, "de", &[]),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(print("a", "{b=\"c\"}", 1, "d", &[("e", "f")]), all[0]);
    }
}
