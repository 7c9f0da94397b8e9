//! The real server tells a chat: it is killed at any moment, and asked and told things at the command line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use logline::Timestamp;
use serde_json::{Value, json};

use super::chat::Chat;
use super::has;
use crate::system::harness::{Server, eventually, now, program, run, signal};

/// A configuration of the real server whose alerts go to a chat.
fn configured(folder: &Path, chat: &Chat) -> PathBuf {
    let routes = folder.join("alertmanager.yml");
    let yaml = format!(
        "global: {{telegram_api_url: '{}'}}\n\
         route: {{receiver: ops, group_by: [alertname, order], group_wait: 1s, group_interval: 2s, repeat_interval: 1h}}\n\
         receivers: [{{name: ops, telegram_configs: [{{bot_token_file: '{}', chat_id: -100, min_interval_ms: 1}}]}}]\n",
        chat.url,
        folder.join("token").display(),
    );
    std::fs::write(&routes, yaml).unwrap();
    std::fs::write(folder.join("token"), "1:s3cret-t0ken\n").unwrap();
    let config = folder.join("lapidary.toml");
    let text =
        format!("data_dir = {:?}\n[auth]\nmode = \"none\"\n[alerts]\nrouting = {routes:?}\n", folder.join("data"));
    std::fs::write(&config, text).unwrap();
    config
}

async fn post(server: &Server, alerts: &Value) -> Option<u16> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let sent = http.post(format!("{}/api/v2/alerts", server.url)).json(alerts).send().await;
    sent.ok().map(|answer| answer.status().as_u16())
}

fn posted(order: u32, started: Timestamp) -> Value {
    json!({
        "labels": {"alertname": "OrderStuck", "service_name": "mes", "order": order.to_string()},
        "startsAt": jiff::Timestamp::from(started).to_string(),
        "endsAt": jiff::Timestamp::from(started.after(Duration::from_secs(3_600))).to_string(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_moment_loses_no_alert_and_tells_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::start().await;
    let config = configured(folder.path(), &chat);
    let (mut random, started) = (fastrand::Rng::with_seed(11), now());
    let (mut taken, mut log, rounds) = (0, String::new(), 10);
    for round in 0..rounds {
        let server = Server::configured(&config);
        // Posted until the kill, as rules hand the same alerts over again and again.
        for burst in 0..3 {
            let orders: Vec<u32> = (0..=round * 3 + burst).collect();
            let alerts: Vec<Value> = orders.iter().map(|order| posted(*order, started)).collect();
            if post(&server, &json!(alerts)).await == Some(200) {
                taken = taken.max(orders.len());
            }
            tokio::time::sleep(Duration::from_millis(random.u64(0..900))).await;
        }
        signal("-KILL", server.id());
        log += &server.log();
    }
    assert!(taken > 10, "only {taken} alerts were taken in");
    let server = Server::configured(&config);
    eventually("everything is told", async || chat.told().len() >= taken).await;
    // What is on its way arrives; then nothing more comes for a while.
    eventually("the outbox is empty", async || {
        let log = server.json("/api/v1/alerts/deliveries?limit=1000").await;
        log["deliveries"].as_array().unwrap().iter().all(|one| one["status"] == "sent")
    })
    .await;
    let told = chat.told();
    for order in 0..taken {
        let own: Vec<&String> = told.iter().filter(|text| text.contains(&format!("order={order}\n"))).collect();
        let sure: Vec<_> = own.iter().filter(|text| !text.contains("(may be a repeat)")).collect();
        assert!(!own.is_empty(), "order {order} was told nowhere");
        assert!(sure.len() <= 1 && own.len() <= 2, "order {order} was told {} times: {own:?}", own.len());
    }
    let repeats = told.iter().filter(|text| text.contains("(may be a repeat)")).count();
    assert!(repeats <= rounds as usize, "{repeats} repeats of {rounds} kills");
    assert!(chat.problems().is_empty(), "{:?}", chat.problems());
    log += &server.log();
    assert!(!log.contains("s3cret"), "the token is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tests_receivers_silences_alerts_and_follows_incidents() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::start().await;
    chat.script(&[429, 0]);
    let server = Server::configured(&configured(folder.path(), &chat));
    let lapidary = |args: &[&str]| {
        let mut command = Command::new(program("lapidary"));
        command.args(args).args(["--addr", &server.url]).env("LAPIDARY_LANG", "en");
        let (code, said) = run(&mut command);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    };
    let cli = async |args: &'static [&'static str]| tokio::task::block_in_place(|| lapidary(args));
    let said = cli(&["alerts", "test-send", "ops"]).await;
    assert_eq!(said, "telegram:-100 sent\n");
    assert!(chat.told()[0].starts_with("🔵 TEST: Test\n"), "{:?}", chat.told());

    let id = cli(&["silences", "add", "order=7", "alertname=~Order.*", "--comment", "works", "--for", "2h"]).await;
    let listed = cli(&["silences", "list"]).await;
    assert!(listed.contains(id.trim()) && listed.contains("order=\"7\" alertname=~\"Order.*\""), "{listed}");
    if has("amtool") {
        let mut amtool = Command::new("amtool");
        let url = format!("--alertmanager.url={}", server.url);
        let (code, text) = run(amtool.args([&url, "silence", "query", "-q"]));
        // Behind the answer some versions warn that ours is not their own.
        assert_eq!((code, text.lines().next()), (Some(0), Some(id.trim())), "{text}");
    }
    let alerts = [posted(7, now()), posted(8, now())];
    assert_eq!(post(&server, &json!(alerts)).await, Some(200));
    eventually("order 8 is told", async || chat.told().iter().any(|text| text.contains("order=8\n"))).await;
    let listed = cli(&["alerts", "list"]).await;
    assert!(listed.contains("silenced") && listed.contains("firing"), "{listed}");
    if has("amtool") {
        let url = format!("--alertmanager.url={}", server.url);
        let (code, text) = run(Command::new("amtool").args([&url, "alert", "query", "-o", "json", "order=8"]));
        assert_eq!(code, Some(0), "{text}");
        let told: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(told[0]["labels"]["order"], "8");
    }
    let incidents: Value = serde_json::from_str(&cli(&["incidents", "list", "--format", "json"]).await).unwrap();
    assert_eq!(incidents["incidents"].as_array().map(Vec::len), Some(1), "{incidents}");
    let incident = incidents["incidents"][0]["id"].as_str().unwrap().to_owned();
    let act =
        |verb: &str| tokio::task::block_in_place(|| lapidary(&["incidents", verb, &incident, "--comment", "mine"]));
    assert!(act("ack").contains("acknowledged"));
    assert!(act("resolve").contains("resolved"));
    assert!(cli(&["incidents", "report"]).await.contains("OrderStuck"));
    let expired = tokio::task::block_in_place(|| lapidary(&["silences", "expire", id.trim()]));
    assert!(expired.is_empty());
    eventually("order 7 is told after the silence", async || chat.told().iter().any(|text| text.contains("order=7\n")))
        .await;
}
