//! Delivers what was decided: each destination in order, at its pace, until it arrives or its time is over.

mod lane;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use logline::Timestamp;
use serde::{Deserialize, Serialize};
use state::{Parcel, ParcelEnd, ParcelStatus, State};
use stdx::{Clock, Rng, Tasks};
use tokio::sync::{Mutex, Semaphore};

use self::lane::Lane;
use crate::message::{Author, Lines, Notification};
use crate::notify::{Failure, Integration, Memory, Place, Post, Receiver};
use crate::route::Routing;

/// Deliveries that are on their way at once.
const MOST_AT_ONCE: usize = 16;
/// How long the lines of a message may take to be found.
const LINES_WITHIN: Duration = Duration::from_secs(5);
/// How long the log of deliveries is kept.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// What a parcel holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// The integration that sends it.
    pub(crate) integration: String,
    /// What is told.
    pub(crate) notification: Notification,
}

/// Takes parcels from the outbox to their destinations.
#[derive(Clone, Debug)]
pub(crate) struct Courier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: State,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    routing: Arc<Routing>,
    author: Author,
    lines: Option<Arc<dyn Lines>>,
    lanes: Mutex<BTreeMap<String, Lane>>,
    rng: std::sync::Mutex<Rng>,
    places: Semaphore,
    /// Wakes whoever runs the rounds.
    wake: Arc<tokio::sync::Notify>,
}

/// What a courier is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) state: State,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
    pub(crate) routing: Arc<Routing>,
    pub(crate) author: Author,
    pub(crate) lines: Option<Arc<dyn Lines>>,
    pub(crate) wake: Arc<tokio::sync::Notify>,
}

impl Courier {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { state, clock, tasks, routing, author, lines, wake } = parts;
        Self(Arc::new(Inner {
            state,
            clock,
            tasks,
            routing,
            author,
            lines,
            lanes: Mutex::default(),
            rng: std::sync::Mutex::new(Rng::from_entropy()),
            places: Semaphore::new(MOST_AT_ONCE),
            wake,
        }))
    }

    /// Starts the deliveries that may go now: the first open one of each destination. Gives when to look again at the
    /// latest; none when nothing is open.
    pub(crate) async fn round(&self) -> state::Result<Option<Timestamp>> {
        let now: Timestamp = self.0.clock.now().into();
        let heads = self.0.state.outbox().heads().await?;
        let mut lanes = self.0.lanes.lock().await;
        let mut next: Option<Timestamp> = None;
        for parcel in &heads {
            let pace = self.integration(parcel).map(|integration| integration.sender.pace());
            let lane =
                lanes.entry(parcel.destination.clone()).or_insert_with(|| Lane::new(pace.unwrap_or_default(), now));
            if lane.busy {
                continue;
            }
            let due = lane.opens(now).max(Timestamp::from(parcel.due));
            if due > now {
                next = Some(next.map_or(due, |earlier| earlier.min(due)));
                continue;
            }
            lane.begin();
            let (courier, key) = (self.clone(), parcel.key.clone());
            let repeated = parcel.status == ParcelStatus::Sending;
            let destination = parcel.destination.clone();
            self.0.tasks.spawn(async move { courier.deliver(&key, &destination, repeated).await });
        }
        Ok(next)
    }

    /// Some integration that goes to a parcel's destination.
    fn integration(&self, parcel: &Parcel) -> Option<&Integration> {
        let receiver = self.0.routing.receivers.get(&parcel.receiver)?;
        receiver.integrations.iter().find(|one| one.sender.destination() == parcel.destination)
    }

    fn rng(&self) -> std::sync::MutexGuard<'_, Rng> {
        self.0.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// One delivery from begin to end; whatever happens, its lane is free again afterwards.
    async fn deliver(&self, key: &str, destination: &str, repeated: bool) {
        let _place = self.0.places.acquire().await;
        let done = self.attempt(key, repeated).await;
        let mut lanes = self.0.lanes.lock().await;
        if let Some(lane) = lanes.get_mut(destination) {
            lane.busy = false;
            if let Err(error) = done {
                tracing::warn!(destination, %error, "the outbox cannot be read or written");
                lane.failed(self.0.clock.now().into(), None, &mut self.rng());
            }
        }
        drop(lanes);
        self.0.wake.notify_one();
    }

    async fn attempt(&self, key: &str, repeated: bool) -> state::Result<()> {
        let outbox = self.0.state.outbox();
        let Some(parcel) = outbox.begin(key).await? else { return Ok(()) };
        let (mut memory, mut place) = (Memory::default(), Place::default());
        if let Some(text) = outbox.memory(&parcel.destination, &parcel.thread).await? {
            memory = serde_json::from_str(&text).unwrap_or_default();
        }
        if let Some(text) = outbox.memory(&parcel.destination, "").await? {
            place = serde_json::from_str(&text).unwrap_or_default();
        }
        let known = place.clone();
        let begun = self.0.clock.instant();
        let repeated = repeated || memory.unsure;
        let sent = self.send(&parcel, repeated, &mut memory, &mut place).await;
        let now = self.0.clock.now();
        memory.unsure = matches!(&sent, Err(Failure::Again { unsure: true, .. }));
        let end = self.end(&parcel, &sent, now).await;
        if place != known {
            let text = serde_json::to_string(&place).unwrap_or_default();
            outbox.remember(&parcel.destination, "", &text, now).await?;
        }
        let took = self.0.clock.instant() - begun;
        log(&parcel, &end, took);
        let text = serde_json::to_string(&memory).unwrap_or_default();
        outbox.end(&parcel, &end, &text, now).await
    }

    async fn end(&self, parcel: &Parcel, sent: &Result<(), Failure>, now: SystemTime) -> ParcelEnd {
        let mut lanes = self.0.lanes.lock().await;
        let Some(lane) = lanes.get_mut(&parcel.destination) else { return ParcelEnd::Sent };
        match sent {
            Ok(()) => {
                lane.answered();
                ParcelEnd::Sent
            }
            Err(Failure::Never { reason }) => {
                lane.answered();
                ParcelEnd::Failed { reason: reason.clone() }
            }
            Err(Failure::Again { after, reason, .. }) => {
                let due: SystemTime = to_system(lane.failed(now.into(), *after, &mut self.rng()));
                if due >= parcel.deadline {
                    ParcelEnd::Failed { reason: format!("given up after {} tries: {reason}", parcel.attempts) }
                } else {
                    ParcelEnd::Again { due, reason: reason.clone() }
                }
            }
        }
    }

    async fn send(
        &self,
        parcel: &Parcel,
        repeated: bool,
        memory: &mut Memory,
        place: &mut Place,
    ) -> Result<(), Failure> {
        let content: Content =
            serde_json::from_str(&parcel.document).map_err(|_| Failure::never("the notification cannot be read"))?;
        let receiver = self.0.routing.receivers.get(&parcel.receiver);
        let own = receiver.and_then(|receiver| receiver.integrations.iter().find(|one| one.id == content.integration));
        // An item may have moved within its list; what counts is where it goes.
        let same =
            own.filter(|one| one.sender.destination() == parcel.destination).or_else(|| self.integration(parcel));
        let (Some(receiver), Some(integration)) = (receiver, same) else {
            return Err(Failure::never("the receiver is no longer configured"));
        };
        let mut notification = content.notification;
        notification.lines = self.lines(receiver, &notification).await;
        let mut message = self.0.author.write(&notification, &receiver.style);
        if repeated {
            let note = receiver.style.language.pick("may be a repeat", "возможно, повтор");
            message.title = format!("{} ({note})", message.title);
        }
        let masked = self.0.author.masked(&notification);
        let now: Timestamp = self.0.clock.now().into();
        let post = Post {
            notification: &masked,
            message: &message,
            key: &parcel.key,
            external_url: self.0.author.external_url(),
            now: now.0.div_euclid(1_000_000_000),
        };
        integration.sender.send(&post, memory, place).await
    }

    /// The likeliest lines that the receiver may see; none by default.
    async fn lines(&self, receiver: &Receiver, notification: &Notification) -> Vec<crate::message::Line> {
        let Some(lines) = self.0.lines.as_ref().filter(|_| !receiver.services.is_empty() && receiver.lines > 0) else {
            return Vec::new();
        };
        let Some(query) = notification.firing().find_map(|alert| alert.evidence.lines.as_ref()) else {
            return Vec::new();
        };
        let find = lines.likeliest(&notification.tenant, &receiver.services, query, receiver.lines);
        let mut found = tokio::time::timeout(LINES_WITHIN, find).await.unwrap_or_default();
        for line in &mut found {
            line.text = self.0.author.clean(&line.text);
        }
        found
    }

    /// Destinations that count as broken.
    pub(crate) async fn broken(&self) -> Vec<String> {
        let lanes = self.0.lanes.lock().await;
        lanes.iter().filter(|(_, lane)| lane.is_broken()).map(|(name, _)| name.clone()).collect()
    }

    /// Forgets old deliveries.
    pub(crate) async fn purge(&self) -> state::Result<()> {
        let now = self.0.clock.now();
        self.0.state.outbox().purge(now.checked_sub(KEPT).unwrap_or(now)).await.map(drop)
    }
}

fn log(parcel: &Parcel, end: &ParcelEnd, took: Duration) {
    let (key, destination, receiver, attempt) = (&parcel.key, &parcel.destination, &parcel.receiver, parcel.attempts);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match end {
        ParcelEnd::Sent => tracing::info!(key, destination, receiver, attempt, took_ms, "notification delivered"),
        ParcelEnd::Again { reason, .. } => {
            tracing::warn!(key, destination, receiver, attempt, took_ms, reason, "notification not delivered yet");
        }
        ParcelEnd::Failed { reason } => {
            tracing::error!(key, destination, receiver, attempt, took_ms, reason, "notification given up");
        }
    }
}

/// A time as the state database keeps it.
pub(crate) fn to_system(time: Timestamp) -> SystemTime {
    let nanos = u64::try_from(time.0).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}
