//! Alerts, deliveries and incidents in our own API.

use std::collections::BTreeSet;

use alert::{AlertView, Incident, IncidentAction, Report, TestSendError};
use auth::{Caller, Services};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::tz::TimeZone;
use logline::Timestamp;
use serde::{Deserialize, Serialize};

use super::params::Parameters;
use crate::app::App;
use crate::http::guard::Asker;
use crate::http::{HttpError, Note};

/// Alerts that fire.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Alerts {
    /// The oldest first.
    pub(crate) alerts: Vec<ShownAlert>,
}

/// An alert and what becomes of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownAlert {
    pub(crate) fingerprint: String,
    pub(crate) labels: std::collections::BTreeMap<String, String>,
    pub(crate) annotations: std::collections::BTreeMap<String, String>,
    pub(crate) since: String,
    pub(crate) state: String,
    pub(crate) receivers: Vec<String>,
    pub(crate) silenced_by: Vec<String>,
    pub(crate) inhibited_by: Vec<String>,
    pub(crate) orders: Vec<String>,
    pub(crate) orders_total: u64,
    pub(crate) query_url: String,
}

/// Alerts of the caller's services that fire.
pub(in crate::http) async fn alerts(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Alerts>, HttpError> {
    asked.only(&[])?;
    let mut views = seen_alerts(&app, &caller).await;
    views.sort_by_key(|view| view.alert.starts_at);
    Ok(Json(Alerts { alerts: views.into_iter().map(shown).collect() }))
}

fn shown(view: AlertView) -> ShownAlert {
    ShownAlert {
        fingerprint: format!("{:016x}", view.alert.fingerprint()),
        since: text(view.alert.starts_at),
        state: state(&view).to_owned(),
        labels: view.alert.labels,
        annotations: view.alert.annotations,
        receivers: view.receivers,
        silenced_by: view.silenced_by,
        inhibited_by: view.inhibited_by,
        orders: view.alert.evidence.orders,
        orders_total: view.alert.evidence.orders_total,
        query_url: view.alert.generator_url,
    }
}

fn state(view: &AlertView) -> &'static str {
    match (view.silenced_by.is_empty(), view.inhibited_by.is_empty()) {
        (false, _) => "silenced",
        (true, false) => "inhibited",
        (true, true) => "firing",
    }
}

/// The alerts that the caller may see.
pub(in crate::http) async fn seen_alerts(app: &App, caller: &Caller) -> Vec<AlertView> {
    seen(caller, app.desk.alerts(caller.tenant()).await)
}

/// Of some alerts those that the caller may see. What holds one back may be an alert of others, which has no name here.
pub(in crate::http) fn seen(caller: &Caller, all: Vec<AlertView>) -> Vec<AlertView> {
    let mut all: Vec<_> = all.into_iter().filter(|view| may_see(caller, &alert::services_of(&view.alert))).collect();
    if caller.scope().services() != &Services::All {
        let names: BTreeSet<String> = all.iter().map(|view| format!("{:016x}", view.alert.fingerprint())).collect();
        let holding = all.iter_mut().flat_map(|view| &mut view.inhibited_by);
        holding.filter(|name| !names.contains(*name)).for_each(|name| "another".clone_into(name));
    }
    all
}

/// What an alert is about must lie within what the caller may see; what names no service is for those who see all.
pub(in crate::http) fn may_see(caller: &Caller, services: &BTreeSet<String>) -> bool {
    let scope = caller.scope();
    match scope.services() {
        Services::All => true,
        own => !services.is_empty() && services.iter().all(|service| own.contains(service)),
    }
}

/// How many rows at most; 100 if nothing is said.
fn limit(asked: &Parameters) -> Result<u32, HttpError> {
    let limit = asked.limit(1_000)?.unwrap_or(100).min(1_000);
    Ok(u32::try_from(limit).unwrap_or(1_000))
}

fn text(time: Timestamp) -> String {
    jiff::Timestamp::from(time).to_string()
}

/// The log of deliveries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deliveries {
    /// The youngest first.
    pub(crate) deliveries: Vec<Delivery>,
    /// Destinations that do not answer.
    pub(crate) broken: Vec<String>,
}

/// One delivery.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) key: String,
    pub(crate) receiver: String,
    pub(crate) destination: String,
    pub(crate) status: String,
    pub(crate) created: String,
    pub(crate) ended: Option<String>,
    pub(crate) attempts: i64,
    pub(crate) reason: String,
}

/// What was and is delivered.
pub(in crate::http) async fn deliveries(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Deliveries>, HttpError> {
    asked.only(&["limit"])?;
    let parcels = app.desk.deliveries(caller.tenant(), limit(&asked)?).await?;
    let time = |time: std::time::SystemTime| text(time.into());
    let shown = |parcel: state::Parcel| Delivery {
        key: parcel.key,
        receiver: parcel.receiver,
        destination: parcel.destination,
        status: parcel.status.name().to_owned(),
        created: time(parcel.created),
        ended: parcel.ended.map(time),
        attempts: parcel.attempts,
        reason: parcel.reason,
    };
    Ok(Json(Deliveries { deliveries: parcels.into_iter().map(shown).collect(), broken: app.desk.broken().await }))
}

/// What a test put into the outbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TestSent {
    /// Keys of the deliveries; their log tells what came of them.
    pub(crate) keys: Vec<String>,
}

/// Sends a test to a receiver.
pub(in crate::http) async fn test_send(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<TestSent>), HttpError> {
    let sent = app.desk.test_send(caller.tenant(), &name, caller.principal()).await;
    match sent {
        Ok(keys) => Ok((StatusCode::ACCEPTED, Json(TestSent { keys }))),
        Err(TestSendError::Receiver(text)) => Err(HttpError::new(StatusCode::NOT_FOUND, text)),
        Err(TestSendError::State(error)) => Err(error.into()),
    }
}

/// A list of incidents.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Incidents {
    /// The youngest first.
    pub(crate) incidents: Vec<ShownIncident>,
}

/// An incident; times as people and programs read them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownIncident {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) severity: String,
    pub(crate) state: String,
    pub(crate) services: Vec<String>,
    pub(crate) orders: Vec<String>,
    pub(crate) orders_total: u64,
    /// Those of them that it is about now.
    pub(crate) orders_now: Vec<String>,
    pub(crate) orders_now_total: u64,
    pub(crate) alerts: u64,
    pub(crate) assignee: Option<String>,
    pub(crate) started: String,
    pub(crate) notified: Option<String>,
    pub(crate) acknowledged: Option<String>,
    pub(crate) resolved: Option<String>,
    pub(crate) timeline: Vec<ShownEvent>,
}

/// Something that happened to an incident.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownEvent {
    pub(crate) at: String,
    pub(crate) what: String,
    pub(crate) who: String,
    pub(crate) text: String,
}

fn shown_incident(incident: Incident, timeline: bool) -> ShownIncident {
    let event = |event: alert::IncidentEvent| ShownEvent {
        at: text(event.at),
        what: event.what,
        who: event.who,
        text: event.text,
    };
    let now = incident.orders_now();
    ShownIncident {
        id: incident.id,
        title: incident.title,
        severity: incident.severity,
        state: incident.state.name().to_owned(),
        services: incident.services.into_iter().collect(),
        orders: incident.orders,
        orders_total: incident.orders_total,
        orders_now: now.orders,
        orders_now_total: now.total,
        alerts: incident.alerts.len() as u64,
        assignee: incident.assignee,
        started: text(incident.started_at),
        notified: incident.notified_at.map(text),
        acknowledged: incident.acknowledged_at.map(text),
        resolved: incident.resolved_at.map(text),
        timeline: if timeline { incident.timeline.into_iter().map(event).collect() } else { Vec::new() },
    }
}

/// Incidents of the caller's services; those of the last month unless `from` and `to` say otherwise.
pub(in crate::http) async fn incidents(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Incidents>, HttpError> {
    asked.only(&["from", "to", "state", "limit"])?;
    let states = [("open", "open"), ("acknowledged", "acknowledged"), ("resolved", "resolved")];
    let wanted = asked.choice("state", &states)?;
    let mut found = found(&app, &caller, &asked).await?;
    found.retain(|incident| wanted.is_none_or(|state| incident.state.name() == state));
    found.truncate(usize::try_from(limit(&asked)?).unwrap_or(usize::MAX));
    Ok(Json(Incidents { incidents: found.into_iter().map(|incident| shown_incident(incident, false)).collect() }))
}

/// Most incidents of a report or list.
const MOST_INCIDENTS: u32 = 10_000;
const MONTH: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

async fn found(app: &App, caller: &Caller, asked: &Parameters) -> Result<Vec<Incident>, HttpError> {
    let now = app.now();
    let to = asked.time("to", &TimeZone::UTC)?.unwrap_or(Timestamp(now.0.saturating_add(1)));
    let from = asked.time("from", &TimeZone::UTC)?.unwrap_or(to.before(MONTH));
    let mut found = app.desk.incidents(caller.tenant(), from, to, MOST_INCIDENTS).await?;
    found.retain(|incident| may_see(caller, &incident.services));
    Ok(found)
}

/// How fast incidents are noticed and mended.
pub(in crate::http) async fn report(
    State(app): State<App>,
    Asker(caller): Asker,
    asked: Parameters,
) -> Result<Json<Report>, HttpError> {
    asked.only(&["from", "to"])?;
    Ok(Json(alert::report(&found(&app, &caller, &asked).await?)))
}

/// One incident with its timeline.
pub(in crate::http) async fn incident(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
) -> Result<Json<ShownIncident>, HttpError> {
    let incident = app.desk.incident(caller.tenant(), &id).await?;
    let incident = incident.filter(|incident| may_see(&caller, &incident.services)).ok_or_else(unknown)?;
    Ok(Json(shown_incident(incident, true)))
}

fn unknown() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "no incident has this id")
}

/// Somebody acknowledges, assigns, comments or resolves an incident.
pub(in crate::http) async fn act(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(id): Path<String>,
    Extension(note): Extension<Note>,
    body: Bytes,
) -> Result<Json<ShownIncident>, HttpError> {
    note.json(&body);
    let action: IncidentAction = serde_json::from_slice(&body).map_err(|_| {
        HttpError::bad_request(
            "want {\"action\":\"ack\"|\"resolve\"|\"comment\",\"comment\":\"…\"} or {\"action\":\"assign\",\"to\":\"…\"}",
        )
    })?;
    let known = app.desk.incident(caller.tenant(), &id).await?;
    known.filter(|incident| may_see(&caller, &incident.services)).ok_or_else(unknown)?;
    let done = app.desk.act(caller.tenant(), &id, action, caller.principal()).await?.ok_or_else(unknown)?;
    let incident = done.map_err(|problem| HttpError::new(StatusCode::CONFLICT, problem))?;
    Ok(Json(shown_incident(incident, true)))
}
