//! Learns the patterns of a file while it is written, line by line.
//!
//! A word stays in the pattern while few other words were seen in its context: behind the same word that stays, with the
//! same in between. So `http_status=` keeps its values, and `order_id=` does not.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringBuilder};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use super::{Mark, REST};
use crate::index::{folded, word_hash};
use crate::seen::Identity;

/// Different words of a context that stay, without and with decimals; when there are more, all of them differ.
const FEW: usize = 24;
const FEW_NUMBERS: usize = 8;
/// What follows the name of a field; and names of a file that stay whatever their context.
const NAME_ENDS: [&str; 2] = ["=", "\":"];
const NAMES: usize = 512;
/// Decimals in a word of this length make it an id or a measure.
const NUMBER: usize = 5;
/// A longer word is no word of a language.
const LONG: usize = 64;
/// A pattern ends where it gets longer.
const PATTERN_BYTES: usize = 2_048;
/// Lines are of one kind if the same stands between their first words, this many.
const KIND_WORDS: usize = 24;
/// Patterns of a kind. Of further lines only the words stay that are alone in their context, and names of fields: so lines
/// with many fields of few values each do not have a pattern for each line.
const KIND_BYTES: usize = 64 << 10;
/// Patterns of a file; lines of others have none. They fit into one dictionary of Parquet.
pub(crate) const FILE_BYTES: usize = 1 << 20;
/// Contexts of a file; words in others differ.
const CONTEXTS: usize = 1 << 16;

/// The patterns of a file so far.
#[derive(Debug)]
pub(crate) struct Patterns {
    seed: u64,
    /// The words that were seen in a context, by its hash; none when there are too many.
    contexts: HashMap<u64, Option<Vec<u64>>, ByHash>,
    recent: Recent,
    numbers: HashMap<u64, usize, ByHash>,
    /// Names of fields, by their hash.
    names: HashSet<u64, ByHash>,
    /// Bytes of the patterns of a kind, by its hash.
    kinds: HashMap<u64, usize, ByHash>,
    texts: Vec<Arc<str>>,
    bytes: usize,
    line: Line,
    /// Patterns of the current batch, in order of appearance, and the place of each among them.
    batch: Vec<usize>,
    places: Vec<Option<i32>>,
    keys: Vec<Option<i32>>,
}

/// Tables of what is a seeded hash already.
type ByHash = BuildHasherDefault<Identity>;

/// The line that is being read. Its pattern is known by a hash, and only put together when it is new.
#[derive(Debug, Default)]
struct Line {
    pieces: Vec<Piece>,
    /// Hash and length of the pattern so far.
    pattern: u64,
    len: usize,
    /// Where the word before ended.
    end: usize,
    /// Hash of the last word that stays and of what followed.
    context: u64,
    /// Where the whole part of a number of JSON ended.
    number_end: Option<usize>,
    /// Whether no word without decimals was seen: a line begins with a time or an address.
    is_head: bool,
    is_cut: bool,
}

/// A word of the line, and its hash.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: usize,
    end: usize,
    hash: u64,
    found: Found,
    mark: Mark,
}

/// What a word is in its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The only one so far.
    Alone,
    OneOfFew,
    Differs,
}

impl Piece {
    /// What stands for the word in the hash of a pattern.
    const fn term(&self, stays: bool) -> u64 {
        // Above all bits of what stands between words, if that is short, which is added to it.
        if stays { self.hash } else { (1 + self.mark as u64) << 60 }
    }
}

impl Line {
    /// Begins anew.
    fn begin(&mut self, seed: u64) {
        self.pieces.clear();
        (self.pattern, self.context) = (seed, seed);
        (self.len, self.end, self.number_end) = (0, 0, None);
        (self.is_head, self.is_cut) = (true, false);
    }

    /// What stands for a word that differs. Only decimals that JSON takes for a number are one: behind the name of a field
    /// without leading zeros, or behind the point of such a number.
    fn mark(&mut self, between: &[u8], word: &[u8], at: &Range<usize>) -> Mark {
        let whole_end = self.number_end.take();
        if !word.iter().all(u8::is_ascii_digit) {
            return Mark::Word;
        }
        if between == b"." && whole_end == at.start.checked_sub(1) {
            return Mark::Number;
        }
        let mut before = between;
        while let [rest @ .., b' ' | b'-'] = before {
            before = rest;
        }
        if before.ends_with(b"\":") && (word.len() == 1 || !word.starts_with(b"0")) {
            self.number_end = Some(at.end);
            return Mark::Number;
        }
        Mark::Word
    }

    /// Adds a word and what stands before it, as one number.
    fn push(&mut self, piece: Piece, between: u64) {
        let shown = if piece.found == Found::Differs { piece.mark.sign().len() } else { piece.end - piece.start };
        self.len += piece.start - self.end + shown;
        self.pattern = folded(self.pattern ^ between ^ piece.term(piece.found != Found::Differs));
        self.end = piece.end;
        self.pieces.push(piece);
    }

    /// Adds what stands behind the last word.
    fn finish(&mut self, rest: &[u8], seed: u64) {
        self.is_cut |= PATTERN_BYTES < self.len + rest.len();
        let rest = if self.is_cut { REST.as_bytes() } else { rest };
        self.len += rest.len();
        self.pattern = folded(self.pattern ^ number(seed, rest)) ^ u64::from(self.is_cut);
    }

    /// Hashes of the line's kind, and of its pattern with only those words that are alone in their context, and names of
    /// fields.
    fn kind_and_common(&self, line: &[u8], seed: u64) -> (u64, u64) {
        let (mut kind, mut common, mut end) = (seed, seed, 0);
        for (nth, piece) in self.pieces.iter().enumerate() {
            let between = number(seed, line.get(end..piece.start).unwrap_or_default());
            if nth < KIND_WORDS {
                kind = folded(kind ^ between);
            }
            common = folded(common ^ between ^ piece.term(piece.found == Found::Alone));
            end = piece.end;
        }
        let rest = if self.is_cut { REST.as_bytes() } else { line.get(end..).unwrap_or_default() };
        (kind, folded(common ^ number(seed, rest)) ^ u64::from(self.is_cut))
    }

    /// The pattern, with those words of the line that stay.
    fn text(&self, line: &str, stays: impl Fn(Found) -> bool) -> Arc<str> {
        let (mut text, mut end) = (String::with_capacity(self.len), 0);
        for piece in &self.pieces {
            text.push_str(line.get(end..piece.start).unwrap_or_default());
            let word = line.get(piece.start..piece.end).unwrap_or_default();
            text.push_str(if stays(piece.found) { word } else { piece.mark.sign() });
            end = piece.end;
        }
        text.push_str(if self.is_cut { REST } else { line.get(end..).unwrap_or_default() });
        text.into()
    }
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            seed: RandomState::new().hash_one(REST),
            contexts: HashMap::default(),
            recent: Recent::default(),
            numbers: HashMap::default(),
            names: HashSet::default(),
            kinds: HashMap::default(),
            texts: Vec::new(),
            bytes: 0,
            line: Line::default(),
            batch: Vec::new(),
            places: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Patterns {
    /// Begins a line.
    pub(crate) fn begin(&mut self) {
        self.line.begin(self.seed);
    }

    /// Takes the next word of the line, which lies `at` this place and has this hash.
    #[inline]
    pub(crate) fn word(&mut self, text: &[u8], at: Range<usize>, hash: u64) {
        let line = &mut self.line;
        let parts = text.get(line.end..at.start).zip(text.get(at.clone()));
        let fits = |(between, word): &(&[u8], &[u8])| line.len + between.len() + word.len() <= PATTERN_BYTES;
        let Some((between, word)) = parts.filter(|parts| !line.is_cut && fits(parts)) else {
            line.is_cut = true;
            return;
        };
        let between_number = number(self.seed, between);
        let context = folded(line.context ^ between_number);
        let follows = text.get(at.end..).unwrap_or_default();
        let is_name = NAME_ENDS.iter().any(|sign| follows.starts_with(sign.as_bytes()));
        let found = if is_name && self.is_known_name(word, hash) {
            self.line.is_head = false;
            Found::Alone
        } else {
            self.found(context, word, hash)
        };
        let line = &mut self.line;
        line.context = if found == Found::Differs { context } else { hash };
        let mark = line.mark(between, word, &at);
        line.push(Piece { start: at.start, end: at.end, hash, found, mark }, between_number);
    }

    fn is_known_name(&mut self, word: &[u8], word_hash: u64) -> bool {
        self.names.contains(&word_hash)
            || word.len() <= LONG && self.names.len() < NAMES && self.names.insert(word_hash)
    }

    fn found(&mut self, context: u64, word: &[u8], word_hash: u64) -> Found {
        let has_decimals = word.iter().any(u8::is_ascii_digit);
        self.line.is_head &= has_decimals;
        if LONG < word.len() || has_decimals && (self.line.is_head || NUMBER <= word.len()) {
            return Found::Differs;
        }
        // Numbers and names of one place are told apart.
        let context = context ^ u64::from(has_decimals);
        if let Some(found) = self.recent.get(context, word_hash) {
            return found;
        }
        let most = if has_decimals { FEW_NUMBERS } else { FEW };
        let found = self.found_anew(context, word_hash, most);
        self.recent.set(context, word_hash, found);
        found
    }

    fn found_anew(&mut self, context: u64, word_hash: u64, most: usize) -> Found {
        let is_full = CONTEXTS <= self.contexts.len();
        let Some(known) = self.contexts.get_mut(&context) else {
            if is_full {
                return Found::Differs;
            }
            self.contexts.insert(context, Some(vec![word_hash]));
            return Found::Alone;
        };
        let Some(words) = known else { return Found::Differs };
        if !words.contains(&word_hash) {
            self.recent.forget();
            if words.len() == most {
                *known = None;
                return Found::Differs;
            }
            words.push(word_hash);
        }
        if words.len() == 1 { Found::Alone } else { Found::OneOfFew }
    }

    /// Ends the line: the next row of the batch.
    pub(crate) fn end(&mut self, text: &str) {
        self.line.finish(text.as_bytes().get(self.line.end..).unwrap_or_default(), self.seed);
        let number = if has_mark(text.as_bytes()) { None } else { self.number(text) };
        let place = number.map(|number| self.place(number));
        self.keys.push(place.flatten());
    }

    /// A row without a line.
    pub(crate) fn none(&mut self) {
        self.keys.push(None);
    }

    fn number(&mut self, text: &str) -> Option<usize> {
        let Line { pattern, len, .. } = self.line;
        if let Some(number) = self.numbers.get(&pattern) {
            return Some(*number);
        }
        let (kind, common) = self.line.kind_and_common(text.as_bytes(), self.seed);
        let of_kind = self.kinds.entry(kind).or_default();
        if *of_kind + len <= KIND_BYTES {
            *of_kind += len;
            return self.add(pattern, self.line.text(text, |found| found != Found::Differs));
        }
        match self.numbers.get(&common) {
            Some(number) => Some(*number),
            None => self.add(common, self.line.text(text, |found| found == Found::Alone)),
        }
    }

    /// A new pattern and its hash; `None` when the file has too many.
    fn add(&mut self, hash: u64, pattern: Arc<str>) -> Option<usize> {
        // Each has four bytes for its length in a dictionary.
        let bytes = self.bytes + pattern.len() + size_of::<u32>();
        if FILE_BYTES < bytes {
            return None;
        }
        let number = self.texts.len();
        self.bytes = bytes;
        self.texts.push(pattern);
        self.places.push(None);
        self.numbers.insert(hash, number);
        Some(number)
    }

    fn place(&mut self, number: usize) -> Option<i32> {
        let place = self.places.get_mut(number)?;
        if place.is_none() {
            *place = i32::try_from(self.batch.len()).ok();
            self.batch.push(number);
        }
        *place
    }

    /// The column of the rows since the last time.
    pub(crate) fn column(&mut self) -> Result<ArrayRef, ArrowError> {
        let texts = || self.batch.iter().filter_map(|number| self.texts.get(*number));
        let mut values = StringBuilder::with_capacity(self.batch.len(), texts().map(|text| text.len()).sum());
        texts().for_each(|text| values.append_value(text));
        for number in self.batch.drain(..) {
            if let Some(place) = self.places.get_mut(number) {
                *place = None;
            }
        }
        let keys = Int32Array::from(std::mem::take(&mut self.keys));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values.finish()))?))
    }

    /// Bytes it takes, more or less.
    pub(crate) fn memory_size(&self) -> usize {
        // A hash and a place of each text, and up to a list of words for each context.
        self.bytes + self.texts.len() * 64 + (self.contexts.len() + self.kinds.len() + self.names.len()) * 96
    }
}

/// What words were found to be lately, in one place each: by their context alone when all words of it differ, else with the
/// word, as long as no context that was known has got another word.
#[derive(Debug)]
struct Recent {
    places: Box<[(u64, u64)]>,
    /// Counts the changes of contexts; the time of what is remembered.
    now: u64,
}

/// Places of [`Recent`]: 32 KiB.
const RECENT: usize = 2_048;
/// A time that is never over: words of such a context differ whatever comes.
const FOREVER: u64 = u64::MAX;

impl Default for Recent {
    fn default() -> Self {
        Self { places: vec![(0, 0); RECENT].into(), now: 2 }
    }
}

impl Recent {
    #[inline]
    fn get(&self, context: u64, word: u64) -> Option<Found> {
        if self.at(context) == FOREVER {
            return Some(Found::Differs);
        }
        match self.at(folded(context ^ word)).checked_sub(self.now) {
            Some(0) => Some(Found::Alone),
            Some(1) => Some(Found::OneOfFew),
            _ => None,
        }
    }

    fn set(&mut self, context: u64, word: u64, found: Found) {
        let (key, told) = match found {
            Found::Alone => (folded(context ^ word), self.now),
            Found::OneOfFew => (folded(context ^ word), self.now + 1),
            Found::Differs => (context, FOREVER),
        };
        self.places[place(key)] = (key, told);
    }

    /// A context has changed: what was found of its words is so no more.
    const fn forget(&mut self) {
        self.now += 2;
    }

    /// What is told of a key; zero when nothing is.
    fn at(&self, key: u64) -> u64 {
        let (known, told) = self.places[place(key)];
        if known == key { told } else { 0 }
    }
}

/// From the upper half of a hash.
const fn place(key: u64) -> usize {
    (key >> 32) as usize % RECENT
}

/// What stands between words as one number: short texts as they are.
#[inline]
fn number(seed: u64, between: &[u8]) -> u64 {
    if between.len() < 8 {
        return between.iter().fold(between.len() as u64, |number, byte| number << 8 | u64::from(*byte));
    }
    word_hash(seed, between)
}

/// Whether a line has a mark of patterns itself.
fn has_mark(line: &[u8]) -> bool {
    let marks = [Mark::Word.sign(), Mark::Number.sign(), REST];
    memchr::memchr_iter(b'<', line).any(|at| {
        let rest = line.get(at..).unwrap_or_default();
        marks.iter().any(|mark| rest.starts_with(mark.as_bytes()))
    })
}
