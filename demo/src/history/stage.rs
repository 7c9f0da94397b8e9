//! Plays a chain of calls on paper: who calls whom, nested as the calls are, each side telling its lines to the journal.
//!
//! A stage has one clock, which every call and every pause moves on, and one trace.

use std::io::Write;
use std::time::Duration;

use logline::{Direction, Timestamp};
use stdx::Rng;

use super::Journal;
use crate::lines::{Answer, QUEUE, Route, Service, Side, Subject, change};
use crate::world::{Ids, ModelStatus, Order, Status};

/// A chain of calls that begins at one moment.
#[derive(Debug)]
pub struct Stage<'a, W> {
    journal: &'a mut Journal<W>,
    ids: &'a mut Ids,
    rng: &'a mut Rng,
    now: Timestamp,
    trace: String,
    span: String,
    order: Option<(u64, Status)>,
    customer: Option<u32>,
    model: Option<String>,
}

/// A call, as its caller makes it.
#[derive(Debug)]
pub struct Call {
    route: Route,
    path: Option<String>,
    body: Option<String>,
    attempt: u32,
}

/// What the other side says.
#[derive(Debug)]
pub struct Reply {
    answer: Answer,
    body: Option<String>,
}

impl Call {
    /// A call of a route without an id.
    pub const fn to(route: Route) -> Self {
        Self { route, path: None, body: None, attempt: 1 }
    }

    /// The id in the route.
    #[must_use]
    pub fn id(mut self, id: impl std::fmt::Display) -> Self {
        self.path = Some(self.route.path(id));
        self
    }

    /// What is sent, masked as the SDK masks it.
    #[must_use]
    pub fn body(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(sdk_masked(body));
        self
    }

    /// Which try it is, from 1.
    #[must_use]
    pub const fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }
}

impl Reply {
    /// An answer without body.
    pub const fn of(status: u16) -> Self {
        Self { answer: Answer::ok(status), body: None }
    }

    /// Not done, and why.
    pub const fn failed(status: u16, error: &'static str) -> Self {
        Self { answer: Answer::failed(status, error), body: None }
    }

    /// What is sent back, masked as the SDK masks it.
    #[must_use]
    pub fn body(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(sdk_masked(body));
        self
    }

    /// Whether it was done.
    pub const fn is_ok(&self) -> bool {
        self.answer.is_ok()
    }
}

fn sdk_masked(body: &serde_json::Value) -> String {
    body.to_string()
}

impl<'a, W: Write> Stage<'a, W> {
    /// An empty stage.
    pub fn new(journal: &'a mut Journal<W>, ids: &'a mut Ids, rng: &'a mut Rng, now: Timestamp) -> Self {
        let (trace, span) = (ids.trace(), String::new());
        Self { journal, ids, rng, now, trace, span, order: None, customer: None, model: None }
    }

    /// From here on the lines are about this order.
    pub fn about(&mut self, order: &Order) {
        self.order = Some((order.id, order.status));
        self.customer = Some(order.customer);
    }

    /// From here on the lines name this customer.
    pub const fn customer(&mut self, id: u32) {
        self.customer = Some(id);
    }

    /// From here on the lines name this 3D model.
    pub fn model(&mut self, id: &str) {
        self.model = Some(id.to_owned());
    }

    /// The clock of this stage.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The trace of all its lines.
    pub fn trace(&self) -> &str {
        &self.trace
    }

    /// Time passes: between half of `typical` and several times as much.
    pub fn pause(&mut self, typical: Duration) {
        let tail = self.rng.exponential(typical.div_f64(2.0));
        self.now = self.now.after(typical.div_f64(2.0) + tail);
    }

    /// Nothing happens until `at`, or a little after.
    pub fn arrive(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        self.pause(Duration::from_millis(60));
    }

    /// A service is called from outside; `inner` is what it does about it.
    pub fn serve(&mut self, service: Service, call: &Call, inner: impl FnOnce(&mut Self) -> Reply) -> Reply {
        self.side(service, Direction::In, call, |stage| {
            stage.pause(Duration::from_millis(3));
            let reply = inner(stage);
            stage.pause(Duration::from_millis(2));
            reply
        })
    }

    /// `from` calls another service, or the queue; `inner` is what that one does about it.
    pub fn call(&mut self, from: Service, call: &Call, inner: impl FnOnce(&mut Self) -> Reply) -> Reply {
        let server = Service::ALL.into_iter().find(|service| service.name() == call.route.server);
        debug_assert!(server.is_some() || call.route.server == QUEUE);
        self.side(from, Direction::Out, call, |stage| {
            stage.pause(Duration::from_micros(400));
            let reply = match server {
                Some(server) => stage.serve(server, call, inner),
                None => inner(stage),
            };
            stage.pause(Duration::from_micros(400));
            reply
        })
    }

    /// `from` calls, and nobody is there or answers in time.
    pub fn call_lost(&mut self, from: Service, call: &Call, took: Duration, status: u16, error: &'static str) {
        self.side(from, Direction::Out, call, |stage| {
            stage.pause(took);
            Reply::failed(status, error)
        });
    }

    /// The order changes its status within `service`.
    pub fn becomes(&mut self, service: Service, status: Status) {
        self.pause(Duration::from_millis(4));
        let Some((id, from)) = self.order else { return };
        let id = id.to_string();
        let from = (from != status).then_some(from.as_str());
        let record = change(self.now, ("order", &id), from, status.as_str(), &self.trace, &self.span);
        self.journal.record(service, self.now, &record);
        if let Some(order) = &mut self.order {
            order.1 = status;
        }
    }

    /// The 3D model changes its status within `service`.
    pub fn model_becomes(&mut self, service: Service, from: Option<ModelStatus>, to: ModelStatus) {
        self.pause(Duration::from_millis(20));
        let Some(id) = &self.model else { return };
        let from = from.map(ModelStatus::as_str);
        let record = change(self.now, ("model", id), from, to.as_str(), &self.trace, &self.span);
        self.journal.record(service, self.now, &record);
    }

    /// A line that is not of the house format.
    pub fn text(&mut self, service: Service, text: String) {
        self.journal.text(service, self.now, text);
    }

    fn side(
        &mut self,
        service: Service,
        dir: Direction,
        call: &Call,
        inner: impl FnOnce(&mut Self) -> Reply,
    ) -> Reply {
        let (span, request) = (self.ids.span(), self.ids.span());
        let outer = std::mem::replace(&mut self.span, span);
        let began = self.now;
        let body = call.body.as_deref();
        let line = self.layout(call, dir, &request).request(began, &self.subject(), body);
        self.journal.record(service, began, &line);
        let reply = inner(self);
        let took = self.now.since(began);
        let body = reply.body.as_deref();
        let line = self.layout(call, dir, &request).response(self.now, &self.subject(), &reply.answer, took, body);
        self.journal.record(service, self.now, &line);
        self.span = outer;
        reply
    }

    fn layout<'s>(&'s self, call: &'s Call, dir: Direction, request: &'s str) -> Side<'s> {
        Side {
            route: call.route,
            path: call.path.as_deref(),
            dir,
            attempt: call.attempt,
            trace: &self.trace,
            span: &self.span,
            request,
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject { order: self.order, customer: self.customer, model: self.model.as_deref() }
    }
}
