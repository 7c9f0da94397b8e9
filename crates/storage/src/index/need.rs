//! What a row must have in it to be kept: words and parts of words, worked out of texts and regular expressions.

use super::words::is_word;
use super::{ids, regex};

/// A condition that every row a filter keeps satisfies; others may satisfy it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing is known: every block is needed.
    Anything,
    /// No row is kept.
    Nothing,
    /// All of these.
    All(Vec<Self>),
    /// One of these at least.
    Any(Vec<Self>),
    /// A word.
    Word(Term),
}

/// A word, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// Whether the word begins with it.
    pub(super) starts: bool,
    /// Whether the word ends with it.
    pub(super) ends: bool,
    pub(super) text: Text,
}

/// The text of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Plain(Vec<u8>),
    /// Places that have several choices, such as `[Ee][Rr][Rr]`.
    Pieces(Vec<Piece>),
}

/// One place of a text, or several that are possible at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Byte(u8),
    /// One of these characters, all of them parts of words.
    OneOf(Vec<char>),
}

impl Need {
    /// The row has this text in it, byte for byte.
    pub(crate) fn contains(text: &[u8]) -> Self {
        Self::of_run(&bytes(text), false, false)
    }

    /// The row is exactly this text.
    pub(crate) fn equals(text: &str) -> Self {
        Self::of_run(&bytes(text.as_bytes()), true, true)
    }

    /// The regular expression finds something in the row.
    pub(crate) fn regex(pattern: &str) -> Self {
        regex::need(pattern)
    }

    /// All of them.
    pub(crate) fn all(needs: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for need in needs {
            match need {
                Self::Anything => {}
                Self::Nothing => return Self::Nothing,
                Self::All(inner) => all.extend(inner),
                need => all.push(need),
            }
        }
        match all.len() {
            0 => Self::Anything,
            1 => all.swap_remove(0),
            _ => Self::All(all),
        }
    }

    /// One of them at least.
    pub(crate) fn any(needs: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Vec::new();
        for need in needs {
            match need {
                Self::Nothing => {}
                Self::Anything => return Self::Anything,
                Self::Any(inner) => any.extend(inner),
                need => any.push(need),
            }
        }
        match any.len() {
            0 => Self::Nothing,
            1 => any.swap_remove(0),
            _ => Self::Any(any),
        }
    }

    /// The words of a run of text; `starts` and `ends` tell whether the row begins or ends with it.
    pub(super) fn of_run(run: &[Piece], starts: bool, ends: bool) -> Self {
        let in_word = |piece: &Piece| match piece {
            Piece::Byte(byte) => is_word(*byte),
            Piece::OneOf(_) => true,
        };
        let mut at = 0;
        let words = run.chunk_by(|a, b| in_word(a) == in_word(b)).filter_map(|part| {
            let first = at == 0;
            at += part.len();
            let last = at == run.len();
            let is_word = part.first().is_some_and(in_word);
            is_word.then(|| Term::new(part, !first || starts, !last || ends))
        });
        Self::all(words.flatten().map(Self::Word).collect::<Vec<_>>())
    }
}

impl Term {
    /// `None` when it would tell next to nothing.
    fn new(pieces: &[Piece], starts: bool, ends: bool) -> Option<Self> {
        // A single letter somewhere in a word.
        if pieces.len() < 2 && !(starts && ends) {
            return None;
        }
        Some(Self { starts, ends, text: Text::of(pieces) })
    }
}

impl Text {
    fn of(pieces: &[Piece]) -> Self {
        let plain: Option<Vec<u8>> = pieces.iter().map(Piece::byte).collect();
        plain.map_or_else(|| Self::Pieces(pieces.to_vec()), Self::Plain)
    }

    /// What of it stands in front of an id for certain, when it ends in digits that an id may begin with.
    pub(super) fn before_id(&self) -> Option<Self> {
        match self {
            Self::Plain(text) => {
                let (before, digits) = ids::cut(text);
                (!digits.is_empty()).then(|| Self::Plain(before.to_vec()))
            }
            Self::Pieces(pieces) => {
                let end = pieces.iter().rposition(|piece| !piece.may_be_digit()).map_or(0, |last| last + 1);
                (end < pieces.len()).then(|| Self::of(pieces.get(..end).unwrap_or_default()))
            }
        }
    }

    /// Whether there is nothing of it.
    pub(super) const fn is_empty(&self) -> bool {
        match self {
            Self::Plain(text) => text.is_empty(),
            Self::Pieces(pieces) => pieces.is_empty(),
        }
    }
}

impl Piece {
    /// Whether it may be a digit of an id.
    fn may_be_digit(&self) -> bool {
        match self {
            Self::Byte(byte) => ids::is_digit(*byte),
            Self::OneOf(choices) => choices.iter().any(|choice| u8::try_from(*choice).is_ok_and(ids::is_digit)),
        }
    }

    const fn byte(&self) -> Option<u8> {
        match self {
            Self::Byte(byte) => Some(*byte),
            Self::OneOf(_) => None,
        }
    }
}

fn bytes(text: &[u8]) -> Vec<Piece> {
    text.iter().map(|byte| Piece::Byte(*byte)).collect()
}
