//! What is kept of a message to be logged: headers without secrets, and the beginning of the body.

use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use logline::{Record, Value};
use mask::Masker;

use crate::Log;

/// Kept beyond the limit, so that a value at the limit is recognised as what it is before it is cut.
const MARGIN: usize = 512;

/// One half of a call.
#[derive(Debug, Default)]
pub(crate) struct Message {
    headers: Option<String>,
    compressed: bool,
    body: Vec<u8>,
    body_bytes: u64,
}

impl Message {
    /// Notes the headers, those with secrets left out.
    pub(crate) fn set_headers(&mut self, headers: &HeaderMap, log: &Log) {
        self.compressed = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
        if log.settings().headers && !headers.is_empty() {
            self.headers = Some(headers_json(headers, log.masker()));
        }
    }

    /// Notes a piece of the body.
    pub(crate) fn take(&mut self, data: &[u8], limit: usize) {
        self.body_bytes += data.len() as u64;
        let room = (limit + MARGIN).saturating_sub(self.body.len());
        self.body.extend_from_slice(data.get(..room).unwrap_or(data));
    }

    /// Adds `headers`, `body`, and `body_bytes` when the body is not in the line whole.
    pub(crate) fn add_to<'a>(&'a self, record: Record<'a>, log: &Log) -> Record<'a> {
        let settings = log.settings();
        let text =
            if settings.bodies && !self.compressed { self.text(settings.body_limit, log.masker()) } else { None };
        let whole = text.map_or(0, |text| text.len() as u64) == self.body_bytes;
        record
            .maybe("body_bytes", (!whole).then_some(self.body_bytes))
            .maybe("headers", self.headers.as_deref().map(Value::json))
            .maybe("body", text.filter(|text| !text.is_empty()).map(Value::json))
    }

    /// The body up to the limit, cut before a hit rather than in it; none if it is no text.
    fn text(&self, limit: usize, masker: &Masker) -> Option<&str> {
        let text = match std::str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() && self.is_cut() => {
                std::str::from_utf8(self.body.get(..error.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        if text.len() <= limit {
            return Some(text);
        }
        let hit = masker.hits(text).into_iter().find(|hit| hit.span.contains(&limit));
        let end = hit.map_or(limit, |hit| hit.span.start);
        text.get(..text.floor_char_boundary(end))
    }

    fn is_cut(&self) -> bool {
        (self.body.len() as u64) < self.body_bytes
    }
}

/// The headers as a JSON object; several of one name are joined. Names that tell a secret are left out with their value.
fn headers_json(headers: &HeaderMap, masker: &Masker) -> String {
    let mut json = serde_json::Map::new();
    for name in headers.keys().filter(|name| !masker.is_secret_key(name.as_str())) {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        json.insert(name.as_str().to_owned(), values.join(", ").into());
    }
    serde_json::Value::Object(json).to_string()
}

#[cfg(test)]
mod tests;
