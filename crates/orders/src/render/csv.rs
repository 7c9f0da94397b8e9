//! Answers as CSV (RFC 4180): always the same columns, named as in JSON, whatever the rows; `docs/orders.md` lists them.

use logline::Timestamp;

use crate::{Item, Page, StatusSummary, Step, Story, Summary};

/// The steps of a story, one row each.
pub fn story(story: &Story) -> String {
    let columns = [
        "type",
        "id",
        "status",
        "visit",
        "service",
        "owner",
        "evidence",
        "entered",
        "left",
        "dwell_ms",
        "deadline_ms",
        "events",
    ];
    let row = |step: &Step| {
        [
            story.object.object.clone(),
            story.object.id.clone(),
            step.status.clone(),
            step.visit.to_string(),
            step.service.clone(),
            optional(step.owner.as_ref()),
            step.evidence.as_str().to_owned(),
            time(step.entered),
            step.left.map(time).unwrap_or_default(),
            step.dwell_ms.to_string(),
            optional(step.deadline_ms),
            step.events.len().to_string(),
        ]
    };
    table(columns, story.steps.iter().map(row))
}

/// The objects of a page, one row each.
pub fn page(page: &Page) -> String {
    let columns = [
        "type",
        "id",
        "status",
        "since",
        "waits_ms",
        "owner",
        "deadline_ms",
        "stuck.reason",
        "stuck.due",
        "stuck.overdue_ms",
        "last_event",
        "last_error.time",
        "last_error.service",
        "last_error.endpoint",
        "last_error.http_status",
        "last_error.error",
        "last_error.trace_id",
    ];
    let row = |item: &Item| {
        let error = item.last_error.as_ref();
        [
            item.object.object.clone(),
            item.object.id.clone(),
            item.status.clone(),
            time(item.since),
            item.waits_ms.to_string(),
            item.owner.clone(),
            optional(item.deadline_ms),
            optional(item.stuck.map(|stuck| stuck.reason.as_str())),
            item.stuck.map(|stuck| time(stuck.due)).unwrap_or_default(),
            optional(item.stuck.map(|stuck| stuck.overdue_ms)),
            time(item.last_event),
            error.map(|error| time(error.time)).unwrap_or_default(),
            optional(error.map(|error| &error.service)),
            optional(error.map(|error| &error.endpoint)),
            optional(error.and_then(|error| error.http_status)),
            optional(error.and_then(|error| error.error.as_ref())),
            optional(error.and_then(|error| error.trace_id.as_ref())),
        ]
    };
    table(columns, page.items.iter().map(row))
}

/// The statuses of all types, one row each.
pub fn summary(summary: &Summary) -> String {
    let columns = ["type", "status", "owner", "open", "stuck", "deadline_ms", "longest_ms"];
    let rows = summary.types.iter().flat_map(|kind| kind.statuses.iter().map(move |status| (&kind.object, status)));
    let row = |(object, status): (&String, &StatusSummary)| {
        [
            object.clone(),
            status.status.clone(),
            optional(status.owner.as_ref()),
            status.open.to_string(),
            status.stuck.to_string(),
            optional(status.deadline_ms),
            optional(status.longest_ms),
        ]
    };
    table(columns, rows.map(row))
}

pub(super) fn table<const N: usize>(columns: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut out = columns.join(",") + "\n";
    for row in rows {
        out += &(row.map(|cell| quoted(&cell)).join(",") + "\n");
    }
    out
}

pub(super) fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

pub(super) fn time(time: Timestamp) -> String {
    jiff::Timestamp::from(time).to_string()
}

pub(crate) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
