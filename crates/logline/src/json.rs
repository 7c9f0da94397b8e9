//! Just enough JSON to carry it: where a value ends, the members of an object, and how it fits into one line.

use std::borrow::Cow;

use crate::Defect;
use crate::scan::{Raw, Token, cut, is_break, quote_end};

/// The deepest nesting that can be asked for: one bit for each level.
const MAX_DEPTH: u32 = 64;

/// The length of the object or array at the start of `text`.
///
/// Checks that brackets close in order, outside of strings, and that no more than `depth` are open at once.
pub(crate) fn value_len(text: &str, depth: u32) -> Result<usize, Defect> {
    let bytes = text.as_bytes();
    let depth = depth.min(MAX_DEPTH);
    let (mut open, mut braces, mut at) = (0_u32, 0_u64, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => match quote_end(bytes.get(at..).unwrap_or_default()).0 {
                Some(end) => at += end + 1,
                None => break,
            },
            b'{' | b'[' => {
                open += 1;
                braces = braces << 1 | u64::from(*byte == b'{');
                if depth < open {
                    return Err(Defect::TooDeep);
                }
            }
            b'}' | b']' => {
                if (braces & 1 == 1) != (*byte == b'}') {
                    break;
                }
                open = open.saturating_sub(1);
                braces >>= 1;
                if open == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    Err(Defect::UnterminatedJson)
}

/// Whether the text is one object or array, and nothing else.
pub(crate) fn is_value(text: &str, depth: u32) -> bool {
    text.starts_with(['{', '[']) && value_len(text, depth).is_ok_and(|len| len == text.len())
}

/// The same JSON without control characters and line breaks: outside of strings they become a space, inside an escape.
pub(crate) fn one_line(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(is_break) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            c if is_break(c) && quoted => {
                // a backslash before a raw line break would otherwise escape our own
                if escaped {
                    out.push('\\');
                }
                push_escape(&mut out, c);
            }
            c if is_break(c) => {
                out.truncate(out.trim_end_matches(' ').len());
                out.push(' ');
            }
            ' ' if !quoted && out.ends_with(' ') => {}
            c => out.push(c),
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    Cow::Owned(out)
}

/// Writes a character as the escape that both JSON and the house format have for it.
pub(crate) fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '"' | '\\' | ']' => out.extend(['\\', c]),
        c => {
            out.push_str("\\u");
            let digits = [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(c) >> shift & 15, 16).unwrap_or('0'));
            out.extend(digits);
        }
    }
}

/// The members of an object, each once, not looking into nested ones.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    rest: &'a str,
    depth: u32,
    done: bool,
}

impl<'a> Members<'a> {
    /// The members of the object at the start of `text`; none if there is no `{`, nor a string or the end behind it.
    pub(crate) fn new(text: &'a str, depth: u32) -> Option<Self> {
        let rest = text.trim_ascii_start().strip_prefix('{')?.trim_ascii_start();
        rest.starts_with(['"', '}']).then_some(Self { rest, depth, done: false })
    }

    /// Gives up on the rest of the line.
    fn stop(&mut self, defect: Defect) -> Token<'a> {
        self.done = true;
        Token::Broken(defect)
    }

    /// What it means that the next byte is not the one it must be.
    fn broken(&self) -> Defect {
        if self.rest.is_empty() { Defect::UnterminatedJson } else { Defect::BrokenField }
    }

    /// Takes `bytes` and the spaces behind them.
    fn take(&mut self, bytes: usize) -> &'a str {
        let text = self.rest;
        self.rest = cut(text, bytes, text.len()).trim_ascii_start();
        cut(text, 0, bytes)
    }

    /// Takes the comma behind a member. Where neither it nor `}` stands, the rest is cut off, so that the next call
    /// finds it broken.
    fn comma(&mut self) {
        match self.rest.as_bytes().first() {
            Some(b',') => {
                self.take(1);
            }
            Some(b'}') | None => {}
            Some(_) => self.rest = ":",
        }
    }

    /// Takes a string, from behind its opening quote; the flag tells whether it has escapes.
    fn string(&mut self) -> Option<(&'a str, bool)> {
        let text = cut(self.rest, 1, self.rest.len());
        let (end, escaped) = quote_end(text.as_bytes());
        let inner = cut(text, 0, end?);
        self.take(inner.len() + 2);
        Some((inner, escaped))
    }

    fn value(&mut self) -> Result<Raw<'a>, Defect> {
        match self.rest.as_bytes().first() {
            Some(b'"') => match self.string().ok_or(Defect::UnterminatedJson)? {
                (inner, true) => Ok(Raw::Escaped(inner)),
                (inner, false) => Ok(Raw::Plain(inner)),
            },
            Some(b'{' | b'[') => value_len(self.rest, self.depth).map(|len| Raw::Json(self.take(len))),
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b':');
                match self.rest.as_bytes().iter().position(ends) {
                    None => Err(Defect::UnterminatedJson),
                    Some(0) => Err(Defect::BrokenField),
                    Some(len) => Ok(Raw::Bare(self.take(len))),
                }
            }
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if self.done {
            return None;
        }
        match self.rest.as_bytes().first() {
            Some(b'"') => {}
            Some(b'}') => {
                self.take(1);
                self.done = true;
                return (!self.rest.is_empty()).then_some(Token::Broken(Defect::BrokenField));
            }
            _ => return Some(self.stop(self.broken())),
        }
        let Some((name, _)) = self.string() else { return Some(self.stop(Defect::UnterminatedJson)) };
        if !self.rest.starts_with(':') {
            return Some(self.stop(self.broken()));
        }
        self.take(1);
        match self.value() {
            Ok(value) => {
                self.comma();
                Some(Token::Field(name, value))
            }
            Err(defect) => Some(self.stop(defect)),
        }
    }
}

#[cfg(test)]
mod tests;
