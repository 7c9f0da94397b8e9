//! What loki-canary and logcli do, request by request: they are Go programs that no package registry ships, so a Python
//! program with a WebSocket client of its own plays the one, and a table of its requests the other. And a client for
//! reading that is real: `loki-reader-core` of PyPI.

use std::process::Command;

use serde_json::{Value, json};

use super::clients::python;
use super::harness::{Server, escape, now, run};

const SECOND: i64 = 1_000_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_finds_no_line_missing_late_or_double() {
    let Some(python) = python(&["websockets==17.4"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("system/canary/client.py");
    let (code, said) = run(Command::new(python).arg(script).args([&server.url, "300"]));
    assert_eq!((code, said.trim()), (Some(0), "300 300 0 True ['300']"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_for_reading_from_pypi_finds_streams_labels_and_series() {
    let Some(python) = python(&["loki-reader-core==0.2.5"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let (server, _) = fill(server).await;
    let script = "import sys\n\
        from loki_reader_core import LokiClient\n\
        client = LokiClient(base_url=sys.argv[1])\n\
        found = client.query_range('{service=\"shop-api\"} |= \"order_id=7\"', int(sys.argv[2]), int(sys.argv[3]), limit=100)\n\
        print(found.status, [(stream.labels['service'], entry.message) for stream in found.streams for entry in stream.entries])\n\
        print(client.get_labels(), client.get_label_values('service'), len(client.get_series(['{env=\"test\"}'])))";
    let base = now().0;
    let (from, to) = ((base - 300 * SECOND).to_string(), base.to_string());
    let (code, said) = run(Command::new(python).args(["-c", script, &server.url, &from, &to]).env("NO_PROXY", "*"));
    let want = "success [('shop-api', 'level=info order_id=7 done')]\n['env', 'service', 'service_name'] ['crm-api', 'shop-api'] 2";
    assert_eq!((code, said.trim()), (Some(0), want));
}

/// Ten lines of each of two services; the time of the first.
async fn fill(server: Server) -> (Server, i64) {
    let base = now().0 / SECOND * SECOND - 60 * SECOND;
    for (service, level) in [("shop-api", "info"), ("crm-api", "error")] {
        let line = |n: i64| (logline::Timestamp(base + n * SECOND), format!("level={level} order_id={n} done"));
        let lines: Vec<_> = (0..10).map(line).collect();
        server.push(&format!("{{service=\"{service}\", env=\"test\"}}"), &lines).await;
    }
    (server, base)
}

/// Every number of statistics but times is whole: Go's reader refuses a fraction where it expects none.
fn check_whole(path: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| check_whole(&format!("{path}.{name}"), value)),
        Value::Number(number) if !path.ends_with("execTime") && !path.ends_with("queueTime") => {
            assert!(number.is_u64(), "{path} is {number}");
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_of_logcli_gets_what_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = fill(Server::open(folder.path())).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str| {
        let request = client.get(format!("{}{path}", server.url));
        let request = request.header("User-Agent", "loki-logcli/3.5.0").header("X-Query-Tags", "Source=logcli");
        let (status, body) = server.request(request).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let (shop, all) = (escape(r#"{service="shop-api"}"#), escape(r#"{env="test"}"#));
    let range = format!("start={base}&end={}", base + 30 * SECOND);

    // logcli query
    let answer = ask(&format!("/loki/api/v1/query_range?direction=BACKWARD&{range}&limit=30&query={shop}")).await;
    assert_eq!((&answer["status"], &answer["data"]["resultType"]), (&json!("success"), &json!("streams")));
    let stats = &answer["data"]["stats"];
    check_whole("stats", stats);
    let parts: Vec<_> =
        stats.as_object().unwrap().keys().map(String::as_str).filter(|name| *name != "lapidary").collect();
    assert_eq!(parts, ["cache", "index", "ingester", "querier", "summary"]);
    assert!(stats["summary"]["totalLinesProcessed"].as_u64().unwrap() >= 10);
    assert!(stats["summary"]["bytesProcessedPerSecond"].as_u64().unwrap() > 0);
    // logcli query of a metric, and instant-query
    let count = escape(r#"sum by (service) (count_over_time({env="test"}[1m]))"#);
    let answer =
        ask(&format!("/loki/api/v1/query_range?direction=BACKWARD&{range}&limit=30&query={count}&step=10")).await;
    assert_eq!(answer["data"]["resultType"], "matrix");
    let answer =
        ask(&format!("/loki/api/v1/query?direction=BACKWARD&limit=30&query={count}&time={}", base + 30 * SECOND)).await;
    assert_eq!(answer["data"]["result"][1]["value"], json!([base / SECOND + 30, "10"]));
    // logcli labels, series
    let answer = ask(&format!("/loki/api/v1/label/service/values?{range}")).await;
    assert_eq!(answer, json!({"status": "success", "data": ["crm-api", "shop-api"]}));
    let answer =
        ask(&format!("/loki/api/v1/series?{range}&match={shop}&match={}", escape(r#"{service="crm-api"}"#))).await;
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    // logcli stats, volume, volume_range
    let answer = ask(&format!("/loki/api/v1/index/stats?{range}&query={all}")).await;
    assert_eq!((&answer["streams"], &answer["entries"]), (&json!(2), &json!(20)));
    check_whole("stats", &answer);
    for limit in [30, 0] {
        let path = format!("index/volume?aggregateBy=series&{range}&limit={limit}&query={all}&targetLabels=service");
        let answer = ask(&format!("/loki/api/v1/{path}")).await;
        assert_eq!(answer["data"]["result"][0]["metric"], json!({"service": "crm-api"}));
    }
    let answer =
        ask(&format!("/loki/api/v1/index/volume_range?aggregateBy=labels&{range}&limit=30&query={all}&step=30")).await;
    assert_eq!(answer["data"]["resultType"], "matrix");
    // logcli detected-fields
    let path = format!("/loki/api/v1/detected_fields?{range}&limit=1000&line_limit=1000&query={all}&step=10");
    let answer = ask(&path).await;
    let fields: Vec<_> = answer["fields"].as_array().unwrap().iter().map(|field| &field["label"]).collect();
    assert!(fields.contains(&&json!("order_id")), "{fields:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_api_of_loki_still_answers_in_its_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = fill(Server::open(folder.path())).await;
    let range = format!("start={base}&end={}", base + 30 * SECOND);
    let query = escape(r#"{service="shop-api"}"#);
    let answer = server
        .json(&format!("/api/prom/query?query={query}&regexp=order_id%3D%5B79%5D&{range}&direction=forward"))
        .await;
    let stream = &answer["streams"][0];
    let labels = r#"{detected_level="info", env="test", service="shop-api", service_name="shop-api"}"#;
    assert_eq!(stream["labels"], labels);
    let time = jiff::Timestamp::from(logline::Timestamp(base + 7 * SECOND)).to_string();
    assert_eq!(stream["entries"][0], json!({"ts": time, "line": "level=info order_id=7 done"}));
    assert_eq!(stream["entries"].as_array().unwrap().len(), 2);
    assert_eq!(
        server.json(&format!("/api/prom/label?{range}")).await,
        json!({"values": ["env", "service", "service_name"]})
    );
    let values = server.json(&format!("/api/prom/label/service/values?{range}")).await;
    assert_eq!(values, json!({"values": ["crm-api", "shop-api"]}));
    let metric = escape(r#"rate({service="shop-api"}[1m])"#);
    let (status, text) = server.get(&format!("/api/prom/query?query={metric}&{range}")).await;
    assert_eq!((status, text.as_str()), (400, "legacy endpoints only support streams result type\n"));
    let series = server.json(&format!("/api/prom/series?{range}&match={query}")).await;
    assert_eq!(series["status"], "success");
}
