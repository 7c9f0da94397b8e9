//! The index of a file that is made of others, one behind the other: their dictionaries merged, without looking at a line.

use std::ops::Range;

use super::grams::{Bucket, of_entry};
use super::head::{Head, Part, order};
use super::pack::Packer;
use super::{Blocks, Damaged, postings};

/// Reads bytes of an index, counted from its first.
pub(crate) trait ReadPart {
    /// Why it cannot be read; damage among others.
    type Error: From<Damaged> + From<std::io::Error>;
    /// The bytes of a part, as they are in the file.
    fn read(&self, at: &Range<u64>) -> Result<Vec<u8>, Self::Error>;
}

/// The index of files whose blocks stand one behind the other: its bytes, and where the head begins in them.
pub(crate) fn join<R: ReadPart>(inputs: &[(&Head, R)]) -> Result<(Vec<u8>, usize), R::Error> {
    let (mut cursors, mut rows, mut blocks, mut long) = (Vec::with_capacity(inputs.len()), 0, 0, Vec::new());
    let mut ids = Vec::with_capacity(inputs.len());
    for (head, reader) in inputs {
        ids.push(IdCursor { head, reader, before: blocks as u64, next: 0, entries: Vec::new() });
        cursors.push(Cursor::open(head, reader, blocks)?);
        long.extend(head.long.iter().map(|block| blocks + block));
        rows += head.rows;
        blocks += head.blocks;
    }
    let mut packer = Packer::new(blocks);
    let mut before = 0;
    for (head, _) in inputs {
        head.ids.blocks.iter().for_each(|block| packer.push_block_of_ids(before + block));
        before += head.blocks;
    }
    let (mut word, mut found) = (Vec::new(), Vec::new());
    while let Some(first) = cursors.iter().filter_map(Cursor::word).min_by(|a, b| order(a, b)) {
        word.clear();
        word.extend_from_slice(first);
        found.clear();
        for cursor in &mut cursors {
            if cursor.word() == Some(&word) {
                cursor.take(&mut found)?;
            }
        }
        packer.push(&word, &found)?;
    }
    join_ids(&mut ids, &mut packer)?;
    Ok(packer.finish(rows, long.into_iter())?)
}

/// Samples of ids have their order by key and then by block, and blocks of an earlier input come first.
fn join_ids<R: ReadPart>(cursors: &mut [IdCursor<'_, R>], packer: &mut Packer) -> Result<(), R::Error> {
    cursors.iter_mut().try_for_each(IdCursor::load)?;
    while let Some(cursor) = cursors
        .iter_mut()
        .filter(|cursor| !cursor.entries.is_empty())
        .min_by_key(|cursor| cursor.entries.last().copied())
    {
        if let Some((key, block)) = cursor.entries.pop() {
            packer.push_gram(key, block);
        }
        if cursor.entries.is_empty() {
            cursor.load()?;
        }
    }
    Ok(())
}

/// The samples of ids of one input, in their order.
struct IdCursor<'a, R> {
    head: &'a Head,
    reader: &'a R,
    before: u64,
    next: usize,
    /// Key and block in the whole, the next one last.
    entries: Vec<(u64, u64)>,
}

impl<R: ReadPart> IdCursor<'_, R> {
    fn load(&mut self) -> Result<(), R::Error> {
        let Some(bucket) = self.head.grams().get(self.next) else { return Ok(()) };
        self.next += 1;
        let bytes = self.reader.read(&bucket.at)?;
        bucket.check(&bytes)?;
        self.entries = decoded(bucket, &bytes, self.head.blocks as u64, self.before)?;
        Ok(())
    }
}

fn decoded(bucket: &Bucket, bytes: &[u8], blocks: u64, before: u64) -> Result<Vec<(u64, u64)>, Damaged> {
    let mut entries = Vec::new();
    bucket.each(bytes, |entry| {
        let (key, of) = of_entry(entry, blocks);
        entries.push((key, before + of.start));
        true
    })?;
    entries.reverse();
    Ok(entries)
}

/// The words of one input, in their order.
struct Cursor<'a, R> {
    head: &'a Head,
    reader: &'a R,
    /// Blocks before those of this input.
    before: usize,
    next_chunk: usize,
    /// The words of the chunk that are left, each behind a newline, and their blocks.
    text: Vec<u8>,
    word: Range<usize>,
    lists: Vec<u8>,
    list: usize,
    blocks: Blocks,
}

impl<'a, R: ReadPart> Cursor<'a, R> {
    fn open(head: &'a Head, reader: &'a R, before: usize) -> Result<Self, R::Error> {
        let blocks = Blocks::none(head.blocks);
        let (text, lists) = (Vec::new(), Vec::new());
        let mut cursor = Self { head, reader, before, next_chunk: 0, text, word: 0..0, lists, list: 0, blocks };
        cursor.load()?;
        Ok(cursor)
    }

    /// The word that comes next; `None` at the end.
    fn word(&self) -> Option<&[u8]> {
        self.text.get(self.word.clone()).filter(|word| !word.is_empty())
    }

    /// Adds the blocks of the word, as they are in the whole, and goes on to the next.
    fn take(&mut self, found: &mut Vec<u32>) -> Result<(), R::Error> {
        let mut rest = self.lists.get(self.list..).unwrap_or_default();
        self.blocks.clear();
        postings::read(&mut rest, self.head.blocks, Some(&mut self.blocks))?;
        self.list = self.lists.len() - rest.len();
        let before = self.before;
        found.extend(self.blocks.iter().filter_map(|block| u32::try_from(before + block).ok()));
        self.step(self.word.end + 1);
        if self.word.is_empty() { self.load() } else { Ok(()) }
    }

    /// Makes the word that starts at `start` the next one; an empty one when there is none.
    fn step(&mut self, start: usize) {
        let rest = self.text.get(start..).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest).unwrap_or(0);
        self.word = start..start + len;
    }

    fn load(&mut self) -> Result<(), R::Error> {
        let Some((text, lists)) = self.head.parts(self.next_chunk) else {
            self.text = Vec::new();
            return Ok(());
        };
        let decoded = |part: &Part| Ok::<_, R::Error>(part.decode(&self.reader.read(&part.at)?)?);
        (self.text, self.lists, self.list) = (decoded(text)?, decoded(lists)?, 0);
        self.next_chunk += 1;
        self.step(1);
        if self.word.is_empty() { Err(Damaged("a chunk has no word").into()) } else { Ok(()) }
    }
}
