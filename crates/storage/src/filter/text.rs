//! Conditions on text over whole columns: a literal is searched in the concatenated bytes of a column, not row by row.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Int32Type;
use arrow::util::bit_util;
use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use crate::index::Need;
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
        match self {
            Self::Equals(value) => value == text,
            Self::OneOf(values) => values.contains(text),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Self::Regex(regex, _) => regex.is_match(text),
        }
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

    /// Tests each row of a text column, plain or dictionary; null counts as the empty text. Rows that `within` leaves
    /// out may get any answer.
    pub(super) fn on_column(&self, column: &ArrayRef, within: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Some(self.on_texts(texts, within));
        }
        let dictionary = column.as_dictionary_opt::<Int32Type>()?;
        let values = dictionary.values().as_string_opt::<i32>()?;
        let verdicts: Vec<bool> = values.iter().map(|value| self.is_match(value.unwrap_or_default())).collect();
        Some(by_key(dictionary, &verdicts, self.is_match("")))
    }

    fn on_texts(&self, texts: &StringArray, within: Option<&BooleanBuffer>) -> BooleanBuffer {
        match self {
            Self::Contains(finder) if !finder.needle().is_empty() => contains(texts, finder),
            Self::Regex(_, Some(literal)) => {
                let mut candidates = contains(texts, literal);
                if let Some(within) = within {
                    candidates = &candidates & within;
                }
                self.on_rows(texts, Some(&candidates))
            }
            _ => self.on_rows(texts, within),
        }
    }

    /// Tests row by row; rows that `within` leaves out do not match.
    fn on_rows(&self, texts: &StringArray, within: Option<&BooleanBuffer>) -> BooleanBuffer {
        let of_null = self.is_match("");
        BooleanBuffer::collect_bool(texts.len(), |row| {
            within.is_none_or(|within| within.value(row))
                && if texts.is_null(row) { of_null } else { self.is_match(texts.value(row)) }
        })
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

/// Finds a literal in the bytes of all rows at once. A hit that crosses from one row into the next is none.
fn contains(texts: &StringArray, finder: &Finder<'_>) -> BooleanBuffer {
    let offsets = texts.value_offsets();
    let end_of = |row: usize| offsets.get(row + 1).and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
    let start = offsets.first().and_then(|start| usize::try_from(*start).ok()).unwrap_or(0);
    let bytes = texts.value_data();
    let mut bits = vec![0_u8; texts.len().div_ceil(8)];
    let (mut at, mut row) = (start, 0);
    while row < texts.len() {
        let end = end_of(texts.len() - 1);
        let Some(hit) = bytes.get(at..end).and_then(|rest| finder.find(rest)).map(|hit| at + hit) else { break };
        row += offsets.get(row + 1..).unwrap_or_default().partition_point(|end| (*end).cast_unsigned() as usize <= hit);
        let row_end = end_of(row);
        if hit + finder.needle().len() <= row_end {
            if texts.is_valid(row) {
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
