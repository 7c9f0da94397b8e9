//! Which bytes of a text are of a kind, 64 at a time: compilers make vector instructions of it.

/// Bytes that are looked at together.
pub(crate) const BLOCK: usize = 64;

/// Bit n tells whether byte n of the block is of the kind; a short block ends with bytes that are none.
pub(crate) fn of_block(block: &[u8], is_of_kind: impl Fn(u8) -> bool + Copy) -> u64 {
    if let Ok(block) = block.try_into() {
        return full(block, is_of_kind);
    }
    let mut padded = [0; BLOCK];
    let len = block.len().min(BLOCK);
    padded[..len].copy_from_slice(&block[..len]);
    full(&padded, is_of_kind) & ((1 << len) - 1)
}

/// The first set bit that is not before bit `from`.
pub(crate) fn first(bits: u64, from: usize) -> Option<usize> {
    let left = bits.checked_shr(u32::try_from(from).ok()?).filter(|left| *left != 0)?;
    Some(from + left.trailing_zeros() as usize)
}

fn full(block: &[u8; BLOCK], is_of_kind: impl Fn(u8) -> bool) -> u64 {
    /// Brings the lowest bit of byte n of a word to bit 56 + n.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let flags = block.map(|byte| u8::from(is_of_kind(byte)));
    let (words, _) = flags.as_chunks::<8>();
    let bytes = words.iter().enumerate();
    bytes.fold(0, |bits, (n, word)| bits | (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56) << (8 * n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_tells_of_its_byte() {
        for len in 0..=BLOCK {
            let block: Vec<u8> = (0..len).map(|n| if n % 3 == 0 || n == 61 { b'1' } else { b'a' }).collect();
            let bits = of_block(&block, |byte| byte == b'1' || byte == 0);
            for n in 0..BLOCK {
                assert_eq!(bits >> n & 1 == 1, block.get(n) == Some(&b'1'), "byte {n} of {len}");
            }
        }
    }
}
