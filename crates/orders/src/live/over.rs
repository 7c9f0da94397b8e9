//! What is remembered of objects that are over, by hash: that they have ended, and which object goes with which.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use logline::{Entity, Timestamp};

use crate::Graphs;
use crate::event::Event;

/// Ended objects that are remembered, so that late events do not open them again.
const ENDED: usize = 1_000_000;
/// Objects without a graph of which it is remembered which object with a graph named them last.
const TIES: usize = 400_000;

/// Objects that have ended, by hash, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) hashes: HashSet<u64, ahash::RandomState>,
    order: VecDeque<u64>,
}

impl Ended {
    pub(super) fn add(&mut self, object: &str, id: &str) {
        let hash = hash(object, id);
        if self.hashes.insert(hash) {
            self.order.push_back(hash);
        }
        if ENDED < self.order.len() {
            let oldest = self.order.pop_front();
            oldest.map(|hash| self.hashes.remove(&hash));
        }
    }

    /// Its place in the order stays: should it end again, it is forgotten a little early.
    pub(super) fn remove(&mut self, hash: u64) {
        self.hashes.remove(&hash);
    }
}

/// Which object with a graph named an object without one last: a model ends with its order.
#[derive(Debug, Default)]
pub(super) struct Ties(HashMap<u64, Tie, ahash::RandomState>);

#[derive(Clone, Copy, Debug)]
struct Tie {
    time: Timestamp,
    parent: u64,
}

impl Ties {
    /// Notes what an event about one object says of others.
    pub(super) fn note(&mut self, event: &Event<'_>, graphs: &Graphs) {
        let Some(related) = event.related else { return };
        let has_graph = |object: &str| graphs.get(object).is_some();
        let mut others = related.split_ascii_whitespace().filter_map(Entity::parse);
        if has_graph(event.object) {
            let parent = hash(event.object, event.object_id);
            let free = others.filter(|other| !has_graph(other.object));
            free.for_each(|child| self.tie(hash(child.object, child.id), event.time, parent));
        } else if let Some(parent) = others.find(|other| has_graph(other.object)) {
            self.tie(hash(event.object, event.object_id), event.time, hash(parent.object, parent.id));
        }
    }

    fn tie(&mut self, child: u64, time: Timestamp, parent: u64) {
        if TIES <= self.0.len() && !self.0.contains_key(&child) {
            self.make_room();
        }
        let tie = Tie { time, parent };
        let newest = self.0.entry(child).or_insert(tie);
        if (newest.time, newest.parent) < (time, parent) {
            *newest = tie;
        }
    }

    pub(super) fn parent(&self, object: &str, id: &str) -> Option<u64> {
        self.0.get(&hash(object, id)).map(|tie| tie.parent)
    }

    /// Forgets the older half.
    fn make_room(&mut self) {
        let mut times: Vec<Timestamp> = self.0.values().map(|tie| tie.time).collect();
        let middle = times.len() / 2;
        let border = *times.select_nth_unstable(middle).1;
        self.0.retain(|_, tie| border < tie.time);
    }
}

/// Names an object; the same in every run of a program, so that what is equally old is ordered alike.
pub(super) fn hash(object: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (object, id).hash(&mut hasher);
    hasher.finish()
}
