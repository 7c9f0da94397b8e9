//! Alertmanager's API, version 2, as far as `amtool` and silence pages ask it: alerts, groups, silences, receivers, status.

use std::collections::BTreeMap;

use alert::{AlertView, Matcher, Silence, WrittenMatcher};
use auth::{Caller, Services};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use logline::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::Asker;
use super::v1::{may_see, seen, seen_alerts};
use super::{Form, HttpError, Note};
use crate::app::App;

fn text(time: Timestamp) -> String {
    jiff::Timestamp::from(time).to_string()
}

/// Alerts that fire; `filter` (matchers), `silenced`, `inhibited`, `active` narrow them down.
pub(super) async fn alerts(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Json<Vec<Value>>, HttpError> {
    let narrow = Narrow::read(&form)?;
    let now = app.now();
    let mut views = seen_alerts(&app, &caller).await;
    views.retain(|view| narrow.fits(view));
    Ok(Json(views.iter().map(|view| alert_json(view, now)).collect()))
}

/// A time as programs write it, RFC 3339.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Time(Timestamp);

impl TryFrom<String> for Time {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.into()))
    }
}

/// An alert as it is posted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedJson {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    starts_at: Option<Time>,
    #[serde(default)]
    ends_at: Option<Time>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

/// Most alerts of one request.
const MOST_POSTED: usize = 1_000;

/// Takes in alerts of other programs; whoever may write rules may do so.
pub(super) async fn take(State(app): State<App>, Asker(caller): Asker, body: Bytes) -> Result<StatusCode, HttpError> {
    caller.require(auth::Permission::Rules)?;
    let posted: Vec<PostedJson> = serde_json::from_slice(&body)
        .map_err(|error| HttpError::bad_request(format!("the alerts cannot be read: line {}", error.line())))?;
    if posted.len() > MOST_POSTED {
        return Err(HttpError::bad_request(format!("more than {MOST_POSTED} alerts at once")));
    }
    if posted.iter().any(|alert| alert.labels.values().all(String::is_empty)) {
        return Err(HttpError::bad_request("an alert has no labels"));
    }
    // Go writes no time as the year 1.
    let time = |time: Option<Time>| time.map(|time| time.0).filter(|time| time.0 > 0);
    let alert = |posted: PostedJson| alert::PostedAlert {
        labels: posted.labels.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        annotations: posted.annotations,
        starts_at: time(posted.starts_at),
        ends_at: time(posted.ends_at),
        generator_url: posted.generator_url,
    };
    let alerts = posted.into_iter().map(alert).collect();
    app.desk.take(caller.tenant(), alerts).await.map_err(|error| HttpError::unavailable(&error))?;
    Ok(StatusCode::OK)
}

/// The same by group.
pub(super) async fn groups(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Json<Vec<Value>>, HttpError> {
    let narrow = Narrow::read(&form)?;
    let now = app.now();
    let mut groups = app.desk.groups(caller.tenant()).await;
    for group in &mut groups {
        group.alerts = seen(&caller, std::mem::take(&mut group.alerts));
        group.alerts.retain(|view| narrow.fits(view));
    }
    let shown = groups.iter().filter(|group| !group.alerts.is_empty()).map(|group| {
        let alerts: Vec<Value> = group.alerts.iter().map(|view| alert_json(view, now)).collect();
        json!({"labels": group.labels, "receiver": {"name": group.receiver}, "alerts": alerts})
    });
    Ok(Json(shown.collect()))
}

/// What a list of alerts is narrowed down by.
struct Narrow {
    matchers: Vec<Matcher>,
    receiver: Option<String>,
    silenced: bool,
    inhibited: bool,
    active: bool,
}

impl Narrow {
    fn read(form: &Form) -> Result<Self, HttpError> {
        let flag = |name: &str| form.get(name).is_none_or(|value| value != "false");
        Ok(Self {
            matchers: matchers(form)?,
            receiver: form.get("receiver").filter(|name| !name.is_empty()).map(str::to_owned),
            silenced: flag("silenced"),
            inhibited: flag("inhibited"),
            active: flag("active"),
        })
    }

    fn fits(&self, view: &AlertView) -> bool {
        let (silenced, inhibited) = (!view.silenced_by.is_empty(), !view.inhibited_by.is_empty());
        self.matchers.iter().all(|matcher| matcher.matches(&view.alert.labels))
            && self.receiver.as_ref().is_none_or(|name| view.receivers.contains(name))
            && (self.silenced || !silenced)
            && (self.inhibited || !inhibited)
            && (self.active || silenced || inhibited)
    }
}

fn matchers(form: &Form) -> Result<Vec<Matcher>, HttpError> {
    let read = form.all("filter").map(Matcher::parse).collect::<Result<Vec<_>, _>>();
    Ok(read.map_err(HttpError::bad_request)?.into_iter().flatten().collect())
}

fn alert_json(view: &AlertView, now: Timestamp) -> Value {
    let alert = &view.alert;
    let held = !view.silenced_by.is_empty() || !view.inhibited_by.is_empty();
    json!({
        "annotations": alert.annotations,
        "endsAt": text(alert.ends_at.unwrap_or_else(|| now.after(std::time::Duration::from_secs(300)))),
        "fingerprint": format!("{:016x}", alert.fingerprint()),
        "receivers": view.receivers.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "startsAt": text(alert.starts_at),
        "status": {
            "inhibitedBy": view.inhibited_by,
            "silencedBy": view.silenced_by,
            "state": if held { "suppressed" } else { "active" },
        },
        "updatedAt": text(alert.updated_at),
        "generatorURL": alert.generator_url,
        "labels": alert.labels,
    })
}

/// Silences; `filter` keeps those that have these matchers.
pub(super) async fn silences(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Json<Vec<Value>>, HttpError> {
    let wanted = matchers(&form)?;
    let now = app.now();
    let mut all = seen_silences(&app, &caller).await?;
    // A filter is about the labels that a silence names, as in Alertmanager.
    all.retain(|silence| {
        let named: BTreeMap<String, String> =
            silence.matchers.iter().map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect();
        wanted.iter().all(|matcher| matcher.matches(&named))
    });
    Ok(Json(all.iter().map(|silence| silence_json(silence, now)).collect()))
}

/// The silences about services that the caller may see.
async fn seen_silences(app: &App, caller: &Caller) -> Result<Vec<Silence>, HttpError> {
    let mut all = app.desk.silences(caller.tenant()).await?;
    all.retain(|silence| may_see(caller, &silence.services()));
    Ok(all)
}

/// Whether there is a silence of this id that the caller may not see.
async fn is_of_others(app: &App, caller: &Caller, id: &str) -> Result<bool, HttpError> {
    let all = app.desk.silences(caller.tenant()).await?;
    Ok(all.iter().any(|silence| silence.id == id && !may_see(caller, &silence.services())))
}

fn silence_json(silence: &Silence, now: Timestamp) -> Value {
    json!({
        "id": silence.id,
        "status": {"state": silence.state(now).name()},
        "updatedAt": text(silence.updated_at),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": text(silence.ends_at),
        "matchers": silence.matchers,
        "startsAt": text(silence.starts_at),
    })
}

/// A silence as it is sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    #[serde(default)]
    id: Option<String>,
    matchers: Vec<WrittenMatcher>,
    starts_at: Time,
    ends_at: Time,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

/// Makes a silence, or changes one.
pub(super) async fn put_silence(
    State(app): State<App>,
    Asker(caller): Asker,
    Extension(note): Extension<Note>,
    body: Bytes,
) -> Result<Json<Value>, HttpError> {
    note.json(&body);
    let posted: Posted = serde_json::from_slice(&body)
        .map_err(|error| HttpError::bad_request(format!("the silence cannot be read: line {}", error.line())))?;
    // Who says to have made it stands beside who really did.
    let author = match posted.created_by {
        name if name.is_empty() || name == caller.principal() => caller.principal().to_owned(),
        name => format!("{name} ({})", caller.principal()),
    };
    let silence = Silence {
        id: posted.id.unwrap_or_default(),
        tenant: caller.tenant().clone(),
        matchers: posted.matchers,
        starts_at: posted.starts_at.0,
        ends_at: posted.ends_at.0,
        updated_at: app.now(),
        created_by: author,
        comment: posted.comment,
    };
    if !may_see(&caller, &silence.services()) {
        let text = "a silence of yours must name services that you may see, as in service_name=\"shop-api\"";
        return Err(HttpError::new(StatusCode::FORBIDDEN, text));
    }
    if is_of_others(&app, &caller, &silence.id).await? {
        return Err(unknown());
    }
    let id = app.desk.put_silence(silence).await?.map_err(HttpError::bad_request)?;
    Ok(Json(json!({"silenceID": id})))
}

/// One silence.
pub(super) async fn silence(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let all = seen_silences(&app, &caller).await?;
    let found = all.iter().find(|silence| silence.id == id).ok_or_else(unknown)?;
    Ok(Json(silence_json(found, app.now())))
}

/// Ends a silence.
pub(super) async fn expire_silence(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
) -> Result<StatusCode, HttpError> {
    if is_of_others(&app, &caller, &id).await? {
        return Err(unknown());
    }
    if app.desk.expire_silence(caller.tenant(), &id).await? { Ok(StatusCode::OK) } else { Err(unknown()) }
}

fn unknown() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "no silence that has not ended has this id")
}

/// Names of receivers: all for who sees everything, else those of the alerts that are seen.
pub(super) async fn receivers(State(app): State<App>, Asker(caller): Asker) -> Json<Vec<Value>> {
    let mut names = app.desk.receivers();
    if *caller.scope().services() != Services::All {
        let views = seen_alerts(&app, &caller).await;
        names.retain(|name| views.iter().any(|view| view.receivers.contains(name)));
    }
    Json(names.into_iter().map(|name| json!({"name": name})).collect())
}

/// What `amtool` asks first. The file of routes may hold secrets, so only that it is there is told.
pub(super) async fn status(State(app): State<App>) -> Json<Value> {
    let begun = app.clock.now() - app.uptime();
    Json(json!({
        "cluster": {"status": "disabled", "peers": []},
        "versionInfo": {
            "version": env!("CARGO_PKG_VERSION"),
            "revision": "lapidary",
            "branch": "main",
            "buildUser": "lapidary",
            "buildDate": "",
            "goVersion": "none",
        },
        "config": {"original": ""},
        "uptime": text(begun.into()),
    }))
}
