//! Plays a chain of calls on paper: who calls whom, nested as the calls are, each side telling its lines to the journal.
//!
//! A stage has one clock, which every call and every pause moves on, and one trace.

use std::io::Write;
use std::time::Duration;

use logline::{Direction, Timestamp};
use stdx::Rng;

use super::Journal;
use crate::lines::{Answer, QUEUE, Route, Service, Side, Subject, Trace, change};
use crate::world::{Ids, ModelStatus, Order, Status};

/// A chain of calls that begins at one moment.
#[derive(Debug)]
pub(super) struct Stage<'a, W> {
    journal: &'a mut Journal<W>,
    ids: &'a mut Ids,
    rng: &'a mut Rng,
    now: Timestamp,
    trace: String,
    /// Whose turn it is; nobody's outside of calls.
    current: Option<Spot>,
    /// What the last caller sent along, until somebody takes it up.
    carried: Option<Spot>,
    order: Option<(u64, Status)>,
    customer: Option<u32>,
    model: Option<String>,
}

/// One side of a call, by its ids.
#[derive(Clone, Debug)]
struct Spot {
    span: String,
    parent: Option<String>,
    request: String,
}

/// A call, as its caller makes it.
#[derive(Debug)]
pub(super) struct Call {
    route: Route,
    path: Option<String>,
    body: Option<String>,
    attempt: u32,
}

/// What the other side says.
#[derive(Debug)]
pub(super) struct Reply {
    answer: Answer,
    body: Option<String>,
}

impl Call {
    /// A call of a route without an id.
    pub(super) const fn to(route: Route) -> Self {
        Self { route, path: None, body: None, attempt: 1 }
    }

    /// The id in the route.
    #[must_use]
    pub(super) fn id(mut self, id: impl std::fmt::Display) -> Self {
        self.path = Some(self.route.path(id));
        self
    }

    /// What is sent.
    #[must_use]
    pub(super) fn body(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// Which try it is, from 1.
    #[must_use]
    pub(super) const fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }
}

impl Reply {
    /// An answer without body.
    pub(super) const fn of(status: u16) -> Self {
        Self { answer: Answer { status: Some(status), error: None }, body: None }
    }

    /// An answer that says why it failed, to the log too.
    pub(super) const fn failed(status: u16, error: &'static str) -> Self {
        Self { answer: Answer { status: Some(status), error: Some(error) }, body: None }
    }

    /// No answer at all.
    const fn none(error: &'static str) -> Self {
        Self { answer: Answer { status: None, error: Some(error) }, body: None }
    }

    /// What is sent back.
    #[must_use]
    pub(super) fn body(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// Whether it was done.
    pub(super) fn is_ok(&self) -> bool {
        self.answer.status.is_some_and(|status| status < 400)
    }
}

impl<'a, W: Write> Stage<'a, W> {
    /// An empty stage.
    pub(super) fn new(journal: &'a mut Journal<W>, ids: &'a mut Ids, rng: &'a mut Rng, now: Timestamp) -> Self {
        let (trace, now) = (ids.trace(), micros(now));
        let (current, carried, order, customer, model) = (None, None, None, None, None);
        Self { journal, ids, rng, now, trace, current, carried, order, customer, model }
    }

    /// From here on the lines are about this order.
    pub(super) const fn about(&mut self, order: &Order) {
        self.order = Some((order.id, order.status));
        self.customer = Some(order.customer);
    }

    /// From here on the lines are about this order, and name no customer.
    pub(super) const fn about_nobodys(&mut self, order: &Order) {
        self.order = Some((order.id, order.status));
        self.customer = None;
    }

    /// From here on the lines name this customer.
    pub(super) const fn customer(&mut self, id: u32) {
        self.customer = Some(id);
    }

    /// From here on the lines name this 3D model.
    pub(super) fn model(&mut self, id: &str) {
        self.model = Some(id.to_owned());
    }

    /// The clock of this stage.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The trace of all its lines.
    pub(super) fn trace(&self) -> &str {
        &self.trace
    }

    /// Time passes: between half of `typical` and several times as much.
    pub(super) fn pause(&mut self, typical: Duration) {
        let half = typical.div_f64(2.0);
        self.now = micros(self.now.after(half + self.rng.exponential(half)));
    }

    /// Nothing happens until `at`, or a little after.
    pub(super) fn arrive(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        self.pause(Duration::from_millis(60));
    }

    /// A service is called, from outside or by whoever called just now; `inner` is what it does about it.
    pub(super) fn serve(&mut self, service: Service, call: &Call, inner: impl FnOnce(&mut Self) -> Reply) -> Reply {
        self.side(service, Direction::In, None, call, |stage| {
            stage.pause(Duration::from_millis(3));
            let reply = inner(stage);
            stage.pause(Duration::from_millis(2));
            reply
        })
    }

    /// A service takes from the queue what was published just now.
    pub(super) fn consume(&mut self, service: Service, call: &Call, inner: impl FnOnce(&mut Self) -> Reply) -> Reply {
        self.side(service, Direction::In, Some(QUEUE), call, |stage| {
            let reply = inner(stage);
            stage.pause(Duration::from_millis(1));
            reply
        })
    }

    /// `from` calls another service; `inner` is what that one does about it.
    pub(super) fn call(&mut self, from: Service, call: &Call, inner: impl FnOnce(&mut Self) -> Reply) -> Reply {
        self.pause(Duration::from_micros(200));
        self.side(from, Direction::Out, Some(call.route.server), call, |stage| {
            stage.pause(Duration::from_micros(400));
            let server = Service::ALL.into_iter().find(|service| service.name() == call.route.server);
            let reply = match server {
                Some(server) => stage.serve(server, call, inner),
                None => inner(stage),
            };
            stage.pause(Duration::from_micros(400));
            reply
        })
    }

    /// `from` calls, and nobody answers.
    pub(super) fn call_lost(&mut self, from: Service, call: &Call, took: Duration, error: &'static str) {
        self.side(from, Direction::Out, Some(call.route.server), call, |stage| {
            stage.pause(took);
            Reply::none(error)
        });
    }

    /// The order changes its status within `service`; a new order has come into being.
    pub(super) fn becomes(&mut self, service: Service, status: Status) {
        self.pause(Duration::from_millis(4));
        let Some((id, from)) = self.order else { return };
        let id = id.to_string();
        let from = (from != status).then_some(from.as_str());
        let trace = self.current.as_ref().map(|spot| spot.of(&self.trace));
        let record = change(self.now, ("order", &id), from, status.as_str(), trace);
        self.journal.record(service, self.now, &record);
        self.order = self.order.map(|(id, _)| (id, status));
    }

    /// The 3D model changes its status within `service`.
    pub(super) fn model_becomes(&mut self, service: Service, from: Option<ModelStatus>, to: ModelStatus) {
        self.pause(Duration::from_millis(20));
        let Some(id) = &self.model else { return };
        let trace = self.current.as_ref().map(|spot| spot.of(&self.trace));
        let record = change(self.now, ("model", id), from.map(ModelStatus::as_str), to.as_str(), trace);
        self.journal.record(service, self.now, &record);
    }

    /// A line that is not of the house format.
    pub(super) fn text(&mut self, service: Service, text: String) {
        self.journal.text(service, self.now, text);
    }

    fn side(
        &mut self,
        service: Service,
        dir: Direction,
        peer: Option<&'static str>,
        call: &Call,
        inner: impl FnOnce(&mut Self) -> Reply,
    ) -> Reply {
        let spot = self.next_spot(dir);
        let outer = self.current.replace(spot.clone());
        let trace = self.trace.clone();
        let side = Side {
            endpoint: call.route.endpoint,
            path: call.path.as_deref(),
            dir,
            peer,
            attempt: (dir == Direction::Out).then_some(call.attempt),
            trace: spot.of(&trace),
        };
        let began = self.now;
        let subject = Subject { order: self.order, customer: self.customer, model: self.model.as_deref() };
        self.journal.record(service, began, &side.request(began, &subject, call.body.as_deref()));
        let reply = inner(self);
        let took = self.now.since(began);
        let subject = Subject { order: self.order, customer: self.customer, model: self.model.as_deref() };
        let line = side.response(self.now, &subject, reply.answer, took, reply.body.as_deref());
        self.journal.record(service, self.now, &line);
        self.current = outer;
        reply
    }

    /// The ids of the next side: who is called takes up what its caller sent along.
    fn next_spot(&mut self, dir: Direction) -> Spot {
        let span = self.ids.span();
        if dir == Direction::Out {
            let parent = self.current.as_ref().map(|spot| spot.span.clone());
            let spot = Spot { span, parent, request: self.ids.span() };
            self.carried = Some(spot.clone());
            return spot;
        }
        match self.carried.take() {
            Some(caller) => Spot { span, parent: Some(caller.span), request: caller.request },
            None => Spot { span, parent: None, request: self.ids.span() },
        }
    }
}

/// Services' clocks tell microseconds.
const fn micros(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0.rem_euclid(1_000))
}

impl Spot {
    fn of<'s>(&'s self, trace: &'s str) -> Trace<'s> {
        Trace { id: trace, span: &self.span, parent: self.parent.as_deref(), request: &self.request }
    }
}
