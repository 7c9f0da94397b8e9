//! What all paths of a type tell together: dwell, variants, conformance, funnels, promises kept, throughput.
//!
//! Each analysis takes paths one by one and is pure: what it says depends on the paths, the graphs and the moment.

pub(crate) mod conformance;
pub(crate) mod discover;
pub(crate) mod dwell;
pub(crate) mod funnel;
mod judge;
pub(crate) mod objectives;
pub(crate) mod past;
pub(crate) mod picture;
pub(crate) mod reaction;
mod spans;
pub(crate) mod throughput;
pub(crate) mod variants;

use jiff::tz::TimeZone;
use logline::Timestamp;
use serde::{Deserialize, Serialize};

use crate::live::Trails;
use crate::symbols::{Symbol, Symbols};
use crate::trail::Trail;
use crate::{Graph, Graphs, Status, wire};

pub use spans::Percentiles;

/// Which objects to analyse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The object type, whatever its case; `order` if not given.
    pub object: Option<String>,
    /// Only those that came into being then or later.
    pub since: Option<Timestamp>,
    /// Only those that came into being before.
    pub until: Option<Timestamp>,
    /// The zone in which days and weeks begin.
    pub zone: TimeZone,
}

impl Default for Select {
    fn default() -> Self {
        Self { object: None, since: None, until: None, zone: TimeZone::UTC }
    }
}

/// What an answer is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The moment it was made; what still runs is measured up to here.
    #[serde(with = "wire::time")]
    pub as_of: Timestamp,
    /// Set while the state is still being read from storage: objects may be missing.
    pub loading: bool,
    /// The object type.
    #[serde(rename = "type")]
    pub object: String,
    /// How many objects were looked at.
    pub objects: u64,
    /// How many of them have not reached an end.
    pub open: u64,
    /// Set when paths had to be dropped for want of memory: all that came into being after this are here.
    #[serde(with = "wire::optional_time")]
    pub complete_since: Option<Timestamp>,
}

/// What every analysis needs to look at paths.
#[derive(Debug)]
pub(crate) struct Lens<'a> {
    pub(crate) trails: &'a Trails,
    pub(crate) select: &'a Select,
    pub(crate) object: &'a str,
    pub(crate) now: Timestamp,
    versions: Vec<Version<'a>>,
}

/// A version of the graph with its statuses by symbol.
#[derive(Debug)]
pub(crate) struct Version<'a> {
    pub(crate) graph: &'a Graph,
    ranks: Vec<Option<usize>>,
}

impl<'a> Lens<'a> {
    pub(crate) fn new(
        (trails, graphs): (&'a Trails, &'a Graphs),
        select: &'a Select,
        object: &'a str,
        now: Timestamp,
    ) -> Self {
        let version = |graph: &'a Graph| Version {
            graph,
            ranks: (0..trails.symbols.len())
                .map(|number| graph.rank(trails.symbols.name(Symbol::from_number(number as u64)?)))
                .collect(),
        };
        let versions = graphs.versions(object).iter().map(version).collect();
        Self { trails, select, object, now, versions }
    }

    /// Hands every path that was selected to `with`, with the graph that was in force when it began; counts them.
    pub(crate) fn each(&self, loading: bool, mut with: impl FnMut(&Trail, Option<&Version<'a>>)) -> Basis {
        let (mut objects, mut open) = (0, 0);
        self.trails.each(|trail| {
            let began = trail.began();
            let early = self.select.since.is_some_and(|since| began < since);
            if early || self.select.until.is_some_and(|until| until <= began) {
                return;
            }
            objects += 1;
            open += u64::from(trail.end.is_none());
            with(trail, self.version(began));
        });
        let complete_since = self.trails.dropped.1;
        Basis { as_of: self.now, loading, object: self.object.to_owned(), objects, open, complete_since }
    }

    pub(crate) fn symbols(&self) -> &'a Symbols {
        &self.trails.symbols
    }

    pub(crate) fn name(&self, symbol: Symbol) -> &'a str {
        self.trails.symbols.name(symbol)
    }

    /// The moment in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now.0.div_euclid(1_000_000)
    }

    /// The newest graph.
    pub(crate) fn graph(&self) -> Option<&'a Graph> {
        self.versions.last().map(|version| version.graph)
    }

    /// Names in the order of the newest graph; those it does not know follow by name.
    pub(crate) fn order<'n>(&self, name: &'n str) -> (usize, &'n str) {
        (self.graph().and_then(|graph| graph.rank(name)).unwrap_or(usize::MAX), name)
    }

    pub(crate) fn versions(&self) -> &[Version<'a>] {
        &self.versions
    }

    fn version(&self, began: Timestamp) -> Option<&Version<'a>> {
        let newer = self.versions.partition_point(|version| version.graph.valid_from() <= began);
        self.versions.get(newer.saturating_sub(1))
    }
}

impl<'a> Version<'a> {
    pub(crate) fn rank(&self, symbol: Symbol) -> Option<usize> {
        self.ranks.get(usize::from(symbol.number())).copied().flatten()
    }

    pub(crate) fn status(&self, symbol: Symbol) -> Option<&'a Status> {
        self.rank(symbol).and_then(|rank| self.graph.statuses().get(rank))
    }

    /// Milliseconds between two moments; only working time if `working`.
    pub(crate) fn elapsed(&self, working: bool, from: i64, to: i64) -> u64 {
        if !working {
            return span(from, to);
        }
        let time = |ms: i64| Timestamp(ms.saturating_mul(1_000_000));
        wire::millis(self.graph.elapsed(true, time(from), time(to)))
    }
}

/// Milliseconds from one moment to a later one.
pub(crate) fn span(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

/// The share that a part has of a whole; of nothing it is nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
