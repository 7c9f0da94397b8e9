//! Base64 and hex in a text: found as long runs of their letters that decode to text, which is then looked at itself.

use std::ops::Range;

use crate::bits::{self, BLOCK};

/// Shorter runs hold nothing that the rules know.
const MIN_BYTES: usize = 16;
/// Letters that are decoded to see whether the rest is worth it.
const PROBE: usize = 12;
/// Digits of hex that are decoded to see whether the rest is worth it.
const HEX_PROBE: usize = 8;

/// Whether this is a letter of base64 as PEM writes it, padding aside.
pub(crate) fn is_standard(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// Calls `found` with the place, padding included, and the meaning of each run that is text in base64 or hex.
pub(crate) fn each(text: &str, mut found: impl FnMut(Range<usize>, &str)) {
    let bytes = text.as_bytes();
    let mut ends = LongRuns::default();
    let mut behind = 0;
    for (n, block) in bytes.chunks(BLOCK).enumerate() {
        let mut long = ends.of_next(bits::of_block(block, is_letter));
        while long != 0 {
            let letter = n * BLOCK + long.trailing_zeros() as usize;
            long &= long - 1;
            if behind <= letter {
                let start = letter + 1 - MIN_BYTES;
                behind = letter + bytes[letter..].iter().take_while(|byte| is_letter(**byte)).count();
                run(text, start..behind, &mut found);
            }
        }
    }
}

/// Finds runs of [`MIN_BYTES`] over block after block, by putting together runs of half the length four times.
#[derive(Default)]
struct LongRuns {
    /// What each step made of the last block.
    last: [u64; MIN_BYTES.ilog2() as usize],
}

impl LongRuns {
    /// Tells at which bytes of a block as many letters as a run has stand in a row, the one at the byte being the last.
    fn of_next(&mut self, letters: u64) -> u64 {
        self.last.iter_mut().enumerate().fold(letters, |runs, (step, last)| {
            let before = runs << (1 << step) | *last >> (64 - (1 << step));
            *last = runs;
            runs & before
        })
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn run(text: &str, span: Range<usize>, found: &mut impl FnMut(Range<usize>, &str)) {
    let Some(letters) = text.get(span.clone()) else { return };
    hex_in(letters, |place, meaning| found(span.start + place.start..span.start + place.end, meaning));
    if !is_likely(letters) {
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
            if let Some(meaning) = meaning(piece).filter(|_| piece.len() < letters.len() && is_likely(piece)) {
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
    let mut start = 0;
    for digits in letters.as_bytes().split(|letter| !letter.is_ascii_hexdigit()) {
        if MIN_BYTES <= digits.len()
            && begins_text(digits)
            && let Some(meaning) = decode_hex(digits).and_then(text_of)
        {
            found(start..start + digits.len(), &meaning);
        }
        start += digits.len() + 1;
    }
}

/// Whether the first digits of hex mean text; those of ids hardly ever do, so nothing is allocated for them.
fn begins_text(digits: &[u8]) -> bool {
    let mut probe = [0; HEX_PROBE / 2];
    let (pairs, _) = digits.as_chunks::<2>();
    let decoded = probe.iter_mut().zip(pairs).all(|(to, pair)| hex_byte(*pair).map(|byte| *to = byte).is_some());
    decoded && HEX_PROBE <= digits.len() && is_text(&probe)
}

fn decode_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (bytes, odd) = digits.as_chunks::<2>();
    odd.is_empty().then(|| bytes.iter().map(|byte| hex_byte(*byte)).collect())?
}

/// The byte that two digits of hex mean.
pub(crate) fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(digits[0])? << 4 | digit(digits[1])?)
}

/// Whether a run is long enough and has letters of both cases, as text in base64 has and ids in hex have not.
fn is_likely(letters: &str) -> bool {
    let holds = |of_kind: fn(&u8) -> bool| letters.bytes().fold(false, |any, byte| any | of_kind(&byte));
    MIN_BYTES <= letters.len() && holds(u8::is_ascii_uppercase) && holds(u8::is_ascii_lowercase)
}

/// What the letters mean, if that is text.
pub(crate) fn meaning(letters: &str) -> Option<String> {
    decode(letters.get(..PROBE)?).filter(|probe| is_text(probe))?;
    text_of(decode(letters)?)
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
