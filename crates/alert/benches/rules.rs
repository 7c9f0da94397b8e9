//! A thousand rules over ten thousand streams at one moment: must be done well within their interval on one core.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use alert::eval::{Grid, GroupKey, GroupState, Running, Source, Surroundings};
use alert::rule::{Group, parse_file};
use auth::{AuditEvent, AuditSink, Scope};
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};
use query::Engine;
use stdx::{Clock, SystemClock, Tasks};
use storage::{AckLevel, Storage};

/// Streams, each of a pod of one of a hundred services.
const STREAMS: i64 = 10_000;
/// Lines of each in five minutes.
const LINES: i64 = 10;
const RULES: usize = 1_000;
const NOW: i64 = 1_791_892_800_000_000_000;

fn main() {
    divan::main();
}

#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

/// Rules as teams write them: for each service its own counts, errors and rates with several thresholds.
fn groups() -> Vec<Arc<Group>> {
    let mut text = "groups:\n".to_owned();
    for service in 0..RULES / 10 {
        writeln!(text, "  - name: g{service}\n    interval: 1m\n    rules:").unwrap();
        for rule in 0..10 {
            let expr = match rule % 5 {
                0 => format!(r#"sum by (pod) (count_over_time({{service_name="s{service}"}}[5m])) > {rule}000"#),
                1 => format!(
                    r#"sum by (service_name) (count_over_time({{service_name="s{service}"}} |= "error" [5m])) > {rule}"#
                ),
                2 => format!(
                    r#"sum(rate({{service_name="s{service}"}} |= "error" [5m])) / sum(rate({{service_name="s{service}"}}[5m])) > 0.{rule}"#
                ),
                3 => format!(
                    r#"sum by (pod) (count_over_time({{service_name="s{service}"}} | logfmt | status >= 500 [5m])) > {rule}"#
                ),
                _ => format!(r#"absent_over_time({{service_name="s{service}"}}[5m])"#),
            };
            writeln!(text, "      - {{alert: A{rule}, expr: '{expr}', for: 2m, labels: {{severity: page}}}}").unwrap();
        }
    }
    parse_file(&text).unwrap().into_iter().map(Arc::new).collect()
}

fn lines() -> Batch {
    let stream = |number: i64| {
        let pairs = [("service_name", format!("s{}", number % 100)), ("pod", format!("p{number}"))];
        let labels = Labels::new(pairs.map(|(name, value)| (name.to_owned(), value))).unwrap();
        let entry = |n: i64| Entry {
            timestamp: Timestamp(NOW - (n * 30 + number % 30) * 1_000_000_000),
            line: format!(
                "level={} status={} msg=\"order {n} of {number}\"",
                if n == 3 { "error" } else { "info" },
                200 + n * 33
            ),
            metadata: Vec::new(),
        };
        Stream { labels, entries: (0..LINES).map(entry).collect() }
    };
    let streams = (0..STREAMS).map(stream).collect();
    Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(NOW) }
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_thousand_rules_over_ten_thousand_streams(bencher: divan::Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine = runtime.block_on(async {
        let mut config = storage::Config::at(folder.path());
        config.ack = AckLevel::Memory;
        let components =
            storage::Components { clock: Arc::clone(&clock), derives: Vec::new(), tasks: Tasks::default() };
        let storage = Storage::open(config, components).await.unwrap();
        storage.append(lines()).await.unwrap();
        Arc::new(Engine::new(storage, query::Config { parallelism: 1, ..query::Config::default() }, clock).unwrap())
    });
    let groups = groups();
    let running = |group: &Arc<Group>| {
        let key = GroupKey { tenant: Tenant::default(), namespace: "b".to_owned(), group: group.name.clone() };
        Running::new(key, None, Arc::clone(group), GroupState::default())
    };
    bencher.with_inputs(|| groups.iter().map(running).collect::<Vec<_>>()).bench_values(|mut all| {
        runtime.block_on(async {
            let scope = Scope::system("a benchmark", Tenant::default(), &NoAudit);
            let source = Source::new(Arc::clone(&engine), scope, None).unwrap();
            let grid = Grid { start: Timestamp(NOW), step: Duration::from_secs(60), points: 1 };
            for running in &mut all {
                let mut looked = running.look(&source, grid).await;
                drop(running.step(&mut looked, (0, Timestamp(NOW)), &Surroundings::default()));
                assert!(running.rules().all(|(_, _, health)| health.failure.is_none()));
            }
        });
    });
}
