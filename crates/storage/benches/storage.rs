//! The two hot paths: a push until it is durable and visible, and a scan for a text; and what the scan is measured by.
//!
//! `cargo bench -p storage --profile dev` reuses the build of the tests, in which the hot crates are optimised.

#![expect(clippy::unwrap_used, reason = "a benchmark may end at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use futures::StreamExt;
use logline::{Batch, BatchId, Entry, Labels, Stream, Tenant, Timestamp};
use stdx::{Rng, SystemClock, Tasks};
use storage::{
    AckLevel, Components, Config, LOGS, Predicate, Scan, ScanStats, Source, Storage, TextMatch, TimeRange, Visibility,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const LINES: usize = 1_000;
const START: i64 = 1_795_305_600_000_000_000;

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn open(dir: &TempDir, ack: AckLevel) -> Arc<Storage> {
    let config = Config { ack, flush_interval: Duration::from_secs(3_600), ..Config::at(dir.path()) };
    let components = Components { clock: Arc::new(SystemClock), derives: Vec::new(), tasks: Tasks::default() };
    Storage::open(config, components).await.unwrap()
}

fn line(rng: &mut Rng) -> String {
    let (order, customer) = (rng.below(2_000), rng.below(10_000));
    let (trace, took) = (rng.bits(), rng.below(900));
    format!(
        "[2026-11-22T10:00:00.123Z][RESP][POST /orders/{{id}}/price] order_id={order} customer_id={customer} \
         trace_id={trace:016x}{trace:016x} status=PRICE_CALCULATED http_status=200 duration_ms={took} peer=MES"
    )
}

/// A push of three services, as an agent sends it.
fn push(rng: &mut Rng, number: usize) -> Batch {
    let streams = ["shop", "crm", "mes"].map(|service| {
        let labels = [("service_name", service), ("env", "prod"), ("instance", "a-1"), ("level", "info")];
        let labels = Labels::new(labels.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        let entry = |index: usize| Entry {
            timestamp: Timestamp(START + i64::try_from(number * LINES + index).unwrap() * 1_000_000),
            line: line(rng),
            metadata: Vec::new(),
        };
        Stream { labels, entries: (0..LINES / 3).map(entry).collect() }
    });
    let id = BatchId { agent: 1, sequence: number as u64 };
    Batch { tenant: Tenant::default(), streams: streams.into(), id: Some(id), received: Timestamp(START) }
}

/// Four senders, each waiting for its answer, flushes included.
#[divan::bench(args = [AckLevel::Fsync, AckLevel::Write], sample_count = 5, sample_size = 1)]
fn append(bencher: Bencher<'_, '_>, ack: AckLevel) {
    let runtime = runtime();
    let mut rng = Rng::seeded(1);
    let pushes: Vec<Batch> = (0..200).map(|number| push(&mut rng, number)).collect();
    let (lines, bytes): (usize, usize) =
        pushes.iter().fold((0, 0), |(lines, bytes), push| (lines + push.lines(), bytes + push.bytes()));
    bencher
        .counter(ItemsCount::new(lines))
        .counter(BytesCount::new(bytes))
        .with_inputs(|| {
            let dir = TempDir::new().unwrap();
            let storage = runtime.block_on(open(&dir, ack));
            (dir, storage, pushes.clone())
        })
        .bench_values(|(dir, storage, pushes)| {
            runtime.block_on(async {
                let sends = futures::stream::iter(pushes).map(|push| storage.append(push));
                sends.buffer_unordered(4).for_each(|sent| async move { sent.unwrap() }).await;
                storage.flush().await.unwrap();
            });
            (dir, storage)
        });
}

/// The bound of a scan: the same lines in blocks of 2 MB, decompressed and searched, one after the other.
#[divan::bench(args = ["no such text", "order_id="], sample_count = 10, sample_size = 1)]
fn bound_of_scan(bencher: Bencher<'_, '_>, needle: &str) {
    let mut rng = Rng::seeded(1);
    let mut blocks = vec![Vec::new()];
    for push in (0..500).map(|number| push(&mut rng, number)) {
        for entry in push.streams.iter().flat_map(|stream| &stream.entries) {
            if blocks.last().unwrap().len() > 2 << 20 {
                blocks.push(Vec::new());
            }
            blocks.last_mut().unwrap().extend_from_slice(entry.line.as_bytes());
        }
    }
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    let packed: Vec<(usize, Vec<u8>)> =
        blocks.iter().map(|block| (block.len(), zstd::bulk::compress(block, 1).unwrap())).collect();
    let finder = memchr::memmem::Finder::new(needle);
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let plain = packed.iter().map(|(len, block)| zstd::bulk::decompress(block, *len).unwrap());
        plain.map(|plain| finder.find_iter(&plain).count()).sum::<usize>()
    });
}

/// One core over flushed files: words that are nowhere, words and a part of one in few lines, a text in all.
#[divan::bench(args = ["no such text", "order_id=77 ", "7b2f91c", "order_id="], sample_count = 10, sample_size = 1)]
fn scan_contains(bencher: Bencher<'_, '_>, needle: &str) {
    let runtime = runtime();
    let dir = TempDir::new().unwrap();
    let storage = runtime.block_on(open(&dir, AckLevel::Memory));
    let mut rng = Rng::seeded(1);
    let mut bytes = 0;
    runtime.block_on(async {
        for number in 0..500 {
            let push = push(&mut rng, number);
            bytes += push.bytes();
            storage.append(push).await.unwrap();
        }
        storage.flush().await.unwrap();
    });
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let scan = Scan {
        table: LOGS.to_owned(),
        tenant: Tenant::default(),
        source: Source::Files { version: snapshot.version(), files: snapshot.files(&TimeRange::ALL) },
        range: TimeRange::ALL,
        predicate: Predicate::Column { name: "line".to_owned(), text: TextMatch::Contains(needle.to_owned()) },
        projection: vec!["timestamp".to_owned(), "line".to_owned()],
        pairs: None,
        stretches: None,
        json: None,
        visibility: Visibility::new(Predicate::True, Vec::new()),
    };
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        runtime.block_on(async {
            let rows = storage.scan(&scan, &Arc::new(ScanStats::default())).unwrap();
            rows.fold(0, |kept, rows| std::future::ready(kept + rows.unwrap().num_rows())).await
        })
    });
}
