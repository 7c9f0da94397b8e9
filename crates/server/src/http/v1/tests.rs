//! The description of the API against what the API really sends.

use std::collections::BTreeSet;

use serde_json::{Value, json};

fn description() -> Value {
    serde_json::from_str(include_str!("../openapi.json")).unwrap()
}

/// Checks a value against a schema of the description: fields, required ones, types; unknown fields are errors.
fn check(schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    let description = description();
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return check(&description["components"]["schemas"][name], value, at, problems);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        if !value.is_null() {
            check(&choices[0], value, at, problems);
        }
        return;
    }
    let kinds: BTreeSet<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = kinds.contains(kind) || (kind == "integer" && kinds.contains("number"));
    if !fits {
        problems.push(format!("{at} is {kind}, described as {kinds:?}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], item, &format!("{at}[{index}]"), problems);
    }
    let Some(fields) = value.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(required) {
            problems.push(format!("{at}.{required} is missing"));
        }
    }
    // The further fields of a deviation depend on its kind.
    let open = schema["description"].as_str().is_some_and(|text| text.contains("further fields"));
    for (name, field) in fields {
        match schema["properties"].get(name) {
            Some(described) => check(described, field, &format!("{at}.{name}"), problems),
            None if open => {}
            None => problems.push(format!("{at}.{name} is not described")),
        }
    }
}

#[track_caller]
fn assert_described<T: serde::de::DeserializeOwned + serde::Serialize>(name: &str, sample: Value) {
    // Through our own type and back, so that the sample holds just what the type has.
    let typed: T = serde_json::from_value(sample).unwrap();
    let mut problems = Vec::new();
    check(
        &json!({"$ref": format!("#/components/schemas/{name}")}),
        &serde_json::to_value(&typed).unwrap(),
        name,
        &mut problems,
    );
    assert!(problems.is_empty(), "{problems:#?}");
}

const TIME: &str = "2026-11-22T10:00:00Z";

#[test]
fn stories_lists_and_summaries_are_as_described() {
    let stuck = json!({"reason": "deadline", "due": TIME, "overdue_ms": 5});
    let event = json!({"id": "e", "time": TIME, "service": "crm-api", "kind": "resp", "endpoint": "POST /x", "dir": "in", "peer": null, "from": "A",
        "status": "B", "http_status": 500, "duration_ms": 1.5, "attempt": 2, "failed": true, "trace_id": "t", "request_id": "r",
        "line": {"access": "shown", "text": "line"}});
    let step = json!({"status": "B", "service": "crm-api", "owner": null, "evidence": "line", "entered": TIME, "left": null, "dwell_ms": 5,
        "deadline_ms": 3, "visit": 1, "events": [event]});
    assert_described::<orders::Story>(
        "Story",
        json!({"type": "order", "id": "4711", "as_of": TIME, "first": TIME, "last": TIME, "closed": false,
        "status": "B", "owner": "mes-api", "stuck": stuck, "total_ms": 9, "services": ["crm-api"], "steps": [step], "ahead": ["C"],
        "deviations": [{"step": 0, "time": TIME, "kind": "unknown_edge", "from": "A", "to": "B"}],
        "failures": [{"time": TIME, "step": 0, "service": "crm-api", "endpoint": "POST /x", "peer": null, "http_status": 500, "error": null, "hidden": true, "attempt": null, "trace_id": null}],
        "retries": [{"service": "crm-api", "endpoint": "POST /x", "peer": "mes-api", "attempts": 3, "succeeded": false, "first": TIME, "last": TIME}],
        "traces": [{"trace_id": "t", "first": TIME, "events": 1, "services": ["crm-api"], "failed": true}],
        "related": [{"type": "model", "id": "m"}], "hidden_lines": 0, "truncated": false}),
    );
    assert_described::<orders::Page>(
        "Page",
        json!({"as_of": TIME, "loading": false, "total": 1, "next": null, "items": [{"type": "order", "id": "1", "status": "B", "since": TIME,
        "waits_ms": 5, "owner": "crm-api", "deadline_ms": 3, "stuck": stuck, "last_event": TIME,
        "last_error": {"time": TIME, "service": "crm-api", "endpoint": "x", "http_status": 500, "error": "e", "hidden": false, "trace_id": "t"}}]}),
    );
    assert_described::<orders::Summary>(
        "Summary",
        json!({"as_of": TIME, "loading": false, "dropped": 0, "types": [{"type": "order", "open": 1, "stuck": 1,
        "statuses": [{"status": "B", "owner": "crm-api", "open": 1, "stuck": 1, "deadline_ms": 3, "longest_ms": 5}]}]}),
    );
}

#[test]
fn jobs_are_as_described() {
    assert_described::<super::Jobs>(
        "Jobs",
        json!({"jobs": [{"id": 1, "kind": "compact", "table": "logs", "subject": "tenant=fake/day=2026-11-22", "state": "running", "done": 5,
        "total": 9, "started": TIME, "ended": null, "reason": null}]}),
    );
}

/// An answer about all objects of a type: what all of them have, and this.
fn about(fields: &Value) -> Value {
    let mut all =
        json!({"as_of": TIME, "loading": false, "type": "order", "objects": 3, "open": 1, "complete_since": TIME});
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

#[test]
fn analyses_are_as_described() {
    let spans = json!({"mean_ms": 5, "p50_ms": 4, "p75_ms": 5, "p90_ms": 6, "p95_ms": 7, "p99_ms": null, "limit_ms": 9, "over": 1, "working": true, "with_failures": 1});
    let with = |more: Value| -> Value {
        let mut all = spans.clone();
        more.as_object().unwrap().iter().for_each(|(name, value)| all[name] = value.clone());
        all
    };
    let status = with(json!({"status": "A", "owner": "x", "left": 2, "waiting": 1, "longest_ms": 8}));
    let edge = with(json!({"from": "A", "to": "B", "known": true, "count": 2, "failures": 3, "error_rate": 0.5}));
    assert_described::<orders::Dwell>("Dwell", about(&json!({"statuses": [status], "edges": [edge]})));
    let variant = json!({"statuses": ["A", "B"], "count": 2, "share": 0.6, "closed": 1, "median_ms": 5, "mean_ms": 6, "conforming": 1, "deviations": ["skipped"]});
    assert_described::<orders::Variants>("Variants", about(&json!({"total": 2, "variants": [variant]})));
    let deviation = json!({"kind": "skipped", "from": "A", "status": "C", "service": null, "objects": 1, "times": 1, "examples": ["1"]});
    assert_described::<orders::Conformance>(
        "Conformance",
        about(&json!({"conforming": 2, "fitness": 0.6, "deviations": [deviation]})),
    );
    let row = json!({"cohort": "2026-11-16", "started": 2, "closed": 1, "steps": [{"status": "A", "reached": 2, "share": 1.0, "median_ms": 0}]});
    assert_described::<orders::Funnel>("Funnel", about(&json!({"by": "week", "total": row, "cohorts": [row]})));
    let ratings = json!({"count": 2, "mean": 4.5, "satisfied": 1.0});
    let attainment = json!({"name": "n", "from": "A", "to": "B", "within_ms": 5, "working": false, "target": 0.95, "window_ms": 9, "good": 1, "bad": 1,
        "pending": 1, "attained": 0.5, "met": false, "budget": 0.1, "budget_left": -9.0, "burn": [{"window_ms": 5, "outcomes": 2, "bad": 1, "rate": 10.0}],
        "ratings_good": ratings, "ratings_bad": ratings, "examples": ["1"]});
    assert_described::<orders::Sla>("Sla", about(&json!({"objectives": [attainment]})));
    let day = json!({"day": "2026-11-22", "started": 1, "closed": 1, "changes": 4, "after_failures": 1});
    assert_described::<orders::Throughput>("Throughput", about(&json!({"days": [day]})));
    let picture = json!({"discovered": false, "statuses": [{"name": "A", "owner": "x", "known": true, "end": false, "waiting": 1, "median_ms": 5, "limit_ms": 9}],
        "edges": [{"from": "A", "to": "B", "known": true, "count": 2, "median_ms": 5}], "document": "object = \"order\""});
    assert_described::<orders::Picture>("Picture", about(&picture));
}

#[test]
fn incidents_are_as_described() {
    let error = json!({"time": TIME, "service": "crm-api", "endpoint": "x", "http_status": 500, "error": "e", "hidden": false, "trace_id": "t"});
    assert_described::<orders::Incidents>(
        "Incidents",
        json!({"as_of": TIME, "loading": false, "incidents": [{"id": "order/A/x/missing", "type": "order", "status": "A", "service": "x", "reason": "missing",
        "awaits": {"services": ["y"], "endpoint": null, "status": null, "within_ms": 5}, "since": TIME, "newest": TIME, "total": 1,
        "orders": [{"id": "1", "entered": TIME, "due": TIME, "overdue_ms": 5}], "last_error": error}]}),
    );
}

#[test]
fn alerts_deliveries_and_incidents_are_as_described() {
    assert_described::<super::Alerts>(
        "Alerts",
        json!({"alerts": [{"fingerprint": "00000000000000ff", "labels": {"alertname": "OrderStuck"}, "annotations": {"summary": "s"},
        "since": TIME, "state": "firing", "receivers": ["ops"], "silenced_by": [], "inhibited_by": [], "orders": ["4711"],
        "orders_total": 1, "query_url": ""}]}),
    );
    assert_described::<super::Deliveries>(
        "Deliveries",
        json!({"deliveries": [{"key": "k", "receiver": "ops", "destination": "telegram:-1", "status": "sent", "created": TIME,
        "ended": TIME, "attempts": 1, "reason": ""}], "broken": ["telegram:-1"]}),
    );
    assert_described::<super::TestSent>("TestSent", json!({"keys": ["k"]}));
    assert_described::<super::Incidents>(
        "IncidentList",
        json!({"incidents": [{"id": "i", "title": "OrderStuck", "severity": "critical", "state": "open", "services": ["mes"],
        "orders": ["4711"], "orders_total": 1, "orders_now": ["4711"], "orders_now_total": 1, "alerts": 1, "assignee": null, "started": TIME, "notified": TIME,
        "acknowledged": null, "resolved": null, "timeline": [{"at": TIME, "what": "opened", "who": "system", "text": ""}]}]}),
    );
    let delay = json!({"count": 1, "mean_seconds": 1.5, "median_seconds": 1.5, "p90_seconds": 1.5});
    let row = json!({"name": "all", "incidents": 1, "detect": delay, "acknowledge": delay, "resolve": delay});
    assert_described::<alert::Report>("IncidentReport", json!({"all": row, "rules": [row], "services": [row]}));
}
