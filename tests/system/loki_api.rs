//! The requests that Grafana and logcli send, as they send them, and the answers they need.

use std::time::Duration;

use logline::Timestamp;
use serde_json::json;

use super::harness::{Server, escape, now};

const SECOND: i64 = 1_000_000_000;

/// A server with 60 seconds of lines of two services, one line a second each, ending now.
async fn filled(folder: &std::path::Path) -> (Server, i64) {
    let server = Server::open(folder);
    let base = now().0 / SECOND * SECOND - 60 * SECOND;
    for (service, level) in [("shop-api", "info"), ("crm-api", "error")] {
        let line = |n: i64| {
            (Timestamp(base + n * SECOND), format!("level={level} order_id={n} took={}ms service says hello", n * 10))
        };
        let lines: Vec<_> = (0..60).map(line).collect();
        server.push(&format!("{{service=\"{service}\", env=\"test\"}}"), &lines).await;
    }
    (server, base)
}

#[tokio::test]
async fn grafanas_health_check_answers_two() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let answer =
        server.json("/loki/api/v1/query?direction=backward&query=vector%281%29%2Bvector%281%29&time=4000000000").await;
    assert_eq!(answer["status"], "success");
    assert_eq!(answer["data"]["resultType"], "vector");
    assert_eq!(answer["data"]["result"], json!([{"metric": {}, "value": [4_000_000_000_i64, "2"]}]));
    assert_eq!(
        server.json("/loki/api/v1/query?query=vector(1)%2Bvector(1)&time=4").await["data"]["result"][0]["value"],
        json!([4, "2"])
    );
    let build = server.json("/loki/api/v1/status/buildinfo").await;
    assert!(build["version"].is_string() && build["goVersion"].is_string());
    assert_eq!(server.get("/ready").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn a_log_query_of_grafana_gets_categorised_labels() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = filled(folder.path()).await;
    let query = escape(r#"{service="shop-api"} |= "order_id=5" | logfmt"#);
    let url = format!(
        "{}/loki/api/v1/query_range?direction=backward&end={}&limit=1000&query={query}&start={base}&step=15000ms",
        server.url,
        base + 60 * SECOND
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let flags = ("X-Loki-Response-Encoding-Flags", "categorize-labels");
    let (status, body) = server.request(client.get(&url).header(flags.0, flags.1)).await;
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let data = &answer["data"];
    assert_eq!((&data["resultType"], &data["encodingFlags"]), (&json!("streams"), &json!(["categorize-labels"])));
    let stream = &data["result"][0];
    assert_eq!(stream["stream"], json!({"service": "shop-api", "service_name": "shop-api", "env": "test"}));
    let values = stream["values"].as_array().unwrap();
    assert_eq!(values.len(), 11, "order 5 and 50 to 59: {values:?}");
    assert_eq!(values[0][0], json!((base + 59 * SECOND).to_string()), "newest first");
    assert_eq!(values[0][2]["parsed"]["order_id"], "59");
    assert_eq!(values[0][2]["structuredMetadata"]["detected_level"], "info");
    assert!(answer["data"]["stats"]["summary"]["totalLinesProcessed"].as_u64().unwrap() > 0);

    // Without the header the labels are one set and a value has two parts.
    let merged = server.json(url.strip_prefix(&server.url).unwrap()).await;
    let streams = merged["data"]["result"].as_array().unwrap();
    assert_eq!(streams.len(), 11, "one for each order, sorted by labels");
    let stream = &streams[0];
    assert_eq!(stream["stream"]["order_id"], "5");
    assert_eq!(stream["stream"]["detected_level"], "info");
    assert_eq!(stream["values"][0].as_array().unwrap().len(), 2);
    assert!(merged["data"].get("encodingFlags").is_none());
}

#[tokio::test]
async fn the_log_volume_histogram_of_grafana_counts_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = filled(folder.path()).await;
    let query = r#"sum by (level, detected_level) (count_over_time({env="test"} | drop __error__[20s]))"#;
    let answer = server.query_range(query, Timestamp(base), Timestamp(base + 60 * SECOND), "&step=20000ms").await;
    assert_eq!(answer["data"]["resultType"], "matrix");
    let series = answer["data"]["result"].as_array().unwrap();
    assert_eq!(series.len(), 2, "{series:?}");
    assert_eq!(series[0]["metric"], json!({"detected_level": "error"}));
    let values: Vec<_> = series[0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (value[0].as_i64().unwrap(), value[1].as_str().unwrap()))
        .collect();
    let second = base / SECOND;
    // A window is (T - 20 s, T]: the first holds only the very first line, the last has none at its end.
    assert_eq!(values, [(second, "1"), (second + 20, "20"), (second + 40, "20"), (second + 60, "19")]);
}

#[tokio::test]
async fn logcli_pages_through_lines_of_one_instant() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let time = now().0 - 10 * SECOND;
    let lines: Vec<_> = (0..25).map(|n| (Timestamp(time + n / 5), format!("line {n:02}"))).collect();
    server.push(r#"{service="pages"}"#, &lines).await;
    let mut seen: Vec<String> = Vec::new();
    let mut from = time;
    // logcli asks for a page, then again from the last timestamp on, and leaves out what it has.
    for _ in 0..10 {
        let answer = server
            .query_range(
                r#"{service="pages"}"#,
                Timestamp(from),
                Timestamp(time + SECOND),
                "&limit=8&direction=forward",
            )
            .await;
        let values = answer["data"]["result"][0]["values"].as_array().unwrap().clone();
        let fresh: Vec<String> = values
            .iter()
            .map(|value| value[1].as_str().unwrap().to_owned())
            .filter(|line| !seen.contains(line))
            .collect();
        if fresh.is_empty() {
            break;
        }
        seen.extend(fresh);
        from = values.last().unwrap()[0].as_str().unwrap().parse().unwrap();
    }
    assert_eq!(seen, lines.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn labels_values_and_series_have_lokis_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = filled(folder.path()).await;
    let range = format!("start={base}&end={}", base + 60 * SECOND);
    let labels = server.json(&format!("/loki/api/v1/labels?{range}")).await;
    assert_eq!(labels, json!({"status": "success", "data": ["env", "service", "service_name"]}));
    let values = server.json(&format!("/loki/api/v1/label/service/values?{range}")).await;
    assert_eq!(values["data"], json!(["crm-api", "shop-api"]));
    let narrowed = server
        .json(&format!("/loki/api/v1/label/service/values?{range}&query={}", escape(r#"{service=~"shop.*"}"#)))
        .await;
    assert_eq!(narrowed["data"], json!(["shop-api"]));
    let series =
        server.json(&format!("/loki/api/v1/series?{range}&match[]={}", escape(r#"{service="crm-api"}"#))).await;
    assert_eq!(series["data"], json!([{"env": "test", "service": "crm-api", "service_name": "crm-api"}]));
    let nothing = server.json("/loki/api/v1/labels?start=1&end=2").await;
    assert_eq!(nothing, json!({"status": "success"}), "an empty list of labels has no `data`");
    assert_eq!(
        server.json(&format!("/loki/api/v1/series?{range}&match[]={}", escape(r#"{service="none"}"#))).await["data"],
        json!([])
    );
}

#[tokio::test]
async fn wrong_queries_get_lokis_status_and_text() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let ask = async |query: &str| server.get(&format!("/loki/api/v1/query_range?query={}", escape(query))).await;
    let (status, text) = ask(r#"{service="x"} |= "#).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("parse error at line 1, col "), "{text}");
    let (status, text) = ask(r#"{service=~".*"}"#).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("parse error : queries require at least one regexp or equality matcher"), "{text}");
    let (status, text) = server.get(&format!("/loki/api/v1/query?query={}", escape(r#"{service="x"}"#))).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("log queries are not supported as an instant query type"), "{text}");
    let (status, text) =
        server.get(&format!("/loki/api/v1/query_range?limit=6000&query={}", escape(r#"{service="x"}"#))).await;
    assert_eq!(status, 400);
    assert!(
        text.starts_with("max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)"),
        "{text}"
    );
    assert_eq!(server.get("/loki/api/v1/nonsense").await, (404, "404 page not found\n".to_owned()));
}

#[tokio::test]
async fn a_form_in_a_post_is_a_query_too() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = filled(folder.path()).await;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let query = escape(r#"sum(count_over_time({env="test"}[2m]))"#);
    let form = format!("query={query}&time={}", base + 60 * SECOND);
    let request = client
        .post(format!("{}/loki/api/v1/query", server.url))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form);
    let (status, body) = server.request(request).await;
    assert_eq!(status, 200, "{body}");
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "120");
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (server, base) = filled(folder.path()).await;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let url = format!("{}/loki/api/v1/labels?start={base}&end={}", server.url, base + 60 * SECOND);
    let (status, body) = server.request(client.get(&url).header("X-Scope-OrgID", "other")).await;
    assert_eq!((status, body.trim()), (200, r#"{"status":"success"}"#));
    let (status, _) = server.request(client.get(&url).header("X-Scope-OrgID", "../fake")).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn reads_over_several_tenants_are_one_and_name_the_tenant_of_each_stream() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let time = now().0 - 10 * SECOND;
    for (tenant, line) in
        [("east", "from the east"), ("west", "from the west"), ("west", "again"), ("north", "not asked")]
    {
        let body = json!({"streams": [{"stream": {"app": "x", "__tenant_id__": "mine"}, "values": [[time.to_string(), line]]}]});
        let headers = [("Content-Type", "application/json"), ("X-Scope-OrgID", tenant)];
        assert_eq!(server.push_raw(&headers, body.to_string().into_bytes()).await.0, 204);
    }
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let ask = async |path: &str| {
        let request = client.get(format!("{}{path}", server.url)).header("X-Scope-OrgID", "west|east");
        let (status, body) = server.request(request).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<serde_json::Value>(&body).unwrap()["data"].clone()
    };
    let count = async |query: &str| ask(&format!("/loki/api/v1/query?query={}", escape(query))).await["result"].clone();
    let all = count(r#"sum(count_over_time({app="x"}[1h]))"#).await;
    assert_eq!(all[0]["value"][1], "3", "one number over all of them");
    let each = count(r#"sum by (__tenant_id__) (count_over_time({app="x"}[1h]))"#).await;
    assert_eq!((&each[0]["metric"], &each[0]["value"][1]), (&json!({"__tenant_id__": "east"}), &json!("1")));
    assert_eq!((&each[1]["metric"], &each[1]["value"][1]), (&json!({"__tenant_id__": "west"}), &json!("2")));
    let lines = ask(&format!("/loki/api/v1/query_range?query={}", escape(r#"{__tenant_id__=~"e.*"} |= "from""#))).await;
    let streams = lines["result"].as_array().unwrap();
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0]["values"][0][1], "from the east");
    assert_eq!(streams[0]["stream"]["__tenant_id__"], "east");
    assert_eq!(streams[0]["stream"]["original___tenant_id__"], "mine");
    assert_eq!(ask("/loki/api/v1/label/__tenant_id__/values").await, json!(["east", "west"]));
    let series = ask("/loki/api/v1/series?match[]=%7Bapp%3D%22x%22%2C__tenant_id__%21%3D%22east%22%7D").await;
    assert_eq!(series.as_array().unwrap().len(), 1);

    let headers = [("Content-Type", "application/json"), ("X-Scope-OrgID", "west|east")];
    let refused = server.push_raw(&headers, br#"{"streams":[]}"#.to_vec()).await;
    assert_eq!(refused, (400, "multiple org IDs present\n".to_owned()));
    let request =
        client.get(format!("{}/loki/api/v1/tail?query=%7B%7D", server.url)).header("X-Scope-OrgID", "west|east");
    assert_eq!(server.request(request).await.1, "multiple org IDs present\n");
}

#[tokio::test]
async fn drilldown_gets_a_part_of_too_many_series_and_others_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let time = now().0 - 10 * SECOND;
    let lines: Vec<_> = (0..510).map(|n| (Timestamp(time), format!("n={n}"))).collect();
    server.push(r#"{app="x"}"#, &lines).await;
    let query = escape(r#"sum by (n) (count_over_time({app="x"} | logfmt [1h]))"#);
    let url = format!("{}/loki/api/v1/query_range?query={query}&step=1h", server.url);
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let (status, text) = server.request(client.get(&url)).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("maximum number of series (500) reached for a single query; consider"), "{text}");
    let tagged = client.get(&url).header("X-Query-Tags", "Source=grafana-lokiexplore-app");
    let answer: serde_json::Value = serde_json::from_str(&server.request(tagged).await.1).unwrap();
    assert_eq!(answer["data"]["result"].as_array().unwrap().len(), 500);
    let warning = "maximum number of series (500) reached for a single query; returning partial results";
    assert_eq!(answer["warnings"], json!([warning]));
}
