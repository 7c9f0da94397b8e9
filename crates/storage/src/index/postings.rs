//! The blocks of a word, as bytes: one number for one block, gaps for a few, bits for many.

use super::{Blocks, Damaged, varint};

/// Writes ascending blocks; `len` is the number of blocks in the file.
pub(super) fn write(out: &mut Vec<u8>, blocks: &[u32], len: usize) {
    if let [only] = blocks {
        return varint::write(out, u64::from(*only) << 1 | 1);
    }
    let start = out.len();
    varint::write(out, (blocks.len() as u64) << 1);
    let mut next = 0;
    for block in blocks {
        varint::write(out, u64::from(block - next));
        next = block + 1;
    }
    if len.div_ceil(8) + 1 < out.len() - start {
        out.truncate(start);
        out.push(0);
        let mut bits = Blocks::none(len);
        blocks.iter().for_each(|block| bits.insert(*block as usize));
        out.extend(bits.to_bytes());
    }
}

/// Takes the blocks of one word off the front and adds them to `into`; skips them without one.
pub(super) fn read(bytes: &mut &[u8], len: usize, into: Option<&mut Blocks>) -> Result<(), Damaged> {
    let first = varint::read_len(bytes)?;
    if first & 1 == 1 {
        return into.map_or(Ok(()), |into| add(into, first >> 1));
    }
    if first == 0 {
        let bits = varint::take(bytes, len.div_ceil(8))?;
        if let Some(into) = into {
            into.unite(&Blocks::from_bytes(len, bits));
        }
        return Ok(());
    }
    let count = first >> 1;
    if len < count {
        return Err(Damaged("a word is in more blocks than there are"));
    }
    match into {
        Some(into) => {
            let mut next = 0_usize;
            for _ in 0..count {
                let block = next.saturating_add(varint::read_len(bytes)?);
                add(into, block)?;
                next = block.saturating_add(1);
            }
        }
        None => varint::skip(bytes, count)?,
    }
    Ok(())
}

fn add(into: &mut Blocks, block: usize) -> Result<(), Damaged> {
    if into.len() <= block {
        return Err(Damaged("a word is in a block that does not exist"));
    }
    into.insert(block);
    Ok(())
}
