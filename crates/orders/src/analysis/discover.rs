//! A graph found in what happened: the statuses in the order in which they are passed, the ways between them that are
//! more than slips, who moves objects on, and how long that usually takes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::spans::Spans;
use super::{Lens, share};
use crate::symbols::Symbol;
use crate::{Graph, Status};

/// Ways that fewer than this share of the objects in a status take are slips.
pub(crate) const SLIP: f64 = 0.005;
/// Statuses of a graph: those with most visits. A service that writes numbers as statuses makes no graph of them.
const STATUSES: usize = 200;
/// Statuses that are counted.
const COUNTED: usize = 1_000;

#[derive(Debug, Default)]
struct Seen {
    objects: u64,
    /// Sum of the places at which it stood, each from 0 to 1.
    place: f64,
    visits: u64,
    starts: u64,
    ends: u64,
    spans: Spans,
    next: BTreeMap<Symbol, u64>,
    /// Who moved objects on from here, and who set this status.
    movers: BTreeMap<Symbol, u64>,
    setters: BTreeMap<Symbol, u64>,
    /// How often one object was here, by count.
    times: BTreeMap<u32, u64>,
}

/// The graph of what happened to the objects of a type; none if nothing did. Ways that are rarer than `slip` among those
/// that leave a status are left out, as far as every status can then still be reached and left.
pub(crate) fn discover(lens: &Lens<'_>, slip: f64) -> Option<Graph> {
    let mut seen = gather(lens);
    keep_most_visited(&mut seen);
    let start = *seen.iter().max_by_key(|(_, seen)| seen.starts)?.0;
    let mut order: Vec<Symbol> = seen.keys().copied().collect();
    let place = |symbol: &Symbol| seen.get(symbol).map_or(0.0, |seen| seen.place / seen.visits.max(1) as f64);
    order.sort_by(|a, b| (*b == start).cmp(&(*a == start)).then_with(|| place(a).total_cmp(&place(b))).then(a.cmp(b)));
    let mut edges: BTreeMap<Symbol, Vec<Symbol>> = BTreeMap::new();
    for (from, one) in &seen {
        let out: u64 = one.next.values().sum();
        let usual = one.next.iter().filter(|(_, count)| slip <= share(**count, out + one.ends));
        // What ends here for most objects is an end, whatever a few do afterwards.
        let is_end = out < one.ends;
        let mut next: Vec<Symbol> = usual.map(|(next, _)| *next).filter(|_| !is_end).collect();
        next.sort_by_key(|next| order.iter().position(|one| one == next));
        edges.insert(*from, next);
    }
    repair(&seen, &order, start, &mut edges);
    order.retain(|status| *status == start || reaches(&edges, start, *status));
    let statuses = order.iter().filter_map(|symbol| status(lens, *symbol, seen.get(symbol)?, edges.get(symbol)?));
    let statuses: Vec<Status> = statuses.collect();
    Some(Graph::found(lens.object.to_owned(), statuses))
}

fn keep_most_visited(seen: &mut BTreeMap<Symbol, Seen>) {
    let mut all: Vec<(Reverse<u64>, Symbol)> =
        seen.iter().map(|(status, one)| (Reverse(one.visits), *status)).collect();
    all.sort_unstable();
    let rare: Vec<Symbol> = all.into_iter().skip(STATUSES).map(|(_, status)| status).collect();
    seen.retain(|status, _| !rare.contains(status));
    seen.values_mut().for_each(|one| one.next.retain(|next, _| !rare.contains(next)));
}

fn gather(lens: &Lens<'_>) -> BTreeMap<Symbol, Seen> {
    let mut seen: BTreeMap<Symbol, Seen> = BTreeMap::new();
    lens.each(false, |trail, version| {
        let stays = &trail.stays;
        let last = stays.len().saturating_sub(1);
        let mut times: BTreeMap<Symbol, u32> = BTreeMap::new();
        for (index, stay) in stays.iter().enumerate() {
            if COUNTED <= seen.len() && !seen.contains_key(&stay.status) {
                continue;
            }
            *times.entry(stay.status).or_default() += 1;
            let one = seen.entry(stay.status).or_default();
            one.visits += 1;
            one.place += index as f64 / last.max(1) as f64;
            one.starts += u64::from(index == 0);
            *one.setters.entry(stay.service).or_default() += 1;
            match stays.get(index + 1) {
                Some(next) => {
                    *one.next.entry(next.status).or_default() += 1;
                    *one.movers.entry(next.service).or_default() += 1;
                    one.spans.add_ended(super::span(stay.entered, next.entered));
                }
                // By a graph only an end is one; without it what is last may be an end, or just the present.
                None => one.ends += u64::from(version.is_none() || trail.end.is_some()),
            }
        }
        for (status, count) in times {
            let one = seen.entry(status).or_default();
            one.objects += 1;
            *one.times.entry(count).or_default() += 1;
        }
    });
    seen
}

/// Takes back the most frequent ways that were left out, until every status can be reached and leads to an end.
fn repair(seen: &BTreeMap<Symbol, Seen>, order: &[Symbol], start: Symbol, edges: &mut BTreeMap<Symbol, Vec<Symbol>>) {
    for status in order.iter().filter(|status| **status != start) {
        if reaches(edges, start, *status) {
            continue;
        }
        let reachable = |from: &Symbol| *from == start || reaches(edges, start, *from);
        let into = seen.iter().filter(|(from, one)| one.next.contains_key(status) && reachable(from));
        let best = into.max_by_key(|(_, one)| one.next.get(status).copied()).map(|(from, _)| *from);
        if let Some(next) = best.and_then(|from| edges.get_mut(&from)) {
            next.push(*status);
        }
    }
    for status in order.iter().rev() {
        let ends = |status: &Symbol| edges.get(status).is_none_or(Vec::is_empty);
        if ends(status) || order.iter().any(|end| ends(end) && reaches(edges, *status, *end)) {
            continue;
        }
        // No way leads to an end: the last status of the way is one.
        if let Some(next) = order.last().and_then(|last| edges.get_mut(last)) {
            next.clear();
        }
    }
}

fn reaches(edges: &BTreeMap<Symbol, Vec<Symbol>>, from: Symbol, to: Symbol) -> bool {
    let (mut known, mut todo) = (vec![from], vec![from]);
    while let Some(at) = todo.pop() {
        for next in edges.get(&at).into_iter().flatten() {
            if *next == to {
                return true;
            }
            if !known.contains(next) {
                known.push(*next);
                todo.push(*next);
            }
        }
    }
    false
}

fn status(lens: &Lens<'_>, symbol: Symbol, seen: &Seen, next: &[Symbol]) -> Option<Status> {
    let owners = if next.is_empty() { &seen.setters } else { &seen.movers };
    let owner = owners.iter().max_by_key(|(_, count)| **count).or_else(|| seen.setters.iter().next())?.0;
    let deadline = seen.spans.percentiles().p99_ms.filter(|_| !next.is_empty()).map(rounded);
    let all: u64 = seen.times.values().sum();
    let mut below = 0;
    let usual = seen.times.iter().find(|(_, count)| {
        below += **count;
        1.0 - SLIP <= share(below, all)
    });
    Some(Status {
        name: lens.name(symbol).to_owned(),
        owner: lens.name(*owner).to_owned(),
        deadline,
        deadlines: BTreeMap::new(),
        working: false,
        next: next.iter().map(|next| lens.name(*next).to_owned()).collect(),
        rework: usual.map_or(0, |(times, _)| times.saturating_sub(1)),
        confirm: None,
        expect: None,
    })
}

/// Up to the next span that people would write.
fn rounded(ms: u64) -> Duration {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    let units = [(MINUTE, 1_000), (HOUR, MINUTE), (48 * HOUR, 30 * MINUTE)];
    let unit = units.iter().find(|(below, _)| ms < *below).map_or(12 * HOUR, |(_, unit)| *unit);
    Duration::from_millis(ms.div_ceil(unit).max(1) * unit)
}
