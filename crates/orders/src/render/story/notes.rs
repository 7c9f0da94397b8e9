//! What is to be said about a step: deviations, failures, retries; below its row.

use super::{Pen, more};
use crate::render::ink::{Ink, cut};
use crate::{Failure, Retry, Story};

/// Failures of one step that are drawn.
const FAILURES: usize = 6;

pub(super) fn draw(story: &Story, step: usize, pen: Pen<'_>, out: &mut String) {
    for deviation in story.deviations.iter().filter(|deviation| deviation.step == step) {
        note(Ink::Warning, "!", &pen.words.deviation(deviation), "", pen, out);
    }
    let failed = grouped(story.failures.iter().filter(|failure| failure.step == Some(step)));
    for group in failed.iter().take(FAILURES) {
        let (text, trace) = failure(group, pen);
        note(Ink::Bad, "✗", &text, &trace, pen, out);
    }
    more(failed.len().saturating_sub(FAILURES), pen, out);
    let Some(this) = story.steps.get(step) else { return };
    let next = this.left.or_else(|| story.last.0.checked_add(1).map(logline::Timestamp));
    let here = |retry: &&Retry| this.entered <= retry.last && next.is_none_or(|next| retry.last < next);
    for retry in story.retries.iter().filter(here) {
        note(Ink::Warning, "↻", &retried(retry, pen), "", pen, out);
    }
}

/// One note; what stands at its end is not cut.
fn note(ink: Ink, sign: &str, text: &str, end: &str, pen: Pen<'_>, out: &mut String) {
    let mut row = pen.row();
    row.space(4).add(Ink::Faint, "╰ ").add(ink, sign).space(1);
    let room = pen.width.saturating_sub(row.columns() + end.chars().count());
    row.add(ink, &cut(text, room)).add(Ink::Faint, end).end(out);
}

/// Failures that are the same seen from two sides, or tried again, together.
pub(super) fn grouped<'a>(failures: impl Iterator<Item = &'a Failure>) -> Vec<Vec<&'a Failure>> {
    let mut groups: Vec<Vec<&'a Failure>> = Vec::new();
    for failure in failures {
        let same = |group: &&mut Vec<&'a Failure>| {
            group.first().is_some_and(|first| {
                (first.trace_id.as_ref(), &first.endpoint, first.http_status)
                    == (failure.trace_id.as_ref(), &failure.endpoint, failure.http_status)
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(failure),
            None => groups.push(vec![failure]),
        }
    }
    groups
}

/// `9 Mar 09:13:01 crm → mes POST /jobs 503 upstream timeout ×3` and ` · trace 4bf92f35`.
fn failure(group: &[&Failure], pen: Pen<'_>) -> (String, String) {
    // The caller's side names both services.
    let Some(main) = group.iter().find(|failure| failure.peer.is_some()).or(group.first()) else {
        return (String::new(), String::new());
    };
    let mut text = format!("{} {}", pen.words.second(main.time).trim_start(), main.service);
    if let Some(peer) = &main.peer {
        text += &format!(" → {peer}");
    }
    if !main.endpoint.is_empty() {
        text += &format!(" {}", main.endpoint);
    }
    if let Some(code) = main.http_status {
        text += &format!(" {code}");
    }
    if let Some(error) = group.iter().find_map(|failure| failure.error.as_ref()) {
        text += &format!(" {error}");
    } else if group.iter().any(|failure| failure.hidden) {
        text += pen.words.pick(" (hidden)", " (скрыто)");
    }
    let sides = group.iter().filter(|failure| failure.service == main.service && failure.peer == main.peer).count();
    if 1 < sides {
        text += &format!(" ×{sides}");
    }
    let short = |trace: &String| trace.chars().take(8).collect::<String>();
    let trace =
        main.trace_id.as_ref().map(|trace| format!(" · {} {}", pen.words.pick("trace", "трасса"), short(trace)));
    (text, trace.unwrap_or_default())
}

fn retried(retry: &Retry, pen: Pen<'_>) -> String {
    let words = pen.words;
    let peer = retry.peer.as_ref().map(|peer| format!(" → {peer}")).unwrap_or_default();
    let ended = match retry.succeeded {
        true => words.pick("the last one went well", "последняя удалась"),
        false => words.pick("none went well", "все неудачны"),
    };
    let tries = match words.language {
        crate::render::Language::English => format!("{} tries", retry.attempts),
        crate::render::Language::Russian => format!("попыток: {}", retry.attempts),
    };
    format!("{} {}{peer} {}: {tries}, {ended}", words.second(retry.first).trim_start(), retry.service, retry.endpoint)
}
