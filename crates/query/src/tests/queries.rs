//! A table of queries, and queries made by chance: the engine and the plain evaluator agree on every one.

use std::collections::BTreeMap;

use logql::Expr;
use stdx::Rng;

use super::plain::{Vector, points, rows};
use super::world::{Line, START, World, by_minute, everything, forward, line};
use crate::{Data, Engine, Error, Params};

const SECOND: i64 = 1_000_000_000;
/// Minutes of the points of a metric query.
const MINUTES: std::ops::RangeInclusive<i64> = 1..=5;

/// Names and queries of the table, which tests of a package read from its folder.
fn table() -> Vec<(String, String)> {
    let table = std::fs::read_to_string("src/tests/queries.txt").unwrap();
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once(": ").unwrap());
    pairs.map(|(name, query)| (name.to_owned(), query.to_owned())).collect()
}

/// Lines of every kind, no two at one time.
fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for n in 0..60_u32 {
        let env = if n % 3 == 0 { "prod" } else { "test" };
        let level = ["info", "error", "warn"][usize::try_from(n % 7 % 3).unwrap()];
        let (app, text) = match n % 6 {
            0 => (
                "json",
                format!(
                    r#"{{"level":"{level}","n":{},"nested":{{"deep":"d{n}","x-y":true}},"list":["l{n}",2],"none":null}}"#,
                    n % 9
                ),
            ),
            1 | 4 => {
                let trace = if n % 4 == 0 { " trace_id=own" } else { "" };
                let app = if n % 5 == 0 { " app=x" } else { "" };
                ("logfmt", format!("level={level} n={} took={}ms size={}KiB empty={trace}{app}", n % 9, n % 6, n % 4))
            }
            2 => (
                "acc",
                format!(
                    "{} {} /orders/{n} took {}ms",
                    ["10.0.0.1", "10.0.0.2", "10.1.0.9", "2001:db8::7"][usize::try_from(n % 4).unwrap()],
                    ["GET", "POST", "PUT"][usize::try_from(n % 3).unwrap()],
                    n % 8
                ),
            ),
            3 => (
                "mixed",
                ["just words", "GET /x took 7.5", "level=error =broken n=3", "[not json"]
                    [usize::try_from(n % 4).unwrap()]
                .to_owned(),
            ),
            _ if n % 2 == 0 => ("packed", String::new()),
            _ if n % 4 == 1 => ("packed", format!(r#"{{"_entry":"inner {n}","pod":"p{n}","env":"packed"}}"#)),
            _ => ("colour", format!("\u{1b}[31mred {n}\u{1b}[0m")),
        };
        let mut new = line(f64::from(n) * 5.3 + 0.25, &format!(r#"{{app="{app}", env="{env}"}}"#), &text);
        if n % 4 == 0 {
            new = new.with("trace_id", &format!("t{}", n % 3));
        }
        if n % 10 == 0 {
            new = new.with("pod", "pod-1").with("env", "elsewhere");
        }
        lines.push(new);
    }
    // Exactly at the end of a window, and a nanosecond or so later.
    lines.extend([60.0, 120.0, 120.000_001].map(|second| line(second, r#"{app="border", env="prod"}"#, "x")));
    lines
}

/// Times, labels and lines; or points of series; or that it failed.
fn of_engine(answer: Result<crate::Answer, Error>) -> String {
    let mut shown: Vec<String> = match answer.map(|answer| answer.data) {
        Err(error) => {
            assert_eq!(error.kind(), crate::Kind::Invalid, "{error}");
            vec!["failed".to_owned()]
        }
        Ok(Data::Streams(streams)) => {
            let entries = streams.into_iter().flat_map(|stream| {
                let own: BTreeMap<_, _> = stream.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                stream.entries.into_iter().map(move |entry| {
                    let mut labels = own.clone();
                    labels.extend(entry.metadata.into_iter().chain(entry.parsed));
                    labels.remove("__error_details__");
                    format!("{} {labels:?} {}", entry.timestamp.0, entry.line)
                })
            });
            entries.collect()
        }
        Ok(Data::Matrix(series)) => {
            let points = series.into_iter().flat_map(|series| {
                let labels: BTreeMap<_, _> = series.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                series.points.into_iter().map(move |(time, value)| point(time.0, &labels, value))
            });
            points.collect()
        }
        Ok(other) => panic!("{other:?}"),
    };
    shown.sort();
    shown.join("\n")
}

fn point(time: i64, labels: &BTreeMap<String, String>, value: f64) -> String {
    format!("{} {labels:?} {value:.6}", time / SECOND - START)
}

fn by_definition(query: &str, lines: &[Line]) -> String {
    let mut shown = Vec::new();
    match logql::parse(query).unwrap() {
        Expr::Log(log) => {
            shown.extend(rows(&log, lines).iter().map(|row| format!("{} {:?} {}", row.time, row.shown(), row.line)));
        }
        Expr::Metric(expr) => {
            for minute in MINUTES {
                let time = (START + minute * 60) * SECOND;
                let Some(vector): Option<Vector> = points(&expr, lines, time) else { return "failed".to_owned() };
                shown.extend(vector.iter().map(|(labels, value)| point(time, labels, *value)));
            }
        }
    }
    shown.sort();
    shown.join("\n")
}

async fn asked(engine: &Engine, query: &str) -> String {
    let params = match logql::parse(query).unwrap() {
        Expr::Log(_) => Params { limit: 1_000, ..forward(query) },
        Expr::Metric(_) => by_minute(query),
    };
    of_engine(engine.query_range(&everything(), &params).await)
}

/// The names of the queries on which the engine and the definition differ, with both answers.
async fn differences(queries: impl IntoIterator<Item = (String, String)>, lines: &[Line]) -> Vec<String> {
    let world = World::new(lines).await;
    let mut different = Vec::new();
    for (name, query) in queries {
        let want = by_definition(&query, lines);
        for (layout, engine) in ["memory", "files", "both"].into_iter().zip(world.engines()) {
            let got = asked(engine, &query).await;
            if got != want {
                different.push(format!("{name}, {layout}: {query}\n-- engine:\n{got}\n-- definition:\n{want}\n"));
                break;
            }
        }
    }
    different
}

#[tokio::test]
async fn every_query_of_the_table_is_answered_by_definition() {
    let different = differences(table(), &lines()).await;
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n"));
}

#[test]
fn every_query_of_the_table_prints_as_what_reads_back() {
    let mut names = std::collections::BTreeSet::new();
    for (name, query) in table() {
        let printed = logql::parse(&query).unwrap().to_string();
        assert_eq!(logql::parse(&printed).unwrap().to_string(), printed, "{name}");
        assert!(names.insert(query.clone()), "`{query}` stands twice");
    }
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[usize::try_from(rng.below(from.len() as u64)).unwrap()]
}

const STAGES: [&str; 24] = [
    r#"|= "error""#,
    r#"!= "error" or "GET""#,
    r#"|~ "n=[0-4]""#,
    r#"|> "<_>e<_>""#,
    "| json",
    "| logfmt",
    "| logfmt --keep-empty",
    r#"| logfmt level, x="n""#,
    r#"| json a="nested.deep", n"#,
    r#"| regexp "(?P<word>[a-z]+)=(?P<rest>.)""#,
    r#"| pattern "<first> <_>""#,
    "| unpack",
    r#"| level="error""#,
    r#"| n > 3 or env="prod""#,
    r#"| n <= 5, level!="info""#,
    r#"| took >= 2ms"#,
    r#"| line_format "{{.level}} n={{.n}}""#,
    r#"| label_format kind=level, both="{{.env}}-{{.n}}""#,
    r#"| label_format n="{{ add .n 1 }}""#,
    "| decolorize",
    r#"| drop level, env="prod""#,
    "| keep app, n, level",
    r#"| __error__="""#,
    r#"| trace_id!="t0""#,
];

fn random_pipeline(rng: &mut Rng) -> String {
    let selector = pick(rng, &[r#"{app=~".+"}"#, r#"{app="logfmt"}"#, r#"{app=~"json|logfmt"}"#, r#"{env="prod"}"#]);
    let stages: Vec<_> = (0..1 + rng.below(5)).map(|_| pick(rng, &STAGES)).collect();
    format!("{selector} {}", stages.join(" "))
}

fn random_metric(rng: &mut Rng, depth: u64) -> String {
    let grouping =
        |rng: &mut Rng| pick(rng, &["", "by (app)", "by (env, level)", "without (env, n)", "by ()"]).to_owned();
    if depth == 0 || rng.below(3) == 0 {
        // Errors are filtered out: how much of a line is parsed when few labels are wanted is the engine's own business.
        let pipeline = format!(r#"{} | __error__="""#, random_pipeline(rng));
        let range = pick(rng, &["30s", "1m", "100s", "5m"]);
        let offset = pick(rng, &["", "", " offset 40s", " offset -1m"]);
        let op = pick(rng, &["count_over_time", "rate", "bytes_over_time", "bytes_rate"]);
        return match rng.below(3) {
            0 => format!(
                r#"sum {} (sum_over_time({pipeline} | unwrap n | __error__="" [{range}]{offset}))"#,
                grouping(rng)
            ),
            1 => format!(r#"max_over_time({pipeline} | unwrap n | __error__="" [{range}]{offset}) by (level)"#),
            _ => format!("sum {} ({op}({pipeline} [{range}]{offset}))", grouping(rng)),
        };
    }
    let inner = random_metric(rng, depth - 1);
    match rng.below(5) {
        4 => format!("{}({}, {inner})", pick(rng, &["topk", "bottomk", "approx_topk"]), 1 + rng.below(3)),
        0 => format!("{} {} ({inner})", pick(rng, &["sum", "max", "min", "avg", "count", "stddev"]), grouping(rng)),
        1 => format!("({inner}) {} {}", pick(rng, &["+", "-", "*", "/", "%", ">", "<= bool", "!="]), rng.below(4)),
        2 => format!("({inner}) {} ({})", pick(rng, &["and", "or", "unless"]), random_metric(rng, depth - 1)),
        _ => format!("({inner}) {} ({inner})", pick(rng, &["+", "/", ">= bool"])),
    }
}

#[tokio::test]
async fn random_queries_are_answered_by_definition() {
    for seed in 0..3 {
        let mut rng = Rng::seeded(seed);
        let mut queries: Vec<_> = (0..60).map(|_| ("random pipeline".to_owned(), random_pipeline(&mut rng))).collect();
        queries.extend((0..60).map(|_| ("random metric".to_owned(), random_metric(&mut rng, 2))));
        // `| keep level != "x" or "y"` is a matcher of `keep` and then a mistake.
        queries.retain(|(_, query)| logql::parse(query).is_ok());
        assert!(queries.len() > 100, "most queries can be read");
        let different = differences(queries, &lines()).await;
        assert!(different.is_empty(), "seed {seed}: {} differ\n{}", different.len(), different.join("\n"));
    }
}
