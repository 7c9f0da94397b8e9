//! Replaces the values of named keys within a line: JSON at any depth, also escaped within a text; `key=value` of the
//! house format, logfmt and addresses; `Key: value` of headers. Rather too much is replaced than too little.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memchr2_iter;

/// What stands in place of a value that is hidden.
pub const HIDDEN: &str = "***";

/// The keys whose values are hidden; letters count without regard to case.
#[derive(Clone, Debug)]
pub struct KeyValues {
    /// In lower case.
    names: HashSet<Vec<u8>>,
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
        let names: HashSet<_> = names
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(|name| name.to_ascii_lowercase().into_bytes())
            .collect();
        let longest = names.iter().map(Vec::len).max()?;
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
        let mut end = at;
        while end > 0 && bytes[end - 1] == b' ' && at - end < 4 {
            end -= 1;
        }
        let last = *bytes.get(end.checked_sub(1)?)?;
        if matches!(last, b'"' | b'\'' | b'`') {
            let inner = end - 1;
            let slashes = trailing_slashes(&bytes[..inner]);
            let inner = inner - slashes;
            let from = inner.saturating_sub(self.longest + 1);
            let open = bytes[from..inner].iter().rposition(|byte| *byte == last)? + from;
            return self.is_ours(&bytes[open + 1..inner]).then_some(Key { quote: Some((slashes, last)) });
        }
        let from = end.saturating_sub(self.longest.saturating_mul(4).max(256));
        let word = bytes[from..end].iter().rposition(|byte| !is_of_key(*byte)).map_or(from, |before| from + before + 1);
        self.is_ours(&bytes[word..end]).then_some(Key { quote: None })
    }

    /// Whether this, or its last part, is one of the names.
    fn is_ours(&self, key: &[u8]) -> bool {
        let last = key.iter().rposition(|byte| *byte == b'.').map_or(key, |dot| &key[dot + 1..]);
        [key, last].into_iter().any(|key| key.len() <= self.longest && self.names.contains(&key.to_ascii_lowercase()))
    }
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
        let mut start = delimiter + 1;
        let is_colon = bytes[delimiter] == b':';
        // `a= b=1` has an empty value, `a = 1` has not.
        let is_spaced = is_colon || delimiter.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b' ');
        while is_spaced && bytes.get(start) == Some(&b' ') {
            start += 1;
        }
        let slashes = bytes[start..].iter().take_while(|byte| **byte == b'\\').count();
        match bytes.get(start + slashes) {
            Some(quote @ (b'"' | b'\'' | b'`')) => {
                let start = start + slashes + 1;
                Self { start, end: end_of_quoted(bytes, start, *quote, slashes), is_quoted: true }
            }
            Some(b'{' | b'[') if slashes == 0 => Self { start, end: end_of_nested(bytes, start), is_quoted: false },
            _ if is_colon && key.quote.is_none() => Self { start, end: end_of_text(bytes, start), is_quoted: false },
            _ => Self { start, end: end_of_word(bytes, start), is_quoted: false },
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
            b'"' => at = end_of_quoted(bytes, at + 1, b'"', trailing_slashes(&bytes[start..at])),
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

/// Where a word ends; the word after `Bearer` and its like belongs to it.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b'&' | b'|' | b')' | b'}' | b']' | b'"' | b'<')
    };
    let end = |from: usize| bytes[from..].iter().position(ends).map_or(bytes.len(), |end| from + end);
    let first = end(start);
    let scheme = bytes[start..first].to_ascii_lowercase();
    let is_scheme = matches!(scheme.as_slice(), b"bearer" | b"basic" | b"digest" | b"token");
    if is_scheme && bytes.get(first) == Some(&b' ') { end(first + 1) } else { first }
}

/// Where the value of a header in a text ends.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r' | b',' | b';' | b'|' | b'}' | b']' | b'"');
    bytes[start..].iter().position(ends).map_or(bytes.len(), |end| start + end)
}

#[cfg(test)]
mod tests;
