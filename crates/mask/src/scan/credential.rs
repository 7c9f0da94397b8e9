//! Credentials by their own form: `Bearer …`, `Basic …` and JSON web tokens.

use super::Scan;
use crate::Rule;

/// Shorter words after `Bearer` are prose.
const MIN_TOKEN_BYTES: usize = 8;
/// What else stands after `Bearer` in prose.
const PROSE: [&str; 4] = ["authentication", "authorization", "credentials", "challenge"];

impl Scan<'_> {
    /// Reads at a `b` that may begin a scheme.
    pub(super) fn bearer(&mut self) {
        let start = self.at;
        self.at += 1;
        let is_scheme =
            |name: &[u8]| self.bytes.get(start..start + name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
        let bearer = is_scheme(b"bearer");
        if !self.is_on(Rule::Credential) || !(bearer || is_scheme(b"basic")) || self.is_inside_word(start) {
            return;
        }
        let word = start + if bearer { 6 } else { 5 };
        let Some(token) = self.after_blanks(word, bearer) else { return };
        let end = self.skip_while(self.skip_while(token, is_token), |byte| byte == b'=');
        let text = self.slice(token..end);
        let found = if bearer { MIN_TOKEN_BYTES <= text.len() && !PROSE.contains(&text) } else { is_basic(text) };
        if found {
            self.hit(Rule::Credential, token..end, None);
        }
    }

    /// A plus is a blank of a query string, and after `basic` a letter of base64.
    fn after_blanks(&self, at: usize, plus: bool) -> Option<usize> {
        let blank = |byte| matches!(byte, b' ' | b'\t') || (plus && byte == b'+');
        let after = if self.bytes.get(at..)?.starts_with(b"%20") { at + 3 } else { self.skip_while(at, blank) };
        (at < after).then_some(after)
    }

    /// Reads at the `J` of a token's `eyJ`: three parts, or two when the signature was cut off.
    pub(super) fn jwt(&mut self) {
        let Some(start) = self.at.checked_sub(2) else {
            self.at += 1;
            return;
        };
        self.at += 1;
        let inside = self.byte_before(start).is_some_and(is_base64url);
        if !self.is_on(Rule::Jwt) || !self.bytes[start..].starts_with(b"ey") || start < self.border || inside {
            return;
        }
        let header = self.skip_while(start, is_base64url);
        let payload = self.skip_while(header + 1, is_base64url);
        if self.byte(header) != Some(b'.') || header - start < 10 || payload < header + 4 {
            return;
        }
        let end = self.skip_while(payload, |byte| is_base64url(byte) || byte == b'.');
        let end = end - self.bytes[..end].iter().rev().take_while(|byte| **byte == b'.').count();
        self.hit(Rule::Jwt, start..end.max(payload), None);
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_token(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/')
}

/// Whether the text is base64 of `user:password`.
fn is_basic(text: &str) -> bool {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut has_colon = false;
    for byte in text.trim_end_matches('=').bytes() {
        let Some(six) = base64(byte) else { return false };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if 8 <= count {
            count -= 8;
            has_colon |= (bits >> count) & 0xff == u32::from(b':');
        }
    }
    has_colon
}

fn base64(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
