//! Loki's ruler: rules and alerts as Prometheus shows them, and groups of rules as they are written, to be kept.

use alert::eval::{Error, Failure, GroupReport, Instance, RuleReport};
use alert::rule::{RawGroup, Role};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Json};
use logline::Timestamp;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::http::{Asker, Form, HttpError, Note};
use crate::rules::noted;

/// What Prometheus writes for a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Groups of rules in Prometheus's shape, and their alerts, as far as the caller may see them.
pub(crate) async fn groups(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Json<Value>, Json<Value>> {
    let wanted = Wanted::of(&form)
        .map_err(|problem| Json(json!({"status": "error", "data": null, "errorType": "bad_data", "error": problem})))?;
    let reports = app.rules.reports(&caller.scope());
    let groups = reports.iter().filter_map(|report| group(report, &wanted));
    Ok(success(json!({"groups": groups.collect::<Vec<_>>()})))
}

/// Alerts that fire or wait, as far as the caller may see them.
pub(crate) async fn alerts(State(app): State<App>, Asker(caller): Asker) -> Json<Value> {
    let reports = app.rules.reports(&caller.scope());
    let rules = reports.iter().flat_map(|report| &report.rules);
    success(json!({"alerts": rules.flat_map(|rule| &rule.alerts).map(alert).collect::<Vec<_>>()}))
}

/// The groups that are kept and those of files, as far as the caller may see them, as YAML by namespace; Loki has no word for an empty list but this one.
pub(crate) async fn list(State(app): State<App>, Asker(caller): Asker, form: Form) -> Result<Response, HttpError> {
    let mut all = app.rules.written(&caller.scope());
    for groups in all.values_mut() {
        groups.retain(|group| has_labels(group, &form));
    }
    all.retain(|namespace, groups| namespace != alert::eval::DEFAULTS && !groups.is_empty());
    if all.is_empty() {
        return Err(HttpError::new(StatusCode::NOT_FOUND, "no rule groups found"));
    }
    yaml(&all)
}

/// What can be done with the groups of a namespace.
pub(crate) fn in_namespace() -> MethodRouter<App> {
    get(namespace).post(keep).delete(forget_namespace)
}

/// What can be done with one group.
pub(crate) fn in_group() -> MethodRouter<App> {
    get(one).delete(forget)
}

/// The groups of one namespace.
async fn namespace(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(namespace): Path<String>,
) -> Result<Response, HttpError> {
    let mut all = app.rules.written(&caller.scope());
    all.retain(|name, _| *name == namespace);
    if all.is_empty() {
        return Err(HttpError::new(StatusCode::NOT_FOUND, "no rule groups found"));
    }
    yaml(&all)
}

/// One group.
async fn one(
    State(app): State<App>,
    Asker(caller): Asker,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let mut all = app.rules.written(&caller.scope());
    let groups = all.remove(&namespace).unwrap_or_default();
    match groups.into_iter().find(|group| group.name == name) {
        Some(group) => yaml(&group),
        None => Err(HttpError::new(StatusCode::NOT_FOUND, "group does not exist")),
    }
}

/// Keeps a group, which runs under the caller's rights from now on.
async fn keep(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(namespace): Path<String>,
    Extension(note): Extension<Note>,
    body: Bytes,
) -> Result<Response, HttpError> {
    let text = std::str::from_utf8(&body).map_err(|_| HttpError::bad_request("the group is not UTF-8"))?;
    note.say(|| noted(text));
    app.rules.keep(&caller.scope(), &namespace, text).await.map_err(refused)?;
    Ok(accepted())
}

/// Forgets the groups of a namespace.
async fn forget_namespace(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(namespace): Path<String>,
) -> Result<Response, HttpError> {
    app.rules.forget(&caller.scope(), &namespace, None).await.map_err(refused)?;
    Ok(accepted())
}

/// Forgets one group.
async fn forget(
    State(app): State<App>,
    Asker(caller): Asker,
    Path((namespace, name)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    app.rules.forget(&caller.scope(), &namespace, Some(&name)).await.map_err(refused)?;
    Ok(accepted())
}

/// An error of the evaluator as an answer.
fn refused(error: Error) -> HttpError {
    match error {
        Error::Invalid(text) => HttpError::bad_request(text),
        Error::NotFound => HttpError::new(StatusCode::NOT_FOUND, error.to_string()),
        Error::ReadOnly(_) => HttpError::new(StatusCode::CONFLICT, error.to_string()),
        Error::Unavailable(_) => HttpError::unavailable(&error),
    }
}

fn success(data: impl Into<Value>) -> Json<Value> {
    let data: Value = data.into();
    Json(json!({"status": "success", "data": data, "errorType": "", "error": ""}))
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, success(Value::Null)).into_response()
}

fn yaml(what: &impl serde::Serialize) -> Result<Response, HttpError> {
    let text = serde_yaml_ng::to_string(what).map_err(|error| HttpError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text).into_response())
}

/// `labels=a:b,c:d`: only groups with a rule that has all of them.
fn has_labels(group: &RawGroup, form: &Form) -> bool {
    let pairs: Vec<(&str, &str)> =
        form.all("labels").flat_map(|text| text.split(',')).filter_map(|pair| pair.split_once(':')).collect();
    pairs.is_empty()
        || group
            .rules
            .iter()
            .any(|rule| pairs.iter().all(|(name, value)| rule.labels.get(*name).is_some_and(|own| own == value)))
}

/// What the caller wants to see of all rules.
#[derive(Debug, Default)]
struct Wanted {
    role: Option<Role>,
    files: Vec<String>,
    groups: Vec<String>,
    rules: Vec<String>,
}

impl Wanted {
    fn of(form: &Form) -> Result<Self, String> {
        let role = match form.get("type").map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("alert") => Some(Role::Alert),
            Some("record") => Some(Role::Record),
            Some(other) => return Err(format!("not supported value \"{other}\"")),
        };
        let all = |name: &str| {
            let list = format!("{name}[]");
            form.all(name).chain(form.all(&list)).map(str::to_owned).collect::<Vec<_>>()
        };
        Ok(Self { role, files: all("file"), groups: all("rule_group"), rules: all("rule_name") })
    }
}

fn named(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| one == name)
}

/// A group with the rules that are wanted; none if none of them is.
fn group(report: &GroupReport, wanted: &Wanted) -> Option<Value> {
    let filtered = wanted.role.is_some() || !wanted.rules.is_empty();
    let fits =
        |rule: &&RuleReport| wanted.role.is_none_or(|role| role == rule.role) && named(&wanted.rules, &rule.name);
    let rules: Vec<Value> = report.rules.iter().filter(fits).map(rule).collect();
    if !named(&wanted.files, &report.key.namespace)
        || !named(&wanted.groups, &report.key.group)
        || (filtered && rules.is_empty())
    {
        return None;
    }
    Some(json!({
        "name": report.key.group,
        "file": report.key.namespace,
        "rules": rules,
        "interval": report.interval.as_secs_f64(),
        "limit": report.limit,
        "lastEvaluation": time(report.evaluated),
        "evaluationTime": report.took.as_secs_f64(),
    }))
}

fn rule(rule: &RuleReport) -> Value {
    let health = match (&rule.failure, rule.evaluated) {
        (Some(Failure::Failed(_)), _) => "err",
        (None, Some(_)) => "ok",
        (Some(Failure::Waits(_)), _) | (None, None) => "unknown",
    };
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    if rule.role == Role::Alert {
        set("state", json!(rule.standing.name()));
        set("duration", json!(rule.wait.as_secs_f64()));
        set("keepFiringFor", json!(rule.keep.as_secs_f64()));
        set("annotations", json!(rule.annotations));
        set("alerts", json!(rule.alerts.iter().map(alert).collect::<Vec<_>>()));
    }
    set("name", json!(rule.name));
    set("query", json!(rule.query));
    set("labels", json!(rule.labels));
    set("health", json!(health));
    set("lastError", json!(rule.failure.as_ref().map(ToString::to_string).unwrap_or_default()));
    set("type", json!(if rule.role == Role::Alert { "alerting" } else { "recording" }));
    set("lastEvaluation", json!(time(rule.evaluated)));
    set("evaluationTime", json!(rule.took.as_secs_f64()));
    Value::Object(shown)
}

fn alert(alert: &Instance) -> Value {
    let mut shown = json!({
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": alert.standing.name(),
        "activeAt": time(Some(alert.active_at)),
        "value": go_float(alert.value),
    });
    if let (Some(since), Value::Object(fields)) = (alert.keep_since, &mut shown) {
        fields.insert("keepFiringSince".to_owned(), json!(time(Some(since))));
    }
    shown
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| NEVER.to_owned(), |time| jiff::Timestamp::from(time).to_string())
}

/// `1.5e+02`, as Go formats the values of alerts.
fn go_float(value: f64) -> String {
    if !value.is_finite() {
        let infinite = if value > 0.0 { "+Inf" } else { "-Inf" };
        return if value.is_nan() { "NaN" } else { infinite }.to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_go_writes_them() {
        let shown = [0.0, 1.0, 150.0, 0.025, -3.5, f64::INFINITY, f64::NAN].map(go_float);
        assert_eq!(shown, ["0e+00", "1e+00", "1.5e+02", "2.5e-02", "-3.5e+00", "+Inf", "NaN"]);
    }

    #[test]
    fn a_rule_that_waits_is_neither_well_nor_ill_and_says_why() {
        let shown = |failure: Option<Failure>, evaluated: Option<Timestamp>| {
            let report = RuleReport {
                name: "R".to_owned(),
                query: String::new(),
                role: Role::Alert,
                wait: <_>::default(),
                keep: <_>::default(),
                labels: <_>::default(),
                annotations: <_>::default(),
                standing: <_>::default(),
                alerts: Vec::new(),
                failure,
                evaluated,
                took: <_>::default(),
            };
            let shown = rule(&report);
            [&shown["health"], &shown["lastError"]].map(|value| value.as_str().unwrap().to_owned())
        };
        let at = Some(Timestamp(1));
        assert_eq!(shown(Some(Failure::Waits("orders are read")), at), ["unknown", "orders are read"]);
        assert_eq!(shown(Some(Failure::Failed("broken".to_owned())), at), ["err", "broken"]);
        assert_eq!(shown(None, at), ["ok", ""]);
        assert_eq!(shown(None, None), ["unknown", ""]);
    }

    #[test]
    fn groups_are_found_by_labels_of_their_rules() {
        let group: RawGroup =
            serde_yaml_ng::from_str("{name: g, rules: [{alert: A, expr: 'vector(1)', labels: {team: shop}}]}").unwrap();
        assert!(has_labels(&group, &Form::of("")));
        assert!(has_labels(&group, &Form::of("labels=team:shop")));
        assert!(!has_labels(&group, &Form::of("labels=team:shop,severity:page")));
    }
}
