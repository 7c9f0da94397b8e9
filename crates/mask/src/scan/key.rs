//! Keys: the name before a sign or in a tag, and what it says of its value.

use std::ops::Range;

use super::Scan;
use crate::keys::{Class, Writing};

/// Longer names are no keys.
pub(super) const MAX_KEY_BYTES: usize = 128;
/// Blanks between a key, its sign and its value.
pub(super) const MAX_BLANKS: usize = 64;
/// Words before the last one of a name that has several, as in `secret key`.
const MAX_WORDS_BEFORE: usize = 2;

/// A key before its `=` or `:`, and the backslashes before each of its double quotes when it has any.
pub(super) struct Key {
    pub(super) span: Range<usize>,
    pub(super) quote: Option<usize>,
}

impl Scan<'_> {
    /// What a key says that may tell what any value is, numbers aside.
    pub(super) fn telling_class(&self, key: &Key) -> Option<Class> {
        let is_telling = |class: &Class| !matches!(class, Class::Id | Class::Phone | Class::Card | Class::Nothing);
        self.class_of(key).filter(is_telling)
    }

    /// What a key says, by all its words where there are several.
    fn class_of(&self, key: &Key) -> Option<Class> {
        let (keys, writing) = (&self.rules.keys, self.writing(key));
        let first = self.words_start(key.span.start);
        let class = keys.class(self.slice(first..key.span.end), writing);
        let has_words = first < key.span.start;
        class.or_else(|| has_words.then(|| keys.class(self.slice(key.span.clone()), writing)).flatten())
    }

    /// A name is that of a field before `=`, in quotes or behind dashes.
    fn writing(&self, key: &Key) -> Writing {
        let before = &self.bytes[..key.span.start];
        let next = self.byte(self.skip_while(key.span.end, |byte| is_blank(byte) || matches!(byte, b'[' | b']')));
        if matches!(next, Some(b'=' | b'"' | b'\'' | b'\\')) || before.ends_with(b"--") {
            Writing::Field
        } else if before.ends_with(b"::") || (before.ends_with(b"/") && !before.ends_with(b"</")) {
            Writing::Path
        } else {
            Writing::Label
        }
    }

    /// Where a name of several words begins whose last one begins at `start`, with one blank between any two; in a query
    /// string it is a plus.
    fn words_start(&self, start: usize) -> usize {
        let mut first = start;
        for _ in 0..MAX_WORDS_BEFORE {
            let Some(end) = first.checked_sub(1).filter(|blank| matches!(self.bytes[*blank], b' ' | b'+')) else {
                break;
            };
            let word = self.key_start(end);
            if word == end {
                break;
            }
            first = word;
        }
        first
    }

    /// What the key says whose value starts at `start`, behind quotes and blanks.
    pub(super) fn class_of_value(&self, start: usize) -> Option<Class> {
        let before = self.bytes[..start].iter().rev().take(MAX_BLANKS + 8);
        let skipped = before.take_while(|byte| is_opening(**byte)).count();
        let end = start - skipped;
        let end = if self.is_in_own_brackets(end) { end - 1 } else { end };
        if end == 0 {
            return self.key.and_then(|key| self.rules.keys.class(key, Writing::Field));
        }
        if is_string_between(&self.bytes[end..start]) {
            return None;
        }
        let sign = end - 1;
        let key = match self.bytes[sign] {
            b'=' | b':' => self.key_before(sign),
            b'>' if self.ends_element(start) => self.key_of_tag(sign),
            _ => None,
        };
        key.and_then(|key| self.class_of(&key))
    }

    /// A quick look at the end of the name before `at`; wrong only in saying yes.
    pub(super) fn may_follow_telling_key(&self, at: usize) -> bool {
        let name = &self.bytes[..self.end_of_key(at)];
        let [.., before_last, last] = *name else { return false };
        self.is_thorough() || self.rules.keys.may_tell(before_last, last) || self.rules.keys.may_be_secret_ahead(name)
    }

    /// Whether a key before `start` may tell that its value is a phone or a card, by a quick look; wrong only in saying
    /// yes.
    pub(super) fn may_tell_number(&self, start: usize) -> bool {
        let skipped = self.bytes[..start].iter().rev().take_while(|byte| is_opening(**byte)).count();
        let end = start - skipped;
        let end = if self.is_in_own_brackets(end) { end - 1 } else { end };
        let Some(sign) = end.checked_sub(1).filter(|_| !self.is_thorough()) else { return true };
        match self.bytes[sign] {
            b'=' | b':' => {
                let name = &self.bytes[..self.end_of_key(sign)];
                matches!(*name, [.., first, last] if self.rules.keys.may_tell_number(first, last))
            }
            byte => byte == b'>',
        }
    }

    /// Where the name before `at` ends, but for what follows it in quotes and brackets.
    #[inline]
    fn end_of_key(&self, at: usize) -> usize {
        let mut end = at;
        while let Some(b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'[' | b']' | b')') =
            end.checked_sub(1).map(|last| self.bytes[last])
        {
            end -= 1;
        }
        end
    }

    pub(super) fn key_before(&self, at: usize) -> Option<Key> {
        if self.is_between_brackets(at) {
            return self.key_in_brackets(at - 1);
        }
        let blanks = self.bytes[..at].iter().rev().take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
        let mut end = at - blanks;
        if self.bytes[at] == b'=' {
            end = self.without_bracket(end);
        }
        let mut quote = None;
        if let Some(last @ (b'"' | b'\'')) = end.checked_sub(1).map(|last| self.bytes[last]) {
            let slashes = self.bytes[..end - 1].iter().rev().take_while(|byte| **byte == b'\\').count();
            end -= 1 + slashes;
            quote = (last == b'"').then_some(slashes);
        }
        let start = self.key_start(end);
        (start < end).then_some(Key { span: start..end, quote })
    }

    /// Whether the sign at `at` stands between a key and a value in brackets, as PostgreSQL writes them:
    /// `Key (order_id)=(4711) already exists`.
    pub(super) fn is_between_brackets(&self, at: usize) -> bool {
        self.bytes[at] == b'=' && self.byte(at + 1) == Some(b'(') && self.bytes[..at].ends_with(b")")
    }

    /// Whether the value that starts at `start` stands in such brackets.
    fn is_in_own_brackets(&self, start: usize) -> bool {
        self.bytes[..start].ends_with(b")=(")
    }

    /// The only name in the brackets that close at `end`; of several, none tells of the value behind the sign.
    fn key_in_brackets(&self, end: usize) -> Option<Key> {
        let quote = |at: &usize| self.bytes[*at] == b'"';
        let end = end - usize::from(end.checked_sub(1).is_some_and(|last| quote(&last)));
        let start = self.key_start(end);
        let open = start.checked_sub(1).map(|before| before - usize::from(0 < before && quote(&before)))?;
        (start < end && self.bytes[open] == b'(').then_some(Key { span: start..end, quote: None })
    }

    /// The end of a name in brackets, as in `user[password]`, or before empty ones.
    fn without_bracket(&self, end: usize) -> usize {
        match self.bytes[..end] {
            [.., b'[', b']'] => end - 2,
            [.., b']'] => end - 1,
            _ => end,
        }
    }

    fn key_start(&self, end: usize) -> usize {
        let left = &self.bytes[end.saturating_sub(MAX_KEY_BYTES)..end];
        let start = end - left.iter().rev().take_while(|byte| is_key(**byte)).count();
        let name = self.slice(self.text.ceil_char_boundary(start)..end);
        end - name.trim_start_matches(|c: char| !c.is_alphanumeric()).len()
    }

    /// Whether `at` begins the next `key=` or `key:`. Names with digits are none here: a rule might replace the digits.
    pub(super) fn starts_field(&self, at: usize) -> bool {
        let end = self.skip_while(at, |byte| is_key(byte) && byte != b'.' && !byte.is_ascii_digit());
        at < end && matches!(self.byte(end), Some(b'=' | b':'))
    }
}

pub(super) fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || 0x80 <= byte
}

/// Whether a byte may stand between a sign and the value.
fn is_opening(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b'[' | b'\n' | b'\r')
}

/// Whether a string with nothing but a line break in it stands there: what follows is no value any more.
fn is_string_between(opening: &[u8]) -> bool {
    let mut lines = opening.split(|byte| *byte == b'\n');
    let has_quote = |line: &[u8]| line.iter().any(|byte| is_quote(*byte));
    lines.next().is_some_and(has_quote) && lines.any(has_quote)
}

/// Whether a byte stands between words of a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}
