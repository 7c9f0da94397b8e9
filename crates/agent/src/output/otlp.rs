//! OTLP over HTTP, in protobuf: a resource a stream, a log record a line.
//!
//! `ExportLogsServiceRequest { 1: ResourceLogs { 1: Resource { 1: attributes }, 2: ScopeLogs { 2: LogRecord } } }`,
//! `LogRecord { 1: time, 11: observed time, 5: body, 6: attributes }`, `KeyValue { 1: key, 2: AnyValue { 1: string } }`.

use ingest::protobuf::{field, field_len, fixed64_field, head};
use prost::encoding::decode_varint;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};

use super::{Broken, Format, Refusal, Request, Verdict, compress, say_compression, streams};
use crate::config::Compression;
use crate::spool::Record;

/// Bodies are whole requests: a part cannot be sent again.
#[derive(Clone, Debug)]
pub(super) struct Otlp {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
}

impl Format for Otlp {
    fn encode(&self, record: &Record) -> Result<Request, Broken> {
        let mut out = Vec::new();
        let (mut resource, mut scope, mut log) = (Vec::new(), Vec::new(), Vec::new());
        for stream in streams(record)? {
            resource.clear();
            scope.clear();
            for (name, value) in stream.labels.iter() {
                attribute(&mut resource, 1, name, value);
            }
            // The name that the other side goes by.
            if let Some(service) = stream.labels.get("service_name").or_else(|| stream.labels.get("service")) {
                attribute(&mut resource, 1, "service.name", service);
            }
            for entry in &stream.entries {
                log.clear();
                fixed64_field(&mut log, 1, entry.timestamp.0);
                head(&mut log, 5, field_len(entry.line.len()));
                field(&mut log, 1, entry.line.as_bytes());
                for (name, value) in &entry.metadata {
                    attribute(&mut log, 6, name, value);
                }
                fixed64_field(&mut log, 11, record.head.at);
                field(&mut scope, 2, &log);
            }
            head(&mut out, 1, field_len(resource.len()) + field_len(scope.len()));
            field(&mut out, 1, &resource);
            field(&mut out, 2, &scope);
        }
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        say_compression(&mut headers, self.compression);
        let (url, body) = (self.url.clone(), compress(&out.into(), self.compression));
        Ok(Request { url, headers, body, lines: u64::from(record.head.lines), parts: None })
    }

    /// A success may name records that were not taken: `{ 1: partial_success { 1: rejected, 2: message } }`.
    fn judge(&self, _: &Request, status: StatusCode, body: &[u8]) -> Verdict {
        match Verdict::of(status) {
            Verdict::Stored(_) => Verdict::Stored(refusal(body).unwrap_or_default()),
            verdict => verdict,
        }
    }
}

fn refusal(body: &[u8]) -> Option<Refusal> {
    let mut partial = bytes_field(body, 1)?;
    if decode_varint(&mut partial).ok()? != 1 << 3 {
        return None;
    }
    let lines = decode_varint(&mut partial).ok()?;
    let reason = String::from_utf8_lossy(bytes_field(partial, 2).unwrap_or_default()).into_owned();
    Some(Refusal { lines, reason })
}

/// What the field at the begin of a message holds, if it is this one.
fn bytes_field(mut message: &[u8], tag: u64) -> Option<&[u8]> {
    if decode_varint(&mut message).ok()? != tag << 3 | 2 {
        return None;
    }
    let len = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
    message.get(..len)
}

/// A `KeyValue` with a string.
fn attribute(out: &mut Vec<u8>, tag: u64, name: &str, value: &str) {
    let any = field_len(value.len());
    head(out, tag, field_len(name.len()) + field_len(any));
    field(out, 1, name.as_bytes());
    head(out, 2, any);
    field(out, 1, value.as_bytes());
}
