//! Patterns of lines: what lines from one place of a program have in common, with a mark for each word that differs, as in
//! `[RESP][GET /orders/{id}] order_id=<_> http_status=200 duration_ms=<_>`.
//!
//! A file has the pattern of each line in a column. A condition on the text of a line is mostly decided by its pattern:
//! then a count needs no line, and a search reads only the lines that are left open.

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;

use crate::logs::PATTERN;

mod automaton;
mod json;
mod judge;
mod learn;

pub(crate) use self::json::StandIns;
pub(crate) use self::judge::{Judge, Test, Verdicts};
pub(crate) use self::learn::{FILE_BYTES, Patterns};

/// What stands for a word in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mark {
    /// One or more bytes that are letters, digits, `_` or of other scripts.
    Word,
    /// One or more decimals that are part of a number of JSON: its whole part, or what follows the point.
    Number,
}

impl Mark {
    const ALL: [Self; 2] = [Self::Word, Self::Number];

    const fn sign(self) -> &'static str {
        match self {
            Self::Word => "<_>",
            Self::Number => "<#>",
        }
    }
}

/// A pattern in parts: texts, each with the mark that it stands behind; the first stands behind none.
fn parts(pattern: &str) -> impl Iterator<Item = (Option<Mark>, &str)> {
    let mut rest = Some((None, pattern));
    std::iter::from_fn(move || {
        let (mark, text) = rest.take()?;
        let next = text.match_indices('<').find_map(|(at, _)| {
            let (before, behind) = text.split_at_checked(at)?;
            let found = Mark::ALL.into_iter().find_map(|mark| Some((Some(mark), behind.strip_prefix(mark.sign())?)))?;
            Some((before, found))
        });
        let Some((text, found)) = next else { return Some((mark, text)) };
        rest = Some(found);
        Some((mark, text))
    })
}

/// Stands for the rest of the line, whatever it is.
const REST: &str = "<...>";

/// What was found out of the patterns of one dictionary.
#[derive(Debug)]
struct Known<T> {
    texts: Option<StringArray>,
    found: Vec<Option<T>>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { texts: None, found: Vec::new() }
    }
}

impl<T> Known<T> {
    /// What the pattern at a place of a dictionary came to; `None` when there is no such place.
    fn get(&mut self, texts: &StringArray, key: usize, find: impl FnOnce(&str) -> T) -> Option<&T> {
        if self.texts.as_ref().is_none_or(|known| !is_same(known, texts)) {
            self.found.clear();
            self.found.resize_with(texts.len(), || None);
            self.texts = Some(texts.clone());
        }
        Some(self.found.get_mut(key)?.get_or_insert_with(|| find(texts.value(key))))
    }
}

/// Whether both are the same dictionary in memory.
fn is_same(a: &StringArray, b: &StringArray) -> bool {
    a.values().ptr_eq(b.values()) && a.offsets().ptr_eq(b.offsets())
}

/// The patterns of rows, and each row's place among them; `None` when they have no such column.
pub(crate) fn patterns(rows: &RecordBatch) -> Option<(&StringArray, impl Fn(usize) -> Option<usize>)> {
    let column = rows.column_by_name(PATTERN)?.as_dictionary_opt::<Int32Type>()?;
    let keys = column.keys();
    let key = |row| keys.is_valid(row).then(|| usize::try_from(keys.value(row)).ok()).flatten();
    Some((column.values().as_string_opt::<i32>()?, key))
}

#[cfg(test)]
mod tests;
