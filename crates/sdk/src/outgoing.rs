//! Calls told by hand: for clients that are no tower service, and for queues.

use logline::Direction;

use crate::call::{Half, Head, REQUEST_ID, taken_over};
use crate::server::new_id;
use crate::trace::TRACEPARENT;
use crate::{Call, Log, ObjectContext, OpenCall, OrderContext, TraceContext};

/// A call that is being prepared. What is not said is taken from the [current call](Call::current): trace, order, objects.
#[derive(Debug)]
#[must_use = "the call begins with `start`"]
pub struct CallBuilder {
    log: Log,
    dir: Direction,
    endpoint: String,
    path: Option<String>,
    peer: String,
    attempt: Option<u32>,
    caller: Option<TraceContext>,
    request_id: Option<String>,
    order: Option<OrderContext>,
    objects: Vec<ObjectContext>,
    body: Option<String>,
}

impl Log {
    /// A call to another service: method and path or template, as in `POST /orders/{id}/price`.
    pub fn call(&self, peer: &str, endpoint: &str) -> CallBuilder {
        let builder = CallBuilder::new(self, Direction::Out, peer, endpoint.to_owned());
        let Some(current) = Call::current() else { return builder };
        CallBuilder {
            caller: Some(*current.trace()),
            order: current.order_now(),
            objects: current.objects(),
            ..builder
        }
    }

    /// A message given to a queue. Send [`Call::carried`] with it, and end the call with
    /// [`confirmed`](OpenCall::confirmed) when the queue has taken it.
    pub fn publish(&self, broker: &str, queue: &str) -> CallBuilder {
        self.call(broker, &format!("PUBLISH {queue}"))
    }

    /// A message taken from a queue, whose headers `carried` reads by name. Run the consumer in [`OpenCall::scope`].
    pub fn consume<'a>(&self, broker: &str, queue: &str, carried: impl Fn(&str) -> Option<&'a str>) -> CallBuilder {
        let builder = CallBuilder::new(self, Direction::In, broker, format!("CONSUME {queue}"));
        CallBuilder {
            attempt: None,
            caller: carried(TRACEPARENT).and_then(TraceContext::parse),
            request_id: carried(REQUEST_ID).and_then(taken_over),
            ..builder
        }
    }
}

impl CallBuilder {
    fn new(log: &Log, dir: Direction, peer: &str, endpoint: String) -> Self {
        Self {
            log: log.clone(),
            dir,
            endpoint,
            path: None,
            peer: peer.to_owned(),
            attempt: Some(1),
            caller: None,
            request_id: None,
            order: None,
            objects: Vec::new(),
            body: None,
        }
    }

    /// Which attempt it is; 1 is the first.
    pub fn attempt(self, attempt: u32) -> Self {
        Self { attempt: Some(attempt), ..self }
    }

    /// The order it is about.
    pub fn order(self, order: &OrderContext) -> Self {
        Self { order: Some(order.clone()), ..self }
    }

    /// Another object it is about.
    pub fn object(mut self, object: ObjectContext) -> Self {
        self.objects.push(object);
        self
    }

    /// The real path, when the endpoint is a template.
    pub fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// What is sent, or was received.
    pub fn body(self, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self }
    }

    /// Begins the call and writes its REQ line.
    pub fn start(self) -> OpenCall {
        let open = self.open();
        open.call().write_request();
        open
    }

    /// Begins the call; REQ is written later.
    pub(crate) fn open(self) -> OpenCall {
        let head = Head {
            dir: self.dir,
            endpoint: self.endpoint,
            path: self.path,
            peer: Some(self.peer),
            attempt: self.attempt,
            trace: self.log.trace(self.caller),
            request_id: self.request_id.unwrap_or_else(|| new_id(&self.log)),
            started: self.log.now(),
        };
        let limit = self.log.settings().body_limit;
        let call = Call::new(self.log, head);
        call.about(self.order, self.objects);
        if let Some(body) = self.body {
            call.note(Half::Request, |message| message.take(body.as_bytes(), limit));
        }
        OpenCall::new(call)
    }
}

#[cfg(test)]
mod tests;
