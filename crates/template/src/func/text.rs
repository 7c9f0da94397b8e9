//! Texts: Loki's old functions in Go's order of arguments, sprig's in their own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logql::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::util::interpolate;

use super::{Function, int, plain, text};
use crate::Error;
use crate::run::Run;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    plain("ToLower", 1, 1, |run, args| run.text(text(&args[0])?.to_lowercase())),
    plain("ToUpper", 1, 1, |run, args| run.text(text(&args[0])?.to_uppercase())),
    plain("Replace", 4, 4, |run, args| {
        let most = int(&args[3])?;
        replaced(run, &text(&args[0])?, &text(&args[1])?, &text(&args[2])?, most)
    }),
    plain("Trim", 2, 2, |run, args| run.text(text(&args[0])?.trim_matches(one_of(&text(&args[1])?)))),
    plain("TrimLeft", 2, 2, |run, args| run.text(text(&args[0])?.trim_start_matches(one_of(&text(&args[1])?)))),
    plain("TrimRight", 2, 2, |run, args| run.text(text(&args[0])?.trim_end_matches(one_of(&text(&args[1])?)))),
    plain("TrimPrefix", 2, 2, |run, args| without_prefix(run, &args[0], &args[1])),
    plain("TrimSuffix", 2, 2, |run, args| without_suffix(run, &args[0], &args[1])),
    plain("TrimSpace", 1, 1, |run, args| run.text(text(&args[0])?.trim())),
    plain("lower", 1, 1, |run, args| run.text(text(&args[0])?.to_lowercase())),
    plain("upper", 1, 1, |run, args| run.text(text(&args[0])?.to_uppercase())),
    plain("title", 1, 1, |run, args| run.text(titled(&text(&args[0])?))),
    plain("trunc", 2, 2, truncated),
    plain("substr", 3, 3, part),
    plain("contains", 2, 2, |_, args| Ok(Value::Bool(text(&args[1])?.contains(&*text(&args[0])?)))),
    plain("hasPrefix", 2, 2, |_, args| Ok(Value::Bool(text(&args[1])?.starts_with(&*text(&args[0])?)))),
    plain("hasSuffix", 2, 2, |_, args| Ok(Value::Bool(text(&args[1])?.ends_with(&*text(&args[0])?)))),
    plain("indent", 2, 2, |run, args| indented(run, &args[0], &args[1], "")),
    plain("nindent", 2, 2, |run, args| indented(run, &args[0], &args[1], "\n")),
    plain("replace", 3, 3, |run, args| replaced(run, &text(&args[2])?, &text(&args[0])?, &text(&args[1])?, -1)),
    plain("repeat", 2, 2, |run, args| {
        let (count, text) = (int(&args[0])?, text(&args[1])?);
        let count = usize::try_from(count).map_err(|_| Error::new("negative repeat count"))?;
        run.fits(text.len().saturating_mul(count))?;
        run.text(text.repeat(count))
    }),
    plain("trim", 1, 1, |run, args| run.text(text(&args[0])?.trim())),
    plain("trimAll", 2, 2, |run, args| run.text(text(&args[1])?.trim_matches(one_of(&text(&args[0])?)))),
    plain("trimSuffix", 2, 2, |run, args| without_suffix(run, &args[1], &args[0])),
    plain("trimPrefix", 2, 2, |run, args| without_prefix(run, &args[1], &args[0])),
    plain("alignLeft", 2, 2, |run, args| aligned(run, args, true)),
    plain("alignRight", 2, 2, |run, args| aligned(run, args, false)),
    plain("regexReplaceAll", 3, 3, |run, args| regex_replaced(run, args, false)),
    plain("regexReplaceAllLiteral", 3, 3, |run, args| regex_replaced(run, args, true)),
    plain("count", 2, 2, |run, args| {
        let (regex, text) = (regex(run, &args[0])?, text(&args[1])?);
        run.spend(text.len())?;
        let count = regex.searcher().find_iter(text.as_bytes()).count();
        Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
    }),
    plain("urlencode", 1, 1, |run, args| url_encoded(run, &text(&args[0])?)),
    plain("urlquery", 0, usize::MAX, |run, args| {
        let text = joined(run, args)?;
        url_encoded(run, &text)
    }),
    plain("urldecode", 1, 1, |run, args| {
        let decoded = url_decoded(&text(&args[0])?).ok_or_else(|| Error::new("invalid URL escape"))?;
        run.text(decoded)
    }),
    plain("html", 0, usize::MAX, |run, args| {
        let text = joined(run, args)?;
        escaped(run, &text, |c| match c {
            '\0' => Some("\u{fffd}".to_owned()),
            '"' => Some("&#34;".to_owned()),
            '\'' => Some("&#39;".to_owned()),
            '&' => Some("&amp;".to_owned()),
            '<' => Some("&lt;".to_owned()),
            '>' => Some("&gt;".to_owned()),
            _ => None,
        })
    }),
    plain("js", 0, usize::MAX, |run, args| {
        let text = joined(run, args)?;
        escaped(run, &text, |c| match c {
            '\\' | '\'' | '"' => Some(format!("\\{c}")),
            '<' | '>' | '&' | '=' => Some(format!("\\u{:04X}", u32::from(c))),
            c if c < ' ' => Some(format!("\\u{:04X}", u32::from(c))),
            _ => None,
        })
    }),
    plain("b64enc", 1, 1, |run, args| run.text(STANDARD.encode(&*text(&args[0])?))),
    plain("b64dec", 1, 1, |run, args| match STANDARD.decode(&*text(&args[0])?) {
        Ok(bytes) => run.text(String::from_utf8_lossy(&bytes)),
        Err(_) => run.text("illegal base64 data"),
    }),
];

fn one_of(set: &str) -> impl Fn(char) -> bool + Copy + '_ {
    move |c| set.contains(c)
}

fn without_prefix(run: &mut Run<'_>, value: &Value, prefix: &Value) -> Result<Value, Error> {
    let (value, prefix) = (text(value)?, text(prefix)?);
    run.text(value.strip_prefix(&*prefix).unwrap_or(&value))
}

fn without_suffix(run: &mut Run<'_>, value: &Value, suffix: &Value) -> Result<Value, Error> {
    let (value, suffix) = (text(value)?, text(suffix)?);
    run.text(value.strip_suffix(&*suffix).unwrap_or(&value))
}

/// At most `most` occurrences replaced, all when it is negative; an empty text stands before every character.
fn replaced(run: &mut Run<'_>, text: &str, old: &str, new: &str, most: i64) -> Result<Value, Error> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let found = text.matches(old).take(most).count();
    run.fits(text.len().saturating_add(found.saturating_mul(new.len())))?;
    run.text(text.replacen(old, new, most))
}

/// The first letter of every word in upper case; digits and `_` do not end a word.
fn titled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        let starts =
            if before.is_ascii() { !before.is_ascii_alphanumeric() && before != '_' } else { before.is_whitespace() };
        if starts {
            out.extend(c.to_uppercase())
        } else {
            out.push(c)
        }
        before = c;
    }
    out
}

/// Bytes of a text between two positions; half characters at the ends become replacement characters.
fn bytes(run: &mut Run<'_>, text: &str, start: usize, end: usize) -> Result<Value, Error> {
    let bytes = text.as_bytes().get(start..end).ok_or_else(|| Error::new("slice bounds out of range"))?;
    run.text(String::from_utf8_lossy(bytes))
}

/// The first bytes, or with a negative count the last.
fn truncated(run: &mut Run<'_>, args: &[Value]) -> Result<Value, Error> {
    let (count, text) = (int(&args[0])?, text(&args[1])?);
    let keep = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if keep >= text.len() {
        return Ok(args[1].clone());
    }
    if count < 0 { bytes(run, &text, text.len() - keep, text.len()) } else { bytes(run, &text, 0, keep) }
}

/// `substr start end text`: a negative start is the beginning, an end past the end or negative is the end.
fn part(run: &mut Run<'_>, args: &[Value]) -> Result<Value, Error> {
    let text = text(&args[2])?;
    let start = usize::try_from(int(&args[0])?).unwrap_or(0);
    let end = usize::try_from(int(&args[1])?).unwrap_or(usize::MAX).min(text.len());
    bytes(run, &text, start, end)
}

fn indented(run: &mut Run<'_>, blanks: &Value, value: &Value, before: &str) -> Result<Value, Error> {
    let (blanks, text) = (int(blanks)?, text(value)?);
    let blanks = usize::try_from(blanks).map_err(|_| Error::new("negative repeat count"))?;
    let lines = 1 + text.matches('\n').count();
    run.fits(text.len().saturating_add(blanks.saturating_mul(lines)))?;
    let pad = " ".repeat(blanks);
    run.text(format!("{before}{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

/// Exactly so many characters: cut, or filled with blanks. Nothing happens with a negative count.
fn aligned(run: &mut Run<'_>, args: &[Value], is_left: bool) -> Result<Value, Error> {
    let (count, text) = (int(&args[0])?, text(&args[1])?);
    let Ok(count) = usize::try_from(count) else { return Ok(args[1].clone()) };
    let length = text.chars().count();
    if length == count {
        return Ok(args[1].clone());
    }
    if length > count {
        let skipped = if is_left { 0 } else { length - count };
        return run.text(text.chars().skip(skipped).take(count).collect::<String>());
    }
    run.fits(count)?;
    let blanks = " ".repeat(count - length);
    run.text(if is_left { format!("{text}{blanks}") } else { format!("{blanks}{text}") })
}

/// Compiling costs more than the text of the expression shows.
pub(super) fn regex(run: &mut Run<'_>, value: &Value) -> Result<Regex, Error> {
    let source = text(value)?;
    run.spend(source.len().saturating_mul(256))?;
    Regex::new(&source).map_err(Error::new)
}

/// `regexReplaceAll regex text replacement`
pub(super) fn regex_replaced(run: &mut Run<'_>, args: &[Value], is_literal: bool) -> Result<Value, Error> {
    let (regex, text, replacement) = (regex(run, &args[0])?.searcher(), text(&args[1])?, text(&args[2])?);
    run.spend(text.len())?;
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for captures in regex.captures_iter(text.as_bytes()) {
        let Some(found) = captures.get_match() else { continue };
        out.push_str(text.get(end..found.start()).unwrap_or_default());
        if is_literal {
            out.push_str(&replacement)
        } else {
            expand(&captures, &text, &replacement, &mut out)
        }
        end = found.end();
        run.fits(out.len())?;
        run.spend(0)?;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    run.text(out)
}

/// Puts captures into a replacement: `$1`, `${name}`, `$$`.
fn expand(captures: &Captures, text: &str, replacement: &str, out: &mut String) {
    let name_of = |name: &str| captures.group_info().to_index(captures.pattern()?, name);
    let append = |index: usize, out: &mut String| {
        out.push_str(captures.get_group(index).and_then(|span| text.get(span.range())).unwrap_or_default());
    };
    interpolate::string(replacement, append, name_of, out);
}

/// All arguments printed behind each other.
fn joined(run: &mut Run<'_>, args: &[Value]) -> Result<String, Error> {
    let mut out = String::new();
    for value in args {
        out.push_str(&run.printed(value)?);
    }
    Ok(out)
}

fn escaped(run: &mut Run<'_>, text: &str, escape: impl Fn(char) -> Option<String>) -> Result<Value, Error> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escape(c) {
            Some(escaped) => out.push_str(&escaped),
            None => out.push(c),
        }
    }
    run.text(out)
}

pub(super) fn url_encoded(run: &mut Run<'_>, text: &str) -> Result<Value, Error> {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            byte => write!(out, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    run.text(out)
}

fn url_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit =
                    |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                out.push(high * 16 + low);
            }
            byte => out.push(byte),
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}
