//! One push from its HTTP request to its reply.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use logline::{Batch, Tenant};

use super::{Context, Version, decode};
use crate::rate::TooFast;
use crate::{BATCH_HEADER, DecodeError, Endpoint, Limits, SinkError, parse_batch_id};

/// A push whose sender and tenant are known.
#[derive(Debug)]
pub struct Push {
    /// Whose lines these are.
    pub tenant: Tenant,
    /// Which of the two routes it came by.
    pub version: Version,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body, not read yet.
    pub body: Body,
}

/// The answer to a push, in Loki's shape: plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushReply {
    /// 204 when everything is stored; 400 may mean that a part is.
    pub status: StatusCode,
    /// What was wrong; empty with 204.
    pub text: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What the server should log; the sender is not told.
    pub detail: Option<String>,
}

/// How long the rest of a body that is too large is read.
const MAX_DISCARD_WAIT: Duration = Duration::from_secs(10);

/// Takes one push: reads the body, decodes it, appends the good part to the sink and words the reply.
pub async fn push(endpoint: &Endpoint, limits: &Arc<Limits>, push: Push) -> PushReply {
    match take(endpoint, limits, push).await {
        Ok(()) => PushReply::new(StatusCode::NO_CONTENT, String::new()),
        Err(reply) => reply,
    }
}

async fn take(endpoint: &Endpoint, limits: &Arc<Limits>, push: Push) -> Result<(), PushReply> {
    let id = match push.headers.get(BATCH_HEADER) {
        Some(value) => {
            Some(parse_batch_id(value.to_str().unwrap_or_default()).map_err(|error| PushReply::bad_request(&error))?)
        }
        None => None,
    };
    let body = read(&push.headers, push.body, limits).await?;
    let received = endpoint.now();
    let (own, masking) = (Arc::clone(limits), endpoint.masking().clone());
    let decoded = endpoint.decode(move || {
        let text = |name| push.headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()));
        let (kind, encoding) = (text(header::CONTENT_TYPE), text(header::CONTENT_ENCODING));
        let context = Context { limits: &own, masking: &masking, now: received };
        decode(kind.as_deref(), encoding.as_deref(), &body, push.version, &context)
    });
    let decoded = decoded.await.ok_or_else(PushReply::overloaded)?.map_err(PushReply::from)?;
    let batch = Batch { tenant: push.tenant, streams: decoded.streams, id, received };
    endpoint.admit(&batch, limits)?;
    endpoint.store(batch, decoded.rejected.lines(), decoded.hits).await.map_err(PushReply::from)?;
    if decoded.rejected.is_empty() { Ok(()) } else { Err(PushReply::bad_request(&decoded.rejected)) }
}

/// The body of a request, within the limits.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes, PushReply> {
    let max = limits.max_body_bytes;
    let too_large = || {
        PushReply::new(StatusCode::PAYLOAD_TOO_LARGE, format!("request body is larger than the limit of {max} bytes"))
    };
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut chunks = body.into_data_stream();
    if told.is_some_and(|length| length > max) {
        discard(&mut chunks, 2 * max).await;
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut rest = Vec::new();
    let collect = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| PushReply::bad_request(&"the request body ended early"))?;
            if first.len() + rest.len() + chunk.len() > max {
                discard(&mut chunks, 2 * max).await;
                return Err(too_large());
            }
            if first.is_empty() {
                first = chunk;
            } else {
                rest.extend_from_slice(&chunk);
            }
        }
        Ok(())
    };
    let late = |_| PushReply::new(StatusCode::REQUEST_TIMEOUT, "the request body took too long".to_owned());
    tokio::time::timeout(limits.max_body_wait, collect).await.map_err(late)??;
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([&first, rest.as_slice()].concat().into())
}

/// Reads on for a while without keeping anything: a sender whose connection breaks while it writes never sees the reply.
async fn discard(chunks: &mut BodyDataStream, most: usize) {
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            bytes += chunk.len();
            if most < bytes {
                break;
            }
        }
    };
    // Late or not, the reply is the same.
    drop(tokio::time::timeout(MAX_DISCARD_WAIT, read).await);
}

impl PushReply {
    fn new(status: StatusCode, text: String) -> Self {
        Self { status, text, retry_after: None, detail: None }
    }

    fn bad_request(reason: &impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason.to_string())
    }

    pub(crate) fn overloaded() -> Self {
        let text = "too many pushes are waiting to be decoded".to_owned();
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text) }
    }
}

impl From<DecodeError> for PushReply {
    fn from(error: DecodeError) -> Self {
        let status = match &error {
            DecodeError::Invalid(_) => StatusCode::BAD_REQUEST,
            DecodeError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            DecodeError::NoStreams => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.to_string())
    }
}

impl From<TooFast> for PushReply {
    fn from(error: TooFast) -> Self {
        let retry_after = Some(error.retry_after);
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()) }
    }
}

impl From<SinkError> for PushReply {
    fn from(error: SinkError) -> Self {
        let (status, retry_after) = match &error {
            SinkError::Busy { retry_after } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after)),
            SinkError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(1))),
            SinkError::Full => (StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(30))),
            SinkError::Invalid(_) => (StatusCode::BAD_REQUEST, None),
            SinkError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        let (text, detail) = match &error {
            SinkError::Internal(_) => ("internal error".to_owned(), Some(error.to_string())),
            SinkError::Unavailable(_) => ("storage is unavailable".to_owned(), Some(error.to_string())),
            SinkError::Busy { .. } | SinkError::Full | SinkError::Invalid(_) => (error.to_string(), None),
        };
        Self { status, text, retry_after, detail }
    }
}

impl IntoResponse for PushReply {
    fn into_response(self) -> Response {
        if self.status == StatusCode::NO_CONTENT {
            return self.status.into_response();
        }
        let shape = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        let mut response = (self.status, shape, self.text + "\n").into_response();
        if let Some(wait) = self.retry_after {
            retry_after(&mut response, wait);
        }
        response
    }
}

/// Asks for another try after `wait`, in whole seconds.
pub(crate) fn retry_after(response: &mut Response, wait: Duration) {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
}

#[cfg(test)]
mod tests;
