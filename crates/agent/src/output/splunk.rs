//! Splunk's HTTP event collector: an event a line, labels and metadata as indexed fields.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::json::{pairs, string};
use super::{Broken, Format, Parts, Request, Verdict, say_compression, streams};
use crate::config::Compression;
use crate::spool::Record;

/// Events `{"time","event","fields":{…}}`.
#[derive(Clone, Debug)]
pub(super) struct Splunk {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
    pub(super) index: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reply {
    code: u16,
}

/// Codes that a change of settings cures, here or there: token disabled, invalid or missing, wrong index, busy, no
/// channel, acknowledgement off.
const CURABLE: [u16; 9] = [1, 2, 3, 4, 7, 9, 10, 11, 14];

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

    fn judge(&self, _: &Request, status: StatusCode, body: &[u8]) -> Verdict {
        let code = serde_json::from_slice(body).ok().map(|reply: Reply| reply.code);
        match Verdict::of(status) {
            Verdict::Refused if code.is_some_and(|code| CURABLE.contains(&code)) => Verdict::Later,
            verdict => verdict,
        }
    }
}
