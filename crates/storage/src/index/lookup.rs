//! Answers which blocks may have what is needed.
//!
//! A word, or the beginning of one, is looked for in the chunks where it must stand; an end or a middle in the text of
//! all chunks with words as long, unless so few blocks are left that reading them costs less. What may be in an id, which
//! is in no dictionary, is looked for by the samples that it must have.

use std::ops::Range;
use std::sync::Arc;

use ::regex::bytes::RegexBuilder;
use memchr::memmem::Finder;

use super::grams::Key;
use super::head::{Head, Ids, order};
use super::need::{Need, Term, Text};
use super::words::MAX_WORD;
use super::{Blocks, Damaged, grams, ids, postings, regex};

/// Searching this many chunks costs about as much as reading a block.
const CHUNKS_PER_BLOCK: usize = 16;
/// Chunks that are read together; decompressed they take 4 MiB.
const CHUNKS_AT_ONCE: usize = 16;
/// An expression over words may take this much memory when it is compiled.
const PATTERN_BYTES: usize = 1 << 20;

/// Gives out the decompressed parts of an index.
pub(crate) trait Chunks {
    /// Why one cannot be had; damage among others.
    type Error: From<Damaged>;
    /// The words of some chunks, each between newlines.
    fn texts(&self, chunks: Range<usize>) -> Result<Vec<Arc<Vec<u8>>>, Self::Error>;
    /// The blocks of the words of a chunk.
    fn postings(&self, chunk: usize) -> Result<Arc<Vec<u8>>, Self::Error>;
    /// A stretch of the samples of ids, as it stands in the file; checked.
    fn grams(&self, bucket: usize) -> Result<Arc<Vec<u8>>, Self::Error>;
}

/// Those of the blocks `within` that may have a row with what is needed; none of the others matters.
pub(crate) fn blocks<C: Chunks>(head: &Head, need: &Need, chunks: &C, within: &Blocks) -> Result<Blocks, C::Error> {
    if within.is_empty() {
        return Ok(within.clone());
    }
    Ok(match need {
        Need::Anything => within.clone(),
        Need::Nothing => Blocks::none(head.blocks),
        Need::All(needs) => {
            let mut needs: Vec<&Need> = needs.iter().collect();
            needs.sort_by_key(|need| searches_all(need));
            let mut left = within.clone();
            for need in needs {
                left = blocks(head, need, chunks, &left)?;
            }
            left
        }
        Need::Any(needs) => {
            let mut found = Blocks::none(head.blocks);
            for need in needs {
                found.unite(&blocks(head, need, chunks, within)?);
            }
            found
        }
        Need::Word(term) => {
            let mut found = term.blocks(head, chunks, within)?;
            found.intersect(within);
            found
        }
    })
}

/// Whether the text of the whole dictionary is searched.
fn searches_all(need: &Need) -> bool {
    match need {
        Need::Anything | Need::Nothing => false,
        Need::All(needs) | Need::Any(needs) => needs.iter().any(searches_all),
        Need::Word(term) => term.searches_all(),
    }
}

impl Term {
    /// Whether much of the dictionary is searched.
    fn searches_all(&self) -> bool {
        !self.starts || matches!(self.text, Text::Pieces(_))
    }

    fn blocks<C: Chunks>(&self, head: &Head, chunks: &C, within: &Blocks) -> Result<Blocks, C::Error> {
        let mut found = Blocks::none(head.blocks);
        if !(self.starts && self.ends) || self.is_long() {
            found.unite(&head.long);
        }
        if self.is_long() {
            return Ok(found);
        }
        found.unite(&self.in_ids(head, &head.ids, chunks, within)?);
        if self.is_id() {
            return Ok(found);
        }
        found.unite(&self.in_dictionary(head, chunks, within)?);
        Ok(found)
    }

    /// Whether it is a whole word that ends in an id, so that no dictionary has it.
    fn is_id(&self) -> bool {
        matches!(&self.text, Text::Plain(text) if self.starts && self.ends && ids::split(text).is_some())
    }

    /// Blocks with words that end in an id and have this term in such a way that it ends within the id.
    fn in_ids<C: Chunks>(&self, head: &Head, listed: &Ids, chunks: &C, within: &Blocks) -> Result<Blocks, C::Error> {
        let none = Blocks::none(head.blocks);
        let Some(before) = self.text.before_id() else { return Ok(none) };
        if self.starts && self.ends && matches!(self.text, Text::Plain(_)) && !self.is_id() {
            return Ok(none);
        }
        let mut found = listed.blocks.clone();
        found.intersect(within);
        if found.is_empty() {
            return Ok(found);
        }
        let find = |keys: &Range<u64>, into: &mut Blocks| grams::find(head, &listed.buckets, keys, chunks, into);
        // The digits that are known for certain, and whether the id begins with them.
        if let Text::Plain(text) = &self.text {
            let (_, digits) = ids::cut(text);
            if self.starts || !before.is_empty() {
                narrow_to_beginning(digits, &mut found, find)?;
            } else {
                narrow_to_inside(digits, &mut found, find)?;
            }
        }
        if !before.is_empty() && !found.is_empty() {
            let ends = matches!(self.text, Text::Plain(_));
            let before = Self { starts: self.starts, ends, text: before };
            found.intersect(&before.in_dictionary(head, chunks, &found)?);
        }
        Ok(found)
    }

    fn in_dictionary<C: Chunks>(&self, head: &Head, chunks: &C, within: &Blocks) -> Result<Blocks, C::Error> {
        let mut found = Blocks::none(head.blocks);
        let ranges = self.ranges(head);
        let searched: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        if self.searches_all() && within.count() * CHUNKS_PER_BLOCK < searched {
            return Ok(within.clone());
        }
        let Some(search) = Search::new(self) else { return Ok(within.clone()) };
        for range in ranges {
            for start in range.clone().step_by(CHUNKS_AT_ONCE) {
                if found.covers(within) {
                    return Ok(found);
                }
                let some = start..range.end.min(start + CHUNKS_AT_ONCE);
                for (chunk, text) in some.clone().zip(chunks.texts(some)?) {
                    search.each(&text, || chunks.postings(chunk), &mut found)?;
                }
            }
        }
        Ok(found)
    }

    /// Whether only words that are not in the dictionary can have it.
    fn is_long(&self) -> bool {
        matches!(&self.text, Text::Plain(text) if text.len() > MAX_WORD)
    }

    /// The chunks where words with this term stand, ascending.
    fn ranges(&self, head: &Head) -> Vec<Range<usize>> {
        let Text::Plain(text) = &self.text else { return std::iter::once(0..head.chunks.len()).collect() };
        let alone = head.chunks_between(text, text);
        if self.starts && self.ends {
            return vec![alone];
        }
        if !self.starts {
            // The word itself, or one that is longer.
            let longer = head.chunk_of(&vec![0; text.len() + 1])..head.chunks.len();
            return joined(vec![alone, longer]);
        }
        // Of each length that there is, the words that begin so.
        let longest = head.chunks.last().map_or(0, |_| MAX_WORD);
        let mut ranges = vec![alone];
        for len in text.len() + 1..=longest {
            let fill = |byte| text.iter().copied().chain(std::iter::repeat(byte)).take(len).collect::<Vec<u8>>();
            ranges.push(head.chunks_between(&fill(0), &fill(u8::MAX)));
        }
        joined(ranges)
    }
}

/// Leaves the blocks with an id that may begin with these digits.
fn narrow_to_beginning<E>(
    digits: &[u8],
    found: &mut Blocks,
    find: impl Fn(&Range<u64>, &mut Blocks) -> Result<(), E>,
) -> Result<(), E> {
    if digits.len() < ids::MIN_HEAD {
        return Ok(());
    }
    let short = (digits.len() < ids::GRAM).then(|| Key::heads(digits));
    let keys = ids::beginning(digits).into_iter().map(Key::range).chain(short);
    for keys in keys {
        let mut having = Blocks::none(found.len());
        find(&keys, &mut having)?;
        found.intersect(&having);
        if found.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Leaves the blocks with an id that may have these digits somewhere in it.
fn narrow_to_inside<E>(
    digits: &[u8],
    found: &mut Blocks,
    find: impl Fn(&Range<u64>, &mut Blocks) -> Result<(), E>,
) -> Result<(), E> {
    for wanted in ids::inside(digits) {
        let mut any = Blocks::none(found.len());
        for all in wanted {
            let mut having = found.clone();
            for one_of in all {
                let mut with = Blocks::none(found.len());
                one_of.iter().try_for_each(|key| find(&key.range(), &mut with))?;
                having.intersect(&with);
                if having.is_empty() {
                    break;
                }
            }
            any.unite(&having);
        }
        found.intersect(&any);
    }
    Ok(())
}

impl Head {
    /// The chunk in which a word stands if it is there.
    fn chunk_of(&self, word: &[u8]) -> usize {
        self.chunks.partition_point(|chunk| order(&chunk.first, word).is_le()).saturating_sub(1)
    }

    /// The chunks in which words from one to the other stand.
    fn chunks_between(&self, first: &[u8], last: &[u8]) -> Range<usize> {
        let end = self.chunks.partition_point(|chunk| order(&chunk.first, last).is_le());
        self.chunk_of(first).min(end)..end
    }
}

/// Makes one of ranges that meet; they ascend.
fn joined(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        match all.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// Finds words by their text among others.
enum Search {
    Plain(Box<Finder<'static>>),
    Pattern(::regex::bytes::Regex),
}

impl Search {
    fn new(term: &Term) -> Option<Self> {
        let newline = |wanted: bool| if wanted { "\n" } else { "" };
        let (before, after) = (newline(term.starts), newline(term.ends));
        match &term.text {
            Text::Plain(text) => {
                let needle = [before.as_bytes(), text, after.as_bytes()].concat();
                Some(Self::Plain(Box::new(Finder::new(&needle).into_owned())))
            }
            Text::Pieces(pieces) => {
                let pattern = format!("{before}{}{after}", regex::pattern(pieces));
                let built = RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES).build();
                built.ok().map(Self::Pattern)
            }
        }
    }

    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        match self {
            Self::Plain(finder) => text.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at),
            Self::Pattern(regex) => regex.find_at(text, from).map(|found| found.start()),
        }
    }

    /// Adds the blocks of each word in a chunk's text that is found.
    fn each<E: From<Damaged>>(
        &self,
        text: &[u8],
        lists: impl FnOnce() -> Result<Arc<Vec<u8>>, E>,
        into: &mut Blocks,
    ) -> Result<(), E> {
        let Some(mut hit) = self.find(text, 0) else { return Ok(()) };
        let lists = lists()?;
        let mut lists = lists.as_slice();
        // The newline that is next, which stands before the word whose list is next.
        let mut newline = 0;
        loop {
            // A hit begins at the newline before its word or within the word.
            let start = text.get(..=hit).and_then(|before| memchr::memrchr(b'\n', before)).unwrap_or(0);
            let skipped = text.get(newline..start).map_or(0, |words| memchr::memchr_iter(b'\n', words).count());
            (0..skipped).try_for_each(|_| postings::read(&mut lists, into.len(), None))?;
            postings::read(&mut lists, into.len(), Some(into))?;
            newline = text
                .get(start + 1..)
                .and_then(|rest| memchr::memchr(b'\n', rest))
                .map_or(text.len(), |end| start + 1 + end);
            match self.find(text, newline) {
                Some(next) => hit = next,
                None => return Ok(()),
            }
        }
    }
}
