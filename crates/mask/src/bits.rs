//! Which bytes of a text are of a kind, 64 at a time: compilers make vector instructions of it.

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 64;

/// Which bytes of a block are of which kind: bit n tells of byte n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    pub(crate) digits: u64,
    /// Letters and digits of ASCII.
    pub(crate) words: u64,
    /// What base64 is written in, in either alphabet.
    pub(crate) letters: u64,
    /// What may begin something of ours and is no digit; perhaps more than that.
    pub(crate) signs: u64,
}

/// The kinds of the bytes from `start` on; behind the end of the text stands nothing.
#[inline(never)]
pub(crate) fn kinds(bytes: &[u8], start: usize) -> Kinds {
    let mut padding = [0; BLOCK];
    let (block, missing) = block(bytes, start, &mut padding);
    let [digits, words, letters, signs] =
        full(block, |byte| [is_digit(byte), is_word(byte), is_letter(byte), is_sign(byte)]).map(|bits| bits >> missing);
    Kinds { digits, words, letters, signs }
}

/// Which of the bytes from `start` on are of the kind, which zeros must not be.
pub(crate) fn of_kind(bytes: &[u8], start: usize, is_of_kind: impl Fn(u8) -> bool) -> u64 {
    let mut padding = [0; BLOCK];
    let (block, missing) = block(bytes, start, &mut padding);
    let [bits] = full(block, |byte| [is_of_kind(byte)]);
    bits >> missing
}

/// Whether this is a letter of base64, in either alphabet.
pub(crate) fn is_letter(byte: u8) -> bool {
    is_word(byte) | ((byte | 4) == b'/') | (byte == b'-') | (byte == b'_')
}

fn is_digit(byte: u8) -> bool {
    byte.wrapping_sub(b'0') < 10
}

fn is_word(byte: u8) -> bool {
    is_digit(byte) | ((byte | 0x20).wrapping_sub(b'a') < 26)
}

/// More bytes than it must be, which keeps the comparisons few: those from `:` to `=` are taken together with the one that
/// begins colour codes.
fn is_sign(byte: u8) -> bool {
    ((byte | 0x20).wrapping_sub(b':') < 4)
        | (byte == b'@')
        | (byte == b'\\')
        | (byte.wrapping_sub(b'%') < 2)
        | (byte == 0xc2)
        | (0xd9 <= byte)
}

/// The first set bit that is not before bit `from`.
pub(crate) fn first(bits: u64, from: usize) -> Option<usize> {
    let left = bits.checked_shr(u32::try_from(from).ok()?).filter(|left| *left != 0)?;
    Some(from + left.trailing_zeros() as usize)
}

/// The block that begins at `start`, or ends with the text and begins so many bytes before.
fn block<'b>(bytes: &'b [u8], start: usize, padding: &'b mut [u8; BLOCK]) -> (&'b [u8; BLOCK], usize) {
    let rest = bytes.get(start..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return (block, 0);
    }
    match bytes.last_chunk() {
        Some(block) if !rest.is_empty() => (block, BLOCK - rest.len()),
        _ => {
            padding[..rest.len()].copy_from_slice(rest);
            (padding, 0)
        }
    }
}

/// For each kind: bit n of byte m of its 16 bytes, and then of its 8, tells of byte 8n + m of the block; turned by the
/// diagonal, the bits stand in order. The loops are as they are so that no lane of a vector is ever alone.
fn full<const N: usize>(block: &[u8; BLOCK], of_kinds: impl Fn(u8) -> [bool; N]) -> [u64; N] {
    let mut rows = [[0_u8; 16]; N];
    let (chunks, _) = block.as_chunks::<16>();
    for (n, chunk) in chunks.iter().enumerate() {
        for (lane, byte) in chunk.iter().enumerate() {
            let bit = if lane < 8 { 1 << (2 * n) } else { 2 << (2 * n) };
            for (rows, is_of_kind) in rows.iter_mut().zip(of_kinds(*byte)) {
                rows[lane] |= if is_of_kind { bit } else { 0 };
            }
        }
    }
    let mut kinds = rows.map(|row| {
        let (halves, _) = row.as_chunks::<8>();
        u64::from_le_bytes(halves[0]) | u64::from_le_bytes(halves[1])
    });
    for (by, kept) in [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0xf0f0_f0f0)] {
        for rows in &mut kinds {
            let moved = (*rows ^ *rows >> by) & kept;
            *rows = *rows ^ moved ^ moved << by;
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_tells_of_its_byte() {
        let text: Vec<u8> = (0..=255).cycle().map(|n: u8| n.wrapping_mul(7)).take(400).collect();
        for (len, start) in (0..400).flat_map(|len| [(len, 0), (len, 64), (len, 128), (len, len / 64 * 64)]) {
            let bytes = &text[..len];
            let kinds = kinds(bytes, start);
            let of = |is_of_kind: fn(u8) -> bool| {
                (0..BLOCK).fold(0, |bits, n| match bytes.get(start + n) {
                    Some(byte) if is_of_kind(*byte) => bits | 1 << n,
                    _ => bits,
                })
            };
            let wanted = Kinds { digits: of(is_digit), words: of(is_word), letters: of(is_letter), signs: of(is_sign) };
            assert_eq!(kinds, wanted, "{len} bytes from {start} on");
            assert_eq!(of_kind(bytes, start, is_sign), kinds.signs);
        }
    }

    #[test]
    fn kinds_hold_what_they_are_named_for() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_digit(byte), byte.is_ascii_digit());
            assert_eq!(is_word(byte), byte.is_ascii_alphanumeric());
            assert_eq!(is_letter(byte), byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte));
        }
    }

    #[test]
    fn the_first_bit_is_found_from_any_place_on() {
        assert_eq!(first(0b1010, 0), Some(1));
        assert_eq!(first(0b1010, 2), Some(3));
        assert_eq!(first(0b1010, 4), None);
        assert_eq!(first(1 << 63, 63), Some(63));
        assert_eq!(first(u64::MAX, 64), None);
        assert_eq!(first(u64::MAX, 1 << 40), None);
    }
}
