//! Requests in, replies out, with a sink that does as it is told.

use std::sync::Mutex;

use axum::body::Body;
use logline::Timestamp;
use stdx::ManualClock;

use super::*;
use crate::{Masking, Sink};

/// Keeps batches, or refuses them.
#[derive(Debug, Default)]
struct Memory {
    batches: Mutex<Vec<Batch>>,
    refusal: Option<SinkError>,
}

#[async_trait::async_trait]
impl Sink for Memory {
    async fn append(&self, batch: Batch) -> Result<(), SinkError> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        self.batches.lock().unwrap().push(batch);
        Ok(())
    }
}

const GOOD: &str = r#"{"streams":[{"stream":{"app":"a"},"values":[["1","x"]]}]}"#;
const PARTLY: &str = r#"{"streams":[{"stream":{"app":"a"},"values":[["1","x"],["9000000000000000000","y"]]}]}"#;

fn request(body: impl Into<Body>, headers: &[(&'static str, &str)]) -> Push {
    let mut map = HeaderMap::new();
    map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_str(value).unwrap());
    }
    Push { tenant: Tenant::default(), version: Version::V1, headers: map, body: body.into() }
}

fn endpoint(refusal: Option<SinkError>) -> (Endpoint, Arc<Memory>) {
    let sink = Arc::new(Memory { refusal, ..Memory::default() });
    let clock = ManualClock::at(std::time::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let as_sink: Arc<dyn Sink> = Arc::<Memory>::clone(&sink);
    (Endpoint::new(as_sink, Masking::Off, Arc::new(clock)), sink)
}

async fn reply(endpoint: &Endpoint, request: Push) -> (u16, String) {
    let limits = Arc::new(Limits { max_body_bytes: 200, ..Limits::default() });
    let reply = push(endpoint, &limits, request).await;
    (reply.status.as_u16(), reply.text)
}

#[tokio::test]
async fn a_good_push_is_stored_once_with_its_number_and_time_of_receipt() {
    let (endpoint, sink) = endpoint(None);
    let headers = [(BATCH_HEADER, "01234567-89ab-cdef-0011-223344556677/42")];
    assert_eq!(reply(&endpoint, request(GOOD, &headers)).await, (204, String::new()));
    let batches = sink.batches.lock().unwrap();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].id.unwrap().sequence, 42);
    assert_eq!(batches[0].received, Timestamp(1_800_000_000_000_000_000));
    assert_eq!(batches[0].lines(), 1);
    let totals = endpoint.totals();
    assert_eq!((totals.pushes, totals.lines, totals.rejected_lines), (1, 1, 0));
}

#[tokio::test]
async fn the_good_part_is_stored_and_the_bad_part_told() {
    let (endpoint, sink) = endpoint(None);
    let (status, text) = reply(&endpoint, request(PARTLY, &[])).await;
    assert_eq!(status, 400);
    assert!(text.ends_with("has timestamp too new: 2255-03-14T16:00:00Z"), "{text}");
    assert_eq!(sink.batches.lock().unwrap()[0].lines(), 1);
    assert_eq!(endpoint.totals().rejected_lines, 1);
}

#[tokio::test]
async fn what_cannot_be_used_gets_lokis_status_and_stores_nothing() {
    let (endpoint, sink) = endpoint(None);
    assert_eq!(reply(&endpoint, request("{", &[])).await.0, 400);
    assert_eq!(reply(&endpoint, request("{}", &[])).await.0, 422);
    assert_eq!(reply(&endpoint, request(GOOD, &[("content-encoding", "br")])).await.0, 400);
    assert_eq!(reply(&endpoint, request(GOOD, &[(BATCH_HEADER, "nonsense")])).await.0, 400);
    assert_eq!(reply(&endpoint, request(GOOD.repeat(10), &[])).await.0, 413);
    assert_eq!(reply(&endpoint, request(GOOD, &[("content-length", "999999999999")])).await.0, 413);
    assert!(sink.batches.lock().unwrap().is_empty());
    assert_eq!(endpoint.totals().rejected_pushes, 3);
}

#[tokio::test]
async fn a_body_in_pieces_is_put_together_and_limited_without_a_length() {
    let (endpoint, sink) = endpoint(None);
    let pieces = |text: &str| {
        let pieces: Vec<_> = text.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        Body::from_stream(futures::stream::iter(pieces))
    };
    assert_eq!(reply(&endpoint, request(pieces(GOOD), &[])).await.0, 204);
    assert_eq!(reply(&endpoint, request(pieces(&GOOD.repeat(10)), &[])).await.0, 413);
    let broken = Body::from_stream(futures::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("gone"))]));
    assert_eq!(reply(&endpoint, request(broken, &[])).await.0, 400);
    assert_eq!(sink.batches.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_sender_that_stops_in_the_middle_is_not_waited_for_forever() {
    let (endpoint, _sink) = endpoint(None);
    let body = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let limits = Arc::new(Limits { max_body_wait: Duration::from_millis(20), ..Limits::default() });
    assert_eq!(push(&endpoint, &limits, request(body, &[])).await.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn the_sinks_refusal_decides_whether_the_sender_tries_again() {
    let check = async |refusal: SinkError, want: (u16, Option<&str>, &str)| {
        let (endpoint, _sink) = endpoint(Some(refusal));
        let response = push(&endpoint, &Arc::default(), request(PARTLY, &[])).await.into_response();
        let wait = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let text = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!((status, wait.as_deref(), std::str::from_utf8(&text).unwrap().trim_end()), want);
        endpoint.totals()
    };
    let busy = SinkError::Busy { retry_after: Duration::from_millis(1500) };
    let totals = check(busy, (429, Some("2"), "too much is waiting to be written; try again in 1 s")).await;
    assert_eq!((totals.failed_pushes, totals.pushes), (1, 0));
    check(SinkError::Unavailable("s3".to_owned()), (503, Some("1"), "storage is unavailable")).await;
    check(SinkError::Full, (503, Some("30"), "the disk is full")).await;
    check(SinkError::Internal("/secret/path".to_owned()), (500, None, "internal error")).await;
    let totals = check(SinkError::Invalid("too many streams".to_owned()), (400, None, "too many streams")).await;
    assert_eq!((totals.failed_pushes, totals.rejected_pushes), (0, 1));
}

#[tokio::test]
async fn a_reply_has_lokis_shape() {
    let (endpoint, _sink) = endpoint(None);
    let limits = Arc::default();
    let bad = push(&endpoint, &limits, request("{}", &[])).await.into_response();
    assert_eq!(bad.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(bad.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let good = push(&endpoint, &limits, request(GOOD, &[])).await.into_response();
    assert!(good.headers().is_empty());
}
