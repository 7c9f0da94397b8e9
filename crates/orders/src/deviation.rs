//! Compares a path with the graph: where did the object leave the way it should have gone?

use std::collections::BTreeMap;

use logline::Timestamp;

use crate::graph::same_service;
use crate::path::{Path, Visit};
use crate::symbols::Symbols;
use crate::wire::millis;
use crate::{Deviation, DeviationKind, Evidence, Graph};

/// Everything that is wrong with a path at the moment `now`, in order of its steps.
pub(crate) fn deviations(path: &Path, graph: &Graph, symbols: &Symbols, now: Timestamp) -> Vec<Deviation> {
    let mut found = Vec::new();
    let mut visits: BTreeMap<&str, u32> = BTreeMap::new();
    for (step, visit) in path.visits.iter().enumerate() {
        let mut add = |time, kind| found.push(Deviation { step, time, kind });
        let status = symbols.name(visit.status);
        let before = step.checked_sub(1).and_then(|before| path.visits.get(before)).map(|v| symbols.name(v.status));
        let count = visits.entry(status).and_modify(|count| *count += 1).or_insert(1);
        if let Some(end) = path.end.filter(|end| *end < step) {
            let end = symbols.name(path.visits[end].status).to_owned();
            add(visit.entered, DeviationKind::AfterEnd { end, status: status.to_owned() });
            continue;
        }
        if let Some(kind) = edge(graph, before, visit, status) {
            add(visit.entered, kind);
        }
        if let Some(kind) = repeated(graph, status, *count) {
            add(visit.entered, kind);
        }
        if let Some(kind) = wrong_service(graph, before, visit, symbols) {
            add(visit.entered, kind);
        }
        if let Some((time, kind)) = unconfirmed(graph, visit, status, now) {
            add(time, kind);
        }
    }
    found
}

fn edge(graph: &Graph, before: Option<&str>, visit: &Visit, to: &str) -> Option<DeviationKind> {
    let known = |status: &str| graph.status(status).is_some();
    if !known(to) {
        return Some(DeviationKind::UnknownStatus { status: to.to_owned() });
    }
    let Some(from) = before else {
        let start = graph.start()?;
        // What was only seen may have begun before the first line that is kept.
        let wrong = start.name != to && visit.evidence != Evidence::Seen;
        return wrong.then(|| DeviationKind::WrongStart { status: to.to_owned(), expected: start.name.clone() });
    };
    if graph.has_edge(from, to) || !known(from) {
        return None;
    }
    let (from, to) = (from.to_owned(), to.to_owned());
    match graph.way(&from, &to) {
        Some(way) if graph.rank(&from) < graph.rank(&to) => {
            let statuses = way.iter().take(way.len() - 1).map(|&status| status.to_owned()).collect();
            Some(DeviationKind::Skipped { from, to, statuses })
        }
        _ => Some(DeviationKind::UnknownEdge { from, to }),
    }
}

fn repeated(graph: &Graph, status: &str, visits: u32) -> Option<DeviationKind> {
    let allowed = graph.status(status)?.rework.saturating_add(1);
    (allowed < visits).then(|| DeviationKind::Repeated { status: status.to_owned(), visits, allowed })
}

/// A status may be set by the service that had to move the object on, or by the one that has to do so next.
fn wrong_service(graph: &Graph, before: Option<&str>, visit: &Visit, symbols: &Symbols) -> Option<DeviationKind> {
    let status = symbols.name(visit.status);
    let service = symbols.name(visit.service);
    let owners = [before, Some(status)].into_iter().flatten().filter_map(|name| graph.status(name));
    let mut expected: Vec<String> = owners.map(|status| status.owner.clone()).collect();
    expected.dedup();
    let wrong = visit.evidence != Evidence::Seen
        && graph.status(status).is_some()
        && !expected.iter().any(|owner| same_service(owner, service));
    wrong.then(|| DeviationKind::WrongService { status: status.to_owned(), service: service.to_owned(), expected })
}

fn unconfirmed(graph: &Graph, visit: &Visit, status: &str, now: Timestamp) -> Option<(Timestamp, DeviationKind)> {
    let confirm = graph.status(status)?.confirm.as_ref().filter(|_| visit.evidence != Evidence::Seen)?;
    let due = visit.entered.after(confirm.within);
    let late = visit.confirmed.map_or(due < now, |at| due < at);
    let kind = DeviationKind::Unconfirmed {
        status: status.to_owned(),
        within_ms: millis(confirm.within),
        after_ms: visit.confirmed.map(|at| millis(at.since(visit.entered))),
    };
    late.then_some((due, kind))
}

#[cfg(test)]
mod tests;
