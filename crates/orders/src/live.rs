//! The live state of open objects, in memory and within bounds.
//!
//! It depends on the set of events it was given, not on their order, and events may be given twice: reading the whole
//! table again repairs whatever was missed.

mod backlog;
mod over;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use logline::Timestamp;

use self::backlog::Backlog;
use self::over::{Ended, Ties, hash};
use crate::event::Event;
use crate::history::{self, History};
use crate::path::{self, Mark, Path, Visit};
use crate::symbols::{Symbol, Symbols};
use crate::trail::Trail;
use crate::{EventKind, Graph, Graphs};

/// Open objects of a tenant that are held; when there are more, those whose last event is oldest go.
const OBJECTS: usize = 200_000;
/// Marks of an object after which those that no longer matter are dropped.
const MARKS: usize = 96;
/// The newest marks, which always stay: late events fall among them.
const FRESH_MARKS: usize = 48;
/// Failures of an object that are counted.
const FAILURES: usize = 64;
/// Objects named beside one that are kept.
const RELATED: usize = 16;
/// How long an object that never ends, having no graph or no status, is held after its last event, unless the object
/// that named it ends before.
const IDLE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long an object that has ended is followed after its last event, for what still comes.
const GRACE: Duration = Duration::from_secs(10 * 60);
/// Objects that have ended which are followed all the same, at most: those that were touched last.
const FOLLOWED: usize = 20_000;
/// Objects in the history that are to be read again, at most.
const LATE: usize = 20_000;

/// The objects of one tenant: those that are open, and the paths of those that were.
#[derive(Debug)]
pub(crate) struct Live {
    symbols: Symbols,
    types: HashMap<Box<str>, Objects, ahash::RandomState>,
    ended: Ended,
    ties: Ties,
    objects: usize,
    dropped: u64,
    late: HashSet<(Box<str>, Box<str>)>,
    late_lost: u64,
    /// When what is taken in now has come; long ago for what is read from the table.
    arriving: Timestamp,
    pub(crate) backlog: Backlog,
}

/// The objects of one type.
#[derive(Debug, Default)]
struct Objects {
    open: HashMap<Box<str>, Tracked, ahash::RandomState>,
    history: History,
    /// How long a stay in a status usually takes at most, where enough of them are known.
    norms: HashMap<Symbol, Duration>,
}

/// An object that has not reached an end, or has only just.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    marks: Vec<Mark>,
    stale: bool,
    now: Option<Visit>,
    began: Timestamp,
    ended: bool,
    last_event: Timestamp,
    /// When its newest event happened or came, whichever is later.
    touched: Timestamp,
    failure: Option<Box<LastFailure>>,
    failures: Vec<(Timestamp, u64)>,
    /// When the event that a status expects came last.
    met: Vec<(Symbol, Timestamp)>,
    rating: Option<(Timestamp, u8)>,
    /// Objects named beside it.
    related: BTreeSet<Box<str>>,
    /// Its path; empty until it is known.
    packed: Vec<u8>,
}

/// The last thing that went wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastFailure {
    pub(crate) time: Timestamp,
    pub(crate) id: u64,
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
    /// When it came into being: tells the version of its graph.
    pub(crate) began: Timestamp,
    pub(crate) clues: Clues,
    pub(crate) last_event: Timestamp,
    pub(crate) failure: Option<&'a LastFailure>,
}

/// What besides its stay tells whether an object is stuck.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clues {
    /// When the event that its status expects came last.
    pub(crate) met: Option<Timestamp>,
    /// How long a stay in its status usually takes at most.
    pub(crate) norm: Option<Duration>,
}

/// All paths of one type at one moment, for who analyses them.
#[derive(Debug, Default)]
pub(crate) struct Trails {
    pub(crate) symbols: Symbols,
    segments: Vec<Arc<Vec<u8>>>,
    open: Vec<u8>,
    /// Set while something new is known of objects that are over which is not among their paths yet.
    pub(crate) behind: bool,
    /// Objects whose paths had to go, and the newest beginning among them.
    pub(crate) dropped: (u64, Option<Timestamp>),
}

impl Trails {
    /// Reads every path, one after the other into the same memory.
    pub(crate) fn each(&self, mut with: impl FnMut(&Trail)) {
        let mut trail = Trail::default();
        self.segments.iter().for_each(|segment| history::each(segment, &mut trail, |_, trail| with(trail)));
        let mut rest = self.open.as_slice();
        while let Some(after) = trail.unpack(rest) {
            with(&trail);
            rest = after;
        }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self {
            symbols: Symbols::default(),
            types: HashMap::default(),
            ended: Ended::default(),
            ties: Ties::default(),
            objects: 0,
            dropped: 0,
            late: HashSet::new(),
            late_lost: 0,
            arriving: Timestamp::MIN,
            backlog: Backlog::default(),
        }
    }
}

impl Live {
    /// Takes an event in.
    pub(crate) fn apply(&mut self, event: &Event<'_>, graphs: &Graphs) {
        self.ties.note(event, graphs);
        if self.apply_to_open(event, graphs) {
            return;
        }
        if self.is_over(event.object, event.object_id) {
            return self.note_late(event, graphs);
        }
        if event.failed() || Mark::of(event, graphs, &mut self.symbols).is_some() {
            self.track(event.object, event.object_id);
            self.apply_to_open(event, graphs);
        }
    }

    /// Takes in an event of an object that is open; false if it is not.
    fn apply_to_open(&mut self, event: &Event<'_>, graphs: &Graphs) -> bool {
        let Self { symbols, types, ended, arriving, .. } = self;
        let all = types.get_mut(event.object);
        let Some(tracked) = all.and_then(|all| all.open.get_mut(event.object_id)) else { return false };
        tracked.last_event = tracked.last_event.max(event.time);
        tracked.touched = tracked.touched.max(event.time).max(*arriving);
        tracked.note(event, met(event, graphs, symbols));
        if let Some(mark) = Mark::of(event, graphs, symbols) {
            tracked.marks.push(mark);
            tracked.stale = true;
        }
        let ends = event.status.is_some_and(|status| graphs.is_end(event.object, status));
        if ends || MARKS <= tracked.marks.len() {
            tracked.settle(event.object, event.object_id, graphs, symbols);
            if tracked.ended {
                ended.add(event.object, event.object_id);
            }
        }
        true
    }

    /// What is taken in from now on has come at this moment.
    pub(crate) const fn arrive(&mut self, now: Timestamp) {
        self.arriving = now;
    }

    /// Objects dropped because there were too many.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The types of the objects that are known.
    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        let known = |all: &Objects| !all.open.is_empty() || 0 < all.history.len();
        self.types.iter().filter(move |(_, all)| known(all)).map(|(object, _)| &**object)
    }

    /// Brings every object up to date. Call it before [`Self::open`].
    pub(crate) fn update(&mut self, graphs: &Graphs) {
        let Self { symbols, ended, types, .. } = self;
        for (object, all) in types {
            for (id, tracked) in all.open.iter_mut().filter(|(_, tracked)| tracked.stale) {
                tracked.settle(object, id, graphs, symbols);
                if tracked.ended {
                    ended.add(object, id);
                }
            }
        }
    }

    /// Brings every object up to date and lets go of what is idle, has ended with the object that named it, or is too
    /// much. Events from before `horizon` are all known: what had ended by then goes to the history.
    pub(crate) fn refresh(&mut self, graphs: &Graphs, horizon: Timestamp) {
        self.update(graphs);
        let (idle, quiet) = (horizon.before(IDLE), self.quiet(horizon));
        let Self { ended, ties, types, objects, .. } = self;
        let (mut trail, mut scratch) = (Trail::default(), Vec::new());
        for (object, all) in types {
            let judged = graphs.get(object).is_some();
            let over = |id: &str| !judged && ties.parent(object, id).is_some_and(|one| ended.hashes.contains(&one));
            let before = all.open.len();
            let history = &mut all.history;
            all.open.retain(|id, tracked| {
                let waits = judged && tracked.now.is_some() && !tracked.ended;
                let settled = tracked.ended && tracked.touched <= quiet;
                let stays = (waits || idle <= tracked.last_event) && !over(id) && !settled;
                if stays {
                    return true;
                }
                if trail.unpack(&tracked.packed).is_some() {
                    if !judged {
                        // No graph says where it ends: it has ended where it was last.
                        trail.end = trail.stays.len().checked_sub(1);
                    }
                    history.put(hash(object, id), &trail, &mut scratch);
                }
                false
            });
            *objects -= before - all.open.len();
        }
    }

    /// Up to when an object that has ended was touched last to be followed no more.
    fn quiet(&self, horizon: Timestamp) -> Timestamp {
        let all = self.types.values().flat_map(|all| all.open.values());
        let mut touched: Vec<Timestamp> = all.filter(|tracked| tracked.ended).map(|tracked| tracked.touched).collect();
        let quiet = horizon.before(GRACE);
        match touched.len().checked_sub(FOLLOWED + 1) {
            // What lies beyond the horizon may have earlier events that are not known yet.
            Some(surplus) => quiet.max((*touched.select_nth_unstable(surplus).1).min(horizon)),
            None => quiet,
        }
    }

    /// Keeps no more than `most` bytes of history for each type.
    pub(crate) fn shrink(&mut self, most: usize) {
        self.types.values_mut().for_each(|all| all.history.shrink(most));
    }

    /// The open objects whose status is known.
    pub(crate) fn open(&self) -> impl Iterator<Item = Open<'_>> {
        let all =
            self.types.iter().flat_map(|(object, all)| all.open.iter().map(move |(id, one)| (object, all, id, one)));
        all.filter_map(|(object, all, id, one)| self.shown(object, all, id, one))
    }

    fn shown<'a>(&'a self, object: &'a str, all: &Objects, id: &'a str, tracked: &'a Tracked) -> Option<Open<'a>> {
        let visit = tracked.now.filter(|_| !tracked.ended)?;
        let met = tracked.met.iter().find(|(status, _)| *status == visit.status).map(|(_, at)| *at);
        Some(Open {
            object,
            id,
            status: self.symbols.name(visit.status),
            service: self.symbols.name(visit.service),
            visit,
            began: tracked.began,
            clues: Clues { met, norm: all.norms.get(&visit.status).copied() },
            last_event: tracked.last_event,
            failure: tracked.failure.as_deref(),
        })
    }

    /// All paths of one type, open and over.
    pub(crate) fn trails(&self, object: &str) -> Trails {
        let Some(all) = self.types.get(object) else { return Trails::default() };
        let mut open = Vec::new();
        all.open.values().for_each(|tracked| open.extend_from_slice(&tracked.packed));
        Trails {
            symbols: self.symbols.clone(),
            segments: all.history.segments(),
            open,
            behind: self.is_behind(),
            dropped: all.history.dropped(),
        }
    }

    /// What a stay in each status of a type usually takes at most.
    pub(crate) fn set_norms(&mut self, object: &str, norms: &[(String, Duration)]) {
        let Self { types, symbols, .. } = self;
        if let Some(all) = types.get_mut(object) {
            all.norms = norms.iter().filter_map(|(status, norm)| Some((symbols.find(status)?, *norm))).collect();
        }
    }

    /// How much of a stay in this status is usual at most, where that is known.
    pub(crate) fn norm(&self, object: &str, status: &str) -> Option<Duration> {
        self.types.get(object)?.norms.get(&self.symbols.find(status)?).copied()
    }

    /// Puts objects back that could not be read.
    pub(crate) fn put_late(&mut self, object: &str, ids: &[String]) {
        self.late.extend(ids.iter().map(|id| (object.into(), id.as_str().into())));
    }

    /// Objects in the history, the bytes they take, and how many changed after all but were too many to be read again.
    pub(crate) fn kept(&self) -> (usize, usize, u64) {
        let sum = |number: fn(&History) -> usize| self.types.values().map(|all| number(&all.history)).sum();
        (sum(History::len), sum(History::bytes), self.late_lost)
    }

    /// Whether something new is known of objects that are over which is not among their paths yet.
    pub(crate) fn is_behind(&self) -> bool {
        !self.late.is_empty()
    }

    /// Objects over that something new is known of: at most `most`, of one type. They are to be read again.
    pub(crate) fn take_late(&mut self, most: usize) -> Option<(String, Vec<String>)> {
        let object = self.late.iter().next()?.0.clone();
        let ids: HashSet<_> = self.late.iter().filter(|(kind, _)| *kind == object).take(most).cloned().collect();
        self.late.retain(|one| !ids.contains(one));
        Some((object.to_string(), ids.into_iter().map(|(_, id)| id.into_string()).collect()))
    }

    /// Forgets an object that is over, so that its events can be taken in again.
    pub(crate) fn forget(&mut self, object: &str, id: &str) {
        let hash = hash(object, id);
        self.ended.remove(hash);
        if let Some(all) = self.types.get_mut(object) {
            all.history.remove(hash);
        }
    }

    /// Notes an object whose path is over and packed, if the event may change that path. What its customer thinks of it
    /// comes late as a rule: of several ratings the one that came last counts then.
    fn note_late(&mut self, event: &Event<'_>, graphs: &Graphs) {
        let hash = hash(event.object, event.object_id);
        let Some(all) = self.types.get_mut(event.object).filter(|all| all.history.has(hash)) else { return };
        let earlier = event.status.is_some_and(|status| !graphs.is_end(event.object, status));
        if event.kind != EventKind::Status && !earlier {
            if event.rating.is_some() {
                all.history.change(hash, |trail| trail.rating = event.rating);
            }
            return;
        }
        if LATE <= self.late.len() {
            self.late_lost += 1;
            return;
        }
        self.late.insert((event.object.into(), event.object_id.into()));
    }

    fn is_over(&self, object: &str, id: &str) -> bool {
        let hash = hash(object, id);
        self.ended.hashes.contains(&hash) || self.types.get(object).is_some_and(|all| all.history.has(hash))
    }

    /// Begins to follow an object that is not open.
    fn track(&mut self, object: &str, id: &str) {
        if OBJECTS <= self.objects {
            self.make_room(OBJECTS / 10);
        }
        let new = Tracked { last_event: Timestamp::MIN, touched: Timestamp::MIN, ..Tracked::default() };
        self.types.entry(object.into()).or_default().open.insert(id.into(), new);
        self.objects += 1;
    }

    /// Puts those that have ended into the history, however young; should that not be enough, drops the `surplus` objects
    /// whose last event is oldest. Many at once, so that the work of finding them pays.
    fn make_room(&mut self, surplus: usize) {
        let (mut trail, mut scratch) = (Trail::default(), Vec::new());
        for (object, all) in &mut self.types {
            let history = &mut all.history;
            all.open.retain(|id, tracked| {
                let over = tracked.ended && !tracked.stale && trail.unpack(&tracked.packed).is_some();
                if over {
                    history.put(hash(object, id), &trail, &mut scratch);
                }
                !over
            });
        }
        let left = self.types.values().map(|all| all.open.len()).sum();
        let surplus = surplus.saturating_sub(self.objects.saturating_sub(left));
        self.objects = left;
        let all = self.types.values().flat_map(|all| all.open.values());
        let mut times: Vec<Timestamp> = all.map(|tracked| tracked.last_event).collect();
        let Some(last) = surplus.checked_sub(1).filter(|last| *last < times.len()) else { return };
        let border = *times.select_nth_unstable(last).1;
        for all in self.types.values_mut() {
            all.open.retain(|_, tracked| border < tracked.last_event);
        }
        let left = self.types.values().map(|all| all.open.len()).sum();
        self.dropped += u64::try_from(self.objects.saturating_sub(left)).unwrap_or(u64::MAX);
        self.objects = left;
    }
}

/// The status that waits for an event like this one.
fn met(event: &Event<'_>, graphs: &Graphs, symbols: &mut Symbols) -> Vec<Symbol> {
    let statuses = graphs.at(event.object, event.time).into_iter().flat_map(Graph::statuses);
    let waiting = statuses.filter(|status| status.expect.as_ref().is_some_and(|expect| expect.accepts(event)));
    waiting.filter_map(|status| symbols.of(&status.name)).collect()
}

impl Tracked {
    fn note(&mut self, event: &Event<'_>, met: Vec<Symbol>) {
        for status in met {
            match self.met.iter_mut().find(|(known, _)| *known == status) {
                Some((_, at)) => *at = (*at).max(event.time),
                None => self.met.push((status, event.time)),
            }
        }
        if let Some(rating) = event.rating.filter(|_| self.rating.is_none_or(|(at, _)| at <= event.time)) {
            self.rating = Some((event.time, rating));
            self.stale = true;
        }
        for one in event.related.into_iter().flat_map(str::split_ascii_whitespace) {
            if self.related.len() < RELATED && !self.related.contains(one) {
                self.related.insert(one.into());
                self.stale = true;
            }
        }
        if event.failed() {
            self.note_failure(event);
        }
    }

    fn note_failure(&mut self, event: &Event<'_>) {
        let newer = self.failure.as_ref().is_none_or(|last| (last.time, last.id) < (event.time, event.id));
        if newer {
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
        let failure = (event.time, event.id);
        if let Err(at) = self.failures.binary_search(&failure) {
            self.failures.insert(at, failure);
            self.failures.truncate(FAILURES);
            self.stale = true;
        }
    }

    fn settle(&mut self, object: &str, id: &str, graphs: &Graphs, symbols: &Symbols) {
        self.stale = false;
        let Some(began) = self.marks.iter().map(|mark| mark.time).min() else { return };
        let graph = graphs.at(object, began);
        path::sort(&mut self.marks, graph, symbols);
        let path = path::follow(&self.marks, graph, symbols);
        (self.now, self.began, self.ended) = (path.current().copied(), began, path.end.is_some());
        let mut trail = Trail::default();
        trail.set(id, &path, self.failures.iter().map(|(time, _)| *time));
        trail.rating = self.rating.map(|(_, rating)| rating);
        trail.related = self.related.iter().map(|one| &**one).collect::<Vec<&str>>().join(" ");
        self.packed.clear();
        if !trail.stays.is_empty() {
            trail.pack(&mut self.packed);
        }
        self.packed.shrink_to_fit();
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

#[cfg(test)]
mod tests;
