//! The bulk API of Elasticsearch and OpenSearch: a document a line, each with an id of its own, so that sending a batch
//! again makes no document twice.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::json::{pairs, string};
use super::{Broken, Format, Parts, Request, Verdict, say_compression, streams};
use crate::config::Compression;
use crate::spool::Record;

const INDEX: &str = "logs-lapidary-default";

/// Documents `{"@timestamp","message","labels":{…}}`, made with `create`.
#[derive(Clone, Debug)]
pub(super) struct Bulk {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
    pub(super) index: Option<String>,
    pub(super) agent: String,
}

/// What the server says of each document, in their order.
#[derive(Debug, Deserialize)]
struct Reply {
    items: Vec<BTreeMap<String, Item>>,
}

#[derive(Debug, Deserialize)]
struct Item {
    status: u16,
}

impl Format for Bulk {
    fn encode(&self, record: &Record) -> Result<Request, Broken> {
        let (mut text, mut at) = (Vec::new(), Vec::new());
        let index = self.index.as_deref().unwrap_or(INDEX);
        for stream in streams(record)? {
            for entry in &stream.entries {
                let from = text.len();
                text.extend_from_slice(br#"{"create":{"_index":"#);
                string(&mut text, index);
                text.extend_from_slice(br#","_id":"#);
                string(&mut text, &format!("{}-{}-{}", self.agent, record.head.sequence, at.len()));
                text.extend_from_slice(b"}}\n{\"@timestamp\":");
                let time = jiff::Timestamp::from_nanosecond(entry.timestamp.0.into()).map_err(|_| Broken)?;
                string(&mut text, &time.to_string());
                text.extend_from_slice(br#","message":"#);
                string(&mut text, &entry.line);
                text.extend_from_slice(br#","labels":{"#);
                pairs(&mut text, &stream.labels, entry);
                text.extend_from_slice(b"}}\n");
                at.push(from..text.len());
            }
        }
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        say_compression(&mut headers, self.compression);
        let parts = Parts { text: text.into(), at, compression: self.compression };
        Ok(Request::of_parts(self.url.clone(), headers, parts))
    }

    /// Each document has an answer of its own: made, there already (409: it came before), not now (429, 5xx), never.
    fn judge(&self, request: &Request, status: StatusCode, body: &[u8]) -> Verdict {
        if !status.is_success() {
            return Verdict::of(status);
        }
        let statuses: Option<Vec<u16>> = serde_json::from_slice(body).ok().and_then(|reply: Reply| {
            reply.items.iter().map(|item| item.values().next().map(|item| item.status)).collect()
        });
        // An answer that does not account for each document proves nothing.
        let Some(statuses) = statuses.filter(|statuses| statuses.len() as u64 == request.lines) else {
            return Verdict::Later;
        };
        let is_later = |status: u16| status == 429 || status >= 500;
        let is_stored = |status: u16| (200..300).contains(&status) || status == 409;
        let refused = statuses.iter().filter(|status| !is_later(**status) && !is_stored(**status)).count() as u64;
        let later: Vec<_> = (0..statuses.len()).filter(|index| is_later(statuses[*index])).collect();
        if later.is_empty() {
            return Verdict::Stored { refused_lines: refused };
        }
        match request.only(later.into_iter()) {
            Some(rest) => Verdict::Rest { request: Box::new(rest), refused_lines: refused },
            None => Verdict::Later,
        }
    }
}
