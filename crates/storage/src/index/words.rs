//! What a word is, and cutting text into words.

use std::ops::Range;

/// Longer words are not in the dictionary; their blocks are remembered as a whole.
pub(super) const MAX_WORD: usize = 128;

/// Whether a byte is part of a word.
pub(crate) const fn is_word(byte: u8) -> bool {
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

/// Odd, and as many ones as zeros.
pub(super) const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Calls `found` with the place of each word of a text.
#[inline]
pub(super) fn each(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    let (mut start, mut is_inside, mut last) = (0, false, 0);
    for (n, block) in text.chunks(BLOCK).enumerate() {
        let words = words_of(block);
        // A bit for each place at which a word begins or has ended.
        let mut borders = words ^ (words << 1 | last);
        last = words >> (BLOCK - 1);
        while borders != 0 {
            let at = n * BLOCK + borders.trailing_zeros() as usize;
            borders &= borders - 1;
            if is_inside {
                found(start..at);
            }
            (start, is_inside) = (at, !is_inside);
        }
    }
    if is_inside {
        found(start..text.len());
    }
}

/// A word's hash; seeded, so that nobody can choose words that collide.
#[inline]
pub(crate) fn word_hash(seed: u64, word: &[u8]) -> u64 {
    let mut state = seed ^ (word.len() as u64).wrapping_mul(FACTOR);
    // The last eight bytes, or four, may be read twice.
    let last = if let Some(last) = word.last_chunk::<8>() {
        let (eights, _) = word.as_chunks::<8>();
        for eight in eights.iter().take((word.len() - 1) / 8) {
            state = folded(state ^ u64::from_le_bytes(*eight));
        }
        u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (word.first_chunk::<4>(), word.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
    } else {
        word.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    // Never zero, which stands for no word.
    folded(state ^ last) | 1
}

/// Mixes the bits of a number.
#[inline]
pub(crate) fn folded(number: u64) -> u64 {
    let wide = u128::from(number) * u128::from(FACTOR);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    let (low, high) = (wide as u64, (wide >> 64) as u64);
    low ^ high
}

/// A bit for each byte that is part of a word; a short block ends with bytes that are not.
fn words_of(block: &[u8]) -> u64 {
    if let Ok(block) = block.try_into() {
        return words_of_full(block);
    }
    let mut padded = [0; BLOCK];
    padded.iter_mut().zip(block).for_each(|(to, from)| *to = *from);
    words_of_full(&padded)
}

/// Written so that compilers make vector instructions of it.
fn words_of_full(block: &[u8; BLOCK]) -> u64 {
    /// Brings the lowest bit of byte n of eight bytes to bit 56 + n.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|byte| {
        let (letter, digit) = ((byte | 0x20).wrapping_sub(b'a') < 26, byte.wrapping_sub(b'0') < 10);
        u8::from(letter | digit | (byte == b'_') | (0x80 <= byte))
    });
    let eights = flags.as_chunks::<8>().0.iter().enumerate();
    eights.fold(0, |bits, (n, eight)| bits | (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) << (8 * n))
}
