//! A set of blocks of a file.

/// Blocks by number, as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocks {
    len: usize,
    words: Vec<u64>,
}

impl Blocks {
    /// None of `len` blocks.
    pub(crate) fn none(len: usize) -> Self {
        Self { len, words: vec![0; len.div_ceil(64)] }
    }

    /// Reads one bit a block, the first in the lowest bit; bits beyond the last are ignored.
    pub(super) fn from_bytes(len: usize, bytes: &[u8]) -> Self {
        let mut blocks = Self::none(len);
        let all = (0..len).filter(|block| bytes.get(block / 8).is_some_and(|byte| byte >> (block % 8) & 1 == 1));
        all.for_each(|block| blocks.insert(block));
        blocks
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.words.iter().flat_map(|word| word.to_le_bytes());
        bytes.take(self.len.div_ceil(8)).collect()
    }

    /// How many blocks there are to choose from.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a block; one that does not exist is ignored.
    pub(crate) fn insert(&mut self, block: usize) {
        if block < self.len
            && let Some(word) = self.words.get_mut(block / 64)
        {
            *word |= 1 << (block % 64);
        }
    }

    pub(crate) fn contains(&self, block: usize) -> bool {
        self.words.get(block / 64).is_some_and(|word| word >> (block % 64) & 1 == 1)
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Keeps what is in both.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds what is in the other.
    pub(crate) fn unite(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// All of them, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let next = |left: &u64| Some(left & left.wrapping_sub(1)).filter(|left| *left != 0);
            let first = Some(*word).filter(|word| *word != 0);
            std::iter::successors(first, next).map(move |left| at * 64 + left.trailing_zeros() as usize)
        })
    }

    /// Takes all of them away.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Whether all of the other's blocks are in it.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(word, other)| other & !word == 0)
    }
}
