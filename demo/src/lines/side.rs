//! One side of one call, and what it logs: a REQ and a RESP line; in between, STATUS lines. Laid out as the SDK does it,
//! which a test compares.

use std::time::Duration;

use logline::{Direction, Kind, Record, Timestamp};

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

/// Where a call stands in its trace.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// Of the whole chain.
    pub id: &'a str,
    /// Of this side.
    pub span: &'a str,
    /// Of the side that caused this one.
    pub parent: Option<&'a str>,
    /// Pairs the lines of this call, on both of its sides.
    pub request: &'a str,
}

/// One side of a call: the server that is called, or the client that calls.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What is called, or which queue is used.
    pub endpoint: &'static str,
    /// The real path, where it differs from the template.
    pub path: Option<&'a str>,
    /// Called, or calling.
    pub dir: Direction,
    /// Whom it calls; or the queue that it is fed from.
    pub peer: Option<&'static str>,
    /// Which try it is, from 1; only callers know.
    pub attempt: Option<u32>,
    /// Its ids.
    pub trace: Trace<'a>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Such as 200; none if nobody answered.
    pub status: Option<u16>,
    /// Why it failed, if the service knows.
    pub error: Option<&'static str>,
}

impl<'a> Side<'a> {
    /// The line at the beginning of the call.
    pub fn request(&self, at: Timestamp, subject: &Subject<'a>, body: Option<&'a str>) -> Record<'a> {
        with_body(self.head(at, Kind::Req, subject), body)
    }

    /// The line at its end; the subject has its new status.
    pub fn response(
        &self,
        at: Timestamp,
        subject: &Subject<'a>,
        answer: Answer,
        took: Duration,
        body: Option<&'a str>,
    ) -> Record<'a> {
        let record = self
            .head(at, Kind::Resp, subject)
            .maybe("http_status", answer.status)
            .field("duration_ms", millis(took))
            .maybe("error", answer.error);
        with_body(record, body)
    }

    fn head(&self, at: Timestamp, kind: Kind, subject: &Subject<'a>) -> Record<'a> {
        about(Record::new(at, kind, self.endpoint), subject)
            .field("trace_id", self.trace.id)
            .field("span_id", self.trace.span)
            .maybe("parent_span_id", self.trace.parent)
            .field("request_id", self.trace.request)
            .field("dir", self.dir.as_str())
            .maybe("peer", self.peer)
            .maybe("attempt", self.attempt)
            .maybe("path", self.path)
    }
}

/// A STATUS line: an object's change, within a call or by itself.
pub fn change<'a>(
    at: Timestamp,
    object: (&'static str, &'a str),
    from: Option<&'a str>,
    to: &'a str,
    trace: Option<Trace<'a>>,
) -> Record<'a> {
    let (kind, id) = object;
    let key = if kind == "order" { "order_id" } else { "model_id" };
    let record = Record::new(at, Kind::Status, kind).field(key, id).change(from, to);
    match trace {
        Some(trace) => {
            record.field("trace_id", trace.id).field("span_id", trace.span).field("request_id", trace.request)
        }
        None => record,
    }
}

fn about<'a>(record: Record<'a>, subject: &Subject<'a>) -> Record<'a> {
    let record = match subject.order {
        Some((id, status)) => record.order(id, status.as_str()),
        None => record,
    };
    record.maybe("customer_id", subject.customer).maybe("model_id", subject.model)
}

fn with_body<'a>(record: Record<'a>, body: Option<&'a str>) -> Record<'a> {
    match body {
        Some(body) => record.body_json(body),
        None => record,
    }
}

fn millis(took: Duration) -> f64 {
    took.as_micros() as f64 / 1000.0
}
