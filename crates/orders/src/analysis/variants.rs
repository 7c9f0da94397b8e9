//! The different ways objects take, how many take each, and how long that lasts.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::{Basis, Lens, share, span};
use crate::symbols::Symbol;

/// Ways that are told apart; what goes another way is only counted.
const WAYS: usize = 50_000;

/// The ways objects take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variants {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// How many different ways there are.
    pub total: u64,
    /// The most frequent first; as many as were asked for.
    pub variants: Vec<Variant>,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The statuses, in order.
    pub statuses: Vec<String>,
    /// How many objects went it, and no further.
    pub count: u64,
    /// Their share.
    pub share: f64,
    /// How many of them have reached an end.
    pub closed: u64,
    /// From the first status to the last: the time that half of them needed at most.
    pub median_ms: u64,
    /// The mean of that time.
    pub mean_ms: u64,
    /// How many of them have no deviation at all.
    pub conforming: u64,
    /// The kinds of deviation that some of them have.
    pub deviations: Vec<String>,
}

#[derive(Debug, Default)]
struct Way {
    closed: u64,
    conforming: u64,
    spans: Vec<u64>,
    kinds: BTreeSet<&'static str>,
}

/// Counts the ways; tells the `limit` most frequent ones.
pub(crate) fn variants(lens: &Lens<'_>, limit: usize, loading: bool) -> Variants {
    let (mut judge, mut faults, mut statuses) = (Judge::default(), Vec::new(), Vec::new());
    let mut ways: HashMap<Box<[Symbol]>, Way> = HashMap::new();
    let basis = lens.each(loading, |trail, version| {
        statuses.clear();
        statuses.extend(trail.stays.iter().map(|stay| stay.status));
        if !ways.contains_key(statuses.as_slice()) {
            if WAYS <= ways.len() {
                return;
            }
            ways.insert(statuses.as_slice().into(), Way::default());
        }
        let Some(way) = ways.get_mut(statuses.as_slice()) else { return };
        judge.faults(lens, trail, version, &mut faults);
        way.closed += u64::from(trail.end.is_some());
        way.conforming += u64::from(faults.is_empty());
        way.kinds.extend(faults.iter().map(|fault| fault.kind));
        if let (Some(first), Some(last)) = (trail.stays.first(), trail.stays.last()) {
            way.spans.push(span(first.entered, last.entered));
        }
    });
    let total = ways.len() as u64;
    let mut ways: Vec<(Box<[Symbol]>, Way)> = ways.into_iter().collect();
    ways.sort_by(|(a, one), (b, other)| other.spans.len().cmp(&one.spans.len()).then_with(|| a.cmp(b)));
    ways.truncate(limit);
    let told = |(statuses, mut way): (Box<[Symbol]>, Way)| {
        let count = way.spans.len() as u64;
        let sum: u128 = way.spans.iter().map(|span| u128::from(*span)).sum();
        Variant {
            statuses: statuses.iter().map(|symbol| lens.name(*symbol).to_owned()).collect(),
            count,
            share: share(count, basis.objects),
            closed: way.closed,
            median_ms: median(&mut way.spans).unwrap_or(0),
            mean_ms: sum.checked_div(u128::from(count)).and_then(|mean| u64::try_from(mean).ok()).unwrap_or(0),
            conforming: way.conforming,
            deviations: way.kinds.into_iter().map(str::to_owned).collect(),
        }
    };
    let variants = ways.into_iter().map(told).collect();
    Variants { basis, total, variants }
}

/// The middle of some numbers; of an even count the mean of the two in the middle.
pub(super) fn median(numbers: &mut [u64]) -> Option<u64> {
    if numbers.is_empty() {
        return None;
    }
    let even = numbers.len().is_multiple_of(2);
    let (below, middle, _) = numbers.select_nth_unstable(numbers.len() / 2);
    match below.iter().max().filter(|_| even) {
        Some(lower) => Some(lower.midpoint(*middle)),
        None => Some(*middle),
    }
}
