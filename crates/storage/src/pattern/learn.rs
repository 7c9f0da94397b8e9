//! Learns the patterns of a file while it is written, line by line.
//!
//! A word stays in the pattern while few other words were seen in its context: behind the same word that stays, with the
//! same in between. So `http_status=` keeps its values, and `order_id=` does not.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringBuilder};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use memchr::memmem::Finder;

use super::{Mark, REST};
use crate::index::word_hash as hash;

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
    contexts: HashMap<u64, Option<Vec<u64>>, ahash::RandomState>,
    numbers: HashMap<Arc<str>, usize, ahash::RandomState>,
    /// Names of fields, by their hash.
    names: HashSet<u64, ahash::RandomState>,
    /// Bytes of the patterns of a kind, by its hash.
    kinds: HashMap<u64, usize, ahash::RandomState>,
    texts: Vec<Arc<str>>,
    bytes: usize,
    line: Line,
    /// Patterns of the current batch, in order of appearance, and the place of each among them.
    batch: Vec<usize>,
    places: Vec<Option<i32>>,
    keys: Vec<Option<i32>>,
}

/// The line that is being read.
#[derive(Debug, Default)]
struct Line {
    pattern: String,
    /// The pattern with only those words that are alone in their context, and names of fields.
    common: String,
    /// Hash of what stands between the first words, and how many there were.
    kind: u64,
    words: usize,
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

/// What a word is in its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The only one so far.
    Alone,
    OneOfFew,
    Differs,
}

impl Line {
    fn both(&mut self, pattern: &str, common: &str) {
        self.pattern.push_str(pattern);
        self.common.push_str(common);
    }

    /// What stands for a word that differs. Only decimals that JSON takes for a number are one: behind the name of a field
    /// without leading zeros, or behind the point of such a number.
    fn mark(&mut self, between: &str, word: &str, at: &Range<usize>) -> Mark {
        let whole_end = self.number_end.take();
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Mark::Word;
        }
        if between == "." && whole_end == at.start.checked_sub(1) {
            return Mark::Number;
        }
        let has_name = between.ends_with([':', ' ', '-']) && between.trim_end_matches([' ', '-']).ends_with("\":");
        if has_name && (word.len() == 1 || !word.starts_with('0')) {
            self.number_end = Some(at.end);
            return Mark::Number;
        }
        Mark::Word
    }

    fn cut(&mut self) {
        self.both(REST, REST);
        self.is_cut = true;
    }
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            seed: RandomState::new().hash_one(REST),
            contexts: HashMap::default(),
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
        let Line { mut pattern, mut common, .. } = std::mem::take(&mut self.line);
        pattern.clear();
        common.clear();
        self.line = Line { pattern, common, kind: self.seed, context: self.seed, is_head: true, ..Line::default() };
    }

    /// Takes the next word of the line, which lies `at` this place and has this hash.
    #[inline]
    pub(crate) fn word(&mut self, text: &str, at: Range<usize>, word_hash: u64) {
        let line = &mut self.line;
        if line.is_cut {
            return;
        }
        let parts = text.get(line.end..at.start).zip(text.get(at.clone()));
        let fits = |(between, word): &(&str, &str)| line.pattern.len() + between.len() + word.len() <= PATTERN_BYTES;
        let Some((between, word)) = parts.filter(fits) else { return line.cut() };
        line.end = at.end;
        line.both(between, between);
        line.words += 1;
        if line.words <= KIND_WORDS {
            line.kind = hash(line.kind, between.as_bytes());
        }
        let context = hash(line.context, between.as_bytes());
        let is_name = text.get(at.end..).is_some_and(|follows| NAME_ENDS.iter().any(|sign| follows.starts_with(sign)));
        let found = if is_name && self.is_known_name(word, word_hash) {
            self.line.is_head = false;
            Found::Alone
        } else {
            self.found(context, word.as_bytes(), word_hash)
        };
        let (line, differs) = (&mut self.line, found == Found::Differs);
        line.context = if differs { context } else { word_hash };
        let mark = line.mark(between, word, &at).sign();
        match found {
            Found::Alone => line.both(word, word),
            Found::OneOfFew => line.both(word, mark),
            Found::Differs => line.both(mark, mark),
        }
    }

    fn is_known_name(&mut self, word: &str, word_hash: u64) -> bool {
        self.names.contains(&word_hash)
            || word.len() <= LONG && self.names.len() < NAMES && self.names.insert(word_hash)
    }

    fn found(&mut self, context: u64, word: &[u8], word_hash: u64) -> Found {
        let has_decimals = word.iter().any(u8::is_ascii_digit);
        self.line.is_head &= has_decimals;
        if LONG < word.len() || has_decimals && (self.line.is_head || NUMBER <= word.len()) {
            return Found::Differs;
        }
        let most = if has_decimals { FEW_NUMBERS } else { FEW };
        // Numbers and names of one place are told apart.
        let context = context ^ u64::from(has_decimals);
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
        let line = &mut self.line;
        let rest = text.get(line.end..).unwrap_or_default();
        if !line.is_cut && line.pattern.len() + rest.len() <= PATTERN_BYTES {
            line.both(rest, rest);
        } else if !line.is_cut {
            line.cut();
        }
        let number = if has_mark(text.as_bytes()) { None } else { self.number() };
        let place = number.map(|number| self.place(number));
        self.keys.push(place.flatten());
    }

    /// A row without a line.
    pub(crate) fn none(&mut self) {
        self.keys.push(None);
    }

    fn number(&mut self) -> Option<usize> {
        if let Some(number) = self.numbers.get(self.line.pattern.as_str()) {
            return Some(*number);
        }
        let of_kind = self.kinds.entry(self.line.kind).or_default();
        if *of_kind + self.line.pattern.len() <= KIND_BYTES {
            *of_kind += self.line.pattern.len();
            let pattern: Arc<str> = self.line.pattern.as_str().into();
            return self.add(pattern);
        }
        match self.numbers.get(self.line.common.as_str()) {
            Some(number) => Some(*number),
            None => self.add(self.line.common.as_str().into()),
        }
    }

    /// A new pattern; `None` when the file has too many.
    fn add(&mut self, pattern: Arc<str>) -> Option<usize> {
        // Each has four bytes for its length in a dictionary.
        let bytes = self.bytes + pattern.len() + size_of::<u32>();
        if FILE_BYTES < bytes {
            return None;
        }
        let number = self.texts.len();
        self.bytes = bytes;
        self.texts.push(Arc::clone(&pattern));
        self.places.push(None);
        self.numbers.insert(pattern, number);
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
        // Two references to each text, and up to a list of words for each context.
        self.bytes + self.texts.len() * 64 + (self.contexts.len() + self.kinds.len() + self.names.len()) * 96
    }
}

/// Whether a line has a mark of patterns itself.
fn has_mark(line: &[u8]) -> bool {
    static MARKS: LazyLock<[Finder<'static>; 3]> =
        LazyLock::new(|| [Mark::Word.sign(), Mark::Number.sign(), REST].map(Finder::new));
    MARKS.iter().any(|mark| mark.find(line).is_some())
}
