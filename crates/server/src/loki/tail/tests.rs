//! Tails over real sockets: stored lines, live ones, limits, slow readers, foreign pages.

use futures::StreamExt as _;
use logline::Timestamp;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::started::Started;

const PATIENT: Duration = Duration::from_secs(60);

#[test]
fn a_stored_line_is_known_as_often_as_it_is_there() {
    let entry = LogEntry { timestamp: Timestamp(1), line: "a".to_owned(), metadata: Vec::new(), parsed: Vec::new() };
    let stream = LogStream { labels: Labels::default(), entries: vec![entry.clone(), entry.clone()] };
    let mut known = Known::of(&[stream]);
    let takes: Vec<_> = (0..3).map(|_| known.take(&Labels::default(), &entry)).collect();
    assert_eq!(takes, [true, true, false]);
}

#[test]
fn lines_are_held_back_for_five_seconds_at_most() {
    assert_eq!(delay(&Form::of("delay_for=5")).unwrap(), Duration::from_secs(5));
    assert_eq!(delay(&Form::of("")).unwrap(), Duration::ZERO);
    assert_eq!(delay(&Form::of("delay_for=6")).unwrap_err().message(), "delay_for can't be greater than 5");
    assert!(delay(&Form::of("delay_for=-1")).is_err());
}

/// A server that anybody may ask, with two tails at once.
struct World {
    server: Started,
}

impl World {
    async fn new() -> Self {
        Self { server: Started::with("[limits]\nmax_concurrent_tail_requests = 2").await }
    }

    async fn push(&self, labels: Value, lines: &[(i64, &str)]) {
        let values: Vec<_> = lines.iter().map(|(time, line)| json!([time.to_string(), line])).collect();
        let body = json!({"streams": [{"stream": labels, "values": values}]});
        let pushed =
            self.server.client.post(format!("{}/loki/api/v1/push", self.server.url)).json(&body).send().await.unwrap();
        assert_eq!(pushed.status(), 204);
    }

    async fn ask(&self, params: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.server.client.get(format!("{}/loki/api/v1/tail?{params}", self.server.url));
        for (name, value) in [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        .iter()
        .chain(headers)
        {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn open(&self, params: &str, headers: &[(&str, &str)]) -> Reader {
        let answer = self.ask(params, headers).await;
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let socket = answer.upgrade().await.unwrap();
        Reader(WebSocketStream::from_raw_socket(socket, Role::Client, None).await)
    }

    async fn end(self) {
        self.server.end().await;
    }
}

struct Reader(WebSocketStream<reqwest::Upgraded>);

impl Reader {
    async fn message(&mut self) -> Message {
        timeout(PATIENT, self.0.next()).await.unwrap().unwrap().unwrap()
    }

    async fn frame(&mut self) -> Value {
        loop {
            match self.message().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The texts of so many lines, each a stream of its own.
    async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < count {
            for stream in self.frame().await["streams"].as_array().unwrap() {
                assert_eq!(stream["values"].as_array().unwrap().len(), 1);
                lines.push(stream["values"][0][1].as_str().unwrap().to_owned());
            }
        }
        lines
    }

    async fn close(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.message().await {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

fn now() -> i64 {
    Timestamp::from(stdx::Clock::now(&stdx::SystemClock)).0
}

fn query(text: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("query", text).finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_has_what_was_looked_at_for_a_tail_once_it_has_ended() {
    let world = World::new().await;
    let base = now() - 10_000_000_000;
    world.push(json!({"app": "a"}), &[(base, "one"), (base + 1, "two")]).await;
    let mut reader = world.open(&query(r#"{app="a"} |= "o""#), &[]).await;
    assert_eq!(reader.lines(2).await, ["one", "two"]);
    world.push(json!({"app": "a"}), &[(base + 2, "drei"), (base + 3, "zwo")]).await;
    assert_eq!(reader.lines(1).await, ["zwo"]);
    drop(reader);
    let trail = format!("{}/api/v1/audit?action=tail", world.server.url);
    let (begun, ended) = loop {
        let page: Value = world.server.client.get(&trail).send().await.unwrap().json().await.unwrap();
        if let [ended, begun] = page["records"].as_array().unwrap().as_slice() {
            break (begun.clone(), ended.clone());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(begun["cost"].is_null() && !begun["detail"].as_str().unwrap().ends_with(" ended"), "{begun}");
    assert!(ended["detail"].as_str().unwrap().ends_with(" ended") && ended["outcome"] == "allowed", "{ended}");
    assert_eq!(ended["cost"]["rows"], 4, "two stored lines and two that came: {ended}");
    assert!(ended["cost"]["bytes"].as_u64().unwrap() >= 13, "{ended}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_begins_with_the_newest_stored_lines_and_goes_on_with_what_comes_in() {
    let world = World::new().await;
    let base = now() - 10_000_000_000;
    world.push(json!({"app": "a"}), &[(base, "one level=info"), (base + 1, "two"), (base + 2, "three")]).await;
    let params = format!("{}&limit=2", query(r#"{app="a"} |~ "o|e" | logfmt"#));
    let mut plain = world.open(&params, &[]).await;
    assert_eq!(plain.lines(2).await, ["two", "three"], "the newest, the oldest of them first");
    let mut told = world.open(&params, &[("X-Loki-Response-Encoding-Flags", "categorize-labels")]).await;
    assert_eq!(told.lines(2).await, ["two", "three"]);

    world.push(json!({"app": "b"}), &[(base + 3, "not one of these")]).await;
    world.push(json!({"app": "a"}), &[(base + 4, "x"), (base + 5, "four n=4")]).await;
    let frame = plain.frame().await;
    let stream = &frame["streams"][0];
    assert_eq!(stream["values"], json!([[(base + 5).to_string(), "four n=4"]]));
    assert_eq!((&stream["stream"]["app"], &stream["stream"]["n"]), (&json!("a"), &json!("4")));
    assert!(frame.get("encodingFlags").is_none() && frame.get("dropped_entries").is_none());
    let frame = told.frame().await;
    assert_eq!(frame["encodingFlags"], json!(["categorize-labels"]));
    assert_eq!(frame["streams"][0]["stream"], json!({"app": "a", "service_name": "a"}));
    assert_eq!(frame["streams"][0]["values"][0][2]["parsed"], json!({"n": "4"}));

    // One more than there may be.
    let mut third = world.open(&params, &[]).await;
    let limit = "max concurrent tail requests limit exceeded, count > limit (3 > 2)";
    assert_eq!(third.close().await, (1011, limit.to_owned()));
    drop(third);

    world.end().await;
    assert_eq!(plain.close().await, (1001, "the server is shutting down".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_held_back_come_in_the_order_of_their_times() {
    let world = World::new().await;
    let base = now() - 1_000_000_000;
    let mut tail = world.open(&format!("{}&delay_for=3", query(r#"{app="a"}"#)), &[]).await;
    assert!(matches!(tail.message().await, Message::Ping(_)));
    for (time, text) in [(3, "three"), (1, "one"), (2, "two")] {
        world.push(json!({"app": "a"}), &[(base + time, text)]).await;
    }
    assert_eq!(tail.lines(3).await, ["one", "two", "three"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tailed_is_refused_before_a_socket_opens() {
    let world = World::new().await;
    for (params, headers, status, want) in [
        (query(r#"rate({app="a"}[1m])"#), &[][..], 400, "only log queries can be tailed"),
        (query("{app=}"), &[], 400, "parse error at line 1, col 6"),
        (query(r#"{app="a"}"#) + "&delay_for=6", &[], 400, "delay_for can't be greater than 5"),
        (query(r#"{app="a"}"#) + "&limit=0", &[], 400, "limit must be a positive value"),
        (query(r#"{app="a"}"#), &[("Origin", "https://evil.example")], 403, "a page of another site"),
        (query(r#"{app="a"}"#), &[("X-Scope-OrgID", "../x")], 400, ""),
    ] {
        let answer = world.ask(&params, headers).await;
        assert_eq!(answer.status(), status, "{params}");
        let text = answer.text().await.unwrap();
        assert!(text.starts_with(want), "{params}: {text}");
    }
    let plain = world.server.client.get(format!("{}/loki/api/v1/tail?{}", world.server.url, query(r#"{app="a"}"#)));
    assert_eq!(plain.send().await.unwrap().status(), 400);
    world.end().await;
}
