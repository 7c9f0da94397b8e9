//! Where a value without quotes ends.

use super::Scan;
use super::key::{Key, is_blank};
use crate::view;

/// Words that come before the secret itself.
const SCHEMES: [&str; 7] = ["bearer", "basic", "token", "negotiate", "apikey", "splunk", "key"];
/// Schemes whose parameters take the rest of the line.
const LONG_SCHEMES: [&str; 2] = ["digest", "aws4-hmac-sha256"];
/// Literals that give nothing away, and marks of blocks that have no lines.
const LITERALS: [&str; 14] =
    ["null", "nil", "none", "undefined", "true", "false", "None", "NULL", "|", "|-", "|+", ">", ">-", ">+"];

impl Scan<'_> {
    /// Where a value without quotes ends; none if it gives nothing away.
    pub(super) fn bare_end(&self, start: usize, key: &Key) -> Option<usize> {
        let mut end = self.bare_word_end(start);
        let word = self.slice(start..end);
        if LITERALS.contains(&word) {
            return None;
        }
        let name = self.slice(key.span.clone()).to_ascii_lowercase();
        if LONG_SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word)) {
            end = self.skip_while(end, |byte| !matches!(byte, b'\n' | b'\r'));
        } else if SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word)) {
            end = self.bare_word_end(self.skip_while(end, is_blank));
        } else if name.ends_with("authorization") && is_scheme(word) {
            let next = self.skip_while(end, is_blank);
            let parameters = self.parameters_end(next);
            end = parameters.unwrap_or(if self.starts_field(next) { end } else { self.bare_word_end(next) });
        }
        if name.contains("cookie") {
            end = self.cookies_end(end);
        }
        Some(end)
    }

    /// Where the last of the parameters of a scheme ends, of which the first begins at `at`: `oauth_token="x",
    /// oauth_signature="y"`. None if there is no such list.
    fn parameters_end(&self, mut at: usize) -> Option<usize> {
        let mut end = None;
        while let Some(behind) = self.parameter_end(at) {
            end = Some(behind);
            let comma = self.skip_while(behind, is_blank);
            if self.byte(comma) != Some(b',') {
                break;
            }
            at = self.skip_while(comma + 1, |byte| byte.is_ascii_whitespace());
        }
        end
    }

    /// Where `key="value"` at `at` ends.
    fn parameter_end(&self, at: usize) -> Option<usize> {
        let sign = self.skip_while(at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let quote = self.skip_while(sign + 1, |byte| byte == b'\\');
        if sign == at || self.byte(sign) != Some(b'=') || self.byte(quote) != Some(b'"') {
            return None;
        }
        let end = self.string_end(quote + 1, b'"', quote - sign - 1);
        let closed = self.skip_while(end, |byte| byte == b'\\');
        (self.byte(closed) == Some(b'"')).then_some(closed + 1)
    }

    /// Where the last of the cookies ends whose first one ends at `end`.
    fn cookies_end(&self, mut end: usize) -> usize {
        while self.byte(end) == Some(b';') {
            let next = self.skip_while(end + 1, is_blank);
            let after = self.word_end(next);
            if after == next {
                break;
            }
            end = after;
        }
        end
    }

    /// As [`word_end`](Self::word_end), but a quote that neither ends a string nor stands at the end belongs to the word.
    pub(super) fn bare_word_end(&self, start: usize) -> usize {
        let mut end = self.word_end(start);
        while start < end
            && let Some(quote @ (b'"' | b'\'')) = self.byte(end)
            && self.byte(end + 1).is_some_and(|byte| byte.is_ascii_alphanumeric() || 0x80 <= byte)
            && !self.is_open(end, quote, 0)
        {
            end = self.word_end(end + 1);
        }
        end
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
    pub(super) fn ends_bare(&self, at: usize) -> bool {
        match self.bytes[at] {
            b'"' | b'\'' => true,
            b'\\' => {
                let escaped = self.byte(self.skip_while(at, |byte| byte == b'\\'));
                matches!(escaped, None | Some(b'"' | b'\'' | b'n' | b'r' | b't')) || self.is_colour(at)
            }
            0x1b => self.is_colour(at),
            b',' | b';' | b'&' => self.ends_item(at + 1) || self.starts_field(at + 1),
            b')' | b']' | b'}' => self.ends_item(self.skip_while(at, is_closer)),
            byte => byte.is_ascii_whitespace(),
        }
    }

    /// Whether the code of a colour begins at `at`, which belongs to no value.
    fn is_colour(&self, at: usize) -> bool {
        view::colour_end(self.bytes, at).is_some()
    }

    fn ends_item(&self, at: usize) -> bool {
        self.byte(at).is_none_or(|byte| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\' | b',' | b';' | b'.' | b'{' | b'[')
        })
    }
}

fn is_closer(byte: u8) -> bool {
    matches!(byte, b')' | b']' | b'}')
}

/// Whether a word may name a way to authorize oneself: letters and dashes after a capital.
fn is_scheme(word: &str) -> bool {
    let of_scheme = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
    (3..=20).contains(&word.len()) && word.starts_with(|c: char| c.is_ascii_uppercase()) && word.bytes().all(of_scheme)
}
