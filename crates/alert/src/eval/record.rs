//! Recording rules: what they come to is kept as lines, in a stream of its own for each rule.
//!
//! The stream is `{service_name="recorded", record="NAME"}`, the labels of the series are structured metadata, the line
//! is `value=NUMBER`: `sum by (x) (last_over_time({record="NAME"} | logfmt | unwrap value [5m]))` reads it back.

use std::collections::BTreeMap;

use async_trait::async_trait;
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};

use super::found::Found;
use super::source::Failure;
use crate::rule::Rule;

/// The service that recorded lines belong to.
const SERVICE: &str = "recorded";
/// The label that holds the rule's name.
const RECORD: &str = "record";

/// Takes lines that rules have made.
#[async_trait]
pub trait Recorder: Send + Sync + std::fmt::Debug {
    /// Keeps lines as if they were pushed; the same lines may come again after a crash.
    ///
    /// # Errors
    /// They are not kept.
    async fn record(&self, batch: Batch) -> Result<(), Failure>;
}

/// The labels of the stream of a recorded series; none without a name.
pub(crate) fn recorded_labels(name: &str) -> Option<Labels> {
    let pairs = [("service_name", SERVICE), (RECORD, name)];
    let labels = Labels::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).ok()?;
    (!name.is_empty()).then_some(labels)
}

/// A value of a recorded series as a line.
pub(crate) fn recorded_line(value: f64) -> String {
    format!("value={value}")
}

/// What a recording rule came to, as a batch; none if it came to nothing.
pub(super) fn batch(tenant: &Tenant, rule: &Rule, time: Timestamp, found: &[Found]) -> Option<Batch> {
    let labels = recorded_labels(&rule.name)?;
    let entries: Vec<Entry> = found.iter().map(|found| entry(rule, time, found)).collect();
    let streams = vec![Stream { labels, entries }];
    (!found.is_empty()).then(|| Batch { tenant: tenant.clone(), streams, id: None, received: time })
}

fn entry(rule: &Rule, time: Timestamp, found: &Found) -> Entry {
    let mut labels: BTreeMap<String, String> = found.labels.clone();
    labels.extend(rule.labels.iter().map(|(name, text)| (name.clone(), text.source.clone())));
    labels.retain(|name, value| !value.is_empty() && name != RECORD && !name.starts_with("__"));
    Entry { timestamp: time, line: recorded_line(found.value), metadata: labels.into_iter().collect() }
}
