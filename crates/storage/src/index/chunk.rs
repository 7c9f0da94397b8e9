//! Compressing and decompressing the parts of an index.

use super::Damaged;
use super::head::Part;

/// Higher levels take longer and gain next to nothing on ids.
const LEVEL: i32 = 3;

/// Appends a compressed part and tells where it lies.
pub(super) fn write(out: &mut Vec<u8>, plain: &[u8]) -> std::io::Result<Part> {
    let start = out.len();
    zstd::stream::copy_encode(plain, &mut *out, LEVEL)?;
    let packed = out.get(start..).unwrap_or_default();
    Ok(Part { at: start as u64..out.len() as u64, len: plain.len(), crc: crc32fast::hash(packed) })
}

impl Part {
    /// The decompressed bytes of a part that was read.
    pub(crate) fn decode(&self, packed: &[u8]) -> Result<Vec<u8>, Damaged> {
        if crc32fast::hash(packed) != self.crc {
            return Err(Damaged("the checksum of a chunk is wrong"));
        }
        let plain = zstd::bulk::decompress(packed, self.len).map_err(|_| Damaged("a chunk cannot be decompressed"))?;
        if plain.len() == self.len { Ok(plain) } else { Err(Damaged("a chunk is shorter than it should be")) }
    }
}
