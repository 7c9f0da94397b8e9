//! A call: one request and its response, in or out, whoever carries it.
//!
//! The REQ line bears the time of the start, and is written as soon as the handler names the order, since only it knows
//! the status; or when it takes longer than [`Settings::patience`](crate::Settings) to do so; at the latest before RESP.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use http::header::HeaderValue;
use logline::{Direction, Kind, Record, Timestamp};

use crate::capture::Message;
use crate::trace::TRACEPARENT;
use crate::{Log, ObjectContext, OrderContext, TraceContext};

/// The header that carries a call's `request_id` to the called service.
pub const REQUEST_ID: &str = "x-request-id";
/// Longer ids of a caller are not taken over.
const MAX_REQUEST_ID_BYTES: usize = 128;

tokio::task_local! {
    static CURRENT: Call;
}

/// A call on its way. Handlers find it in the request's extensions, or by [`Call::current`].
#[derive(Clone)]
pub struct Call(Arc<Inner>);

struct Inner {
    log: Log,
    head: Head,
    state: Mutex<State>,
}

/// What is known when the call starts.
pub(crate) struct Head {
    pub(crate) dir: Direction,
    pub(crate) endpoint: String,
    pub(crate) path: Option<String>,
    pub(crate) peer: Option<String>,
    pub(crate) attempt: Option<u32>,
    pub(crate) trace: TraceContext,
    pub(crate) request_id: String,
    pub(crate) started: Timestamp,
}

/// What becomes known while it runs.
#[derive(Default)]
struct State {
    order: Option<OrderContext>,
    /// The order's status at the start, for a REQ that is written after the order may have moved on.
    status_at_start: Option<String>,
    objects: Vec<ObjectContext>,
    request: Message,
    response: Message,
    answered: bool,
    http_status: Option<u16>,
    error: Option<String>,
    request_written: bool,
    response_written: bool,
}

/// Which half of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Request,
    Response,
}

impl Call {
    pub(crate) fn new(log: Log, mut head: Head) -> Self {
        if let Some((template, path)) = logline::template(&head.endpoint) {
            head.path.get_or_insert_with(|| path.to_owned());
            head.endpoint = template;
        }
        Self(Arc::new(Inner { log, head, state: Mutex::default() }))
    }

    /// The call in which this task works: that of the layer or of [`OpenCall::scope`] around it.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Names the order of this call and writes the REQ line with the status it has now; RESP will carry the status that
    /// the order has then. Name other objects first, so that REQ has them too.
    pub fn order(&self, order: &OrderContext) {
        self.state().order = Some(order.clone());
        self.write_request();
    }

    /// Names an order that this call has created: REQ is written without it, RESP will carry it.
    pub fn created_order(&self, order: &OrderContext) {
        self.write_request();
        self.state().order = Some(order.clone());
    }

    /// Names another object of this call.
    pub fn object(&self, object: ObjectContext) {
        let objects = &mut self.state().objects;
        if !objects.contains(&object) {
            objects.push(object);
        }
    }

    /// Notes why the call fails; RESP will carry it as `error`.
    pub fn error(&self, error: impl fmt::Display) {
        self.state().error = Some(error.to_string());
    }

    /// Where the call stands in its trace.
    pub fn trace(&self) -> &TraceContext {
        &self.0.head.trace
    }

    /// The id that pairs REQ and RESP.
    pub fn request_id(&self) -> &str {
        &self.0.head.request_id
    }

    /// What the called side needs to know, as headers of HTTP or of a message: `traceparent` and `x-request-id`.
    pub fn carried(&self) -> [(&'static str, String); 2] {
        [(TRACEPARENT, self.trace().to_string()), (REQUEST_ID, self.request_id().to_owned())]
    }

    /// Sets [`carried`](Self::carried) as headers.
    pub fn carry_into(&self, headers: &mut HeaderMap) {
        for (name, value) in self.carried() {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }

    pub(crate) fn order_now(&self) -> Option<OrderContext> {
        self.state().order.clone()
    }

    pub(crate) fn objects(&self) -> Vec<ObjectContext> {
        self.state().objects.clone()
    }

    /// Names the order and leaves REQ to be written later, when the body has been seen too.
    pub(crate) fn about(&self, order: Option<OrderContext>, objects: Vec<ObjectContext>) {
        let mut state = self.state();
        state.status_at_start = order.as_ref().map(OrderContext::status);
        state.order = order;
        state.objects = objects;
    }

    pub(crate) fn log(&self) -> &Log {
        &self.0.log
    }

    pub(crate) fn set_http_status(&self, status: u16) {
        let mut state = self.state();
        state.answered = true;
        state.http_status = Some(status);
    }

    /// Changes what is known of one half's headers and body.
    pub(crate) fn note(&self, half: Half, change: impl FnOnce(&mut Message)) {
        let state = &mut *self.state();
        change(if half == Half::Request { &mut state.request } else { &mut state.response });
    }

    pub(crate) fn write_request(&self) {
        let mut state = self.state();
        if std::mem::replace(&mut state.request_written, true) {
            return;
        }
        let record = self.record(&state, Kind::Req, self.0.head.started);
        self.log().write(&state.request.add_to(record, self.log()));
    }

    pub(crate) fn write_response(&self) {
        self.write_request();
        let mut state = self.state();
        if std::mem::replace(&mut state.response_written, true) {
            return;
        }
        let now = self.log().now();
        let record = self
            .record(&state, Kind::Resp, now)
            .maybe("http_status", state.http_status)
            .field("duration_ms", millis(now, self.0.head.started))
            .maybe("error", state.error.as_deref());
        self.log().write(&state.response.add_to(record, self.log()));
    }

    fn record<'a>(&'a self, state: &'a State, kind: Kind, at: Timestamp) -> Record<'a> {
        let head = &self.0.head;
        let mut record = Record::new(at, kind, head.endpoint.as_str());
        if let Some(order) = &state.order {
            let before = state.status_at_start.clone().filter(|_| kind == Kind::Req);
            record = record.order(order.id(), before.unwrap_or_else(|| order.status()));
        }
        for object in &state.objects {
            record = record.field(object.key(), object.id());
        }
        record
            .field("trace_id", head.trace.trace_id())
            .field("span_id", head.trace.span_id())
            .maybe("parent_span_id", head.trace.parent_span_id())
            .field("request_id", head.request_id.as_str())
            .field("dir", head.dir.as_str())
            .maybe("peer", head.peer.as_deref())
            .maybe("attempt", head.attempt)
            .maybe("path", head.path.as_deref())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("request_id", &self.request_id()).finish_non_exhaustive()
    }
}

/// The one who has to end a call. Dropped without an answer, it writes RESP with an error.
#[derive(Debug)]
#[must_use = "dropping it ends the call"]
pub struct OpenCall(Call);

impl OpenCall {
    pub(crate) fn new(call: Call) -> Self {
        Self(call)
    }

    /// The call itself.
    pub fn call(&self) -> &Call {
        &self.0
    }

    /// Runs `work` as part of this call: [`Call::current`] gives it, and calls to others carry its trace and order.
    pub async fn scope<F: Future>(&self, work: F) -> F::Output {
        CURRENT.scope(self.0.clone(), work).await
    }

    /// Ends the call with an answer of HTTP.
    pub fn answered(self, http_status: u16, body: &str) {
        self.0.set_http_status(http_status);
        let limit = self.0.log().settings().body_limit;
        self.0.note(Half::Response, |message| message.take(body.as_bytes(), limit));
    }

    /// Ends a call that has no HTTP status: the queue has confirmed the message, the consumer is done with it.
    pub fn confirmed(self) {
        self.0.state().answered = true;
    }

    /// Ends the call without an answer.
    pub fn failed(self, error: impl fmt::Display) {
        self.0.error(error);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if !state.answered && state.error.is_none() {
            state.error = Some("ended without an answer".to_owned());
        }
        drop(state);
        self.0.write_response();
    }
}

/// A caller's request id, if it is short and of harmless letters.
pub(crate) fn taken_over(id: &str) -> Option<String> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    let fine = !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.bytes().all(harmless);
    fine.then(|| id.to_owned())
}

/// Milliseconds with microseconds as decimals.
fn millis(now: Timestamp, started: Timestamp) -> f64 {
    now.since(started).as_micros() as f64 / 1000.0
}
