//! Finds the templates behind lines, in one pass and in bounded memory.
//!
//! Lines of one kind have the same text between their words, and mostly the same words. A line joins the template of
//! its shape that shares most words with it, two thirds of them at least; where they differ, the template gets a hole.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash as _, Hasher, RandomState};

use super::pieces::{Kind, Piece, cut};

/// Templates at most; lines that fit none of so many are left out.
const MAX_TEMPLATES: usize = 2_000;
/// Templates of one shape at most; a line that fits none of so many joins the nearest.
const MAX_OF_SHAPE: usize = 64;
/// Lines whose template is remembered by all of their words.
const MAX_REMEMBERED: usize = 65_536;
/// What stands for words that differ.
const HOLE: &str = "<_>";

/// A template and how often lines of its kind came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mined {
    pub(super) text: String,
    pub(super) level: String,
    /// Lines by time, as it was given.
    pub(super) samples: BTreeMap<i64, u64>,
}

/// Learns from lines.
#[derive(Debug, Default)]
pub(super) struct Miner {
    templates: Vec<Template>,
    /// Templates by level, number of words and what stands between them.
    shapes: HashMap<u64, Vec<usize>>,
    /// Templates by what they were found with.
    remembered: HashMap<u64, usize>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Template {
    level: String,
    /// What stands before each word, and behind the last.
    between: Vec<String>,
    words: Vec<Slot>,
    samples: BTreeMap<i64, u64>,
}

#[derive(Debug)]
enum Slot {
    Key(String),
    Word(String),
    Hole,
}

impl Miner {
    /// Counts a line at a time.
    pub(super) fn add(&mut self, line: &str, level: &str, time: i64) {
        let mut pieces = Vec::new();
        let behind = cut(line, &mut pieces);
        if pieces.is_empty() {
            return;
        }
        let whole = self.hash(&pieces, behind, level, true);
        let index = match self.remembered.get(&whole) {
            Some(index) => Some(*index),
            None => self.find(&pieces, behind, level),
        };
        let Some(index) = index else { return };
        if self.remembered.len() < MAX_REMEMBERED {
            self.remembered.insert(whole, index);
        }
        if let Some(template) = self.templates.get_mut(index) {
            *template.samples.entry(time).or_default() += 1;
        }
    }

    /// The templates, those of most lines first.
    pub(super) fn finish(self) -> Vec<Mined> {
        let mut mined: BTreeMap<(String, String), BTreeMap<i64, u64>> = BTreeMap::new();
        for template in self.templates {
            // Two templates may have become the same.
            let samples = mined.entry((template.text(), template.level)).or_default();
            template.samples.into_iter().for_each(|(time, lines)| *samples.entry(time).or_default() += lines);
        }
        let mut mined: Vec<_> =
            mined.into_iter().map(|((text, level), samples)| Mined { text, level, samples }).collect();
        mined.sort_by_cached_key(|mined| std::cmp::Reverse(mined.samples.values().sum::<u64>()));
        mined
    }

    fn find(&mut self, pieces: &[Piece<'_>], behind: &str, level: &str) -> Option<usize> {
        let shape = self.hash(pieces, behind, level, false);
        let of_shape = self.shapes.entry(shape).or_default();
        let templates = &mut self.templates;
        let near = of_shape.iter().filter_map(|index| Some((templates.get(*index)?.shared(pieces), *index)));
        let best = near.max_by_key(|((same, of), index)| (*same * 1_000 / (*of).max(1), std::cmp::Reverse(*index)));
        let is_full = MAX_OF_SHAPE <= of_shape.len() || MAX_TEMPLATES <= templates.len();
        match best {
            Some(((same, of), index)) if 2 * of <= 3 * same || is_full => {
                templates.get_mut(index)?.join(pieces);
                Some(index)
            }
            _ if is_full => None,
            _ => {
                of_shape.push(templates.len());
                templates.push(Template::new(pieces, behind, level));
                Some(templates.len() - 1)
            }
        }
    }

    /// The hash of a line's shape; with its words, if wanted, but for those that vary.
    fn hash(&self, pieces: &[Piece<'_>], behind: &str, level: &str, with_words: bool) -> u64 {
        let mut state = self.hasher.build_hasher();
        level.hash(&mut state);
        behind.hash(&mut state);
        for piece in pieces {
            piece.before.hash(&mut state);
            match piece.kind {
                Kind::Word if with_words => piece.word.hash(&mut state),
                Kind::Key => piece.word.hash(&mut state),
                Kind::Word => {}
                Kind::Varies if with_words => state.write_u8(1),
                Kind::Varies => {}
            }
        }
        state.finish()
    }
}

impl Template {
    fn new(pieces: &[Piece<'_>], behind: &str, level: &str) -> Self {
        let slot = |piece: &Piece<'_>| match piece.kind {
            Kind::Key => Slot::Key(piece.word.to_owned()),
            Kind::Word => Slot::Word(piece.word.to_owned()),
            Kind::Varies => Slot::Hole,
        };
        let between = pieces.iter().map(|piece| piece.before).chain([behind]).map(str::to_owned);
        Self {
            level: level.to_owned(),
            between: between.collect(),
            words: pieces.iter().map(slot).collect(),
            samples: BTreeMap::new(),
        }
    }

    /// How many of its words a line has, and how many it has at all.
    fn shared(&self, pieces: &[Piece<'_>]) -> (usize, usize) {
        let mut words = (0, 0);
        for (slot, piece) in self.words.iter().zip(pieces) {
            if let Slot::Word(word) = slot {
                words.0 += usize::from(word == piece.word);
                words.1 += 1;
            }
        }
        words
    }

    fn join(&mut self, pieces: &[Piece<'_>]) {
        for (slot, piece) in self.words.iter_mut().zip(pieces) {
            let keeps = match slot {
                Slot::Key(word) | Slot::Word(word) => word == piece.word,
                Slot::Hole => true,
            };
            if !keeps {
                *slot = Slot::Hole;
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut words = self.words.iter();
        for between in &self.between {
            text.push_str(between);
            text.push_str(match words.next() {
                Some(Slot::Key(word) | Slot::Word(word)) => word,
                Some(Slot::Hole) => HOLE,
                None => "",
            });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(lines: &[&str]) -> Vec<(String, u64)> {
        let mut miner = Miner::default();
        lines.iter().for_each(|line| miner.add(line, "info", 0));
        miner.finish().into_iter().map(|mined| (mined.text, mined.samples.values().sum())).collect()
    }

    fn check(lines: &[&str], want: &[(&str, u64)]) {
        let found = mine(lines);
        let found: Vec<_> = found.iter().map(|(text, count)| (text.as_str(), *count)).collect();
        assert_eq!(found, want);
        for line in lines {
            let of_line = found.iter().filter(|(pattern, _)| {
                let query = format!("{{a=\"a\"}} |> {}", serde_json::to_string(pattern).unwrap());
                let logql::Expr::Log(log) = logql::parse(&query).unwrap() else { panic!("{query}") };
                let mut pipeline = crate::pipeline::Pipeline::compile(
                    &log.stages,
                    &crate::pipeline::Wanted::All,
                    &std::sync::Arc::default(),
                )
                .unwrap();
                let labels = logline::Labels::default();
                pipeline
                    .apply(&mut crate::pipeline::Row { line: (*line).into(), ..crate::pipeline::Row::new(&labels, 0) })
            });
            assert!(of_line.count() > 0, "no pattern finds `{line}`");
        }
    }

    #[test]
    fn numbers_and_ids_become_holes() {
        check(
            &[
                "[2026-11-22T10:00:00Z][REQ][POST /orders] order_id=4711 status=CREATED",
                "[2026-11-22T10:00:01Z][REQ][POST /orders] order_id=4712 status=CREATED",
                "[2026-11-22T10:00:02Z][RESP][POST /orders] order_id=4712 status=CREATED http_status=201",
            ],
            &[
                ("[<_>][REQ][POST /orders] order_id=<_> status=CREATED", 2),
                ("[<_>][RESP][POST /orders] order_id=<_> status=CREATED http_status=<_>", 1),
            ],
        );
    }

    #[test]
    fn a_word_that_differs_among_words_that_do_not_becomes_a_hole() {
        check(
            &["user alice logged in", "user bob logged in", "user carol logged in", "user bob logged out"],
            &[("user <_> logged <_>", 4)],
        );
        check(&["connection opened", "connection closed"], &[("connection closed", 1), ("connection opened", 1)]);
        check(
            &[r#"{"level":"info","msg":"order 5 stored","n":1}"#, r#"{"level":"info","msg":"order 6 stored","n":2}"#],
            &[(r#"{"level":"info","msg":"<_>","n":<_>}"#, 2)],
        );
    }

    #[test]
    fn text_that_looks_like_a_capture_does_no_harm() {
        check(&["<b>one</b> <x> done", "<b>two</b> <y> done"], &[("<_> <_> done", 2)]);
    }

    #[test]
    fn lines_of_other_levels_are_other_kinds_and_times_are_kept_apart() {
        let mut miner = Miner::default();
        for (level, time) in [("info", 0), ("error", 0), ("info", 10), ("info", 10)] {
            miner.add("it works", level, time);
        }
        let found = miner.finish();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].level.as_str(), &found[0].samples), ("info", &BTreeMap::from([(0, 1), (10, 2)])));
    }

    #[test]
    fn memory_is_bounded_whatever_the_lines_are() {
        let mut miner = Miner::default();
        for number in 0..200_000_u32 {
            let word: String = number.to_string().chars().map(|c| char::from(c as u8 - b'0' + b'a')).collect();
            let between = ",".repeat(number as usize % 50 + 1);
            miner.add(&format!("{word}{between}{word} {word}"), "", 0);
        }
        assert!(miner.templates.len() <= MAX_TEMPLATES && miner.remembered.len() <= MAX_REMEMBERED);
        assert!(miner.shapes.len() <= 50);
    }
}
