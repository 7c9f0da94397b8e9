//! From resources, scopes and records to streams and entries.

use std::borrow::Cow;

use logline::{Labels, Timestamp};

use super::value::{Attribute, Value, flatten};
use crate::assemble::{Assembler, Pair, RawEntry, Target};
use crate::clean_name;

/// Attributes of a resource that become labels of the stream, which are Loki's.
const LABELS: [&str; 18] = [
    "service_name",
    "service_namespace",
    "service_instance_id",
    "deployment_environment",
    "deployment_environment_name",
    "cloud_region",
    "cloud_availability_zone",
    "k8s_cluster_name",
    "k8s_namespace_name",
    "k8s_pod_name",
    "k8s_container_name",
    "container_name",
    "k8s_replicaset_name",
    "k8s_deployment_name",
    "k8s_statefulset_name",
    "k8s_daemonset_name",
    "k8s_cronjob_name",
    "k8s_job_name",
];

/// Where records come from.
#[derive(Debug, Default)]
pub(super) struct Resource<'a> {
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) dropped: u64,
}

/// What wrote them.
#[derive(Debug, Default)]
pub(super) struct Scope<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) dropped: u64,
}

/// One of them. Zero and the empty text mean that it was not said.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) time: u64,
    pub(super) observed: u64,
    pub(super) severity: i64,
    pub(super) severity_text: Cow<'a, str>,
    pub(super) body: Value<'a>,
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) dropped: u64,
    pub(super) flags: u64,
    pub(super) trace_id: Cow<'a, str>,
    pub(super) span_id: Cow<'a, str>,
    pub(super) event_name: Cow<'a, str>,
}

/// Where records of one resource and scope go.
#[derive(Debug)]
pub(super) struct Place<'a> {
    target: Target,
    /// Metadata of each of them.
    metadata: Vec<Pair<'a>>,
}

impl<'a> Place<'a> {
    /// Of a resource.
    pub(super) fn of(resource: Resource<'a>, out: &mut Assembler<'_>) -> Self {
        let mut pairs = Vec::new();
        resource.attributes.into_iter().for_each(|(name, value)| flatten(&name, value, &mut pairs));
        let (mut labels, mut metadata) = (Labels::default(), Vec::new());
        for (name, value) in pairs {
            let label = clean_name(&name);
            if LABELS.contains(&&*label) {
                labels.set(&label, &value);
            } else {
                metadata.push((Cow::Owned(name), value));
            }
        }
        number(&mut metadata, "resource_dropped_attributes_count", resource.dropped);
        let text = labels.to_string();
        Self { target: out.stream(Ok(labels), &text), metadata }
    }

    /// Of a scope within the resource.
    pub(super) fn within(&self, scope: Scope<'a>) -> Self {
        let mut metadata = self.metadata.clone();
        text(&mut metadata, "scope_name", scope.name);
        text(&mut metadata, "scope_version", scope.version);
        all(&mut metadata, scope.attributes);
        number(&mut metadata, "scope_dropped_attributes_count", scope.dropped);
        Self { target: self.target.clone(), metadata }
    }

    /// Puts a record there. Without a time of its own it has the one when it was observed, else `now`.
    pub(super) fn put(&self, record: Record<'a>, now: Timestamp, out: &mut Assembler<'_>) {
        let mut metadata = self.metadata.clone();
        all(&mut metadata, record.attributes);
        number(&mut metadata, "dropped_attributes_count", record.dropped);
        number(&mut metadata, "severity_number", record.severity.max(0).unsigned_abs());
        text(&mut metadata, "severity_text", record.severity_text);
        number(&mut metadata, "observed_timestamp", record.observed);
        number(&mut metadata, "flags", record.flags);
        text(&mut metadata, "trace_id", record.trace_id);
        text(&mut metadata, "span_id", record.span_id);
        text(&mut metadata, "event_name", record.event_name);
        let told = [record.time, record.observed].into_iter().find(|time| *time != 0);
        let timestamp = told.map_or(Some(now), |nanos| i64::try_from(nanos).ok().map(Timestamp));
        out.entry(&self.target, RawEntry { timestamp, line: record.body.into_text(), metadata });
    }
}

fn all<'a>(metadata: &mut Vec<Pair<'a>>, attributes: Vec<Attribute<'a>>) {
    let mut pairs = Vec::new();
    attributes.into_iter().for_each(|(name, value)| flatten(&name, value, &mut pairs));
    metadata.extend(pairs.into_iter().map(|(name, value)| (Cow::Owned(name), value)));
}

fn text<'a>(metadata: &mut Vec<Pair<'a>>, name: &'static str, value: Cow<'a, str>) {
    if !value.is_empty() {
        metadata.push((Cow::Borrowed(name), value));
    }
}

fn number(metadata: &mut Vec<Pair<'_>>, name: &'static str, value: u64) {
    if value != 0 {
        metadata.push((Cow::Borrowed(name), Cow::Owned(value.to_string())));
    }
}
