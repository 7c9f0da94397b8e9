//! Decodes the values of a page, in the encodings that our files have.

use crate::index::{Damaged, varint};

/// Numbers that are packed together; any writer has far fewer.
const MAX_PACKED: usize = 1 << 16;

/// Takes a stretch of DELTA_BINARY_PACKED off the front and appends its numbers, `limit` at most.
pub(super) fn deltas(bytes: &mut &[u8], limit: usize, out: &mut Vec<i64>) -> Result<(), Damaged> {
    let block = varint::read_len(bytes)?;
    let parts = varint::read_len(bytes)?;
    let count = varint::read_len(bytes)?;
    let mut last = zigzag(varint::read(bytes)?);
    if count == 0 {
        return Ok(());
    }
    if parts == 0 || MAX_PACKED < block || !block.is_multiple_of(parts) || limit < count {
        return Err(Damaged("a page has another number of values than it says"));
    }
    let in_part = block / parts;
    out.reserve(count);
    out.push(last);
    let mut left = count - 1;
    while left > 0 {
        let least = zigzag(varint::read(bytes)?);
        let widths = varint::take(bytes, parts)?;
        for width in widths {
            if left == 0 {
                break;
            }
            let width = usize::from(*width);
            if width > 64 {
                return Err(Damaged("a number has more than 64 bits"));
            }
            let packed = varint::take(bytes, (in_part * width).div_ceil(8))?;
            let wanted = left.min(in_part);
            unpack(packed, width, wanted, |step| {
                last = last.wrapping_add(least).wrapping_add(step.cast_signed());
                out.push(last);
            });
            left -= wanted;
        }
    }
    Ok(())
}

/// Calls `each` with the numbers of a stretch of runs and packed groups, `count` in all, and how often each comes.
pub(super) fn runs(
    mut bytes: &[u8],
    width: usize,
    count: usize,
    mut each: impl FnMut(u64, usize),
) -> Result<(), Damaged> {
    if width > 32 {
        return Err(Damaged("the number of a value has more than 32 bits"));
    }
    let mut left = count;
    while left > 0 {
        let head = varint::read_len(&mut bytes)?;
        if head & 1 == 1 {
            let groups = head >> 1;
            let wanted = left.min(groups.saturating_mul(8));
            // The last group may be cut behind its last value.
            let packed = groups.saturating_mul(width).min(bytes.len());
            if packed < (wanted * width).div_ceil(8) || wanted == 0 {
                return Err(Damaged("the numbers of values are cut off"));
            }
            unpack(varint::take(&mut bytes, packed)?, width, wanted, |number| each(number, 1));
            left -= wanted;
        } else {
            let value = varint::take(&mut bytes, width.div_ceil(8))?;
            let number = value.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let wanted = left.min(head >> 1);
            if wanted == 0 {
                return Err(Damaged("a run of values is empty"));
            }
            each(number, wanted);
            left -= wanted;
        }
    }
    Ok(())
}

/// Lengths of texts as offsets, the first of which is zero; the text must not end before the last.
pub(super) fn offsets(lengths: &[i64], text: &[u8]) -> Result<Vec<i32>, Damaged> {
    let wrong = Damaged("the lengths of texts do not fit");
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    offsets.push(0);
    let mut end = 0_i64;
    for length in lengths {
        if *length < 0 || i64::from(i32::MAX) < *length {
            return Err(wrong);
        }
        end += length;
        offsets.push(i32::try_from(end).map_err(|_| wrong)?);
    }
    if usize::try_from(end).is_ok_and(|end| end <= text.len()) { Ok(offsets) } else { Err(wrong) }
}

/// Takes a text with its length in front off the front.
pub(super) fn plain_text<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8], Damaged> {
    let len = varint::take(bytes, 4)?.try_into().map_err(|_| Damaged("a length is cut off"))?;
    varint::take(bytes, u32::from_le_bytes(len) as usize)
}

/// Takes a number of 4 or 8 bytes off the front.
pub(super) fn plain_number(bytes: &mut &[u8], is_wide: bool) -> Result<i64, Damaged> {
    let cut = Damaged("a number is cut off");
    if is_wide {
        return Ok(i64::from_le_bytes(varint::take(bytes, 8)?.try_into().map_err(|_| cut)?));
    }
    Ok(i64::from(i32::from_le_bytes(varint::take(bytes, 4)?.try_into().map_err(|_| cut)?)))
}

const fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Calls `each` with `count` numbers of `width` bits, the first in the lowest bits.
#[inline]
fn unpack(packed: &[u8], width: usize, count: usize, mut each: impl FnMut(u64)) {
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    for index in 0..count {
        let bit = index * width;
        let (at, shift) = (bit / 8, bit % 8);
        let mut number = word(packed, at) >> shift;
        if width + shift > 64 {
            number |= u64::from(packed.get(at + 8).copied().unwrap_or(0)) << (64 - shift);
        }
        each(number & mask);
    }
}

/// Eight bytes from here; zeros behind the end.
#[inline]
fn word(packed: &[u8], at: usize) -> u64 {
    let rest = packed.get(at..).unwrap_or_default();
    match rest.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => rest.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}
