//! Which numbered batches are kept, and which lines came lately, so that a repeat is known.
//!
//! For each agent of a tenant: the highest number and which of the [`WINDOW`] numbers up to it are kept. What lies below
//! the window counts as kept. An agent sends one batch at a time, in order, and repeats only the one that was not
//! answered, so that the window is far wider than it needs.

mod lines;
mod young;

use std::collections::{BTreeMap, HashMap};

use logline::{BatchId, Tenant};

pub(crate) use self::lines::{Identity, PRINT_BYTES, PrintSet, Prints, SeenLines};
pub(crate) use self::young::young_lines;

/// Numbers of an agent that are told apart: the highest and those next below it.
pub(crate) const WINDOW: u64 = 1_024;
/// Agents that are remembered; of more, the one that has been silent longest goes.
const MAX_AGENTS: usize = 10_000;
const WORD: u64 = 64;
const WORDS: usize = (WINDOW / WORD) as usize;

/// The number of a batch, which means something for its tenant only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub(crate) tenant: Tenant,
    pub(crate) id: BatchId,
}

/// Numbers of batches that are kept.
#[derive(Debug)]
pub(crate) struct Seen {
    agents: HashMap<Agent, Known>,
    /// Agents by the turn of their last batch.
    turns: BTreeMap<u64, Agent>,
    turn: u64,
    limit: usize,
}

type Agent = (Tenant, u128);

#[derive(Debug)]
struct Known {
    window: Window,
    turn: u64,
    /// Whether batches came since [`Seen::take_changed`].
    changed: bool,
}

/// The bit of number `n` is bit `n % WINDOW`; bits of numbers above `highest` are those that have left the window.
#[derive(Debug)]
struct Window {
    highest: u64,
    kept: [u64; WORDS],
}

impl Default for Seen {
    fn default() -> Self {
        Self { agents: HashMap::new(), turns: BTreeMap::new(), turn: 0, limit: MAX_AGENTS }
    }
}

impl Seen {
    /// Whether the batch is kept, as far as is remembered.
    pub(crate) fn contains(&self, mark: &Mark) -> bool {
        self.agents.get(&mark.agent()).is_some_and(|known| known.window.contains(mark.id.sequence))
    }

    /// Remembers a batch that is kept now.
    pub(crate) fn insert(&mut self, mark: &Mark) {
        let known = self.known(mark);
        known.window.insert(mark.id.sequence);
        known.changed = true;
    }

    /// Remembers that of this agent every batch up to this one is kept, which takes the place of what was known.
    pub(crate) fn insert_through(&mut self, mark: &Mark) {
        self.known(mark).window = Window { highest: mark.id.sequence, kept: [u64::MAX; WORDS] };
    }

    /// The highest number of each agent that has had a batch since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<Mark> {
        let changed = |((tenant, agent), known): (&Agent, &mut Known)| {
            let id = BatchId { agent: *agent, sequence: known.window.highest };
            std::mem::take(&mut known.changed).then(|| Mark { tenant: tenant.clone(), id })
        };
        self.agents.iter_mut().filter_map(changed).collect()
    }

    /// What is known of the agent, which is the last to have been heard of now.
    fn known(&mut self, mark: &Mark) -> &mut Known {
        self.turn += 1;
        let agent = mark.agent();
        match self.agents.get(&agent) {
            Some(known) => drop(self.turns.remove(&known.turn)),
            None if self.limit <= self.agents.len() => {
                if let Some((_, silent)) = self.turns.pop_first() {
                    self.agents.remove(&silent);
                }
            }
            None => {}
        }
        self.turns.insert(self.turn, agent.clone());
        let window = Window { highest: mark.id.sequence, kept: [0; WORDS] };
        let new = || Known { window, turn: 0, changed: false };
        let known = self.agents.entry(agent).or_insert_with(new);
        known.turn = self.turn;
        known
    }
}

impl Mark {
    fn agent(&self) -> Agent {
        (self.tenant.clone(), self.id.agent)
    }
}

impl Window {
    fn contains(&self, sequence: u64) -> bool {
        if self.highest < sequence {
            return false;
        }
        let (word, bit) = place(sequence);
        WINDOW <= self.highest - sequence || self.kept[word] & bit != 0
    }

    fn insert(&mut self, sequence: u64) {
        if WINDOW <= self.highest.saturating_sub(sequence) {
            return;
        }
        // Numbers that were jumped over are new to the window, and not kept.
        for jumped in self.highest.saturating_add(1).max(sequence.saturating_sub(WINDOW))..sequence {
            let (word, bit) = place(jumped);
            self.kept[word] &= !bit;
        }
        let (word, bit) = place(sequence);
        self.kept[word] |= bit;
        self.highest = self.highest.max(sequence);
    }
}

/// The word that holds a number's bit, and the bit.
const fn place(sequence: u64) -> (usize, u64) {
    let bit = sequence % WINDOW;
    ((bit / WORD) as usize, 1 << (bit % WORD))
}

#[cfg(test)]
mod tests;
