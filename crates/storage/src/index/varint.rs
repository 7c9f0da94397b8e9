//! Numbers of one to ten bytes: seven bits a byte, the lowest first.

use super::Damaged;

pub(super) fn write(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Takes a number off the front.
pub(crate) fn read(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    if let [byte @ ..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return Ok(u64::from(*byte));
    }
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Damaged("a number is cut off"))?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged("a number is too long"))
}

/// Takes so many numbers off the front, whatever they are.
pub(super) fn skip(bytes: &mut &[u8], count: usize) -> Result<(), Damaged> {
    let Some(last) = count.checked_sub(1) else { return Ok(()) };
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte < 0x80);
    let (end, _) = ends.nth(last).ok_or(Damaged("a number is cut off"))?;
    take(bytes, end + 1).map(drop)
}

/// A number that counts things in memory.
pub(crate) fn read_len(bytes: &mut &[u8]) -> Result<usize, Damaged> {
    usize::try_from(read(bytes)?).map_err(|_| Damaged("a number is too large"))
}

/// Takes so many bytes off the front.
pub(crate) fn take<'b>(bytes: &mut &'b [u8], len: usize) -> Result<&'b [u8], Damaged> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or(Damaged("it is cut off"))?;
    *bytes = rest;
    Ok(taken)
}
