//! Cuts a line into raw fields without copying: one pass, no look-back, whatever the text.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::{Defect, json};

/// A piece of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `key=value`, or a member of a JSON object.
    Field(&'a str, Raw<'a>),
    /// Something is wrong here; reading goes on behind it.
    Broken(Defect),
}

/// A value as it stands in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raw<'a> {
    /// Neither quoted nor JSON; in a JSON line a number, `true`, `false` or `null`.
    Bare(&'a str),
    /// What stands between quotes, without escapes.
    Plain(&'a str),
    /// What stands between quotes, with escapes.
    Escaped(&'a str),
    /// A JSON object or array whose brackets close.
    Json(&'a str),
}

impl<'a> Raw<'a> {
    /// The text as it stands.
    pub(crate) const fn as_str(self) -> &'a str {
        match self {
            Self::Bare(text) | Self::Plain(text) | Self::Escaped(text) | Self::Json(text) => text,
        }
    }
}

/// Ends a bare value.
const SPACE: u8 = 1;
/// Ends a key.
const KEY_END: u8 = 2;
/// Opens something in which spaces do not separate.
const OPENS: u8 = 4;

/// What each byte means outside of quotes and JSON. Bytes of multi-byte characters mean nothing.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        class[byte as usize] = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => SPACE | KEY_END,
            b'"' | b'{' | b'[' => OPENS | KEY_END,
            b'=' | b'}' | b']' => KEY_END,
            _ if byte.is_ascii_control() => KEY_END,
            _ => 0,
        };
        byte += 1;
    }
    class
};

fn find(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|byte| CLASS[usize::from(*byte)] & class != 0).unwrap_or(bytes.len())
}

/// Whether this character may stand in a key.
pub(crate) fn is_key_char(c: char) -> bool {
    let ascii = u8::try_from(c).is_ok_and(|byte| byte.is_ascii() && CLASS[usize::from(byte)] & KEY_END != 0);
    !ascii && !is_break(c)
}

/// Whether a character may break a line for some reader, or is not meant to be seen.
pub(crate) fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The part of `text` from one byte to another; empty if these are no borders of characters, which the callers rule out.
pub(crate) fn cut(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

/// The `key=value` fields of a text.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a str,
    depth: u32,
    pending: Option<Defect>,
}

impl<'a> Fields<'a> {
    /// JSON values may nest `depth` levels.
    pub(crate) const fn new(text: &'a str, depth: u32) -> Self {
        Self { rest: text, depth, pending: None }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = cut(self.rest, bytes, self.rest.len());
    }

    fn value(&mut self) -> Raw<'a> {
        let text = self.rest;
        match text.as_bytes().first() {
            Some(b'"') => {
                self.advance(1);
                let (inner, escaped) = self.quoted();
                if escaped { Raw::Escaped(inner) } else { Raw::Plain(inner) }
            }
            Some(b'{' | b'[') => match json::value_len(text, self.depth) {
                Ok(len) => {
                    self.advance(len);
                    self.skip_junk();
                    Raw::Json(cut(text, 0, len))
                }
                Err(defect) => {
                    self.rest = "";
                    self.pending = Some(defect);
                    Raw::Bare(text)
                }
            },
            _ => {
                let len = find(text.as_bytes(), SPACE);
                self.advance(len);
                Raw::Bare(cut(text, 0, len))
            }
        }
    }

    /// What stands before the closing quote, and whether there are escapes in it.
    fn quoted(&mut self) -> (&'a str, bool) {
        let text = self.rest;
        let (end, escaped) = quote_end(text.as_bytes());
        match end {
            Some(end) => {
                self.advance(end + 1);
                self.skip_junk();
                (cut(text, 0, end), escaped)
            }
            None => {
                self.rest = "";
                self.pending = Some(Defect::UnterminatedQuote);
                (text, escaped)
            }
        }
    }

    /// After a closed value only a space may follow.
    fn skip_junk(&mut self) {
        if self.rest.as_bytes().first().is_some_and(|byte| CLASS[usize::from(*byte)] & SPACE == 0) {
            self.pending = Some(Defect::BrokenField);
            self.skip_word();
        }
    }

    /// Skips to the next space that is neither in quotes nor in JSON, so that no text of a value is taken for a field.
    fn skip_word(&mut self) {
        loop {
            self.advance(find(self.rest.as_bytes(), SPACE | OPENS));
            let opened = match self.rest.as_bytes().first() {
                Some(b'"') => quote_end(self.rest.as_bytes().get(1..).unwrap_or_default()).0.map(|end| end + 2),
                Some(b'{' | b'[') => json::value_len(self.rest, self.depth).ok(),
                _ => return,
            };
            self.advance(opened.unwrap_or(self.rest.len()));
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Token<'a>;

    #[inline]
    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(defect) = self.pending.take() {
            return Some(Token::Broken(defect));
        }
        let blank = self.rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.advance(blank);
        let text = self.rest;
        let key = find(text.as_bytes(), KEY_END);
        match text.as_bytes().get(key) {
            Some(b'=') if key != 0 => {
                self.advance(key + 1);
                Some(Token::Field(cut(text, 0, key), self.value()))
            }
            Some(b'\n' | b'\r') if key == 0 => {
                self.rest = "";
                (!text.trim_ascii().is_empty()).then_some(Token::Broken(Defect::MultiLine))
            }
            None if key == 0 => None,
            _ => {
                self.skip_word();
                Some(Token::Broken(Defect::BrokenField))
            }
        }
    }
}

/// Where the closing quote is, from behind the opening one, and whether there are escapes before it.
pub(crate) fn quote_end(bytes: &[u8]) -> (Option<usize>, bool) {
    let mut at = 0;
    let mut escaped = false;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return (Some(at), escaped);
        }
        escaped = true;
        at += 2;
    }
    (None, escaped)
}

/// Replaces escapes by what they mean. The flag is false if there was one that the grammar does not have: it stays.
pub(crate) fn unescape(text: &str) -> (Cow<'_, str>, bool) {
    let Some(first) = memchr(b'\\', text.as_bytes()) else { return (Cow::Borrowed(text), true) };
    let mut out = String::with_capacity(text.len());
    out.push_str(cut(text, 0, first));
    let mut rest = cut(text, first, text.len());
    let mut good = true;
    while !rest.is_empty() {
        let len = match escape(rest) {
            Some((c, len)) => {
                out.push(c);
                len
            }
            None => {
                good = false;
                out.push('\\');
                1
            }
        };
        rest = cut(rest, len, rest.len());
        let plain = memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        out.push_str(cut(rest, 0, plain));
        rest = cut(rest, plain, rest.len());
    }
    (Cow::Owned(out), good)
}

/// The character that the escape at the start of `text` stands for, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let c = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode(text),
        byte @ (b'"' | b'\\' | b'/' | b']') => char::from(*byte),
        _ => return None,
    };
    Some((c, 2))
}

/// `\uXXXX`, or two of them that form a surrogate pair.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| hex)
    };
    let high = unit(0)?;
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high).map(|c| (c, 6));
    }
    let low = unit(6).filter(|low| (0xDC00..0xE000).contains(low))?;
    char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).map(|c| (c, 12))
}

#[cfg(test)]
mod tests;
