//! One export from its HTTP request to its reply.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use logline::{Batch, Tenant};
use serde_json::json;

use super::{grpc, json, wire};
use crate::assemble::{Assembler, Context};
use crate::decoded::clip;
use crate::inflate::{gunzip, inflate, unzstd};
use crate::loki::{PushReply, read};
use crate::protobuf::{field, varint_field};
use crate::{DecodeError, Decoded, Endpoint, Limits};

/// How success is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// As Loki does: 204; a part that was refused is 400.
    Loki,
    /// As the specification says: 200 with an `ExportLogsServiceResponse`, which tells of what was refused.
    Standard,
    /// The same in frames and trailers of gRPC ([`super::grpc()`]).
    Grpc,
}

/// An export whose sender and tenant are known.
#[derive(Debug)]
pub struct Export {
    /// Whose lines these are.
    pub tenant: Tenant,
    /// How success is told.
    pub manners: Manners,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's body, not read yet.
    pub body: Body,
}

/// The answer to an export; errors are a `google.rpc.Status`, protobuf or JSON as the request was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReply {
    /// 2xx when it is stored; 429 and 503 ask to try again.
    pub status: StatusCode,
    /// What the server should log; the sender is not told.
    pub detail: Option<String>,
    body: Vec<u8>,
    is_json: bool,
    retry_after: Option<Duration>,
}

/// Takes one export: reads the body, decodes it, appends the good part to the sink and words the reply.
pub async fn export(endpoint: &Endpoint, limits: &Arc<Limits>, export: Export) -> ExportReply {
    let is_json = kind(&export.headers) == Some(Kind::Json);
    let manners = export.manners;
    match take(endpoint, limits, export).await {
        Ok(decoded) => match manners {
            Manners::Loki if decoded.rejected.is_empty() => ExportReply::empty(StatusCode::NO_CONTENT, is_json),
            Manners::Loki => ExportReply::error(
                PushReply {
                    status: StatusCode::BAD_REQUEST,
                    text: decoded.rejected.to_string(),
                    retry_after: None,
                    detail: None,
                },
                is_json,
            ),
            Manners::Standard | Manners::Grpc => ExportReply::success(&decoded, is_json),
        },
        Err(reply) => ExportReply::error(reply, is_json),
    }
}

/// Stores what can be; gives back what could not.
pub(super) async fn take(endpoint: &Endpoint, limits: &Arc<Limits>, export: Export) -> Result<Decoded, PushReply> {
    let body = read(&export.headers, export.body, limits).await?;
    let received = endpoint.now();
    let (own, masking, headers) = (Arc::clone(limits), endpoint.masking().clone(), export.headers);
    let decoded = endpoint.decode(move || {
        let text = |name| headers.get(name).map(|value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()));
        let context = Context { limits: &own, masking: &masking, now: received };
        if export.manners == Manners::Grpc {
            let encoding = headers.get(grpc::ENCODING).and_then(|value| value.to_str().ok());
            let (message, encoding) = grpc::message(&body, encoding)?;
            return decode(Some(PROTOBUF), encoding, message, &context);
        }
        let (kind, encoding) = (text(header::CONTENT_TYPE), text(header::CONTENT_ENCODING));
        decode(kind.as_deref(), encoding.as_deref(), &body, &context)
    });
    let mut decoded = decoded.await.ok_or_else(PushReply::overloaded)?.map_err(PushReply::from)?;
    let (streams, hits) = (std::mem::take(&mut decoded.streams), std::mem::take(&mut decoded.hits));
    let batch = Batch { tenant: export.tenant, streams, id: None, received };
    endpoint.admit(&batch, limits)?;
    endpoint.store(batch, decoded.rejected.lines(), hits).await.map_err(PushReply::from)?;
    Ok(decoded)
}

/// Decodes an export. Records that break a rule are left out and accounted for in [`Decoded::rejected`]; an error means
/// that nothing can be used.
pub fn decode(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Decoded, DecodeError> {
    let kind = Kind::of(content_type.unwrap_or_default());
    let kind = kind.ok_or_else(|| {
        let given = clip(content_type.unwrap_or_default());
        DecodeError::Invalid(format!(
            "content type {given:?} is not supported; want application/x-protobuf or application/json"
        ))
    })?;
    let max = context.limits.max_decoded_bytes;
    let body = match content_encoding.unwrap_or_default().trim() {
        "" | "identity" => Cow::Borrowed(body),
        "gzip" => gunzip(body, max)?,
        "zstd" => unzstd(body, max)?,
        "deflate" => inflate(body, max)?,
        other => return Err(DecodeError::Invalid(format!("Content-Encoding {:?} not supported", clip(other)))),
    };
    let mut assembler = Assembler::new(*context);
    match kind {
        Kind::Json => json::read(&body, context.now, &mut assembler)?,
        Kind::Protobuf => wire::read(&body, context.now, &mut assembler)?,
    }
    match assembler.finish() {
        // An exporter may have nothing to say.
        Err(DecodeError::NoStreams) => Ok(Decoded::default()),
        decoded => decoded,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Protobuf,
    Json,
}

const PROTOBUF: &str = "application/x-protobuf";

impl Kind {
    fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            kind if kind.eq_ignore_ascii_case(PROTOBUF) => Some(Self::Protobuf),
            kind if kind.eq_ignore_ascii_case("application/json") => Some(Self::Json),
            _ => None,
        }
    }
}

fn kind(headers: &HeaderMap) -> Option<Kind> {
    headers.get(header::CONTENT_TYPE).and_then(|kind| Kind::of(kind.to_str().ok()?))
}

/// `ExportLogsServiceResponse { 1: partial_success { 1: rejected_log_records, 2: error_message } }`; nothing when all is
/// stored.
pub(super) fn response(decoded: &Decoded) -> Vec<u8> {
    let (mut partial, mut out) = (Vec::new(), Vec::new());
    if !decoded.rejected.is_empty() {
        varint_field(&mut partial, 1, decoded.rejected.lines());
        field(&mut partial, 2, decoded.rejected.to_string().as_bytes());
        field(&mut out, 1, &partial);
    }
    out
}

/// The same in JSON.
fn response_json(decoded: &Decoded) -> Vec<u8> {
    let rejected = &decoded.rejected;
    if rejected.is_empty() {
        return b"{}".to_vec();
    }
    let partial = json!({"rejectedLogRecords": rejected.lines().to_string(), "errorMessage": rejected.to_string()});
    json!({"partialSuccess": partial}).to_string().into_bytes()
}

impl ExportReply {
    const fn empty(status: StatusCode, is_json: bool) -> Self {
        Self { status, detail: None, body: Vec::new(), is_json, retry_after: None }
    }

    fn success(decoded: &Decoded, is_json: bool) -> Self {
        let body = if is_json { response_json(decoded) } else { response(decoded) };
        Self { body, ..Self::empty(StatusCode::OK, is_json) }
    }

    /// `Status { 1: code, 2: message }`. Exporters try again after 429, 502, 503 and 504 only, so 500 is not among the answers.
    fn error(reply: PushReply, is_json: bool) -> Self {
        let status = match reply.status {
            StatusCode::INTERNAL_SERVER_ERROR => StatusCode::SERVICE_UNAVAILABLE,
            status => status,
        };
        let code: u64 = match status {
            StatusCode::TOO_MANY_REQUESTS => 8,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            StatusCode::REQUEST_TIMEOUT => 4,
            _ => 3,
        };
        let body = if is_json {
            json!({"code": code, "message": reply.text}).to_string().into_bytes()
        } else {
            let mut out = Vec::new();
            varint_field(&mut out, 1, code);
            field(&mut out, 2, reply.text.as_bytes());
            out
        };
        Self { status, detail: reply.detail, body, is_json, retry_after: reply.retry_after }
    }
}

impl IntoResponse for ExportReply {
    fn into_response(self) -> Response {
        if self.status == StatusCode::NO_CONTENT {
            return self.status.into_response();
        }
        let kind = if self.is_json { "application/json" } else { PROTOBUF };
        let mut response =
            (self.status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], self.body).into_response();
        if let Some(wait) = self.retry_after {
            crate::loki::retry_after(&mut response, wait);
        }
        response
    }
}
