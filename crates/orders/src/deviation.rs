//! Compares a path with the graph: where did the object leave the way it should have gone?

use std::collections::BTreeMap;
use std::time::Duration;

use logline::Timestamp;

use crate::graph::same_service;
use crate::path::{Path, Visit};
use crate::symbols::Symbols;
use crate::wire::millis;
use crate::{Deviation, DeviationKind, Evidence, Graph};

/// How far apart two stays may begin whose order is taken for the fault of a clock.
pub(crate) const SKEWED: Duration = Duration::from_secs(10 * 60);

/// Everything that is wrong with a path at the moment `now`, in order of its steps.
pub(crate) fn deviations(path: &Path, graph: &Graph, symbols: &Symbols, now: Timestamp) -> Vec<Deviation> {
    let mut found = Vec::new();
    let mut visits: BTreeMap<&str, u32> = BTreeMap::new();
    let before = befores(&path.visits, |visit| (visit.status, visit.told), |a, b| b.entered.since(a.entered) <= SKEWED);
    for (step, visit) in path.visits.iter().enumerate() {
        let mut add = |time, kind| found.push(Deviation { step, time, kind });
        let status = symbols.name(visit.status);
        let of = |step: usize| path.visits.get(step).map(|visit| symbols.name(visit.status));
        let count = visits.entry(status).and_modify(|count| *count += 1).or_insert(1);
        if let Some(end) = path.end.filter(|end| *end < step) {
            let end = symbols.name(path.visits[end].status).to_owned();
            add(visit.entered, DeviationKind::AfterEnd { end, status: status.to_owned() });
            continue;
        }
        let (before, skewed) = before.get(step).copied().unwrap_or_default();
        let other = path.visits.get(step + 1).filter(|_| skewed);
        if let Some(kind) = other.map(|other| skew(visit, other, symbols)) {
            add(visit.entered, kind);
        }
        let before = before.and_then(of);
        if let Some(kind) = edge(graph, before, visit.evidence, status) {
            add(visit.entered, kind);
        }
        if let Some(kind) = repeated(graph, status, *count) {
            add(visit.entered, kind);
        }
        if let Some(kind) = wrong_service(graph, before, visit.evidence, status, symbols.name(visit.service)) {
            add(visit.entered, kind);
        }
        if let Some((time, kind)) = unconfirmed(graph, visit, status, now) {
            add(time, kind);
        }
    }
    found
}

/// The step before each one, as the lines tell it: where a line says that it left a status which another clock has
/// entered just after it, the two have changed places. The second value tells the step whose clock is behind.
pub(crate) fn befores<V, S: Copy + PartialEq>(
    visits: &[V],
    of: impl Fn(&V) -> (S, Option<S>),
    near: impl Fn(&V, &V) -> bool,
) -> Vec<(Option<usize>, bool)> {
    let mut before: Vec<(Option<usize>, bool)> = (0..visits.len()).map(|step| (step.checked_sub(1), false)).collect();
    let mut step = 0;
    while let Some([a, b]) = visits.get(step..).and_then(<[V]>::first_chunk) {
        let told = of(a).1;
        let is_late = told == Some(of(b).0) && step.checked_sub(1).is_none_or(|at| told != Some(of(&visits[at]).0));
        if is_late && near(a, b) {
            before[step] = (Some(step + 1), true);
            before[step + 1].0 = step.checked_sub(1);
            if let Some(next) = before.get_mut(step + 2) {
                next.0 = Some(step);
            }
            step += 1;
        }
        step += 1;
    }
    before
}

fn skew(visit: &Visit, other: &Visit, symbols: &Symbols) -> DeviationKind {
    let name = |symbol| symbols.name(symbol).to_owned();
    DeviationKind::ClockSkew {
        status: name(visit.status),
        from: name(other.status),
        service: name(visit.service),
        other: name(other.service),
        skew_ms: millis(other.entered.since(visit.entered)),
    }
}

pub(crate) fn edge(graph: &Graph, before: Option<&str>, evidence: Evidence, to: &str) -> Option<DeviationKind> {
    let known = |status: &str| graph.status(status).is_some();
    if !known(to) {
        return Some(DeviationKind::UnknownStatus { status: to.to_owned() });
    }
    let Some(from) = before else {
        let start = graph.start()?;
        // What was only seen may have begun before the first line that is kept.
        let wrong = start.name != to && evidence != Evidence::Seen;
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

pub(crate) fn repeated(graph: &Graph, status: &str, visits: u32) -> Option<DeviationKind> {
    let allowed = graph.status(status)?.rework.saturating_add(1);
    (allowed < visits).then(|| DeviationKind::Repeated { status: status.to_owned(), visits, allowed })
}

/// A status may be set by the service that had to move the object on, or by the one that has to do so next.
pub(crate) fn wrong_service(
    graph: &Graph,
    before: Option<&str>,
    evidence: Evidence,
    status: &str,
    service: &str,
) -> Option<DeviationKind> {
    let owners = [before, Some(status)].into_iter().flatten().filter_map(|name| graph.status(name));
    let mut expected: Vec<String> = owners.map(|status| status.owner.clone()).collect();
    expected.dedup();
    let wrong = evidence != Evidence::Seen
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
