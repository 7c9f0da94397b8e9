//! A million orders with twenty events each, over real storage: how long the state takes to load, and how long an order's
//! page, the stuck list and the analyses over all of them take.
//!
//! `cargo test --workspace --bench orders -- 1000000` (the number is optional; 20,000 if not given). A second number is that
//! of the days on which orders begin: a tenth of the orders on a tenth of the days has files as large as all of them. A
//! folder is kept: what is in it already is asked again. With the word `pages` only pages are asked for, many of them.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{AuditEvent, AuditSink, Scope};
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};
use orders::{Cohort, Components, Filter, Graphs, IncidentFilter, OrderEvents, Orders, Select, StoryOptions};
use query::Engine;
use stdx::{ByteSize, Clock, ManualClock, Rng, Tasks};
use storage::{AckLevel, Storage};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The first order.
const START: i64 = 1_700_000_000 * SECOND;
/// Orders begin on so many days, if nobody says otherwise.
const DAYS: u64 = 180;
/// Pages that are asked for with `pages`.
const PAGES: u64 = 200;
/// One in so many gets stuck and stays open.
const STUCK: u64 = 50;
const WAY: [(&str, &str, u64); 10] = [
    ("CREATED", "shop-api", 1),
    ("SUBMITTED", "shop-api", 2),
    ("PRICE_CALCULATED", "mes-api", 1),
    ("MANUFACTURING_APPROVED", "crm-api", 20),
    ("MANUFACTURING_STARTED", "mes-api", 10),
    ("MANUFACTURING_COMPLETED", "mes-api", 40),
    ("PACKAGING", "mes-api", 8),
    ("SHIPPED", "mes-api", 10),
    ("DELIVERED", "crm-api", 70),
    ("CLOSED", "shop-api", 30),
];

#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

/// Lines by day, and by service within it.
type Lines = BTreeMap<i64, BTreeMap<&'static str, Vec<Entry>>>;

/// Ten changes, and a call before five of them: twenty lines.
fn order(id: u64, start: i64, rng: &mut Rng, lines: &mut Lines) {
    let mut at = start;
    let last = if id.is_multiple_of(STUCK) { 3 + (id / STUCK % 5) } else { 9 };
    let mut before = "";
    for (index, (status, service, hours)) in (0_u64..).zip(WAY) {
        if last < index {
            return;
        }
        at += SECOND * 36 * i64::try_from(hours * (20 + rng.below(160))).unwrap_or(0);
        let mut add = |at: i64, text: String| {
            let time = jiff::Timestamp::from(Timestamp(at));
            let entry = Entry { timestamp: Timestamp(at), line: format!("[{time}]{text}"), metadata: Vec::new() };
            lines.entry(at / DAY).or_default().entry(service).or_default().push(entry);
        };
        let trace = rng.bits();
        if index % 2 == 1 {
            let code = if rng.below(40) == 0 { 503 } else { 200 };
            let call = format!("order_id={id} trace_id={trace:016x} request_id={trace:016x} dir=in status={before}");
            add(at - SECOND, format!("[REQ][POST /orders/{{id}}/step] {call}"));
            add(at - SECOND / 2, format!("[RESP][POST /orders/{{id}}/step] {call} http_status={code} duration_ms=500"));
        }
        let from = if before.is_empty() { String::new() } else { format!("from={before} ") };
        add(
            at,
            format!(
                "[STATUS][order] order_id={id} customer_id={} trace_id={trace:016x} {from}to={status}",
                id % 50_000
            ),
        );
        before = status;
    }
}

async fn fill(storage: &Storage, orders: u64, days: u64) -> u64 {
    let (mut rng, mut lines, mut written) = (Rng::seeded(7), Lines::new(), 0);
    let mut next = 0;
    for day in 0..days + 40 {
        while next < orders && next * days / orders <= day {
            let within = i64::try_from(rng.below(86_400)).unwrap_or(0) * SECOND;
            order(next, START + i64::try_from(day).unwrap_or(0) * DAY + within, &mut rng, &mut lines);
            next += 1;
        }
        let border = (START + i64::try_from(day).unwrap_or(0) * DAY) / DAY;
        let later = lines.split_off(&border);
        for services in std::mem::replace(&mut lines, later).into_values() {
            written += write(storage, services).await;
        }
        storage.flush().await.expect("a flush");
    }
    for services in lines.into_values() {
        written += write(storage, services).await;
    }
    storage.flush().await.expect("a flush");
    written
}

async fn write(storage: &Storage, services: BTreeMap<&'static str, Vec<Entry>>) -> u64 {
    let mut written = 0;
    for (service, mut entries) in services {
        entries.sort_by_key(|entry| entry.timestamp);
        let labels = Labels::parse(&format!(r#"{{service_name="{service}"}}"#)).expect("labels");
        for part in entries.chunks(20_000) {
            written += part.len() as u64;
            let received = part.last().map_or(Timestamp(START), |entry| entry.timestamp);
            let streams = vec![Stream { labels: labels.clone(), entries: part.to_vec() }];
            storage.append(Batch { tenant: Tenant::default(), streams, id: None, received }).await.expect("an append");
        }
    }
    written
}

/// Wall time and processor time of something, and what it gave.
async fn measured<T>(what: &str, work: impl Future<Output = T>) -> T {
    let (begun, cpu) = (Instant::now(), cpu());
    let done = work.await;
    println!("{what:<28} {:>9.1} ms  {:>9.1} ms of processor", millis(begun.elapsed()), millis(self::cpu() - cpu));
    done
}

fn millis(span: Duration) -> f64 {
    1_000.0 * span.as_secs_f64()
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

fn memory(what: &str) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).unwrap_or_default();
    println!("{what:<28} {} resident", held.trim());
}

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|one| one.parse().ok());
    let (count, days) = (numbers.next().unwrap_or(20_000), numbers.next().unwrap_or(DAYS));
    let kept = std::env::args().skip(1).find(|one| one.starts_with('/')).map(PathBuf::from);
    let (temporary, is_filled) =
        (tempfile::tempdir().expect("a folder"), kept.as_ref().is_some_and(|kept| kept.exists()));
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let now = Timestamp(START + i64::try_from(days + 40).unwrap_or(0) * DAY);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(jiff::Timestamp::from(now).into()));
    let tasks = Tasks::default();
    let mut config = storage::Config::at(folder);
    config.ack = AckLevel::Memory;
    config.flush_interval = Duration::from_hours(1);
    config.dedup_window = Duration::ZERO;
    let components = storage::Components {
        clock: Arc::clone(&clock),
        derives: vec![Arc::new(OrderEvents::default())],
        tasks: tasks.clone(),
    };
    let storage = Storage::open(config, components).await.expect("a storage");
    let begun = Instant::now();
    if !is_filled {
        let written = fill(&storage, count, days).await;
        println!("{count} orders, {written} events, written in {:.0} s", begun.elapsed().as_secs_f64());
    }
    memory("after writing");

    let engine = Engine::new(Arc::clone(&storage), query::Config::default(), Arc::clone(&clock)).expect("an engine");
    let orders = Orders::start(Components {
        engine: Arc::new(engine),
        storage: Arc::clone(&storage),
        graphs: Graphs::default(),
        history: ByteSize(512 << 20),
        clock: Arc::clone(&clock),
        tasks: tasks.clone(),
        audit: Arc::new(NoAudit),
    })
    .expect("orders");
    let scope = Scope::system("a benchmark", Tenant::default(), &NoAudit);
    measured("load", async {
        while orders.summary(&scope).loading {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    memory("after the load");
    if std::env::args().any(|one| one == "pages") {
        pages(&orders, &scope, count).await;
    } else {
        questions(&orders, &scope, count).await;
    }
    memory("after the questions");
    tasks.drain(Duration::from_secs(10)).await;
    storage.close().await.expect("an end");
}

/// Pages of orders all over the time, with their lines and without.
async fn pages(orders: &Orders, scope: &Scope, count: u64) {
    for lines in [true, false] {
        let (begun, cpu) = (Instant::now(), cpu());
        for turn in 0..PAGES {
            let id = (turn * 7_919 * count / 1_000 % count).to_string();
            orders.story(scope, "order", &id, StoryOptions { lines }).await.expect("a story");
        }
        let each = |span: Duration| millis(span) / PAGES as f64;
        let (wall, cpu) = (each(begun.elapsed()), each(self::cpu() - cpu));
        println!("a page, of {PAGES}, lines: {lines}   {wall:>6.1} ms  {cpu:>6.1} ms of processor");
    }
}

async fn questions(orders: &Orders, scope: &Scope, count: u64) {
    let select = Select::default();
    for turn in 0..3 {
        for (what, id) in [("order page", count / 3), ("page of another order", count / 7 * (turn + 2) + 1)] {
            let name = id.to_string();
            let page = orders.story(scope, "order", &name, StoryOptions::default());
            let story = measured(what, page).await.expect("a story");
            assert!(7 <= story.steps.len() || id.is_multiple_of(STUCK));
        }
        let name = (count / 5).to_string();
        let bare = orders.story(scope, "order", &name, StoryOptions { lines: false });
        measured("page without lines", bare).await.expect("a story");
        let nobody = orders.story(scope, "order", "nobody", StoryOptions::default());
        assert!(measured("page of no order", nobody).await.is_err());
        let stuck = measured("stuck list", async { orders.stuck(scope, &Filter::default()) }).await.expect("a list");
        assert!(0 < stuck.total);
        measured("summary", async { orders.summary(scope) }).await;
        measured("incidents", async { orders.incidents(scope, &IncidentFilter::default()) }).await;
        let funnel = measured("funnel", orders.funnel(scope, &select, Cohort::Week)).await.expect("a funnel");
        let dwell = measured("dwell", orders.dwell(scope, &select)).await.expect("dwell");
        assert_eq!((funnel.basis.objects, dwell.basis.objects), (count, count));
        measured("variants", orders.variants(scope, &select, 20)).await.expect("variants");
        measured("conformance", orders.conformance(scope, &select)).await.expect("conformance");
        measured("promises", orders.sla(scope, &select)).await.expect("promises");
        measured("throughput", orders.throughput(scope, &select)).await.expect("throughput");
    }
}
