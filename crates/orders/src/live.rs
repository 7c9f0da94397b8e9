//! The live state of open objects, in memory and within bounds.
//!
//! It depends on the set of events it was given, not on their order, and events may be given twice: reading the whole
//! table again repairs whatever was missed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use logline::{Entity, Timestamp};

use crate::event::Event;
use crate::path::{self, Mark, Path, Visit};
use crate::symbols::Symbols;
use crate::{EventKind, Graph, Graphs};

/// Open objects of a tenant that are held; when there are more, those whose last event is oldest go.
const OBJECTS: usize = 200_000;
/// Marks of an object after which those that no longer matter are dropped.
const MARKS: usize = 96;
/// The newest marks, which always stay: late events fall among them.
const FRESH_MARKS: usize = 48;
/// Ended objects that are remembered, so that late events do not open them again.
const ENDED: usize = 1_000_000;
/// Objects without a graph of which it is remembered which object with a graph named them last.
const TIES: usize = 400_000;
/// How long an object that never ends, having no graph or no status, is held after its last event, unless the object
/// that named it ends before.
const IDLE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The open objects of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Live {
    symbols: Symbols,
    types: HashMap<Box<str>, HashMap<Box<str>, Tracked>>,
    ended: Ended,
    ties: Ties,
    objects: usize,
    dropped: u64,
}

/// An object that has not reached an end.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    marks: Vec<Mark>,
    stale: bool,
    now: Option<Visit>,
    last_event: Timestamp,
    failure: Option<Box<LastFailure>>,
}

/// The last thing that went wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastFailure {
    pub(crate) time: Timestamp,
    pub(crate) id: u128,
    pub(crate) service: String,
    pub(crate) endpoint: String,
    pub(crate) http_status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) trace_id: Option<String>,
}

/// An open object with a known status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    pub(crate) object: &'a str,
    pub(crate) id: &'a str,
    pub(crate) status: &'a str,
    pub(crate) service: &'a str,
    pub(crate) visit: Visit,
    pub(crate) last_event: Timestamp,
    pub(crate) failure: Option<&'a LastFailure>,
}

impl Live {
    /// Takes an event in.
    pub(crate) fn apply(&mut self, event: &Event<'_>, graphs: &Graphs) {
        let graph = graphs.get(event.object);
        self.ties.note(event, graphs);
        if graph.is_some() && self.ended.has(event.object, event.object_id) {
            return;
        }
        let mark = Mark::of(event, graph, &mut self.symbols);
        if mark.is_none() && !self.is_open(event.object, event.object_id) && !event.failed() {
            return;
        }
        let ends = event.status.is_some_and(|status| graph.is_some_and(|graph| graph.is_end(status)));
        let tracked = self.tracked(event.object, event.object_id);
        tracked.last_event = tracked.last_event.max(event.time);
        tracked.note_failure(event);
        if let Some(mark) = mark {
            tracked.marks.push(mark);
            tracked.stale = true;
        }
        if ends || MARKS <= tracked.marks.len() {
            self.settle(event.object, event.object_id, graph);
        }
    }

    /// Objects dropped because there were too many.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The types of the objects that are held.
    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter(|(_, all)| !all.is_empty()).map(|(object, _)| &**object)
    }

    /// Brings every object up to date and lets go of what is idle, has ended with the object that named it, or is too
    /// much. Call it before [`Self::open`].
    pub(crate) fn refresh(&mut self, graphs: &Graphs, now: Timestamp) {
        let Self { symbols, ended, ties, .. } = self;
        for (object, all) in &mut self.types {
            let graph = graphs.get(object);
            let over =
                |id: &str| graph.is_none() && ties.parent(object, id).is_some_and(|one| ended.hashes.contains(&one));
            all.values_mut().filter(|tracked| tracked.stale).for_each(|tracked| tracked.settle(graph, symbols));
            let idle = now.before(IDLE);
            let before = all.len();
            all.retain(|id, tracked| {
                let waits = graph.is_some() && tracked.now.is_some();
                (waits || idle <= tracked.last_event) && !over(id)
            });
            self.objects -= before - all.len();
        }
    }

    /// The open objects whose status is known.
    pub(crate) fn open(&self) -> impl Iterator<Item = Open<'_>> {
        let all = self.types.iter().flat_map(|(object, all)| all.iter().map(move |(id, one)| (object, id, one)));
        all.filter_map(|(object, id, tracked)| {
            let visit = tracked.now?;
            Some(Open {
                object,
                id,
                status: self.symbols.name(visit.status),
                service: self.symbols.name(visit.service),
                visit,
                last_event: tracked.last_event,
                failure: tracked.failure.as_deref(),
            })
        })
    }

    fn is_open(&self, object: &str, id: &str) -> bool {
        self.types.get(object).is_some_and(|all| all.contains_key(id))
    }

    fn tracked(&mut self, object: &str, id: &str) -> &mut Tracked {
        if OBJECTS <= self.objects && !self.is_open(object, id) {
            self.make_room(OBJECTS / 10);
        }
        let all = self.types.entry(object.into()).or_default();
        all.entry(id.into()).or_insert_with(|| {
            self.objects += 1;
            Tracked { last_event: Timestamp::MIN, ..Tracked::default() }
        })
    }

    /// Works an object's status out; once it has ended, only that is remembered.
    fn settle(&mut self, object: &str, id: &str, graph: Option<&Graph>) {
        let symbols = &self.symbols;
        let Some(tracked) = self.types.get_mut(object).and_then(|all| all.get_mut(id)) else { return };
        tracked.settle(graph, symbols);
        let ended = |visit: &Visit| graph.is_some_and(|graph| graph.is_end(symbols.name(visit.status)));
        if tracked.now.as_ref().is_some_and(ended) {
            self.ended.add(object, id);
            let removed = self.types.get_mut(object).and_then(|all| all.remove(id));
            self.objects -= usize::from(removed.is_some());
        }
    }

    /// Drops the `surplus` objects whose last event is oldest; many at once, so that the work of finding them pays.
    fn make_room(&mut self, surplus: usize) {
        let all = self.types.values().flat_map(HashMap::values);
        let mut times: Vec<Timestamp> = all.map(|tracked| tracked.last_event).collect();
        let Some(last) = surplus.checked_sub(1).filter(|last| *last < times.len()) else { return };
        let border = *times.select_nth_unstable(last).1;
        for all in self.types.values_mut() {
            all.retain(|_, tracked| border < tracked.last_event);
        }
        let left = self.types.values().map(HashMap::len).sum();
        self.dropped += u64::try_from(self.objects.saturating_sub(left)).unwrap_or(u64::MAX);
        self.objects = left;
    }
}

impl Tracked {
    fn note_failure(&mut self, event: &Event<'_>) {
        let newer = self.failure.as_ref().is_none_or(|last| (last.time, last.id) < (event.time, event.id));
        if event.failed() && newer {
            self.failure = Some(Box::new(LastFailure {
                time: event.time,
                id: event.id,
                service: event.service.to_owned(),
                endpoint: event.endpoint.to_owned(),
                http_status: event.http_status,
                error: event.error.map(str::to_owned),
                trace_id: event.trace_id.map(str::to_owned),
            }));
        }
    }

    fn settle(&mut self, graph: Option<&Graph>, symbols: &Symbols) {
        path::sort(&mut self.marks, graph, symbols);
        let path = path::follow(&self.marks, graph, symbols);
        self.now = path.current().copied();
        self.stale = false;
        if MARKS <= self.marks.len() {
            self.drop_settled(&path);
        }
    }

    /// Drops marks that told nothing new: those of calls that neither made a change nor confirmed one. Should that not
    /// be enough, the oldest go: the current status and its time stay right, only its past gets shorter.
    fn drop_settled(&mut self, path: &Path) {
        let entered: HashSet<Timestamp> = path.visits.iter().map(|visit| visit.entered).collect();
        let telling = self.marks.iter().filter(|mark| entered.contains(&mark.time));
        let calls: HashSet<u64> = telling.map(|mark| mark.call).filter(|call| *call != 0).collect();
        let settled = self.marks.len().saturating_sub(FRESH_MARKS);
        let mut index = 0;
        self.marks.retain(|mark| {
            index += 1;
            let matters = mark.kind == EventKind::Status || mark.confirms || entered.contains(&mark.time);
            settled < index || matters || calls.contains(&mark.call)
        });
        if MARKS <= self.marks.len() {
            self.marks.drain(..self.marks.len() - FRESH_MARKS);
        }
    }
}

/// Objects that have ended, by hash, oldest first.
#[derive(Debug, Default)]
struct Ended {
    hashes: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Ended {
    fn add(&mut self, object: &str, id: &str) {
        let hash = hash(object, id);
        if self.hashes.insert(hash) {
            self.order.push_back(hash);
        }
        if ENDED < self.order.len() {
            let oldest = self.order.pop_front();
            oldest.map(|hash| self.hashes.remove(&hash));
        }
    }

    fn has(&self, object: &str, id: &str) -> bool {
        self.hashes.contains(&hash(object, id))
    }
}

/// Which object with a graph named an object without one last: a model ends with its order.
#[derive(Debug, Default)]
struct Ties(HashMap<u64, Tie>);

#[derive(Clone, Copy, Debug)]
struct Tie {
    time: Timestamp,
    parent: u64,
}

impl Ties {
    /// Notes what an event about one object says of others.
    fn note(&mut self, event: &Event<'_>, graphs: &Graphs) {
        let Some(related) = event.related else { return };
        let others = related.split_ascii_whitespace().filter_map(Entity::parse);
        let (bound, free): (Vec<_>, Vec<_>) = others.partition(|other| graphs.get(other.object).is_some());
        if graphs.get(event.object).is_some() {
            let parent = hash(event.object, event.object_id);
            free.iter().for_each(|child| self.tie(hash(child.object, child.id), event.time, parent));
        } else if let Some(parent) = bound.first() {
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

    fn parent(&self, object: &str, id: &str) -> Option<u64> {
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

fn hash(object: &str, id: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(object.as_bytes());
    hasher.update(b"/");
    hasher.update(id.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests;
