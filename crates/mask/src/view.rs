//! A text as it reads without its escapes, and where each part of it stands in the original.
//!
//! Read are the escapes of JSON strings at any depth (but for quotes, which tell the depth), `%XX` of URLs, `\xXX`,
//! character references of HTML, `=XX` of quoted-printable, the codes of colours on a terminal, and Unicode's other digits, dashes, blanks and invisible characters.

mod escape;

use std::ops::Range;

use crate::bits::{self, BLOCK};

pub(crate) use escape::{MAY_BEGIN, colour_end, is_last_break, is_wide_blank, length, may_begin};

/// Whether an escape begins at `at`.
pub(crate) fn is_escape(text: &str, at: usize) -> bool {
    escape::read(text, at).is_some()
}

/// A text without its escapes.
#[derive(Debug)]
pub(crate) struct View {
    text: String,
    pieces: Vec<Piece>,
}

/// A part of the view and what it stands for in the original.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: usize,
    from: usize,
    len: usize,
    is_verbatim: bool,
}

/// An escape at some place: its bytes, and what it means.
pub(super) struct Escape {
    len: usize,
    means: Meaning,
}

pub(super) enum Meaning {
    Nothing,
    Char(char),
    /// A quote, or a backslash, inside a string.
    Escaped(char),
}

impl View {
    /// None when nothing is escaped from `first` on; what stands before is taken as it is.
    pub(crate) fn of(text: &str, first: usize) -> Option<Self> {
        let mut view: Option<Self> = None;
        let (mut copied, mut at) = (0, first);
        let bytes = text.as_bytes();
        for start in (first / BLOCK * BLOCK..bytes.len()).step_by(BLOCK) {
            let signs = bits::of_kind(bytes, start, escape::is_sign);
            while let Some(next) = bits::first(signs, at.saturating_sub(start)) {
                at = start + next;
                if let [b'\\', b'"', ..] = bytes[at..] {
                    at += 1;
                    continue;
                }
                let Some(escape) = escape::read(text, at) else {
                    at += length(bytes, at);
                    continue;
                };
                let view =
                    view.get_or_insert_with(|| Self { text: String::with_capacity(text.len()), pieces: Vec::new() });
                view.copy(text, copied..at);
                view.pieces.push(Piece { at: view.text.len(), from: at, len: escape.len, is_verbatim: false });
                match escape.means {
                    Meaning::Nothing => {}
                    Meaning::Char(c) => view.text.push(c),
                    Meaning::Escaped(c) => view.text.extend(['\\', c]),
                }
                at += escape.len;
                copied = at;
            }
        }
        if let Some(view) = &mut view {
            view.copy(text, copied..text.len());
        }
        view
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where a span of the view stands in the original, whole escapes included.
    pub(crate) fn source(&self, span: &Range<usize>) -> Range<usize> {
        let first = self.piece(span.start);
        let start = if first.is_verbatim { first.from + (span.start - first.at) } else { first.from };
        let last = self.piece(span.end.saturating_sub(1).max(span.start));
        let end = if last.is_verbatim { last.from + (span.end - last.at).min(last.len) } else { last.from + last.len };
        start..end.max(start)
    }

    fn copy(&mut self, text: &str, from: Range<usize>) {
        if !from.is_empty() {
            self.pieces.push(Piece { at: self.text.len(), from: from.start, len: from.len(), is_verbatim: true });
            self.text.push_str(text.get(from).unwrap_or_default());
        }
    }

    /// The last piece that begins at or before this byte of the view.
    fn piece(&self, at: usize) -> Piece {
        let behind = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces[behind.saturating_sub(1)]
    }
}

#[cfg(test)]
mod tests;
