//! How many objects keep to their graph, and where the others leave it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::judge::{Fault, Judge};
use super::{Basis, Lens, share};

/// Objects that are named as examples of a deviation.
const EXAMPLES: usize = 5;
/// Deviations that are told apart.
const ROWS: usize = 10_000;

/// What share of objects keeps to the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformance {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// Objects without any deviation.
    pub conforming: u64,
    /// Their share.
    pub fitness: f64,
    /// What is wrong, the most frequent first.
    pub deviations: Vec<DeviationCount>,
}

/// One deviation and how many objects have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviationCount {
    /// What kind, as in a story: `unknown_edge`, `skipped` …
    pub kind: String,
    /// The status before.
    pub from: Option<String>,
    /// The status that was entered.
    pub status: String,
    /// Who did it, if that is what is wrong.
    pub service: Option<String>,
    /// How many objects have it.
    pub objects: u64,
    /// How often it happened.
    pub times: u64,
    /// Some of the objects.
    pub examples: Vec<String>,
}

#[derive(Debug, Default)]
struct Count {
    objects: u64,
    times: u64,
    /// The last object that was counted, by number.
    last: u64,
    examples: Vec<String>,
}

/// Compares every path with its graph.
pub(crate) fn conformance(lens: &Lens<'_>, loading: bool) -> Conformance {
    let (mut judge, mut faults) = (Judge::default(), Vec::new());
    let mut counts: HashMap<Fault, Count> = HashMap::new();
    let (mut number, mut conforming) = (0, 0);
    let basis = lens.each(loading, |trail, version| {
        number += 1;
        judge.faults(lens, trail, version, &mut faults);
        conforming += u64::from(faults.is_empty());
        for fault in &faults {
            if ROWS <= counts.len() && !counts.contains_key(fault) {
                continue;
            }
            let count = counts.entry(*fault).or_default();
            count.times += 1;
            if count.last != number {
                (count.last, count.objects) = (number, count.objects + 1);
                if count.examples.len() < EXAMPLES {
                    count.examples.push(trail.id.clone());
                }
            }
        }
    });
    let name = |symbol| lens.name(symbol).to_owned();
    let row = |(fault, count): (Fault, Count)| DeviationCount {
        kind: fault.kind.to_owned(),
        from: fault.from.map(name),
        status: name(fault.status),
        service: fault.service.map(name),
        objects: count.objects,
        times: count.times,
        examples: count.examples,
    };
    let mut deviations: Vec<DeviationCount> = counts.into_iter().map(row).collect();
    deviations.sort_by(|a, b| {
        let place =
            |one: &DeviationCount| (one.kind.clone(), one.from.clone(), one.status.clone(), one.service.clone());
        b.objects.cmp(&a.objects).then_with(|| place(a).cmp(&place(b)))
    });
    Conformance { fitness: share(conforming, basis.objects), conforming, deviations, basis }
}
