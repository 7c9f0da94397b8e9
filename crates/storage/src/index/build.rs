//! Gathers the words of a file while it is written, block by block, and writes the index.
//!
//! Most words of a block were there a moment before: they are recognised by 64 bits of a seeded hash, which takes another
//! word for one of them less than once in 100 PB. A word that is new in its block is compared with its text. Which words
//! a block has is one list of numbers a block; they are turned around when the file ends. Of ids only samples are kept.

use std::hash::{BuildHasher, RandomState};

use super::grams::{COARSE, Key};
use super::head::order;
use super::ids;
use super::pack::Packer;
use super::words::{self, FACTOR, MAX_WORD, word_hash};
use crate::pattern::Patterns;

/// Words that a block remembers having, by the low bits of their hash.
const RECENT: usize = 1 << 14;
/// No word.
const NOBODY: u64 = u64::MAX;

/// The words of a file so far.
#[derive(Debug)]
pub(crate) struct Builder {
    seed: u64,
    /// Texts of all words, one behind the other.
    texts: Vec<u8>,
    words: Vec<Word>,
    /// Upper half of the hash and number of each word: open addressing, a power of two.
    table: Vec<u64>,
    /// Hashes of words of the current block.
    recent: Vec<u64>,
    /// Words of the blocks, each once a block, and where each block ends.
    found: Vec<u32>,
    ends: Vec<usize>,
    long: Vec<u32>,
    /// Samples of ids of the blocks, some more than once, and where each block ends.
    grams: Vec<Key>,
    gram_ends: Vec<usize>,
    rows: u64,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    start: u32,
    len: u32,
    /// The block it was found in last; none is this many.
    block: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            seed: RandomState::new().hash_one(FACTOR),
            texts: Vec::new(),
            words: Vec::new(),
            table: vec![NOBODY; 1 << 14],
            recent: vec![0; RECENT],
            found: Vec::new(),
            ends: Vec::new(),
            long: Vec::new(),
            grams: Vec::new(),
            gram_ends: Vec::new(),
            rows: 0,
        }
    }
}

impl Builder {
    /// Adds the words of a text to the current block.
    pub(crate) fn add(&mut self, text: &[u8]) {
        words::each(text, |at| {
            self.add_word(text.get(at).unwrap_or_default());
        });
    }

    /// Adds the words of a line, and its pattern to the others.
    pub(crate) fn add_line(&mut self, line: &str, patterns: &mut Patterns) {
        patterns.begin();
        words::each(line.as_bytes(), |at| {
            let hash = self.add_word(line.as_bytes().get(at.clone()).unwrap_or_default());
            patterns.word(line.as_bytes(), at, hash);
        });
        patterns.end(line);
    }

    /// Ends the current block, which had so many rows.
    pub(crate) fn end_block(&mut self, rows: usize) {
        self.rows += rows as u64;
        self.ends.push(self.found.len());
        self.gram_ends.push(self.grams.len());
        self.recent.fill(0);
    }

    /// Bytes it takes, more or less.
    pub(crate) fn memory_size(&self) -> usize {
        self.texts.capacity()
            + self.words.capacity() * size_of::<Word>()
            + self.table.len() * size_of::<u64>()
            + self.found.capacity() * size_of::<u32>()
            + self.grams.capacity() * size_of::<Key>()
            // Their order, once the file ends.
            + self.grams.len() * size_of::<u64>()
    }

    /// Gives the word's hash; that of long ones is zero.
    #[inline]
    fn add_word(&mut self, word: &[u8]) -> u64 {
        if word.len() > MAX_WORD {
            self.add_long();
            return 0;
        }
        let hash = word_hash(self.seed, word);
        let recent = &mut self.recent[low(hash) as usize % RECENT];
        if *recent != hash {
            *recent = hash;
            self.add_new(hash, word);
        }
        hash
    }

    /// Adds a word that the block may not have yet.
    fn add_new(&mut self, hash: u64, word: &[u8]) {
        let Some((before, id)) = ids::split(word) else { return self.add_to_dictionary(hash, word) };
        ids::samples(id, |key| self.grams.push(key));
        if !before.is_empty() {
            self.add_to_dictionary(word_hash(self.seed, before), before);
        }
    }

    fn add_to_dictionary(&mut self, hash: u64, word: &[u8]) {
        let number = self.number(hash, word);
        let block = self.block();
        let Some(entry) = self.words.get_mut(number as usize) else { return };
        if entry.block != block {
            entry.block = block;
            self.found.push(number);
        }
    }

    fn add_long(&mut self) {
        let block = self.block();
        if self.long.last() != Some(&block) {
            self.long.push(block);
        }
    }

    fn block(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    fn text(&self, word: &Word) -> &[u8] {
        self.texts.get(word.start as usize..(word.start + word.len) as usize).unwrap_or_default()
    }

    /// The number of a word, which is new if it was not there yet.
    fn number(&mut self, hash: u64, word: &[u8]) -> u32 {
        let upper = hash & !u64::from(u32::MAX);
        let mut slot = self.slot(hash);
        loop {
            let known = self.table[slot];
            if known == NOBODY {
                break;
            }
            let number = low(known);
            if known ^ u64::from(number) == upper
                && self.words.get(number as usize).is_some_and(|entry| self.text(entry) == word)
            {
                return number;
            }
            slot = (slot + 1) % self.table.len();
        }
        // A file is closed long before it has 2^32 bytes of words.
        let (Ok(number), Ok(start)) = (u32::try_from(self.words.len()), u32::try_from(self.texts.len())) else {
            return u32::MAX;
        };
        self.table[slot] = upper | u64::from(number);
        self.texts.extend_from_slice(word);
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_WORD")]
        self.words.push(Word { start, len: word.len() as u32, block: u32::MAX });
        if self.table.len() * 3 < self.words.len() * 4 {
            self.grow();
        }
        number
    }

    /// By the upper half of the hash, which is all that the table keeps of it.
    const fn slot(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.table.len() - 1)
    }

    fn grow(&mut self) {
        let larger = vec![NOBODY; self.table.len() * 2];
        for entry in std::mem::replace(&mut self.table, larger).into_iter().filter(|entry| *entry != NOBODY) {
            let mut slot = self.slot(entry);
            while self.table[slot] != NOBODY {
                slot = (slot + 1) % self.table.len();
            }
            self.table[slot] = entry;
        }
    }

    /// The index: all chunks, then the head, and where the head begins.
    pub(crate) fn finish(mut self) -> std::io::Result<(Vec<u8>, usize)> {
        // What only gathering needs makes room for what comes now.
        self.table = Vec::new();
        self.recent = Vec::new();
        let (starts, places) = self.turned();
        self.found = Vec::new();
        let of = |number: u32| -> &[u32] {
            let at = |number: usize| starts.get(number).map_or(0, |start| *start as usize);
            places.get(at(number as usize)..at(number as usize + 1)).unwrap_or_default()
        };
        let mut packer = Packer::new(self.ends.len().next_multiple_of(COARSE));
        for number in self.sorted() {
            let Some(word) = self.words.get(number as usize) else { continue };
            packer.push(self.text(word), of(number))?;
        }
        for gram in self.sorted_grams() {
            packer.push_block_of_ids(low(gram) as usize);
            packer.push_gram(gram >> 32, u64::from(low(gram)));
        }
        packer.finish(self.rows, self.long.iter().map(|block| *block as usize))
    }

    /// The blocks of each word, ascending, one word behind the other, and where each word's begin.
    fn turned(&self) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0_u32; self.words.len() + 1];
        for number in &self.found {
            starts[*number as usize + 1] += 1;
        }
        for word in 1..starts.len() {
            starts[word] += starts[word - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; self.found.len()];
        let mut start = 0;
        for (block, end) in (0..).zip(&self.ends) {
            for number in self.found.get(start..*end).unwrap_or_default() {
                let place = &mut next[*number as usize];
                places[*place as usize] = block;
                *place += 1;
            }
            start = *end;
        }
        (starts, places)
    }

    /// The samples in their order: the key in the upper half, the block in the lower.
    fn sorted_grams(&mut self) -> Vec<u64> {
        let keys = std::mem::take(&mut self.grams);
        let mut grams = Vec::with_capacity(keys.len());
        let mut start = 0;
        for (block, end) in (0_u64..).zip(&self.gram_ends) {
            let keys = keys.get(start..*end).unwrap_or_default();
            grams.extend(keys.iter().map(|key| u64::from(key.number()) << 32 | block));
            start = *end;
        }
        grams.sort_unstable();
        grams
    }

    /// Numbers of the words in their order.
    fn sorted(&self) -> Vec<u32> {
        let mut keyed: Vec<(u32, u64, u32)> = Vec::with_capacity(self.words.len());
        keyed.extend(self.words.iter().zip(0..).map(|(word, number)| (word.len, prefix(self.text(word)), number)));
        let text = |number: u32| self.words.get(number as usize).map_or(&[][..], |word| self.text(word));
        keyed.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| order(text(a.2), text(b.2))));
        keyed.into_iter().map(|(_, _, number)| number).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is the low half that is wanted")]
const fn low(number: u64) -> u32 {
    number as u32
}

/// The first eight bytes as a number that compares as they do.
fn prefix(word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}
