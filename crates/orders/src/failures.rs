//! What went wrong with objects, as rules on failed changes need it.

use arrow::array::RecordBatch;
use auth::Services;
use logline::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::table::{Events, ORDER_EVENTS};
use crate::{Error, ObjectRef, tell, wire};

/// Errors that are told at most; of more, the newest.
const ERRORS: usize = 10_000;

/// A call that failed or an error that was reported while an object was in a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionError {
    /// Which object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// When.
    #[serde(with = "wire::time")]
    pub time: Timestamp,
    /// Hash of the line: the same error has the same id whenever it is asked for.
    pub id: String,
    /// The status the line gives: the one that was to be left.
    pub status: Option<String>,
    /// The service that wrote it.
    pub service: String,
    /// Method and route template.
    pub endpoint: String,
    /// The other side, if this service called it.
    pub peer: Option<String>,
    /// The HTTP status.
    pub http_status: Option<u16>,
    /// Whether the other side did not want it (4xx); else it broke.
    pub rejected: bool,
    /// The `error` of the line, shortened; none if there is none or the reader may not see it.
    pub error: Option<String>,
    /// Set when the reader may not see this service's lines.
    pub hidden: bool,
    /// Which try it was.
    pub attempt: Option<u32>,
    /// The trace.
    pub trace_id: Option<String>,
}

/// The errors among rows, the oldest first.
pub(crate) fn transition_errors(rows: &[RecordBatch], services: &Services) -> Result<Vec<TransitionError>, Error> {
    let mut events = Vec::new();
    for batch in rows {
        events.extend(Events::of(batch).ok_or(Failure::Columns(ORDER_EVENTS))?.iter().filter(|event| event.failed()));
    }
    tell::sort(&mut events);
    let old = events.len().saturating_sub(ERRORS);
    let text = |text: Option<&str>| text.map(str::to_owned);
    let told = events.iter().skip(old).map(|event| {
        let hidden = !services.contains(event.service);
        TransitionError {
            object: ObjectRef { object: event.object.to_owned(), id: event.object_id.to_owned() },
            time: event.time,
            id: crate::table::id_text(event.id),
            status: text(event.status),
            service: event.service.to_owned(),
            endpoint: event.endpoint.to_owned(),
            peer: text(event.peer),
            http_status: event.http_status,
            rejected: event.outcome == Some(crate::event::Outcome::Rejected),
            error: text(event.error).filter(|_| !hidden),
            hidden,
            attempt: event.attempt,
            trace_id: text(event.trace_id),
        }
    });
    Ok(told.collect())
}
