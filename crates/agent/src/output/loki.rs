//! Loki's push, for Lapidary (batches carry their number) and for anything else that takes it.

use ingest::BATCH_HEADER;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};

use super::{Broken, Format, Request, Verdict};
use crate::spool::Record;

/// The body is what the spool holds.
#[derive(Clone, Debug)]
pub(super) struct Loki {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// The agent's id, where the server drops repeats by number. Batches then go out one at a time: after a restart the
    /// server takes every number up to the highest it has in its files as kept, so one that overtook another
    /// which was not answered could make that one count as a repeat.
    pub(super) agent: Option<String>,
}

impl Format for Loki {
    fn is_ordered(&self) -> bool {
        self.agent.is_some()
    }

    fn encode(&self, record: &Record) -> Result<Request, Broken> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        if let Some(agent) = &self.agent {
            let id = format!("{agent}/{}", record.head.sequence);
            headers.insert(BATCH_HEADER, HeaderValue::from_str(&id).map_err(|_| Broken)?);
        }
        let (url, body, lines) = (self.url.clone(), record.body.clone(), u64::from(record.head.lines));
        Ok(Request { url, headers, body, lines, parts: None })
    }

    /// With 400, the server has stored the good part. Lapidary says 204 when it has the lines: what else is a success
    /// comes from somebody in between, such as the page of a login.
    fn judge(&self, _: &Request, status: StatusCode, _: &[u8]) -> Verdict {
        match Verdict::of(status) {
            Verdict::Stored(_) if self.agent.is_some() && status != StatusCode::NO_CONTENT => Verdict::Later,
            verdict => verdict,
        }
    }
}
