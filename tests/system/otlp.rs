//! OpenTelemetry's exporters for Python and Node, and our own agent as one, send to the server.

use std::path::PathBuf;
use std::process::Command;

use logline::Timestamp;
use serde_json::{Value, json};

use super::agent::Agent;
use super::clients::{node, python};
use super::harness::{Server, eventually, now, run};

const PYTHON: [&str; 2] = ["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2"];
const GRPC: [&str; 2] = ["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-grpc==1.45.2"];
const NODE: [&str; 2] = ["@opentelemetry/exporter-logs-otlp-http@0.301.0", "@opentelemetry/sdk-logs@3.1.0"];
const HOUR: i64 = 3_600_000_000_000;

/// The streams that a query finds, labels and metadata told apart.
async fn streams(server: &Server, query: &str) -> Vec<Value> {
    let (start, end) = (Timestamp(now().0 - HOUR), Timestamp(now().0 + HOUR));
    let answer = server.query_range(query, start, end, "&limit=1000&direction=forward").await;
    answer["data"]["result"].as_array().unwrap().clone()
}

fn lines(streams: &[Value]) -> usize {
    streams.iter().map(|stream| stream["values"].as_array().unwrap().len()).sum()
}

/// Runs a client until it has sent everything.
fn send(program: PathBuf, script: &str, url: &str, modules: Option<PathBuf>) {
    let mut command = Command::new(program);
    command.arg(script_path(script)).arg(url);
    if let Some(modules) = modules {
        command.env("NODE_PATH", modules);
    }
    let (code, said) = run(&mut command);
    assert_eq!(code, Some(0), "{said}");
}

/// Sends 2,000 records to the server's listener for gRPC with this token, and over TLS if there is a file with its
/// authority. What the exporter says; none where it cannot be had.
pub(crate) fn send_over_grpc(server: &Server, token: &str, authority: &str) -> Option<String> {
    let python = python(&GRPC)?;
    let log = server.log();
    let address = log.split("grpc=").nth(1).unwrap().split_whitespace().next().unwrap().trim_matches('"');
    let mut command = Command::new(python);
    let (code, said) = run(command.arg(script_path("grpc_client.py")).args([address, token, authority]));
    assert_eq!(code, Some(0), "{said}");
    Some(said)
}

fn script_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("system/otlp").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_exporter_is_understood_at_lokis_path_and_at_its_own() {
    let Some(python) = python(&PYTHON) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    for path in ["/otlp/v1/logs", "/v1/logs"] {
        send(python.clone(), "client.py", &format!("{}{path}", server.url), None);
    }
    let found = streams(&server, r#"{service_name="py-shop", k8s_pod_name="shop-0"} | order_id="4711""#).await;
    assert_eq!(lines(&found), 40);
    let labels = &found[0]["stream"];
    for (name, value) in
        [("http_status", "500"), ("host_name", "web-1"), ("scope_name", "orders"), ("detected_level", "warn")]
    {
        assert_eq!(labels[name], value, "{labels}");
    }
    assert_eq!(found[0]["values"][0][1], "привет number 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_exporter_is_understood_in_json() {
    let Some((node, modules)) = node(&NODE) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    send(node, "client.js", &format!("{}/v1/logs", server.url), Some(modules));
    let found = streams(&server, r#"{service_name="node-shop"} | detected_level="error""#).await;
    assert_eq!(lines(&found), 20);
    assert_eq!(
        (&found[0]["stream"]["tags"], &found[0]["stream"]["http_status"]),
        (&json!(r#"["a",1]"#), &json!("500"))
    );
    let found = streams(&server, r#"{service_name="node-shop"} | detected_level!="error""#).await;
    assert_eq!(found[0]["values"][0][1], r#"{"a":{"c":true},"b":1}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_exporter_is_understood_over_grpc_with_a_right_token_only() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, reader) = ("writer-secret-token-0001", "reader-secret-token-0001");
    let config = folder.path().join("lapidary.toml");
    let text = format!(
        "data_dir = {:?}\ngrpc_listen = \"127.0.0.1:0\"\n\
         [[auth.token]]\nname = \"writer\"\ntoken = \"{writer}\"\npermissions = [\"push\"]\n\
         [[auth.token]]\nname = \"reader\"\ntoken = \"{reader}\"\nservices = [\"*\"]\npermissions = [\"read\"]\n",
        folder.path().join("data"),
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::configured(&config);
    let Some(said) = send_over_grpc(&server, writer, "-") else { return };
    assert!(said.contains("sent") && !said.contains("failed"), "{said}");
    for (token, status) in [("no-such-token", "UNAUTHENTICATED"), (reader, "PERMISSION_DENIED")] {
        let said = send_over_grpc(&server, token, "-").unwrap();
        assert!(said.contains(status) && !said.contains("sent"), "{status}: {said}");
    }
    server.terminate();
    let open = Server::open(&folder.path().join("data"));
    let found = streams(&open, r#"{service_name="grpc-shop"} | order_id="4711" |= "number 7 ""#).await;
    assert_eq!(lines(&found), 2, "{found:?}");
    let counted = streams(&open, r#"sum(count_over_time({service_name="grpc-shop"}[1h]))"#).await;
    assert_eq!(counted[0]["values"].as_array().unwrap().last().unwrap()[1], "2000", "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_agent_speaks_it_to_our_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(&folder.path().join("data"));
    let (log, config) = (folder.path().join("a.log"), folder.path().join("agent.toml"));
    let text: String = (0..100).map(|n| format!("[2026-03-01T12:00:00.{n:03}Z][REQ][GET /x] order_id={n}\n")).collect();
    std::fs::write(&log, text).unwrap();
    let settings = format!(
        "state_dir = {:?}\n[[input]]\npaths = [{log:?}]\nlabels = {{ service = \"shop-api\" }}\n[output]\nkind = \"otlp\"\nurl = \"{}\"\ncompression = \"zstd\"\n",
        folder.path().join("state"),
        server.url
    );
    std::fs::write(&config, settings).unwrap();
    let agent = Agent::start(folder.path(), &config);
    let time = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
    let range = (time("2026-03-01T12:00:00Z"), time("2026-03-01T12:00:01Z"));
    let stored = async || server.lines(r#"{service_name="shop-api"}"#, range.0, range.1).await;
    eventually("all lines arrive", async || stored().await.len() == 100).await;
    let found = stored().await;
    assert_eq!(found[7], (range.0.0 + 7_000_000, "[2026-03-01T12:00:00.007Z][REQ][GET /x] order_id=7".to_owned()));
    agent.terminate();
}
