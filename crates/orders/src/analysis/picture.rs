//! A graph with what happened on it: how many went which way, and how long that took.

use serde::{Deserialize, Serialize};

use super::{Basis, Lens, discover, dwell};
use crate::Graph;
use crate::wire::millis;

/// A graph to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// Whether it was found in what happened; else it is the one that is configured, or built in.
    pub discovered: bool,
    /// One entry a status, in the order in which objects pass them; those the graph does not know at the end.
    pub statuses: Vec<PictureStatus>,
    /// The ways of the graph, and those that were taken although it has none.
    pub edges: Vec<PictureEdge>,
    /// The document that gives the graph; empty if the type has none.
    pub document: String,
}

/// A status to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureStatus {
    /// Its name.
    pub name: String,
    /// The service that has to move objects on.
    pub owner: Option<String>,
    /// Whether the graph has it.
    pub known: bool,
    /// Whether objects end here.
    pub end: bool,
    /// Objects that are in it now and have not ended.
    pub waiting: u64,
    /// Half of the stays take no longer.
    pub median_ms: Option<u64>,
    /// How long one may stay.
    pub limit_ms: Option<u64>,
}

/// A way to be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureEdge {
    /// From this status.
    pub from: String,
    /// To this one.
    pub to: String,
    /// Whether the graph has it.
    pub known: bool,
    /// How often it was taken.
    pub count: u64,
    /// Half of those who took it had been in `from` no longer.
    pub median_ms: Option<u64>,
}

/// Puts the picture together.
pub(crate) fn picture(lens: &Lens<'_>, discover: Option<f64>, loading: bool) -> Picture {
    let told = dwell::dwell(lens, loading);
    let found = discover.and_then(|slip| discover::discover(lens, slip));
    let graph: Option<&Graph> = found.as_ref().or_else(|| lens.graph());
    let dwelt = |name: &str| told.statuses.iter().find(|status| status.status == name);
    let known = graph.into_iter().flat_map(Graph::statuses);
    let mut statuses: Vec<PictureStatus> = known
        .map(|status| PictureStatus {
            name: status.name.clone(),
            owner: Some(status.owner.clone()),
            known: true,
            end: status.next.is_empty(),
            waiting: dwelt(&status.name).map_or(0, |one| one.waiting),
            median_ms: dwelt(&status.name).and_then(|one| one.percentiles.p50_ms),
            limit_ms: status.limit().map(millis),
        })
        .collect();
    let names =
        told.edges.iter().flat_map(|edge| [&edge.from, &edge.to]).chain(told.statuses.iter().map(|one| &one.status));
    for name in names {
        if statuses.iter().any(|status| status.name == *name) {
            continue;
        }
        let one = dwelt(name);
        statuses.push(PictureStatus {
            name: name.clone(),
            owner: None,
            known: false,
            end: false,
            waiting: one.map_or(0, |one| one.waiting),
            median_ms: one.and_then(|one| one.percentiles.p50_ms),
            limit_ms: None,
        });
    }
    let mut edges: Vec<PictureEdge> = told
        .edges
        .iter()
        .map(|edge| PictureEdge {
            from: edge.from.clone(),
            to: edge.to.clone(),
            known: graph.is_some_and(|graph| graph.has_edge(&edge.from, &edge.to)),
            count: edge.count,
            median_ms: edge.percentiles.p50_ms,
        })
        .collect();
    for status in graph.into_iter().flat_map(Graph::statuses) {
        for next in &status.next {
            if !edges.iter().any(|edge| edge.from == status.name && edge.to == *next) {
                let (from, to) = (status.name.clone(), next.clone());
                edges.push(PictureEdge { from, to, known: true, count: 0, median_ms: None });
            }
        }
    }
    let document = graph.map(Graph::to_toml).unwrap_or_default();
    Picture { basis: told.basis, discovered: found.is_some(), statuses, edges, document }
}
