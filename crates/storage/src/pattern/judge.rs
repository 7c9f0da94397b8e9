//! Decides conditions on the text of a line by the pattern of the line.
//!
//! An automaton of the condition reads the pattern; if all that lines of the pattern can bring it to tells the same, that is
//! the answer for every one of them.

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;
use arrow::record_batch::RecordBatch;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::syntax;
use regex_automata::{MatchKind, nfa::thompson};

use super::automaton::Automaton;
use super::{Known, patterns};

/// Memory of an automaton's states; one that needs more decides nothing.
const STATES_BYTES: usize = 2 << 20;
/// Memory of its parts.
const PARTS_BYTES: usize = 4 << 20;
/// Rows after which it is looked at whether patterns decide anything.
const TRIAL_ROWS: usize = 32_768;

/// A condition on the text of a line, put together from expressions.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Matches(Arc<DFA>),
    /// No pattern decides it.
    Open,
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
}

/// What patterns say of some rows.
#[derive(Debug)]
pub(crate) struct Verdicts {
    /// Rows that are kept for certain.
    pub(crate) kept: BooleanBuffer,
    /// Rows whose lines have to be looked at.
    pub(crate) open: BooleanBuffer,
}

/// Judges the patterns of one reader's files, one dictionary after another.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// One for each expression of a test, in their order.
    automata: Vec<Automaton>,
    known: Known<Option<bool>>,
    /// Rows that were asked about so far, and those of them that stayed open.
    asked: usize,
    left: usize,
}

impl Test {
    /// Whether a line matches a regular expression; `None` when it cannot be asked of patterns.
    pub(crate) fn regex(pattern: &str) -> Option<Self> {
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(STATES_BYTES)
            // States stay what they are: none is given up.
            .minimum_cache_clear_count(Some(0));
        let built = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(PARTS_BYTES)))
            .build(pattern);
        built.ok().map(|dfa| Self::Matches(Arc::new(dfa)))
    }

    /// Whether a line has a text.
    pub(crate) fn contains(text: &[u8]) -> Option<Self> {
        Self::regex(&regex_syntax::escape(std::str::from_utf8(text).ok()?))
    }

    fn automata(&self, into: &mut Vec<Automaton>) {
        match self {
            Self::Matches(dfa) => into.push(Automaton::new(dfa)),
            Self::Open => {}
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.automata(into)),
            Self::Not(test) => test.automata(into),
        }
    }

    /// The verdict on a pattern; takes an automaton for each expression.
    fn decide(&self, pattern: &str, automata: &mut std::slice::IterMut<'_, Automaton>) -> Option<bool> {
        match self {
            Self::Matches(_) => automata.next()?.decide(pattern),
            Self::Open => None,
            Self::Not(test) => test.decide(pattern, automata).map(|kept| !kept),
            Self::All(tests) => decided(tests, pattern, automata, false),
            Self::Any(tests) => decided(tests, pattern, automata, true),
        }
    }
}

/// `enough` if one test says so, the opposite if all do, nothing else.
fn decided(
    tests: &[Test],
    pattern: &str,
    automata: &mut std::slice::IterMut<'_, Automaton>,
    enough: bool,
) -> Option<bool> {
    let verdicts: Vec<_> = tests.iter().map(|test| test.decide(pattern, automata)).collect();
    if verdicts.contains(&Some(enough)) {
        return Some(enough);
    }
    verdicts.iter().all(Option::is_some).then_some(!enough)
}

impl Judge {
    /// Whether patterns have decided enough so far to be asked again.
    pub(crate) const fn is_useful(&self) -> bool {
        self.asked < TRIAL_ROWS || self.left < self.asked / 10 * 9
    }

    /// What the patterns of `rows` say of those `within`; `None` when the rows have none.
    pub(crate) fn judge(&mut self, test: &Test, rows: &RecordBatch, within: &BooleanBuffer) -> Option<Verdicts> {
        let (texts, key) = patterns(rows)?;
        if self.automata.is_empty() {
            test.automata(&mut self.automata);
        }
        let (mut kept, mut open) = (vec![false; rows.num_rows()], vec![false; rows.num_rows()]);
        for row in within.set_indices() {
            let automata = &mut self.automata;
            let decide = |pattern: &str| test.decide(pattern, &mut automata.iter_mut());
            match key(row).and_then(|key| *self.known.get(texts, key, decide)?) {
                Some(keep) => kept[row] = keep,
                None => open[row] = true,
            }
        }
        let verdicts = Verdicts { kept: kept.into(), open: open.into() };
        self.asked += within.count_set_bits();
        self.left += verdicts.open.count_set_bits();
        Some(verdicts)
    }
}
