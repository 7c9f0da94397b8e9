//! How long objects stay in each status and take each edge, and how often something fails meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spans::Spans;
use super::{Basis, Lens, Percentiles, Version, share, span};
use crate::symbols::Symbol;
use crate::trail::{Stay, Trail};
use crate::wire::millis;

/// Stays that must have ended before their 99th percentile says what is unusual.
const SAMPLE: u64 = 200;
/// Statuses, and ways, that are told apart: each takes some tens of kilobytes while it is counted.
const ROWS: usize = 1_000;

/// Dwell over many objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dwell {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// One entry a status, in the order of the graph.
    pub statuses: Vec<StatusDwell>,
    /// One entry for each way from a status to another that was taken.
    pub edges: Vec<EdgeDwell>,
}

/// Stays in one status. Those that last count as at least so long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDwell {
    /// The status.
    pub status: String,
    /// The service that has to move objects on.
    pub owner: Option<String>,
    /// Stays that are over.
    pub left: u64,
    /// Stays that last.
    pub waiting: u64,
    /// The mean of those that are over.
    pub mean_ms: Option<u64>,
    /// Estimated over both.
    #[serde(flatten)]
    pub percentiles: Percentiles,
    /// The longest of both.
    pub longest_ms: Option<u64>,
    /// How long one may last.
    pub limit_ms: Option<u64>,
    /// How many lasted, or last, longer.
    pub over: u64,
    /// Whether only working time counts.
    pub working: bool,
    /// Stays in which something failed.
    pub with_failures: u64,
}

/// Changes from one status to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeDwell {
    /// The status that was left.
    pub from: String,
    /// The one that was entered.
    pub to: String,
    /// Whether the graph has it.
    pub known: bool,
    /// How often.
    pub count: u64,
    /// The mean time in `from` before it.
    pub mean_ms: Option<u64>,
    /// Of the time in `from` before it.
    #[serde(flatten)]
    pub percentiles: Percentiles,
    /// How long it may take.
    pub limit_ms: Option<u64>,
    /// How many took longer.
    pub over: u64,
    /// Whether only working time counts.
    pub working: bool,
    /// Changes before which something failed.
    pub with_failures: u64,
    /// How often something failed before them in all.
    pub failures: u64,
    /// Share of changes before which something failed.
    pub error_rate: f64,
}

#[derive(Debug, Default)]
struct Tally {
    spans: Spans,
    over: u64,
    with_failures: u64,
    failures: u64,
}

/// What is gathered.
#[derive(Debug, Default)]
struct Gathered {
    statuses: BTreeMap<Symbol, Tally>,
    edges: BTreeMap<(Symbol, Symbol), Tally>,
}

impl Gathered {
    fn add(&mut self, trail: &Trail, version: Option<&Version<'_>>, now: i64) {
        let counted = trail.counted();
        for (index, stay) in counted.iter().enumerate() {
            let status = version.and_then(|version| version.status(stay.status));
            let working = status.is_some_and(|status| status.working);
            let dwell = |to: i64| match version {
                Some(version) => version.elapsed(working, stay.entered, to),
                None => span(stay.entered, to),
            };
            let Some(tally) = row(&mut self.statuses, stay.status) else { continue };
            let next = counted.get(index + 1);
            let lasted = match next {
                Some(next) => dwell(next.entered),
                // An object that has ended stays nowhere.
                None if trail.end.is_some() => continue,
                None => dwell(now.max(stay.entered)),
            };
            tally.over +=
                u64::from(status.and_then(|status| status.limit()).is_some_and(|limit| millis(limit) < lasted));
            tally.note(stay);
            let Some(next) = next else {
                tally.spans.add_waiting(lasted);
                continue;
            };
            tally.spans.add_ended(lasted);
            let Some(edge) = row(&mut self.edges, (stay.status, next.status)) else { continue };
            edge.spans.add_ended(lasted);
            let limit = status.and_then(|status| edge_limit(status, version?, next.status));
            edge.over += u64::from(limit.is_some_and(|limit| limit < lasted));
            edge.note(stay);
        }
    }
}

/// The row of a status or a way; none for a new one when there are too many.
fn row<K: Ord>(rows: &mut BTreeMap<K, Tally>, key: K) -> Option<&mut Tally> {
    if ROWS <= rows.len() && !rows.contains_key(&key) {
        return None;
    }
    Some(rows.entry(key).or_default())
}

impl Tally {
    fn note(&mut self, stay: &Stay) {
        self.with_failures += u64::from(0 < stay.failures);
        self.failures += u64::from(stay.failures);
    }
}

fn edge_limit(status: &crate::Status, version: &Version<'_>, next: Symbol) -> Option<u64> {
    let own = version.status(next).and_then(|next| status.deadlines.get(&next.name));
    own.copied().or(status.deadline).map(millis)
}

fn gather(lens: &Lens<'_>, loading: bool) -> (Basis, Gathered) {
    let mut gathered = Gathered::default();
    let now = lens.now_ms();
    let basis = lens.each(loading, |trail, version| gathered.add(trail, version, now));
    (basis, gathered)
}

/// Dwell for each status and edge.
pub(crate) fn dwell(lens: &Lens<'_>, loading: bool) -> Dwell {
    let (basis, gathered) = gather(lens, loading);
    let graph = lens.graph();
    let status = |(symbol, tally): (&Symbol, &Tally)| {
        let status = graph.and_then(|graph| graph.status(lens.name(*symbol)));
        StatusDwell {
            status: lens.name(*symbol).to_owned(),
            owner: status.map(|status| status.owner.clone()),
            left: tally.spans.ended(),
            waiting: tally.spans.waiting(),
            mean_ms: tally.spans.mean(),
            percentiles: tally.spans.percentiles(),
            longest_ms: tally.spans.longest(),
            limit_ms: status.and_then(|status| status.limit()).map(millis),
            over: tally.over,
            working: status.is_some_and(|status| status.working),
            with_failures: tally.with_failures,
        }
    };
    let edge = |((from, to), tally): (&(Symbol, Symbol), &Tally)| {
        let (from, to) = (lens.name(*from), lens.name(*to));
        let status = graph.and_then(|graph| graph.status(from));
        let own = status.and_then(|status| status.deadlines.get(to).copied().or(status.deadline));
        EdgeDwell {
            from: from.to_owned(),
            to: to.to_owned(),
            known: graph.is_some_and(|graph| graph.has_edge(from, to)),
            count: tally.spans.ended(),
            mean_ms: tally.spans.mean(),
            percentiles: tally.spans.percentiles(),
            limit_ms: own.map(millis),
            over: tally.over,
            working: status.is_some_and(|status| status.working),
            with_failures: tally.with_failures,
            failures: tally.failures,
            error_rate: share(tally.with_failures, tally.spans.ended()),
        }
    };
    let mut statuses: Vec<StatusDwell> = gathered.statuses.iter().map(status).collect();
    let mut edges: Vec<EdgeDwell> = gathered.edges.iter().map(edge).collect();
    statuses.sort_by(|a, b| lens.order(&a.status).cmp(&lens.order(&b.status)));
    edges.sort_by(|a, b| (lens.order(&a.from), lens.order(&a.to)).cmp(&(lens.order(&b.from), lens.order(&b.to))));
    Dwell { basis, statuses, edges }
}

/// What a stay in each status usually takes at most, where enough of them are known. By name: a state that is read anew
/// has other symbols.
pub(crate) fn norms(lens: &Lens<'_>) -> Vec<(String, Duration)> {
    let (_, gathered) = gather(lens, false);
    let enough = gathered.statuses.into_iter().filter(|(_, tally)| SAMPLE <= tally.spans.ended());
    let norm = |(status, tally): (Symbol, Tally)| {
        let norm = Duration::from_millis(tally.spans.percentiles().p99_ms?);
        Some((lens.name(status).to_owned(), norm))
    };
    enough.filter_map(norm).collect()
}
