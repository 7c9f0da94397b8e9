//! The token index of a file: which blocks of rows have which words, so that a needle decodes a block instead of a file.
//!
//! A word is a run of ASCII letters, digits, `_` and bytes of other scripts; words of the line and of metadata values are
//! kept together. All words of a file stand sorted in one dictionary, cut into chunks that are compressed alone; beside
//! each chunk stand the blocks of its words. A whole word is found in one chunk; a part of a word by searching the text
//! of the dictionary, which is small against the lines: random ids, which would fill it, are not in it but have samples of
//! their digits kept. What the index says is a superset: rows are tested afterwards.

mod blocks;
mod build;
mod chunk;
mod grams;
mod head;
mod ids;
mod join;
mod lookup;
mod need;
mod pack;
mod postings;
mod regex;
pub(crate) mod varint;
mod words;

pub(crate) use self::blocks::Blocks;
pub(crate) use self::build::Builder;
pub(crate) use self::grams::COARSE;
pub(crate) use self::head::{Head, Part, Place};
pub(crate) use self::join::{ReadPart, join};
pub(crate) use self::lookup::{Chunks, blocks};
pub(crate) use self::need::Need;
pub(crate) use self::words::{folded, is_word, word_hash};

/// Where the index is, in the metadata of the file.
pub(crate) const INDEX_KEY: &str = "lapidary.index";
/// Rows of a block, and of a page in the file.
pub(crate) const BLOCK_ROWS: usize = 2_048;

/// Why bytes cannot be believed. A file with a damaged index is read without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damaged(pub(crate) &'static str);

#[cfg(test)]
mod tests;
