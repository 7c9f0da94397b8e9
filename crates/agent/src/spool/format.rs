//! What is in a segment: a header, then records. Every number is little-endian; every part has a checksum.

use crate::state::Covered;

/// What a segment's name ends with.
pub(crate) const SUFFIX: &str = ".seg";
/// Bytes before the first record.
pub(crate) const SEGMENT_HEAD: usize = 28;
/// Bytes before the payload of a record.
pub(crate) const RECORD_HEAD: usize = 56;
/// How each record begins.
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"LREC";
/// No record is longer: a length beyond it is damage.
pub(crate) const MAX_PAYLOAD: usize = 256 << 20;

const SEGMENT_MAGIC: [u8; 8] = *b"LAPSPL01";

/// What stands before a record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The batch's number; counts up by one.
    pub(crate) sequence: u64,
    /// The number of the last record that was on disk for certain when this one was written.
    pub(crate) synced: u64,
    /// Lines in all records before this one, since the agent's first start.
    pub(crate) lines_before: u64,
    /// When the batch was closed, in nanoseconds since the epoch.
    pub(crate) at: i64,
    /// Lines in this one.
    pub(crate) lines: u32,
    /// Bytes of what the record covers.
    pub(crate) covered: u32,
    /// Bytes of the encoded lines.
    pub(crate) body: u32,
    /// The checksum of both.
    pub(crate) crc: u32,
}

impl Head {
    /// Bytes behind the head.
    pub(crate) fn payload(&self) -> usize {
        self.covered as usize + self.body as usize
    }

    /// Bytes of the whole record.
    pub(crate) fn record(&self) -> u64 {
        (RECORD_HEAD + self.payload()) as u64
    }

    pub(crate) fn write(&self) -> [u8; RECORD_HEAD] {
        let mut out = [0; RECORD_HEAD];
        out[..4].copy_from_slice(&RECORD_MAGIC);
        out[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        out[16..24].copy_from_slice(&self.synced.to_le_bytes());
        out[24..32].copy_from_slice(&self.lines_before.to_le_bytes());
        out[32..40].copy_from_slice(&self.at.to_le_bytes());
        out[40..44].copy_from_slice(&self.lines.to_le_bytes());
        out[44..48].copy_from_slice(&self.covered.to_le_bytes());
        out[48..52].copy_from_slice(&self.body.to_le_bytes());
        out[52..56].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32fast::hash(&out[8..]).to_le_bytes();
        out[4..8].copy_from_slice(&crc);
        out
    }

    /// `None` unless these bytes are a whole head.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..RECORD_HEAD)?;
        let is_whole = bytes.starts_with(&RECORD_MAGIC) && u32_at(bytes, 4)? == crc32fast::hash(bytes.get(8..)?);
        let head = Self {
            sequence: u64_at(bytes, 8)?,
            synced: u64_at(bytes, 16)?,
            lines_before: u64_at(bytes, 24)?,
            at: u64_at(bytes, 32)?.cast_signed(),
            lines: u32_at(bytes, 40)?,
            covered: u32_at(bytes, 44)?,
            body: u32_at(bytes, 48)?,
            crc: u32_at(bytes, 52)?,
        };
        (is_whole && head.payload() <= MAX_PAYLOAD).then_some(head)
    }

    /// What the payload says, if it is the one that was written.
    pub(crate) fn open(&self, payload: &[u8]) -> Option<Covered> {
        let covered = payload.get(..self.covered as usize)?;
        if payload.len() != self.payload() || crc32fast::hash(payload) != self.crc {
            return None;
        }
        serde_json::from_slice(covered).ok()
    }
}

/// The beginning of a segment whose first record will have this number, behind so many lines.
pub(crate) fn segment_head(first: u64, lines_before: u64) -> [u8; SEGMENT_HEAD] {
    let mut out = [0; SEGMENT_HEAD];
    out[..8].copy_from_slice(&SEGMENT_MAGIC);
    out[8..16].copy_from_slice(&first.to_le_bytes());
    out[16..24].copy_from_slice(&lines_before.to_le_bytes());
    let crc = crc32fast::hash(&out[..24]).to_le_bytes();
    out[24..].copy_from_slice(&crc);
    out
}

/// The first number and the lines before it; `None` unless these bytes begin a segment.
pub(crate) fn read_segment_head(bytes: &[u8]) -> Option<(u64, u64)> {
    let bytes = bytes.get(..SEGMENT_HEAD)?;
    let is_whole = bytes.starts_with(&SEGMENT_MAGIC) && u32_at(bytes, 24)? == crc32fast::hash(bytes.get(..24)?);
    if is_whole { u64_at(bytes, 8).zip(u64_at(bytes, 16)) } else { None }
}

/// The file of a segment.
pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:020}{SUFFIX}")
}

/// The number in a segment's name.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    name.strip_suffix(SUFFIX).filter(|digits| digits.len() == 20)?.parse().ok()
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
