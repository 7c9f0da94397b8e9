//! Rules as lokitool, Grafana and people use them: the ruler API, an alert that survives kill -9, back-tests and unit
//! tests on the command line.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use logline::Timestamp;
use serde_json::Value;

use super::harness::{Server, escape, eventually, now, program, run};

const GROUP: &str = r#"
name: errors
interval: 1s
rules:
  - alert: Errors
    expr: sum by (service_name) (count_over_time({service="shop"} |= "broke" [10m])) > 0
    labels: {severity: page}
    annotations: {summary: '{{ $labels.service_name }}: {{ $value }}'}
"#;

fn server(folder: &Path) -> Server {
    let config = folder.join("lapidary.toml");
    let data = folder.join("data");
    let text =
        format!("data_dir = {data:?}\n[alerts]\nstart_delay = \"0s\"\nquery_delay = \"0s\"\ndefault_rules = true\n");
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(program("lapidary"));
    Server::start(command.args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--config"]).arg(config))
}

async fn send(server: &Server, method: &str, path: &str, body: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let request = client.request(method.parse().unwrap(), format!("{}{path}", server.url));
    server.request(request.header("Content-Type", "application/yaml").body(body.to_owned())).await
}

async fn alerts(server: &Server) -> Vec<Value> {
    server.json("/prometheus/api/v1/alerts").await["data"]["alerts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_ruler_api_keeps_groups_as_loki_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    assert_eq!(server.get("/loki/api/v1/rules").await, (404, "no rule groups found\n".to_owned()));
    let (status, body) = send(&server, "POST", "/loki/api/v1/rules/team%2Fa", GROUP).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["status"].as_str()), (202, Some("success")));
    for path in ["/loki/api/v1/rules", "/loki/api/v1/rules/team%2Fa", "/api/prom/rules"] {
        let (status, yaml) = server.get(path).await;
        assert!(
            status == 200 && yaml.contains("team/a:") && yaml.contains("- name: errors"),
            "{path}: {status} {yaml}"
        );
    }
    let (status, yaml) = server.get("/loki/api/v1/rules/team%2Fa/errors").await;
    assert!(status == 200 && yaml.starts_with("name: errors") && yaml.contains("interval: 1s"), "{status} {yaml}");
    assert_eq!(server.get("/loki/api/v1/rules/team%2Fa/other").await.0, 404);
    assert_eq!(server.get("/loki/api/v1/rules/other").await.0, 404);
    let rules = server.json("/prometheus/api/v1/rules?type=alert&rule_group=errors").await;
    let groups = rules["data"]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0]["file"].as_str(), groups[0]["interval"].as_f64()), (Some("team/a"), Some(1.0)));
    let rule = &groups[0]["rules"][0];
    assert_eq!(
        (rule["type"].as_str(), rule["name"].as_str(), rule["duration"].as_f64()),
        (Some("alerting"), Some("Errors"), Some(0.0))
    );
    let all = server.json("/prometheus/api/v1/rules").await;
    assert!(all["data"]["groups"].as_array().unwrap().len() > 3, "the server's own are there too");

    let (status, text) =
        send(&server, "POST", "/loki/api/v1/rules/x", "name: g\nrules: [{alert: A, expr: 'sum('}]").await;
    assert!(status == 400 && text.contains("could not parse expression"), "{status} {text}");
    let (status, text) = send(&server, "POST", "/loki/api/v1/rules/lapidary", GROUP).await;
    assert!(status == 409 && text.contains("server's own"), "{status} {text}");
    assert_eq!(send(&server, "DELETE", "/loki/api/v1/rules/team%2Fa/errors", "").await.0, 202);
    assert_eq!(send(&server, "DELETE", "/loki/api/v1/rules/team%2Fa/errors", "").await.0, 404);
    assert_eq!(server.get("/loki/api/v1/rules").await.0, 404);
}

#[tokio::test]
async fn an_alert_goes_on_after_kill_9_with_the_begin_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let first = server(folder.path());
    assert_eq!(send(&first, "POST", "/loki/api/v1/rules/shop", GROUP).await.0, 202);
    let start = now();
    first.push(r#"{service="shop"}"#, &[(Timestamp(start.0 - 1_000_000_000), "it broke".to_owned())]).await;
    eventually("the alert fires", || async {
        alerts(&first).await.iter().any(|one| one["labels"]["alertname"] == "Errors" && one["state"] == "firing")
    })
    .await;
    let before = alerts(&first).await;
    assert_eq!(before[0]["annotations"]["summary"], "shop: 1");
    assert_eq!(before[0]["value"], "1e+00");
    first.kill();
    let second = server(folder.path());
    eventually("the alert fires again", || async { !alerts(&second).await.is_empty() }).await;
    let after = alerts(&second).await;
    assert_eq!(after[0]["activeAt"], before[0]["activeAt"]);
    let metrics = second.get("/metrics").await.1;
    assert!(
        metrics.contains("lapidary_alerts{tenant=\"fake\",alertname=\"Errors\",alertstate=\"firing\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("loki_prometheus_rule_evaluations_total{rule_group=\"fake/shop;errors\"}"), "{metrics}");
}

#[tokio::test]
async fn the_command_line_lists_back_tests_and_looks_rules_over() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let lines: Vec<(Timestamp, String)> =
        (0..10).map(|n| (Timestamp(now().0 - (7_200 - n * 30) * 1_000_000_000), "it broke".to_owned())).collect();
    server.push(r#"{service="shop"}"#, &lines).await;
    let file = folder.path().join("shop.yaml");
    std::fs::write(
        &file,
        format!("groups:\n  - {}", GROUP.trim().replace('\n', "\n    ").replace("interval: 1s", "interval: 1m")),
    )
    .unwrap();
    let command = |args: &[&str]| {
        let mut command = Command::new(program("lapidary"));
        command.args(["rules"]).args(args).env("LAPIDARY_ADDR", &server.url).env("LAPIDARY_LANG", "en");
        run(&mut command)
    };
    let path = file.to_str().unwrap();
    let (code, text) = command(&["test", path, "--since", "4h"]);
    assert!(code == Some(0) && text.contains("fired 1 ×, 1") && text.contains("shop: "), "{text}");
    let (code, text) = command(&["test", path, "--since", "4h", "--format", "json"]);
    let told: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((code, told[0]["fired"].as_u64()), (Some(0), Some(1)));
    let (code, text) = command(&["list"]);
    assert!(code == Some(0) && text.contains("VolumeAnomaly") && text.contains("lapidary/volume"), "{text}");
    let (code, text) = command(&["lint", path]);
    assert!(code == Some(0), "{text}");
    std::fs::write(&file, "groups: [{name: g, rules: [{alert: A, expr: 'sum(count_over_time({a=\"b\"}[1m]))'}]}]")
        .unwrap();
    let (code, text) = command(&["lint", path]);
    assert!(code == Some(1) && text.contains("compares nothing"), "{text}");
    std::fs::write(&file, "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]").unwrap();
    assert_eq!(command(&["lint", path]).0, Some(2));
    assert_eq!(command(&["test", path, "--since", "4h"]).0, Some(2));
    let gone = escape("no such");
    assert_eq!(server.get(&format!("/loki/api/v1/rules/{gone}")).await.0, 404);
}

/// The first block of YAML after a heading of the page about alerts.
fn documented(heading: &str) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alerts.md")).unwrap();
    let after = page.split(heading).nth(1).unwrap().to_owned();
    after.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_documented_rules_keep_their_documented_tests() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), documented("## Kinds of our own")).unwrap();
    let tests = folder.path().join("tests.yaml");
    std::fs::write(&tests, documented("## Unit tests")).unwrap();
    let unit = |path: &Path| {
        run(Command::new(program("lapidary")).args(["rules", "unit"]).arg(path).env("LAPIDARY_LANG", "en"))
    };
    let (code, text) = unit(&tests);
    assert!(code == Some(0) && text.contains("payment errors") && text.contains("1 tests, all well"), "{text}");
    let wrong = documented("## Unit tests").replace("25 of 85", "26 of 85").replace("value: 12", "value: 13");
    std::fs::write(&tests, wrong).unwrap();
    let (code, text) = unit(&tests);
    assert!(code == Some(1) && text.contains("exp: ") && text.contains("got: "), "{text}");
}

#[test]
fn unit_tests_read_free_text_as_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let config = write("lapidary.toml", "[[extract]]\npattern = \"Order <order_id> moved to <to>\"\n");
    let tests = r#"
tests:
  - input_lines:
      - labels: '{service_name="erp"}'
        lines: [{ at: 10s, line: "INFO Order 7 moved to PAID" }, { at: 20s, line: "INFO Order 8 moved to SENT" }]
    logql_expr_test:
      - expr: 'sum by (order_id) (count_over_time({service_name="erp"} | facts | to="PAID" [1m]))'
        eval_time: 1m
        exp_samples: [{ labels: '{order_id="7"}', value: 1 }]
"#;
    let tests = write("tests.yaml", tests);
    let unit = |more: &[&Path]| {
        let mut command = Command::new(program("lapidary"));
        run(command.args(["rules", "unit"]).arg(&tests).args(more).env("LAPIDARY_LANG", "en"))
    };
    let (code, text) = unit(&[Path::new("--config"), &config]);
    assert!(code == Some(0) && text.contains("1 tests, all well"), "{text}");
    let (code, text) = unit(&[]);
    assert!(code == Some(1) && text.contains("got: "), "{text}");
}
