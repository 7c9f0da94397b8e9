//! One escape: where it ends and what it means.

use super::{Escape, Meaning};
use crate::encoded::hex_byte;

const MAX_REFERENCE: usize = 10;
/// More line breaks than stand escaped at the end of a line.
const MAX_BREAKS: usize = 4;
const REFERENCES: [(&str, char); 14] = [
    ("amp;", '&'),
    ("lt;", '<'),
    ("gt;", '>'),
    ("quot;", '"'),
    ("apos;", '\''),
    ("nbsp;", ' '),
    ("commat;", '@'),
    ("plus;", '+'),
    ("period;", '.'),
    ("colon;", ':'),
    ("equals;", '='),
    ("lpar;", '('),
    ("rpar;", ')'),
    ("dash;", '-'),
];

/// Begins the code of a colour.
const ESC: u8 = 0x1b;
/// Bytes between the bracket and the letter of a colour's code.
const MAX_COLOUR: usize = 24;

/// Whether an escape may begin with this byte.
pub(crate) const MAY_BEGIN: [bool; 256] = {
    let mut table = [false; 256];
    let firsts = [b'\\', b'%', b'&', b'=', ESC, 0xc2, 0xd9, 0xdb, 0xe0, 0xe2, 0xe3, 0xef, 0xf0];
    let mut index = 0;
    while index < firsts.len() {
        table[firsts[index] as usize] = true;
        index += 1;
    }
    table
};

/// Whether a byte may begin an escape, and perhaps some others, which keeps the comparisons few.
pub(super) fn is_sign(byte: u8) -> bool {
    (byte == b'\\') | (byte == ESC) | (byte.wrapping_sub(b'%') < 2) | (byte == b'=') | (byte == 0xc2) | (0xd9 <= byte)
}

/// Whether an escape may begin at `at`, by a quick look at this byte and those behind a sign of quoted-printable.
pub(crate) fn may_begin(bytes: &[u8], at: usize) -> bool {
    match bytes[at..] {
        [b'=', b'4', b'0', ..] => true,
        [b'=', b'c'..=b'f' | b'C'..=b'F', _, b'=', ..] => true,
        [b'=', ..] => false,
        [byte, ..] => MAY_BEGIN[usize::from(byte)],
        [] => false,
    }
}

/// How far to go on where `at` begins no escape: over all of a run of backslashes, else over the byte.
pub(crate) fn length(bytes: &[u8], at: usize) -> usize {
    bytes.iter().skip(at).take_while(|byte| **byte == b'\\').count().max(1)
}

/// Whether nothing but a few escaped line breaks stands between `at` and a quote. They end what the quote would end too,
/// so that a text reads the same without them.
pub(crate) fn is_last_break(bytes: &[u8], mut at: usize) -> bool {
    for _ in 0..=MAX_BREAKS {
        let letter = at + bytes.iter().skip(at).take_while(|byte| **byte == b'\\').count();
        match bytes.get(letter) {
            Some(b'n' | b'r') if at < letter => at = letter + 1,
            last => return last == Some(&b'"'),
        }
    }
    false
}

/// The escape that begins at `at`.
pub(crate) fn read(text: &str, at: usize) -> Option<Escape> {
    let bytes = text.as_bytes();
    if !may_begin(bytes, at) {
        return None;
    }
    match *bytes.get(at)? {
        b'\\' | ESC if let Some(end) = colour_end(bytes, at) => Some(Escape { len: end - at, means: Meaning::Nothing }),
        b'\\' => backslash(bytes, at),
        b'%' => percent(bytes, at),
        b'&' => reference(text.get(at + 1..)?),
        b'=' => quoted_printable(bytes, at),
        _ => wide(text, at),
    }
}

/// The end of the code of a colour that begins at `at`: `ESC[1;33m`, perhaps with the first byte written as `\u001b`.
pub(crate) fn colour_end(bytes: &[u8], at: usize) -> Option<usize> {
    let spelled = |name: &[u8]| {
        let letter = at + length(bytes, at);
        let found = bytes.get(letter..letter + name.len())?;
        found.eq_ignore_ascii_case(name).then_some(letter + name.len())
    };
    let bracket = match bytes.get(at)? {
        &ESC => at + 1,
        b'\\' => [&b"u001b"[..], b"x1b", b"033", b"e"].into_iter().find_map(spelled)?,
        _ => return None,
    };
    let code = bytes.get(bracket..)?.strip_prefix(b"[")?;
    let len = code.iter().take(MAX_COLOUR).position(|byte| !byte.is_ascii_digit() && *byte != b';')?;
    code.get(len)?.is_ascii_alphabetic().then_some(bracket + 1 + len + 1)
}

fn backslash(bytes: &[u8], at: usize) -> Option<Escape> {
    let slashes = length(bytes, at);
    let letter = at + slashes;
    let escape = |len: usize, c| Some(Escape { len: slashes + len, means: Meaning::Char(c) });
    match bytes.get(letter)? {
        b'n' | b'r' => escape(1, '\n'),
        b't' => escape(1, '\t'),
        b'b' | b'f' => escape(1, ' '),
        b'/' => escape(1, '/'),
        b'u' => {
            let unit = unicode(bytes, letter)?;
            let second = || unicode(bytes, letter + 5 + slashes).filter(|_| length(bytes, letter + 5) == slashes);
            match char::decode_utf16([unit]).next()? {
                Ok(c @ ('"' | '\\')) => Some(Escape { len: slashes + 5, means: Meaning::Escaped(c) }),
                Ok(c) => escape(5, plain(c).unwrap_or(c)),
                Err(_) => match char::decode_utf16([unit, second()?]).next()? {
                    Ok(c) => escape(10 + slashes, plain(c).unwrap_or(c)),
                    Err(_) => None,
                },
            }
        }
        b'x' => {
            let one = slashes + 3;
            let unit = |index: usize| {
                let start = at + index * one;
                let is_escape = length(bytes, start) == slashes && bytes.get(start + slashes) == Some(&b'x');
                is_escape.then(|| hex(bytes, start + slashes + 1))?
            };
            utf8(unit).map(|(c, units)| Escape { len: units * one, means: Meaning::Char(c) })
        }
        _ => None,
    }
}

/// The UTF-16 unit of `uXXXX`.
fn unicode(bytes: &[u8], at: usize) -> Option<u16> {
    let [b'u', digits @ ..] = bytes.get(at..at + 5)? else { return None };
    let (high, low) = (hex(digits, 0)?, hex(digits, 2)?);
    Some(u16::from_be_bytes([high, low]))
}

/// `%XX`, as many as make one character. A letter or digit is read only beside another escape, since nobody escapes just
/// one, and `100%41…` is more often a number behind a percent sign.
fn percent(bytes: &[u8], at: usize) -> Option<Escape> {
    let unit = |index: usize| percent_unit(bytes, at + 3 * index);
    let (c, units) = utf8(unit)?;
    let beside = || unit(1).is_some() || at.checked_sub(3).is_some_and(|before| percent_unit(bytes, before).is_some());
    let means = Meaning::Char(plain(c).unwrap_or(c));
    (!c.is_ascii_alphanumeric() || beside()).then_some(Escape { len: 3 * units, means })
}

fn percent_unit(bytes: &[u8], at: usize) -> Option<u8> {
    (bytes.get(at) == Some(&b'%')).then(|| hex(bytes, at + 1))?
}

/// `=XX` of quoted-printable: an at sign, and what is not ASCII. All else would be taken for the value of a field too
/// often, and is not escaped there unless it must be.
fn quoted_printable(bytes: &[u8], at: usize) -> Option<Escape> {
    let unit = |index: usize| (bytes.get(at + 3 * index) == Some(&b'=')).then(|| hex(bytes, at + 3 * index + 1))?;
    let (c, units) = utf8(unit).filter(|(c, _)| *c == '@' || !c.is_ascii())?;
    Some(Escape { len: 3 * units, means: Meaning::Char(plain(c).unwrap_or(c)) })
}

/// The first character of the UTF-8 that `unit` gives byte by byte, and how many bytes it has.
fn utf8(unit: impl Fn(usize) -> Option<u8>) -> Option<(char, usize)> {
    let first = unit(0)?;
    let len = match first {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [first, 0, 0, 0];
    for (index, byte) in bytes.iter_mut().enumerate().take(len).skip(1) {
        *byte = unit(index)?;
    }
    let c = std::str::from_utf8(bytes.get(..len)?).ok()?.chars().next()?;
    Some((c, len))
}

/// A character reference of HTML, without its `&`.
fn reference(rest: &str) -> Option<Escape> {
    if let Some((name, c)) = REFERENCES.iter().find(|(name, _)| rest.starts_with(name)) {
        return Some(Escape { len: 1 + name.len(), means: Meaning::Char(*c) });
    }
    let number = rest.strip_prefix('#')?;
    let end = number.bytes().take(MAX_REFERENCE).position(|byte| byte == b';')?;
    let digits = number.get(..end)?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let c = char::from_u32(code)?;
    Some(Escape { len: 2 + end + 1, means: Meaning::Char(plain(c).unwrap_or(c)) })
}

/// A character that has a plain twin, or cannot be seen. Dashes count only behind a digit or bracket, since prose is full
/// of them.
fn wide(text: &str, at: usize) -> Option<Escape> {
    let c = text.get(at..)?.chars().next()?;
    let len = c.len_utf8();
    if is_invisible(c) {
        return Some(Escape { len, means: Meaning::Nothing });
    }
    let twin = plain(c)?;
    let behind_number = || {
        let before = text.get(..at).and_then(|left| left.chars().next_back());
        before.is_some_and(|c| c.is_ascii_digit() || c == ')' || plain(c).is_some_and(|c| c.is_ascii_digit()))
    };
    (twin != '-' || behind_number()).then_some(Escape { len, means: Meaning::Char(twin) })
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Whether a character is a blank that is wider or narrower than the plain one, or breaks no line.
pub(crate) fn is_wide_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// The ASCII character that this one looks like.
fn plain(c: char) -> Option<char> {
    let digit = |zero: u32| char::from_digit(u32::from(c).checked_sub(zero)?, 10);
    match c {
        _ if is_wide_blank(c) => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' => Some('-'),
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{966}'..='\u{96f}' => digit(0x966),
        '\u{1d7ce}'..='\u{1d7ff}' => char::from_digit((u32::from(c) - 0x1d7ce) % 10, 10),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u8> {
    hex_byte(*bytes.get(at..)?.first_chunk()?)
}
