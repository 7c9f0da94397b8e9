//! What a query may use.

use std::time::Duration;

use stdx::ByteSize;

use super::world::{World, by_minute, everything, forward, line};
use crate::{Config, Error, Kind, Limits, Params};

async fn check(config: Config, params: Params, kind: Kind, message: &str) {
    let lines: Vec<_> =
        (0..2_000).map(|n| line(f64::from(n) / 100.0, r#"{app="x"}"#, &format!("n={n} some more text"))).collect();
    let world = World::with_config(&lines, &config).await;
    for engine in world.engines() {
        let error = engine.query_range(&everything(), &params).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

fn limits(limits: Limits) -> Config {
    Config { limits, ..Config::default() }
}

#[tokio::test]
async fn more_series_than_allowed_are_refused_but_only_in_the_answer() {
    let config = limits(Limits { max_series: 10, ..Limits::default() });
    let many = r#"sum by (n) (count_over_time({app="x"} | logfmt [1m]))"#;
    check(config.clone(), by_minute(many), Kind::TooLarge, "maximum number of series (10) reached").await;
    let lines: Vec<_> = (0..50).map(|n| line(n, r#"{app="x"}"#, &format!("n={n}"))).collect();
    let world = World::with_config(&lines, &config).await;
    let few = world.instant(&everything(), &format!("topk(2, {many})"), 60).await;
    assert_eq!(few.lines().count(), 2, "{few}");
}

#[tokio::test]
async fn too_much_text_or_memory_is_refused() {
    let config = limits(Limits { max_bytes: Some(ByteSize(1_000)), ..Limits::default() });
    check(config, forward(r#"{app="x"} | logfmt | n="7""#), Kind::TooLarge, "the query would read too many bytes")
        .await;
    let config = Config { memory: ByteSize(10_000), ..Config::default() };
    let many = by_minute(r#"sum by (n) (count_over_time({app="x"} | logfmt [1m]))"#);
    check(config, many, Kind::TooLarge, "needs more memory").await;
}

#[tokio::test]
async fn a_query_ends_in_time() {
    let config = limits(Limits { timeout: Duration::from_millis(5), ..Limits::default() });
    let world = World::with_config(&[], &config).await;
    let (run, _) = world.engines()[0].begin(&everything(), storage::LOGS).unwrap();
    let error = run.within_limits(std::future::pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout);
    assert!(error.to_string().starts_with("request timed out, decrease the duration of the request or add"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_asked_says_why() {
    let config = Config::default();
    let params = Params { limit: 5_001, ..forward(r#"{app="x"}"#) };
    let text = "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)";
    check(config.clone(), params, Kind::TooLarge, text).await;
    let params = Params { limit: 0, ..forward(r#"{app="x"}"#) };
    check(config.clone(), params, Kind::Invalid, "limit must be a positive value").await;
    let params = Params { end: super::world::at(-1), ..forward(r#"{app="x"}"#) };
    check(config.clone(), params, Kind::Invalid, "end timestamp must not be before or equal to start time").await;
    let params = Params { step: Duration::from_millis(1), ..forward(r#"rate({app="x"}[1m])"#) };
    check(config.clone(), params, Kind::Invalid, "exceeded maximum resolution of 11,000 points").await;
    let params = Params { step: Duration::ZERO, ..forward(r#"rate({app="x"}[1m])"#) };
    check(config.clone(), params, Kind::Invalid, "zero or negative query resolution").await;
    check(config.clone(), forward(r#"{app="x""#), Kind::Invalid, "parse error at line 1, col").await;
    check(config, forward(r#"{app=~".*"}"#), Kind::Invalid, "queries require at least one regexp or equality matcher")
        .await;
}

#[tokio::test]
async fn lines_cannot_be_asked_for_at_one_instant() {
    let world = World::new(&[]).await;
    let answer = world.instant(&everything(), r#"{app="x"}"#, 0).await;
    assert!(answer.contains("log queries are not supported as an instant query type"), "{answer}");
}

#[tokio::test]
async fn hostile_queries_are_refused_by_name() {
    let world = World::new(&[line(1, r#"{app="x"}"#, "a=1")]).await;
    let deep = format!("{}vector(1){}", "(".repeat(5_000), ")".repeat(5_000));
    let wide = format!(r#"{{app=~"{}"}}"#, "(a|b){1,99}".repeat(9_000));
    let nested = format!(r#"{{app="x"}} | line_format "{}{}""#, "{{ if .a }}".repeat(200), "{{ end }}".repeat(200));
    let long = format!(r#"{{app="x"}} |= "{}""#, "a".repeat(200_000));
    for query in [deep, wide, nested, long] {
        for engine in world.engines() {
            let error = engine.query_range(&everything(), &forward(&query)).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid, "{error}");
        }
    }
}

#[tokio::test]
async fn a_template_that_loops_marks_its_lines_and_ends() {
    let lines: Vec<_> = (0..20).map(|n| line(n, r#"{app="x"}"#, "a=1")).collect();
    let world = World::new(&lines).await;
    for template in ["{{ range 99999999 }}x{{ end }}", "{{ repeat 99999999 `x` }}"] {
        let query = format!(
            r#"{{app="x"}} | line_format "{template}" | __error__="TemplateFormatErr" | drop __error_details__"#
        );
        let answer = world.range(&everything(), &forward(&query)).await;
        assert_eq!(answer.matches("TemplateFormatErr").count(), 20, "{answer}");
    }
}

#[tokio::test]
async fn points_and_instants_before_the_lookback_are_not_given() {
    let now = logline::Timestamp::from(stdx::Clock::now(&stdx::SystemClock));
    let config = limits(Limits { max_lookback: Some(Duration::from_secs(600)), ..Limits::default() });
    let world = World::with_config(&[], &config).await;
    let back = |seconds: u64| now.before(Duration::from_secs(seconds));
    let params = Params { start: back(3_000), end: now, step: Duration::from_secs(250), ..forward("vector(1)") };
    for engine in world.engines() {
        let answer = engine.query_range(&everything(), &params).await.unwrap();
        let crate::Data::Matrix(series) = answer.data else { panic!("no matrix") };
        let times: Vec<_> = series[0].points.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [back(500), back(250), now], "the grid stays where it is");
        let none = Params { start: back(601), end: back(599), ..params.clone() };
        let answer = engine.query_range(&everything(), &none).await.unwrap();
        assert_eq!(answer.data, crate::Data::Matrix(Vec::new()), "no point lies between");
        let error = engine.query_instant(&everything(), "vector(1)", back(700)).await.unwrap_err();
        assert!(error.to_string().starts_with("this data is no longer available"), "{error}");
        assert!(engine.query_instant(&everything(), "vector(1)", back(500)).await.is_ok());
    }
}

#[tokio::test]
async fn selectors_and_windows_have_limits_and_all_streams_may_be_asked_where_bytes_have_one() {
    let lines = [line(1, r#"{app="x"}"#, "one"), line(2, r#"{app="y"}"#, "two")];
    let ask = async |limits: Limits, query: &str| {
        let world = World::with_config(&lines, &Config { limits, ..Config::default() }).await;
        world.instant(&everything(), query, 10).await
    };
    let all = "sum(count_over_time({}[1m]))";
    assert!(ask(Limits::default(), all).await.contains("queries require at least one regexp or equality matcher"));
    let some_bytes = || Limits { max_bytes: Some(ByteSize(1_000)), ..Limits::default() };
    assert_eq!(ask(some_bytes(), all).await, "{} 2\n");
    assert_eq!(ask(some_bytes(), r#"sum(count_over_time({app!="x"}[1m]))"#).await, "{} 1\n");
    let short = || Limits { max_range: Some(Duration::from_secs(60)), ..Limits::default() };
    assert_eq!(ask(short(), r#"sum(rate({app="x"}[1m]) * 60)"#).await, "{} 1\n");
    let long = ask(short(), r#"rate({app="x"}[1m]) + rate({app="x"}[61s])"#).await;
    assert_eq!(long, "Invalid: [interval] value exceeds limit\n");
    let labels = || Limits { required_labels: vec!["env".to_owned()], ..Limits::default() };
    let missing =
        "Invalid: stream selector is missing required matchers [env], labels present in the query were [app]\n";
    assert_eq!(ask(labels(), r#"rate({app="x"}[1m])"#).await, missing);
    assert_eq!(ask(labels(), r#"sum(count_over_time({app="x", env=""}[1m]))"#).await, "{} 1\n");
}
