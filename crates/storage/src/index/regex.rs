//! The words that a regular expression implies: what every match must have in it.

use regex_syntax::Parser;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::need::{Need, Piece};
use super::words::is_word;

/// Classes of more characters than this end a run: they tell too little.
const MAX_CHOICES: usize = 4;

/// What a row must have for the expression to find something; an expression that cannot be read tells nothing.
pub(super) fn need(pattern: &str) -> Need {
    Parser::new().parse(pattern).map_or(Need::Anything, |hir| of(&hir))
}

/// An expression over words for pieces of one; only such as [`Piece::OneOf`] makes necessary.
pub(super) fn pattern(pieces: &[Piece]) -> String {
    let mut out = String::new();
    let mut literal = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Byte(byte) => literal.push(*byte),
            Piece::OneOf(choices) => {
                out.push_str(&regex_syntax::escape(&String::from_utf8_lossy(&std::mem::take(&mut literal))));
                out.push_str("(?:");
                let escaped: Vec<_> = choices.iter().map(|choice| regex_syntax::escape(&choice.to_string())).collect();
                out.push_str(&escaped.join("|"));
                out.push(')');
            }
        }
    }
    out.push_str(&regex_syntax::escape(&String::from_utf8_lossy(&literal)));
    out
}

fn of(hir: &Hir) -> Need {
    let mut walk = Walk::default();
    walk.add(hir);
    walk.end(false);
    Need::all(walk.needs)
}

/// A run of text that every match has, as far as it is known, and what was found before.
#[derive(Default)]
struct Walk {
    needs: Vec<Need>,
    run: Vec<Piece>,
    /// Whether nothing that belongs to a word can stand before the run.
    starts: bool,
}

impl Walk {
    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => self.run.extend(literal.0.iter().map(|byte| Piece::Byte(*byte))),
            HirKind::Class(class) => match choices(class) {
                Some(choices) => self.run.push(Piece::OneOf(choices)),
                None => self.end(false),
            },
            HirKind::Look(look) => match look {
                Look::Start | Look::StartLF | Look::StartCRLF => {
                    self.end(false);
                    self.starts = true;
                }
                Look::End | Look::EndLF | Look::EndCRLF => self.end(true),
                _ => self.end(false),
            },
            HirKind::Repetition(repetition) => {
                self.end(false);
                if repetition.min > 0 {
                    self.needs.push(of(&repetition.sub));
                }
            }
            HirKind::Capture(capture) => self.add(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Alternation(branches) => {
                self.end(false);
                self.needs.push(Need::any(branches.iter().map(of)));
            }
        }
    }

    /// Ends the run; `ends` tells that nothing which belongs to a word can follow.
    fn end(&mut self, ends: bool) {
        self.needs.push(Need::of_run(&self.run, self.starts, ends));
        self.run.clear();
        self.starts = false;
    }
}

/// The few characters of a class, when all of them belong to words.
fn choices(class: &Class) -> Option<Vec<char>> {
    let Class::Unicode(class) = class else { return None };
    let mut choices = Vec::new();
    for range in class.ranges() {
        for choice in range.start()..=range.end() {
            let belongs = u8::try_from(choice).map_or(true, |byte| byte >= 0x80 || is_word(byte));
            if MAX_CHOICES <= choices.len() || !belongs {
                return None;
            }
            choices.push(choice);
        }
    }
    (!choices.is_empty()).then_some(choices)
}
