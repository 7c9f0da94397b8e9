//! When an object is stuck: it stays longer than its status allows, or its hand-over was not confirmed.

use logline::Timestamp;

use crate::path::Visit;
use crate::wire::millis;
use crate::{Evidence, Status, Stuck, StuckReason};

/// Whether a stay is too long at the moment `now`; of several reasons the one that came first. An object that was only
/// seen in a status may have been confirmed before the first line that is kept.
pub(crate) fn stuck(visit: &Visit, status: &Status, now: Timestamp) -> Option<Stuck> {
    let deadline = status.deadline.map(|span| (visit.entered.after(span), StuckReason::Deadline));
    let waits = visit.confirmed.is_none() && visit.evidence != Evidence::Seen;
    let confirm = status.confirm.as_ref().filter(|_| waits);
    let unconfirmed = confirm.map(|confirm| (visit.entered.after(confirm.within), StuckReason::Unconfirmed));
    let passed = [deadline, unconfirmed].into_iter().flatten().filter(|(due, _)| *due < now);
    let (due, reason) = { passed }.min()?;
    Some(Stuck { reason, due, overdue_ms: millis(now.since(due)) })
}
