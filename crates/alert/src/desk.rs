//! The desk: takes alerts in, decides who is told what and when, and keeps it all across restarts.
//!
//! Three steps, each a transaction of its own: alerts are kept (and only then taken in), a decision is kept together with
//! what it puts into the outbox, a delivery is noted. A kill between any two repeats none and loses none.

mod heartbeat;
mod push;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use logline::{Tenant, Timestamp};
use state::{IncidentRow, NewParcel, NoticeChange, State};
use stdx::{Clock, Rng, Tasks};
use tokio::sync::Mutex;

pub use self::heartbeat::Heartbeat;
pub use self::push::Alertmanagers;
pub use self::view::{AlertView, GroupView, PostedAlert, TestSendError};
use crate::incident::{Incident, REOPENS_WITHIN};
use crate::message::{Author, Lines, MOST_ALERTS, Notification};
use crate::notify::{Integration, Receiver};
use crate::outbox::{Content, Courier, Parts, to_system};
use crate::route::{Dispatcher, Due, LogEntry, Routing, Sent};
use crate::silence::{Silence, Silences};
use crate::{Alert, Notify, NotifyError};

/// Most alerts that are known at once; further ones are refused.
const MOST_KNOWN: usize = 100_000;
/// How often the loop looks at least.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How long a node that decides and delivers may be silent before another one takes over.
const LEASE: Duration = Duration::from_secs(30);
/// How long what was told last is remembered after nothing was told, and an incident after it was over.
const LOG_KEPT: Duration = Duration::from_secs(400 * 86_400);
/// The kind of the documents that hold silences.
const SILENCE: &str = "silence";

/// What a desk is made of.
#[derive(Debug)]
pub struct DeskParts {
    /// Where everything is kept.
    pub state: State,
    /// Where alerts go.
    pub routing: Arc<Routing>,
    /// Deliver through these instead of our own routing.
    pub alertmanagers: Option<Alertmanagers>,
    /// A sign of life for a dead man's switch.
    pub heartbeat: Option<Heartbeat>,
    /// Writes the messages.
    pub author: Author,
    /// Finds the lines of messages.
    pub lines: Option<Arc<dyn Lines>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Runs the loop and deliveries.
    pub tasks: Tasks,
    /// Name of this node among others.
    pub node: String,
    /// How long a delivery is tried.
    pub deadline: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct Desk {
    state: State,
    routing: Arc<Routing>,
    alertmanagers: Option<Alertmanagers>,
    author: Author,
    clock: Arc<dyn Clock>,
    node: String,
    deadline: Duration,
    book: Mutex<Book>,
    courier: Courier,
    wake: Arc<tokio::sync::Notify>,
    /// Whether the last round went well; the heartbeat says so.
    well: AtomicBool,
}

/// What is known; in memory as it is in the state database.
#[derive(Debug)]
struct Book {
    dispatcher: Dispatcher,
    log: BTreeMap<(String, String), LogEntry>,
    silences: Silences,
    /// Of the silences in the database.
    version: i64,
    /// Of the last step that is known: other nodes make steps too.
    step: i64,
    /// By what their alerts have in common.
    incidents: BTreeMap<String, Incident>,
    rng: Rng,
}

impl Desk {
    /// Reads what is kept and begins to work.
    ///
    /// # Errors
    /// The state database cannot be read.
    pub async fn start(parts: DeskParts) -> state::Result<Arc<Self>> {
        let wake = Arc::new(tokio::sync::Notify::new());
        let courier = Courier::new(Parts {
            state: parts.state.clone(),
            clock: Arc::clone(&parts.clock),
            tasks: parts.tasks.clone(),
            routing: Arc::clone(&parts.routing),
            author: parts.author.clone(),
            lines: parts.lines,
            wake: Arc::clone(&wake),
        });
        let now = parts.clock.now().into();
        let book = Book::read(&parts.state, &parts.routing, now).await?;
        let desk = Arc::new(Self {
            state: parts.state,
            routing: parts.routing,
            alertmanagers: parts.alertmanagers,
            author: parts.author,
            clock: parts.clock,
            node: parts.node,
            deadline: parts.deadline,
            book: Mutex::new(book),
            courier,
            wake,
            well: AtomicBool::new(true),
        });
        let (working, mut stop) = (Arc::clone(&desk), parts.tasks.shutdown());
        parts.tasks.spawn(async move {
            tokio::select! { () = working.work() => {}, () = stop.wait() => working.leave().await }
        });
        if let Some(heartbeat) = parts.heartbeat {
            let (desk, mut stop) = (Arc::clone(&desk), parts.tasks.shutdown());
            parts.tasks.spawn(async move {
                tokio::select! { () = heartbeat.beat(&desk) => {}, () = stop.wait() => {} }
            });
        }
        Ok(desk)
    }

    /// Rounds until the server stops.
    async fn work(&self) {
        let (mut held, mut purged) = (None, Timestamp::MIN);
        loop {
            let now: Timestamp = self.clock.now().into();
            let round = self.round(now, &mut held).await;
            if let Err(error) = &round {
                tracing::warn!(%error, "alerts wait for the state database");
            }
            self.well.store(round.is_ok(), Ordering::Relaxed);
            if held.is_some() && purged.after(Duration::from_secs(3_600)) <= now {
                purged = now;
                if let Err(error) = self.purge(now).await {
                    tracing::warn!(%error, "old deliveries cannot be forgotten");
                }
            }
            let next = round.ok().flatten().map_or(LONGEST_SLEEP, |next| next.since(now).min(LONGEST_SLEEP));
            // Never spins: what is due but cannot be done is looked at again soon, not at once.
            let sleep = tokio::time::sleep(next.max(Duration::from_millis(20)));
            tokio::select! { () = sleep => {}, () = self.wake.notified() => {} }
        }
    }

    /// One look at everything: gives when something is due next.
    async fn round(&self, now: Timestamp, held: &mut Option<Timestamp>) -> state::Result<Option<Timestamp>> {
        if held.is_none_or(|renewed| renewed.after(LEASE / 3) <= now) {
            if self.state.leases().take("alerts", &self.node, to_system(now), LEASE).await?.is_none() {
                *held = None;
                return Ok(None);
            }
            if held.replace(now).is_none() {
                // Another node may have worked until now.
                *self.book.lock().await = Book::read(&self.state, &self.routing, now).await?;
            }
        }
        let decided = match &self.alertmanagers {
            None => self.decide(now).await?,
            Some(push) => self.push(push, now).await?,
        };
        let delivered = self.courier.round().await?;
        Ok(decided.into_iter().chain(delivered).min())
    }

    async fn leave(&self) {
        if let Err(error) = self.state.leases().release("alerts", &self.node).await {
            tracing::debug!(%error, "the lease on alerts was not given back");
        }
    }

    async fn purge(&self, now: Timestamp) -> state::Result<()> {
        self.state.notices().purge(to_system(now.before(LOG_KEPT))).await?;
        self.expire_old(now).await?;
        self.courier.purge().await
    }

    /// Decides what is due, and keeps the decisions together with what they put into the outbox.
    pub(crate) async fn decide(&self, now: Timestamp) -> state::Result<Option<Timestamp>> {
        let mut book = self.book.lock().await;
        book.refresh(&self.state, now).await?;
        self.note_ends(&mut book, now).await?;
        let silences = &book.silences;
        let silenced = |alert: &Alert| !silences.holding(&alert.tenant, &alert.labels, now).is_empty();
        let due = book.dispatcher.due(now, &silenced);
        for group in &due {
            self.tell(&mut book, group, now).await?;
        }
        Ok(book.dispatcher.next_due())
    }

    /// One group: every integration of its receiver, in one transaction.
    async fn tell(&self, book: &mut Book, due: &Due, now: Timestamp) -> state::Result<()> {
        let (mut changes, mut entries, mut told) = (Vec::new(), Vec::new(), Vec::new());
        let receiver = self.routing.receivers.get(&due.receiver);
        for integration in receiver.into_iter().flat_map(|receiver| &receiver.integrations) {
            let key = (due.group.clone(), integration.id.clone());
            let Some(sent) = LogEntry::next(book.log.get(&key), due, integration.send_resolved, now) else { continue };
            changes.push(NoticeChange::put_notice(&key.0, &key.1, &sent.entry)?);
            if !sent.alerts.is_empty() {
                told.extend(sent.alerts.iter().map(Incident::key));
                let place = u32::try_from(changes.len()).unwrap_or(u32::MAX);
                changes.push(NoticeChange::Enqueue(self.parcel(due, integration, &sent, place, now)?));
            }
            entries.push((key, sent.entry));
        }
        let mut incidents = Vec::new();
        told.sort_unstable();
        told.dedup();
        for key in told {
            let Some(mut incident) = book.incidents.get(&key).cloned() else { continue };
            let before = incident.clone();
            incident.notified(&due.receiver, now);
            if incident != before {
                changes.push(NoticeChange::PutIncident(row(&incident)?));
                incidents.push((key, incident));
            }
        }
        // Everything is kept before anything is taken in; a failure leaves the group due.
        self.apply(book, &changes, now).await?;
        book.log.extend(entries);
        book.incidents.extend(incidents);
        let gone = book.dispatcher.settle(due, now);
        let mut removed: Vec<NoticeChange> = gone.into_iter().map(|(tenant, print)| remove(&tenant, print)).collect();
        if !book.dispatcher.has_group(&due.group) {
            removed.extend(book.forget_log(&due.group));
        }
        self.apply(book, &removed, now).await
    }

    /// Keeps a step of this node; when another node made one in between, the book is read again next time.
    async fn apply(&self, book: &mut Book, changes: &[NoticeChange], now: Timestamp) -> state::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let step = self.state.notices().apply(changes, to_system(now)).await?;
        if step == book.step + 1 {
            book.step = step;
        }
        Ok(())
    }

    /// Alerts that said beforehand when they end have ended: their incidents are told so.
    async fn note_ends(&self, book: &mut Book, now: Timestamp) -> state::Result<()> {
        let mut ended: BTreeMap<String, Incident> = BTreeMap::new();
        for alert in book.dispatcher.alerts().filter(|alert| alert.is_resolved_at(now)) {
            let key = Incident::key(alert);
            let Some(known) = ended.get(&key).or_else(|| book.incidents.get(&key)) else { continue };
            let mut incident = known.clone();
            if incident.absorb(alert, now, &|text| self.author.clean(text)) {
                ended.insert(key, incident);
            }
        }
        let changes: state::Result<Vec<_>> =
            ended.values().map(|incident| Ok(NoticeChange::PutIncident(row(incident)?))).collect();
        self.apply(book, &changes?, now).await?;
        book.incidents.extend(ended);
        Ok(())
    }

    fn parcel(
        &self,
        due: &Due,
        integration: &Integration,
        sent: &Sent,
        place: u32,
        now: Timestamp,
    ) -> state::Result<NewParcel> {
        let notification = Notification {
            tenant: due.tenant.clone(),
            receiver: due.receiver.clone(),
            group_key: due.key.clone(),
            group_labels: due.labels.clone(),
            truncated: sent.alerts.len().saturating_sub(MOST_ALERTS) as u64,
            alerts: trimmed(&sent.alerts, now),
            at: now,
            sequence: sent.entry.sequence,
            lines: Vec::new(),
            test: false,
        };
        let key = format!("{}\n{}\n{}\n{}", due.group, integration.id, sent.entry.sequence, now.0);
        self.pack(&key, &due.group, integration, notification, place, now)
    }

    fn pack(
        &self,
        name: &str,
        group: &str,
        integration: &Integration,
        notification: Notification,
        place: u32,
        now: Timestamp,
    ) -> state::Result<NewParcel> {
        let (tenant, receiver) = (notification.tenant.to_string(), notification.receiver.clone());
        let content = Content { integration: integration.id.clone(), notification };
        let document = state::encode(&content)?;
        Ok(NewParcel {
            key: short(name),
            tenant,
            receiver,
            destination: integration.sender.destination(),
            thread: short(group),
            document,
            place,
            deadline: to_system(now.after(self.deadline)),
        })
    }

    /// Whether the last round went well.
    pub(crate) fn is_well(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }

    /// The receiver with this name.
    pub(crate) fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.routing.receivers.get(name)
    }
}

#[async_trait]
impl Notify for Desk {
    async fn notify(&self, alerts: Vec<Alert>) -> Result<(), NotifyError> {
        let now: Timestamp = self.clock.now().into();
        let mut book = self.book.lock().await;
        book.refresh(&self.state, now).await.map_err(|error| NotifyError(error.to_string()))?;
        let news: Vec<Alert> = alerts.into_iter().filter(|alert| book.dispatcher.is_news(alert, now)).collect();
        if news.is_empty() {
            return Ok(());
        }
        // The end of one that is known is always taken.
        let more =
            news.iter().filter(|alert| book.dispatcher.get(&alert.tenant, alert.fingerprint()).is_none()).count();
        if more > 0 && book.dispatcher.len() + more > MOST_KNOWN {
            return Err(NotifyError(format!("{MOST_KNOWN} alerts are known, which is the limit")));
        }
        let kept = self.keep(&mut book, news, now).await;
        drop(book);
        self.wake.notify_one();
        kept.map_err(|error| NotifyError(error.to_string()))
    }
}

impl Desk {
    /// Keeps alerts and what they do to incidents, then takes them in.
    async fn keep(&self, book: &mut Book, news: Vec<Alert>, now: Timestamp) -> state::Result<()> {
        let mut changes = Vec::new();
        let mut touched: BTreeMap<String, Incident> = BTreeMap::new();
        for alert in &news {
            let print = format!("{:016x}", alert.fingerprint());
            changes.push(NoticeChange::put_alert(alert.tenant.as_str(), &print, alert)?);
            let key = Incident::key(alert);
            let known = touched.get(&key).or_else(|| book.incidents.get(&key)).filter(|known| known.goes_on(now));
            let mut incident = match known.cloned() {
                Some(known) => known,
                None if alert.is_resolved_at(now) => continue,
                None => Incident::open(new_id(&mut book.rng), alert, self.author.clean(&Incident::title(alert)), now),
            };
            let fresh = incident.alerts.is_empty();
            if incident.absorb(alert, now, &|text| self.author.clean(text)) || fresh {
                touched.insert(key, incident);
            }
        }
        for incident in touched.values() {
            changes.push(NoticeChange::PutIncident(row(incident)?));
        }
        self.apply(book, &changes, now).await?;
        book.incidents.extend(touched);
        book.incidents.retain(|_, incident| incident.goes_on(now));
        for alert in news {
            book.dispatcher.insert(alert, now);
        }
        Ok(())
    }
}

impl Book {
    /// Forgets what was told about a group that is over, if its end was told as well. What was told of alerts whose end was
    /// held back stays, so that they are not told again within their repeat interval.
    fn forget_log(&mut self, group: &str) -> Vec<NoticeChange> {
        let own = self.log.range((group.to_owned(), String::new())..).take_while(|((name, _), _)| name == group);
        let over: Vec<(String, String)> =
            own.filter(|(_, entry)| entry.is_over()).map(|(key, _)| key.clone()).collect();
        let forget = |key: (String, String)| {
            self.log.remove(&key);
            NoticeChange::RemoveNotice { group: key.0, integration: key.1 }
        };
        over.into_iter().map(forget).collect()
    }

    async fn read(state: &State, routing: &Arc<Routing>, now: Timestamp) -> state::Result<Self> {
        let log = state.notices().log::<LogEntry>().await?;
        let mut book = Self {
            dispatcher: Dispatcher::new(Arc::clone(routing)),
            log: log.into_iter().map(|(group, integration, entry)| ((group, integration), entry)).collect(),
            silences: Silences::default(),
            version: -1,
            step: -1,
            incidents: BTreeMap::new(),
            rng: Rng::from_entropy(),
        };
        book.refresh(state, now).await?;
        Ok(book)
    }

    /// Takes in what other nodes have kept since: alerts, incidents, silences. The log is its of who has the duty.
    async fn refresh(&mut self, state: &State, now: Timestamp) -> state::Result<()> {
        self.refresh_silences(state).await?;
        let notices = state.notices();
        let step = notices.number().await?;
        if step == self.step {
            return Ok(());
        }
        self.dispatcher.replace(notices.alerts::<Alert>().await?, now);
        let incidents = notices.recent_incidents::<Incident>(to_system(now.before(REOPENS_WITHIN))).await?;
        // Of one place the youngest is the one that goes on.
        self.incidents.clear();
        for incident in incidents {
            let known = self.incidents.get(&incident.key);
            if known.is_none_or(|known| known.opened_at <= incident.opened_at) {
                self.incidents.insert(incident.key.clone(), incident);
            }
        }
        self.step = step;
        Ok(())
    }

    /// Reads silences again when somebody, here or on another node, changed them.
    async fn refresh_silences(&mut self, state: &State) -> state::Result<()> {
        let version = state.changes().number(SILENCE).await?;
        if version != self.version {
            let all = state.documents(SILENCE).all::<Silence>().await?;
            self.silences = Silences::of(all.into_iter().map(|document| document.value));
            self.version = version;
        }
        Ok(())
    }
}

/// The first ones, firing before ended, with one picture at most: what fits a notification.
fn trimmed(alerts: &[Alert], now: Timestamp) -> Vec<Alert> {
    let mut alerts = alerts.to_vec();
    alerts.sort_by_key(|alert| (alert.is_resolved_at(now), alert.starts_at, alert.fingerprint()));
    alerts.truncate(MOST_ALERTS);
    let mut seen = false;
    for alert in &mut alerts {
        let own = alert.evidence.picture.is_some();
        if own && std::mem::replace(&mut seen, true) {
            alert.evidence.picture = None;
        }
    }
    alerts
}

fn row(incident: &Incident) -> state::Result<IncidentRow> {
    Ok(IncidentRow {
        id: incident.id.clone(),
        tenant: incident.tenant.to_string(),
        open: incident.is_followed(),
        started: to_system(incident.started_at),
        ended: incident.resolved_at.map(to_system),
        document: state::encode(incident)?,
    })
}

fn remove(tenant: &Tenant, fingerprint: u64) -> NoticeChange {
    NoticeChange::RemoveAlert { tenant: tenant.to_string(), fingerprint: format!("{fingerprint:016x}") }
}

/// A name of fixed length.
fn short(name: &str) -> String {
    blake3::hash(name.as_bytes()).to_hex().get(..32).unwrap_or_default().to_owned()
}

/// Something nobody else has.
fn new_id(rng: &mut Rng) -> String {
    let (high, low) = (rng.bits(), rng.bits());
    let text = format!("{high:016x}{low:016x}");
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests;
