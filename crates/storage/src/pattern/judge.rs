//! Decides conditions on the text of a line by the pattern of the line.
//!
//! An automaton of the condition reads the pattern. Where a word differs it goes to every state that one or more bytes of
//! words lead to; so at the end it is in all states that a line of the pattern can bring it to. If all of them tell the
//! same, that is the answer for every line of the pattern.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::buffer::BooleanBuffer;
use arrow::record_batch::RecordBatch;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, nfa::thompson};

use super::{Known, Mark, REST, parts, patterns};
use crate::index::is_word;

/// Memory of an automaton's states; one that needs more decides nothing.
const STATES_BYTES: usize = 2 << 20;
/// Memory of its parts.
const PARTS_BYTES: usize = 4 << 20;
/// States at a time; when there are more, the pattern decides nothing.
const STATES: usize = 64;

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

#[derive(Debug)]
struct Automaton {
    dfa: Arc<DFA>,
    cache: Cache,
    /// For each mark the bytes that it may stand for, one for each class of bytes that the automaton tells apart.
    bytes: [(Mark, Vec<u8>); 2],
    /// Where a mark leads from some states.
    known: HashMap<(Mark, Vec<LazyStateID>), Reached>,
}

/// States that lines of a pattern may have brought an automaton to.
#[derive(Clone, Debug, Default)]
struct Reached {
    /// In which nothing is decided; sorted.
    states: Vec<LazyStateID>,
    /// Whether some lines match, whatever follows, and whether some never do.
    matched: bool,
    failed: bool,
}

/// The pattern cannot tell.
struct Unknown;

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

impl Automaton {
    fn new(dfa: &Arc<DFA>) -> Self {
        let classes = dfa.byte_classes();
        let bytes = Mark::ALL.map(|mark| {
            let stands = |byte: &u8| if mark == Mark::Number { byte.is_ascii_digit() } else { is_word(*byte) };
            let mut bytes: Vec<u8> = (0..=u8::MAX).filter(stands).collect();
            bytes.sort_by_key(|byte| classes.get(*byte));
            bytes.dedup_by_key(|byte| classes.get(*byte));
            (mark, bytes)
        });
        Self { dfa: Arc::clone(dfa), cache: dfa.create_cache(), bytes, known: HashMap::new() }
    }

    fn decide(&mut self, pattern: &str) -> Option<bool> {
        self.run(pattern).ok().and_then(|reached| reached.verdict())
    }

    /// Reads a pattern to its end, and past the end of the line.
    fn run(&mut self, pattern: &str) -> Result<Reached, Unknown> {
        let start = self.dfa.start_state_forward(&mut self.cache, &Input::new("").anchored(Anchored::No));
        let mut reached = Reached::default();
        reached.enter(start.map_err(|_| Unknown)?)?;
        let (pattern, is_cut) = match pattern.strip_suffix(REST) {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        for (mark, text) in parts(pattern) {
            if let Some(mark) = mark {
                self.mark(mark, &mut reached)?;
            }
            self.text(&mut reached, text.as_bytes())?;
            if reached.states.is_empty() {
                return Ok(reached);
            }
        }
        // What is cut off may bring a match or not.
        if is_cut { Err(Unknown) } else { self.end(reached) }
    }

    /// Past a text.
    fn text(&mut self, reached: &mut Reached, text: &[u8]) -> Result<(), Unknown> {
        let mut rest = text;
        // Mostly there is one state, and one that tells nothing.
        if let [only] = reached.states.as_mut_slice() {
            while let Some((byte, behind)) = rest.split_first() {
                let next = self.dfa.next_state(&mut self.cache, *only, *byte).map_err(|_| Unknown)?;
                if next.is_tagged() {
                    break;
                }
                (*only, rest) = (next, behind);
            }
        }
        for byte in rest {
            if reached.states.is_empty() {
                break;
            }
            let states = std::mem::take(&mut reached.states);
            self.step(&states, &[*byte], reached)?;
        }
        Ok(())
    }

    /// Past what a mark stands for: one or more of its bytes.
    fn mark(&mut self, mark: Mark, reached: &mut Reached) -> Result<(), Unknown> {
        let from = (mark, std::mem::take(&mut reached.states));
        if let Some(known) = self.known.get(&from) {
            return reached.join(known);
        }
        let bytes = self.bytes.iter().find(|(of, _)| *of == mark).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        let found = self.closure(&from.1, &bytes)?;
        reached.join(&found)?;
        self.known.insert(from, found);
        Ok(())
    }

    fn closure(&mut self, states: &[LazyStateID], bytes: &[u8]) -> Result<Reached, Unknown> {
        let mut all = Reached::default();
        self.step(states, bytes, &mut all)?;
        loop {
            let before = all.states.clone();
            self.step(&before, bytes, &mut all)?;
            if all.states == before {
                return Ok(all);
            }
        }
    }

    /// Adds where any of these bytes leads to from any of these states.
    fn step(&mut self, states: &[LazyStateID], bytes: &[u8], into: &mut Reached) -> Result<(), Unknown> {
        for state in states {
            for byte in bytes {
                into.enter(self.dfa.next_state(&mut self.cache, *state, *byte).map_err(|_| Unknown)?)?;
            }
        }
        into.settle()
    }

    /// Past the end of the line.
    fn end(&mut self, mut reached: Reached) -> Result<Reached, Unknown> {
        for state in std::mem::take(&mut reached.states) {
            let state = self.dfa.next_eoi_state(&mut self.cache, state).map_err(|_| Unknown)?;
            reached.matched |= state.is_match();
            reached.failed |= !state.is_match();
        }
        Ok(reached)
    }
}

impl Reached {
    fn enter(&mut self, state: LazyStateID) -> Result<(), Unknown> {
        if state.is_quit() || state.is_unknown() {
            return Err(Unknown);
        }
        if state.is_match() {
            self.matched = true;
        } else if state.is_dead() {
            self.failed = true;
        } else {
            self.states.push(state);
        }
        Ok(())
    }

    fn join(&mut self, other: &Self) -> Result<(), Unknown> {
        self.states.extend_from_slice(&other.states);
        self.matched |= other.matched;
        self.failed |= other.failed;
        self.settle()
    }

    fn settle(&mut self) -> Result<(), Unknown> {
        self.states.sort_unstable();
        self.states.dedup();
        if STATES < self.states.len() { Err(Unknown) } else { Ok(()) }
    }

    fn verdict(&self) -> Option<bool> {
        match (self.states.is_empty(), self.matched, self.failed) {
            (true, true, false) => Some(true),
            (true, false, true) => Some(false),
            _ => None,
        }
    }
}
