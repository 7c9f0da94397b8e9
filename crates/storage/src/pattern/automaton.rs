//! An automaton that reads patterns: it is in all states at once that a line of the pattern can bring an expression to.
//!
//! Such a set of states is found out once, and so is where each byte and each mark leads from it; a pattern is then read as
//! fast as a line is by any automaton.

use std::collections::HashMap;
use std::sync::Arc;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::alphabet::ByteClasses;
use regex_automata::{Anchored, Input};

use super::{Mark, REST, parts};
use crate::index::is_word;

/// States of a set; when there are more, the pattern decides nothing.
const STATES: usize = 64;
/// Ways from sets to sets that are remembered, of four bytes each; patterns that need more decide nothing.
const WAYS: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Automaton {
    dfa: Arc<DFA>,
    cache: Cache,
    /// For each mark the bytes that it may stand for, one for each class of bytes that the automaton tells apart.
    bytes: [(Mark, Vec<u8>); 2],
    sets: Vec<States>,
    numbers: HashMap<States, Number>,
    /// Where each step leads from each set, set by set; [`UNSEEN`] until it is found out.
    ways: Vec<Number>,
    start: Number,
}

/// The number of a set.
type Number = u32;

/// The set in which nothing is known; no step leads out of it.
const UNKNOWN: Number = 0;
const UNSEEN: Number = Number::MAX;

/// States that lines of a pattern may have brought the expression to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct States {
    /// In which nothing is decided; sorted.
    open: Vec<LazyStateID>,
    /// Whether some lines match, whatever follows, and whether some never do.
    matched: bool,
    failed: bool,
}

/// What is read of a pattern.
#[derive(Clone, Copy)]
enum Step {
    Byte(u8),
    Mark(Mark),
    /// The end of the line.
    End,
}

/// The pattern cannot tell.
struct Unknown;

impl Automaton {
    pub(super) fn new(dfa: &Arc<DFA>) -> Self {
        let classes = dfa.byte_classes();
        let bytes = Mark::ALL.map(|mark| {
            let stands = |byte: &u8| if mark == Mark::Number { byte.is_ascii_digit() } else { is_word(*byte) };
            let mut bytes: Vec<u8> = (0..=u8::MAX).filter(stands).collect();
            bytes.sort_by_key(|byte| classes.get(*byte));
            bytes.dedup_by_key(|byte| classes.get(*byte));
            (mark, bytes)
        });
        let cache = dfa.create_cache();
        let (sets, ways) = (vec![States::default()], vec![UNKNOWN; stride(classes)]);
        let mut new = Self { dfa: Arc::clone(dfa), cache, bytes, sets, numbers: HashMap::new(), ways, start: UNKNOWN };
        new.start = new.first().and_then(|states| new.number(states)).unwrap_or(UNKNOWN);
        new
    }

    /// Whether the lines of a pattern match; `None` when some do and some do not, or nobody knows.
    pub(super) fn decide(&mut self, pattern: &str) -> Option<bool> {
        let (pattern, is_cut) = match pattern.strip_suffix(REST) {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        let mut at = self.start;
        for (mark, text) in parts(pattern) {
            if let Some(mark) = mark {
                at = self.step(at, Step::Mark(mark));
            }
            at = text.bytes().fold(at, |at, byte| self.step(at, Step::Byte(byte)));
            if self.is_settled(at) {
                return self.verdict(at);
            }
        }
        // What is cut off may bring a match or not.
        if is_cut {
            return None;
        }
        let end = self.step(at, Step::End);
        self.verdict(end)
    }

    fn is_settled(&self, at: Number) -> bool {
        self.sets.get(at as usize).is_none_or(|states| states.open.is_empty())
    }

    fn verdict(&self, at: Number) -> Option<bool> {
        let states = self.sets.get(at as usize)?;
        match (states.open.is_empty(), states.matched, states.failed) {
            (true, true, false) => Some(true),
            (true, false, true) => Some(false),
            _ => None,
        }
    }

    fn step(&mut self, at: Number, step: Step) -> Number {
        let classes = self.dfa.byte_classes();
        let column = match step {
            Step::Byte(byte) => usize::from(classes.get(byte)),
            Step::End => classes.eoi().as_usize(),
            Step::Mark(mark) => classes.alphabet_len() + mark as usize,
        };
        let way = at as usize * stride(classes) + column;
        match self.ways.get(way) {
            Some(&to) if to != UNSEEN => to,
            _ => self.find(at, step, way),
        }
    }

    #[cold]
    fn find(&mut self, at: Number, step: Step, way: usize) -> Number {
        let from = self.sets.get(at as usize).cloned().unwrap_or_default();
        let to = self.follow(from, step).and_then(|states| self.number(states)).unwrap_or(UNKNOWN);
        if let Some(known) = self.ways.get_mut(way) {
            *known = to;
        }
        to
    }

    /// The number of a set, which may be new.
    fn number(&mut self, states: States) -> Result<Number, Unknown> {
        if let Some(number) = self.numbers.get(&states) {
            return Ok(*number);
        }
        let ways = self.ways.len() + stride(self.dfa.byte_classes());
        if STATES < states.open.len() || WAYS < ways {
            return Err(Unknown);
        }
        let number = Number::try_from(self.sets.len()).map_err(|_| Unknown)?;
        self.ways.resize(ways, UNSEEN);
        self.sets.push(states.clone());
        self.numbers.insert(states, number);
        Ok(number)
    }

    /// Before the first byte.
    fn first(&mut self) -> Result<States, Unknown> {
        let input = Input::new("").anchored(Anchored::No);
        let start = self.dfa.start_state_forward(&mut self.cache, &input).map_err(|_| Unknown)?;
        let mut states = States::default();
        states.enter(start)?;
        Ok(states)
    }

    /// Where a step leads from a set.
    fn follow(&mut self, from: States, step: Step) -> Result<States, Unknown> {
        let mut to = States { open: Vec::new(), ..from };
        match step {
            Step::Byte(byte) => self.enter(&from.open, &[byte], &mut to)?,
            Step::Mark(mark) => self.enter_all(&from.open, mark, &mut to)?,
            Step::End => {
                for state in from.open {
                    let state = self.dfa.next_eoi_state(&mut self.cache, state).map_err(|_| Unknown)?;
                    to.matched |= state.is_match();
                    to.failed |= !state.is_match();
                }
            }
        }
        Ok(to)
    }

    /// Adds where one or more of the bytes that a mark may stand for lead to.
    fn enter_all(&mut self, from: &[LazyStateID], mark: Mark, to: &mut States) -> Result<(), Unknown> {
        let bytes = self.bytes.iter().find(|(of, _)| *of == mark).map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        self.enter(from, &bytes, to)?;
        loop {
            let before = to.open.clone();
            self.enter(&before, &bytes, to)?;
            if to.open == before {
                return Ok(());
            }
        }
    }

    /// Adds where any of these bytes leads to from any of these states.
    fn enter(&mut self, from: &[LazyStateID], bytes: &[u8], to: &mut States) -> Result<(), Unknown> {
        for state in from {
            for byte in bytes {
                to.enter(self.dfa.next_state(&mut self.cache, *state, *byte).map_err(|_| Unknown)?)?;
            }
        }
        to.open.sort_unstable();
        to.open.dedup();
        if STATES < to.open.len() { Err(Unknown) } else { Ok(()) }
    }
}

/// Steps that lead out of a set: classes of bytes, the end of the line, marks.
fn stride(classes: &ByteClasses) -> usize {
    classes.alphabet_len() + Mark::ALL.len()
}

impl States {
    fn enter(&mut self, state: LazyStateID) -> Result<(), Unknown> {
        if state.is_quit() || state.is_unknown() {
            return Err(Unknown);
        }
        if state.is_match() {
            self.matched = true;
        } else if state.is_dead() {
            self.failed = true;
        } else {
            self.open.push(state);
        }
        Ok(())
    }
}
