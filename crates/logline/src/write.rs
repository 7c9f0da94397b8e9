//! The canonical form of a record: what every SDK writes, and what reads back as the same record.

use std::borrow::Cow;

use crate::json::{one_line, push_escape};
use crate::scan::{is_break, is_key_char};
use crate::{Record, Value, time};

/// A key with every character that it cannot have replaced by `_`.
pub(crate) fn key(key: Cow<'_, str>) -> Cow<'_, str> {
    if !key.is_empty() && key.chars().all(is_key_char) {
        return key;
    }
    if key.is_empty() {
        return Cow::Borrowed("_");
    }
    Cow::Owned(key.chars().map(|c| if is_key_char(c) { c } else { '_' }).collect())
}

/// Appends the line.
pub(crate) fn record(record: &Record<'_>, out: &mut String) {
    out.push('[');
    if let Some(time) = record.time {
        time::write(out, time);
    }
    out.push_str("][");
    out.push_str(record.kind.map_or("", |kind| kind.as_str()));
    out.push_str("][");
    escaped(out, &record.endpoint, |c| matches!(c, ']' | '\\') || is_break(c));
    out.push(']');
    for field in &record.fields {
        out.push(' ');
        out.push_str(&field.key);
        out.push('=');
        value(out, &field.value);
    }
}

fn value(out: &mut String, value: &Value<'_>) {
    let text = value.as_str();
    if value.is_json() {
        out.push_str(&one_line(Cow::Borrowed(text)));
    } else if is_bare(text) {
        out.push_str(text);
    } else {
        out.push('"');
        escaped(out, text, |c| matches!(c, '"' | '\\') || is_break(c));
        out.push('"');
    }
}

/// Whether a text reads as itself without quotes, for us and for a logfmt reader.
fn is_bare(text: &str) -> bool {
    let plain = |byte: u8| b' ' < byte && byte < 0x7f && byte != b'"' && byte != b'=';
    let fine = |c: char| !matches!(c, ' ' | '"' | '=') && !is_break(c);
    !text.is_empty() && !text.starts_with(['{', '[']) && (text.bytes().all(plain) || text.chars().all(fine))
}

fn escaped(out: &mut String, text: &str, must: impl Fn(char) -> bool) {
    let mut rest = text;
    while let Some(at) = rest.find(&must) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        if let Some(c) = chars.next() {
            push_escape(out, c);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
