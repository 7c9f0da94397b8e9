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

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Calls `found` with each word of a text.
#[inline]
pub(super) fn each<'t>(text: &'t [u8], mut found: impl FnMut(&'t [u8])) {
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
                found(text.get(start..at).unwrap_or_default());
            }
            (start, is_inside) = (at, !is_inside);
        }
    }
    if is_inside {
        found(text.get(start..).unwrap_or_default());
    }
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
