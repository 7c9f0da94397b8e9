//! From events to a path: which statuses an object went through, and when it entered each.
//!
//! The path depends on the set of events alone, never on the order in which they came or on repeats. What counts as
//! a change, from strong to weak:
//!
//! 1. a STATUS line;
//! 2. a request and its response that differ in status, unless a change to that status within the call explains them:
//!    of nested calls the innermost ends first and is taken for the change;
//! 3. a line that speaks of a status further on than the object was known to be: it must have got there unseen.
//!
//! A line that speaks of an earlier status than the current one is late news from another service and changes nothing.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use logline::Timestamp;

use crate::event::{Event, Outcome};
use crate::symbols::{Symbol, Symbols};
use crate::{EventKind, Evidence, Graph, Graphs};

/// How far clocks of different machines may differ before an order of events is believed.
pub(crate) const SKEW: Duration = Duration::from_secs(2);

/// What one event says about the status, in few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) time: Timestamp,
    /// Hash of (service, direction, request id): the same in a request and its response; 0 without request id.
    pub(crate) call: u64,
    pub(crate) kind: EventKind,
    pub(crate) from: Option<Symbol>,
    pub(crate) status: Symbol,
    pub(crate) service: Symbol,
    /// The answer that a hand-over of this status waits for.
    pub(crate) confirms: bool,
}

impl Mark {
    /// What an event says; none if it says nothing about a status.
    pub(crate) fn of(event: &Event<'_>, graphs: &Graphs, symbols: &mut Symbols) -> Option<Self> {
        let name = event.status?;
        let status = symbols.of(name)?;
        let service = symbols.of(event.service)?;
        let from = match (event.kind, event.from) {
            (EventKind::Status, Some(from)) => Some(symbols.of(from)?),
            _ => None,
        };
        let call = event.request_id.map_or(0, |request| {
            let mut hasher = DefaultHasher::new();
            (event.service, event.dir, request).hash(&mut hasher);
            hasher.finish()
        });
        let answered = event.kind == EventKind::Resp && event.dir == Some("out");
        let succeeded = event.outcome == Some(Outcome::Done) && matches!(event.http_status, Some(200..=299));
        let graph = graphs.at(event.object, event.time);
        let confirm = graph.and_then(|graph| graph.status(name)).and_then(|status| status.confirm.as_ref());
        let accepted = confirm.is_some_and(|one| one.accepts(event.peer.unwrap_or_default(), event.endpoint));
        let confirms = answered && succeeded && accepted;
        Some(Self { time: event.time, call, kind: event.kind, from, status, service, confirms })
    }
}

/// The statuses an object went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    /// Stays in order of time.
    pub(crate) visits: Vec<Visit>,
    /// The stay with which it ended; what follows came after the end.
    pub(crate) end: Option<usize>,
}

/// A stay in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) status: Symbol,
    /// The status that was left, as far as it is known.
    pub(crate) from: Option<Symbol>,
    pub(crate) entered: Timestamp,
    /// Who said so.
    pub(crate) service: Symbol,
    pub(crate) evidence: Evidence,
    /// The status that was left, as the line itself told it.
    pub(crate) told: Option<Symbol>,
    /// When the other side confirmed the hand-over.
    pub(crate) confirmed: Option<Timestamp>,
}

impl Path {
    /// The stay that counts now: the end once it was reached, else the newest.
    pub(crate) fn current(&self) -> Option<&Visit> {
        self.end.map_or_else(|| self.visits.last(), |end| self.visits.get(end))
    }
}

/// Sorts marks by time, and within the same time so that the order does not depend on how they came; drops repeats.
pub(crate) fn sort(marks: &mut Vec<Mark>, graph: Option<&Graph>, symbols: &Symbols) {
    let rank = |symbol| graph.and_then(|graph| graph.rank(symbols.name(symbol)));
    let order = |a: &Mark, b: &Mark| -> Ordering {
        let by_name = |a: Symbol, b: Symbol| symbols.name(a).cmp(symbols.name(b));
        let by_from = || a.from.map(|from| symbols.name(from)).cmp(&b.from.map(|from| symbols.name(from)));
        a.time
            .cmp(&b.time)
            .then(a.kind.cmp(&b.kind))
            .then_with(|| rank(a.status).cmp(&rank(b.status)))
            .then_with(|| by_name(a.status, b.status))
            .then_with(by_from)
            .then_with(|| by_name(a.service, b.service))
            .then(a.call.cmp(&b.call))
            .then(a.confirms.cmp(&b.confirms))
    };
    marks.sort_unstable_by(order);
    marks.dedup();
}

/// Follows marks that [`sort`] has sorted.
pub(crate) fn follow(marks: &[Mark], graph: Option<&Graph>, symbols: &Symbols) -> Path {
    let calls = calls(marks);
    let changes = changes(marks, &calls);
    let sightings: Vec<Call> = calls.into_iter().filter(|call| call.from == call.to).collect();
    let mut walk =
        Walk { graph, symbols, changes: &changes, path: Path::default(), start: marks.first().map(|m| m.time) };
    let (mut change, mut sighting) = (0, 0);
    let mut pending = changes.clone();
    loop {
        match (pending.get(change), sightings.get(sighting)) {
            (Some(next), other) if other.is_none_or(|seen| next.time <= seen.start) => {
                walk.prefer_linked(&mut pending, change);
                walk.change(pending[change]);
                change += 1;
            }
            (_, Some(seen)) => {
                walk.sighting(*seen);
                sighting += 1;
            }
            (_, None) => break,
        }
    }
    walk.path.confirm(marks);
    walk.path
}

/// What a request and its response say together; a lone line is a call that begins and ends with it.
#[derive(Clone, Copy, Debug)]
struct Call {
    start: Timestamp,
    end: Timestamp,
    from: Symbol,
    to: Symbol,
    service: Symbol,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    time: Timestamp,
    from: Option<Symbol>,
    /// As the line tells it.
    told: Option<Symbol>,
    to: Symbol,
    service: Symbol,
    evidence: Evidence,
}

/// Pairs requests with responses; by start.
fn calls(marks: &[Mark]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: HashMap<u64, usize> = HashMap::new();
    for mark in marks.iter().filter(|mark| mark.kind != EventKind::Status) {
        let asked = match mark.kind {
            EventKind::Resp => open.remove(&mark.call),
            _ => None,
        };
        if let Some(call) = asked.and_then(|index| calls.get_mut(index)) {
            (call.end, call.to) = (mark.time, mark.status);
            continue;
        }
        if mark.kind == EventKind::Req && mark.call != 0 {
            open.insert(mark.call, calls.len());
        }
        let (time, status) = (mark.time, mark.status);
        calls.push(Call { start: time, end: time, from: status, to: status, service: mark.service });
    }
    calls
}

/// All changes that are told outright, in order of time.
fn changes(marks: &[Mark], calls: &[Call]) -> Vec<Change> {
    let lines = marks.iter().filter(|mark| mark.kind == EventKind::Status);
    let told = |mark: &Mark| Change {
        time: mark.time,
        from: mark.from,
        told: mark.from,
        to: mark.status,
        service: mark.service,
        evidence: Evidence::Line,
    };
    let mut changes: Vec<Change> = lines.map(told).collect();
    let mut differing: Vec<&Call> = calls.iter().filter(|call| call.from != call.to).collect();
    // The innermost of nested calls ends first; of those that end together it began last.
    differing.sort_by_key(|call| (call.end, std::cmp::Reverse(call.start)));
    for call in differing {
        if !changes.iter().any(|change| change.to == call.to && within(change.time, call.start, call.end)) {
            changes.push(Change {
                time: call.end,
                from: Some(call.from),
                told: None,
                to: call.to,
                service: call.service,
                evidence: Evidence::Call,
            });
        }
    }
    changes.sort_by_key(|change| change.time);
    changes
}

fn within(time: Timestamp, start: Timestamp, end: Timestamp) -> bool {
    start.before(SKEW) <= time && time <= end.after(SKEW)
}

struct Walk<'a> {
    graph: Option<&'a Graph>,
    symbols: &'a Symbols,
    changes: &'a [Change],
    path: Path,
    start: Option<Timestamp>,
}

impl Walk<'_> {
    /// Of changes at the same time, puts the one first that goes on from the current status.
    fn prefer_linked(&self, pending: &mut [Change], at: usize) {
        let Some(current) = self.path.visits.last().map(|visit| visit.status) else { return };
        let Some((first, rest)) = pending.get_mut(at..).and_then(<[Change]>::split_first_mut) else { return };
        if first.from == Some(current) {
            return;
        }
        let same_time = rest.iter_mut().take_while(|change| change.time == first.time);
        if let Some(linked) = { same_time }.find(|change| change.from == Some(current)) {
            std::mem::swap(first, linked);
        }
    }

    fn change(&mut self, change: Change) {
        let Some(last) = self.path.visits.last_mut() else {
            if let (Some(from), Some(start)) = (change.from.filter(|from| *from != change.to), self.start) {
                self.enter(Change {
                    time: start,
                    from: None,
                    told: None,
                    to: from,
                    evidence: Evidence::Seen,
                    ..change
                });
            }
            return self.enter(change);
        };
        if last.status == change.to {
            // Somebody else tells the same; or at last there is proof of what was only seen.
            if last.evidence == Evidence::Seen {
                (last.evidence, last.service) = (change.evidence, change.service);
            }
            return;
        }
        let current = last.status;
        let told_before = |visit: &Visit| visit.status == change.to && visit.from == change.from;
        if change.from.is_some_and(|from| from != current) && self.path.visits.iter().any(told_before) {
            return;
        }
        self.enter(Change { from: Some(current), ..change });
    }

    fn sighting(&mut self, seen: Call) {
        let Some(last) = self.path.visits.last() else {
            return self.enter(Change::seen(seen, None));
        };
        if last.status == seen.to || self.path.end.is_some() {
            return;
        }
        let rank = |graph: &Graph, status| graph.rank(self.symbols.name(status));
        let ahead = match self.graph {
            Some(graph) => rank(graph, last.status) < rank(graph, seen.to) && !self.visited(seen.to),
            None => last.entered.after(SKEW) < seen.start,
        };
        let near = |change: &Change| {
            (change.to == seen.to || change.from == Some(seen.to)) && within(change.time, seen.start, seen.end)
        };
        if ahead && !self.changes.iter().any(near) {
            let from = Some(last.status);
            self.enter(Change::seen(seen, from));
        }
    }

    fn visited(&self, status: Symbol) -> bool {
        self.path.visits.iter().any(|visit| visit.status == status)
    }

    fn enter(&mut self, change: Change) {
        let Change { time, from, told, to, service, evidence } = change;
        self.path.visits.push(Visit { status: to, from, entered: time, service, evidence, told, confirmed: None });
        if self.path.end.is_none() && self.graph.is_some_and(|graph| graph.is_end(self.symbols.name(to))) {
            self.path.end = Some(self.path.visits.len() - 1);
        }
    }
}

impl Change {
    const fn seen(call: Call, from: Option<Symbol>) -> Self {
        Self { time: call.start, from, told: None, to: call.to, service: call.service, evidence: Evidence::Seen }
    }
}

impl Path {
    fn confirm(&mut self, marks: &[Mark]) {
        let answers: Vec<&Mark> = marks.iter().filter(|mark| mark.confirms).collect();
        for visit in &mut self.visits {
            let since = visit.entered.before(SKEW);
            let answer = answers.iter().find(|mark| mark.status == visit.status && since <= mark.time);
            visit.confirmed = answer.map(|mark| mark.time.max(visit.entered));
        }
    }
}

#[cfg(test)]
mod tests;
