//! Reads the escapes under which personal data hides in logs: `%XX` of URLs and `\uXXXX` of JSON.

use std::borrow::Cow;

/// The byte that `%XX` at `at` stands for.
pub(crate) fn percent(bytes: &[u8], at: usize) -> Option<u8> {
    match bytes.get(at..at + 3)? {
        [b'%', high, low] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// The UTF-16 unit that `uXXXX` at `at`, after its backslashes, stands for.
pub(crate) fn unicode(bytes: &[u8], at: usize) -> Option<u16> {
    let [b'u', digits @ ..] = bytes.get(at..at + 5)? else { return None };
    digits.iter().try_fold(0, |unit: u16, digit| Some(unit << 4 | u16::from(hex(*digit)?)))
}

/// The text without escapes; borrowed when it has none.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '\\']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = at + bytes.iter().skip(at).take_while(|byte| **byte == b'\\').count();
        if let Some(decoded) = percent(bytes, at) {
            out.push(decoded);
            at += 3;
        } else if let Some(c) = unicode(bytes, escape).filter(|_| at < escape).map(|unit| char::from_u32(unit.into())) {
            out.extend(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]).bytes());
            at = escape + 5;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
