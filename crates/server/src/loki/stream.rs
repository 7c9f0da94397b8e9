//! Lines without a limit: one JSON object a line (`Accept: application/x-ndjson`), and a cursor where a limit cut them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{StreamExt as _, try_unfold};
use logline::Labels;
use query::{Cursor, Engine, Params, StreamedLines};

use super::encode::{self, Encoding};
use super::params;
use crate::http::{Form, HttpError};

/// The type of lists of JSON objects.
const NDJSON: &str = "application/x-ndjson";

/// Whether the client takes lines one by one and the query gives lines.
pub(super) fn is_wanted(headers: &HeaderMap, query: &str) -> Result<bool, HttpError> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let wanted = values
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(NDJSON)));
    Ok(wanted && Engine::is_about_lines(query)?)
}

/// All lines of a query, or as many as `limit` says, from `cursor` on. An error on the way is the last object.
pub(super) fn lines(
    engine: &Engine,
    caller: &auth::Caller,
    asked: &Params,
    form: &Form,
    encoding: Encoding,
) -> Result<Response, HttpError> {
    let cursor = form.get("cursor").map(str::parse::<Cursor>).transpose()?;
    let limit = params::count(form, "limit", usize::MAX)?;
    let scope = caller.scope();
    if limit > engine.limits(&scope).max_entries {
        caller.require(auth::Permission::Export)?;
    }
    let lines = engine.lines(&scope, asked, cursor)?;
    let body = Sending { lines, cursor, left: limit, encoding, labels: <_>::default(), ended: false };
    let body = try_unfold(body, |mut sending| async move {
        Ok::<_, std::convert::Infallible>(sending.next().await.map(|text| (text, sending)))
    });
    let kind = HeaderValue::from_static("application/x-ndjson; charset=UTF-8");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(body)).into_response())
}

struct Sending {
    lines: StreamedLines,
    cursor: Option<Cursor>,
    left: usize,
    encoding: Encoding,
    /// Labels of the last stream, by their text.
    labels: (String, Labels),
    ended: bool,
}

impl Sending {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut text = Vec::new();
        match self.lines.next().await {
            None => return None,
            Some(Err(error)) => {
                self.ended = true;
                text.extend(encode::text(&serde_json::json!({"error": HttpError::from(error).message()})));
            }
            Some(Ok(lines)) => {
                for (stream, entry) in lines {
                    if self.left == 0 {
                        self.ended = true;
                        let cursor = self.cursor.map(|cursor| cursor.to_string());
                        text.extend(encode::text(&serde_json::json!({"cursor": cursor})));
                        break;
                    }
                    self.left -= 1;
                    self.cursor = Some(Cursor::after(self.cursor, entry.timestamp));
                    if self.labels.0 != stream {
                        self.labels = (stream.clone(), Labels::parse(&stream).unwrap_or_default());
                    }
                    text.extend(encode::line(&self.labels.1, &entry, &self.encoding));
                }
            }
        }
        Some(text.into())
    }
}
