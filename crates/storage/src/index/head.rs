//! The table of contents of an index: where each chunk lies, and its first word.

use std::cmp::Ordering;
use std::ops::Range;

use parquet::file::metadata::FileMetaData;

use super::grams::{Bucket, COARSE, MAX_BLOCKS};
use super::{Blocks, Damaged, INDEX_KEY, varint};

/// Opens the head of an index.
const MAGIC: &[u8; 8] = b"LAPIDX03";
/// More chunks than any file has; guards against damage.
const MAX_CHUNKS: usize = 1 << 20;
/// No part decodes to more; a writer cuts far earlier.
const MAX_PART_BYTES: usize = 16 << 20;

/// Where an index lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// First byte of the first chunk.
    pub(crate) start: u64,
    /// The head, behind all chunks.
    pub(crate) head: Range<u64>,
}

/// A compressed part of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it lies, counted from the first byte of the index.
    pub(crate) at: Range<u64>,
    /// Bytes when it is decompressed.
    pub(crate) len: usize,
    /// crc32 of the compressed bytes.
    pub(crate) crc: u32,
}

/// A stretch of the dictionary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its first word.
    pub(super) first: Vec<u8>,
    pub(super) text: Part,
    pub(super) postings: Part,
}

/// The order of words in a dictionary: short ones first. What is inside of a word is looked for in longer words only, and
/// few words are longer than an id.
pub(super) fn order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Rows of the file.
    pub(crate) rows: u64,
    /// How many blocks these are: of each row group as many as a multiple of [`COARSE`] has, the last ones without rows.
    pub(crate) blocks: usize,
    /// Blocks with words that are too long for the dictionary.
    pub(super) long: Blocks,
    pub(super) chunks: Vec<Chunk>,
    /// Ids, which are not in the dictionary.
    pub(super) ids: Ids,
}

/// The table of contents of the ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    /// Blocks that have any.
    pub(super) blocks: Blocks,
    /// Their samples.
    pub(super) buckets: Vec<Bucket>,
}

impl Place {
    /// As it stands in the metadata of the file.
    pub(crate) fn text(&self) -> String {
        format!("3 {} {} {}", self.start, self.head.start, self.head.end)
    }

    /// Where a file has its index; `None` when it has none that is understood.
    pub(crate) fn of(footer: &FileMetaData) -> Option<Self> {
        let pairs = footer.key_value_metadata()?;
        pairs.iter().filter(|pair| pair.key == INDEX_KEY).find_map(|pair| Self::parse(pair.value.as_deref()?))
    }

    /// `None` for an index of another version, or of nobody.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("3 ")?.split(' ').map(|number| number.parse::<u64>().ok());
        let (start, head, end) = (numbers.next()??, numbers.next()??, numbers.next()??);
        (start <= head && head <= end).then_some(Self { start, head: head..end })
    }
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        varint::write(&mut out, self.rows);
        varint::write(&mut out, self.blocks as u64);
        out.extend(self.long.to_bytes());
        varint::write(&mut out, self.chunks.len() as u64);
        for chunk in &self.chunks {
            varint::write(&mut out, chunk.first.len() as u64);
            out.extend_from_slice(&chunk.first);
            for part in [&chunk.text, &chunk.postings] {
                varint::write(&mut out, part.at.start);
                varint::write(&mut out, part.at.end - part.at.start);
                varint::write(&mut out, part.len as u64);
                out.extend(part.crc.to_le_bytes());
            }
        }
        self.ids.encode(&mut out);
        let crc = crc32fast::hash(&out);
        out.extend(crc.to_le_bytes());
        out
    }

    /// Reads what [`Self::encode`] wrote; `size` is the number of bytes before the head.
    pub(crate) fn decode(bytes: &[u8], size: u64) -> Result<Self, Damaged> {
        let (body, crc) = bytes.split_last_chunk::<4>().ok_or(Damaged("its head is cut off"))?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err(Damaged("the checksum of its head is wrong"));
        }
        let mut rest = body.strip_prefix(MAGIC).ok_or(Damaged("its head does not open as it should"))?;
        let (rows, blocks) = (varint::read(&mut rest)?, varint::read_len(&mut rest)?);
        // One of so many has a row at least, which also bounds the memory taken for them.
        let most = rows.saturating_mul(COARSE as u64).min(MAX_BLOCKS);
        if most < blocks as u64 || blocks.div_ceil(8) > rest.len() || !blocks.is_multiple_of(COARSE) {
            return Err(Damaged("it has more blocks than rows"));
        }
        let long = Blocks::from_bytes(blocks, varint::take(&mut rest, blocks.div_ceil(8))?);
        let count = varint::read_len(&mut rest)?;
        if MAX_CHUNKS < count {
            return Err(Damaged("it has too many chunks"));
        }
        let mut chunks = Vec::new();
        for _ in 0..count {
            let len = varint::read_len(&mut rest)?;
            let first = varint::take(&mut rest, len)?.to_vec();
            chunks.push(Chunk { first, text: part(&mut rest, size)?, postings: part(&mut rest, size)? });
        }
        if !chunks.is_sorted_by(|a, b| order(&a.first, &b.first).is_lt()) {
            return Err(Damaged("its chunks are not sorted"));
        }
        let ids = Ids::decode(&mut rest, blocks, size)?;
        Ok(Self { rows, blocks, long, chunks, ids })
    }

    /// Where the samples of ids lie, stretch by stretch.
    pub(crate) fn grams(&self) -> &[Bucket] {
        &self.ids.buckets
    }

    /// Chunks of the dictionary.
    #[cfg(test)]
    pub(crate) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Where the words of a chunk lie, and their blocks.
    pub(crate) fn parts(&self, chunk: usize) -> Option<(&Part, &Part)> {
        self.chunks.get(chunk).map(|chunk| (&chunk.text, &chunk.postings))
    }

    /// Bytes it takes in memory, more or less.
    pub(crate) fn memory_size(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|chunk| size_of::<Chunk>() + chunk.first.len()).sum();
        chunks + size_of_val(self.grams()) + size_of::<Self>()
    }
}

impl Ids {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.blocks.to_bytes());
        varint::write(out, self.buckets.len() as u64);
        let mut end = self.buckets.first().map_or(0, |bucket| bucket.at.start);
        varint::write(out, end);
        let mut first = 0;
        for bucket in &self.buckets {
            varint::write(out, bucket.first - first);
            varint::write(out, bucket.at.end - end);
            out.extend(bucket.crc.to_le_bytes());
            (first, end) = (bucket.first, bucket.at.end);
        }
    }

    fn decode(rest: &mut &[u8], blocks: usize, size: u64) -> Result<Self, Damaged> {
        let with_ids = Blocks::from_bytes(blocks, varint::take(rest, blocks.div_ceil(8))?);
        let count = varint::read_len(rest)?;
        if MAX_CHUNKS < count {
            return Err(Damaged("it has too many lists of ids"));
        }
        let (mut buckets, mut first, mut end) = (Vec::new(), 0_u64, varint::read(rest)?);
        for _ in 0..count {
            let (start, outside) = (end, Damaged("a list of ids lies outside of it"));
            first = first.checked_add(varint::read(rest)?).ok_or(outside)?;
            end = end.checked_add(varint::read(rest)?).filter(|end| *end <= size).ok_or(outside)?;
            buckets.push(Bucket { first, at: start..end, crc: crc(rest)? });
        }
        Ok(Self { blocks: with_ids, buckets })
    }
}

fn crc(rest: &mut &[u8]) -> Result<u32, Damaged> {
    let crc = <[u8; 4]>::try_from(varint::take(rest, 4)?).map_err(|_| Damaged("a checksum is cut off"))?;
    Ok(u32::from_le_bytes(crc))
}

fn part(rest: &mut &[u8], size: u64) -> Result<Part, Damaged> {
    let (start, bytes) = (varint::read(rest)?, varint::read(rest)?);
    let len = varint::read_len(rest)?;
    let crc = crc(rest)?;
    let end = start.checked_add(bytes).filter(|end| *end <= size).ok_or(Damaged("a chunk lies outside of it"))?;
    if MAX_PART_BYTES < len {
        return Err(Damaged("a chunk is too large"));
    }
    Ok(Part { at: start..end, len, crc })
}
