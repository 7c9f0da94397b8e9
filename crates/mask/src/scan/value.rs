//! Where the value of a key stands: in quotes, in brackets, or bare.

use std::ops::Range;

use super::Scan;
use super::key::{Key, MAX_BLANKS, is_quote};
use crate::view;

/// What stands before the quote of a string in programs.
const PREFIXES: [&str; 12] = ["b", "u", "r", "f", "br", "rb", "B", "U", "R", "N", "L", "u8"];

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
        if self.is_path(after, sign) {
            return None;
        }
        let start = self.skip_blanks(sign);
        // A plus before a quote, a bracket or the mark of a block is a blank of a query string.
        let plus = self.skip_while(start, |byte| byte == b'+');
        let is_blank = matches!(self.byte(plus), Some(b'"' | b'\'' | b'{' | b'[' | b'|' | b'>'));
        let start = if is_blank { plus } else { start };
        if MAX_BLANKS < start - sign {
            return None;
        }
        let value = |span, quote, form| Some(Value { span, quote, form });
        if let Some(block) = self.block(start, key) {
            return value(block, None, Form::Quoted);
        }
        let start = self.next_line(start).unwrap_or(start);
        let slashes = self.skip_while(start, |byte| byte == b'\\') - start;
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

    /// Whether what stands behind a colon makes a path of it: `token::Kind`, `token://x`.
    fn is_path(&self, after: usize, sign: usize) -> bool {
        self.bytes[after - 1] == b':' && matches!(self.byte(sign), Some(b':' | b'/'))
    }

    /// Where the blanks from `at` on end, wide ones and those that break no line included.
    fn skip_blanks(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        self.bytes.len() - rest.trim_start_matches(|c| matches!(c, ' ' | '\t') || view::is_wide_blank(c)).len()
    }

    /// Where the closing quote of a string begins, its backslashes included. A quote with fewer backslashes than the
    /// opening one ends an outer string, and with it this one.
    pub(super) fn string_end(&self, start: usize, quote: u8, slashes: usize) -> usize {
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
    pub(super) fn is_open(&self, at: usize, quote: u8, slashes: usize) -> bool {
        let mut quotes = self.quotes.get();
        quotes.advance(self.bytes, at);
        self.quotes.set(quotes);
        quotes.is_open(quote, slashes)
    }
}
