//! Promises: what share of objects gets from one status to another in time, what is left of the error budget, and how
//! fast it burns.

use serde::{Deserialize, Serialize};

use super::{Basis, Lens, Version, share};
use crate::symbols::Symbol;
use crate::trail::Trail;
use crate::wire::millis;

const HOUR: u64 = 3_600_000;
/// Over how long the rate of burning is told. Of tens of orders a day, hours tell little.
const BURN_WINDOWS: [u64; 4] = [6 * HOUR, 24 * HOUR, 72 * HOUR, 168 * HOUR];
/// Objects that are named of those that broke the promise.
const EXAMPLES: usize = 20;

/// How all promises of a type are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sla {
    /// What it is about.
    #[serde(flatten)]
    pub basis: Basis,
    /// One entry a promise, as in the graph.
    pub objectives: Vec<Attainment>,
}

/// How one promise is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attainment {
    /// What people call it.
    pub name: String,
    /// Where the time begins.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// How long it may take.
    pub within_ms: u64,
    /// Whether only working time counts.
    pub working: bool,
    /// The share that must make it.
    pub target: f64,
    /// Over how long it is measured, back from now.
    pub window_ms: u64,
    /// Objects whose outcome fell into that time and is good.
    pub good: u64,
    /// Those whose outcome is bad: too late, or not there although the time is over.
    pub bad: u64,
    /// Those that are still on their way and in time.
    pub pending: u64,
    /// The share of good ones; none if there was no outcome.
    pub attained: Option<f64>,
    /// Whether the target is met; none if there was no outcome.
    pub met: Option<bool>,
    /// How many bad ones the target allows for as many outcomes.
    pub budget: f64,
    /// What is left of that, from 1 (all) to 0 (nothing), below when it is overdrawn.
    pub budget_left: f64,
    /// How fast it burns: 1 uses it up just at the end of the window.
    pub burn: Vec<Burn>,
    /// What customers thought of those with a good outcome.
    pub ratings_good: Ratings,
    /// And of those with a bad one.
    pub ratings_bad: Ratings,
    /// Some with a bad outcome, the newest first.
    pub examples: Vec<String>,
}

/// How fast the budget burned over the last while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burn {
    /// Over how long, back from now.
    pub window_ms: u64,
    /// Outcomes in that time.
    pub outcomes: u64,
    /// Bad ones among them.
    pub bad: u64,
    /// Share of bad ones divided by the share that is allowed.
    pub rate: f64,
}

/// What customers thought, where lines tell it (`rating` or `csat`, 1 to 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratings {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean: Option<f64>,
    /// The share of 4 and 5: the CSAT score.
    pub satisfied: Option<f64>,
}

/// What became of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Good(i64),
    Bad(i64),
    Pending,
}

#[derive(Debug, Default)]
struct Tally {
    good: u64,
    bad: u64,
    pending: u64,
    burn: [(u64, u64); BURN_WINDOWS.len()],
    ratings: [(u64, u64, u64); 2],
    examples: Vec<(i64, String)>,
}

/// Measures every promise of the newest graph.
pub(crate) fn sla(lens: &Lens<'_>, loading: bool) -> Sla {
    let now = lens.now_ms();
    let objectives = lens.graph().map(|graph| graph.objectives()).unwrap_or_default();
    let ends: Vec<(Option<Symbol>, Option<Symbol>)> = objectives
        .iter()
        .map(|objective| (lens.symbols().find(&objective.from), lens.symbols().find(&objective.to)))
        .collect();
    let mut tallies: Vec<Tally> = objectives.iter().map(|_| Tally::default()).collect();
    let basis = lens.each(loading, |trail, version| {
        let Some(version) = version else { return };
        for ((objective, ends), tally) in objectives.iter().zip(&ends).zip(&mut tallies) {
            let within = millis(objective.within);
            if let Some(outcome) = outcome(trail, *ends, version, (objective.working, within), now) {
                tally.add(outcome, trail, (now, millis(objective.window)));
            }
        }
    });
    let told = |(objective, tally): (&crate::Objective, Tally)| {
        let outcomes = tally.good + tally.bad;
        let allowed = 1.0 - objective.target;
        let budget = outcomes as f64 * allowed;
        let attained = (outcomes != 0).then(|| share(tally.good, outcomes));
        let mut examples = tally.examples;
        examples.sort_by(|a, b| b.cmp(a));
        Attainment {
            name: objective.name.clone(),
            from: objective.from.clone(),
            to: objective.to.clone(),
            within_ms: millis(objective.within),
            working: objective.working,
            target: objective.target,
            window_ms: millis(objective.window),
            good: tally.good,
            bad: tally.bad,
            pending: tally.pending,
            attained,
            met: attained.map(|attained| objective.target <= attained),
            budget,
            budget_left: if outcomes == 0 { 1.0 } else { 1.0 - tally.bad as f64 / budget },
            burn: BURN_WINDOWS
                .iter()
                .zip(tally.burn)
                .map(|(window_ms, (outcomes, bad))| Burn {
                    window_ms: *window_ms,
                    outcomes,
                    bad,
                    rate: share(bad, outcomes) / allowed,
                })
                .collect(),
            ratings_good: ratings(tally.ratings[0]),
            ratings_bad: ratings(tally.ratings[1]),
            examples: examples.into_iter().take(EXAMPLES).map(|(_, id)| id).collect(),
        }
    };
    let objectives = objectives.iter().zip(tallies).map(told).collect();
    Sla { basis, objectives }
}

/// What became of an object; none if the promise is not about it.
pub(super) fn outcome(
    trail: &Trail,
    (from, to): (Option<Symbol>, Option<Symbol>),
    version: &Version<'_>,
    (working, within): (bool, u64),
    now: i64,
) -> Option<Outcome> {
    let from = from?;
    let counted = trail.counted();
    let start = counted.iter().position(|stay| stay.status == from)?;
    let began = counted.get(start)?.entered;
    let reached = counted.iter().skip(start + 1).find(|stay| Some(stay.status) == to);
    // What ended another way waits no longer.
    let ended = trail.end.and(counted.last()).map(|stay| stay.entered);
    let until = reached.map(|stay| stay.entered).or(ended).unwrap_or(now);
    let took = version.elapsed(working, began, until);
    let due = || {
        let began = logline::Timestamp(began.saturating_mul(1_000_000));
        version.graph.due(working, began, std::time::Duration::from_millis(within)).0.div_euclid(1_000_000)
    };
    Some(match reached {
        Some(stay) if took <= within => Outcome::Good(stay.entered),
        None if took <= within && trail.end.is_none() => Outcome::Pending,
        // It ended another way before its time was over: it was not broken, but given up.
        None if took <= within => return None,
        _ => Outcome::Bad(due()),
    })
}

impl Tally {
    fn add(&mut self, outcome: Outcome, trail: &Trail, (now, window): (i64, u64)) {
        let (at, bad) = match outcome {
            Outcome::Good(at) => (at, false),
            Outcome::Bad(at) => (at, true),
            Outcome::Pending => {
                self.pending += 1;
                return;
            }
        };
        let age = super::span(at, now);
        for (burn, _) in self.burn.iter_mut().zip(BURN_WINDOWS).filter(|(_, window)| age <= *window) {
            burn.0 += 1;
            burn.1 += u64::from(bad);
        }
        if window < age {
            return;
        }
        self.good += u64::from(!bad);
        self.bad += u64::from(bad);
        if bad {
            self.examples.push((at, trail.id.clone()));
            if 4 * EXAMPLES <= self.examples.len() {
                self.examples.sort_by(|a, b| b.cmp(a));
                self.examples.truncate(EXAMPLES);
            }
        }
        if let Some(rating) = trail.rating {
            let ratings = &mut self.ratings[usize::from(bad)];
            *ratings = (ratings.0 + 1, ratings.1 + u64::from(rating), ratings.2 + u64::from(4 <= rating));
        }
    }
}

fn ratings((count, sum, satisfied): (u64, u64, u64)) -> Ratings {
    let of = |part| (count != 0).then(|| share(part, count));
    Ratings { count, mean: of(sum), satisfied: of(satisfied) }
}
