//! A table of queries, and queries made by chance: the engine and the plain evaluator agree on every one.

mod lines;
mod random;

use std::collections::BTreeMap;

use logql::Expr;

use self::lines::lines;
use super::plain::{Vector, points, rows};
use super::world::{Line, START, World, by_minute, everything, forward};
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
    // Eight digits are enough to tell numbers apart, and few enough that the last bit does not show.
    let value = if value.abs() < 1e-9 { 0.0 } else { value };
    format!("{} {labels:?} {value:.7e}", time / SECOND - START)
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
