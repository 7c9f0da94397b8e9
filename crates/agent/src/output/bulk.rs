//! The bulk API of Elasticsearch and OpenSearch: a document a line, each with an id of its own, so that sending a batch
//! again makes no document twice.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::json::{pairs, string};
use super::{Broken, Format, Parts, Refusal, Request, Verdict, say_compression, streams};
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
    /// An object with a type and a reason; old servers wrote a text.
    error: Option<Value>,
}

impl Item {
    fn is_later(&self) -> bool {
        self.status == 429 || self.status >= 500
    }

    fn is_stored(&self) -> bool {
        (200..300).contains(&self.status) || self.status == 409
    }

    /// What is wrong with the document.
    fn reason(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let part = |key: &str| error.get(key).and_then(Value::as_str);
        let parts: Vec<_> = ["type", "reason"].into_iter().filter_map(part).collect();
        if parts.is_empty() { error.as_str().map(str::to_owned) } else { Some(parts.join(": ")) }
    }
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
        let items: Option<Vec<Item>> = serde_json::from_slice(body)
            .ok()
            .and_then(|reply: Reply| reply.items.into_iter().map(|item| item.into_values().next()).collect());
        // An answer that does not account for each document proves nothing.
        let Some(items) = items.filter(|items| items.len() as u64 == request.lines) else {
            return Verdict::Later;
        };
        let wrong: Vec<_> = items.iter().filter(|item| !item.is_later() && !item.is_stored()).collect();
        let reason = wrong.iter().find_map(|item| item.reason()).unwrap_or_default();
        let refused = Refusal { lines: wrong.len() as u64, reason };
        let mut later = items.iter().enumerate().filter(|(_, item)| item.is_later()).map(|(index, _)| index).peekable();
        if later.peek().is_none() {
            return Verdict::Stored(refused);
        }
        match request.only(later) {
            Some(rest) => Verdict::Rest { request: Box::new(rest), refused },
            None => Verdict::Later,
        }
    }
}
