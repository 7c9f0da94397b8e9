//! One page of a column, as it lies in a file: its header, and its bytes decompressed.
//!
//! Parquet's own reader hands out rows; whoever searches a page as a whole, or counts it, wants its bytes. What is not
//! understood here is no damage: Parquet's reader is asked then.

use crate::index::{Damaged, varint};

/// Structures nest no deeper in a header; guards against damage.
const MAX_DEPTH: usize = 8;
/// No page decodes to more: a line has at most some MiB, and a page is cut at 8 MiB.
const MAX_BYTES: usize = 256 << 20;

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Values, behind the levels that tell which are null.
    Data,
    /// The values that the numbers of other pages stand for.
    Dictionary,
}

/// How values are written, as far as it is understood here; the numbers are Parquet's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Dictionary,
    Deltas,
    DeltaLengths,
}

/// What stands in front of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) encoding: Encoding,
    /// Values, null ones too.
    pub(super) values: usize,
    plain_bytes: usize,
    packed_bytes: usize,
}

impl Encoding {
    const fn of(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Plain),
            2 | 8 => Some(Self::Dictionary),
            5 => Some(Self::Deltas),
            6 => Some(Self::DeltaLengths),
            _ => None,
        }
    }
}

impl Header {
    /// Takes a header off the front; `None` for a page of a kind that is not understood.
    pub(super) fn read(bytes: &mut &[u8]) -> Result<Option<Self>, Damaged> {
        let (mut kind, mut plain, mut packed) = (None, None, None);
        let mut of_values = (None, None);
        let mut id = 0;
        while let Some(field) = next_field(bytes, &mut id)? {
            match (id, field) {
                (1, INT) => kind = Some(number(bytes)?),
                (2, INT) => plain = Some(number(bytes)?),
                (3, INT) => packed = Some(number(bytes)?),
                (5 | 7, STRUCT) => of_values = read_values(bytes)?,
                _ => skip(bytes, field, 0)?,
            }
        }
        let missing = Damaged("the header of a page is incomplete");
        let len = |number: Option<u64>| usize::try_from(number.ok_or(missing)?).map_err(|_| missing);
        let kind = match kind.ok_or(missing)? {
            0 => Kind::Data,
            2 => Kind::Dictionary,
            _ => return Ok(None),
        };
        let Some(encoding) = Encoding::of(of_values.1.ok_or(missing)?) else { return Ok(None) };
        let (values, plain_bytes) = (len(of_values.0)?, len(plain)?);
        if MAX_BYTES < plain_bytes || MAX_BYTES < values {
            return Err(Damaged("a page is too large"));
        }
        Ok(Some(Self { kind, encoding, values, plain_bytes, packed_bytes: len(packed)? }))
    }

    /// The bytes behind the header, decompressed into `plain` in place of what was in it.
    pub(super) fn unpack(
        &self,
        packed: &[u8],
        zstd: Option<&mut zstd::bulk::Decompressor<'static>>,
        plain: &mut Vec<u8>,
    ) -> Result<(), Damaged> {
        let packed = packed.get(..self.packed_bytes).ok_or(Damaged("a page is cut off"))?;
        plain.clear();
        match zstd {
            Some(zstd) if self.plain_bytes > 0 => {
                plain.reserve(self.plain_bytes);
                zstd.decompress_to_buffer(packed, plain).map_err(|_| Damaged("a page cannot be decompressed"))?;
            }
            Some(_) => {}
            None => plain.extend_from_slice(packed),
        }
        if plain.len() == self.plain_bytes { Ok(()) } else { Err(Damaged("a page has another size than it says")) }
    }
}

/// Types of fields in Thrift's compact protocol.
const INT: u8 = 5;
const STRUCT: u8 = 12;

/// Number of values and encoding, which stand first in the headers of data and dictionaries.
fn read_values(bytes: &mut &[u8]) -> Result<(Option<u64>, Option<u64>), Damaged> {
    let (mut values, mut encoding) = (None, None);
    let mut id = 0;
    while let Some(field) = next_field(bytes, &mut id)? {
        match (id, field) {
            (1, INT) => values = Some(number(bytes)?),
            (2, INT) => encoding = Some(number(bytes)?),
            _ => skip(bytes, field, 1)?,
        }
    }
    Ok((values, encoding))
}

/// The type of the next field, whose number is put into `id`; `None` at the end of a structure.
fn next_field(bytes: &mut &[u8], id: &mut u64) -> Result<Option<u8>, Damaged> {
    let byte = varint::take(bytes, 1)?.first().copied().unwrap_or(0);
    if byte == 0 {
        return Ok(None);
    }
    *id = match byte >> 4 {
        0 => number(bytes)?,
        step => id.saturating_add(u64::from(step)),
    };
    Ok(Some(byte & 0xf))
}

/// A number that is not negative.
fn number(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let zigzag = varint::read(bytes)?;
    if zigzag & 1 == 0 { Ok(zigzag >> 1) } else { Err(Damaged("a number in the header of a page is negative")) }
}

fn skip(bytes: &mut &[u8], field: u8, depth: usize) -> Result<(), Damaged> {
    if MAX_DEPTH < depth {
        return Err(Damaged("the header of a page nests too deep"));
    }
    match field {
        1 | 2 => {}
        3 => drop(varint::take(bytes, 1)?),
        4..=6 => drop(varint::read(bytes)?),
        7 => drop(varint::take(bytes, 8)?),
        8 => {
            let len = varint::read_len(bytes)?;
            varint::take(bytes, len)?;
        }
        STRUCT => {
            let mut id = 0;
            while let Some(field) = next_field(bytes, &mut id)? {
                skip(bytes, field, depth + 1)?;
            }
        }
        _ => return Err(Damaged("the header of a page has a field of an unknown type")),
    }
    Ok(())
}
