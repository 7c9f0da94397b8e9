//! An order that passes through three services: its story, who may read which line of it, and when it counts as stuck.

use std::process::Command;
use std::time::Duration;

use logline::Timestamp;
use serde_json::{Value, json};

use super::harness::{Server, eventually, now, program, run, stream};

pub(crate) const MINUTE: i64 = 60_000_000_000;
const OPS: &str = "ops-token-0123456789";
const DEV: &str = "dev-token-0123456789";

const CONFIG: &str = r#"
[[auth.token]]
name = "ops"
token = "ops-token-0123456789"
services = ["*"]
permissions = ["push", "read", "orders", "status", "operate"]

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
    server_with(folder, "")
}

/// With these settings beside the usual ones.
fn server_with(folder: &std::path::Path, more: &str) -> Server {
    let config = folder.join("lapidary.toml");
    std::fs::write(&config, format!("data_dir = {:?}\n{CONFIG}{more}", folder.join("data"))).unwrap();
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
    text(server, service, at, format!("[{}]{rest}", jiff::Timestamp::from(at))).await;
}

/// Pushes a line of any format.
async fn text(server: &Server, service: &str, at: Timestamp, text: String) {
    let body = ingest::loki::encode(&[stream(&format!("{{service=\"{service}\"}}"), &[(at, text)])]);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let request = client
        .post(format!("{}/loki/api/v1/push", server.url))
        .bearer_auth(OPS)
        .header("Content-Type", "application/x-protobuf");
    assert_eq!(server.request(request.body(body)).await, (204, String::new()));
}

/// Order 4711 from its creation to a manufacturing that nobody starts.
pub(crate) async fn order(server: &Server, start: i64) {
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
    assert_eq!(story["services"], json!(["shop-api", "mes-api", "crm-api"]));
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
async fn an_order_that_lines_call_otherwise_is_followed_and_older_lines_of_it_are_once_they_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let named =
        |id: &str| format!(r#"{{"kind":"REQ","endpoint":"POST /x","bestellnummer":"{id}","zustand":"SUBMITTED"}}"#);
    let first = server(folder.path());
    text(&first, "shop-api", now(), named("A7")).await;
    assert_eq!(ask(&first, OPS, "/api/v1/orders/A7").await.0, 404, "nobody knows that name");
    assert!(first.terminate().success());

    let second = server_with(folder.path(), "[facts]\norder_id = [\"bestellnummer\"]\nstatus = [\"zustand\"]\n");
    text(&second, "shop-api", now(), named("A8")).await;
    assert_eq!(json(&second, OPS, "/api/v1/orders/A8").await["status"], "SUBMITTED");
    assert_eq!(ask(&second, OPS, "/api/v1/orders/A7").await.0, 404, "it was stored under the old names");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = client.post(format!("{}/api/v1/orders/reread", second.url)).bearer_auth(OPS);
    let (status, body) = second.request(asked).await;
    assert!(status < 300, "{status} {body}");
    eventually("A7 is followed", || async { ask(&second, OPS, "/api/v1/orders/A7").await.0 == 200 }).await;
    assert_eq!(json(&second, OPS, "/api/v1/orders/A8").await["status"], "SUBMITTED");
}

#[tokio::test]
async fn free_text_is_followed_by_a_rule_and_older_lines_of_it_are_once_they_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let moved = |id: &str| format!("2026-03-01 12:00:01,250 INFO [worker-3] Order {id} moved to SUBMITTED.");
    let first = server(folder.path());
    text(&first, "legacy", now(), moved("A7")).await;
    assert_eq!(ask(&first, OPS, "/api/v1/orders/A7").await.0, 404, "nobody knows what that says");
    assert!(first.terminate().success());

    let rule = "[[extract]]\nservices = [\"legacy\"]\npattern = \"Order <order_id> moved to <to>\"\n";
    let second = server_with(folder.path(), rule);
    text(&second, "legacy", now(), moved("A8")).await;
    text(&second, "shop-api", now(), moved("A9")).await;
    let known = json(&second, OPS, "/api/v1/orders/A8").await;
    assert_eq!((&known["status"], known["id"].as_str()), (&"SUBMITTED".into(), Some("A8")), "{known}");
    assert_eq!(ask(&second, OPS, "/api/v1/orders/A9").await.0, 404, "the rule is for another service");
    assert_eq!(ask(&second, OPS, "/api/v1/orders/A7").await.0, 404, "it was stored without the rule");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = client.post(format!("{}/api/v1/orders/reread", second.url)).bearer_auth(OPS);
    let (status, body) = second.request(asked).await;
    assert!(status < 300, "{status} {body}");
    eventually("A7 is followed", || async { ask(&second, OPS, "/api/v1/orders/A7").await.0 == 200 }).await;
    assert_eq!(json(&second, OPS, "/api/v1/orders/A8").await["status"], "SUBMITTED");
    assert_eq!(ask(&second, OPS, "/api/v1/orders/A9").await.0, 404);
}

#[tokio::test]
async fn the_command_line_tells_the_story() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    order(&server, now().0 - 30 * 24 * 60 * MINUTE).await;
    let orders = |args: &[&str]| {
        let mut command = Command::new(program("lapidary"));
        command.args(["orders"]).args(args).args(["--addr", &server.url, "--token", OPS]).env("LAPIDARY_LANG", "en");
        run(&mut command)
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
    let (code, wrong) = orders(&["list", "--status", "approved"]);
    assert!(code == Some(1) && wrong.contains("`MANUFACTURING_APPROVED`"), "the statuses there are are told: {wrong}");
    let (code, found) = orders(&["list", "--status", "manufacturing_approved", "--type", "Order"]);
    assert!(code == Some(0) && found.contains("4711"), "{found}");
    let (code, summary) = orders(&["summary", "--format", "csv"]);
    assert!(code == Some(0) && summary.contains("order,MANUFACTURING_APPROVED,mes-api,1,1,"), "{summary}");
    let (code, whole) = orders(&["show", "4711", "--wide"]);
    assert!(code == Some(0) && whole.contains("request_id=r1"), "{whole}");
    let (code, text) = orders(&["show", "4712"]);
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = run(Command::new(program("lapidary")).args(["orders", "stuck", "--addr", &server.url]));
    assert!(code == Some(1) && text.contains("--token"), "{text}");
    let (code, text) = run(Command::new(program("lapidary")).args(["orders", "stuck", "--addr", "http://127.0.0.1:1"]));
    assert!(code == Some(1) && text.contains("cannot be reached"), "{text}");
    assert_eq!(orders(&["sing"]).0, Some(2));
    assert_eq!(orders(&["list", "--limit", "0"]).0, Some(2));
}

#[tokio::test]
async fn the_command_line_speaks_russian() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let said = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(program("lapidary"));
        command.env_remove("LAPIDARY_LANG").env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C");
        run(command.args(["orders"]).args(args).args(["--addr", &server.url]).envs(variables.iter().copied()))
    };
    let locale = [("LANG", "ru_RU.UTF-8")];
    let cases: [(&[&str], i32, &str); 6] = [
        (&["stuck", "--token", OPS], 0, "Ничего не застряло"),
        (&["stuck"], 1, "сервер просит назваться"),
        (&["show", "1", "--token", OPS], 1, "нет ни одной строки об объекте"),
        (&["list", "--status", "lost", "--token", OPS], 1, "нет статуса `lost`; есть"),
        (&["list", "--zone", "Mars", "--token", OPS], 2, "не часовой пояс"),
        (&["sing"], 2, "неизвестная команда `sing`"),
    ];
    for (args, code, words) in cases {
        for (got, text) in [said(args, &locale), said(&[args, &["--lang", "ru"]].concat(), &[])] {
            assert!(got == Some(code) && text.contains(words), "{args:?}: {got:?} {text}");
        }
    }
    assert!(said(&["stuck", "--token", OPS], &[]).1.contains("Nothing is stuck"));
    let other = [("LANG", "ru_RU.UTF-8"), ("LAPIDARY_LANG", "en")];
    assert!(said(&["stuck", "--token", OPS], &other).1.contains("Nothing is stuck"));
}

#[tokio::test]
async fn pages_of_a_list_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    for id in 0..5 {
        line(
            &server,
            "shop-api",
            Timestamp(now().0 - id * MINUTE),
            &format!("[STATUS][order] order_id=a{id} to=CREATED"),
        )
        .await;
    }
    let list = |args: &[&str]| {
        let mut command = Command::new(program("lapidary"));
        command.args(["orders", "list", "--limit", "2"]).args(args).args(["--addr", &server.url, "--token", OPS]);
        run(command.env("LAPIDARY_LANG", "en"))
    };
    let mut cursor = String::new();
    let mut found = Vec::new();
    for _ in 0..3 {
        let rest: Vec<&str> = if cursor.is_empty() { Vec::new() } else { vec!["--cursor", &cursor] };
        let (code, page) = list(&rest);
        assert_eq!(code, Some(0), "{page}");
        let ids = page.split_whitespace().filter(|word| word.len() == 2 && word.starts_with('a'));
        found.extend(ids.map(str::to_owned));
        cursor = page
            .split_once("--cursor '")
            .and_then(|(_, rest)| rest.split_once('\''))
            .map_or(String::new(), |(cursor, _)| cursor.to_owned());
    }
    assert_eq!(found, ["a4", "a3", "a2", "a1", "a0"]);
    assert!(cursor.is_empty(), "the last page is the last one");
    let (code, text) = list(&["--cursor", "nonsense"]);
    assert!(code == Some(1) && text.contains("is not a cursor"), "{text}");
}

#[tokio::test]
async fn the_state_of_the_server_names_only_services_the_caller_may_see() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lapidary.toml");
    let text = format!("data_dir = {:?}\n{CONFIG}", folder.path().join("data"))
        .replace(r#"["read", "orders"]"#, r#"["read", "status"]"#);
    std::fs::write(&config, text).unwrap();
    let server = Server::configured(&config);
    for service in ["shop-api", "mes-api"] {
        line(&server, service, now(), "[REQ][POST /x] order_id=1 mail=ann@example.com").await;
    }
    let all = json(&server, OPS, "/api/v1/status").await["ingest"].to_string();
    assert!(all.contains("mes-api") && all.contains("no_status") && all.contains("email"), "{all}");
    let own = json(&server, DEV, "/api/v1/status").await["ingest"].to_string();
    assert!(own.contains("shop-api") && !own.contains("mes-api"), "{own}");
}

#[tokio::test]
async fn an_object_has_its_story_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    for id in ["summary", "stuck", "reread", "7/b c?x=%2F", "заказ-1"] {
        line(&server, "shop-api", now(), &format!("[STATUS][order] order_id=\"{id}\" to=CREATED")).await;
        let name: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let story = json(&server, OPS, &format!("/api/v1/objects/order/{name}")).await;
        assert_eq!((story["id"].as_str(), story["status"].as_str()), (Some(id), Some("CREATED")));
    }
    line(&server, "shop-api", now(), "[STATUS][model] model_id=sla to=UPLOADED").await;
    let model = json(&server, OPS, "/api/v1/objects/MODEL/sla?lines=false").await;
    assert_eq!((model["type"].as_str(), model["status"].as_str()), (Some("model"), Some("UPLOADED")));
    assert_eq!(json(&server, OPS, "/api/v1/orders/stuck").await["status"], "CREATED");
    assert!(json(&server, OPS, "/api/v1/orders/summary").await.get("steps").is_none());
    assert_eq!(ask(&server, OPS, "/api/v1/objects/model/summary").await.0, 404);
    assert_eq!(ask(&server, OPS, "/api/v1/objects/order/summary?type=order").await.0, 400);
    assert_eq!(ask(&server, "push-token-0123456789", "/api/v1/objects/order/summary").await.0, 403);
}

#[tokio::test]
async fn the_api_tells_what_is_wrong_with_a_request_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let cases = [
        ("/api/v1/orders?stat=open", "`stat` is no parameter here; there are `type`"),
        ("/api/v1/orders?state=shut", "`state` is `open` or `stuck`, not `shut`"),
        ("/api/v1/orders?limit=0", "`limit` is a number from 1 to 1000"),
        ("/api/v1/orders?type=modle", "no type of objects is called `modle`"),
        ("/api/v1/orders/summary?x=1", "`x` is no parameter here"),
        ("/api/v1/orders/4711?lines=maybe", "`lines` is `true` or `false`, not `maybe`"),
    ];
    for (path, words) in cases {
        let (status, text) = ask(&server, OPS, path).await;
        assert!(status == 400 && text.contains(words), "{path}: {status} {text}");
    }
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
