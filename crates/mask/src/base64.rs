//! Base64 in a text: found as long runs of its letters that decode to text, which is then looked at itself.

use std::ops::Range;

/// Shorter runs hold nothing that the rules know.
const MIN_BYTES: usize = 16;
const STEP: usize = 8;
/// Letters that are decoded to see whether the rest is worth it.
const PROBE: usize = 12;

const LETTERS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        byte += 1;
    }
    table
};

/// Whether this is a letter of base64 as PEM writes it.
pub(crate) fn is_standard(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Calls `found` with the place, padding included, and the meaning of each run that is text in base64.
pub(crate) fn each(text: &str, mut found: impl FnMut(Range<usize>, &str)) {
    let bytes = text.as_bytes();
    let is_letter = |at: usize| LETTERS[usize::from(bytes[at])];
    let mut at = 0;
    // A run of sixteen has two letters a step apart, whatever its start.
    while at + STEP < bytes.len() {
        if !(is_letter(at) && is_letter(at + STEP)) {
            at += STEP;
            continue;
        }
        let start = at - bytes[..at].iter().rev().take_while(|byte| LETTERS[usize::from(**byte)]).count();
        let end = at + bytes[at..].iter().take_while(|byte| LETTERS[usize::from(**byte)]).count();
        run(text, start..end, &mut found);
        at = (end + 1).max(at + STEP);
    }
}

fn run(text: &str, span: Range<usize>, found: &mut impl FnMut(Range<usize>, &str)) {
    let Some(letters) = text.get(span.clone()).filter(|letters| is_likely(letters)) else { return };
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

/// Whether a run is long enough and has letters of both cases, as text in base64 has and ids in hex have not.
fn is_likely(letters: &str) -> bool {
    MIN_BYTES <= letters.len()
        && letters.bytes().any(|byte| byte.is_ascii_uppercase())
        && letters.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// What the letters mean, if that is text.
fn meaning(letters: &str) -> Option<String> {
    let is_text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    } && !bytes.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace());
    decode(letters.get(..PROBE)?).filter(|probe| is_text(probe))?;
    let mut bytes = decode(letters)?;
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
