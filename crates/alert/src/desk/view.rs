//! What people and programs ask of the desk and tell it: alerts, groups, silences, incidents, deliveries, a test.

use std::collections::BTreeMap;

use logline::{Tenant, Timestamp};
use state::{NoticeChange, Parcel};

use super::{Book, Desk, SILENCE, new_id, row, short};
use crate::incident::{Incident, IncidentAction};
use crate::message::Notification;
use crate::outbox::to_system;
use crate::route::label_text;
use crate::silence::{Silence, SilenceState};
use crate::{ALERTNAME, Alert, Evidence, Notify as _, NotifyError, RuleRef};

/// An alert and what becomes of it.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// The alert.
    pub alert: Alert,
    /// Names of those who are told.
    pub receivers: Vec<String>,
    /// Silences that hold it back.
    pub silenced_by: Vec<String>,
    /// The alert that holds it back, by fingerprint.
    pub inhibited_by: Vec<String>,
}

/// An alert as another program posts it.
#[derive(Clone, Debug, Default)]
pub struct PostedAlert {
    /// What tells it from every other.
    pub labels: BTreeMap<String, String>,
    /// What it says.
    pub annotations: BTreeMap<String, String>,
    /// When it began; now if not said.
    pub starts_at: Option<Timestamp>,
    /// When it ends or ended.
    pub ends_at: Option<Timestamp>,
    /// A page about it.
    pub generator_url: String,
}

/// Alerts that are told together.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// What they have in common.
    pub labels: BTreeMap<String, String>,
    /// Who is told.
    pub receiver: String,
    /// The alerts.
    pub alerts: Vec<AlertView>,
}

/// Why a test was not put into the outbox.
#[derive(Debug, thiserror::Error)]
pub enum TestSendError {
    /// There is no such receiver, or it has no way to be told.
    #[error("{0}")]
    Receiver(String),
    /// The state database.
    #[error(transparent)]
    State(#[from] state::Error),
}

/// Silences that ended are remembered so long.
const SILENCE_KEPT: std::time::Duration = std::time::Duration::from_secs(5 * 86_400);
/// Silences of one tenant that have not ended.
const MOST_SILENCES: usize = 1_000;

impl Desk {
    /// Alerts of a tenant that fire.
    pub async fn alerts(&self, tenant: &Tenant) -> Vec<AlertView> {
        let mut book = self.book.lock().await;
        let now: Timestamp = self.clock.now().into();
        if let Err(error) = book.refresh(&self.state, now).await {
            tracing::warn!(%error, "alerts are shown as they were known last");
        }
        let own = book.dispatcher.alerts().filter(|alert| alert.tenant == *tenant && !alert.is_resolved_at(now));
        let firing = book.dispatcher.firing(tenant, now);
        own.map(|alert| self.view(&book, alert, &firing, now)).collect()
    }

    fn view(&self, book: &Book, alert: &Alert, firing: &[&Alert], now: Timestamp) -> AlertView {
        let inhibitor = book.dispatcher.inhibitor(alert, firing);
        let routes = self.routing.route.matching(&alert.labels);
        let silences = book.silences.holding(&alert.tenant, &alert.labels, now);
        AlertView {
            receivers: routes.into_iter().map(|route| route.receiver.clone()).collect(),
            silenced_by: silences.into_iter().map(str::to_owned).collect(),
            inhibited_by: inhibitor.map(|by| format!("{:016x}", by.fingerprint())).into_iter().collect(),
            alert: alert.clone(),
        }
    }

    /// The same by group.
    pub async fn groups(&self, tenant: &Tenant) -> Vec<GroupView> {
        let mut groups: BTreeMap<(String, String), GroupView> = BTreeMap::new();
        for view in self.alerts(tenant).await {
            for route in self.routing.route.matching(&view.alert.labels) {
                let labels = route.group_by.labels(&view.alert.labels);
                let key = (route.id.clone(), label_text(&labels));
                let receiver = route.receiver.clone();
                let group = groups.entry(key).or_insert_with(|| GroupView { labels, receiver, alerts: Vec::new() });
                group.alerts.push(view.clone());
            }
        }
        groups.into_values().collect()
    }

    /// Takes in alerts of other programs, as they are posted to Alertmanager. One that does not say when it ends fires for
    /// `resolve_timeout` unless it comes again.
    ///
    /// # Errors
    /// They may not be kept.
    pub async fn take(&self, tenant: &Tenant, posted: Vec<PostedAlert>) -> Result<(), NotifyError> {
        let now: Timestamp = self.clock.now().into();
        let end = now.after(self.routing.resolve_timeout);
        let alert = |posted: PostedAlert| Alert {
            tenant: tenant.clone(),
            rule: RuleRef {
                namespace: "api".to_owned(),
                name: posted.labels.get(ALERTNAME).cloned().unwrap_or_default(),
                kind: "external".to_owned(),
                ..RuleRef::default()
            },
            starts_at: posted.starts_at.unwrap_or(now),
            ends_at: Some(posted.ends_at.unwrap_or(end)),
            updated_at: now,
            value: 1.0,
            generator_url: posted.generator_url,
            labels: posted.labels,
            annotations: posted.annotations,
            evidence: Evidence::default(),
        };
        // An alert that is known began when it began.
        let mut alerts: Vec<Alert> = posted.into_iter().map(alert).collect();
        let mut book = self.book.lock().await;
        book.refresh(&self.state, now).await.map_err(|error| NotifyError(error.to_string()))?;
        for alert in &mut alerts {
            let known = book.dispatcher.get(tenant, alert.fingerprint()).filter(|known| !known.is_resolved_at(now));
            if let Some(known) = known {
                alert.starts_at = alert.starts_at.min(known.starts_at);
            }
        }
        drop(book);
        self.notify(alerts).await
    }

    /// Names of all receivers.
    pub fn receivers(&self) -> Vec<String> {
        self.routing.receivers.keys().cloned().collect()
    }

    /// The file of routes as it was read; empty when routes come from settings.
    pub fn source(&self) -> &str {
        &self.routing.source
    }

    /// How long an alert of others fires that does not say when it ends.
    pub fn resolve_timeout(&self) -> std::time::Duration {
        self.routing.resolve_timeout
    }

    /// Silences of a tenant, those that hold first.
    ///
    /// # Errors
    /// The state database cannot be read.
    pub async fn silences(&self, tenant: &Tenant) -> state::Result<Vec<Silence>> {
        let mut book = self.book.lock().await;
        book.refresh_silences(&self.state).await?;
        let now: Timestamp = self.clock.now().into();
        let mut all: Vec<Silence> = book.silences.list(tenant).cloned().collect();
        let rank = |silence: &Silence| match silence.state(now) {
            SilenceState::Active => 0,
            SilenceState::Pending => 1,
            SilenceState::Expired => 2,
        };
        all.sort_by_key(|silence| (rank(silence), silence.ends_at, silence.id.clone()));
        Ok(all)
    }

    /// Keeps a silence. One with the id of another that has not ended and has the same matchers takes its place; otherwise
    /// the other one ends. Gives the id.
    ///
    /// # Errors
    /// Inner: what is wrong with it. Outer: the state database.
    pub async fn put_silence(&self, mut silence: Silence) -> state::Result<Result<String, String>> {
        let mut book = self.book.lock().await;
        book.refresh_silences(&self.state).await?;
        let now: Timestamp = self.clock.now().into();
        silence.updated_at = now;
        if let Err(problem) = silence.check(now) {
            return Ok(Err(problem));
        }
        let live = book.silences.list(&silence.tenant).filter(|one| one.state(now) != SilenceState::Expired).count();
        if live >= MOST_SILENCES {
            return Ok(Err(format!("{MOST_SILENCES} silences are there, which is the limit; expire some")));
        }
        if !silence.id.is_empty() {
            let Some(known) = book.silences.get(&silence.tenant, &silence.id).cloned() else {
                return Ok(Err("no silence has this id; leave `id` out for a new one".to_owned()));
            };
            let state = known.state(now);
            if state == SilenceState::Active && known.matchers == silence.matchers {
                silence.starts_at = known.starts_at;
            } else if state != SilenceState::Pending || known.matchers != silence.matchers {
                if state != SilenceState::Expired {
                    self.write_silence(&mut book, Silence { ends_at: now, updated_at: now, ..known }).await?;
                }
                silence.id.clear();
            }
        }
        if silence.id.is_empty() {
            silence.id = new_id(&mut book.rng);
            // A silence cannot have held before it was made.
            silence.starts_at = silence.starts_at.max(now);
        }
        let id = silence.id.clone();
        self.write_silence(&mut book, silence).await?;
        Ok(Ok(id))
    }

    /// Ends a silence. False when there is none with this id that has not ended.
    ///
    /// # Errors
    /// The state database.
    pub async fn expire_silence(&self, tenant: &Tenant, id: &str) -> state::Result<bool> {
        let mut book = self.book.lock().await;
        book.refresh_silences(&self.state).await?;
        let now: Timestamp = self.clock.now().into();
        let Some(known) = book.silences.get(tenant, id).filter(|one| one.state(now) != SilenceState::Expired) else {
            return Ok(false);
        };
        let starts_at = known.starts_at.min(now);
        let ended = Silence { starts_at, ends_at: now, updated_at: now, ..known.clone() };
        self.write_silence(&mut book, ended).await?;
        Ok(true)
    }

    async fn write_silence(&self, book: &mut Book, silence: Silence) -> state::Result<()> {
        let (id, author) = (silence.id.clone(), silence.created_by.clone());
        self.state.documents(SILENCE).put(&id, &silence, &author, self.clock.now()).await?;
        book.silences.put(silence);
        self.wake.notify_one();
        Ok(())
    }

    /// Forgets silences that ended long ago.
    pub(super) async fn expire_old(&self, now: Timestamp) -> state::Result<()> {
        let mut book = self.book.lock().await;
        let old = book.silences.every().filter(|silence| silence.ends_at.after(SILENCE_KEPT) <= now);
        let old: Vec<String> = old.map(|silence| silence.id.clone()).collect();
        for id in old {
            match self.state.documents(SILENCE).remove(&id).await {
                Err(error) if error.kind() != state::Kind::NotFound => return Err(error),
                _ => book.silences.remove(&id),
            }
        }
        Ok(())
    }

    /// Incidents of a tenant that started in a stretch of time, the youngest first.
    ///
    /// # Errors
    /// The state database cannot be read.
    pub async fn incidents(
        &self,
        tenant: &Tenant,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> state::Result<Vec<Incident>> {
        self.state.notices().incidents(tenant.as_str(), to_system(from), to_system(to), limit).await
    }

    /// One incident.
    ///
    /// # Errors
    /// The state database cannot be read.
    pub async fn incident(&self, tenant: &Tenant, id: &str) -> state::Result<Option<Incident>> {
        self.state.notices().incident(tenant.as_str(), id).await
    }

    /// A person does something to an incident. `None` when there is none with this id.
    ///
    /// # Errors
    /// Inner: it cannot be done. Outer: the state database.
    pub async fn act(
        &self,
        tenant: &Tenant,
        id: &str,
        action: IncidentAction,
        who: &str,
    ) -> state::Result<Option<Result<Incident, String>>> {
        let mut book = self.book.lock().await;
        let now: Timestamp = self.clock.now().into();
        book.refresh(&self.state, now).await?;
        let known = book.incidents.values().find(|one| one.id == id && one.tenant == *tenant).cloned();
        let known = match known {
            Some(known) => Some(known),
            None => self.incident(tenant, id).await?,
        };
        let Some(mut incident) = known else { return Ok(None) };
        if let Err(problem) = incident.act(action, who, now) {
            return Ok(Some(Err(problem)));
        }
        self.apply(&mut book, &[NoticeChange::PutIncident(row(&incident)?)], now).await?;
        if book.incidents.get(&incident.key).is_some_and(|one| one.id == incident.id) {
            book.incidents.insert(incident.key.clone(), incident.clone());
        }
        Ok(Some(Ok(incident)))
    }

    /// What was and is delivered for a tenant, the youngest first.
    ///
    /// # Errors
    /// The state database cannot be read.
    pub async fn deliveries(&self, tenant: &Tenant, limit: u32) -> state::Result<Vec<Parcel>> {
        self.state.outbox().list(tenant.as_str(), limit).await
    }

    /// Destinations that do not answer.
    pub async fn broken(&self) -> Vec<String> {
        self.courier.broken().await
    }

    /// Puts a test for a receiver into the outbox, through each of its integrations; gives the keys of the deliveries.
    ///
    /// # Errors
    /// There is nobody to send to, or the state database.
    pub async fn test_send(&self, tenant: &Tenant, name: &str, who: &str) -> Result<Vec<String>, TestSendError> {
        let Some(receiver) = self.receiver(name) else {
            let known = self.receivers().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(TestSendError::Receiver(format!("no receiver is called `{name}`; there are {known}")));
        };
        if receiver.integrations.is_empty() {
            return Err(TestSendError::Receiver(format!("receiver `{name}` has no way to be told; configure one")));
        }
        let now: Timestamp = self.clock.now().into();
        let mut changes = Vec::new();
        for (place, integration) in (0..).zip(&receiver.integrations) {
            let notification = test(tenant, name, who, &receiver.style, now);
            let key = format!("test\n{}\n{}", integration.id, now.0);
            changes.push(NoticeChange::Enqueue(self.pack(&key, &key, integration, notification, place, now)?));
        }
        self.state.notices().apply(&changes, to_system(now)).await?;
        self.wake.notify_one();
        let keys = receiver.integrations.iter().map(|one| short(&format!("test\n{}\n{}", one.id, now.0)));
        Ok(keys.collect())
    }
}

fn test(tenant: &Tenant, name: &str, who: &str, style: &crate::message::Style, now: Timestamp) -> Notification {
    let summary = style
        .language
        .pick("nothing is wrong; this is a test, asked for by", "всё в порядке; это проверка, её запросил");
    let labels =
        BTreeMap::from([(ALERTNAME.to_owned(), "Test".to_owned()), ("severity".to_owned(), "info".to_owned())]);
    let alert = Alert {
        tenant: tenant.clone(),
        labels: labels.clone(),
        annotations: BTreeMap::from([("summary".to_owned(), format!("{summary} {who}"))]),
        starts_at: now,
        ends_at: None,
        updated_at: now,
        value: 1.0,
        rule: RuleRef::default(),
        generator_url: String::new(),
        evidence: Evidence::default(),
    };
    Notification {
        tenant: tenant.clone(),
        receiver: name.to_owned(),
        group_key: "test".to_owned(),
        group_labels: labels,
        alerts: vec![alert],
        truncated: 0,
        at: now,
        sequence: 1,
        lines: Vec::new(),
        test: true,
    }
}
