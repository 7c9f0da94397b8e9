//! One pass over a text: a table tells the few bytes at which something may begin, and each has its own reader. A second
//! one, by literals, finds what begins with a word of its own.

mod address;
mod bare;
mod block;
mod curl;
mod digits;
mod element;
mod email;
mod flag;
mod key;
mod keyed;
mod literal;
mod network;
mod person;
mod quotes;
mod value;

use std::cell::Cell;
use std::ops::Range;

use crate::action::Treatments;
use crate::bits::{self, BLOCK, Kinds};
use crate::keys::Keys;
use crate::rule::{Hit, RuleId};
use crate::runs::Runs;
use crate::{Rule, view};

pub(crate) use keyed::is_told_by_key;
pub(crate) use literal::Literals;

/// What a byte may begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Nothing,
    Digit,
    At,
    Assign,
    Escape,
    Marker,
    /// The second of two, or one that begins a word.
    Dash,
}

const TRIGGERS: [Trigger; 256] = {
    let mut table = [Trigger::Nothing; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = if matches!(byte, 0x30..=0x39) {
            Trigger::Digit
        } else if view::MAY_BEGIN[byte] {
            Trigger::Escape
        } else {
            Trigger::Nothing
        };
        byte += 1;
    }
    table[b'@' as usize] = Trigger::At;
    table[b'=' as usize] = Trigger::Assign;
    table[b':' as usize] = Trigger::Assign;
    table[b'<' as usize] = Trigger::Marker;
    table[b'-' as usize] = Trigger::Dash;
    table
};

/// What a scan goes by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) keys: Keys,
    pub(crate) treatments: Treatments,
    pub(crate) literals: Literals,
    /// The built-in rules that are on.
    pub(crate) on: [bool; Rule::ALL.len()],
    /// Whether no shortcut is taken, against which tests hold those that are.
    pub(crate) is_thorough: bool,
    /// Whether a line break at the end of a string makes no difference, as to the built-in rules it does not.
    pub(crate) passes_breaks: bool,
}

/// What a scan has found.
pub(crate) struct Found {
    /// In no order and perhaps overlapping.
    pub(crate) hits: Vec<Hit>,
    /// Where the first escape stands, if the text reads otherwise without its escapes.
    pub(crate) first_escape: Option<usize>,
}

/// The state of the pass.
pub(crate) struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    rules: &'a Rules,
    /// The key whose value the whole text is.
    key: Option<&'a str>,
    /// Where to go on; grows with every step.
    at: usize,
    /// Where the block begins at which the pass stands, and which of its bytes are digits.
    block: (usize, u64),
    /// A word may begin here whatever stands before: a marker, or a hit that will be one.
    border: usize,
    /// Where the first escape stands that makes the text read otherwise.
    first_escape: Option<usize>,
    hits: Vec<Hit>,
    /// Which strings are open, as far as somebody has asked.
    quotes: Cell<quotes::Quotes>,
}

impl<'a> Scan<'a> {
    /// Of a text that is the value of `key`, if of any.
    pub(crate) fn new(text: &'a str, key: Option<&'a str>, rules: &'a Rules) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            rules,
            key,
            at: 0,
            block: (0, 0),
            border: 0,
            first_escape: None,
            hits: Vec::new(),
            quotes: Cell::default(),
        }
    }

    /// What the text holds; notes its long runs of letters.
    pub(crate) fn run(mut self, runs: &mut Runs) -> Found {
        let (mut words_before, mut signs_before, mut letters_before) = (0, 0, 0);
        let mut start = 0;
        while start < self.bytes.len() {
            let kinds = bits::kinds(self.bytes, start);
            runs.note(start, kinds.letters);
            let signs = kinds.letters & !kinds.words;
            let doubled = signs & (signs << 1 | signs_before >> (BLOCK - 1));
            // Behind the last one of a block a word may begin in the next.
            let leading = signs & !(kinds.letters << 1 | letters_before >> (BLOCK - 1)) & (kinds.words >> 1 | LAST);
            let others = kinds.signs | doubled | leading;
            let all = others | kinds.digits;
            let few = if self.is_thorough() { all } else { others | numbers(kinds, words_before) };
            (words_before, signs_before, letters_before) = (kinds.words, signs, kinds.letters);
            self.block = (start, kinds.digits);
            while self.at < start + BLOCK {
                // Behind a border a number may begin in the middle of a word.
                let triggers = if self.border == 0 { few } else { all };
                let left = triggers >> self.at.saturating_sub(start);
                if left == 0 {
                    break;
                }
                self.at = self.at.max(start) + left.trailing_zeros() as usize;
                self.read();
            }
            start += BLOCK;
        }
        runs.finish(self.bytes);
        self.literals(runs);
        Found { hits: self.hits, first_escape: self.first_escape }
    }

    /// Reads around the byte at which the pass stands, and goes on behind it.
    #[inline]
    fn read(&mut self) {
        let byte = self.bytes[self.at];
        match TRIGGERS[usize::from(byte)] {
            Trigger::Assign => {
                if byte == b'=' {
                    self.note_escape(self.at);
                }
                self.assign(self.at);
            }
            Trigger::Digit => self.digits(),
            Trigger::At => self.at_sign(self.at),
            Trigger::Escape => self.escape(),
            Trigger::Marker => self.marker_or_tag(),
            Trigger::Dash => self.flag(self.at),
            Trigger::Nothing => self.at += 1,
        }
    }

    /// The same text to `limit` bytes behind `at`, where no more is worth looking at.
    fn near(&self, at: usize, limit: usize) -> Self {
        let end = self.text.floor_char_boundary((at + limit).min(self.text.len()));
        let near = Self::new(self.slice(0..end), self.key, self.rules);
        near.quotes.set(self.quotes.get());
        near
    }

    /// Whether the whole text is what this rule leaves behind.
    pub(crate) fn is_masked_by(&self, rule: &str) -> bool {
        self.marker(0).is_some_and(|(name, end)| name == rule && end == self.bytes.len())
    }

    fn is_thorough(&self) -> bool {
        cfg!(test) && self.rules.is_thorough
    }

    fn is_on(&self, rule: Rule) -> bool {
        self.rules.on[rule as usize]
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The byte before `at`, unless a border stands between.
    fn byte_before(&self, at: usize) -> Option<u8> {
        (self.border < at).then(|| self.bytes[at - 1])
    }

    /// Whether `at` stands inside an ASCII word, so that no number and no scheme begins there.
    fn is_inside_word(&self, at: usize) -> bool {
        self.byte_before(at).is_some_and(|byte| byte.is_ascii_alphanumeric())
    }

    /// The first index from `at` on whose byte is not of the kind.
    fn skip_while(&self, at: usize, of_kind: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| !of_kind(*byte)).unwrap_or(rest.len())
    }

    /// Where the digits end of which the first is at `at`.
    fn digits_end(&self, at: usize) -> usize {
        let (start, digits) = self.block;
        if (start..start + BLOCK).contains(&at) {
            let end = at + (digits >> (at - start)).trailing_ones() as usize;
            if at < end && end < start + BLOCK {
                return end;
            }
        }
        self.skip_while(at, |byte| byte.is_ascii_digit())
    }

    fn slice(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    /// Notes a hit, and any escape in it, over which the pass goes.
    fn hit(&mut self, rule: impl Into<RuleId>, span: Range<usize>) {
        let mut at = span.start;
        while at < span.end && self.first_escape.is_none() {
            self.note_escape(at);
            at += view::length(self.bytes, at);
        }
        self.go_on(span.end);
        self.hits.push(Hit::new(rule, span));
    }

    /// Goes on at `at`, where a word may begin.
    fn go_on(&mut self, at: usize) {
        self.at = at;
        self.border = at;
    }

    fn escape(&mut self) {
        if let [b'\\', b'"', ..] = self.bytes[self.at..] {
            // The quotes of JSON inside a string are the most frequent of all, and no escapes to us.
            self.at += 1;
            return;
        }
        self.note_escape(self.at);
        self.at += view::length(self.bytes, self.at);
    }

    fn note_escape(&mut self, at: usize) {
        if self.first_escape.is_none() && view::may_begin(self.bytes, at) {
            let is_passed = self.rules.passes_breaks && view::is_last_break(self.bytes, at);
            self.first_escape = (!is_passed && view::is_escape(self.text, at)).then_some(at);
        }
    }

    /// What was masked before stays as it is.
    fn marker_or_tag(&mut self) {
        match self.marker(self.at) {
            Some((_, end)) => self.go_on(end),
            None => self.tag(self.at),
        }
    }

    /// The marker or token that starts at `at`: `<email>`, `<card:*1111>`, `<phone:v1:5e884898da280471>`, each perhaps
    /// with its value closed up, `…:s1:bdkf…`. The name of its rule, and its end.
    fn marker(&self, at: usize) -> Option<(&'a str, usize)> {
        if self.byte(at) != Some(b'<') {
            return None;
        }
        let after = self.skip_while(at + 1, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let name = self.slice(at + 1..after);
        self.rules.treatments.names().find(|known| *known == name)?;
        let end = match self.bytes.get(after..)? {
            [b':', b's', ..] => after,
            [b':', b'v', ..] => {
                let version = self.skip_while(after + 2, |byte| byte.is_ascii_digit());
                let hash = self.skip_while(version + 1, |byte| byte.is_ascii_hexdigit());
                (self.byte(version) == Some(b':') && hash == version + 17).then_some(hash)?
            }
            [b':', b'*', ..] => {
                let kept = self.text.get(after + 2..)?.split('>').next()?;
                (kept.chars().count() <= MAX_KEPT && kept.chars().all(char::is_alphanumeric))
                    .then_some(after + 2 + kept.len())?
            }
            _ => after,
        };
        let end = self.sealed(end).unwrap_or(end);
        (self.byte(end) == Some(b'>')).then_some((name, end + 1))
    }

    /// The end of a closed value that stands at `at`.
    fn sealed(&self, at: usize) -> Option<usize> {
        let [b':', b's', ..] = self.bytes.get(at..)? else { return None };
        let version = self.skip_while(at + 2, |byte| byte.is_ascii_digit());
        let end = self.skip_while(version + 1, |byte| (b'a'..=b'p').contains(&byte));
        let letters = end.checked_sub(version + 1)?;
        let fits = self.byte(version) == Some(b':') && letters >= MIN_SEALED && letters.is_multiple_of(2);
        fits.then_some(end)
    }

    fn is_marker(&self, span: Range<usize>) -> bool {
        self.marker(span.start).is_some_and(|(_, end)| end == span.end)
    }

    /// Whether one of these words stands in the `within` bytes before `at`, or in the key of the text.
    fn is_near(&self, at: usize, within: usize, words: &[&str]) -> bool {
        crate::context::has_any(self.text, at, within, self.key, words)
    }
}

/// The digits of a block at which a number may begin, behind no letter or digit, or at which the check digits of an
/// account number may stand: behind two.
fn numbers(kinds: Kinds, words_before: u64) -> u64 {
    let Kinds { digits, words, .. } = kinds;
    let [first, second, third] = [1, 2, 3].map(|by| words << by | words_before >> (64 - by));
    digits & (!first | second & !third)
}

/// The bit of the last byte of a block.
const LAST: u64 = 1 << (BLOCK - 1);

/// Letters of a closed value: a key, a checksum and a block at least.
const MIN_SEALED: usize = 128;

/// Letters and digits that a marker may keep.
pub(crate) const MAX_KEPT: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trigger_is_passed_over() {
        for byte in 0..=u8::MAX {
            let is_trigger = TRIGGERS[usize::from(byte)] != Trigger::Nothing;
            let kinds = bits::kinds(&[byte], 0);
            // Dashes are seen in pairs, of which both are among the letters of base64 and are no words.
            let is_seen = kinds.digits | kinds.signs | (kinds.letters & !kinds.words) == 1;
            assert!(is_seen || !is_trigger, "{byte:#x}");
        }
    }
}
