//! A new rule of what is read out of lines holds for all lines that are kept, once they are read again; each event is
//! there once, however often that is broken off.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auth::Scope;
use logline::{Aliases, Batch, Config, Entry, Labels, Reader, Stream, Tenant, Timestamp};
use orders::{ORDER_EVENTS, OrderEvents, Orders, StoryOptions};
use stdx::{Clock, ManualClock, Rng, Tasks};
use storage::{AckLevel, JobKind, JobState, Kind, Storage};

use super::past::{NoAudit, end};

const DAYS: u64 = 5;
const ORDERS: u64 = 120;
/// The statuses an order passes, each six hours after the one before.
const WAY: [&str; 4] = ["CREATED", "SUBMITTED", "PRICE_CALCULATED", "MANUFACTURING_APPROVED"];

/// A reader that knows another name of an order's id.
fn new_rule() -> Reader {
    let aliases: Aliases = serde_json::from_str(r#"{"order_id": ["bestellung"]}"#).unwrap();
    Reader::new(Config { aliases, ..Config::default() })
}

async fn open(folder: &Path, reader: Reader, clock: &Arc<ManualClock>) -> Arc<Storage> {
    let mut config = storage::Config::at(folder);
    config.ack = AckLevel::Memory;
    config.lifecycle.interval = None;
    // A storage that was dropped lets go of the folder when what it was at is done.
    let mut tries = 0;
    loop {
        let components = storage::Components {
            clock: Arc::clone(clock) as _,
            derives: vec![Arc::new(OrderEvents::new(reader.clone())) as _],
            tasks: Tasks::default(),
        };
        match Storage::open(config.clone(), components).await {
            Err(error) if error.kind() == Kind::Locked && tries < 1_000 => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            opened => return opened.unwrap(),
        }
        tries += 1;
    }
}

/// Lines of an order: half of the orders call their id by a name that is not known at first.
fn order(id: u64, start: Timestamp) -> Vec<(Timestamp, String)> {
    let line = |(step, to): (usize, &str)| {
        let at = start.after(Duration::from_hours(6 * step as u64));
        let time = jiff::Timestamp::from(at);
        let from = step.checked_sub(1).and_then(|before| WAY.get(before));
        let from = from.map(|from| format!(r#","from":"{from}""#)).unwrap_or_default();
        let key = if id.is_multiple_of(2) { "order_id" } else { "bestellung" };
        (at, format!(r#"{{"time":"{time}","kind":"STATUS","endpoint":"order","{key}":"o{id}"{from},"to":"{to}"}}"#))
    };
    WAY.into_iter().enumerate().map(line).collect()
}

async fn fill(storage: &Storage, start: Timestamp) {
    let hours = 24 * (DAYS - 1) * 3_600 / ORDERS;
    let mut lines: Vec<_> =
        (0..ORDERS).flat_map(|id| order(id, start.after(Duration::from_secs(id * hours)))).collect();
    lines.sort();
    let labels = Labels::new([("service_name".to_owned(), "shop-api".to_owned())]).unwrap();
    for chunk in lines.chunks(40) {
        let entry = |(timestamp, line): &(Timestamp, String)| Entry {
            timestamp: *timestamp,
            line: line.clone(),
            metadata: Vec::new(),
        };
        let streams = vec![Stream { labels: labels.clone(), entries: chunk.iter().map(entry).collect() }];
        let received = chunk.last().unwrap().0;
        storage.append(Batch { tenant: Tenant::default(), streams, id: None, received }).await.unwrap();
        storage.flush().await.unwrap();
    }
}

fn events(storage: &Storage) -> u64 {
    let tables = storage.status().tables;
    tables.iter().find(|table| table.name == ORDER_EVENTS).map_or(0, |table| table.file_rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_rule_holds_for_all_kept_lines_once_each_however_often_reading_them_is_broken_off() {
    let all = ORDERS * WAY.len() as u64;
    for seed in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let since = Duration::from_nanos(u64::try_from(end().0).unwrap());
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + since));
        let storage = open(folder.path(), Reader::default(), &clock).await;
        fill(&storage, end().before(Duration::from_hours(24 * DAYS))).await;
        assert_eq!(events(&storage), all / 2, "the old rule knows half of the orders");
        drop(storage);

        let mut storage = open(folder.path(), new_rule(), &clock).await;
        storage.reread(ORDER_EVENTS, &Tenant::default()).await.unwrap();
        let mut rng = Rng::seeded(seed);
        let mut broken_off = 0;
        loop {
            // The first is sure to be broken off; those behind it get further and further.
            let patience = Duration::from_millis(1 + rng.below(1 + 30 * broken_off));
            if tokio::time::timeout(patience, storage.maintain()).await.is_ok_and(|done| done.is_ok()) {
                break;
            }
            broken_off += 1;
            drop(storage);
            storage = open(folder.path(), new_rule(), &clock).await;
        }
        println!("seed {seed}: broken off {broken_off} times");
        assert_eq!(events(&storage), all, "seed {seed}: each event once");
        storage.reread(ORDER_EVENTS, &Tenant::default()).await.unwrap();
        storage.maintain().await.unwrap();
        let job = storage.jobs().into_iter().find(|job| job.kind == JobKind::Reread).unwrap();
        assert_eq!((job.state, job.done, job.total), (JobState::Done, all, all), "seed {seed}");
        assert_eq!(events(&storage), all, "seed {seed}: nor does anything come of it twice");
        if seed == 0 {
            assert!(0 < broken_off);
            stories(&storage, &clock).await;
        }
    }
}

/// Orders of both names have their whole way.
async fn stories(storage: &Arc<Storage>, clock: &Arc<ManualClock>) {
    let tasks = Tasks::default();
    let engine = query::Engine::new(Arc::clone(storage), query::Config::default(), Arc::clone(clock) as Arc<dyn Clock>);
    let orders = Orders::start(orders::Components {
        engine: Arc::new(engine.unwrap()),
        storage: Arc::clone(storage),
        graphs: orders::Graphs::default(),
        history: stdx::ByteSize(64 << 20),
        clock: Arc::clone(clock) as _,
        tasks: tasks.clone(),
        audit: Arc::new(NoAudit),
    });
    let orders = orders.unwrap();
    let scope = Scope::system("a test", Tenant::default(), &NoAudit);
    for id in ["o16", "o17"] {
        let story = orders.story(&scope, "order", id, StoryOptions { lines: true }).await.unwrap();
        assert_eq!(story.steps.iter().map(|step| step.status.as_str()).collect::<Vec<_>>(), WAY, "{id}");
    }
    tasks.drain(Duration::from_secs(10)).await;
}
