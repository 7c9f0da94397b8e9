//! What a tenant may: limits under Loki's names, for Logs Drilldown as JSON and for operators as YAML.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use query::{Engine, Limits};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stdx::ByteSize;

use crate::app::App;
use crate::http::{Asker, HttpError};

/// The version of Loki whose API this is; clients look at it to know what they may ask.
pub(crate) const LOKI_VERSION: &str = "3.5.0";

/// Labels and fields that tell the level of a line.
const LEVEL_FIELDS: [&str; 7] = ["level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl"];

/// Holds the limits that a request sets itself.
const OWN_LIMITS: &str = "x-loki-query-limits";

/// The engine within the limits that the request sets itself, as a handler's argument. They can only be tighter than
/// those of the tenant. With `Cache-Control: no-cache` it computes everything anew.
#[derive(Debug)]
pub(crate) struct Limited(pub(crate) Arc<Engine>);

impl FromRequestParts<App> for Limited {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        let mut engine = Arc::clone(&app.engine);
        if parts.headers.get(header::CACHE_CONTROL).is_some_and(|value| value.as_bytes() == b"no-cache") {
            engine = Arc::new(engine.afresh());
        }
        if let Some(own) = parts.headers.get(OWN_LIMITS) {
            let own = OwnLimits::read(own.as_bytes());
            let own =
                own.map_err(|()| HttpError::bad_request("the header `X-Loki-Query-Limits` holds no limits as JSON"))?;
            engine = Arc::new(engine.within(&own));
        }
        Ok(Self(engine))
    }
}

/// As Loki's clients write them; what is missing, empty or zero is no limit.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OwnLimits {
    max_query_length: String,
    max_query_interval: String,
    max_query_lookback: String,
    max_entries_limit_per_query: usize,
    max_query_time: String,
    required_labels: Vec<String>,
    minimum_labels_number: usize,
    max_query_bytes_read: String,
}

impl OwnLimits {
    fn read(text: &[u8]) -> Result<Limits, ()> {
        let own: Map<String, Value> = serde_json::from_slice(text).map_err(drop)?;
        serde_json::from_value::<Self>(Value::Object(own)).map_err(drop)?.limits()
    }

    fn limits(self) -> Result<Limits, ()> {
        let none = Limits::none();
        let time = |text: &str| match text {
            "" | "0" => Ok(None),
            text => stdx::parse_duration(text).map(|time| Some(time).filter(|time| !time.is_zero())).ok_or(()),
        };
        let bytes = match self.max_query_bytes_read.as_str() {
            "" => None,
            text => Some(text.parse::<ByteSize>().map_err(drop)?).filter(|bytes| bytes.0 > 0),
        };
        Ok(Limits {
            max_length: time(&self.max_query_length)?,
            max_range: time(&self.max_query_interval)?,
            max_lookback: time(&self.max_query_lookback)?,
            timeout: time(&self.max_query_time)?.unwrap_or(none.timeout),
            max_entries: match self.max_entries_limit_per_query {
                0 => none.max_entries,
                most => most,
            },
            max_bytes: bytes,
            required_labels: self.required_labels,
            min_labels: self.minimum_labels_number,
            ..none
        })
    }
}

/// What Logs Drilldown asks for before anything else.
pub(crate) async fn drilldown(State(app): State<App>, Asker(caller): Asker) -> Json<Value> {
    let limits = limits(&app, &caller);
    Json(json!({
        "limits": named(limits.into_iter().filter(|(name, _)| DRILLDOWN.contains(name))),
        "pattern_ingester_enabled": true,
        "version": LOKI_VERSION,
    }))
}

/// The limits of the caller's tenant.
pub(crate) async fn tenant_limits(State(app): State<App>, Asker(caller): Asker) -> Response {
    yaml(&limits(&app, &caller))
}

/// The settings that Loki's clients look at, in its shape. Those of the server itself are in its own file.
pub(crate) async fn config(State(app): State<App>, Asker(caller): Asker) -> Response {
    let limits = named(limits(&app, &caller));
    yaml(&[("target", json!("all")), ("auth_enabled", json!(true)), ("limits_config", Value::Object(limits))])
}

fn named(values: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

const DRILLDOWN: [&str; 18] = [
    "discover_log_levels",
    "discover_service_name",
    "log_level_fields",
    "max_entries_limit_per_query",
    "max_line_size_truncate",
    "max_query_bytes_read",
    "max_query_length",
    "max_query_lookback",
    "max_query_range",
    "max_query_series",
    "metric_aggregation_enabled",
    "otlp_config",
    "pattern_persistence_enabled",
    "query_timeout",
    "retention_period",
    "retention_stream",
    "volume_enabled",
    "volume_max_series",
];

fn limits(app: &App, caller: &auth::Caller) -> Vec<(&'static str, Value)> {
    let limits: Limits = app.engine.limits(&caller.scope());
    let ingest = app.ingest_limits.of(caller.tenant());
    let megabytes = |bytes: u64| json!(bytes as f64 / f64::from(1 << 20));
    let time = |time: Option<Duration>| json!(time.map_or_else(|| "0s".to_owned(), stdx::show_duration));
    vec![
        ("creation_grace_period", time(Some(ingest.creation_grace_period))),
        ("discover_log_levels", json!(ingest.discover_log_levels)),
        ("discover_service_name", json!(ingest.discover_service_name)),
        ("increment_duplicate_timestamp", json!(ingest.increment_duplicate_timestamp)),
        ("ingestion_burst_size_mb", megabytes(ingest.ingestion_rate.map_or(0, |rate| rate.burst))),
        ("ingestion_rate_mb", megabytes(ingest.ingestion_rate.map_or(0, |rate| rate.bytes_per_second))),
        ("log_level_fields", json!(LEVEL_FIELDS)),
        ("max_concurrent_tail_requests", json!(limits.max_tails)),
        ("max_entries_limit_per_query", json!(limits.max_entries)),
        ("max_label_name_length", json!(ingest.max_label_name_length)),
        ("max_label_names_per_series", json!(ingest.max_label_names_per_series)),
        ("max_label_value_length", json!(ingest.max_label_value_length)),
        ("max_line_size", json!(ingest.max_line_size)),
        ("max_line_size_truncate", json!(ingest.max_line_size_truncate)),
        ("max_query_bytes_read", json!(limits.max_bytes.map_or_else(|| "0B".to_owned(), |bytes| bytes.to_string()))),
        ("max_query_length", time(limits.max_length)),
        ("max_query_lookback", time(limits.max_lookback)),
        ("max_query_range", time(limits.max_range)),
        ("max_query_series", json!(limits.max_series)),
        ("max_structured_metadata_entries_count", json!(ingest.max_structured_metadata_entries_count)),
        ("max_structured_metadata_size", json!(ingest.max_structured_metadata_size)),
        ("metric_aggregation_enabled", json!(false)),
        ("minimum_labels_number", json!(limits.min_labels)),
        ("otlp_config", json!({})),
        ("pattern_persistence_enabled", json!(false)),
        ("query_timeout", time(Some(limits.timeout))),
        ("reject_old_samples", json!(ingest.reject_old_samples.is_some())),
        ("reject_old_samples_max_age", time(ingest.reject_old_samples)),
        ("required_labels", json!(limits.required_labels)),
        ("retention_period", time(retention(app, caller))),
        ("retention_stream", json!([])),
        ("volume_enabled", json!(true)),
        ("volume_max_series", json!(limits.max_volumes)),
    ]
}

/// How long the tenant's lines are kept that no rule of their own is about.
fn retention(app: &App, caller: &auth::Caller) -> Option<Duration> {
    let kept = app.lifecycle.tenants.get(caller.tenant()).and_then(|own| own.period).or(app.lifecycle.retention.period);
    kept.filter(|_| app.lifecycle.retention_enabled)
}

/// Values as YAML: the JSON of each value is YAML too.
fn yaml(values: &[(&'static str, Value)]) -> Response {
    let mut text = String::new();
    for (name, value) in values {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                writeln!(text, "{name}:").unwrap_or_default();
                for (name, value) in inner {
                    writeln!(text, "  {name}: {}", plain(value)).unwrap_or_default();
                }
            }
            _ => writeln!(text, "{name}: {}", plain(value)).unwrap_or_default(),
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// A text that is a plain YAML scalar stands without quotes, as people know it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(text: &str) -> Result<Limits, ()> {
        OwnLimits::read(text.as_bytes())
    }

    #[test]
    fn a_request_names_limits_of_its_own() {
        let own = read(
            r#"{"maxQueryLength":"2h","maxQueryInterval":"5m","maxQueryLookback":"7d","maxEntriesLimitPerQuery":10,
            "maxQueryTime":"5s","requiredLabels":["app"],"minimumLabelsNumber":2,"maxQueryBytesRead":"1GB"}"#,
        )
        .unwrap();
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        assert_eq!((own.max_length, own.max_range, own.max_lookback), (minutes(120), minutes(5), minutes(7 * 24 * 60)));
        assert_eq!((own.max_entries, own.timeout, own.min_labels), (10, Duration::from_secs(5), 2));
        assert_eq!((own.max_bytes, own.required_labels), (Some(ByteSize(1_000_000_000)), vec!["app".to_owned()]));
        let lowest = Limits { min_labels: 3, max_entries: 5, ..Limits::default() }.lowest(&read("{}").unwrap());
        assert_eq!((lowest.min_labels, lowest.max_entries, lowest.max_series), (3, 5, 500));
        for wrong in ["", "[]", "5", r#"{"maxQueryLength":"soon"}"#, r#"{"maxQueryBytesRead":"much"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
