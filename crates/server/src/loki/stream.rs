//! Lines without a limit: one JSON object a line (`Accept: application/x-ndjson`), and a cursor where a limit cut them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{StreamExt as _, try_unfold};
use logline::Labels;
use query::{Cursor, Engine, Params, StreamedLines};

use super::encode::{self, Encoding};
use super::params;
use crate::http::{Form, HttpError, Unfinished};

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

/// All lines of a query, or as many as `limit` says, from `cursor` on; with `stats=true` what they cost is the last
/// object. An error on the way ends the list.
pub(super) fn lines(
    engine: &Engine,
    caller: &auth::Caller,
    asked: &Params,
    form: &Form,
    encoding: Encoding,
) -> Result<Response, HttpError> {
    let cursor = form.get("cursor").map(str::parse::<Cursor>).transpose()?;
    let limit = params::count(form, "limit", usize::MAX)?;
    let wants_stats = params::flag(form, "stats")?;
    let scope = caller.scope();
    if limit > engine.limits(&scope).max_entries {
        caller.require(auth::Permission::Export)?;
    }
    // One more tells whether there are more.
    let asked = Params { limit: limit.saturating_add(1), ..asked.clone() };
    let lines = engine.lines(&scope, &asked, cursor)?;
    let unfinished = Unfinished::new(lines.spent());
    let failed = unfinished.failed();
    let body = Sending {
        lines,
        cursor,
        left: limit,
        sent: 0,
        wants_stats,
        encoding,
        labels: <_>::default(),
        ended: false,
        failed,
    };
    let body = try_unfold(body, |mut sending| async move {
        Ok::<_, std::convert::Infallible>(sending.next().await.map(|text| (text, sending)))
    });
    let kind = HeaderValue::from_static("application/x-ndjson; charset=UTF-8");
    Ok(([(header::CONTENT_TYPE, kind)], Extension(unfinished), Body::from_stream(body)).into_response())
}

struct Sending {
    lines: StreamedLines,
    cursor: Option<Cursor>,
    left: usize,
    sent: u64,
    /// Whether the list ends with what it cost.
    wants_stats: bool,
    encoding: Encoding,
    /// Labels of the last stream, by their text.
    labels: (String, Labels),
    ended: bool,
    failed: Arc<AtomicBool>,
}

impl Sending {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut text = Vec::new();
        match self.lines.next().await {
            None => {
                self.ended = true;
                return self.wants_stats.then(|| self.stats().into());
            }
            Some(Err(error)) => {
                self.ended = true;
                self.failed.store(true, Ordering::Relaxed);
                text.extend(encode::text(&serde_json::json!({"error": HttpError::from(error).message()})));
            }
            Some(Ok(lines)) => {
                for (stream, entry) in lines {
                    if self.left == 0 {
                        self.ended = true;
                        let cursor = self.cursor.map(|cursor| cursor.to_string());
                        text.extend(encode::text(&serde_json::json!({"cursor": cursor})));
                        if self.wants_stats {
                            text.extend(self.stats());
                        }
                        break;
                    }
                    self.left -= 1;
                    self.sent += 1;
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

    /// What the list cost, as the last object.
    fn stats(&self) -> Vec<u8> {
        encode::text(&serde_json::json!({"stats": encode::stats(&self.lines.stats(self.sent))}))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::started::Started;

    /// A server that holds three lines.
    async fn filled(settings: &str) -> Started {
        let server = Started::with(settings).await;
        let now = logline::Timestamp::from(stdx::Clock::now(&stdx::SystemClock)).0;
        let values: Vec<_> = (0..3).map(|n| json!([(now + n).to_string(), format!("line {n}")])).collect();
        let body = json!({"streams": [{"stream": {"app": "shop"}, "values": values}]});
        let push = server.client.post(format!("{}/loki/api/v1/push", server.url)).json(&body);
        assert_eq!(push.send().await.unwrap().status(), 204);
        server
    }

    /// The answer to a query for them, as a list or as JSON.
    async fn asked(server: &Started, accept: &str, more: &str) -> String {
        let url = format!("{}/loki/api/v1/query_range?query=%7Bapp%3D%22shop%22%7D{more}", server.url);
        server.client.get(url).header("accept", accept).send().await.unwrap().text().await.unwrap()
    }

    async fn list(server: &Started, more: &str) -> String {
        asked(server, super::NDJSON, more).await
    }

    /// Three lines, all of them asked for as a list without a limit; what is said last, and the audit trail's record of it.
    async fn listed(settings: &str) -> (String, Value) {
        let server = filled(settings).await;
        let text = list(&server, "").await;
        let trail = format!("{}/api/v1/audit?action=query", server.url);
        for _ in 0..200 {
            let answer = server.client.get(&trail).send().await.unwrap();
            let page: Value = answer.json().await.unwrap();
            if let Some(record) = page["records"].as_array().unwrap().first() {
                let record = record.clone();
                server.end().await;
                return (text.lines().last().unwrap().to_owned(), record);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no record of the query");
    }

    #[tokio::test]
    async fn the_audit_trail_has_the_cost_of_a_list_when_it_has_ended() {
        let (last, record) = listed("").await;
        assert!(last.contains("line 0"), "{last}");
        assert_eq!(record["outcome"], "allowed", "{record}");
        assert_eq!(record["cost"]["rows"], 3, "{record}");
        assert!(record["cost"]["bytes"].as_u64().unwrap() >= 18, "{record}");
    }

    #[tokio::test]
    async fn a_list_that_ends_with_an_error_has_failed_in_the_audit_trail() {
        let (last, record) = listed("[limits]\nmax_query_bytes_read = \"1B\"\n").await;
        assert!(last.starts_with("{\"error\":"), "{last}");
        assert_eq!(record["outcome"], "failed", "{record}");
        assert!(record["cost"]["bytes"].as_u64().unwrap() >= 1, "{record}");
    }

    #[tokio::test]
    async fn a_list_ends_with_what_it_cost_if_that_is_asked() {
        let server = filled("").await;
        let objects = async |more: &str| -> Vec<Value> {
            list(&server, more).await.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let keys = |stats: &Value| -> Vec<String> { stats.as_object().unwrap().keys().cloned().collect() };
        let all = objects("&stats=true").await;
        assert_eq!(all.len(), 4, "{all:?}");
        let stats = &all[3]["stats"];
        assert_eq!(stats["summary"]["totalEntriesReturned"], 3, "{stats}");
        assert!(stats["summary"]["totalBytesProcessed"].as_u64().unwrap() >= 18, "{stats}");
        let answer: Value = serde_json::from_str(&asked(&server, "application/json", "").await).unwrap();
        assert_eq!(keys(stats), keys(&answer["data"]["stats"]), "the shape of other answers");

        let cut = objects("&stats=true&limit=2").await;
        assert!(cut.len() == 4 && cut[2]["cursor"].is_string(), "{cut:?}");
        assert_eq!(cut[3]["stats"]["summary"]["totalEntriesReturned"], 2, "{cut:?}");
        assert_eq!(objects("&stats=false").await.len(), 3);
        assert!(list(&server, "&stats=yes").await.contains("cannot parse the parameter `stats`"));
        server.end().await;
    }
}
