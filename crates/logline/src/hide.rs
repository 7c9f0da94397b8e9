//! Replaces the values of named keys within a line: JSON at any depth, also escaped within a text; `key=value` of the
//! house format, logfmt and addresses, in colours or without; `Key: value` of headers. Rather too much is replaced than
//! too little.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memchr2_iter;

/// What stands in place of a value that is hidden.
pub const HIDDEN: &str = "***";

/// The keys whose values are hidden; letters count without regard to case.
#[derive(Clone, Debug)]
pub struct KeyValues {
    /// In lower case.
    names: HashSet<String>,
    longest: usize,
}

/// A key in front of its `=` or `:`.
struct Key {
    /// Backslashes in front of its quotes, and the quote; `None` for a bare one.
    quote: Option<(usize, u8)>,
}

impl KeyValues {
    /// `None` when there is no name.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let names: HashSet<_> = names.into_iter().filter(|name| !name.is_empty()).map(str::to_lowercase).collect();
        let longest = names.iter().map(String::len).max()?;
        Some(Self { names, longest })
    }

    /// The line without the values; the same line when none of the keys is in it.
    pub fn hidden<'l>(&self, line: &'l str) -> Cow<'l, str> {
        let bytes = line.as_bytes();
        let mut out = String::new();
        let mut done = 0;
        for at in memchr2_iter(b'=', b':', bytes) {
            if at < done {
                continue;
            }
            let Some(key) = self.key_before(bytes, at) else { continue };
            let value = Value::after(bytes, at, &key);
            let (Some(kept), true) = (line.get(done..value.start), value.start < value.end) else { continue };
            out.push_str(kept);
            value.write(&mut out, &key);
            done = value.end;
        }
        if done == 0 {
            return Cow::Borrowed(line);
        }
        out.push_str(line.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// The key that ends in front of `at`, if it is one of ours.
    fn key_before(&self, bytes: &[u8], at: usize) -> Option<Key> {
        let behind_quote =
            Some(before_blanks(bytes, at)).filter(|end| matches!(bytes[..*end].last(), Some(b'"' | b'\'' | b'`')));
        let near = bytes[..at].iter().rev().take(4).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let end = behind_quote.unwrap_or_else(|| without_colour(bytes, at - near));
        let last = *bytes.get(end.checked_sub(1)?)?;
        let window = self.longest.saturating_mul(LONGEST_SPELLING).max(256);
        if matches!(last, b'"' | b'\'' | b'`') {
            let inner = end - 1;
            let slashes = trailing_slashes(&bytes[..inner]);
            let inner = inner - slashes;
            let from = inner.saturating_sub(window);
            let open = bytes[from..inner].iter().rposition(|byte| *byte == last)? + from;
            return self.is_ours(&bytes[open + 1..inner]).then_some(Key { quote: Some((slashes, last)) });
        }
        let from = end.saturating_sub(window);
        let word = bytes[from..end].iter().rposition(|byte| !is_of_key(*byte)).map_or(from, |before| from + before + 1);
        self.is_ours(&bytes[behind_colour(bytes, word, end)..end]).then_some(Key { quote: None })
    }

    /// Whether this, or its last part, is one of the names.
    fn is_ours(&self, key: &[u8]) -> bool {
        let last = key.iter().rposition(|byte| *byte == b'.').map_or(key, |dot| &key[dot + 1..]);
        [key, last].into_iter().any(|key| self.is_named(key))
    }

    fn is_named(&self, key: &[u8]) -> bool {
        let is_plain = key.is_ascii() && !key.contains(&b'\\');
        if is_plain && self.longest < key.len() {
            return false;
        }
        std::str::from_utf8(key).is_ok_and(|key| self.names.contains(&unescaped(key).to_lowercase()))
    }
}

/// A letter of a name may be written with so many bytes, as `\\\\u0438` is.
const LONGEST_SPELLING: usize = 16;

/// A key without the escapes of JSON: `\u0438мя`, also with several backslashes where JSON stands within a text.
fn unescaped(key: &str) -> Cow<'_, str> {
    if !key.contains('\\') {
        return Cow::Borrowed(key);
    }
    let mut units: Vec<u16> = Vec::with_capacity(key.len());
    let mut rest = key;
    while let Some(next) = rest.chars().next() {
        let behind = rest.trim_start_matches('\\');
        let digits = behind.strip_prefix('u').and_then(|digits| digits.get(..4)).filter(|_| next == '\\');
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                units.push(unit);
                rest = behind.get(5..).unwrap_or_default();
            }
            None => {
                units.extend_from_slice(next.encode_utf16(&mut [0; 2]));
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// Where what stands in front of blanks ends: JSON may have any number of any of them, also escaped within a text.
fn before_blanks(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    loop {
        match bytes[..end] {
            [.., last] if is_blank(last) => end -= 1,
            [.., b'\\', b'n' | b'r' | b't'] => end -= 1 + trailing_slashes(&bytes[..end - 1]),
            _ => return end,
        }
    }
}

/// Bytes of the blank that begins here, as [`before_blanks`] knows them.
fn blank(bytes: &[u8], start: usize) -> usize {
    let slashes = bytes[start..].iter().take_while(|byte| **byte == b'\\').count();
    match bytes.get(start + slashes) {
        Some(byte) if slashes == 0 && is_blank(*byte) => 1,
        Some(b'n' | b'r' | b't') if slashes > 0 => slashes + 1,
        _ => 0,
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where a key ends that has colours set back behind it: `\u{1b}[0m`.
fn without_colour(bytes: &[u8], end: usize) -> usize {
    let Some(before) = bytes[..end].strip_suffix(b"m") else { return end };
    let codes = before.iter().rev().take_while(|byte| is_of_colour(**byte)).count();
    before[..before.len() - codes].strip_suffix(b"\x1b[").map_or(end, <[u8]>::len)
}

/// Where the key begins in a word that begins with the end of a colour: `36memail` of `\u{1b}[36memail`.
fn behind_colour(bytes: &[u8], word: usize, end: usize) -> usize {
    let digits = bytes[word..end].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !bytes[word + digits..end].starts_with(b"m") {
        return word;
    }
    let codes = bytes[..word].iter().rev().take_while(|byte| is_of_colour(**byte)).count();
    if bytes[..word - codes].ends_with(b"\x1b[") { word + digits + 1 } else { word }
}

/// Bytes of the colour that begins here.
fn colour(bytes: &[u8], start: usize) -> usize {
    let Some(codes) = bytes[start..].strip_prefix(b"\x1b[") else { return 0 };
    let length = codes.iter().take_while(|byte| is_of_colour(**byte)).count();
    if codes.get(length) == Some(&b'm') { length + 3 } else { 0 }
}

const fn is_of_colour(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b';'
}

/// A value within a line: what is replaced.
struct Value {
    start: usize,
    end: usize,
    /// Whether its quotes stay around it.
    is_quoted: bool,
}

impl Value {
    fn after(bytes: &[u8], delimiter: usize, key: &Key) -> Self {
        let is_colon = bytes[delimiter] == b':';
        // Ruby writes `"a" => 1`.
        let is_arrow = !is_colon && bytes.get(delimiter + 1) == Some(&b'>');
        let mut start = delimiter + 1 + usize::from(is_arrow);
        // `a= b=1` has an empty value, `a = 1` has not.
        let before = delimiter.checked_sub(1).and_then(|before| bytes.get(before));
        let is_spaced = is_colon || is_arrow || matches!(before, Some(b' ' | b'\t'));
        while let Some(byte) = bytes.get(start) {
            let skipped = match byte {
                b' ' | b'\t' if is_spaced => 1,
                // JSON has any number of any blanks.
                _ if key.quote.is_some() && blank(bytes, start) > 0 => blank(bytes, start),
                _ => colour(bytes, start),
            };
            if skipped == 0 {
                break;
            }
            start += skipped;
        }
        let slashes = bytes[start..].iter().take_while(|byte| **byte == b'\\').count();
        match bytes.get(start + slashes) {
            Some(quote @ (b'"' | b'\'' | b'`')) => {
                let start = start + slashes + 1;
                Self { start, end: end_of_quoted(bytes, start, *quote, slashes), is_quoted: true }
            }
            Some(b'{' | b'[') if slashes == 0 => Self { start, end: end_of_nested(bytes, start), is_quoted: false },
            _ if is_colon && key.quote.is_none() => Self { start, end: end_of_text(bytes, start), is_quoted: false },
            // A bare value of a quoted key is JSON: a number or a word.
            _ => Self { start, end: end_of_word(bytes, start, key.quote.is_some()), is_quoted: false },
        }
    }

    fn write(&self, out: &mut String, key: &Key) {
        // A bare value of a quoted key is JSON, and stays JSON.
        let quote = key.quote.filter(|_| !self.is_quoted);
        let quote =
            quote.map(|(slashes, quote)| format!("{}{}", "\\".repeat(slashes), char::from(quote))).unwrap_or_default();
        out.push_str(&quote);
        out.push_str(HIDDEN);
        out.push_str(&quote);
    }
}

fn trailing_slashes(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| **byte == b'\\').count()
}

const fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'@') || byte >= 0x80
}

/// Where a text ends whose quotes have so many backslashes in front; at the end of the line if nowhere before.
fn end_of_quoted(bytes: &[u8], start: usize, quote: u8, slashes: usize) -> usize {
    let mut at = start;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == quote) {
        let found = at + found;
        let run = trailing_slashes(&bytes[start..found]);
        if run % (2 * (slashes + 1)) == slashes {
            return found - slashes;
        }
        at = found + 1;
    }
    bytes.len()
}

/// Where an object or list ends.
fn end_of_nested(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let slashes = trailing_slashes(&bytes[start..at]);
                at = end_of_quoted(bytes, at + 1, b'"', slashes) + slashes;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Where a word ends; the word after `Bearer` and its like belongs to it. Unless it is JSON, what separates words ends
/// it only before another key, or where nothing follows that could be more of the value.
fn end_of_word(bytes: &[u8], start: usize, is_json: bool) -> usize {
    let end = |from: usize| {
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            if byte.is_ascii_whitespace() || matches!(byte, b'&' | b'"') {
                break;
            }
            let run = bytes[at..].iter().take_while(|byte| is_separator(**byte)).count();
            if run > 0 && (is_json || !goes_on(bytes, at + run)) {
                break;
            }
            at += run.max(1);
        }
        at
    };
    let first = end(start);
    let scheme = bytes[start..first].to_ascii_lowercase();
    let is_scheme = matches!(scheme.as_slice(), b"bearer" | b"basic" | b"digest" | b"token");
    if is_scheme && bytes.get(first) == Some(&b' ') { end(first + 1) } else { first }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b';' | b'|' | b')' | b'}' | b']' | b'<')
}

/// Whether what stands behind separators may be more of a value: letters that are no key.
fn goes_on(bytes: &[u8], at: usize) -> bool {
    let word = bytes[at..].iter().take_while(|byte| is_of_key(**byte)).count();
    word > 0 && !matches!(bytes.get(at + word), Some(b'=' | b':'))
}

/// Where the value of a header in a text ends: at the end of the text, or where another header begins.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' | b'\r' | b'|' | b'}' | b']' => break,
            b',' | b';' if begins_header(&bytes[at + 1..]) => break,
            b'"' => {
                let slashes = trailing_slashes(&bytes[start..at]);
                // `realm="…"` is part of the value, a quote by itself ends the text around it.
                if bytes[start..at - slashes].last() != Some(&b'=') {
                    break;
                }
                at = end_of_quoted(bytes, at + 1, b'"', slashes) + slashes;
            }
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

/// Whether another `Key: value` begins here.
fn begins_header(bytes: &[u8]) -> bool {
    let blanks = bytes.iter().take_while(|byte| **byte == b' ').count();
    let word = bytes[blanks..].iter().take_while(|byte| is_of_key(**byte)).count();
    word > 0 && bytes.get(blanks + word) == Some(&b':')
}

#[cfg(test)]
mod tests;
