//! One pass over a text: a table tells the few bytes at which something may begin, and each has its own reader. A second
//! one, by literals, finds what begins with a word of its own.

mod address;
mod digits;
mod email;
mod keyed;
mod literal;
mod network;
mod person;

use std::ops::Range;

use crate::action::Treatments;
use crate::bits::{self, BLOCK};
use crate::keys::Keys;
use crate::rule::{Hit, RuleId};
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
    table
};

/// Whether a byte may be a trigger; wrong only in saying yes, which keeps the comparisons few.
fn may_trigger(byte: u8) -> bool {
    matches!(byte, b'%' | b'&' | b'0'..=b':' | b'<'..=b'=' | b'@' | b'\\' | 0xc2 | 0xd9..)
}

/// What a scan goes by.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) keys: Keys,
    pub(crate) treatments: Treatments,
    pub(crate) literals: Literals,
    /// Whether a line break at the end of a string makes no difference, as to the built-in rules it does not.
    pub(crate) passes_breaks: bool,
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
    /// A word may begin here whatever stands before: a marker, or a hit that will be one.
    border: usize,
    /// Where the first escape stands that makes the text read otherwise.
    first_escape: Option<usize>,
    hits: Vec<Hit>,
}

impl<'a> Scan<'a> {
    /// Of a text that is the value of `key`, if of any.
    pub(crate) fn new(text: &'a str, key: Option<&'a str>, rules: &'a Rules) -> Self {
        Self { text, bytes: text.as_bytes(), rules, key, at: 0, border: 0, first_escape: None, hits: Vec::new() }
    }

    /// The hits, in no order and perhaps overlapping, and where the first escape stands, if the text reads
    /// otherwise without its escapes.
    pub(crate) fn run(mut self) -> (Vec<Hit>, Option<usize>) {
        for (n, block) in self.bytes.chunks(BLOCK).enumerate() {
            let start = n * BLOCK;
            let triggers = bits::of_block(block, may_trigger);
            while let Some(next) = bits::first(triggers, self.at.saturating_sub(start)) {
                self.at = start + next;
                self.read();
            }
        }
        self.literals();
        (self.hits, self.first_escape)
    }

    /// Reads around the byte at which the pass stands, and goes on behind it.
    fn read(&mut self) {
        match TRIGGERS[usize::from(self.bytes[self.at])] {
            Trigger::Digit => self.digits(),
            Trigger::Assign => {
                self.note_escape(self.at);
                self.assign(self.at);
            }
            Trigger::At => self.at_sign(self.at),
            Trigger::Escape => self.escape(),
            Trigger::Marker => self.skip_marker(),
            Trigger::Nothing => self.at += 1,
        }
    }

    /// The same text to `limit` bytes behind `at`, where no more is worth looking at.
    fn near(&self, at: usize, limit: usize) -> Self {
        let end = self.text.floor_char_boundary((at + limit).min(self.text.len()));
        Self::new(self.slice(0..end), self.key, self.rules)
    }

    /// Whether the whole text is what this rule leaves behind.
    pub(crate) fn is_masked_by(&self, rule: &str) -> bool {
        self.marker(0).is_some_and(|(name, end)| name == rule && end == self.bytes.len())
    }

    fn is_on(&self, rule: Rule) -> bool {
        self.rules.treatments.is_on(rule)
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
        self.note_escape(self.at);
        self.at += view::length(self.bytes, self.at);
    }

    fn note_escape(&mut self, at: usize) {
        if self.first_escape.is_none() && view::MAY_BEGIN[usize::from(self.bytes[at])] {
            let is_passed = self.rules.passes_breaks && view::is_last_break(self.bytes, at);
            self.first_escape = (!is_passed && view::is_escape(self.text, at)).then_some(at);
        }
    }

    /// What was masked before stays as it is.
    fn skip_marker(&mut self) {
        match self.marker(self.at) {
            Some((_, end)) => self.go_on(end),
            None => self.at += 1,
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
        words.iter().any(|word| crate::context::has_word(self.text, at, within, self.key, word))
    }
}

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
            assert!(may_trigger(byte) || !is_trigger, "{byte:#x}");
        }
    }
}
