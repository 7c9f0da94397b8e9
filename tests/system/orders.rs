//! An order that passes through three services: its story, who may read which line of it, and when it counts as stuck.

use std::process::Command;
use std::time::Duration;

use logline::Timestamp;
use serde_json::{Value, json};

use super::harness::{Server, eventually, now, program, run, stream};

const MINUTE: i64 = 60_000_000_000;
const OPS: &str = "ops-token-0123456789";
const DEV: &str = "dev-token-0123456789";

const CONFIG: &str = r#"
[[auth.token]]
name = "ops"
token = "ops-token-0123456789"
services = ["*"]
permissions = ["push", "read", "orders", "status"]

[[auth.token]]
name = "shop-dev"
token = "dev-token-0123456789"
services = ["shop-api"]
permissions = ["read", "orders"]

[[auth.token]]
name = "pusher"
token = "push-token-0123456789"
permissions = ["push"]
"#;

fn server(folder: &std::path::Path) -> Server {
    let config = folder.join("lapidary.toml");
    std::fs::write(&config, format!("data_dir = {:?}\n{CONFIG}", folder.join("data"))).unwrap();
    Server::configured(&config)
}

async fn ask(server: &Server, token: &str, path: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    server.request(client.get(format!("{}{path}", server.url)).bearer_auth(token)).await
}

async fn json(server: &Server, token: &str, path: &str) -> Value {
    let (status, body) = ask(server, token, path).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Pushes one line of a service, at its own time.
async fn line(server: &Server, service: &str, at: Timestamp, rest: &str) {
    let text = format!("[{}]{rest}", jiff::Timestamp::from(at));
    let body = ingest::loki::encode(&[stream(&format!("{{service=\"{service}\"}}"), &[(at, text)])]);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let request = client
        .post(format!("{}/loki/api/v1/push", server.url))
        .bearer_auth(OPS)
        .header("Content-Type", "application/x-protobuf");
    assert_eq!(server.request(request.body(body)).await, (204, String::new()));
}

/// Order 4711 from its creation to a manufacturing that nobody starts.
async fn order(server: &Server, start: i64) {
    let at = |minutes: i64| Timestamp(start + minutes * MINUTE);
    line(server, "shop-api", at(0), "[REQ][POST /orders] order_id=4711 status=CREATED request_id=r1 trace_id=t1").await;
    line(server, "shop-api", at(1), "[RESP][POST /orders/{id}/submit] order_id=4711 status=SUBMITTED http_status=200 request_id=r2 trace_id=t2 duration_ms=12").await;
    line(server, "crm-api", at(1), "[STATUS][order] order_id=4711 from=CREATED to=SUBMITTED trace_id=t2").await;
    line(server, "mes-api", at(5), "[STATUS][order] order_id=4711 from=SUBMITTED to=PRICE_CALCULATED trace_id=t3")
        .await;
    line(
        server,
        "crm-api",
        at(60),
        "[STATUS][order] order_id=4711 from=PRICE_CALCULATED to=MANUFACTURING_APPROVED trace_id=t4",
    )
    .await;
    line(server, "mes-api", at(61), "[RESP][POST /manufacturing] order_id=4711 status=MANUFACTURING_APPROVED http_status=500 error=\"no free machine\" request_id=r5 trace_id=t5").await;
}

#[tokio::test]
async fn an_orders_story_goes_over_three_services_and_shows_each_reader_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let start = now().0 - 30 * 24 * 60 * MINUTE;
    order(&server, start).await;

    let story = json(&server, OPS, "/api/v1/orders/4711").await;
    let steps: Vec<_> =
        story["steps"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(steps, ["CREATED", "SUBMITTED", "PRICE_CALCULATED", "MANUFACTURING_APPROVED"]);
    assert_eq!(story["steps"][2]["dwell_ms"], 55 * 60 * 1000);
    assert_eq!(story["services"], json!(["shop-api", "crm-api", "mes-api"]));
    assert_eq!(story["failures"][0]["http_status"], 500);
    assert_eq!(story["hidden_lines"], 0);
    assert!(story["stuck"]["overdue_ms"].as_u64().unwrap() > 0);
    assert!(story.to_string().contains("no free machine"));

    let narrow = json(&server, DEV, "/api/v1/orders/4711").await;
    let narrow_steps: Vec<_> =
        narrow["steps"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(narrow_steps, steps, "the steps are for everybody who follows orders");
    assert_eq!(narrow["hidden_lines"], 4);
    assert!(!narrow.to_string().contains("no free machine"), "a line of another service leaked: {narrow}");

    assert_eq!(ask(&server, OPS, "/api/v1/orders/no-such-order").await.0, 404);
    assert_eq!(ask(&server, "push-token-0123456789", "/api/v1/orders/4711").await.0, 403);
    assert_eq!(ask(&server, "nobody-knows-this-one", "/api/v1/orders/4711").await.0, 401);

    let stuck = json(&server, OPS, "/api/v1/orders?state=stuck").await;
    assert_eq!((&stuck["items"][0]["id"], &stuck["items"][0]["owner"]), (&json!("4711"), &json!("mes-api")));
}

#[tokio::test]
async fn a_changed_order_is_visible_within_a_second_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = server(folder.path());
    order(&first, now().0 - 30 * 24 * 60 * MINUTE).await;
    line(
        &first,
        "mes-api",
        Timestamp(now().0 - MINUTE),
        "[STATUS][order] order_id=4711 from=MANUFACTURING_APPROVED to=MANUFACTURING_STARTED trace_id=t6",
    )
    .await;
    line(
        &first,
        "shop-api",
        Timestamp(now().0 - MINUTE),
        "[STATUS][model] model_id=m-17 from=DRAFT to=CHECKED trace_id=t7",
    )
    .await;
    let status =
        async |server: &Server| json(server, OPS, "/api/v1/orders?limit=10").await["items"][0]["status"].clone();
    tokio::time::timeout(
        Duration::from_secs(1),
        eventually("the change is visible", async || status(&first).await == "MANUFACTURING_STARTED"),
    )
    .await
    .expect("a changed order is visible within a second");
    assert_eq!(json(&first, OPS, "/api/v1/orders?state=stuck").await["total"], 0);
    first.kill();

    let second = server(folder.path());
    eventually("the state is rebuilt", async || status(&second).await == "MANUFACTURING_STARTED").await;
    let model = json(&second, OPS, "/api/v1/orders/m-17?type=model").await;
    assert_eq!(model["status"], "CHECKED");
}

#[tokio::test]
async fn the_command_line_tells_the_story() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    order(&server, now().0 - 30 * 24 * 60 * MINUTE).await;
    let orders = |args: &[&str]| {
        let mut command = Command::new(program("lapidary"));
        run(command.arg("orders").args(args).args(["--addr", &server.url, "--token", OPS, "--zone", "UTC"]))
    };
    let (code, story) = orders(&["show", "4711"]);
    assert_eq!(code, Some(0), "{story}");
    for part in ["4711", "MANUFACTURING_APPROVED", "crm-api", "t5", "no free machine"] {
        assert!(story.contains(part), "`{part}` is missing in:\n{story}");
    }
    let (code, stuck) = orders(&["stuck"]);
    assert!(code == Some(0) && stuck.contains("4711") && stuck.contains("mes-api"), "{stuck}");
    let (code, csv) = orders(&["list", "--format", "csv"]);
    assert!(code == Some(0) && csv.lines().next().unwrap().contains("status"), "{csv}");
    let (code, text) = orders(&["show", "4712"]);
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = run(Command::new(program("lapidary")).args(["orders", "stuck", "--addr", &server.url]));
    assert!(code == Some(1) && text.contains("--token"), "{text}");
    let (code, text) = run(Command::new(program("lapidary")).args(["orders", "stuck", "--addr", "http://127.0.0.1:1"]));
    assert!(code == Some(1) && text.contains("cannot be reached"), "{text}");
    assert_eq!(run(Command::new(program("lapidary")).args(["orders", "sing"])).0, Some(2));
}

#[tokio::test]
async fn a_reader_of_one_service_sees_nothing_of_another_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let start = now().0 - 60 * MINUTE;
    order(&server, start).await;
    let range = format!("start={}&end={}", start - MINUTE, now().0);
    let paths = [
        format!("/loki/api/v1/query_range?query=%7Bservice%3D~%22.%2B%22%7D&{range}"),
        format!("/loki/api/v1/query_range?query=count_over_time(%7Bservice%3D~%22.%2B%22%7D%5B1h%5D)&{range}"),
        "/loki/api/v1/query?query=sum+by+(service)(count_over_time(%7Bservice%3D~%22.%2B%22%7D%5B2h%5D))".to_owned(),
        format!("/loki/api/v1/labels?{range}"),
        format!("/loki/api/v1/label/service/values?{range}"),
        format!("/loki/api/v1/label/service_name/values?{range}"),
        format!("/loki/api/v1/series?{range}&match[]=%7Bservice%3D~%22.%2B%22%7D"),
    ];
    for path in &paths {
        let all = json(&server, OPS, path).await.to_string();
        let own = json(&server, DEV, path).await.to_string();
        assert!(all.contains("mes-api") || path.contains("/labels"), "{path}: {all}");
        assert!(!own.contains("mes-api") && !own.contains("crm-api"), "{path}: {own}");
        assert_eq!(ask(&server, "push-token-0123456789", path).await.0, 403, "{path}");
    }
}
