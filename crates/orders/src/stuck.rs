//! When an object is stuck: it stays longer than its status allows or than is usual, its hand-over was not confirmed, or
//! what must follow did not.

use logline::Timestamp;

use crate::live::Clues;
use crate::path::{SKEW, Visit};
use crate::wire::millis;
use crate::{Evidence, Graph, Status, Stuck, StuckReason};

/// Whether a stay is too long at the moment `now`; of several reasons the one that came first. That it is unusual counts
/// only when there is no other reason. An object that was only seen in a status may have been confirmed before the first
/// line that is kept.
pub(crate) fn stuck(visit: &Visit, status: &Status, graph: &Graph, clues: Clues, now: Timestamp) -> Option<Stuck> {
    let entered = visit.entered;
    let told = visit.evidence != Evidence::Seen;
    let deadline = status.limit().map(|span| (graph.due(status.working, entered, span), StuckReason::Deadline));
    let confirm = status.confirm.as_ref().filter(|_| told && visit.confirmed.is_none());
    let unconfirmed = confirm.map(|confirm| (entered.after(confirm.within), StuckReason::Unconfirmed));
    let came = clues.met.is_some_and(|at| entered.before(SKEW) <= at);
    let expect = status.expect.as_ref().filter(|_| told && !came);
    let missing = expect.map(|expect| (entered.after(expect.within), StuckReason::Missing));
    let passed = [deadline, unconfirmed, missing].into_iter().flatten().filter(|(due, _)| *due < now);
    let unusual = || {
        let due = graph.due(status.working, entered, clues.norm?);
        (due < now).then_some((due, StuckReason::Unusual))
    };
    let (due, reason) = { passed }.min().or_else(unusual)?;
    Some(Stuck { reason, due, overdue_ms: millis(now.since(due)) })
}
