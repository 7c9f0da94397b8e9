//! Character classes and escapes of Go expressions.

use regex_automata::util::syntax;

use super::translate::{Error, INVALID_ESCAPE, TRAILING_BACKSLASH, prefix, push_literal};

const INVALID_RANGE: &str = "invalid character class range";
const MISSING_BRACKET: &str = "missing closing ]";

/// Translates the class that `text` begins with into `out`; returns what follows it.
pub(super) fn translate<'a>(text: &'a str, out: &mut String) -> Result<&'a str, Error> {
    let missing = || Error::new(MISSING_BRACKET, text);
    let mut rest = text.split_at(1).1;
    out.push('[');
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    let mut first = true;
    loop {
        if let Some(tail) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return Ok(tail);
        }
        first = false;
        if let Some(tail) = posix(rest, out)? {
            rest = tail;
        } else if let Some(tail) = translate_escape(rest, out, true)? {
            rest = tail;
        } else {
            rest = range(rest, out)?.ok_or_else(missing)?;
        }
    }
}

/// Translates `[:name:]`, if that is what `text` begins with.
fn posix<'a>(text: &'a str, out: &mut String) -> Result<Option<&'a str>, Error> {
    let Some((name, tail)) = text.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
        return Ok(None);
    };
    let whole = prefix(text, text.len() - tail.len());
    let known = matches!(
        name.strip_prefix('^').unwrap_or(name),
        "alnum"
            | "alpha"
            | "ascii"
            | "blank"
            | "cntrl"
            | "digit"
            | "graph"
            | "lower"
            | "print"
            | "punct"
            | "space"
            | "upper"
            | "word"
            | "xdigit"
    );
    if !known {
        return Err(Error::new(INVALID_RANGE, whole));
    }
    out.push_str(whole);
    Ok(Some(tail))
}

/// Translates a character or a range of them; `None` when the text ends first.
fn range<'a>(text: &'a str, out: &mut String) -> Result<Option<&'a str>, Error> {
    let Some((low, rest)) = character(text)? else { return Ok(None) };
    let after_dash = rest.strip_prefix('-').filter(|tail| !tail.is_empty() && !tail.starts_with(']'));
    push_literal(out, low);
    let Some(tail) = after_dash else { return Ok(Some(rest)) };
    let Some((high, rest)) = character(tail)? else { return Ok(None) };
    if high < low {
        return Err(Error::new(INVALID_RANGE, prefix(text, text.len() - rest.len())));
    }
    out.push('-');
    push_literal(out, high);
    Ok(Some(rest))
}

fn character(text: &str) -> Result<Option<(char, &str)>, Error> {
    if text.starts_with('\\') {
        return escaped(text).map(Some);
    }
    let mut chars = text.chars();
    Ok(chars.next().map(|c| (c, chars.as_str())))
}

/// Translates an escape that stands for a set (`\d`, `\pL`), if that is what `text` begins with.
pub(super) fn translate_escape<'a>(text: &'a str, out: &mut String, in_class: bool) -> Result<Option<&'a str>, Error> {
    let mut chars = text.chars();
    if chars.next() != Some('\\') {
        return Ok(None);
    }
    let Some(kind) = chars.next() else { return Ok(None) };
    let set = match kind.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\f\r ",
        'w' => "0-9A-Za-z_",
        'p' => return unicode(text, out).map(Some),
        _ => return Ok(None),
    };
    match (kind.is_ascii_uppercase(), in_class) {
        (false, true) => out.push_str(set),
        (false, false) => out.extend(["[", set, "]"]),
        (true, _) => out.extend(["[^", set, "]"]),
    }
    Ok(Some(chars.as_str()))
}

/// Translates `\pL`, `\p{Greek}`, `\p{^Greek}` and `\P…`; returns what follows.
fn unicode<'a>(text: &'a str, out: &mut String) -> Result<&'a str, Error> {
    let after = text.split_at(2).1;
    let invalid = |rest: &str| Error::new(INVALID_RANGE, prefix(text, text.len() - rest.len()));
    let (name, rest) = match after.strip_prefix('{') {
        Some(inner) => inner.split_once('}').ok_or_else(|| invalid(""))?,
        None => after.split_at(after.chars().next().ok_or_else(|| invalid(""))?.len_utf8()),
    };
    let (name, inverted) = match name.strip_prefix('^') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let kind = if text.starts_with("\\P") != inverted { 'P' } else { 'p' };
    let piece = format!("\\{kind}{{{name}}}");
    let plain = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !plain || syntax::parse(&piece).is_err() {
        return Err(invalid(rest));
    }
    out.push_str(&piece);
    Ok(rest)
}

/// The character that the escape at the start of `text` stands for, and what follows it.
pub(super) fn escaped(text: &str) -> Result<(char, &str), Error> {
    let mut chars = text.chars();
    chars.next();
    let Some(c) = chars.next() else {
        return Err(Error::new(TRAILING_BACKSLASH, ""));
    };
    let rest = chars.as_str();
    let invalid = || Error::new(INVALID_ESCAPE, prefix(text, 1 + c.len_utf8()));
    match c {
        'a' => Ok(('\x07', rest)),
        'f' => Ok(('\x0c', rest)),
        'n' => Ok(('\n', rest)),
        'r' => Ok(('\r', rest)),
        't' => Ok(('\t', rest)),
        'v' => Ok(('\x0b', rest)),
        'x' => hexadecimal(rest).ok_or_else(invalid),
        '0' => octal(text.split_at(1).1).ok_or_else(invalid),
        // A single digit would be a back-reference, which Go does not have.
        '1'..='7' if rest.starts_with(|c| matches!(c, '0'..='7')) => octal(text.split_at(1).1).ok_or_else(invalid),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, rest)),
        _ => Err(invalid()),
    }
}

/// Reads `7F` or `{10FFFF}`.
fn hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, rest))
}

/// Reads up to three octal digits.
fn octal(text: &str) -> Option<(char, &str)> {
    let length = text.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    let (digits, rest) = text.split_at(length);
    Some((char::from_u32(u32::from_str_radix(digits, 8).ok()?)?, rest))
}
