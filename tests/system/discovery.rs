//! What Logs Drilldown, Grafana's query editor and operators ask: how much there is, what is in it, what is allowed.

use logline::Timestamp;
use serde_json::{Value, json};

use super::harness::{Server, escape, now};

const SECOND: i64 = 1_000_000_000;

/// A minute of lines of two services, which ended a minute ago.
async fn filled(folder: &std::path::Path) -> (Server, String) {
    let server = Server::open(folder);
    let base = now().0 / (60 * SECOND) * 60 * SECOND - 120 * SECOND;
    let lines = |make: &dyn Fn(i64) -> String| -> Vec<(Timestamp, String)> {
        (0..60).map(|n| (Timestamp(base + n * SECOND), make(n))).collect()
    };
    let shop = lines(&|n| format!("level=info order_id={n} took={n}ms order stored"));
    let crm = lines(&|n| format!(r#"{{"level":"error","order":{{"id":{n}}},"text":"no answer"}}"#));
    server.push(r#"{service="shop-api", env="test"}"#, &shop).await;
    server.push(r#"{service="crm-api", env="test"}"#, &crm).await;
    (server, format!("start={base}&end={}", base + 60 * SECOND))
}

#[tokio::test]
async fn volumes_and_statistics_have_lokis_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let (server, range) = filled(folder.path()).await;
    let all = escape(r#"{env="test"}"#);
    let stats = server.json(&format!("/loki/api/v1/index/stats?{range}&query={all}")).await;
    let bytes: usize = (0..60).map(|n| format!("level=info order_id={n} took={n}ms order stored").len()).sum();
    let others: usize =
        (0..60).map(|n| format!(r#"{{"level":"error","order":{{"id":{n}}},"text":"no answer"}}"#).len()).sum();
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(2), &json!(120)));
    assert_eq!(stats["bytes"], json!(bytes + others));
    assert_eq!(stats.as_object().unwrap().len(), 4, "a bare object: {stats}");

    let volume = server.json(&format!("/loki/api/v1/index/volume?{range}&query={all}&targetLabels=service")).await;
    assert_eq!(volume["data"]["resultType"], "vector");
    let result = volume["data"]["result"].as_array().unwrap();
    assert_eq!(result.len(), 2);
    assert_eq!(result[0]["metric"], json!({"service": "crm-api"}), "the largest first");
    assert_eq!(result[0]["value"][1], json!(others.to_string()));
    assert!(volume["data"]["stats"]["summary"]["totalBytesProcessed"].as_u64().unwrap() > 0);
    let names = server.json(&format!("/loki/api/v1/index/volume?{range}&query={all}&aggregateBy=labels&limit=1")).await;
    assert_eq!(names["data"]["result"][0]["metric"], json!({"env": ""}));
    let over = server.json(&format!("/loki/api/v1/index/volume_range?{range}&query={all}&step=30")).await;
    let values = over["data"]["result"][0]["values"].as_array().unwrap();
    assert_eq!((over["data"]["resultType"].as_str(), values.len()), (Some("matrix"), 2));
    let sum: usize = values.iter().map(|value| value[1].as_str().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(sum, bytes + others);
    let (status, text) = server.get(&format!("/loki/api/v1/index/volume?{range}&query={all}&aggregateBy=x")).await;
    assert_eq!((status, text.as_str()), (400, "invalid aggregation option\n"));
}

#[tokio::test]
async fn fields_labels_and_patterns_are_found_as_drilldown_asks_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (server, range) = filled(folder.path()).await;
    let labels = server.json(&format!("/loki/api/v1/detected_labels?{range}&query=")).await;
    let names: Vec<_> =
        labels["detectedLabels"].as_array().unwrap().iter().map(|label| label["label"].as_str().unwrap()).collect();
    assert_eq!(names, ["env", "service", "service_name"]);

    let crm = escape(r#"{service_name="crm-api"}"#);
    let fields = server.json(&format!("/loki/api/v1/detected_fields?{range}&query={crm}&line_limit=10")).await;
    assert_eq!(fields["limit"], 1000);
    let field = |name: &str| -> Value {
        fields["fields"].as_array().unwrap().iter().find(|field| field["label"] == name).unwrap().clone()
    };
    assert_eq!(
        field("order_id"),
        json!({"label": "order_id", "type": "int", "cardinality": 10, "parsers": ["json"], "jsonPath": ["order", "id"]})
    );
    assert_eq!(field("detected_level")["parsers"], Value::Null, "structured metadata needs no parser");
    let path = format!("/loki/api/v1/detected_field/order_id/values?{range}&query={crm}&line_limit=3");
    assert_eq!(server.json(&path).await, json!({"values": ["57", "58", "59"], "limit": 1000}));

    let patterns = server.json(&format!("/loki/api/v1/patterns?{range}&query={}", escape(r#"{env="test"}"#))).await;
    let found = patterns["data"].as_array().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    let shop = found.iter().find(|pattern| pattern["level"] == "info").unwrap();
    assert_eq!(shop["pattern"], "level=info order_id=<_> took=<_> order stored");
    let samples = shop["samples"].as_array().unwrap();
    assert_eq!(samples.iter().map(|sample| sample[1].as_u64().unwrap()).sum::<u64>(), 60);
    assert_eq!(samples[1][0].as_u64().unwrap() - samples[0][0].as_u64().unwrap(), 10, "steps of ten seconds");

    // Drilldown filters by a pattern that somebody clicks.
    let filter = format!(r#"{{env="test"}} |> `{}`"#, shop["pattern"].as_str().unwrap());
    let counted = escape(&format!("sum(count_over_time({filter}[5m]))"));
    let counted = server.json(&format!("/loki/api/v1/query?query={counted}")).await;
    assert_eq!(counted["data"]["result"][0]["value"][1], "60");
}

#[tokio::test]
async fn limits_and_settings_are_told_under_lokis_names() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let told = server.json("/loki/api/v1/drilldown-limits").await;
    assert_eq!(told["limits"].as_object().unwrap().len(), 18, "{told}");
    assert_eq!((&told["limits"]["max_query_series"], &told["limits"]["volume_enabled"]), (&json!(500), &json!(true)));
    assert_eq!(told["pattern_ingester_enabled"], true);
    let (status, yaml) = server.get("/config/tenant/v1/limits").await;
    assert_eq!(status, 200);
    assert!(yaml.contains("\nmax_entries_limit_per_query: 5000\n") && yaml.contains("\nquery_timeout: 1m\n"), "{yaml}");
    let (_, config) = server.get("/config").await;
    assert!(config.contains("\nlimits_config:\n  ") && config.contains("\n  max_query_series: 500\n"), "{config}");
    // Nobody wrote rules: there are those that come with the program.
    let rules = server.json("/prometheus/api/v1/rules?type=alert").await;
    let groups = rules["data"]["groups"].as_array().unwrap();
    assert!(!groups.is_empty() && groups.iter().all(|group| group["file"] == "lapidary"), "{rules}");
    assert_eq!(server.json("/prometheus/api/v1/alerts").await["data"], json!({"alerts": []}));
    for path in ["/loki/api/v1/rules", "/api/prom/rules", "/loki/api/v1/rules/shop"] {
        assert_eq!(server.get(path).await, (404, "no rule groups found\n".to_owned()), "{path}");
    }
    let formatted = server.json(&format!("/loki/api/v1/format_query?query={}", escape(r#"{a="b"}|="c""#))).await;
    assert_eq!(formatted, json!({"status": "success", "data": r#"{a="b"} |= "c""#}));
    let (status, text) = server.get("/loki/api/v1/format_query?query=%7B").await;
    let refused: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &refused["status"]), (400, &json!("invalid-query")));
}

#[tokio::test]
async fn limits_of_a_tenant_hold_for_that_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lapidary.toml");
    let data = folder.path().join("data");
    let text = format!(
        "data_dir = {data:?}\n[auth]\nmode = \"none\"\n[limits]\nmax_query_series = 3\n\
         [[limits.override]]\ntenant = \"small\"\nmax_query_series = 1\nmax_entries_limit_per_query = 5\nmax_query_length = \"2h\""
    );
    std::fs::write(&config, text).unwrap();
    let server = Server::configured(&config);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |tenant: &str, path: &str| {
        server.request(client.get(format!("{}{path}", server.url)).header("X-Scope-OrgID", tenant)).await
    };
    let query = escape(r#"{a=~".+"}"#);
    let list = format!("/loki/api/v1/query_range?query={query}&limit=10");
    assert_eq!(ask("large", &list).await.0, 200);
    let (status, text) = ask("small", &list).await;
    assert_eq!(status, 400);
    assert_eq!(text, "max entries limit per query exceeded, limit > max_entries_limit_per_query (10 > 5)\n");
    let (status, text) = ask("small", &format!("/loki/api/v1/query_range?query={query}&limit=5&since=3h")).await;
    assert_eq!(status, 400);
    assert_eq!(text, "the query time range exceeds the limit (query length: 3h, limit: 2h)\n");
    let (_, told) = ask("small", "/loki/api/v1/drilldown-limits").await;
    assert!(told.contains(r#""max_query_series":1"#), "{told}");
}
