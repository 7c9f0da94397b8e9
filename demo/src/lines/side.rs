//! One side of one call, and what it logs: a REQ and a RESP line. In between, STATUS lines.

use std::time::Duration;

use logline::{Direction, Kind, Record, Timestamp};

use super::Route;
use crate::world::Status;

/// What a line is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The order and the status it has at this moment.
    pub order: Option<(u64, Status)>,
    /// Who asks.
    pub customer: Option<u32>,
    /// The 3D model in question.
    pub model: Option<&'a str>,
}

/// One side of a call: the server that is called, or the client that calls.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// What is called.
    pub route: Route,
    /// The real path, where it differs from the template.
    pub path: Option<&'a str>,
    /// Called, or calling.
    pub dir: Direction,
    /// Which try it is, from 1; told from the second on.
    pub attempt: u32,
    /// The trace of the whole chain.
    pub trace: &'a str,
    /// This side's span.
    pub span: &'a str,
    /// Pairs the two lines.
    pub request: &'a str,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// Why it failed, if the service knows.
    pub error: Option<&'static str>,
}

impl Answer {
    /// An answer without fault.
    pub const fn ok(status: u16) -> Self {
        Self { status, error: None }
    }

    /// An answer that tells why it failed.
    pub const fn failed(status: u16, error: &'static str) -> Self {
        Self { status, error: Some(error) }
    }

    /// Whether it was done.
    pub const fn is_ok(&self) -> bool {
        self.status < 400
    }
}

impl<'a> Side<'a> {
    /// The line at the beginning of the call.
    pub fn request(&self, at: Timestamp, subject: &Subject<'a>, body: Option<&'a str>) -> Record<'a> {
        let record = self.head(at, Kind::Req, subject);
        match body {
            Some(body) => record.body_json(body),
            None => record,
        }
    }

    /// The line at its end; the subject has its new status.
    pub fn response(
        &self,
        at: Timestamp,
        subject: &Subject<'a>,
        answer: &Answer,
        took: Duration,
        body: Option<&'a str>,
    ) -> Record<'a> {
        let record = self
            .head(at, Kind::Resp, subject)
            .field("http_status", answer.status)
            .field("duration_ms", millis(took))
            .maybe("error", answer.error);
        match body {
            Some(body) => record.body_json(body),
            None => record,
        }
    }

    fn head(&self, at: Timestamp, kind: Kind, subject: &Subject<'a>) -> Record<'a> {
        about(Record::new(at, kind, self.route.endpoint), subject)
            .field("trace_id", self.trace)
            .field("span_id", self.span)
            .field("request_id", self.request)
            .field("dir", self.dir.as_str())
            .maybe("peer", (self.dir == Direction::Out).then_some(self.route.server))
            .maybe("path", self.path)
            .maybe("attempt", (self.attempt > 1).then_some(self.attempt))
    }
}

fn about<'a>(record: Record<'a>, subject: &Subject<'a>) -> Record<'a> {
    let record = match subject.order {
        Some((id, status)) => record.order(id, status.as_str()),
        None => record,
    };
    record.maybe("customer_id", subject.customer).maybe("model_id", subject.model)
}

/// A STATUS line: an order's or a model's change within the call of this trace.
pub fn change<'a>(
    at: Timestamp,
    object: (&'static str, &'a str),
    from: Option<&'a str>,
    to: &'a str,
    trace: &'a str,
    span: &'a str,
) -> Record<'a> {
    let (kind, id) = object;
    let key = if kind == "order" { "order_id" } else { "model_id" };
    Record::new(at, Kind::Status, kind)
        .field(key, id)
        .change(from, to)
        .field("trace_id", trace)
        .field("span_id", span)
}

/// Milliseconds with three decimals at most.
fn millis(took: Duration) -> String {
    let micros = took.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}
