//! The queue between CRM and MES: a small broker over HTTP, and how a service publishes to it and takes from it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use sdk::OpenCall;
use serde_json::Value;
use stdx::Tasks;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use super::book::Case;
use super::office::{Office, customer};
use crate::faults::{Fault, LiveFaults};
use crate::lines::{NOT_CONFIRMED, PUBLISH_ATTEMPTS, QUEUE, QUEUE_PATIENCE};

/// Approved orders, from CRM to MES.
pub(super) const MANUFACTURING: &str = "manufacturing";
/// Parcels handed over, from MES to CRM.
pub(super) const HANDOVERS: &str = "handovers";

/// How many messages wait in one queue; then nothing more is confirmed.
const ROOM: usize = 4_096;
/// How long a consumer waits at the broker for the next message.
const POLL: Duration = Duration::from_secs(2);

/// What travels.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Message {
    /// The order it is about.
    order: u64,
    /// Trace context and request id.
    headers: BTreeMap<String, String>,
    /// What it says.
    body: Value,
}

#[derive(Clone, Debug)]
struct Broker {
    queues: Arc<BTreeMap<&'static str, Line>>,
    /// How the broker treats the orders it did not confirm.
    unconfirmed: Arc<Mutex<BTreeMap<u64, Unconfirmed>>>,
    faults: LiveFaults,
}

/// Messages of one queue.
#[derive(Debug)]
struct Line {
    put: mpsc::Sender<Message>,
    take: AsyncMutex<mpsc::Receiver<Message>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unconfirmed {
    Once,
    Always,
}

pub(super) fn router(faults: LiveFaults) -> Router {
    let line = || {
        let (put, take) = mpsc::channel(ROOM);
        Line { put, take: AsyncMutex::new(take) }
    };
    let queues = Arc::new(BTreeMap::from([(MANUFACTURING, line()), (HANDOVERS, line())]));
    let broker = Broker { queues, unconfirmed: Arc::default(), faults };
    Router::new().route("/queues/{name}", post(put).get(take)).with_state(broker)
}

async fn put(State(broker): State<Broker>, Path(name): Path<String>, Json(message): Json<Message>) -> StatusCode {
    if name == HANDOVERS && !broker.confirms(message.order) {
        tokio::time::sleep(QUEUE_PATIENCE * 2).await;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match broker.queues.get(name.as_str()).map(|line| line.put.try_send(message)) {
        Some(Ok(())) => StatusCode::ACCEPTED,
        Some(Err(_)) => StatusCode::SERVICE_UNAVAILABLE,
        None => StatusCode::NOT_FOUND,
    }
}

async fn take(State(broker): State<Broker>, Path(name): Path<String>) -> Result<Json<Message>, StatusCode> {
    let line = broker.queues.get(name.as_str()).ok_or(StatusCode::NOT_FOUND)?;
    let mut messages = line.take.lock().await;
    match tokio::time::timeout(POLL, messages.recv()).await {
        Ok(Some(message)) => Ok(Json(message)),
        Ok(None) | Err(_) => Err(StatusCode::NO_CONTENT),
    }
}

impl Broker {
    /// Whether an order's hand-over is confirmed this time. During the fault the first few orders never are, and the
    /// others only the second time.
    fn confirms(&self, order: u64) -> bool {
        let mut unconfirmed = self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner);
        match unconfirmed.get(&order) {
            Some(Unconfirmed::Always) => return false,
            Some(Unconfirmed::Once) => return unconfirmed.remove(&order).is_some(),
            None if self.faults.keeps_one_more(Fault::LostHandover) => {
                unconfirmed.insert(order, Unconfirmed::Always);
            }
            None if self.faults.is_on(Fault::LostHandover) => {
                unconfirmed.insert(order, Unconfirmed::Once);
            }
            None => return true,
        }
        false
    }
}

/// A service's side.
impl Office {
    /// Publishes a message about an order, a few times if it is not confirmed; false if it never is.
    pub(super) async fn publish(&self, queue: &str, case: &Case, body: &Value) -> bool {
        for attempt in 1..=PUBLISH_ATTEMPTS {
            let open = self.log().publish(QUEUE, queue).attempt(attempt).order(&case.context).body(&body.to_string());
            let open = open.start();
            let headers = open.call().carried().map(|(name, value)| (name.to_owned(), value));
            let message = Message { order: case.order.id, headers: headers.into(), body: body.clone() };
            let sent = self.http.post(self.queue(queue)).json(&message).send();
            match tokio::time::timeout(QUEUE_PATIENCE, sent).await {
                Ok(Ok(answer)) if answer.status().is_success() => {
                    open.answered(answer.status().as_u16(), "");
                    return true;
                }
                _ => open.failed(NOT_CONFIRMED),
            }
        }
        false
    }

    /// Takes messages from a queue, one after the other, until the tasks are told to stop.
    pub(super) fn consume<F, W>(&self, tasks: &Tasks, queue: &'static str, work: F)
    where
        F: Fn(Message) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send,
    {
        let (http, address, mut shutdown) = (self.http.clone(), self.queue(queue), tasks.shutdown());
        tasks.spawn(async move {
            let take = async {
                loop {
                    match next(&http, &address).await {
                        Some(message) => work(message).await,
                        None => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            };
            tokio::select! {
                () = take => {}
                () = shutdown.wait() => {}
            }
        });
    }

    /// The call in which a message is worked on; none if its order is not open any more.
    pub(super) fn taken(&self, queue: &str, message: &Message) -> Option<OpenCall> {
        let case = self.book.case(message.order)?;
        let header = |name: &str| message.headers.get(name).map(String::as_str);
        let call = self.log().consume(QUEUE, queue, header);
        Some(call.order(&case.context).object(customer(&case)).body(&message.body.to_string()).start())
    }
}

/// The next message, if one comes soon.
async fn next(http: &reqwest::Client, address: &str) -> Option<Message> {
    let answer = tokio::time::timeout(POLL * 2, http.get(address).send()).await.ok()?.ok()?;
    if answer.status() == StatusCode::OK { answer.json().await.ok() } else { None }
}
