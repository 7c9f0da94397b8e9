//! Finds a pattern in a text, in time that grows with the text's length times the pattern's.

use std::ops::Range;

use super::Piece;

/// Ends a word, beside white space.
const WORD_ENDS: [char; 13] = ['"', '\'', '`', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>'];
/// What a word does not end in when nothing follows it in the pattern: the end of a sentence.
const SENTENCE_ENDS: [char; 4] = ['.', ':', '!', '?'];
/// Longest word; no id and no status is longer, and looking on from each place would take long.
const WORD_BYTES: usize = 256;

/// Where each capture stands, if the pattern is anywhere in the text.
///
/// Texts are as short as can be, so what stands between two of them is looked for from left to right, and never again
/// once found: as with the stars of a file name.
pub(super) fn find(pieces: &[Piece], captures: usize, text: &str) -> Option<Vec<Range<usize>>> {
    let mut spans = vec![0..0; captures];
    let mut at = 0;
    let mut pending: Option<Option<usize>> = None;
    let mut rest = pieces;
    loop {
        let end = rest.iter().position(|piece| matches!(piece, Piece::Text(_))).unwrap_or(rest.len());
        let (unit, others) = rest.split_at(end);
        // A text has one byte at least.
        let from = at + usize::from(pending.is_some());
        let (start, after) = if unit.is_empty() {
            (text.len(), text.len())
        } else {
            place(unit, text, from, others.is_empty(), &mut spans)?
        };
        if let Some(capture) = pending {
            let span = trimmed(text, at..start)?;
            if let Some(index) = capture {
                *spans.get_mut(index)? = span;
            }
        }
        let Some((Piece::Text(capture), others)) = others.split_first() else { return Some(spans) };
        if unit.is_empty() && pending.is_none() {
            at = 0;
        } else {
            at = after;
        }
        (pending, rest) = (Some(*capture), others);
    }
}

/// A span without white space around it; none if nothing is left.
fn trimmed(text: &str, span: Range<usize>) -> Option<Range<usize>> {
    let inner = text.get(span.clone())?;
    let start = span.start + (inner.len() - inner.trim_start().len());
    let end = start + inner.trim().len();
    (start < end).then_some(start..end)
}

/// The first place, at or behind `from`, where literals and words stand side by side: where it begins and ends.
fn place(unit: &[Piece], text: &str, from: usize, is_last: bool, spans: &mut [Range<usize>]) -> Option<(usize, usize)> {
    let mut from = from;
    loop {
        let start = first(unit, text, from)?;
        if let Some(end) = stands(unit, text, start, is_last, spans) {
            return Some((start, end));
        }
        from = start + text.get(start..)?.chars().next()?.len_utf8();
    }
}

/// Where a unit may begin: at its literal, or at a word.
fn first(unit: &[Piece], text: &str, from: usize) -> Option<usize> {
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at))?;
    let tail = text.get(from..)?;
    match unit.first()? {
        Piece::Literal(literal) => tail.find(literal.as_ref()).map(|at| from + at),
        Piece::Word(_) | Piece::Text(_) => {
            let inside = text.get(..from)?.chars().next_back().is_some_and(is_of_word);
            let skipped = if inside { tail.find(|c| !is_of_word(c))? } else { 0 };
            tail.get(skipped..)?.find(is_of_word).map(|at| from + skipped + at)
        }
    }
}

/// Where a unit that begins at `at` ends.
fn stands(unit: &[Piece], text: &str, at: usize, is_last: bool, spans: &mut [Range<usize>]) -> Option<usize> {
    let mut at = at;
    for (index, piece) in unit.iter().enumerate() {
        let tail = text.get(at..)?;
        match piece {
            Piece::Literal(literal) => at += tail.strip_prefix(literal.as_ref()).map(|_| literal.len())?,
            Piece::Word(capture) => {
                let word = word(tail)?;
                let length = match unit.get(index + 1) {
                    // The literal behind it may begin with what words are made of: `<order_id>/<to>`.
                    Some(Piece::Literal(next)) => (1..=word.len())
                        .find(|end| tail.get(*end..).is_some_and(|behind| behind.starts_with(next.as_ref())))?,
                    _ if is_last => word.trim_end_matches(SENTENCE_ENDS).len(),
                    _ => word.len(),
                };
                if length == 0 {
                    return None;
                }
                if let Some(capture) = capture {
                    *spans.get_mut(*capture)? = at..at + length;
                }
                at += length;
            }
            Piece::Text(_) => return None,
        }
    }
    Some(at)
}

/// The word that a text begins with; none if it is too long to be one.
fn word(text: &str) -> Option<&str> {
    let looked = text.get(..text.floor_char_boundary(WORD_BYTES + 1))?;
    match looked.find(|c| !is_of_word(c)) {
        Some(end) => looked.get(..end),
        None => Some(looked).filter(|word| word.len() <= WORD_BYTES),
    }
}

fn is_of_word(c: char) -> bool {
    !c.is_whitespace() && !WORD_ENDS.contains(&c)
}
