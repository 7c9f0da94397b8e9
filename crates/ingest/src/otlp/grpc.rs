//! OTLP over gRPC: one message in a frame, and the answer's status in trailers (grpc.io, "gRPC over HTTP2").

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http_body_util::{BodyExt as _, Full};

use super::export::{self, Export, Manners};
use crate::decoded::clip_to;
use crate::loki::PushReply;
use crate::protobuf::{field, varint_field};
use crate::{DecodeError, Endpoint, Limits};

/// The method that exporters call; it is the path of the request.
pub const METHOD: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
/// Says how a message with the flag of compression is compressed.
pub(super) const ENCODING: &str = "grpc-encoding";

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const KIND: HeaderValue = HeaderValue::from_static("application/grpc");
/// A flag and a length stand before a message.
const PREFIX: usize = 5;
/// Longest text of an error; what follows is cut.
const MAX_TEXT: usize = 1_000;

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcReply {
    /// What the server should log; the sender is not told.
    pub detail: Option<String>,
    answer: Result<Vec<u8>, Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    /// Of HTTP.
    status: StatusCode,
    text: String,
    retry_after: Option<Duration>,
}

/// Takes one export: reads the body, decodes it, appends the good part to the sink and words the reply.
pub async fn grpc(endpoint: &Endpoint, limits: &Arc<Limits>, asked: Export) -> GrpcReply {
    match export::take(endpoint, limits, Export { manners: Manners::Grpc, ..asked }).await {
        Ok(decoded) => GrpcReply { detail: None, answer: Ok(export::response(&decoded)) },
        Err(PushReply { status, text, retry_after, detail }) => {
            GrpcReply { detail, answer: Err(Refusal { status, text, retry_after }) }
        }
    }
}

/// The message in the only frame of a request, and how it is compressed.
pub(super) fn message<'a>(
    body: &'a [u8],
    encoding: Option<&'a str>,
) -> Result<(&'a [u8], Option<&'a str>), DecodeError> {
    let invalid = |text: &str| Err(DecodeError::Invalid(text.to_owned()));
    let Some((&[flag, a, b, c, d], message)) = body.split_first_chunk::<PREFIX>() else {
        return invalid("the request holds no message of gRPC: a flag and a length of four bytes stand before it");
    };
    if u32::from_be_bytes([a, b, c, d]) as usize != message.len() {
        return invalid("the length before the message of gRPC is not that of what follows; want one message");
    }
    match (flag, encoding) {
        (0, _) => Ok((message, None)),
        (1, Some(_)) => Ok((message, encoding)),
        (1, None) => invalid("the message is compressed, and `grpc-encoding` does not say how"),
        _ => invalid("the flag before the message of gRPC is neither 0 nor 1"),
    }
}

impl GrpcReply {
    /// A refusal by what stands in front, by its status in HTTP.
    pub fn refused(status: StatusCode, text: String, retry_after: Option<Duration>) -> Self {
        Self { detail: None, answer: Err(Refusal { status, text, retry_after }) }
    }
}

impl Refusal {
    /// As trailers. `RetryInfo` tells when to come back.
    fn trailers(&self) -> HeaderMap {
        let code = code(self.status);
        let text = clip_to(&self.text, MAX_TEXT);
        let mut trailers = HeaderMap::new();
        trailers.insert(STATUS, HeaderValue::from(code));
        if let Ok(text) = HeaderValue::from_str(&percent_encoded(text)) {
            trailers.insert("grpc-message", text);
        }
        let details = self.retry_after.map(|wait| STANDARD_NO_PAD.encode(retry_info(code, text, wait)));
        if let Some(Ok(details)) = details.map(|text| HeaderValue::from_str(&text)) {
            trailers.insert("grpc-status-details-bin", details);
        }
        trailers
    }
}

impl IntoResponse for GrpcReply {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, KIND)];
        match self.answer {
            Ok(message) => {
                // An answer to an export is far shorter than 4 GiB.
                let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
                let frame = [&[0], length.as_slice(), &message].concat();
                let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
                (kind, Body::new(Full::from(frame).with_trailers(async { Some(Ok(trailers)) }))).into_response()
            }
            // Nothing but trailers: they are the headers then.
            Err(refusal) => (kind, refusal.trailers()).into_response(),
        }
    }
}

/// The status of gRPC for one of HTTP. Exporters try again after UNAVAILABLE (14) and DEADLINE_EXCEEDED (4) only.
fn code(status: StatusCode) -> u64 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
        StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::TOO_MANY_REQUESTS => 14,
        status if status.is_server_error() => 14,
        _ => 3,
    }
}

/// `Status { 1: code, 2: message, 3: Any { 1: type_url, 2: RetryInfo { 1: Duration { 1: seconds, 2: nanos } } } }`.
fn retry_info(code: u64, text: &str, wait: Duration) -> Vec<u8> {
    let [mut duration, mut info, mut any, mut status] = [const { Vec::new() }; 4];
    varint_field(&mut duration, 1, wait.as_secs());
    varint_field(&mut duration, 2, u64::from(wait.subsec_nanos()));
    field(&mut info, 1, &duration);
    field(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
    field(&mut any, 2, &info);
    varint_field(&mut status, 1, code);
    field(&mut status, 2, text.as_bytes());
    field(&mut status, 3, &any);
    status
}

/// As `grpc-message` has it: printable ASCII but `%` as it is.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            // Writing to a text cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_one_message() {
        assert_eq!(message(&[0, 0, 0, 0, 2, 7, 8], Some("gzip")).unwrap(), ([7, 8].as_slice(), None));
        assert_eq!(message(&[1, 0, 0, 0, 1, 7], Some("gzip")).unwrap(), ([7].as_slice(), Some("gzip")));
        assert_eq!(message(&[0, 0, 0, 0, 0], None).unwrap(), ([].as_slice(), None));
        let wrong: [(&[u8], Option<&str>); 6] = [
            (&[], None),
            (&[0, 0, 0, 0], None),
            (&[0, 0, 0, 0, 2, 7], None),
            (&[0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0], None),
            (&[1, 0, 0, 0, 1, 7], None),
            (&[2, 0, 0, 0, 1, 7], Some("gzip")),
        ];
        for (body, encoding) in wrong {
            assert!(message(body, encoding).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_refusal_is_a_status_with_a_text_that_no_header_breaks_on() {
        let text = "100 % — no\nroom".to_owned();
        let refused = |status, wait| GrpcReply::refused(status, text.clone(), wait).into_response();
        let response = refused(StatusCode::UNAUTHORIZED, None);
        assert_eq!(response.status(), StatusCode::OK);
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("grpc-status").as_deref(), Some("16"));
        assert_eq!(header("grpc-message").as_deref(), Some("100 %25 %E2%80%94 no%0Aroom"));
        assert_eq!(header("grpc-status-details-bin"), None);
        let response = refused(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(3)));
        assert_eq!(response.headers()["grpc-status"], "14", "exporters try again after UNAVAILABLE");
        let details = STANDARD_NO_PAD.decode(response.headers()["grpc-status-details-bin"].as_bytes()).unwrap();
        assert!(details.windows(2).any(|pair| pair == [8, 3]), "three seconds: {details:?}");
    }
}
