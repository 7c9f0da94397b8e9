//! Base64 and hex in a text: found as long runs of their letters that decode to text, which is then looked at itself.

use std::ops::Range;

use crate::runs::{self, Run, Runs};

/// Shorter runs hold nothing that the rules know.
const MIN_BYTES: usize = 16;
/// Letters that are looked at together.
const HEX_WORD: usize = 8;
/// Letters that are decoded to see whether the rest is worth it.
const PROBE: usize = 12;
/// Digits of hex that are decoded to see whether the rest is worth it.
const HEX_PROBE: usize = 8;

/// Whether this is a letter of base64 as PEM writes it, padding aside.
pub(crate) fn is_standard(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Calls `found` with the place, padding included, and the meaning of each run that is text in base64 or hex; `runs` are
/// the first of the text.
pub(crate) fn each(text: &str, runs: &Runs, mut found: impl FnMut(Range<usize>, &str)) {
    let mut each = |runs: &Runs| {
        runs.iter().for_each(|run| read(text, run, &mut found));
        runs.more()
    };
    let mut more = each(runs);
    while let Some(from) = more {
        more = each(&Runs::of(text.as_bytes(), from));
    }
}

fn read(text: &str, run: &Run, found: &mut impl FnMut(Range<usize>, &str)) {
    let span = run.span();
    let Some(letters) = text.get(span.clone()).filter(|letters| MIN_BYTES <= letters.len()) else { return };
    // Most runs are ids in hex.
    if !run.is_hex || begins_text(letters.as_bytes()) {
        hex_in(letters, |place, meaning| found(span.start + place.start..span.start + place.end, meaning));
    }
    if !run.may_have_capitals || !is_likely(letters) {
        return;
    }
    if let Some(meaning) = meaning(letters) {
        let padding = text.as_bytes().iter().skip(span.end).take(2).take_while(|byte| **byte == b'=').count();
        found(span.start..span.end + padding, &meaning);
        return;
    }
    // What looks like a letter may be a sign beside the run: the slashes of a path, or a dash.
    for signs in [&['/'][..], &['/', '-', '_', '+']] {
        let mut start = span.start;
        let mut any = false;
        for piece in letters.split(signs) {
            let is_candidate = MIN_BYTES <= piece.len() && piece.len() < letters.len() && is_likely(piece);
            if let Some(meaning) = is_candidate.then(|| meaning(piece)).flatten() {
                found(start..start + piece.len(), &meaning);
                any = true;
            }
            start += piece.len() + 1;
        }
        if any {
            return;
        }
    }
}

/// Calls `found` with the place and the meaning of each part of a run that is text in hex, two digits a byte.
fn hex_in(letters: &str, mut found: impl FnMut(Range<usize>, &str)) {
    let bytes = letters.as_bytes();
    let (words, _) = bytes.as_chunks::<HEX_WORD>();
    let digits_of = |side: &[u8]| side.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let mut is_in_part = false;
    // A part that is long enough fills at least one of these words.
    for (n, word) in words.iter().enumerate() {
        let begins = !is_in_part;
        is_in_part = !runs::of_hex(u64::from_le_bytes(*word)) & runs::SEVENTH == 0;
        if !begins || !is_in_part {
            continue;
        }
        let at = n * HEX_WORD;
        let start = at - bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if !begins_text(&bytes[start..]) {
            continue;
        }
        let end = at + digits_of(&bytes[at..]);
        let digits = &bytes[start..end];
        if MIN_BYTES <= digits.len()
            && let Some(meaning) = decode_hex(digits).and_then(text_of)
        {
            found(start..end, &meaning);
        }
    }
}

/// Whether the first eight digits of hex mean text; those of ids hardly ever do, so nothing is allocated for them.
fn begins_text(digits: &[u8]) -> bool {
    let (pairs, _) = digits.as_chunks::<2>();
    let Some(pairs) = pairs.first_chunk::<{ HEX_PROBE / 2 }>() else { return false };
    for pair in pairs {
        match hex_byte(*pair) {
            Some(byte) if byte.is_ascii() && begins_character(byte) => {}
            Some(byte) if begins_character(byte) => {
                let probe = pairs.map(|pair| hex_byte(pair).unwrap_or(0));
                return is_text(&probe);
            }
            _ => return false,
        }
    }
    true
}

fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (bytes, odd) = digits.as_chunks::<2>();
    odd.is_empty().then(|| bytes.iter().map(|byte| hex_byte(*byte)).collect())?
}

/// The byte that two digits of hex mean.
pub(crate) fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

/// Whether a run is long enough and has letters of both cases, as text in base64 has and ids in hex have not.
fn is_likely(letters: &str) -> bool {
    let holds = |of_kind: fn(&u8) -> bool| letters.bytes().fold(false, |any, byte| any | of_kind(&byte));
    MIN_BYTES <= letters.len() && holds(u8::is_ascii_uppercase) && holds(u8::is_ascii_lowercase)
}

/// What the letters mean, if that is text.
pub(crate) fn meaning(letters: &str) -> Option<String> {
    let probe = letters.as_bytes().first_chunk::<PROBE>()?;
    let first = six_bits(probe[0])? << 2 | six_bits(probe[1])? >> 4;
    if !begins_character(first) {
        return None;
    }
    decode(letters.get(..PROBE)?).filter(|probe| is_text(probe))?;
    text_of(decode(letters)?)
}

/// Whether text may begin with this byte.
fn begins_character(byte: u8) -> bool {
    match byte {
        0..=0x7f => !byte.is_ascii_control() || byte.is_ascii_whitespace(),
        _ => matches!(byte, 0xc2..=0xf4),
    }
}

/// Whether bytes are UTF-8, perhaps cut off at the end, without control characters but blanks.
fn is_text(bytes: &[u8]) -> bool {
    let is_whole = std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    is_whole && !bytes.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

fn text_of(mut bytes: Vec<u8>) -> Option<String> {
    if !is_text(&bytes) {
        return None;
    }
    let valid = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
    bytes.truncate(valid);
    String::from_utf8(bytes).ok()
}

/// Decodes either alphabet; bits that make no whole byte at the end are left out.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in letters {
        bits = bits << 6 | u32::from(six_bits(*byte)?);
        count += 6;
        if 8 <= count {
            count -= 8;
            let [.., low] = (bits >> count).to_be_bytes();
            out.push(low);
        }
    }
    Some(out)
}

fn six_bits(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
