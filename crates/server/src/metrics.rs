//! Numbers for Prometheus: requests by route here, the rest collected from the parts when somebody asks.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use alert::eval::{GroupKey, GroupReport};
use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::app::App;

/// Counters of the HTTP edge; named as Loki's, so that its dashboards show them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: &'static str,
    status_code: u16,
}

/// Seconds; Loki's buckets.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0];

impl Metrics {
    pub(crate) fn new() -> Self {
        Self { requests: Family::new_with_constructor(|| Histogram::new(BUCKETS)) }
    }

    /// Counts a request that was answered.
    pub(crate) fn observe(&self, route: &'static str, method: &Method, status: StatusCode, took: Duration) {
        // Any other method is one a client made up; it must not make a series of its own.
        let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
        let known = known.contains(method);
        let method = if known { method.to_string() } else { "OTHER".to_owned() };
        let labels = RequestLabels { method, route, status_code: status.as_u16() };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Everything there is to tell, in OpenMetrics text.
    pub(crate) fn encode(&self, app: &App) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register("loki_request_duration_seconds", "Time until a request was answered", self.requests.clone());
        app.storage.metrics().register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        let end = text.rfind("# EOF").unwrap_or(text.len());
        text.truncate(end);
        ingest(&mut text, app)?;
        rules(&mut text, app)?;
        text.push_str("# EOF\n");
        Ok(text)
    }
}

/// What came in; counted by `ingest` itself.
fn ingest(text: &mut String, app: &App) -> fmt::Result {
    let totals = app.endpoint.totals();
    let mut counter = |name: &str, help: &str, value: u64| {
        write!(text, "# HELP {name} {help}.\n# TYPE {name} counter\n{name}_total {value}\n")
    };
    counter("loki_distributor_lines_received", "Lines that were stored", totals.lines)?;
    counter("loki_distributor_bytes_received", "Bytes of lines and metadata that were stored", totals.bytes)?;
    counter("loki_discarded_samples", "Lines that were refused for what they are", totals.rejected_lines)?;
    counter("lapidary_rejected_pushes", "Pushes that were refused whole", totals.rejected_pushes)?;
    counter("lapidary_failed_pushes", "Pushes that storage could not take", totals.failed_pushes)?;
    let (records, missed) = app.audit.counts();
    counter("lapidary_audit_records", "Records of the audit trail that were written", records)?;
    counter("lapidary_audit_missed_events", "Events that are in the audit trail by their number only", missed)?;
    let unsent = app.audit.unsent();
    counter("lapidary_audit_unsent_records", "Records of the audit trail that could not be sent on", unsent)?;
    text.push_str("# HELP lapidary_line_defects Lines that break the rules of docs/log-lines.md.\n# TYPE lapidary_line_defects counter\n");
    for found in app.events.defects() {
        let (tenant, service, defect) = (escaped(found.tenant.as_str()), escaped(&found.service), found.defect.name());
        writeln!(
            text,
            "lapidary_line_defects_total{{tenant=\"{tenant}\",service=\"{service}\",defect=\"{defect}\"}} {}",
            found.lines
        )?;
    }
    text.push_str("# HELP lapidary_personal_data Personal data found in lines on arrival.\n# TYPE lapidary_personal_data counter\n");
    for (service, rule, count) in totals.hits.iter() {
        writeln!(text, "lapidary_personal_data_total{{service=\"{}\",rule=\"{rule}\"}} {count}", escaped(service))?;
    }
    Ok(())
}

/// How the evaluation of rules goes, by group, and how many alerts there are.
fn rules(text: &mut String, app: &App) -> fmt::Result {
    let reports = app.rules.all_reports();
    let group = |report: &GroupReport| {
        let GroupKey { tenant, namespace, group } = &report.key;
        format!("{}/{};{}", escaped(tenant.as_str()), escaped(namespace), escaped(group))
    };
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&GroupReport) -> f64| {
        let end = if kind == "counter" { "_total" } else { "" };
        write!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n")?;
        let mut lines = reports.iter();
        lines.try_for_each(|report| writeln!(text, "{name}{end}{{rule_group=\"{}\"}} {}", group(report), value(report)))
    };
    let seconds = |report: &GroupReport| report.evaluated.map_or(0.0, |time| time.0 as f64 / 1e9);
    family("loki_prometheus_rule_evaluations", "counter", "Rules that were evaluated", &|one| {
        one.counts.evaluated as f64
    })?;
    family("loki_prometheus_rule_evaluation_failures", "counter", "Rules that could not be evaluated", &|one| {
        one.counts.failed as f64
    })?;
    family(
        "loki_prometheus_rule_group_iterations_missed",
        "counter",
        "Moments too long ago to be caught up with",
        &|one| one.counts.missed as f64,
    )?;
    family("loki_prometheus_rule_group_rules", "gauge", "Rules of the group", &|one| one.rules.len() as f64)?;
    family("loki_prometheus_rule_group_interval_seconds", "gauge", "From evaluation to evaluation", &|one| {
        one.interval.as_secs_f64()
    })?;
    family("loki_prometheus_rule_group_last_duration_seconds", "gauge", "How long the last evaluation took", &|one| {
        one.took.as_secs_f64()
    })?;
    family(
        "loki_prometheus_rule_group_last_evaluation_timestamp_seconds",
        "gauge",
        "The last moment that was evaluated",
        &seconds,
    )?;
    text.push_str("# HELP lapidary_alerts Alerts that fire or wait.\n# TYPE lapidary_alerts gauge\n");
    let mut alerts: BTreeMap<(&str, &str, &'static str), u64> = BTreeMap::new();
    for (report, rule) in reports.iter().flat_map(|report| report.rules.iter().map(move |rule| (report, rule))) {
        for alert in &rule.alerts {
            *alerts.entry((report.key.tenant.as_str(), &rule.name, alert.standing.name())).or_default() += 1;
        }
    }
    for ((tenant, name, state), count) in alerts {
        let (tenant, name) = (escaped(tenant), escaped(name));
        writeln!(text, "lapidary_alerts{{tenant=\"{tenant}\",alertname=\"{name}\",alertstate=\"{state}\"}} {count}")?;
    }
    Ok(())
}

/// The value of a label as OpenMetrics wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
