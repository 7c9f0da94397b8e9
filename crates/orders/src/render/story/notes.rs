//! What is to be said about a step: deviations, failures, retries; below its row.

use super::{Pen, more};
use crate::render::ink::{Ink, Remark};
use crate::{Failure, Retry, Story};
use stdx::Language;

/// Failures of one step that are drawn.
const FAILURES: usize = 6;

pub(super) fn draw(story: &Story, step: usize, pen: Pen<'_>, out: &mut String) {
    for deviation in story.deviations.iter().filter(|deviation| deviation.step == step) {
        note(Ink::Warning, &format!("! {}", pen.words.deviation(deviation)), "", "", pen, out);
    }
    let failed = grouped(story.failures.iter().filter(|failure| failure.step == Some(step)));
    failed.iter().take(pen.at_most(FAILURES)).for_each(|group| failure(group, pen, out));
    more(failed.len().saturating_sub(pen.at_most(FAILURES)), pen, out);
    let Some(this) = story.steps.get(step) else { return };
    let next = this.left.or_else(|| story.last.0.checked_add(1).map(logline::Timestamp));
    let here = |retry: &&Retry| this.entered <= retry.last && next.is_none_or(|next| retry.last < next);
    for retry in story.retries.iter().filter(here) {
        note(Ink::Warning, &retried(retry, pen), "", "", pen, out);
    }
}

fn note(ink: Ink, what: &str, why: &str, end: &str, pen: Pen<'_>, out: &mut String) {
    Remark { ink, what, why, end }.draw(pen.style.color, 4, pen.width, out);
}

/// Failures of one trace together: they are one, seen from several sides, or tried again.
pub(super) fn grouped<'a>(failures: impl Iterator<Item = &'a Failure>) -> Vec<Vec<&'a Failure>> {
    let mut groups: Vec<Vec<&'a Failure>> = Vec::new();
    for failure in failures {
        let same = |group: &&mut Vec<&'a Failure>| {
            group.first().is_some_and(|first| match (&first.trace_id, &failure.trace_id) {
                (Some(one), Some(other)) => one == other,
                (None, None) => (&first.service, &first.endpoint) == (&failure.service, &failure.endpoint),
                _ => false,
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(failure),
            None => groups.push(vec![failure]),
        }
    }
    groups
}

/// `✗ 9 Mar 09:13:01 crm → mes POST /jobs 503 ×3 upstream timeout · trace 4bf92f35`
fn failure(group: &[&Failure], pen: Pen<'_>, out: &mut String) {
    // The first call between services that failed is the innermost one, and names both sides.
    let call = group.iter().find(|failure| failure.peer.is_some());
    let Some(main) = call.or(group.iter().find(|failure| !failure.endpoint.is_empty())).or(group.first()) else {
        return;
    };
    let mut what = format!("✗ {} {}", pen.words.second(main.time).trim_start(), main.service);
    if let Some(peer) = &main.peer {
        what += &format!(" → {peer}");
    }
    if !main.endpoint.is_empty() {
        what += &format!(" {}", main.endpoint);
    }
    if let Some(code) = main.http_status {
        what += &format!(" {code}");
    }
    let same = |other: &&&Failure| {
        (&other.service, &other.peer, &other.endpoint) == (&main.service, &main.peer, &main.endpoint)
    };
    let times = group.iter().filter(same).count();
    if 1 < times {
        what += &format!(" ×{times}");
    }
    let hidden = group.iter().any(|failure| failure.hidden).then(|| pen.words.pick("(hidden)", "(скрыто)"));
    let why = group.iter().find_map(|failure| failure.error.as_deref()).or(hidden).unwrap_or_default();
    let short = |trace: &String| trace.chars().take(8).collect::<String>();
    let trace =
        main.trace_id.as_ref().map(|trace| format!(" · {} {}", pen.words.pick("trace", "трасса"), short(trace)));
    note(Ink::Bad, &what, why, &trace.unwrap_or_default(), pen, out);
}

fn retried(retry: &Retry, pen: Pen<'_>) -> String {
    let words = pen.words;
    let peer = retry.peer.as_ref().map(|peer| format!(" → {peer}")).unwrap_or_default();
    let ended = match retry.succeeded {
        true => words.pick("the last one went well", "последняя удалась"),
        false => words.pick("none went well", "все неудачны"),
    };
    let tries = match words.language {
        Language::English => format!("{} tries", retry.attempts),
        Language::Russian => format!("попыток: {}", retry.attempts),
    };
    let first = words.second(retry.first);
    format!("↻ {} {}{peer} {}: {tries}, {ended}", first.trim_start(), retry.service, retry.endpoint)
}
