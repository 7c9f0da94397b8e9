//! What a word is, and cutting text into words.

/// Longer words are not in the dictionary; their blocks are remembered as a whole.
pub(super) const MAX_WORD: usize = 128;

/// Whether a byte is part of a word.
pub(super) const fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
        byte += 1;
    }
    table
};

/// Calls `found` with each word of a text.
#[inline]
pub(super) fn each<'t>(text: &'t [u8], mut found: impl FnMut(&'t [u8])) {
    let mut rest = text;
    while let Some(start) = rest.iter().position(|byte| is_word(*byte)) {
        let (_, from) = rest.split_at(start);
        let end = from.iter().position(|byte| !is_word(*byte)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        found(word);
        rest = after;
    }
}
