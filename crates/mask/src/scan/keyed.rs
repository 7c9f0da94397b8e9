//! Values that their key tells: `key=value`, `key: value`, JSON, and JSON inside a JSON string.

use std::ops::Range;

use super::Scan;
use super::value::{Form, Value};
use crate::Rule;
use crate::action::Treatments;
use crate::keys::Class;
use crate::rule::RuleId;

/// Longer names are no keys.
pub(super) const MAX_KEY_BYTES: usize = 128;
/// Bytes of a value that are looked at to see whether there is something to mask.
const MAX_NEAR_BYTES: usize = 512;
/// Blanks between a key, its sign and its value.
pub(super) const MAX_BLANKS: usize = 64;
/// Words before the last one of a name that has several, as in `secret key`.
const MAX_WORDS_BEFORE: usize = 2;

/// A key before its `=` or `:`, and the backslashes before each of its double quotes when it has any.
pub(super) struct Key {
    pub(super) span: Range<usize>,
    pub(super) quote: Option<usize>,
}

/// The rule that masks any value of a key of this class, if it is on.
pub(crate) fn is_told_by_key(class: Class, treatments: &Treatments) -> Option<RuleId> {
    let rule = match class {
        Class::Secret => Rule::Secret.into(),
        Class::Name => Rule::Name.into(),
        Class::Address => Rule::Address.into(),
        Class::Own(rule) => rule,
        Class::Id | Class::Phone | Class::Card | Class::MaybeName | Class::MaybeAddress | Class::Nothing => {
            return None;
        }
    };
    treatments.of(rule).is_on.then_some(rule)
}

impl<'a> Scan<'a> {
    /// Reads around the `=` or `:` at `at`.
    pub(super) fn assign(&mut self, at: usize) {
        if self.bytes[at] == b':' && self.is_on(Rule::Ip) && self.ipv6(at) {
            return;
        }
        self.at = at + 1;
        if !self.may_follow_telling_key(at) {
            return;
        }
        if let Some(key) = self.key_before(at) {
            self.value_of(&key, at + 1);
        }
    }

    /// Reads the value that stands behind `after`, if its key tells what it is.
    pub(super) fn value_of(&mut self, key: &Key, after: usize) {
        let Some(class) = self.telling_class(key) else { return };
        let near = self.near(after, MAX_NEAR_BYTES);
        let near_value = near.value_at(after, key);
        let is_told = near_value.is_some_and(|value| near.told(class, key, &value).is_some());
        self.quotes.set(near.quotes.get());
        if !is_told {
            return;
        }
        if let Some(value) = self.value_at(after, key) {
            self.take(class, key, &value);
        }
    }

    /// Notes what a key of this class tells of its value, unless it was masked before.
    pub(super) fn take(&mut self, class: Class, key: &Key, value: &Value) {
        let Some((rule, span)) = self.told(class, key, value).filter(|(_, span)| !span.is_empty()) else { return };
        if let Some(end) = self.masked_end(rule, value, &span) {
            self.go_on(end);
            return;
        }
        self.hit(rule, span);
        if let Some(hit) = self.hits.last_mut() {
            hit.quote = value.quote;
        }
    }

    /// The end of the rule's marker that is all of the value: it was masked before, together with all that belonged to it.
    fn masked_end(&self, rule: RuleId, value: &Value, span: &Range<usize>) -> Option<usize> {
        let name = self.rules.treatments.of(rule).name.as_ref();
        let (_, end) = self.marker(span.start).filter(|(marker, _)| *marker == name)?;
        let is_bare = value.form == Form::Bare;
        let is_all = end == span.end || (is_bare && (end == self.bytes.len() || self.ends_bare(end)));
        is_all.then_some(end)
    }

    /// What a key says that may tell what any value is, numbers aside.
    pub(super) fn telling_class(&self, key: &Key) -> Option<Class> {
        let is_telling = |class: &Class| !matches!(class, Class::Id | Class::Phone | Class::Card | Class::Nothing);
        self.class_of(key).filter(is_telling)
    }

    /// What a key says, by all its words where there are several.
    fn class_of(&self, key: &Key) -> Option<Class> {
        let keys = &self.rules.keys;
        keys.class(self.slice(self.words_start(key.span.start)..key.span.end))
            .or_else(|| keys.class(self.slice(key.span.clone())))
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

    /// The rule for a value under a key of this class, and what of the value it takes.
    fn told(&self, class: Class, key: &Key, value: &Value) -> Option<(RuleId, Range<usize>)> {
        let whole = value.span.clone();
        if let Some(rule) = is_told_by_key(class, &self.rules.treatments) {
            let span = match (class, value.form) {
                (Class::Name, Form::Bracketed) => return None,
                (Class::Name, Form::Bare) => self.bare_name(whole.start),
                (Class::Address, Form::Bare) => self.bare_address(whole.start),
                _ => whole,
            };
            return Some((rule, span));
        }
        match class {
            Class::MaybeName if self.is_on(Rule::Name) && value.form != Form::Bracketed => {
                let span = match value.form {
                    Form::Bare => self.bare_name(whole.start),
                    _ => whole,
                };
                let name = if value.form == Form::Wrapped { self.in_quotes(&span) } else { span.clone() };
                self.is_person(key.span.start, name).then(|| (Rule::Name.into(), span))
            }
            Class::MaybeAddress if self.is_on(Rule::Address) => {
                let is_postal = match value.form {
                    Form::Quoted | Form::Wrapped => self.is_postal(whole.clone()),
                    Form::Bracketed => self.is_postal_object(whole.clone()),
                    Form::Bare => false,
                };
                is_postal.then(|| (Rule::Address.into(), whole))
            }
            _ => None,
        }
    }

    /// What the key says whose value starts at `start`, behind quotes and blanks.
    pub(super) fn class_of_value(&self, start: usize) -> Option<Class> {
        let before = self.bytes[..start].iter().rev().take(MAX_BLANKS + 8);
        let skipped = before.take_while(|byte| is_opening(**byte)).count();
        let end = start - skipped;
        if end == 0 {
            return self.key.and_then(|key| self.rules.keys.class(key));
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

    /// The depth of the quotes that a number needs when it is replaced: those of its key in JSON.
    pub(super) fn json_number(&self, start: usize, end: usize) -> Option<usize> {
        let blanks = self.bytes[..start].iter().rev().take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
        let colon = (start - blanks).checked_sub(1).filter(|colon| self.bytes[*colon] == b':')?;
        let closed = matches!(self.byte(self.skip_while(end, is_blank)), Some(b',' | b'}'));
        closed.then(|| self.key_before(colon)).flatten()?.quote
    }

    /// The field that the hit is the whole value of, with one separator: what goes when a field is dropped.
    pub(crate) fn field(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let quotes = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\');
        let opened = value.start - self.bytes[..value.start].iter().rev().take_while(|byte| quotes(**byte)).count();
        let blanks = self.bytes[..opened].iter().rev().take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
        let sign = (opened - blanks).checked_sub(1).filter(|sign| matches!(self.bytes[*sign], b'=' | b':'))?;
        let key = self.key_before(sign)?.span.start;
        let start = key - self.bytes[..key].iter().rev().take_while(|byte| quotes(**byte)).count();
        let closed = self.skip_while(value.end, quotes);
        let is_separator = |byte: u8| matches!(byte, b',' | b';' | b'&' | b' ');
        if (opened == value.start) != (closed == value.end) {
            return None;
        }
        match self.byte(closed) {
            None | Some(b'}' | b']' | b')' | b'\n' | b'"' | b'\'' | b'\\') => {
                let before = self.bytes[..start].iter().rev().take_while(|byte| is_separator(**byte)).count();
                Some(start - before..closed)
            }
            Some(byte) if is_separator(byte) => Some(start..self.skip_while(closed + 1, |byte| byte == b' ')),
            Some(_) => None,
        }
    }

    /// A quick look at the last two bytes of the name before `at`.
    fn may_follow_telling_key(&self, at: usize) -> bool {
        let last = self.last_of_key(at);
        matches!(last, Some((before_last, last)) if self.is_thorough() || self.rules.keys.may_tell(before_last, last))
    }

    /// Whether a key before `start` may tell that its value is a phone or a card, by a quick look; wrong only in saying
    /// yes.
    pub(super) fn may_tell_number(&self, start: usize) -> bool {
        let skipped = self.bytes[..start].iter().rev().take_while(|byte| is_opening(**byte)).count();
        let Some(sign) = (start - skipped).checked_sub(1).filter(|_| !self.is_thorough()) else { return true };
        match self.bytes[sign] {
            b'=' | b':' => {
                let last = self.last_of_key(sign);
                matches!(last, Some((first, last)) if self.rules.keys.may_tell_number(first, last))
            }
            byte => byte == b'>',
        }
    }

    /// The last two bytes of the name before `at`.
    #[inline]
    fn last_of_key(&self, at: usize) -> Option<(u8, u8)> {
        let mut end = at;
        while let Some(b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'[' | b']') =
            end.checked_sub(1).map(|last| self.bytes[last])
        {
            end -= 1;
        }
        match self.bytes[..end] {
            [.., before_last, last] => Some((before_last, last)),
            _ => None,
        }
    }

    fn key_before(&self, at: usize) -> Option<Key> {
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
