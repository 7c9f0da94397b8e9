//! Long runs of the letters of base64, noted while a text is read for other things: text in base64 or hex stands in them,
//! and nearly all keys of services.

use std::ops::Range;

use crate::bits::{self, BLOCK};

/// A long run, and what a quick look tells of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Wrong only in saying yes, as of underscores.
    pub(crate) may_have_capitals: bool,
    /// Wrong only in saying yes, as of capitals.
    pub(crate) may_have_signs: bool,
    pub(crate) is_hex: bool,
}

/// Shorter runs hold nothing that the rules know.
pub(crate) const MIN_RUN: usize = 15;
/// Runs that are noted at once.
const MAX_RUNS: usize = 8;

/// The first long runs of a text.
#[derive(Debug)]
pub(crate) struct Runs {
    runs: [Run; MAX_RUNS],
    begun: usize,
    ended: usize,
    /// At which bytes of the last block so many letters end in a row: 1, 2, 4, 8, and all that a run has.
    last: [u64; 5],
    /// There are more runs, from here on.
    more: Option<usize>,
}

impl Runs {
    pub(crate) fn new() -> Self {
        Self { runs: [Run::default(); MAX_RUNS], begun: 0, ended: 0, last: [0; 5], more: None }
    }

    /// The first runs from `from` on, where none may go on.
    pub(crate) fn of(bytes: &[u8], from: usize) -> Self {
        let mut runs = Self::new();
        let mut start = from;
        while start < bytes.len() && runs.more.is_none() {
            runs.note(start, bits::of_kind(bytes, start, bits::is_letter));
            start += BLOCK;
        }
        runs.finish(bytes);
        runs
    }

    /// Takes in which bytes of the next block are letters.
    pub(crate) fn note(&mut self, start: usize, letters: u64) {
        let mut long = letters;
        for (last, by) in self.last.iter_mut().zip([1, 2, 4, 7]) {
            let shorter = long;
            long &= shorter << by | *last >> (64 - by);
            *last = shorter;
        }
        let before = long << 1 | self.last[4] >> 63;
        self.last[4] = long;
        if long | before == 0 || self.more.is_some() {
            return;
        }
        let (mut begin, mut end) = (long & !before, !long & before);
        while end | begin != 0 {
            if self.ended < self.begun {
                if end == 0 {
                    break;
                }
                self.runs[self.ended].end = start + end.trailing_zeros() as usize;
                self.ended += 1;
                end &= end - 1;
            } else if self.begun < MAX_RUNS {
                self.runs[self.begun].start = start + begin.trailing_zeros() as usize + 1 - MIN_RUN;
                self.begun += 1;
                begin &= begin - 1;
            } else {
                self.more = Some(self.runs[MAX_RUNS - 1].end);
                break;
            }
        }
    }

    /// The text ends here, and with it the last run; looks at each.
    pub(crate) fn finish(&mut self, text: &[u8]) {
        if self.ended < self.begun {
            self.runs[self.ended].end = text.len();
            self.ended = self.begun;
        }
        self.runs[..self.ended].iter_mut().for_each(|run| run.look(text));
    }

    /// The runs in order, each as long as can be.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.runs[..self.ended].iter()
    }

    /// Forgets what was seen of them at a quick look.
    #[cfg(test)]
    pub(crate) fn forget(&mut self) {
        for run in &mut self.runs {
            (run.may_have_capitals, run.may_have_signs, run.is_hex) = (true, true, false);
        }
    }

    /// Where to go on, if there are more.
    pub(crate) fn more(&self) -> Option<usize> {
        self.more
    }
}

impl Run {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    fn look(&mut self, text: &[u8]) {
        let letters = text.get(self.span()).unwrap_or_default();
        let last = letters.last_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        let kinds = |word: u64| [word & !(word << 1), word << 1 & !(word << 2) & !word, !of_hex(word)];
        let (words, _) = letters.as_chunks();
        let [capitals, signs, others] = words.iter().fold(kinds(last), |[capitals, signs, others], word| {
            let [a, b, c] = kinds(u64::from_le_bytes(*word));
            [capitals | a, signs | b, others | c]
        });
        self.may_have_capitals = capitals & SEVENTH != 0;
        self.may_have_signs = (capitals | signs) & SEVENTH != 0;
        self.is_hex = others & SEVENTH == 0;
    }
}

/// The seventh bit of each letter of base64 that is a digit of hex; other bits mean nothing.
pub(crate) fn of_hex(word: u64) -> u64 {
    let small = word | (0x20 * EACH);
    // Behind `f` come the other letters and the underscore; the other signs lack both of the bits of digits and letters.
    let is_behind = small.wrapping_add((0x7f - u64::from(b'f')) * EACH) >> 1;
    (small << 2 | small) & !is_behind
}

/// The places of `+`, `-`, `/` and `_` in a run, but for those too near to its end for a run to begin behind them.
pub(crate) fn signs(letters: &[u8]) -> impl Iterator<Item = usize> {
    let (words, _) = letters.as_chunks();
    words.iter().enumerate().flat_map(|(n, word)| {
        let word = u64::from_le_bytes(*word);
        // Of all letters of base64 only these have such bits.
        let signs = word << 1 & !(word << 2) & !word;
        let underscores = word & !(word << 1) & word << 2 & word << 3 & word << 4;
        let mut left = (signs | underscores) & SEVENTH;
        std::iter::from_fn(move || {
            let at = (left != 0).then(|| n * 8 + left.trailing_zeros() as usize / 8);
            left &= left.wrapping_sub(1);
            at
        })
    })
}

const EACH: u64 = 0x0101_0101_0101_0101;
/// The bit of each byte that tells large and small letters from the rest.
pub(crate) const SEVENTH: u64 = 0x40 * EACH;

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Vec<Range<usize>> {
        let mut runs = Runs::of(text, 0);
        let mut all: Vec<_> = runs.iter().map(Run::span).collect();
        while let Some(more) = runs.more() {
            runs = Runs::of(text, more);
            all.extend(runs.iter().map(Run::span));
        }
        all
    }

    /// The slow and obvious way.
    fn wanted(text: &[u8]) -> Vec<Range<usize>> {
        let mut all = Vec::new();
        let mut start = 0;
        for run in text.split(|byte| !bits::is_letter(*byte)) {
            if MIN_RUN <= run.len() {
                all.push(start..start + run.len());
            }
            start += run.len() + 1;
        }
        all
    }

    #[test]
    fn every_long_run_is_found_whole_wherever_it_stands() {
        for (before, len) in (0..140).flat_map(|before| [14, 15, 16, 50, 64, 65, 200].map(|len| (before, len))) {
            for after in ["", ".", ".abc", ". abcdefghijklmno.x"] {
                let text = format!("{}{}{after}", " ".repeat(before), "a".repeat(len));
                assert_eq!(all(text.as_bytes()), wanted(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn what_is_in_a_run_is_seen_eight_letters_at_once() {
        let mut random = fastrand::Rng::with_seed(4);
        for _ in 0..20_000 {
            let kinds = [&b"abcdefxyz0123456789"[..], b"ABYZaz09", b"az09_", b"0f+-/_Zz"][random.usize(0..4)];
            let letters: Vec<u8> = (0..random.usize(0..80)).map(|_| kinds[random.usize(0..kinds.len())]).collect();
            let has = |of_kind: fn(&u8) -> bool| letters.iter().any(of_kind);
            let mut run = Run { end: letters.len(), ..Run::default() };
            run.look(&letters);
            if 8 <= letters.len() {
                assert_eq!(run.may_have_capitals, has(|byte| byte.is_ascii_uppercase() || *byte == b'_'));
                assert_eq!(run.may_have_signs, run.may_have_capitals || has(|byte| !byte.is_ascii_alphanumeric()));
                assert_eq!(run.is_hex, letters.iter().all(u8::is_ascii_hexdigit));
            }
            let is_sign = |at: &usize| !letters[*at].is_ascii_alphanumeric();
            let wanted: Vec<usize> = (0..letters.len() / 8 * 8).filter(is_sign).collect();
            assert_eq!(signs(&letters).collect::<Vec<_>>(), wanted);
        }
        const { assert!(8 <= MIN_RUN) };
    }

    #[test]
    fn more_runs_than_are_noted_at_once_are_found_too() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..2_000 {
            let text: String = (0..random.usize(0..60))
                .map(|_| "x".repeat(random.usize(1..40)) + ["", ".", "=", " ="][random.usize(0..4)])
                .collect();
            assert_eq!(all(text.as_bytes()), wanted(text.as_bytes()), "{text}");
        }
    }
}
