//! The questions people ask most, over 400,000 lines in files: `cargo bench -p query`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth::{AuditEvent, AuditSink, Authenticator, Credentials, Scope, Token};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};
use query::{Config, Direction, Engine, Params};
use stdx::{ByteSize, Rng, Secret, SystemClock, Tasks};
use storage::{AckLevel, Components, Storage};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const START: i64 = 1_700_000_000;
const SECOND: i64 = 1_000_000_000;
const LINES: u64 = 400_000;
const SERVICES: [&str; 4] = ["shop-api", "crm-api", "mes-api", "gateway"];

#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

struct World {
    runtime: Runtime,
    engine: Engine,
    bytes: usize,
    _folder: TempDir,
}

fn text(rng: &mut Rng, n: u64) -> String {
    let status = ["CREATED", "SUBMITTED", "SHIPPED", "CLOSED"][usize::try_from(rng.below(4)).unwrap_or(0)];
    let (trace, order, took) = (rng.bits(), rng.below(50_000), rng.below(900));
    if n.is_multiple_of(3) {
        return format!(
            r#"{{"level":"info","status":"{status}","order_id":"{order}","trace_id":"{trace:016x}","duration_ms":{took},"path":"/orders/{order}"}}"#
        );
    }
    format!(
        "[2026-11-22T10:00:00.000Z][REQ][GET /orders/{{id}}] order_id={order} trace_id={trace:016x} status={status} duration_ms={took} headers={{\"accept\":\"*/*\"}}"
    )
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let (engine, bytes) = runtime.block_on(async {
            let mut config = storage::Config::at(folder.path());
            config.ack = AckLevel::Memory;
            config.flush_interval = Duration::from_secs(3600);
            let components = Components { clock: Arc::new(SystemClock), derives: Vec::new(), tasks: Tasks::default() };
            let storage = Storage::open(config, components).await.expect("a storage");
            let mut rng = Rng::seeded(7);
            let mut bytes = 0;
            for part in 0..LINES / 10_000 {
                let batch = batch(&mut rng, part);
                bytes += batch.bytes();
                storage.append(batch).await.expect("an append");
                if part % 20 == 19 {
                    storage.flush().await.expect("a flush");
                }
            }
            // Every answer is worked out anew.
            let config = Config { results_cache: ByteSize(0), ..Config::default() };
            let engine = Engine::new(storage, config, Arc::new(SystemClock)).expect("an engine");
            (engine, bytes)
        });
        World { runtime, engine, bytes, _folder: folder }
    })
}

fn batch(rng: &mut Rng, part: u64) -> Batch {
    let stream = |service: &&str| {
        let labels = Labels::parse(&format!(r#"{{service_name="{service}"}}"#)).expect("labels");
        let entry = |n: u64| Entry {
            timestamp: Timestamp(START * SECOND + i64::try_from((part * 2_500 + n) * 200_000_000).unwrap_or(0)),
            line: text(rng, n),
            metadata: Vec::new(),
        };
        Stream { labels, entries: (0..2_500).map(entry).collect() }
    };
    let streams = SERVICES.iter().map(stream).collect();
    Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(START * SECOND) }
}

fn ask(bencher: Bencher<'_, '_>, query: &str, step: u64) {
    let world = world();
    let scope = Scope::system("a benchmark", Tenant::default(), &NoAudit);
    let params = Params {
        query: query.to_owned(),
        start: Timestamp(START * SECOND),
        end: Timestamp((START + 20_000) * SECOND),
        step: Duration::from_secs(step),
        interval: Duration::ZERO,
        limit: 100,
        direction: Direction::Backward,
    };
    bencher.counter(BytesCount::new(world.bytes)).bench(|| {
        let answer = world.runtime.block_on(world.engine.query_range(&scope, black_box(&params)));
        answer.expect("an answer")
    });
}

#[divan::bench]
fn contains_absent(bencher: Bencher<'_, '_>) {
    ask(bencher, r#"{service_name=~".+"} |= "nowhere to be found""#, 60);
}

#[divan::bench]
fn last_100_of_a_service(bencher: Bencher<'_, '_>) {
    ask(bencher, r#"{service_name="crm-api"}"#, 60);
}

#[divan::bench]
fn count_by_service_per_minute(bencher: Bencher<'_, '_>) {
    ask(bencher, r#"sum by (service_name) (count_over_time({service_name=~".+"}[1m]))"#, 60);
}

#[divan::bench]
fn count_in_sliding_windows(bencher: Bencher<'_, '_>) {
    ask(bencher, r#"sum by (service_name) (count_over_time({service_name=~".+"}[1h]))"#, 60);
}

#[divan::bench]
fn json_then_group(bencher: Bencher<'_, '_>) {
    ask(bencher, r#"sum by (status) (count_over_time({service_name=~".+"} |= "{\"level" | json [5m]))"#, 300);
}

#[divan::bench]
fn logfmt_then_group(bencher: Bencher<'_, '_>) {
    ask(bencher, r#"sum by (status) (count_over_time({service_name=~".+"} |= "[REQ]" | logfmt [5m]))"#, 300);
}

#[divan::bench]
fn quantile_of_a_capture(bencher: Bencher<'_, '_>) {
    let query = r#"quantile_over_time(0.95, {service_name=~".+"} | regexp "duration_ms=(?P<ms>\\d+)" | unwrap ms [5m]) by (service_name)"#;
    ask(bencher, query, 300);
}

/// All streams of the world, by a token that names fifty services.
fn scope_of_fifty() -> Scope {
    let others = (0..50 - SERVICES.len()).map(|number| format!("other-{number}"));
    let token = Token {
        name: "reader".to_owned(),
        secret: Secret::new("0123456789abcdef".to_owned()),
        tenants: vec![Tenant::default()],
        services: SERVICES.iter().map(|&name| name.to_owned()).chain(others).collect(),
        permissions: auth::Permission::ALL.into(),
        ..Token::default()
    };
    let credentials = Credentials { authorization: Some("Bearer 0123456789abcdef"), ..Credentials::default() };
    let authenticator = Authenticator::with_tokens(vec![token]).expect("a token");
    authenticator.authenticate(credentials).expect("a caller").scope()
}

/// CPU time of this process so far, of all threads, in milliseconds: unlike the time on the wall it tells little of who
/// else is at work.
fn cpu_millis() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
    let ran = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tasks.flatten().map(ran).sum::<f64>() / 1e6
}

/// What a scope of fifty services adds to a scan and to planning: `cargo bench -p query -- scopes`.
#[expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]
fn report_scopes() {
    const ROUNDS: usize = 40;
    let (world, fifty) = (world(), scope_of_fifty());
    let system = Scope::system("a benchmark", Tenant::default(), &NoAudit);
    let params = |query: &str| Params {
        query: query.to_owned(),
        start: Timestamp(START * SECOND),
        end: Timestamp((START + 20_000) * SECOND),
        step: Duration::from_secs(60),
        interval: Duration::ZERO,
        limit: 100,
        direction: Direction::Backward,
    };
    for query in [
        r#"sum by (service_name) (count_over_time({service_name=~".+"}[1m]))"#,
        r#"sum(count_over_time({service_name=~".+"} |~ "order_id=4[0-9]+7 " [1m]))"#,
    ] {
        let params = params(query);
        let mut spent = [0.0, 0.0];
        for round in 0..ROUNDS * 2 {
            let (at, scope) = if round % 2 == 0 { (0, &system) } else { (1, &fifty) };
            let begun = cpu_millis();
            world.runtime.block_on(world.engine.query_range(scope, &params)).expect("an answer");
            // The first of each warms up.
            spent[at] += if round < 2 { 0.0 } else { cpu_millis() - begun };
        }
        let [without, with] = spent;
        println!("{query}: {without:.0} ms without, {with:.0} ms with: {:+.2} %", (with / without - 1.0) * 100.0);
    }
    let params = params(r#"{service_name="crm-api"} |= "x""#);
    let mut planned = [0.0, 0.0];
    for (at, scope) in [(0, &system), (1, &fifty), (0, &system), (1, &fifty)] {
        let begun = cpu_millis();
        for _ in 0..1_000 {
            black_box(world.engine.explain(scope, &params).expect("a plan"));
        }
        planned[at] = cpu_millis() - begun;
    }
    let [without, with] = planned;
    println!("planning: {:.1} µs without, {:.1} µs with a scope of 50 services", without, with);
    let begun = cpu_millis();
    for _ in 0..1_000 {
        black_box(scope_of_fifty());
    }
    println!("recognising the caller and making the scope: {:.1} µs", cpu_millis() - begun);
}

fn main() {
    if std::env::args().any(|argument| argument == "scopes") {
        return report_scopes();
    }
    divan::main();
}
