//! The bytes of a segment: a header, then records that each carry the proof of what was durable before them.
//!
//! Segment header, 28 bytes: magic `LAPWAL01`, first position, acknowledged end (both u64), crc32 of these.
//! Record: length of the payload (u32), crc32 of the rest (u32), position (u64), durable end (u64), payload.
//! Integers are little-endian. "Durable end" is the position behind the last record that was synced when this one was
//! written: damage before it is corruption, damage behind every known durable end is a torn tail.

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER: usize = 28;
/// Bytes of a record before its payload.
pub(super) const RECORD_HEADER: usize = 24;
/// The longest payload that is believed.
pub(super) const MAX_PAYLOAD: usize = 1 << 30;

const MAGIC: &[u8; 8] = b"LAPWAL01";

/// Start of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Position of its first record.
    pub(super) first: u64,
    /// Position behind the last record before this segment that may have been acknowledged.
    pub(super) acknowledged: u64,
}

impl SegmentHeader {
    pub(super) fn encode(self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = [0; SEGMENT_HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.acknowledged.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..24]);
        bytes[24..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let intact = bytes.starts_with(MAGIC) && u32_at(bytes, 24)? == crc32fast::hash(bytes.get(..24)?);
        intact.then_some(Self { first: u64_at(bytes, 8)?, acknowledged: u64_at(bytes, 16)? })
    }
}

/// A record in a segment's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) position: u64,
    pub(super) durable: u64,
    pub(super) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record at the start of `bytes`; `None` unless it is whole and its checksum holds.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let len = usize::try_from(u32_at(bytes, 0)?).ok().filter(|len| *len <= MAX_PAYLOAD)?;
        let covered = bytes.get(8..RECORD_HEADER.checked_add(len)?)?;
        if u32_at(bytes, 4)? != checksum(len, covered) {
            return None;
        }
        Some(Self { position: u64_at(bytes, 8)?, durable: u64_at(bytes, 16)?, payload: &bytes[RECORD_HEADER..][..len] })
    }

    /// Bytes it takes in the segment.
    pub(super) const fn size(&self) -> usize {
        RECORD_HEADER + self.payload.len()
    }

    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let len = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.position.to_le_bytes());
        out.extend_from_slice(&self.durable.to_le_bytes());
        out.extend_from_slice(self.payload);
        let crc = checksum(self.payload.len(), &out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    }
}

/// The highest durable end that any whole record in `bytes` tells of, where `after` is the position that damage hides.
pub(super) fn durable_end_in(bytes: &[u8], after: u64) -> u64 {
    let plausible = |at: usize| {
        let rest = bytes.get(at..)?;
        let (position, durable) = (u64_at(rest, 8)?, u64_at(rest, 16)?);
        // Cheap tests first, so that a checksum is hardly ever computed in vain.
        (after < position && position - after < 1 << 32 && durable <= position).then_some(())?;
        Record::decode(rest).map(|record| record.durable)
    };
    (0..bytes.len()).filter_map(plausible).max().unwrap_or(0)
}

fn checksum(len: usize, covered: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(len as u64).to_le_bytes());
    hasher.update(covered);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
