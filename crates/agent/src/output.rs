//! What an output is: a format that writes a batch as requests and reads their answers. One file a destination.

mod bulk;
mod json;
mod loki;
mod otlp;
mod splunk;

use std::fmt;
use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use flate2::write::GzEncoder;
use ingest::loki::{Context, Version, decode};
use ingest::{Limits, Masking};
use logline::{Stream, Timestamp};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};

use crate::config::{self, Compression, Destination};
use crate::spool::Record;

/// How batches are written for one kind of destination. Pure: the sending is [`crate::ship`]'s.
pub(crate) trait Format: Send + Sync + fmt::Debug {
    /// Whether batches go out one at a time, in their order.
    fn is_ordered(&self) -> bool {
        false
    }
    /// The request that carries a batch.
    fn encode(&self, record: &Record) -> Result<Request, Broken>;
    /// What an answer with this status and body means.
    fn judge(&self, request: &Request, status: StatusCode, body: &[u8]) -> Verdict;
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// As it is sent.
    pub(crate) body: Bytes,
    /// Lines in it.
    pub(crate) lines: u64,
    /// Its text and where each line stands in it, for formats of which a part can be sent again.
    pub(crate) parts: Option<Parts>,
}

/// The lines of a request, before compression.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    text: Bytes,
    at: Vec<Range<usize>>,
    compression: Compression,
}

/// What an answer means.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The server has the lines, but for those that it will never take.
    Stored(Refusal),
    /// It does not want the request, or a part of it, and never will.
    Refused,
    /// The same may do better later.
    Later,
    /// It has the lines, but may lose them yet; this request asks whether they are safe.
    Ask { question: Box<Request> },
    /// It has a part; the rest may do better later. Some of the others it will never take.
    Rest { request: Box<Request>, refused: Refusal },
}

/// Lines that a server will never take, and what it says of the first one that it says something of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) lines: u64,
    /// As it came.
    pub(crate) reason: String,
}

/// A batch of the spool that cannot be read: our own bug, since its checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch cannot be decoded")]
pub(crate) struct Broken;

/// The format of an output.
pub(crate) fn format(output: &config::Output, agent: &str) -> Box<dyn Format> {
    let url = output.url.clone();
    let mut headers = HeaderMap::new();
    if let Some(tenant) = output.tenant.as_ref().and_then(|tenant| HeaderValue::from_str(tenant.as_str()).ok()) {
        headers.insert("x-scope-orgid", tenant);
    }
    let (compression, index) = (output.compression, output.index.clone());
    match output.kind {
        Destination::Lapidary => Box::new(loki::Loki { url, headers, agent: Some(agent.to_owned()) }),
        Destination::Loki => Box::new(loki::Loki { url, headers, agent: None }),
        Destination::Otlp => Box::new(otlp::Otlp { url, headers, compression }),
        Destination::Elasticsearch | Destination::Opensearch => {
            Box::new(bulk::Bulk { url, headers, compression, index, agent: agent.to_owned() })
        }
        Destination::Splunk => Box::new(splunk::Splunk::new(url, headers, compression, index, agent)),
    }
}

impl Verdict {
    /// By the status alone.
    pub(crate) fn of(status: StatusCode) -> Self {
        match status {
            status if status.is_success() => Self::Stored(Refusal::default()),
            // What the server says of the lines themselves. Anything else is about settings, here, there or in between:
            // nothing is lost while somebody puts them right.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => Self::Refused,
            _ => Self::Later,
        }
    }
}

impl Request {
    /// A request of parts.
    fn of_parts(url: Url, headers: HeaderMap, parts: Parts) -> Self {
        let (body, lines) = (compress(&parts.text, parts.compression), parts.at.len() as u64);
        Self { url, headers, body, lines, parts: Some(parts) }
    }

    /// The same with only these of its parts.
    fn only(&self, wanted: impl Iterator<Item = usize>) -> Option<Self> {
        let parts = self.parts.as_ref()?;
        let (mut text, mut at) = (Vec::new(), Vec::new());
        for part in wanted.filter_map(|index| parts.text.get(parts.at.get(index)?.clone())) {
            at.push(text.len()..text.len() + part.len());
            text.extend_from_slice(part);
        }
        let parts = Parts { text: text.into(), at, compression: parts.compression };
        Some(Self::of_parts(self.url.clone(), self.headers.clone(), parts))
    }

    /// Two smaller ones, where the server finds this one too large and it has more than one line.
    pub(crate) fn halves(&self) -> Option<[Self; 2]> {
        let len = self.parts.as_ref()?.at.len();
        if len < 2 {
            return None;
        }
        Some([self.only(0..len / 2)?, self.only(len / 2..len)?])
    }
}

/// The lines of a batch.
fn streams(record: &Record) -> Result<Vec<Stream>, Broken> {
    // What is in the spool was within every limit; nothing is to be changed or left out here.
    let limits = Limits {
        max_decoded_bytes: 1 << 30,
        max_items: usize::MAX,
        max_line_size: usize::MAX,
        max_label_names_per_series: usize::MAX,
        max_label_name_length: usize::MAX,
        max_label_value_length: usize::MAX,
        max_structured_metadata_size: usize::MAX,
        max_structured_metadata_entries_count: usize::MAX,
        discover_service_name: Vec::new(),
        discover_log_levels: false,
        creation_grace_period: std::time::Duration::from_secs(366 * 24 * 3600),
        ..Limits::default()
    };
    let context = Context { limits: &limits, masking: &Masking::Off, now: Timestamp(record.head.at) };
    let decoded = decode(Some("application/x-protobuf"), None, &record.body, Version::V1, &context);
    decoded.map(|decoded| decoded.streams).map_err(|_| Broken)
}

fn compress(bytes: &Bytes, compression: Compression) -> Bytes {
    let gzip = || {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes)?;
        encoder.finish()
    };
    let compressed = match compression {
        Compression::None => return bytes.clone(),
        Compression::Gzip => gzip(),
        Compression::Zstd => zstd::stream::encode_all(bytes.as_ref(), 1),
    };
    compressed.expect("memory takes everything").into()
}

fn say_compression(headers: &mut HeaderMap, compression: Compression) {
    let word = match compression {
        Compression::None => return,
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(word));
}

#[cfg(test)]
mod tests;
