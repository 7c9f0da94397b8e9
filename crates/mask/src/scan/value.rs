//! Where the value of a key stands: in quotes, in brackets, or bare.

use std::ops::Range;

use super::Scan;
use crate::view;

use super::keyed::{Key, MAX_BLANKS, is_blank, is_quote};

/// Words that come before the secret itself.
const SCHEMES: [&str; 7] = ["bearer", "basic", "token", "negotiate", "apikey", "splunk", "key"];
/// Schemes whose parameters take the rest of the line.
const LONG_SCHEMES: [&str; 2] = ["digest", "aws4-hmac-sha256"];
/// What stands before the quote of a string in programs.
const PREFIXES: [&str; 12] = ["b", "u", "r", "f", "br", "rb", "B", "U", "R", "N", "L", "u8"];
/// Literals that give nothing away.
const LITERALS: [&str; 8] = ["null", "nil", "none", "undefined", "true", "false", "None", "NULL"];

/// Where a value stands, and whether its replacement must be quoted.
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) quote: Option<usize>,
    pub(super) form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Quoted,
    Bracketed,
    /// A string in what is written around it: `Some("x")`, `b"x"`.
    Wrapped,
    Bare,
}

impl Scan<'_> {
    pub(super) fn value_at(&self, after: usize, key: &Key) -> Option<Value> {
        let sign = self.skip_while(after, |byte| matches!(byte, b'=' | b'>'));
        if matches!(self.byte(sign), Some(b':' | b'/')) {
            return None;
        }
        let start = self.skip_while(sign, is_blank);
        // A plus before a quote or bracket is a blank of a query string.
        let plus = self.skip_while(start, |byte| byte == b'+');
        let start = if matches!(self.byte(plus), Some(b'"' | b'\'' | b'{' | b'[')) { plus } else { start };
        if MAX_BLANKS < start - sign {
            return None;
        }
        let start = self.next_line(start).unwrap_or(start);
        let slashes = self.skip_while(start, |byte| byte == b'\\') - start;
        let value = |span, quote, form| Some(Value { span, quote, form });
        match self.byte(start + slashes)? {
            quote @ (b'"' | b'\'') => {
                let start = start + slashes + 1;
                value(start..self.string_end(start, quote, slashes), None, Form::Quoted)
            }
            b'{' | b'[' if slashes == 0 => value(start..self.bracket_end(start, key), key.quote, Form::Bracketed),
            _ => match self.wrapped_end(start) {
                Some(end) => value(start..end, key.quote, Form::Wrapped),
                None => value(start..self.bare_end(start, key)?, key.quote, Form::Bare),
            },
        }
    }

    /// Where a value begins that stands in a line of its own behind its key, further in, as one word or a string.
    fn next_line(&self, start: usize) -> Option<usize> {
        let mark = self.skip_while(start, |byte| matches!(byte, b'|' | b'>' | b'-'));
        let end = self.skip_while(mark, |byte| byte == b'\r');
        let first = end + 1;
        let at = self.skip_while(first, is_blank);
        if self.byte(end) != Some(b'\n') || at == first || MAX_BLANKS < at - first || self.starts_field(at) {
            return None;
        }
        let is_string = self.byte(at).is_some_and(is_quote);
        let is_word = || matches!(self.byte(self.word_end(at)), None | Some(b'\n' | b'\r' | b','));
        (is_string || is_word()).then_some(at)
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

    /// Where a string ends that stands behind a prefix or brackets, with the brackets behind it: `Some("x")`, `b'x'`.
    fn wrapped_end(&self, start: usize) -> Option<usize> {
        let quote = self.word_end(start);
        let word = self.slice(start..quote);
        let is_prefix = word.ends_with(['(', '@', '#', '$', '&']) || PREFIXES.contains(&word);
        if !is_prefix {
            return None;
        }
        let slashes = self.skip_while(quote, |byte| byte == b'\\') - quote;
        let sign = self.byte(quote + slashes).filter(|sign| is_quote(*sign))?;
        let inner = quote + slashes + 1;
        // A letter behind the quote tells that it opens, whatever is open before.
        let opens = !self.is_open(quote, sign, slashes) || self.byte(inner).is_some_and(|c| c.is_ascii_alphanumeric());
        if !opens {
            return None;
        }
        let end = self.string_end(inner, sign, slashes);
        let quoted = self.skip_while(end, |byte| byte == b'\\') + 1;
        if self.byte(quoted - 1) != Some(sign) {
            return Some(end);
        }
        let hashes = self.skip_while(quoted, |byte| byte == b'#' && word.ends_with('#'));
        let mut brackets = word.bytes().filter(|byte| *byte == b'(').count();
        let mut end = hashes;
        while 0 < brackets && self.byte(end) == Some(b')') {
            (end, brackets) = (end + 1, brackets - 1);
        }
        Some(end)
    }

    /// What stands between the first and the last quote.
    pub(super) fn in_quotes(&self, span: &Range<usize>) -> Range<usize> {
        let text = self.slice(span.clone());
        let start = text.find(['"', '\'']).map_or(0, |quote| quote + 1);
        let end = text.trim_end_matches([')', '#', '"', '\'', '\\']).len();
        span.start + start..span.start + end.max(start)
    }

    /// Whether a string that this quote would end is open at `at`.
    fn is_open(&self, at: usize, quote: u8, slashes: usize) -> bool {
        let mut quotes = self.quotes.get();
        quotes.advance(self.bytes, at);
        self.quotes.set(quotes);
        quotes.is_open(quote, slashes)
    }

    /// Where a value without quotes ends; none if it gives nothing away.
    fn bare_end(&self, start: usize, key: &Key) -> Option<usize> {
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
            end = if self.starts_field(next) { end } else { self.bare_word_end(next) };
        }
        if name.contains("cookie") {
            end = self.cookies_end(end);
        }
        Some(end)
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
    fn bare_word_end(&self, start: usize) -> usize {
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
