//! The whole life of a request to delete lines, over HTTP.

use serde_json::Value;

use crate::started::Started;

struct Client(Started);

impl Client {
    async fn send(&self, method: &str, path: &str) -> (u16, String, Option<String>) {
        let request = self.0.client.request(method.parse().unwrap(), format!("{}{path}", self.0.url));
        let response = request.send().await.unwrap();
        let id = response.headers().get("x-delete-request-id").map(|id| id.to_str().unwrap().to_owned());
        (response.status().as_u16(), response.status().as_u16().to_string() + " " + &response.text().await.unwrap(), id)
    }

    /// What is refused, and why.
    async fn refused(&self, method: &str, path: &str) -> String {
        let (_, text, id) = self.send(method, path).await;
        assert_eq!(id, None);
        text.trim().to_owned()
    }

    async fn lines(&self) -> usize {
        let (_, text, _) = self.send("GET", "/loki/api/v1/query_range?query=%7Bapp%3D~%22.%2B%22%7D").await;
        let (_, body) = text.split_once(' ').unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let streams = body["data"]["result"].as_array().unwrap();
        streams.iter().map(|stream| stream["values"].as_array().unwrap().len()).sum()
    }

    async fn list(&self) -> Vec<Value> {
        let (_, text, _) = self.send("GET", "/loki/api/v1/delete").await;
        serde_json::from_str(text.split_once(' ').unwrap().1).unwrap()
    }
}

async fn push(client: &Client, app: &str, line: &str, order: &str) {
    let now = logline::Timestamp::from(stdx::Clock::now(&stdx::SystemClock)).0;
    let body = serde_json::json!({"streams": [{"stream": {"app": app}, "values": [[now.to_string(), line, {"order_id": order}]]}]});
    let sent = client.0.client.post(format!("{}/loki/api/v1/push", client.0.url)).json(&body).send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_hidden_listed_and_seen_again_as_lokis_clients_expect() {
    let client = Client(Started::with("").await);
    push(&client, "shop", "card of ivan", "1").await;
    push(&client, "shop", "card of olga", "2").await;
    assert_eq!(client.lines().await, 2);

    let path = |query: &str| format!("/loki/api/v1/delete?{query}");
    let shop = "query=%7Bapp%3D%22shop%22%7D";
    let checks = [
        (shop.to_owned(), "400 the parameter `start` is missing"),
        ("start=1".to_owned(), "400 the parameter `query` is missing"),
        (
            format!("{shop}&start=99999999999999"),
            "400 cannot parse the parameter `start`: `99999999999999`; want RFC 3339 or seconds since the epoch",
        ),
        (format!("{shop}&start=1&end=9999999999"), "400 deletes in the future are not allowed"),
        (format!("{shop}&start=5&end=4"), "400 the start of a delete must not be after its end"),
    ];
    for (query, refused) in checks {
        assert_eq!(client.refused("POST", &path(&query)).await, refused);
    }
    let parsed = client.refused("PUT", &path(&format!("{shop}+%7C+json&start=1"))).await;
    assert!(parsed.starts_with("400 a request to delete lines may have line filters"), "{parsed}");
    assert_eq!(
        client.refused("DELETE", &path("request_id=none")).await,
        "404 there is no request to delete lines with this id"
    );
    assert!(client.list().await.is_empty());

    let (status, _, id) = client.send("POST", &path(&format!("{shop}+%7C%3D+%22ivan%22&start=1"))).await;
    let id = id.unwrap();
    assert_eq!((status, client.lines().await), (204, 1));
    let listed = client.list().await.remove(0);
    assert_eq!(listed["request_id"], id.as_str());
    assert_eq!((&listed["status"], &listed["state"]), (&"received".into(), &"hidden".into()));
    assert_eq!((&listed["start_time"], &listed["query"]), (&1.into(), &r#"{app="shop"} |= "ivan""#.into()));
    assert!(listed["created_at"].is_number() && listed["hidden_at"].is_number());

    assert_eq!(client.send("DELETE", &path(&format!("request_id={id}"))).await.0, 204);
    assert_eq!((client.lines().await, client.list().await.len()), (2, 0));
    // By what the structured metadata says; a line that a pipeline would have to look at is refused.
    let (_, _, id) = client.send("POST", &path(&format!("{shop}+%7C+order_id%21%3D%222%22&start=1"))).await;
    assert_eq!(client.lines().await, 1);
    assert_eq!(client.send("DELETE", &path(&format!("request_id={}", id.unwrap()))).await.0, 204);
    let refused = client.refused("POST", &path(&format!("{shop}+%7C+took%3E5&start=1"))).await;
    assert!(
        refused.contains("`order_id`") && refused.contains("labels of streams belong into the selector"),
        "{refused}"
    );
    let (_, jobs, _) = client.send("GET", "/api/v1/jobs").await;
    assert!(jobs.starts_with("200 {\"jobs\":["), "{jobs}");
    assert_eq!(client.refused("DELETE", "/api/v1/jobs/4711").await, "404 no job with this id is running");
    client.0.end().await;
}
