//! Secrets by the name of their key: `key=value`, `key: value`, JSON, and JSON inside a JSON string.

use std::ops::Range;

use super::Scan;
use crate::{Rule, decode};

/// Longer names are no keys.
const MAX_KEY_BYTES: usize = 128;
const MAX_BLANKS: usize = 4;
/// Words that come before the secret itself.
const SCHEMES: [&str; 7] = ["bearer", "basic", "token", "negotiate", "apikey", "splunk", "key"];
/// Schemes whose parameters take the rest of the line.
const LONG_SCHEMES: [&str; 2] = ["digest", "aws4-hmac-sha256"];
/// Literals that give nothing away.
const LITERALS: [&str; 8] = ["null", "nil", "none", "undefined", "true", "false", "None", "NULL"];

/// A key before its `=` or `:`, and the backslashes before each of its double quotes when it has any.
struct Key {
    span: Range<usize>,
    quote: Option<usize>,
}

/// Where a secret stands, and whether its replacement must be quoted.
struct Value {
    span: Range<usize>,
    quote: Option<usize>,
}

impl Scan<'_> {
    /// Reads around an `=` or `:` that takes `at..after`, in plain or escaped form.
    pub(super) fn assign(&mut self, at: usize, after: usize) {
        if at + 1 < after {
            self.border = after;
        }
        self.at = after;
        if !self.is_on(Rule::Secret) || !self.may_follow_secret_key(at) {
            return;
        }
        let Some(key) = self.key_before(at).filter(|key| self.keys.is_secret(self.slice(key.span.clone()))) else {
            return;
        };
        let Some(value) = self.value_at(after, &key) else { return };
        // A value that begins with our marker was masked before, together with all that belonged to it.
        if self.text.get(value.span.start..).is_some_and(|rest| rest.starts_with(Rule::Secret.marker())) {
            self.go_on(value.span.start + Rule::Secret.marker().len());
        } else if !value.span.is_empty() {
            self.hit(Rule::Secret, value.span, value.quote);
        }
    }

    /// The key whose value starts at `start`, behind quotes and blanks.
    pub(super) fn key_of_value(&self, start: usize) -> Option<&str> {
        let opening = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'[');
        let skipped = self.bytes[..start].iter().rev().take(MAX_BLANKS + 8).take_while(|byte| opening(byte)).count();
        let end = start - skipped;
        if end == 0 {
            return self.key;
        }
        let left = &self.bytes[..end];
        let sign = match left.last()? {
            b'=' | b':' => 1,
            _ if left.ends_with(b"%3D") || left.ends_with(b"%3d") => 3,
            _ => return None,
        };
        self.key_before(end - sign).map(|key| self.slice(key.span))
    }

    /// A quick look at the last two bytes of the name before `at`.
    fn may_follow_secret_key(&self, at: usize) -> bool {
        let mut end = at;
        while let Some(b' ' | b'"' | b'\'' | b'\\') = end.checked_sub(1).map(|last| self.bytes[last]) {
            end -= 1;
        }
        match self.bytes[..end] {
            [.., _, _, b'%', b'2', b'2'] => true,
            [.., b'u', _, _, _, _] if self.bytes[..end - 5].ends_with(b"\\") => true,
            [.., before_last, last] => self.keys.may_be_secret(before_last, last),
            _ => false,
        }
    }

    fn key_before(&self, at: usize) -> Option<Key> {
        let blanks = self.bytes[..at].iter().rev().take(MAX_BLANKS).take_while(|byte| **byte == b' ').count();
        let mut end = at - blanks;
        let mut quote = None;
        if self.bytes[..end].ends_with(b"%22") {
            end -= 3;
        } else if let Some(last @ (b'"' | b'\'')) = end.checked_sub(1).map(|last| self.bytes[last]) {
            let slashes = self.bytes[..end - 1].iter().rev().take_while(|byte| **byte == b'\\').count();
            end -= 1 + slashes;
            quote = (last == b'"').then_some(slashes);
        }
        let start = self.key_start(end);
        (start < end).then_some(Key { span: start..end, quote })
    }

    fn key_start(&self, end: usize) -> usize {
        let mut start = end;
        let floor = end.saturating_sub(MAX_KEY_BYTES);
        while floor < start {
            let byte = self.bytes[start - 1];
            let escaped = byte == b'\\' && (self.bytes[start..].starts_with(b"u") || self.bytes[start] == b'\\');
            if !(is_key(byte) || escaped) {
                break;
            }
            start -= 1;
        }
        while !self.text.is_char_boundary(start) {
            start += 1;
        }
        start
    }

    fn value_at(&self, after: usize, key: &Key) -> Option<Value> {
        let sign = self.skip_while(after, |byte| matches!(byte, b'=' | b'>'));
        if matches!(self.byte(sign), Some(b':' | b'/')) {
            return None;
        }
        let start = self.skip_while(sign, |byte| byte == b' ');
        if MAX_BLANKS < start - sign {
            return None;
        }
        let slashes = self.skip_while(start, |byte| byte == b'\\') - start;
        match self.byte(start + slashes)? {
            quote @ (b'"' | b'\'') => Some(self.quoted(start + slashes + 1, quote, slashes)),
            b'%' if self.bytes[start..].starts_with(b"%22") => Some(self.quoted_by_percent(start + 3)),
            b'{' | b'[' if slashes == 0 => Some(Value { span: start..self.bracket_end(start, key), quote: key.quote }),
            _ => self.bare(start, key),
        }
    }

    /// A string of JSON at the depth that the backslashes before its quotes tell; without an end it takes all.
    fn quoted(&self, start: usize, quote: u8, slashes: usize) -> Value {
        let end = self.string_end(start, quote, slashes);
        Value { span: start..end, quote: None }
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

    fn quoted_by_percent(&self, start: usize) -> Value {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let len = rest.windows(3).position(|window| window == b"%22").unwrap_or(rest.len());
        Value { span: start..start + len, quote: None }
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

    /// A value without quotes.
    fn bare(&self, start: usize, key: &Key) -> Option<Value> {
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
        Some(Value { span: start..end, quote: key.quote })
    }

    /// Steps over a run of brackets or backslashes at once: what its first one did not end, the others do not either.
    fn word_end(&self, start: usize) -> usize {
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
    fn starts_field(&self, at: usize) -> bool {
        let end = self.skip_while(at, |byte| is_key(byte) && byte != b'.' && !byte.is_ascii_digit());
        let sign = self.byte(end).filter(|byte| *byte != b'%').or_else(|| decode::percent(self.bytes, end));
        at < end && matches!(sign, Some(b'=' | b':'))
    }
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || 0x80 <= byte
}

fn is_closer(byte: u8) -> bool {
    matches!(byte, b')' | b']' | b'}')
}
