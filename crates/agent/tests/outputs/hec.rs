//! An event collector whose token has indexer acknowledgement on: what it takes is indexed a while later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{deliver, write_log};

/// How often it is asked in vain.
const IN_VAIN: u32 = 1;

#[derive(Default)]
struct Collector {
    /// What came and is not indexed yet, by the id of its acknowledgement, and how often it was asked for.
    waiting: BTreeMap<u64, (Vec<String>, u32)>,
    indexed: Vec<String>,
    next: u64,
}

type Shared = State<Arc<Mutex<Collector>>>;

async fn event(State(collector): Shared, headers: HeaderMap, body: String) -> Json<Value> {
    assert!(!headers["x-splunk-request-channel"].is_empty());
    let text = |line: &str| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().to_owned();
    let mut collector = collector.lock().unwrap();
    let id = collector.next;
    collector.next += 1;
    collector.waiting.insert(id, (body.lines().map(text).collect(), 0));
    Json(json!({ "text": "Success", "code": 0, "ackId": id }))
}

async fn ack(State(collector): Shared, Query(query): Query<BTreeMap<String, String>>, body: Bytes) -> Json<Value> {
    assert!(!query["channel"].is_empty());
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut collector = collector.lock().unwrap();
    let mut acks = BTreeMap::new();
    for id in body["acks"].as_array().unwrap() {
        let number = id.as_u64().unwrap();
        let is_indexed = collector.waiting.get(&number).is_some_and(|(_, asked)| *asked == IN_VAIN);
        if is_indexed {
            let (lines, _) = collector.waiting.remove(&number).unwrap();
            collector.indexed.extend(lines);
        } else if let Some((_, asked)) = collector.waiting.get_mut(&number) {
            *asked += 1;
        }
        acks.insert(id.to_string(), is_indexed);
    }
    Json(json!({ "acks": acks }))
}

#[tokio::test]
async fn lines_count_as_delivered_when_the_indexers_have_them() {
    let collector = Arc::<Mutex<Collector>>::default();
    let app = Router::new()
        .route("/services/collector/event", post(event))
        .route("/services/collector/ack", post(ack))
        .with_state(Arc::clone(&collector));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    write_log(folder.path(), 200);
    let progress = deliver(folder.path(), "splunk", &url, "compression = \"none\"", 200).await;
    let mut collector = collector.lock().unwrap();
    // A batch is not delivered before its acknowledgement, so nothing waits any more.
    assert!(collector.waiting.is_empty());
    assert_eq!((progress.lines, progress.retries, collector.next), (200, 0, progress.batches));
    collector.indexed.sort();
    let number = |n: usize| format!("order_id={n} ");
    assert!(collector.indexed.iter().enumerate().all(|(n, line)| line.contains(&number(n))));
}
