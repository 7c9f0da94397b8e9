//! Queries that want too much end within their limits, while other queries keep their pace.

use std::sync::Arc;
use std::time::Duration;

use stdx::ByteSize;

use super::world::{Line, World, at, everything, forward, line};
use crate::{Config, Kind, Limits, Params};

/// A label of its own for every line, and text for expressions to chew on.
fn lines() -> Vec<Line> {
    let text = |n: u32| format!("id={n} x={} level=info {}", n % 7, "ab".repeat(40));
    (0..4_000).map(|n| line(f64::from(n) / 2.0, r#"{app="x"}"#, &text(n)).with("trace_id", &format!("t{n}"))).collect()
}

/// Each with what it is refused for; nothing when it is answered after all, since every line has its own limit.
fn hostile() -> Vec<(Params, Vec<Kind>)> {
    let ask = |query: String| Params { start: at(0), end: at(3_600), ..forward(&query) };
    let fine = |query: &str| Params { step: Duration::from_millis(330), ..ask(query.to_owned()) };
    let classes: String = (0..9_000).map(|n| format!("[^{n}]{{9}}")).collect();
    let nested = format!("{}1{}", "(".repeat(60_000), ")".repeat(60_000));
    let chain = format!("{}1", "1 + ".repeat(20_000));
    let filters = format!(r#"{{app="x"}}{}"#, r#" |~ "a.*b""#.repeat(5_000));
    let loops = r#"{{ range $i, $a := (fromJson "[1,2,3,4,5,6,7,8,9]") }}{{ range 99999 }}{{ repeat 9999 "x" }}{{ end }}{{ end }}"#;
    vec![
        (ask(nested), vec![Kind::Invalid]),
        (ask(chain), vec![Kind::Invalid]),
        (ask(filters), vec![Kind::Invalid]),
        (ask(format!(r#"{{app="x"}} |~ "{classes}""#)), vec![Kind::Invalid]),
        (ask(r#"{app="x"} |~ "((a{1,100}){1,100}){1,100}""#.to_owned()), vec![Kind::Invalid]),
        (Params { step: Duration::from_nanos(1), ..ask("rate({app=\"x\"}[1m])".to_owned()) }, vec![Kind::Invalid]),
        (fine(r#"count_over_time({app="x"}[30d])"#), vec![Kind::TooLarge]),
        (fine(r#"sum by (id) (count_over_time({app="x"} | logfmt [1h]))"#), vec![Kind::TooLarge]),
        (fine(r#"quantile_over_time(0.5, {app="x"} | logfmt | unwrap id [1h]) by (id)"#), vec![Kind::TooLarge]),
        (ask(format!(r#"{{app="x"}} | line_format `{loops}`"#)), Vec::new()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "waited for below")]
async fn each_ends_in_a_clear_refusal_while_others_are_answered() {
    let limits = Limits { timeout: Duration::from_secs(20), ..Limits::default() };
    let config = Config {
        limits,
        memory: ByteSize(32 << 20),
        memory_per_query: ByteSize(16 << 20),
        parallelism: 2,
        ..Config::default()
    };
    let world = Arc::new(World::with_config(&lines(), &config).await);
    let small = forward(r#"{app="x"} |= "id=77 ""#);
    let want = world.range(&everything(), &small).await;
    assert_eq!(want.lines().count(), 2, "{want}");
    for (params, kinds) in hostile() {
        let shown: String = params.query.chars().take(80).collect();
        let (bad, good) = (Arc::clone(&world), Arc::clone(&world));
        let asked = tokio::spawn(async move { bad.engines()[1].query_range(&everything(), &params).await });
        // Asked beside it, again and again until it has ended.
        let mut answered = 0;
        while answered == 0 || !asked.is_finished() {
            let answer = good.engines()[1].query_range(&everything(), &small).await;
            assert_eq!(super::world::shown(answer), want, "beside {shown}");
            answered += 1;
        }
        match asked.await.unwrap() {
            Err(error) => {
                assert!(kinds.contains(&error.kind()), "{shown}: {:?} {error}", error.kind());
            }
            Ok(_) if kinds.is_empty() => {}
            Ok(answer) => panic!("{shown}: answered with {} bytes read", answer.stats.bytes),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_stops_when_nobody_waits_for_it() {
    let text = |n: i32| format!("n={n} {}", "text ".repeat(40));
    let lines: Vec<_> = (0..120_000).map(|n| line(n / 60, r#"{app="x"}"#, &text(n))).collect();
    let world = World::with_config(&lines, &Config { parallelism: 1, ..Config::default() }).await;
    let (run, view) = world.engines()[1].begin(&everything(), storage::LOGS).unwrap();
    let query = r#"sum by (n) (count_over_time({app="x"} |~ "[a-z]+ .*t[e-x]+ $" | logfmt | n > 7 [1h]))"#;
    let logql::Expr::Metric(expr) = logql::parse(query).unwrap() else { panic!("{query}") };
    let begun = async {
        while run.stats(0).lines == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = begun => {}
        answer = crate::metric::run(&run, &view, &expr, crate::params::Grid::instant(at(3_000))) => panic!("{answer:?}"),
    }
    // What is being decoded holds the counters until it ends.
    let idle = async {
        while Arc::strong_count(run.scanned()) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), idle).await.unwrap();
    let read = run.stats(0).lines;
    assert!(read < 120_000, "all {read} lines were read");
}

/// Takes some tenths of a millisecond a line.
const SLOW: &str = r#"sum(count_over_time({app="x"} | label_format a=`{{ regexReplaceAll "(((.+)+)+)Q" __line__ "$1" }}` | a="x" [1h]))"#;

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "waited for below")]
async fn who_asks_goes_on_while_queries_compute() {
    let world = Arc::new(World::with_config(&lines(), &Config { parallelism: 2, ..Config::default() }).await);
    let small = forward(r#"{app="x"} |= "id=77 ""#);
    let slow = || {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.engines()[1].query_instant(&everything(), SLOW, at(3_000)).await })
    };
    // More than there are cores; this thread is the only one that asks.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let slow: Vec<_> = (0..(cores + 2).min(6)).map(|_| slow()).collect();
    tokio::task::yield_now().await;
    let answer = world.engines()[1].query_range(&everything(), &small).await;
    assert_eq!(super::world::shown(answer).lines().count(), 2);
    assert!(slow.iter().all(|task| !task.is_finished()), "the small query waited for the large ones");
    slow.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_query_that_computes_ends_when_its_time_is_over() {
    let limits = Limits { timeout: Duration::from_millis(50), ..Limits::default() };
    let world = World::with_config(&lines(), &Config { limits, ..Config::default() }).await;
    let ended = world.engines()[1].query_instant(&everything(), SLOW, at(3_000)).await;
    assert_eq!(ended.unwrap_err().kind(), Kind::Timeout);
}

#[tokio::test]
async fn nothing_is_computed_for_a_query_that_is_over() {
    let world = World::new(&lines()).await;
    for engine in world.engines() {
        let (run, view) = engine.begin(&everything(), storage::LOGS).unwrap();
        let logql::Expr::Log(log) = logql::parse(r#"{app="x"}"#).unwrap() else { panic!("no log query") };
        let range = storage::TimeRange { start: at(0), end: at(3_600) };
        let plan = crate::logs::plan(&view, &log, range, crate::Direction::Forward, None).unwrap();
        let task = Arc::clone(run.task());
        drop(run);
        let mut rows = datafusion::physical_plan::execute_stream(plan, task).unwrap();
        let ended: crate::Error = futures::StreamExt::next(&mut rows).await.unwrap().unwrap_err().into();
        assert_eq!(ended.kind(), Kind::Cancelled);
    }
}
