//! Rows of Loki's HTTP API, one by one: parameters, their defaults, bodies, headers, errors.

use serde_json::{Value, json};

use crate::started::Started;

const SECOND: i64 = 1_000_000_000;

/// A server with ten lines a second apart, of two services in turn, the first of them at `base`.
struct World {
    server: Started,
    base: i64,
}

struct Answer {
    status: u16,
    kind: String,
    text: String,
}

impl World {
    async fn new() -> Self {
        let server = Started::with("").await;
        let now = logline::Timestamp::from(stdx::Clock::now(&stdx::SystemClock)).0;
        let world = Self { server, base: (now / SECOND - 60) * SECOND };
        let entry = |n: i64| json!([(world.base + n * SECOND).to_string(), format!("n={n} <said>"), {"zone": "eu"}]);
        let stream = |name: &str, first: i64| {
            let values: Vec<_> = (0..5).map(|n| entry(2 * n + first)).collect();
            json!({"stream": {"service": name, "env": "test"}, "values": values})
        };
        let body = json!({"streams": [stream("shop", 0), stream("crm", 1)]});
        let pushed = world
            .server
            .client
            .post(format!("{}/loki/api/v1/push", world.server.url))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(pushed.status(), 204);
        world
    }

    fn asking(&self, path: &str, parameters: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let parameters = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.server.client.get(format!("{}{path}?{parameters}", self.server.url))
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let kind = response.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        if response.status() != 200 {
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        }
        Answer { status: response.status().as_u16(), kind, text: response.text().await.unwrap() }
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.sent(self.asking(path, parameters)).await
    }

    async fn json(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = self.get(path, parameters).await;
        assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json; charset=UTF-8"), "{}", answer.text);
        assert!(answer.text.ends_with('\n'));
        serde_json::from_str(&answer.text).unwrap()
    }

    /// How many lines a log query gives with parameters beside it.
    async fn lines(&self, parameters: &[(&str, &str)]) -> usize {
        let parameters = [&[("query", r#"{env="test"}"#)], parameters].concat();
        let answer = self.json("/loki/api/v1/query_range", &parameters).await;
        let streams = answer["data"]["result"].as_array().unwrap().clone();
        streams.iter().map(|stream| stream["values"].as_array().unwrap().len()).sum()
    }

    /// Checks that a request is refused as Loki refuses it.
    async fn refused(&self, path: &str, parameters: &[(&str, &str)], want: &str) {
        let answer = self.get(path, parameters).await;
        assert_eq!((answer.status, answer.kind.as_str()), (400, "text/plain; charset=utf-8"), "{path} {parameters:?}");
        assert!(answer.text.starts_with(want), "{path} {parameters:?}: {}", answer.text);
    }

    async fn end(self) {
        self.server.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_taken_in_every_form_and_have_defaults() {
    let world = World::new().await;
    let (from, to) = (world.base + 2 * SECOND, world.base + 5 * SECOND);
    assert_eq!(world.lines(&[]).await, 10, "the last hour");
    assert_eq!(world.lines(&[("since", "10s")]).await, 0);
    assert_eq!(world.lines(&[("since", "90")]).await, 10, "a number is seconds");
    let (nanos_from, nanos_to) = (from.to_string(), to.to_string());
    assert_eq!(world.lines(&[("start", &nanos_from), ("end", &nanos_to)]).await, 3, "the end does not belong to it");
    let (seconds_from, seconds_to) = ((from / SECOND).to_string(), (to / SECOND).to_string());
    assert_eq!(world.lines(&[("start", &seconds_from), ("end", &seconds_to)]).await, 3);
    let (float_from, float_to) = (format!("{seconds_from}.5"), format!("{seconds_to}.001"));
    assert_eq!(world.lines(&[("start", &float_from), ("end", &float_to)]).await, 3);
    let text = |nanos: i64| jiff::Timestamp::from(logline::Timestamp(nanos)).to_string();
    assert_eq!(world.lines(&[("start", &text(from)), ("end", &text(to))]).await, 3);
    assert_eq!(world.lines(&[("end", &nanos_to), ("since", "3s")]).await, 3, "since counts from the end");
    let far = (world.base + 9_999 * SECOND).to_string();
    assert_eq!(world.lines(&[("end", &far), ("since", "10m")]).await, 10, "but not from an end to come");
    assert_eq!(world.lines(&[("limit", "4")]).await, 4);
    assert_eq!(world.lines(&[("interval", "2s"), ("direction", "FORWARD")]).await, 5);
    let query = ("query", r#"sum(count_over_time({env="test"}[1h]))"#);
    let now = world.json("/loki/api/v1/query", &[query]).await;
    assert_eq!(now["data"]["result"][0]["value"][1], "10", "an instant query is about now");
    let then = world.json("/loki/api/v1/query", &[query, ("time", &float_to)]).await;
    assert_eq!(then["data"]["result"][0]["value"], json!([(to / SECOND) as f64 + 0.001, "6"]));
    // Without a step there are 250 of them, but none is shorter than a second.
    let hour = world.json("/loki/api/v1/query_range", &[query]).await;
    let values = hour["data"]["result"][0]["values"].as_array().unwrap();
    let seconds: Vec<f64> = values.iter().map(|value| value[0].as_f64().unwrap()).collect();
    assert!(seconds.windows(2).all(|pair| ((pair[1] - pair[0]) - 14.0).abs() < 1e-6), "{seconds:?}");
    let short = world.json("/loki/api/v1/query_range", &[query, ("start", &nanos_from), ("end", &nanos_to)]).await;
    assert_eq!(short["data"]["result"][0]["values"].as_array().unwrap().len(), 4);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_refused_in_lokis_words() {
    let world = World::new().await;
    let range = "/loki/api/v1/query_range";
    let log = ("query", r#"{env="test"}"#);
    let metric = ("query", r#"rate({env="test"}[1m])"#);
    for (path, parameters, want) in [
        (range, vec![log, ("limit", "0")], "limit must be a positive value"),
        (range, vec![log, ("limit", "-3")], "limit must be a positive value"),
        (range, vec![log, ("limit", "many")], "cannot parse the parameter `limit`: `many`"),
        (
            range,
            vec![log, ("limit", "5001")],
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)",
        ),
        (range, vec![log, ("direction", "up")], "invalid direction 'up'"),
        (range, vec![log, ("start", "20"), ("end", "10")], "end timestamp must not be before or equal to start time"),
        (range, vec![log, ("start", "soon")], "cannot parse the parameter `start`: `soon`"),
        (range, vec![log, ("since", "ages")], "cannot parse the parameter `since`: `ages`"),
        (range, vec![log, ("interval", "-1")], "negative query interval"),
        (range, vec![metric, ("step", "0")], "zero or negative query resolution step"),
        (range, vec![metric, ("step", "-5")], "zero or negative query resolution step"),
        (
            range,
            vec![metric, ("step", "100ms")],
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ),
        (range, vec![], "parse error : syntax error: unexpected $end"),
        (range, vec![("query", "{")], "parse error at line 1, col 2: syntax error: unexpected $end"),
        (
            range,
            vec![("query", r#"{env=~".*"}"#)],
            "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value.",
        ),
        (range, vec![("query", "{}")], "parse error : queries require at least one regexp or equality matcher"),
        (
            range,
            vec![("query", r#"count_over_time({env="test"} | json [1h])"#)],
            "pipeline error: 'JSONParserErr' for series: '{",
        ),
        (
            "/loki/api/v1/query",
            vec![log],
            "log queries are not supported as an instant query type, please change your query to a range query type",
        ),
        ("/loki/api/v1/query", vec![metric, ("limit", "0")], "limit must be a positive value"),
        ("/loki/api/v1/labels", vec![("query", "{env=}")], "parse error at line 1, col 6"),
        (
            "/loki/api/v1/labels",
            vec![("query", r#"{env="test"} |= "x""#)],
            "parse error : only label matchers are supported",
        ),
        ("/loki/api/v1/series", vec![("match[]", r#"{env="test""#)], "parse error at line 1, col 12"),
        ("/loki/api/v1/index/stats", vec![], "parse error : syntax error: unexpected $end"),
        ("/loki/api/v1/index/volume", vec![], "parse error : syntax error: unexpected $end"),
        ("/loki/api/v1/index/volume", vec![log, ("aggregateBy", "colour")], "invalid aggregation option"),
        ("/loki/api/v1/index/volume", vec![log, ("limit", "-1")], "limit must be a positive value"),
        ("/loki/api/v1/detected_fields", vec![log, ("line_limit", "0")], "line_limit must be a positive value"),
        ("/loki/api/v1/patterns", vec![("query", "5")], "patterns are found in lines"),
        ("/loki/api/v1/tail", vec![log, ("delay_for", "6")], "delay_for can't be greater than 5"),
        ("/loki/api/v1/tail", vec![metric], "only log queries can be tailed"),
        ("/api/prom/query", vec![metric], "legacy endpoints only support streams result type"),
    ] {
        world.refused(path, &parameters, want).await;
    }
    let unknown = world.get("/loki/api/v1/nonsense", &[]).await;
    assert_eq!((unknown.status, unknown.text.as_str()), (404, "404 page not found\n"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reading_route_takes_a_form_as_well_as_a_url() {
    let world = World::new().await;
    for (path, form, part) in [
        ("query", "query=vector(1)", r#""resultType":"vector""#),
        ("query_range", "query=%7Benv%3D%22test%22%7D", r#""resultType":"streams""#),
        ("labels", "", r#"["env","service","service_name"]"#),
        ("label", "since=10m", r#"["env","service","service_name"]"#),
        ("label/service/values", "", r#"["crm","shop"]"#),
        (
            "series",
            "match=%7Bservice%3D%22shop%22%7D&match[]=%7Bservice%3D%22crm%22%7D",
            r#"{"env":"test","service":"crm""#,
        ),
        ("index/stats", "query=%7Benv%3D%22test%22%7D", r#""entries":10"#),
        ("index/volume", "query=%7Benv%3D%22test%22%7D", r#""resultType":"vector""#),
        ("index/volume_range", "query=%7Benv%3D%22test%22%7D&step=60", r#""resultType":"matrix""#),
        ("patterns", "query=%7Benv%3D%22test%22%7D", r#""pattern":"#),
        ("detected_labels", "query=", r#"{"detectedLabels":["#),
        ("detected_fields", "query=%7Benv%3D%22test%22%7D", r#""limit":1000"#),
        ("detected_field/n/values", "query=%7Benv%3D%22test%22%7D", r#""values":["0","1""#),
        ("format_query", "query=rate(%7Ba%3D%22b%22%7D[5m])", r#""status":"success""#),
    ] {
        let url = format!("{}/loki/api/v1/{path}", world.server.url);
        let posted = world.server.client.post(&url).header("content-type", "application/x-www-form-urlencoded");
        let posted = world.sent(posted.body(form.to_owned())).await;
        assert_eq!((posted.status, posted.kind.as_str()), (200, "application/json; charset=UTF-8"), "{path}");
        assert!(posted.text.contains(part), "{path}: {}", posted.text);
        let got = world.sent(world.server.client.get(format!("{url}?{form}"))).await;
        assert!(got.status == 200 && got.text.contains(part), "{path}: {}", got.text);
    }
    // What stands in the body comes before what stands in the URL.
    let url = format!("{}/loki/api/v1/query?query=vector(1)&time=7", world.server.url);
    let both = world
        .server
        .client
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("query=vector(2)");
    let both: Value = serde_json::from_str(&world.sent(both).await.text).unwrap();
    assert_eq!(both["data"]["result"][0]["value"], json!([7, "2"]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn selectors_of_lists_may_be_several_or_all_or_only_filter() {
    let world = World::new().await;
    let series = async |parameters: &[(&str, &str)]| {
        world.json("/loki/api/v1/series", parameters).await["data"].as_array().unwrap().len()
    };
    assert_eq!(series(&[]).await, 2);
    assert_eq!(series(&[("match[]", "{ }")]).await, 2);
    assert_eq!(series(&[("match", r#"{service!="shop"}"#)]).await, 1, "a matcher that only filters will do");
    assert_eq!(series(&[("match", r#"{service="shop"}"#), ("match[]", r#"{service="crm"}"#)]).await, 2);
    assert_eq!(series(&[("match", r#"{service="none"}"#)]).await, 0);
    let names = async |parameters: &[(&str, &str)]| world.json("/loki/api/v1/label/service/values", parameters).await;
    assert_eq!(names(&[("query", r#"{service=~"s.*"}"#)]).await, json!({"status": "success", "data": ["shop"]}));
    assert_eq!(names(&[("query", r#"{service="none"}"#)]).await, json!({"status": "success"}), "no `data` at all");
    assert_eq!(names(&[("start", "1"), ("end", "2")]).await, json!({"status": "success"}));
    let volume = ("query", r#"{env="test"}"#);
    let volumes = world.json("/loki/api/v1/index/volume", &[volume, ("targetLabels", "service"), ("limit", "0")]).await;
    assert_eq!(volumes["data"]["result"].as_array().unwrap().len(), 2, "no limit is a limit of 100");
    let first = world.json("/loki/api/v1/index/volume", &[volume, ("targetLabels", "service"), ("limit", "1")]).await;
    assert_eq!(first["data"]["result"].as_array().unwrap().len(), 1);
    let fields = world.json("/loki/api/v1/detected_fields", &[volume, ("field_limit", "1")]).await;
    assert_eq!((fields["fields"].as_array().unwrap().len(), &fields["limit"]), (1, &json!(1)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_written_as_go_writes_them_and_statistics_are_true() {
    let world = World::new().await;
    let log = [("query", r#"{service="shop"}"#)];
    let plain = world.get("/loki/api/v1/query_range", &log).await.text;
    assert!(plain.contains(r#"n=8 \u003csaid\u003e"#), "{plain}");
    let plain: Value = serde_json::from_str(&plain).unwrap();
    let stream = &plain["data"]["result"][0];
    assert_eq!(stream["stream"]["zone"], "eu", "metadata is among the labels");
    assert_eq!(stream["values"][0], json!([(world.base + 8 * SECOND).to_string(), "n=8 <said>"]));
    let flags = "x-loki-response-encoding-flags";
    let asked = world.asking("/loki/api/v1/query_range", &log);
    let told: Value =
        serde_json::from_str(&world.sent(asked.header(flags, "categorize-labels,other")).await.text).unwrap();
    assert_eq!(told["data"]["encodingFlags"], json!(["categorize-labels", "other"]));
    let stream = &told["data"]["result"][0];
    assert!(stream["stream"].get("zone").is_none());
    let metadata = &stream["values"][0][2]["structuredMetadata"];
    assert_eq!((&metadata["zone"], stream["values"][0][2].get("parsed")), (&json!("eu"), None));
    // Nothing was flushed, so that all lines come from memory.
    let stats = &told["data"]["stats"];
    assert_eq!(stats["summary"]["totalLinesProcessed"], stats["ingester"]["store"]["chunk"]["headChunkLines"]);
    assert_eq!(stats["summary"]["totalBytesProcessed"], stats["ingester"]["store"]["chunk"]["headChunkBytes"]);
    assert_eq!((&stats["ingester"]["totalReached"], &stats["index"]["totalStreams"]), (&json!(1), &json!(1)));
    assert!(stats["summary"]["totalStructuredMetadataBytesProcessed"].as_u64().unwrap() >= 5 * 6, "{stats}");
    assert_eq!(stats["summary"]["totalEntriesReturned"], 5);
    world.server.client.post(format!("{}/flush", world.server.url)).send().await.unwrap();
    let of_files = world.json("/loki/api/v1/query_range", &[("query", r#"{env="test"} |= "n=3""#)]).await;
    let stats = &of_files["data"]["stats"];
    let chunk = &stats["querier"]["store"]["chunk"];
    assert!(
        chunk["decompressedLines"].as_u64().unwrap() > 0 && chunk["decompressedBytes"].as_u64().unwrap() > 0,
        "{stats}"
    );
    assert_eq!(stats["ingester"]["store"]["chunk"]["headChunkLines"], 0);
    assert_eq!(
        (&stats["ingester"]["totalReached"], &stats["index"]["totalStreams"]),
        (&json!(0), &json!(1)),
        "{stats}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_set_itself_tighter_limits() {
    let world = World::new().await;
    let ask = async |limits: &str, path: &str, query: &str| {
        let request = world.asking(&format!("/loki/api/v1/{path}"), &[("query", query)]);
        let answer = world.sent(request.header("X-Loki-Query-Limits", limits)).await;
        (answer.status, answer.text.lines().next().unwrap_or_default().to_owned())
    };
    let (log, metric) = (r#"{env="test"}"#, r#"sum(count_over_time({env="test"}[10m]))"#);
    let refused = |text: &str| (400, text.to_owned());
    assert_eq!(ask("{}", "query_range", log).await.0, 200);
    let most = r#"{"maxEntriesLimitPerQuery":50}"#;
    let want = "max entries limit per query exceeded, limit > max_entries_limit_per_query (100 > 50)";
    assert_eq!(ask(most, "query_range", log).await, refused(want));
    let more = r#"{"maxEntriesLimitPerQuery":100000}"#;
    let above = world.asking("/loki/api/v1/query_range", &[("query", log), ("limit", "6000")]);
    assert_eq!(world.sent(above.header("X-Loki-Query-Limits", more)).await.status, 400, "they are never looser");
    let want = "the query time range exceeds the limit (query length: 1h, limit: 30m)";
    assert_eq!(ask(r#"{"maxQueryLength":"30m"}"#, "query_range", log).await, refused(want));
    let interval = r#"{"maxQueryInterval":"5m"}"#;
    assert_eq!(ask(interval, "query", metric).await, refused("[interval] value exceeds limit"));
    assert_eq!(ask(interval, "query_range", metric).await, refused("[interval] value exceeds limit"));
    assert_eq!(ask(interval, "query", r#"rate({env="test"}[5m])"#).await.0, 200);
    let labels = r#"{"requiredLabels":["service","zone"]}"#;
    let want = "stream selector is missing required matchers [service, zone], labels present in the query were [env]";
    assert_eq!(ask(labels, "query_range", log).await, refused(want));
    assert_eq!(ask(labels, "query", r#"rate({service="shop", zone=""}[1m])"#).await.0, 200);
    let want = "stream selector has less label matchers than required: (present: [env], number_present: 1, required_number_label_matchers: 2)";
    assert_eq!(ask(r#"{"minimumLabelsNumber":2}"#, "query_range", log).await, refused(want));
    let bytes = r#"{"maxQueryBytesRead":"10B"}"#;
    let (status, text) = ask(bytes, "query_range", r#"{env="test"} |= "n""#).await;
    assert!(status == 400 && text.starts_with("the query would read too many bytes (query: "), "{text}");
    // Where bytes have a limit, a selector may be of any kind.
    let many = r#"{"maxQueryBytesRead":"1GB"}"#;
    assert_eq!(ask(many, "query_range", r#"{service!="shop"}"#).await.0, 200);
    assert_eq!(ask(many, "query", "sum(count_over_time({}[10m]))").await.0, 200);
    let lookback = r#"{"maxQueryLookback":"30s"}"#;
    let (_, text) = ask(lookback, "query_range", log).await;
    assert!(text.contains(r#""result":[]"#), "lines of a minute ago are too old: {text}");
    let past = world.asking("/loki/api/v1/query", &[("query", metric), ("time", "1000")]);
    let past = world.sent(past.header("X-Loki-Query-Limits", lookback)).await;
    assert_eq!(
        (past.status, past.text.trim_end()),
        (400, "this data is no longer available, it is past now - max_query_lookback (30s)")
    );
    let want = "the header `X-Loki-Query-Limits` holds no limits as JSON";
    assert_eq!(ask("soon", "query_range", log).await, refused(want));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_few_ask_for_answer_as_well() {
    let world = World::new().await;
    let time = jiff::Timestamp::from(logline::Timestamp(world.base)).to_string();
    let old = json!({"streams": [{"labels": r#"{app="old"}"#, "entries": [{"ts": time, "line": "as it once was"}]}]});
    let pushed =
        world.server.client.post(format!("{}/api/prom/push", world.server.url)).json(&old).send().await.unwrap();
    assert_eq!(pushed.status(), 204);
    let found = world.json("/api/prom/query", &[("query", r#"{app="old"}"#)]).await;
    assert_eq!(found["streams"][0]["entries"], json!([{"ts": time, "line": "as it once was"}]));
    let services = world.get("/services", &[]).await;
    assert!(services.status == 200 && services.kind.starts_with("text/plain"), "{}", services.text);
    assert!(services.text.contains("Running"), "{}", services.text);
    for method in ["GET", "POST"] {
        let flushed = world
            .server
            .client
            .request(method.parse().unwrap(), format!("{}/flush", world.server.url))
            .send()
            .await
            .unwrap();
        assert!(flushed.status().is_success(), "{method}");
    }
    let query = ("query", r#"topk(1, sum by (app) (count_over_time({app="old"}[1h])))"#);
    let explained = world.get("/api/v1/explain", &[query]).await;
    let explained: Value = serde_json::from_str(&explained.text).unwrap();
    assert!(explained["plan"].as_str().unwrap().contains("Top {"), "{explained}");
    assert_eq!(explained["cost"]["lines_kept"], 1);
    // At one time, as `/query` runs it: one point instead of a series.
    let instant = world.get("/api/v1/explain", &[query, ("time", &time)]).await;
    let instant: Value = serde_json::from_str(&instant.text).unwrap();
    assert!(instant["plan"].as_str().unwrap().contains("points=1"), "{instant}");
    assert!(!explained["plan"].as_str().unwrap().contains("points=1,"), "{explained}");
    let lines = world.get("/api/v1/explain", &[("query", r#"{app="old"}"#), ("time", &time)]).await;
    assert!(lines.status == 400 && lines.text.contains("not supported as an instant query"), "{}", lines.text);
    let build: Value = serde_json::from_str(&world.get("/loki/api/v1/status/buildinfo", &[]).await.text).unwrap();
    for name in ["version", "revision", "branch", "buildUser", "buildDate", "goVersion"] {
        assert!(build[name].is_string(), "{name}: {build}");
    }
    assert_eq!(world.get("/ready", &[]).await.text, "ready\n");
    world.end().await;
}
