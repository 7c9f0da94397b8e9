//! A cursor over JSON text: walks without building values, borrows what needs no unescaping.

use std::borrow::Cow;
use std::fmt;

/// Stands at a byte of the text and moves forward.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

/// What the text has wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    reason: &'static str,
    at: usize,
}

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    /// A number, `true` or `false`.
    Scalar,
    Null,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonString<'t> {
    raw: &'t str,
    escaped: bool,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.at)
    }
}

impl<'t> Cursor<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) const fn error(&self, reason: &'static str) -> Syntax {
        Syntax { reason, at: self.at }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Steps over a sign that must come next.
    pub(crate) fn open(&mut self, sign: u8, reason: &'static str) -> Result<(), Syntax> {
        if self.close(sign) { Ok(()) } else { Err(self.error(reason)) }
    }

    /// Steps over a sign if it comes next.
    pub(crate) fn close(&mut self, sign: u8) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    /// Whether only white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    pub(crate) fn kind(&mut self) -> Result<Kind, Syntax> {
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f' | b'-' | b'0'..=b'9') => Ok(Kind::Scalar),
            Some(_) => Err(self.error("expected a value")),
            None => Err(self.error("unexpected end")),
        }
    }

    /// A string in quotes.
    pub(crate) fn string(&mut self) -> Result<JsonString<'t>, Syntax> {
        self.open(b'"', "expected a string")?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(step) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = bytes.len();
                return Err(self.error("unterminated string"));
            };
            self.at += step;
            if bytes.get(self.at) == Some(&b'"') {
                let raw = self.text.get(start..self.at).unwrap_or_default();
                self.at += 1;
                return Ok(JsonString { raw, escaped });
            }
            escaped = true;
            self.at += 2;
        }
    }

    /// A number, `true` or `false`, as it stands.
    pub(crate) fn scalar(&mut self) -> Result<&'t str, Syntax> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let end = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let digits = word.as_bytes();
        let number = digits.first().is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit())
            && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        if !number && !matches!(word, "true" | "false" | "null") {
            return Err(self.error("expected a value"));
        }
        self.at += end;
        Ok(word)
    }

    /// Steps over a value.
    pub(crate) fn skip(&mut self) -> Result<(), Syntax> {
        let mut depth = 0_usize;
        loop {
            match self.kind()? {
                Kind::String => {
                    self.string()?;
                }
                Kind::Scalar | Kind::Null => {
                    self.scalar()?;
                }
                Kind::Object => {
                    self.at += 1;
                    depth += 1;
                    if !self.close(b'}') {
                        self.key()?;
                        continue;
                    }
                    depth -= 1;
                }
                Kind::Array => {
                    self.at += 1;
                    depth += 1;
                    if !self.close(b']') {
                        continue;
                    }
                    depth -= 1;
                }
            }
            if self.leave(&mut depth)? {
                return Ok(());
            }
        }
    }

    /// After a value inside `depth` brackets: goes on to the next value, or out of the last bracket.
    ///
    /// Brackets are only counted, not paired: `[1}` passes as a value that is skipped.
    fn leave(&mut self, depth: &mut usize) -> Result<bool, Syntax> {
        while *depth > 0 {
            if self.close(b'}') || self.close(b']') {
                *depth -= 1;
                continue;
            }
            self.open(b',', "expected `,` or a closing bracket")?;
            let mut ahead = Cursor { text: self.text, at: self.at };
            if ahead.peek() == Some(b'"') && ahead.string().is_ok() && ahead.close(b':') {
                self.at = ahead.at;
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<(), Syntax> {
        self.string()?;
        self.open(b':', "expected `:`")
    }

    /// The text of the next value, brackets and all.
    pub(crate) fn raw(&mut self) -> Result<&'t str, Syntax> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }
}

impl<'t> JsonString<'t> {
    /// The text, when it has no escapes.
    pub(crate) fn plain(self) -> Option<&'t str> {
        (!self.escaped).then_some(self.raw)
    }

    /// The text it stands for; a broken escape makes the whole empty.
    pub(crate) fn unescaped(&self) -> Cow<'t, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        unescape(self.raw).map_or(Cow::Borrowed(""), Cow::Owned)
    }
}

/// Resolves the escapes of a JSON string; `None` when one of them is broken.
pub(crate) fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let mut chars = rest.get(at + 1..)?.chars();
        match chars.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => {
                let (c, after) = unicode(chars.as_str())?;
                out.push(c);
                rest = after;
                continue;
            }
            c @ ('"' | '\\' | '/') => out.push(c),
            _ => return None,
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    Some(out)
}

/// The character of `XXXX` or of a surrogate pair `XXXX\uXXXX`, and what follows; a lone surrogate is a space.
fn unicode(text: &str) -> Option<(char, &str)> {
    let high = u32::from_str_radix(text.get(..4)?, 16).ok()?;
    let after = text.get(4..)?;
    if let Some(c) = char::from_u32(high) {
        return Some((c, after));
    }
    let low = after.strip_prefix("\\u").and_then(|low| u32::from_str_radix(low.get(..4)?, 16).ok());
    match low {
        Some(low) if (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low) => {
            let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            Some((char::from_u32(code)?, after.get(6..)?))
        }
        _ => Some((' ', after)),
    }
}
