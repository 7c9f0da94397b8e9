//! Conditions on text over whole columns: a literal is searched in the concatenated bytes of a column, not row by row.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::Int32Type;
use arrow::util::bit_util;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use crate::index::Need;
use crate::pattern::Test;
use crate::{Error, TextMatch};

/// A compiled regular expression may take this much memory.
const REGEX_BYTES: usize = 16 << 20;

/// A compiled [`TextMatch`].
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Equals(String),
    OneOf(HashSet<String>),
    Contains(Box<Finder<'static>>),
    /// And a text that every match has in it, if there is one.
    Regex(Regex, Option<Box<Finder<'static>>>),
}

impl Matcher {
    pub(super) fn new(text: &TextMatch) -> Result<Self, Error> {
        Ok(match text {
            TextMatch::Equals(value) => Self::Equals(value.clone()),
            TextMatch::OneOf(values) => Self::OneOf(values.iter().cloned().collect()),
            TextMatch::Contains(needle) => Self::Contains(Box::new(Finder::new(needle).into_owned())),
            TextMatch::Regex(pattern) => {
                let regex = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
                let regex = regex.map_err(|error| Error::invalid(format!("`{pattern}` is not usable: {error}")))?;
                let literal = regex_syntax::parse(pattern).ok().and_then(|hir| literal(&hir));
                Self::Regex(regex, literal.map(|text| Box::new(Finder::new(&text).into_owned())))
            }
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.matches(text.as_bytes())
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Equals(value) => value.as_bytes() == text,
            Self::OneOf(values) => std::str::from_utf8(text).is_ok_and(|text| values.contains(text)),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::Regex(regex, _) => regex.is_match(text),
        }
    }

    /// All texts that match, sorted, when they are listed.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        let mut texts = match self {
            Self::Equals(value) => vec![value.clone()],
            Self::OneOf(values) => values.iter().cloned().collect(),
            Self::Contains(_) | Self::Regex(..) => return None,
        };
        texts.sort_unstable();
        Some(texts)
    }

    /// What a text that matches has in it.
    pub(super) fn need(&self) -> Need {
        match self {
            Self::Equals(value) => Need::equals(value),
            Self::OneOf(values) => Need::any(values.iter().map(|value| Need::equals(value))),
            Self::Contains(finder) => Need::contains(finder.needle()),
            Self::Regex(regex, _) => Need::regex(regex.as_str()),
        }
    }

    /// The same to be asked of patterns.
    pub(super) fn test(&self) -> Option<Test> {
        match self {
            Self::Contains(finder) => Test::contains(finder.needle()),
            Self::Regex(regex, _) => Test::regex(regex.as_str()),
            Self::Equals(_) | Self::OneOf(_) => None,
        }
    }

    /// Tests each row of a text column, plain (checked to be text or not) or dictionary; null counts as the empty text.
    /// Rows that `within` leaves out may get any answer.
    pub(super) fn on_column(&self, column: &ArrayRef, within: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
        if let Some(texts) = Texts::of(column) {
            return Some(self.on_texts(&texts, within));
        }
        let dictionary = column.as_dictionary_opt::<Int32Type>()?;
        let values = dictionary.values().as_string_opt::<i32>()?;
        let verdicts: Vec<bool> = values.iter().map(|value| self.is_match(value.unwrap_or_default())).collect();
        Some(by_key(dictionary, &verdicts, self.is_match("")))
    }

    fn on_texts(&self, texts: &Texts<'_>, within: Option<&BooleanBuffer>) -> BooleanBuffer {
        match self {
            Self::Contains(finder) if !finder.needle().is_empty() => contains(texts, finder, within),
            Self::Regex(_, Some(literal)) => {
                let mut candidates = contains(texts, literal, within);
                if let Some(within) = within {
                    candidates = &candidates & within;
                }
                self.on_rows(texts, Some(&candidates))
            }
            _ => self.on_rows(texts, within),
        }
    }

    /// Tests row by row; rows that `within` leaves out do not match.
    fn on_rows(&self, texts: &Texts<'_>, within: Option<&BooleanBuffer>) -> BooleanBuffer {
        let of_null = self.is_match("");
        BooleanBuffer::collect_bool(texts.len(), |row| {
            within.is_none_or(|within| within.value(row))
                && if texts.is_null(row) { of_null } else { self.matches(texts.value(row)) }
        })
    }
}

/// The texts of a column, one behind the other.
struct Texts<'c> {
    offsets: &'c [i32],
    bytes: &'c [u8],
    nulls: Option<&'c NullBuffer>,
}

impl<'c> Texts<'c> {
    /// `None` for a column of something else.
    fn of(column: &'c ArrayRef) -> Option<Self> {
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Some(Self { offsets: texts.value_offsets(), bytes: texts.value_data(), nulls: texts.nulls() });
        }
        let texts = column.as_binary_opt::<i32>()?;
        Some(Self { offsets: texts.value_offsets(), bytes: texts.value_data(), nulls: texts.nulls() })
    }

    const fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Where a row begins, and so where the one before it ends.
    fn start(&self, row: usize) -> usize {
        self.offsets.get(row).and_then(|start| usize::try_from(*start).ok()).unwrap_or(self.bytes.len())
    }

    fn value(&self, row: usize) -> &'c [u8] {
        self.bytes.get(self.start(row)..self.start(row + 1)).unwrap_or_default()
    }

    /// The row, `from` or a later one, that has this byte. The next hit is mostly near, so the steps begin small.
    fn row_of(&self, from: usize, byte: usize) -> usize {
        let (mut low, mut step) = (from, 1);
        while low + step < self.len() && self.start(low + step) <= byte {
            low += step;
            step *= 2;
        }
        let ends = self.offsets.get(low + 1..(low + step).min(self.len())).unwrap_or_default();
        low + ends.partition_point(|end| usize::try_from(*end).is_ok_and(|end| end <= byte))
    }
}

/// The longest text that every match has in it; a single byte tells too little.
fn literal(hir: &Hir) -> Option<Vec<u8>> {
    let found = match hir.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_vec()),
        HirKind::Capture(capture) => literal(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => literal(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(literal).max_by_key(Vec::len),
        _ => None,
    };
    found.filter(|text| text.len() > 1)
}

/// Spreads verdicts on the values of a dictionary to its rows.
pub(super) fn by_key(dictionary: &DictionaryArray<Int32Type>, verdicts: &[bool], of_null: bool) -> BooleanBuffer {
    let keys = dictionary.keys();
    if let Some(all) = same(verdicts, of_null, keys.null_count() > 0) {
        return if all { BooleanBuffer::new_set(keys.len()) } else { BooleanBuffer::new_unset(keys.len()) };
    }
    BooleanBuffer::collect_bool(keys.len(), |row| {
        if keys.is_null(row) {
            return of_null;
        }
        usize::try_from(keys.value(row)).ok().and_then(|key| verdicts.get(key)).copied().unwrap_or(of_null)
    })
}

/// The verdict of every row, when there is only one.
fn same(verdicts: &[bool], of_null: bool, has_nulls: bool) -> Option<bool> {
    let first = verdicts.first().copied().unwrap_or(of_null);
    (verdicts.iter().all(|verdict| *verdict == first) && (!has_nulls || of_null == first)).then_some(first)
}

/// Finds a literal in the bytes of all rows at once, from the first to the last row that is asked for. A hit that crosses
/// from one row into the next is none.
fn contains(texts: &Texts<'_>, finder: &Finder<'_>, within: Option<&BooleanBuffer>) -> BooleanBuffer {
    let mut bits = vec![0_u8; texts.len().div_ceil(8)];
    let (mut row, rows) = within.map_or((0, texts.len()), span);
    let (mut at, end) = (texts.start(row), texts.start(rows));
    while row < rows {
        let Some(hit) = texts.bytes.get(at..end).and_then(|rest| finder.find(rest)).map(|hit| at + hit) else { break };
        row = texts.row_of(row, hit);
        let row_end = texts.start(row + 1);
        if hit + finder.needle().len() <= row_end {
            if !texts.is_null(row) {
                bit_util::set_bit(&mut bits, row);
            }
            at = row_end;
            row += 1;
        } else {
            at = hit + 1;
        }
    }
    BooleanBuffer::new(bits.into(), 0, texts.len())
}

/// The first row that is set, and the one after the last.
fn span(rows: &BooleanBuffer) -> (usize, usize) {
    let mut slices = rows.set_slices();
    let Some((first, end)) = slices.next() else { return (0, 0) };
    (first, slices.last().map_or(end, |(_, end)| end))
}

#[cfg(test)]
mod tests;
