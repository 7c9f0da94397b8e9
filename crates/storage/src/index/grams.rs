//! The samples of ids, sorted: six digits each, and the block they are in. They are as random as the ids, so they are not
//! compressed but counted: what is kept is how far each is from the one before, in Rice's code, which takes 1.5 bits
//! more than chance itself. A lookup reads one bucket of them, two to three KB, however many there are.
//!
//! Samples from inside of ids, five of six, tell of [`COARSE`] blocks in which of these they are: two bits less each.

use std::ops::Range;

use super::head::Head;
use super::{Blocks, Chunks, Damaged, varint};

/// Samples of a bucket.
const BUCKET: usize = 2_048;
/// Kinds and digits of samples; those from inside of ids come behind the heads.
const KEYS: u64 = 1 << 25;
/// The first of these: [`Key::inner`] sets this bit.
const INNER: u64 = 1 << 24;
/// Blocks that a sample from inside of an id tells of together; of a file there are always a multiple of so many.
pub(crate) const COARSE: usize = 4;
/// Files never have so many blocks; a sample and its block fit into [`RAW_BITS`].
pub(super) const MAX_BLOCKS: u64 = 1 << 25;
/// A quotient of so many ones stands for a number that is written as it is.
const ESCAPE: u32 = 32;
const RAW_BITS: u32 = 50;

/// Six digits of an id, and whether it begins with them: the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(u32);

/// A stretch of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Its first entry, see [`entry`].
    pub(super) first: u64,
    /// Where it lies, counted from the first byte of the index.
    pub(crate) at: Range<u64>,
    /// crc32 of its bytes.
    pub(super) crc: u32,
}

impl Key {
    /// The first digits of an id.
    pub(super) fn head(digits: &[u8]) -> Self {
        Self(value(digits))
    }

    /// Digits from further inside.
    pub(super) fn inner(digits: &[u8]) -> Self {
        Self(1 << 24 | value(digits))
    }

    /// Heads that begin with fewer digits, from the first to behind the last.
    pub(super) fn heads(digits: &[u8]) -> Range<u64> {
        let free = 4 * 6_usize.saturating_sub(digits.len());
        let first = u64::from(value(digits)) << free;
        first..first + (1 << free)
    }

    /// Alone.
    pub(super) fn range(self) -> Range<u64> {
        u64::from(self.0)..u64::from(self.0) + 1
    }

    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

fn value(digits: &[u8]) -> u32 {
    // Letters have bit 6, decimals do not, and the lower half of `a` is 1.
    let digit = |byte: u8| u32::from((byte & 15) + 9 * (byte >> 6 & 1)) & 15;
    digits.iter().take(6).fold(0, |value, byte| value << 4 | digit(*byte))
}

/// A key and a block as one number, of which the list is made: entries of one key stand together. What a file of so many
/// blocks has.
pub(super) const fn entry(key: u64, block: u64, blocks: u64) -> u64 {
    match key.checked_sub(INNER) {
        None => key * blocks + block,
        Some(inner) => INNER * blocks + (inner * blocks + block) / COARSE as u64,
    }
}

/// The key of an entry, and the blocks it tells of.
pub(super) fn of_entry(entry: u64, blocks: u64) -> (u64, Range<u64>) {
    let coarse = COARSE as u64;
    match entry.checked_sub(INNER * blocks) {
        None => (entry / blocks.max(1), entry % blocks.max(1)..entry % blocks.max(1) + 1),
        Some(rest) => {
            let groups = (blocks / coarse).max(1);
            let first = rest % groups * coarse;
            (INNER + rest / groups, first..first + coarse)
        }
    }
}

/// Writes a list; entries come in their order.
#[derive(Debug, Default)]
pub(super) struct GramWriter {
    out: Vec<u8>,
    buckets: Vec<Bucket>,
    open: Vec<u64>,
    last: Option<u64>,
}

impl GramWriter {
    /// Adds an entry that is not less than those before; one that is equal is left out.
    pub(super) fn push(&mut self, entry: u64) {
        if self.last == Some(entry) {
            return;
        }
        self.last = Some(entry);
        self.open.push(entry);
        if BUCKET <= self.open.len() {
            self.close();
        }
    }

    fn close(&mut self) {
        let (Some(first), Some(last)) = (self.open.first(), self.open.last()) else { return };
        let start = self.out.len();
        varint::write(&mut self.out, self.open.len() as u64);
        let mean = (last - first) / self.open.len() as u64;
        let rest_bits = (mean * 7 / 10).max(1).ilog2();
        varint::write(&mut self.out, u64::from(rest_bits));
        let mut bits = BitWriter { out: &mut self.out, word: 0, used: 0 };
        for (before, entry) in self.open.iter().zip(self.open.iter().skip(1)) {
            bits.rice(entry - before - 1, rest_bits);
        }
        bits.end();
        let crc = crc32fast::hash(self.out.get(start..).unwrap_or_default());
        self.buckets.push(Bucket { first: *first, at: start as u64..self.out.len() as u64, crc });
        self.open.clear();
    }

    /// All bytes, and the buckets with their places in them.
    pub(super) fn finish(mut self) -> (Vec<u8>, Vec<Bucket>) {
        self.close();
        (self.out, self.buckets)
    }
}

impl Bucket {
    /// Whether bytes are those that were written.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), Damaged> {
        if crc32fast::hash(bytes) == self.crc { Ok(()) } else { Err(Damaged("the checksum of a list of ids is wrong")) }
    }

    /// Calls `found` with each entry, until it says that it has enough.
    pub(super) fn each(&self, bytes: &[u8], mut found: impl FnMut(u64) -> bool) -> Result<(), Damaged> {
        let mut rest = bytes;
        let count = varint::read_len(&mut rest)?;
        let rest_bits = u32::try_from(varint::read(&mut rest)?).unwrap_or(u32::MAX);
        if BUCKET < count || RAW_BITS < rest_bits {
            return Err(Damaged("a list of ids is not one"));
        }
        let mut bits = BitReader { bytes: rest, at: 0 };
        let mut entry = self.first;
        for nth in 0..count {
            if 0 < nth {
                entry = bits.rice(rest_bits).and_then(|gap| entry.checked_add(gap + 1)).ok_or(CUT)?;
            }
            if !found(entry) {
                return Ok(());
            }
        }
        Ok(())
    }
}

const CUT: Damaged = Damaged("a list of ids is cut off");

/// Adds the blocks that have a sample with one of these keys.
pub(super) fn find<C: Chunks>(
    head: &Head,
    buckets: &[Bucket],
    keys: &Range<u64>,
    chunks: &C,
    into: &mut Blocks,
) -> Result<(), C::Error> {
    let blocks = head.blocks as u64;
    let (low, high) = (entry(keys.start.min(KEYS), 0, blocks), entry(keys.end.min(KEYS), 0, blocks));
    let from = buckets.partition_point(|bucket| bucket.first <= low).saturating_sub(1);
    let to = buckets.partition_point(|bucket| bucket.first < high);
    for (nth, bucket) in buckets.iter().enumerate().take(to).skip(from) {
        let bytes = chunks.grams(nth)?;
        bucket.each(&bytes, |entry| {
            if low <= entry && entry < high {
                let (_, found) = of_entry(entry, blocks);
                found.for_each(|block| into.insert(usize::try_from(block).unwrap_or(usize::MAX)));
            }
            entry < high
        })?;
    }
    Ok(())
}

/// Writes numbers of some bits, the lowest first.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    used: u32,
}

impl BitWriter<'_> {
    /// At most [`RAW_BITS`] bits, none above them set.
    fn bits(&mut self, number: u64, bits: u32) {
        self.word |= number << self.used;
        self.used += bits;
        while 8 <= self.used {
            self.out.push(self.word.to_le_bytes()[0]);
            self.word >>= 8;
            self.used -= 8;
        }
    }

    /// The upper bits as so many ones and a zero, then the lower bits.
    fn rice(&mut self, number: u64, rest_bits: u32) {
        match u32::try_from(number >> rest_bits) {
            Ok(quotient) if quotient < ESCAPE => {
                self.bits((1 << quotient) - 1, quotient + 1);
                self.bits(number & ((1 << rest_bits) - 1), rest_bits);
            }
            _ => {
                self.bits((1 << ESCAPE) - 1, ESCAPE);
                self.bits(number & ((1 << RAW_BITS) - 1), RAW_BITS);
            }
        }
    }

    fn end(self) {
        if 0 < self.used {
            self.out.push(self.word.to_le_bytes()[0]);
        }
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// The bit that comes next.
    at: usize,
}

impl BitReader<'_> {
    /// The bits that come next, 57 at least of which are real or zeros behind the end.
    #[inline]
    fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
            let mut word = [0; 8];
            word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            word
        });
        u64::from_le_bytes(word) >> (self.at % 8)
    }

    #[inline]
    fn bits(&mut self, bits: u32) -> u64 {
        let found = self.peek() & ((1 << bits) - 1);
        self.at += bits as usize;
        found
    }

    /// `None` at the end.
    #[inline]
    fn rice(&mut self, rest_bits: u32) -> Option<u64> {
        let quotient = self.peek().trailing_ones();
        let number = if quotient < ESCAPE {
            self.at += quotient as usize + 1;
            u64::from(quotient) << rest_bits | self.bits(rest_bits)
        } else {
            self.at += ESCAPE as usize;
            self.bits(RAW_BITS)
        };
        (self.at <= self.bytes.len() * 8).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_comes_back_whatever_its_gaps(gaps in proptest::collection::vec((0_u64..44, any::<u64>()), 0..5_000)) {
            let mut entries: Vec<u64> = Vec::new();
            let mut last = 0_u64;
            for (bits, random) in gaps {
                last += random & ((1 << bits) - 1);
                if last < 1 << RAW_BITS {
                    entries.push(last);
                }
            }
            let mut writer = GramWriter::default();
            entries.iter().for_each(|entry| writer.push(*entry));
            let (bytes, buckets) = writer.finish();
            entries.dedup();
            let mut read = Vec::new();
            for bucket in &buckets {
                let at = |offset: u64| usize::try_from(offset).unwrap();
                let part = &bytes[at(bucket.at.start)..at(bucket.at.end)];
                bucket.check(part).unwrap();
                bucket.each(part, |entry| { read.push(entry); true }).unwrap();
            }
            prop_assert_eq!(read, entries);
        }

        #[test]
        fn what_is_no_list_ends(bytes in proptest::collection::vec(any::<u8>(), 0..300), first in any::<u64>()) {
            let bucket = Bucket { first, at: 0..0, crc: 0 };
            let mut count = 0;
            let read = bucket.each(&bytes, |_| { count += 1; true });
            prop_assert!(read.is_ok() || read.is_err());
            prop_assert!(count <= BUCKET);
        }
    }

    #[test]
    fn an_entry_tells_its_key_and_its_blocks_in_their_order() {
        let blocks = 12;
        let keys = [0, 1, INNER - 1, INNER, INNER + 1, KEYS - 1];
        let mut last = None;
        for (key, block) in keys.into_iter().flat_map(|key| (0..blocks).map(move |block| (key, block))) {
            let entry = entry(key, block, blocks);
            assert!(last <= Some(entry), "{key} {block}");
            last = Some(entry);
            let (found, within) = of_entry(entry, blocks);
            assert!(found == key && within.contains(&block), "{key} {block}");
            assert_eq!(within.end - within.start, if key < INNER { 1 } else { 4 });
        }
    }

    #[test]
    fn heads_with_the_same_beginning_stand_together() {
        let key = |digits: &str| u64::from(Key::head(digits.as_bytes()).number());
        assert_eq!(Key::heads(b"12ab"), key("12ab00")..key("12abff") + 1);
        assert_eq!(Key::heads(b"12abcd"), Key::head(b"12abcd").range());
        assert!(Key::inner(b"000000") > Key::head(b"ffffff"));
    }
}
