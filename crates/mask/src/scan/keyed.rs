//! Values that their key tells: `key=value`, `key: value`, JSON, and JSON inside a JSON string.

use std::ops::Range;

use super::Scan;
use crate::Rule;
use crate::action::Treatments;
use crate::keys::Class;
use crate::rule::RuleId;

/// Longer names are no keys.
const MAX_KEY_BYTES: usize = 128;
/// Bytes of a value that are looked at to see whether there is something to mask.
const MAX_NEAR_BYTES: usize = 512;
pub(super) const MAX_BLANKS: usize = 4;
/// Words that come before the secret itself.
const SCHEMES: [&str; 7] = ["bearer", "basic", "token", "negotiate", "apikey", "splunk", "key"];
/// Schemes whose parameters take the rest of the line.
const LONG_SCHEMES: [&str; 2] = ["digest", "aws4-hmac-sha256"];
/// Literals that give nothing away.
const LITERALS: [&str; 8] = ["null", "nil", "none", "undefined", "true", "false", "None", "NULL"];

/// A key before its `=` or `:`, and the backslashes before each of its double quotes when it has any.
pub(super) struct Key {
    pub(super) span: Range<usize>,
    quote: Option<usize>,
}

/// Where a value stands, and whether its replacement must be quoted.
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) quote: Option<usize>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Quoted,
    Bracketed,
    Bare,
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
        let Some(key) = self.key_before(at) else { return };
        let Some(class) = self.rules.keys.class(self.slice(key.span.clone())) else { return };
        if matches!(class, Class::Id | Class::Phone | Class::Card | Class::Nothing) {
            return;
        }
        let near = self.near(at, MAX_NEAR_BYTES);
        let near_value = near.value_at(at + 1, &key);
        let Some((rule, _)) = near_value.and_then(|value| near.told(class, &key, &value)) else { return };
        // A value that begins with the rule's marker was masked before, together with all that belonged to it.
        let start = self.skip_while(at + 1, |byte| matches!(byte, b'=' | b'>' | b' ' | b'\\' | b'"' | b'\''));
        let name = self.rules.treatments.of(rule).name.as_ref();
        if let Some((_, end)) = self.marker(start).filter(|(marker, _)| *marker == name) {
            self.go_on(end);
            return;
        }
        let Some(value) = self.value_at(at + 1, &key) else { return };
        let Some((rule, span)) = self.told(class, &key, &value).filter(|(_, span)| !span.is_empty()) else { return };
        self.hit(rule, span);
        if let Some(hit) = self.hits.last_mut() {
            hit.quote = value.quote;
        }
    }

    /// The rule for a value under a key of this class, and what of the value it takes.
    fn told(&self, class: Class, key: &Key, value: &Value) -> Option<(RuleId, Range<usize>)> {
        let (whole, quoted) = (value.span.clone(), value.form == Form::Quoted);
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
                let span = if quoted { whole } else { self.bare_name(whole.start) };
                self.is_person(key.span.start, span.clone()).then(|| (Rule::Name.into(), span))
            }
            Class::MaybeAddress if self.is_on(Rule::Address) => {
                let is_postal = match value.form {
                    Form::Quoted => self.is_postal(whole.clone()),
                    Form::Bracketed => self.is_postal_object(whole.clone()),
                    Form::Bare => false,
                };
                is_postal.then(|| (Rule::Address.into(), whole))
            }
            _ => None,
        }
    }

    /// The key whose value starts at `start`, behind quotes and blanks.
    pub(super) fn key_of_value(&self, start: usize) -> Option<&'a str> {
        let before = self.bytes[..start].iter().rev().take(MAX_BLANKS + 8);
        let skipped = before.take_while(|byte| is_opening(**byte)).count();
        let end = start - skipped;
        if end == 0 {
            return self.key;
        }
        let sign = end - 1;
        matches!(self.bytes[sign], b'=' | b':').then(|| self.key_before(sign)).flatten().map(|key| self.slice(key.span))
    }

    /// The depth of the quotes that a number needs when it is replaced: those of its key in JSON.
    pub(super) fn json_number(&self, start: usize, end: usize) -> Option<usize> {
        let blanks = self.bytes[..start].iter().rev().take(MAX_BLANKS).take_while(|byte| **byte == b' ').count();
        let colon = (start - blanks).checked_sub(1).filter(|colon| self.bytes[*colon] == b':')?;
        let closed = matches!(self.byte(self.skip_while(end, |byte| byte == b' ')), Some(b',' | b'}'));
        closed.then(|| self.key_before(colon)).flatten()?.quote
    }

    /// The field that the hit is the whole value of, with one separator: what goes when a field is dropped.
    pub(crate) fn field(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let quotes = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\');
        let opened = value.start - self.bytes[..value.start].iter().rev().take_while(|byte| quotes(**byte)).count();
        let blanks = self.bytes[..opened].iter().rev().take(MAX_BLANKS).take_while(|byte| **byte == b' ').count();
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
        let is_sign = matches!(self.bytes[sign], b'=' | b':');
        is_sign && matches!(self.last_of_key(sign), Some((first, last)) if self.rules.keys.may_tell_number(first, last))
    }

    /// The last two bytes of the name before `at`.
    fn last_of_key(&self, at: usize) -> Option<(u8, u8)> {
        let mut end = at;
        while let Some(b' ' | b'"' | b'\'' | b'\\') = end.checked_sub(1).map(|last| self.bytes[last]) {
            end -= 1;
        }
        match self.bytes[..end] {
            [.., before_last, last] => Some((before_last, last)),
            _ => None,
        }
    }

    fn key_before(&self, at: usize) -> Option<Key> {
        let blanks = self.bytes[..at].iter().rev().take(MAX_BLANKS).take_while(|byte| **byte == b' ').count();
        let mut end = at - blanks;
        let mut quote = None;
        if let Some(last @ (b'"' | b'\'')) = end.checked_sub(1).map(|last| self.bytes[last]) {
            let slashes = self.bytes[..end - 1].iter().rev().take_while(|byte| **byte == b'\\').count();
            end -= 1 + slashes;
            quote = (last == b'"').then_some(slashes);
        }
        let start = self.key_start(end);
        (start < end).then_some(Key { span: start..end, quote })
    }

    fn key_start(&self, end: usize) -> usize {
        let left = &self.bytes[end.saturating_sub(MAX_KEY_BYTES)..end];
        let start = end - left.iter().rev().take_while(|byte| is_key(**byte)).count();
        let name = self.slice(self.text.ceil_char_boundary(start)..end);
        end - name.trim_start_matches(|c: char| !c.is_alphanumeric()).len()
    }

    fn value_at(&self, after: usize, key: &Key) -> Option<Value> {
        let sign = self.skip_while(after, |byte| matches!(byte, b'=' | b'>'));
        if matches!(self.byte(sign), Some(b':' | b'/')) {
            return None;
        }
        let start = self.skip_while(sign, |byte| byte == b' ');
        // A plus before a quote or bracket is a blank of a query string.
        let plus = self.skip_while(start, |byte| byte == b'+');
        let start = if matches!(self.byte(plus), Some(b'"' | b'\'' | b'{' | b'[')) { plus } else { start };
        if MAX_BLANKS < start - sign {
            return None;
        }
        let slashes = self.skip_while(start, |byte| byte == b'\\') - start;
        let value = |span, quote, form| Some(Value { span, quote, form });
        match self.byte(start + slashes)? {
            quote @ (b'"' | b'\'') => {
                let start = start + slashes + 1;
                value(start..self.string_end(start, quote, slashes), None, Form::Quoted)
            }
            b'{' | b'[' if slashes == 0 => value(start..self.bracket_end(start, key), key.quote, Form::Bracketed),
            _ => value(start..self.bare_end(start, key)?, key.quote, Form::Bare),
        }
    }

    /// Where the closing quote of a string begins, its backslashes included. A quote with fewer backslashes than the
    /// opening one ends an outer string, and with it this one.
    fn string_end(&self, start: usize, quote: u8, slashes: usize) -> usize {
        let mut at = start;
        let mut before = 0;
        while let Some(byte) = self.byte(at) {
            if byte == quote && before < slashes {
                return at - before;
            }
            if byte == quote && (before - slashes).is_multiple_of(2 * slashes + 2) {
                return at - slashes;
            }
            before = if byte == b'\\' { before + 1 } else { 0 };
            at += 1;
        }
        at
    }

    /// Where the array or object at `start` ends, strings skipped; without an end it takes all.
    fn bracket_end(&self, start: usize, key: &Key) -> usize {
        let slashes = key.quote.unwrap_or(0);
        let mut depth = 0_usize;
        let mut at = start;
        while let Some(byte) = self.byte(at) {
            at += 1;
            match byte {
                b'"' => at = self.skip_while(self.string_end(at, b'"', slashes), |byte| byte == b'\\') + 1,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth <= 1 => return at,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
        }
        self.bytes.len()
    }

    /// Where a value without quotes ends; none if it gives nothing away.
    fn bare_end(&self, start: usize, key: &Key) -> Option<usize> {
        let mut end = self.word_end(start);
        let word = self.slice(start..end);
        if LITERALS.contains(&word) {
            return None;
        }
        if LONG_SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word)) {
            end = self.skip_while(end, |byte| !matches!(byte, b'\n' | b'\r'));
        } else if SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word)) {
            end = self.word_end(self.skip_while(end, |byte| byte == b' '));
        }
        let cookie = self.slice(key.span.clone()).to_ascii_lowercase().contains("cookie");
        while cookie && self.bytes[end..].starts_with(b"; ") {
            end = self.word_end(end + 2);
        }
        Some(end)
    }

    /// Steps over a run of brackets or backslashes at once: what its first one did not end, the others do not either.
    pub(super) fn word_end(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(byte) = self.byte(at)
            && !self.ends_bare(at)
        {
            at = match byte {
                b'\\' => self.skip_while(at, |byte| byte == b'\\'),
                _ if is_closer(byte) => self.skip_while(at, is_closer),
                _ => at + 1,
            };
        }
        at
    }

    /// Whether a bare value ends before `at`. Punctuation ends it only where the text goes on like a list or a sentence,
    /// since passwords may hold any of it.
    fn ends_bare(&self, at: usize) -> bool {
        match self.bytes[at] {
            b'"' | b'\'' => true,
            b'\\' => {
                let escaped = self.byte(self.skip_while(at, |byte| byte == b'\\'));
                matches!(escaped, None | Some(b'"' | b'\'' | b'n' | b'r' | b't'))
            }
            b',' | b';' | b'&' => self.ends_item(at + 1) || self.starts_field(at + 1),
            b')' | b']' | b'}' => self.ends_item(self.skip_while(at, is_closer)),
            byte => byte.is_ascii_whitespace(),
        }
    }

    fn ends_item(&self, at: usize) -> bool {
        self.byte(at).is_none_or(|byte| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\' | b',' | b';' | b'.' | b'{' | b'[')
        })
    }

    /// Whether `at` begins the next `key=` or `key:`. Names with digits are none here: a rule might replace the digits.
    pub(super) fn starts_field(&self, at: usize) -> bool {
        let end = self.skip_while(at, |byte| is_key(byte) && byte != b'.' && !byte.is_ascii_digit());
        at < end && matches!(self.byte(end), Some(b'=' | b':'))
    }
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || 0x80 <= byte
}

/// Whether a byte may stand between a sign and the value.
fn is_opening(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'[')
}

fn is_closer(byte: u8) -> bool {
    matches!(byte, b')' | b']' | b'}')
}
