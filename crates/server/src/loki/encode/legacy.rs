//! The shapes of Loki's first API: labels as one text, times as RFC 3339.

use logline::{Labels, Timestamp};
use query::{LogEntry, LogStream, merge_labels};
use serde_json::{Value, json};

use crate::feed::Dropped;

/// Lines by stream.
pub(in crate::loki) fn answer(found: Vec<LogStream>) -> Vec<u8> {
    let streams: Vec<_> = merge_labels(found).iter().map(|found| stream(&found.labels, &found.entries)).collect();
    super::text(&json!({"streams": streams, "stats": {}}))
}

/// A message of a tail.
pub(super) fn frame(streams: &[LogStream], dropped: &[Dropped]) -> Value {
    let streams: Vec<_> = streams.iter().map(|found| stream(&found.labels, &found.entries)).collect();
    if dropped.is_empty() {
        return json!({"streams": streams});
    }
    let line = |line: &Dropped| json!({"timestamp": time(line.timestamp), "labels": line.labels.to_string()});
    json!({"streams": streams, "dropped_entries": dropped.iter().map(line).collect::<Vec<_>>()})
}

fn stream(labels: &Labels, entries: &[LogEntry]) -> Value {
    let entry = |entry: &LogEntry| json!({"ts": time(entry.timestamp), "line": entry.line});
    json!({"labels": labels.to_string(), "entries": entries.iter().map(entry).collect::<Vec<_>>()})
}

fn time(time: Timestamp) -> String {
    jiff::Timestamp::from(time).to_string()
}
