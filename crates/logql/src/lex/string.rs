//! Quoted strings: `"…"` with Go's escapes, and raw ones in back-ticks.

use super::{Lexer, Token};
use crate::Error;

const UNTERMINATED: &str = "literal not terminated";
const BAD_ESCAPE: &str = "invalid char escape";

impl<'a> Lexer<'a> {
    pub(super) fn string(&mut self, start: usize) -> Result<String, Error> {
        let inner = self.rest.split_at(1).1;
        let (value, length) = match self.rest.starts_with('`') {
            true => inner.split_once('`').map(|(text, _)| (text.to_owned(), text.len())).ok_or(UNTERMINATED),
            false => unquote(inner, '"'),
        }
        .map_err(|message| self.error(start, message))?;
        self.skip(length + 2);
        Ok(value)
    }

    /// A character in single quotes means nothing in LogQL; anything else in them is an error.
    pub(super) fn character(&mut self, start: usize) -> Result<Token<'a>, Error> {
        let inner = self.rest.split_at(1).1;
        let (value, length) = unquote(inner, '\'').map_err(|message| self.error(start, message))?;
        if value.chars().count() != 1 {
            return Err(self.error(start, "illegal char literal"));
        }
        self.skip(length + 2);
        Ok(Token::Unknown)
    }
}

/// The value of the text up to `quote`, and the length of that text.
fn unquote(text: &str, quote: char) -> Result<(String, usize), &'static str> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let plain = rest.find(['\\', '\n', quote]).ok_or(UNTERMINATED)?;
        let (head, tail) = rest.split_at(plain);
        value.extend_from_slice(head.as_bytes());
        let mut chars = tail.chars();
        match chars.next() {
            Some('\\') => rest = escape(chars.as_str(), quote, &mut value)?,
            Some(c) if c == quote => {
                let value = String::from_utf8(value).map_err(|_| "invalid UTF-8 rune")?;
                return Ok((value, text.len() - tail.len()));
            }
            _ => return Err(UNTERMINATED),
        }
    }
}

/// Appends what the escape stands for whose text after `\` is `text`; returns what follows it.
fn escape<'t>(text: &'t str, quote: char, value: &mut Vec<u8>) -> Result<&'t str, &'static str> {
    let mut chars = text.chars();
    let kind = chars.next().ok_or(UNTERMINATED)?;
    let rest = chars.as_str();
    let byte = match kind {
        'a' => b'\x07',
        'b' => b'\x08',
        'f' => b'\x0c',
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => b'\x0b',
        '\\' => b'\\',
        '"' | '\'' if kind == quote => {
            if quote == '"' {
                b'"'
            } else {
                b'\''
            }
        }
        'x' => return code(rest, 2, 16).and_then(|(code, rest)| push_byte(code, value).map(|()| rest)),
        '0'..='7' => return code(text, 3, 8).and_then(|(code, rest)| push_byte(code, value).map(|()| rest)),
        'u' => return code(rest, 4, 16).and_then(|(code, rest)| push_char(code, value).map(|()| rest)),
        'U' => return code(rest, 8, 16).and_then(|(code, rest)| push_char(code, value).map(|()| rest)),
        _ => return Err(BAD_ESCAPE),
    };
    value.push(byte);
    Ok(rest)
}

/// Reads exactly `length` digits.
fn code(text: &str, length: usize, radix: u32) -> Result<(u32, &str), &'static str> {
    let (digits, rest) = text.split_at_checked(length).ok_or(BAD_ESCAPE)?;
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(BAD_ESCAPE);
    }
    Ok((u32::from_str_radix(digits, radix).map_err(|_| BAD_ESCAPE)?, rest))
}

fn push_byte(code: u32, value: &mut Vec<u8>) -> Result<(), &'static str> {
    value.push(u8::try_from(code).map_err(|_| "invalid syntax")?);
    Ok(())
}

fn push_char(code: u32, value: &mut Vec<u8>) -> Result<(), &'static str> {
    let c = char::from_u32(code).ok_or("invalid syntax")?;
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}
