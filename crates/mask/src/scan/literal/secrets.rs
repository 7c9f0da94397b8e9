//! What stands behind a word: credentials, JSON web tokens, keys of known services.

use std::ops::Range;

use crate::encoded;
use crate::scan::Scan;

/// Shorter words after `Bearer` are prose.
const MIN_TOKEN_BYTES: usize = 8;
/// What else stands after `Bearer` in prose.
const PROSE: [&str; 4] = ["authentication", "authorization", "credentials", "challenge"];

impl Scan<'_> {
    /// The token after `Bearer`. A plus is a blank of a query string.
    pub(super) fn bearer(&self, start: usize, word: usize) -> Option<Range<usize>> {
        if self.is_in_word(start) {
            return None;
        }
        let token = self.skip_while(word, |byte| matches!(byte, b' ' | b'\t' | b'+'));
        let sign = self.skip_while(token, is_token);
        let end = self.skip_while(sign, |byte| byte == b'=');
        let text = self.slice(token..end);
        let found = word < token && MIN_TOKEN_BYTES <= text.len() && !PROSE.contains(&text);
        (found && !self.is_key_of_value(token..sign, end)).then_some(token..end)
    }

    /// Whether what could be a token is the key of what stands behind: `token_type=bearer expires_in=3600`. Padding has
    /// nothing behind it.
    fn is_key_of_value(&self, key: Range<usize>, value: usize) -> bool {
        let quote = self.skip_while(value, |byte| matches!(byte, b'\\' | b'"' | b'\''));
        value == key.end + 1
            && (self.byte(quote).is_some_and(|byte| byte.is_ascii_alphanumeric()) || self.marker(quote).is_some())
            && self.bytes[key].iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.'))
    }

    /// The base64 of `user:password` after `Basic`.
    pub(super) fn basic(&self, start: usize, word: usize) -> Option<Range<usize>> {
        let token = self.skip_while(word, |byte| matches!(byte, b' ' | b'\t'));
        if token == word || self.is_in_word(start) {
            return None;
        }
        let end = self.skip_while(self.skip_while(token, is_token), |byte| byte == b'=');
        let has_colon = encoded::decode(self.slice(token..end)).is_some_and(|bytes| bytes.contains(&b':'));
        has_colon.then_some(token..end)
    }

    /// Three parts, or two when the signature was cut off.
    pub(super) fn jwt(&self, start: usize) -> Option<Range<usize>> {
        if start.checked_sub(1).is_some_and(|before| is_base64url(self.bytes[before])) {
            return None;
        }
        let header = self.skip_while(start, is_base64url);
        let payload = self.skip_while(header + 1, is_base64url);
        if self.byte(header) != Some(b'.') || header - start < 10 || payload < header + 4 {
            return None;
        }
        let end = self.skip_while(payload, |byte| is_base64url(byte) || byte == b'.');
        let end = end - self.bytes[..end].iter().rev().take_while(|byte| **byte == b'.').count();
        Some(start..end.max(payload))
    }

    pub(super) fn telegram(&self, colon: usize) -> Option<Range<usize>> {
        let digits = self.bytes[..colon].iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
        let start = colon - digits;
        let end = self.skip_while(colon + 1, is_base64url);
        ((8..=10).contains(&digits) && end - colon == 36 && !self.is_in_word(start)).then_some(start..end)
    }

    pub(super) fn service_key(&self, start: usize, prefix: usize, following: usize) -> Option<Range<usize>> {
        let dotted = self.bytes[prefix - 1] == b'.';
        let end = self.skip_while(prefix, |byte| is_base64url(byte) || (dotted && byte == b'.'));
        (following <= end - prefix && !self.is_in_word(start)).then_some(start..end)
    }

    fn is_in_word(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.bytes[before].is_ascii_alphanumeric())
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_token(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/')
}
