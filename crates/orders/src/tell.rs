//! Puts the story of one object together from its events. Pure: what it may show is handed in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use auth::Services;
use logline::{Entity, Timestamp};

use crate::event::{Event, Outcome};
use crate::graph::same_service;
use crate::live::Clues;
use crate::path::{self, Mark, Path, Visit};
use crate::symbols::Symbols;
use crate::wire::millis;
use crate::{
    EventKind, Failure, Graph, Graphs, Line, ObjectRef, Retry, Status, Step, StepEvent, Story, Trace, deviation, stuck,
    table,
};

/// How long before a change the calls that led to it may have begun.
const LEAD: Duration = Duration::from_secs(60);
/// Related objects that a story names.
const RELATED: usize = 32;

/// What the reader may see of the lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    /// The services whose lines may be seen.
    pub(crate) services: &'a Services,
    /// The lines, by event; none if they were not asked for.
    pub(crate) lines: Option<&'a HashMap<u64, String>>,
}

/// How much of a stay in a status is usual at most.
pub(crate) type Norm<'a> = &'a dyn Fn(&str) -> Option<Duration>;

/// The order of events: by time, and within the same time as one call holds another.
pub(crate) fn sort(events: &mut Vec<Event<'_>>) {
    events.sort_by(|a, b| {
        a.time.cmp(&b.time).then(a.kind.cmp(&b.kind)).then_with(|| a.service.cmp(b.service)).then(a.id.cmp(&b.id))
    });
    events.dedup_by_key(|event| event.id);
}

/// Tells the story of `object` at the moment `now` from its events, which [`sort`] has sorted; none without events.
pub(crate) fn tell(
    object: &ObjectRef,
    events: &[Event<'_>],
    (graphs, norm): (&Graphs, Norm<'_>),
    access: Access<'_>,
    now: Timestamp,
) -> Option<Story> {
    let (first, last) = (events.first()?.time, events.last()?.time);
    let mut symbols = Symbols::default();
    let mut marks: Vec<Mark> = events.iter().filter_map(|event| Mark::of(event, graphs, &mut symbols)).collect();
    let began = marks.iter().map(|mark| mark.time).min().unwrap_or(first);
    let graph = graphs.at(&object.object, began);
    path::sort(&mut marks, graph, &symbols);
    let path = path::follow(&marks, graph, &symbols);
    let homes = homes(&path, events, &symbols);
    let current = path.current();
    let status = current.map(|visit| symbols.name(visit.status));
    let expected = status.and_then(|status| graph?.status(status));
    let closed = path.end.is_some();
    let met = expected
        .and_then(|status| status.expect.as_ref())
        .and_then(|expect| events.iter().rev().find(|event| expect.accepts(event)).map(|event| event.time));
    let clues = Clues { met, norm: status.and_then(norm) };
    let judged = graph.zip(expected).zip(current).filter(|_| !closed);
    let until = path.end.and_then(|end| path.visits.get(end)).map_or(now, |visit| visit.entered);
    Some(Story {
        object: object.clone(),
        as_of: now,
        first,
        last,
        closed,
        status: status.map(str::to_owned),
        owner: expected.map(|status| status.owner.clone()),
        stuck: judged.and_then(|((graph, status), visit)| stuck::stuck(visit, status, graph, clues, now)),
        total_ms: millis(until.since(first)),
        services: services(events, graph),
        steps: steps(&path, graph, &symbols, now, |step| shown(events, &homes, step, access)),
        ahead: owned(status.zip(graph).map(|(status, graph)| graph.ahead(status)).unwrap_or_default()),
        deviations: graph.map(|graph| deviation::deviations(&path, graph, &symbols, now)).unwrap_or_default(),
        failures: failures(events, &homes, access),
        retries: retries(events),
        traces: traces(events),
        related: related(events, object),
        hidden_lines: events.iter().filter(|event| !access.services.contains(event.service)).count(),
        truncated: false,
    })
}

/// Services in the order in which the graph hands the object on; those it does not name follow by their first event.
fn services(events: &[Event<'_>], graph: Option<&Graph>) -> Vec<String> {
    let owners = in_order(graph.into_iter().flat_map(Graph::statuses).map(|status| status.owner.as_str()));
    let mut services = in_order(events.iter().map(|event| event.service));
    services.sort_by_key(|service| owners.iter().position(|owner| same_service(owner, service)).unwrap_or(usize::MAX));
    services
}

fn steps(
    path: &Path,
    graph: Option<&Graph>,
    symbols: &Symbols,
    now: Timestamp,
    events: impl Fn(usize) -> Vec<StepEvent>,
) -> Vec<Step> {
    let mut visits: BTreeMap<&str, u32> = BTreeMap::new();
    let step = |(index, visit): (usize, &Visit)| {
        let status = symbols.name(visit.status);
        let expected = graph.and_then(|graph| graph.status(status));
        let left = path.visits.get(index + 1).map(|next| next.entered);
        let until = left.unwrap_or(if path.end == Some(index) { visit.entered } else { now });
        let count = visits.entry(status).and_modify(|count| *count += 1).or_insert(1);
        Step {
            status: status.to_owned(),
            service: symbols.name(visit.service).to_owned(),
            owner: expected.map(|status| status.owner.clone()),
            evidence: visit.evidence,
            entered: visit.entered,
            left,
            dwell_ms: millis(until.since(visit.entered)),
            deadline_ms: expected.and_then(Status::limit).map(millis),
            visit: *count,
            events: events(index),
        }
    };
    path.visits.iter().enumerate().map(step).collect()
}

/// The step each event belongs to: the one whose change its trace brought about, else the one it fell into.
fn homes(path: &Path, events: &[Event<'_>], symbols: &Symbols) -> Vec<Option<usize>> {
    let is_proof = |event: &Event<'_>, visit: &Visit| {
        event.time == visit.entered && event.status == Some(symbols.name(visit.status))
    };
    let trace = |visit: &Visit| {
        let by = symbols.name(visit.service);
        events.iter().find(|event| event.service == by && is_proof(event, visit)).and_then(|event| event.trace_id)
    };
    let changes: Vec<(Timestamp, Option<&str>)> =
        path.visits.iter().map(|visit| (visit.entered, trace(visit))).collect();
    let home = |event: &Event<'_>| {
        let next = changes.partition_point(|(entered, _)| *entered <= event.time);
        let fell_into = next.saturating_sub(1);
        let proof = path.visits.get(fell_into).is_some_and(|visit| is_proof(event, visit));
        let led_to = |(entered, trace): &(Timestamp, Option<&str>)| {
            trace.is_some() && *trace == event.trace_id && entered.since(event.time) <= LEAD
        };
        let led_to = changes.iter().skip(next).position(led_to).filter(|_| !proof);
        (!changes.is_empty()).then(|| led_to.map_or(fell_into, |index| next + index))
    };
    events.iter().map(home).collect()
}

fn shown(events: &[Event<'_>], homes: &[Option<usize>], step: usize, access: Access<'_>) -> Vec<StepEvent> {
    let of_step = events.iter().zip(homes).filter(|(_, home)| **home == Some(step));
    of_step.map(|(event, _)| step_event(event, access)).collect()
}

fn step_event(event: &Event<'_>, access: Access<'_>) -> StepEvent {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let line = match access.lines {
        _ if !access.services.contains(event.service) => Line::Hidden,
        None => Line::Omitted,
        Some(lines) => lines.get(&event.id).map_or(Line::Gone, |text| Line::Shown { text: text.clone() }),
    };
    StepEvent {
        id: table::id_text(event.id),
        time: event.time,
        service: event.service.to_owned(),
        kind: event.kind,
        endpoint: event.endpoint.to_owned(),
        dir: text(event.dir),
        peer: text(event.peer),
        from: text(event.from),
        status: text(event.status),
        http_status: event.http_status,
        duration_ms: event.duration_ms,
        attempt: event.attempt,
        failed: event.failed(),
        trace_id: text(event.trace_id),
        request_id: text(event.request_id),
        line,
    }
}

fn failures(events: &[Event<'_>], homes: &[Option<usize>], access: Access<'_>) -> Vec<Failure> {
    let failed = events.iter().zip(homes).filter(|(event, _)| event.failed());
    let failure = |(event, home): (&Event<'_>, &Option<usize>)| {
        let hidden = !access.services.contains(event.service);
        Failure {
            time: event.time,
            step: *home,
            service: event.service.to_owned(),
            endpoint: event.endpoint.to_owned(),
            peer: event.peer.map(str::to_owned),
            http_status: event.http_status,
            error: event.error.filter(|_| !hidden).map(str::to_owned),
            hidden,
            attempt: event.attempt,
            trace_id: event.trace_id.map(str::to_owned),
        }
    };
    failed.map(failure).collect()
}

/// Outgoing calls with an attempt beyond the first, one entry a call. Tries of one call share its trace.
fn retries(events: &[Event<'_>]) -> Vec<Retry> {
    let mut calls: BTreeMap<_, Vec<&Event<'_>>> = BTreeMap::new();
    let is_call = |event: &&Event<'_>| event.dir == Some("out") || (event.dir.is_none() && event.attempt.is_some());
    for event in events.iter().filter(is_call) {
        let call = event.trace_id.or(event.request_id);
        calls.entry((event.service, event.endpoint, event.peer, call)).or_default().push(event);
    }
    let retry = |tries: Vec<&Event<'_>>| {
        let (first, last) = (tries.first()?, tries.last()?);
        let attempts = tries.iter().filter_map(|event| event.attempt).max().filter(|attempts| 1 < *attempts)?;
        Some(Retry {
            service: first.service.to_owned(),
            endpoint: first.endpoint.to_owned(),
            peer: first.peer.map(str::to_owned),
            attempts,
            succeeded: last.kind == EventKind::Resp && last.outcome == Some(Outcome::Done),
            first: first.time,
            last: last.time,
        })
    };
    let mut retries: Vec<Retry> = calls.into_values().filter_map(retry).collect();
    retries.sort_by_key(|retry| retry.first);
    retries
}

fn traces(events: &[Event<'_>]) -> Vec<Trace> {
    let ids = in_order(events.iter().filter_map(|event| event.trace_id));
    let mut by_trace: HashMap<&str, Vec<&Event<'_>>> = HashMap::new();
    for event in events {
        by_trace.entry(event.trace_id.unwrap_or_default()).or_default().push(event);
    }
    let trace = |trace_id: String| {
        let events = by_trace.get(trace_id.as_str())?;
        Some(Trace {
            first: events.first()?.time,
            events: events.len(),
            services: in_order(events.iter().map(|event| event.service)),
            failed: events.iter().any(|event| event.failed()),
            trace_id,
        })
    };
    ids.into_iter().filter_map(trace).collect()
}

fn related(events: &[Event<'_>], object: &ObjectRef) -> Vec<ObjectRef> {
    let words = events.iter().filter_map(|event| event.related).flat_map(str::split_ascii_whitespace);
    let others: BTreeSet<ObjectRef> = words
        .filter_map(Entity::parse)
        .map(|entity| ObjectRef { object: entity.object.to_owned(), id: entity.id.to_owned() })
        .filter(|other| other != object)
        .collect();
    others.into_iter().take(RELATED).collect()
}

/// Each text once, in the order of its first appearance.
fn in_order<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(*text)).map(str::to_owned).collect()
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
