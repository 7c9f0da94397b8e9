//! What was stuck when, and which promises were kept and broken when: for whoever looks at moments in the past. An
//! object that has moved on since was stuck all the same.

use std::time::Duration;

use logline::Timestamp;

use super::Lens;
use super::objectives::{Outcome, outcome};
use crate::graph::same_service;
use crate::trail::Stay;
use crate::wire::millis;
use crate::{Evidence, Graph, Status, StuckReason};

/// Stretches of being stuck that are told at most.
const SPANS: usize = 100_000;

/// When objects of a type were stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckSpans {
    /// Set while the state is still being read from storage: objects may be missing.
    pub loading: bool,
    /// The stretches, the one that was due first in front.
    pub spans: Vec<StuckSpan>,
}

/// A stretch of time in which one object was stuck for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckSpan {
    /// The object.
    pub id: String,
    /// The status it was in.
    pub status: String,
    /// The service that had to move it on.
    pub owner: String,
    /// What it missed: its deadline or its confirmation. Whether an event that must follow was missing is not known of
    /// the past.
    pub reason: StuckReason,
    /// Since when it should have gone on.
    pub due: Timestamp,
    /// From when this was its reason: when it was due, or when another reason was over.
    pub from: Timestamp,
    /// When it was over; none if it goes on.
    pub until: Option<Timestamp>,
}

/// What became of the objects of every promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcomes {
    /// Set while the state is still being read from storage: objects may be missing.
    pub loading: bool,
    /// One entry a promise, as in the graph.
    pub promises: Vec<PromiseOutcomes>,
}

/// When one promise was kept, and when it was broken.
#[derive(Clone, Debug, PartialEq)]
pub struct PromiseOutcomes {
    /// What people call it.
    pub name: String,
    /// The share that must make it.
    pub target: f64,
    /// When objects made it, the first first.
    pub good: Vec<Timestamp>,
    /// When the time of the others was over, and which these are; the first first.
    pub bad: Vec<(Timestamp, String)>,
}

/// What is looked for among all that was stuck.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) status: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) range: (Timestamp, Timestamp),
}

/// When what was wanted was stuck.
pub(crate) fn stuck(lens: &Lens<'_>, wanted: &Wanted, loading: bool) -> StuckSpans {
    let mut spans = Vec::new();
    let (first, last) = wanted.range;
    let basis = lens.each(loading, |trail, version| {
        let Some(version) = version else { return };
        let counted = trail.counted();
        for (step, stay) in counted.iter().enumerate().filter(|(step, _)| trail.end != Some(*step)) {
            let Some(status) = version.status(stay.status) else { continue };
            let is_owner = wanted.owner.as_ref().is_none_or(|owner| same_service(owner, &status.owner));
            if !is_owner || wanted.status.as_ref().is_some_and(|name| *name != status.name) {
                continue;
            }
            let left = counted.get(step + 1).map(|next| time(next.entered));
            for (reason, due, from) in reasons(stay, left, status, version.graph).into_iter().flatten() {
                let until = if reason == StuckReason::Unconfirmed { confirmed(stay).or(left) } else { left };
                let until = until.map(|until| left.map_or(until, |left| left.min(until)));
                if from <= last && until.is_none_or(|until| first < until) {
                    let (id, status, owner) = (trail.id.clone(), status.name.clone(), status.owner.clone());
                    spans.push(StuckSpan { id, status, owner, reason, due, from, until });
                }
            }
        }
    });
    spans.sort_by(|a, b| (a.due, &a.id, a.from).cmp(&(b.due, &b.id, b.from)));
    spans.truncate(SPANS);
    StuckSpans { loading: basis.loading, spans }
}

/// Why a stay was too long: reason, when it was due and from when that was the reason. As with what is stuck now, what
/// was due first counts until it came.
fn reasons(
    stay: &Stay,
    left: Option<Timestamp>,
    status: &Status,
    graph: &Graph,
) -> [Option<(StuckReason, Timestamp, Timestamp)>; 2] {
    let entered = time(stay.entered);
    let until = left.unwrap_or(Timestamp::MAX);
    let late = status.limit().map(|span| graph.due(status.working, entered, span)).filter(|due| *due < until);
    let confirm = status.confirm.as_ref().filter(|_| stay.evidence != Evidence::Seen);
    let end = confirmed(stay).map_or(until, |at| at.min(until));
    let alone = confirm.map(|confirm| entered.after(confirm.within)).filter(|due| *due < end);
    let deadline = |due, from| Some((StuckReason::Deadline, due, from));
    let unconfirmed = alone.map(|due| (StuckReason::Unconfirmed, due, due));
    match (late, alone) {
        (Some(late), Some(alone)) if alone < late => {
            [unconfirmed, deadline(late, late.max(end)).filter(|_| end < until)]
        }
        (Some(late), _) => [deadline(late, late), None],
        (None, _) => [unconfirmed, None],
    }
}

/// When the other side confirmed the hand-over.
fn confirmed(stay: &Stay) -> Option<Timestamp> {
    stay.confirmed.map(|ms| time(stay.entered).after(Duration::from_millis(ms)))
}

/// When each promise was kept and broken, from `since` on.
pub(crate) fn outcomes(lens: &Lens<'_>, since: Timestamp, loading: bool) -> Outcomes {
    let now = lens.now_ms();
    let objectives = lens.graph().map(Graph::objectives).unwrap_or_default();
    let find = |name: &String| lens.symbols().find(name);
    let ends: Vec<_> = objectives.iter().map(|promise| (find(&promise.from), find(&promise.to))).collect();
    let empty = |promise: &crate::Objective| PromiseOutcomes {
        name: promise.name.clone(),
        target: promise.target,
        good: Vec::new(),
        bad: Vec::new(),
    };
    let mut promises: Vec<PromiseOutcomes> = objectives.iter().map(empty).collect();
    let basis = lens.each(loading, |trail, version| {
        let Some(version) = version else { return };
        for ((objective, ends), told) in objectives.iter().zip(&ends).zip(&mut promises) {
            let allowed = (objective.working, millis(objective.within));
            match outcome(trail, *ends, version, allowed, now) {
                Some(Outcome::Good(at)) if since <= time(at) => told.good.push(time(at)),
                Some(Outcome::Bad(at)) if since <= time(at) => told.bad.push((time(at), trail.id.clone())),
                _ => {}
            }
        }
    });
    for told in &mut promises {
        told.good.sort_unstable();
        told.bad.sort_unstable();
    }
    Outcomes { loading: basis.loading, promises }
}

const fn time(ms: i64) -> Timestamp {
    Timestamp(ms.saturating_mul(1_000_000))
}
