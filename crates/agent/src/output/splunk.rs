//! Splunk's HTTP event collector: an event a line, labels and metadata as indexed fields. Where the token has
//! acknowledgement on, lines count as delivered once the indexers have them.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::json::{pairs, string};
use super::{Broken, Format, Parts, Refusal, Request, Verdict, say_compression, streams};
use crate::config::Compression;
use crate::spool::Record;

/// Events `{"time","event","fields":{…}}`.
#[derive(Clone, Debug)]
pub(super) struct Splunk {
    url: Url,
    /// Where to ask for acknowledgements.
    ack_url: Url,
    headers: HeaderMap,
    compression: Compression,
    index: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reply {
    code: u16,
    #[serde(rename = "ackId")]
    ack_id: Option<u64>,
}

/// Ids, and whether what they stand for is indexed.
#[derive(Debug, Deserialize)]
struct Acks {
    acks: BTreeMap<String, bool>,
}

/// Tells senders apart, so that each has acknowledgements of its own.
const CHANNEL: &str = "x-splunk-request-channel";

/// Codes that a change of settings cures, here or there: token disabled, invalid or missing, wrong index, busy, no
/// channel, acknowledgement off.
const CURABLE: [u16; 9] = [1, 2, 3, 4, 7, 9, 10, 11, 14];

impl Splunk {
    /// The agent's id names the channel.
    pub(super) fn new(
        url: Url,
        mut headers: HeaderMap,
        compression: Compression,
        index: Option<String>,
        agent: &str,
    ) -> Self {
        if let Ok(channel) = HeaderValue::from_str(agent) {
            headers.insert(CHANNEL, channel);
        }
        let mut ack_url = url.clone();
        let base = url.path().split("/collector").next().unwrap_or_default();
        ack_url.set_path(&format!("{base}/collector/ack"));
        ack_url.query_pairs_mut().append_pair("channel", agent);
        Self { url, ack_url, headers, compression, index }
    }

    fn question(&self, id: u64, lines: u64) -> Request {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = format!(r#"{{"acks":[{id}]}}"#).into();
        Request { url: self.ack_url.clone(), headers, body, lines, parts: None }
    }
}

impl Format for Splunk {
    fn encode(&self, record: &Record) -> Result<Request, Broken> {
        let (mut text, mut at) = (Vec::new(), Vec::new());
        for stream in streams(record)? {
            for entry in &stream.entries {
                let from = text.len();
                let (seconds, nanos) =
                    (entry.timestamp.0.div_euclid(1_000_000_000), entry.timestamp.0.rem_euclid(1_000_000_000));
                text.extend_from_slice(format!(r#"{{"time":{seconds}.{nanos:09},"#).as_bytes());
                for (name, value) in [("host", stream.labels.get("host")), ("index", self.index.as_deref())] {
                    if let Some(value) = value {
                        string(&mut text, name);
                        text.push(b':');
                        string(&mut text, value);
                        text.push(b',');
                    }
                }
                text.extend_from_slice(br#""event":"#);
                string(&mut text, &entry.line);
                text.extend_from_slice(br#","fields":{"#);
                pairs(&mut text, &stream.labels, entry);
                text.extend_from_slice(b"}}\n");
                at.push(from..text.len());
            }
        }
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        say_compression(&mut headers, self.compression);
        let parts = Parts { text: text.into(), at, compression: self.compression };
        Ok(Request::of_parts(self.url.clone(), headers, parts))
    }

    fn judge(&self, request: &Request, status: StatusCode, body: &[u8]) -> Verdict {
        if request.url == self.ack_url {
            let acks = serde_json::from_slice(body).ok().filter(|_| status.is_success());
            return match acks.map(|Acks { acks }| !acks.is_empty() && acks.into_values().all(|is_indexed| is_indexed)) {
                Some(true) => Verdict::Stored(Refusal::default()),
                Some(false) => Verdict::Ask { question: Box::new(request.clone()) },
                None => Verdict::Later,
            };
        }
        let reply = serde_json::from_slice(body).ok();
        let code = reply.as_ref().map(|reply: &Reply| reply.code);
        match Verdict::of(status) {
            Verdict::Refused if code.is_some_and(|code| CURABLE.contains(&code)) => Verdict::Later,
            Verdict::Stored(_) if let Some(id) = reply.and_then(|reply| reply.ack_id) => {
                Verdict::Ask { question: Box::new(self.question(id, request.lines)) }
            }
            verdict => verdict,
        }
    }
}
