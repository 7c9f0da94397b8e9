//! Writes an index out of words in their order and the blocks of each.

use super::blocks::Blocks;
use super::grams::{self, GramWriter};
use super::head::{Chunk, Head, Ids, Part};
use super::{chunk, postings};

/// Text of a chunk of the dictionary, at most by a word more.
const CHUNK_BYTES: usize = 256 << 10;

/// An index that is being written.
#[derive(Debug)]
pub(super) struct Packer {
    /// Blocks of the file.
    blocks: usize,
    out: Vec<u8>,
    /// First word and text of each chunk, and the blocks of its words.
    chunks: Vec<(Vec<u8>, Part, Vec<u8>)>,
    /// The chunk that is open.
    text: Vec<u8>,
    lists: Vec<u8>,
    first: Vec<u8>,
    grams: GramWriter,
    with_ids: Blocks,
}

impl Packer {
    pub(super) fn new(blocks: usize) -> Self {
        Self {
            blocks,
            out: Vec::new(),
            chunks: Vec::new(),
            text: vec![b'\n'],
            lists: Vec::new(),
            first: Vec::new(),
            grams: GramWriter::default(),
            with_ids: Blocks::none(blocks),
        }
    }

    /// Adds a word, which comes behind those before in the order of the dictionary, and its blocks, ascending.
    pub(super) fn push(&mut self, word: &[u8], blocks: &[u32]) -> std::io::Result<()> {
        if self.text.len() == 1 {
            self.first = word.to_vec();
        }
        self.text.extend_from_slice(word);
        self.text.push(b'\n');
        postings::write(&mut self.lists, blocks, self.blocks);
        if CHUNK_BYTES <= self.text.len() { self.close() } else { Ok(()) }
    }

    /// Adds a sample of an id, which is not less than those before: its key and its block.
    #[inline]
    pub(super) fn push_gram(&mut self, key: u64, block: u64) {
        self.grams.push(grams::entry(key, block, self.blocks as u64));
    }

    /// Adds a block that has ids.
    #[inline]
    pub(super) fn push_block_of_ids(&mut self, block: usize) {
        self.with_ids.insert(block);
    }

    fn close(&mut self) -> std::io::Result<()> {
        let packed = chunk::write(&mut self.out, &self.text)?;
        self.chunks.push((std::mem::take(&mut self.first), packed, std::mem::take(&mut self.lists)));
        self.text.truncate(1);
        Ok(())
    }

    /// All chunks, then the head, and where the head begins.
    pub(super) fn finish(mut self, rows: u64, long: impl Iterator<Item = usize>) -> std::io::Result<(Vec<u8>, usize)> {
        if 1 < self.text.len() {
            self.close()?;
        }
        let mut chunks = Vec::with_capacity(self.chunks.len());
        for (first, text, lists) in self.chunks {
            chunks.push(Chunk { first, text, postings: chunk::write(&mut self.out, &lists)? });
        }
        let mut blocks = Blocks::none(self.blocks);
        long.for_each(|block| blocks.insert(block));
        let (grams, mut buckets) = self.grams.finish();
        let before = self.out.len() as u64;
        buckets.iter_mut().for_each(|bucket| bucket.at = bucket.at.start + before..bucket.at.end + before);
        let ids = Ids { blocks: self.with_ids, buckets };
        let head = Head { rows, blocks: self.blocks, long: blocks, chunks, ids }.encode();
        // These are most of the index, which is tens of megabytes: no room beyond what they take.
        self.out.reserve_exact(grams.len() + head.len());
        self.out.extend(grams);
        let start = self.out.len();
        self.out.extend(head);
        Ok((self.out, start))
    }
}
