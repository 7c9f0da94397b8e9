//! Files in a bucket that fails now and then.

use std::collections::BTreeMap;

use logline::Tenant;
use object_store::ObjectStore;

use super::super::*;
use super::disk::noise;
use super::support::*;
use crate::jobs::lease;
use crate::store::faulty::{self, Faulty};
use crate::{Kind, LOGS, ScanStats};

/// Reads all lines, or fails as the store does.
async fn try_counts(storage: &Storage) -> Result<BTreeMap<String, usize>, Error> {
    use futures::TryStreamExt;
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let mut batches = Vec::new();
    for scan in scans(storage, &snapshot, |_| {}) {
        batches.extend(storage.scan(&scan, &Arc::new(ScanStats::default()))?.try_collect::<Vec<_>>().await?);
    }
    let mut counts = BTreeMap::new();
    for (_, _, line) in lines_of(&batches) {
        *counts.entry(line).or_default() += 1;
    }
    Ok(counts)
}

async fn names(store: &Arc<Faulty>) -> Vec<String> {
    use futures::TryStreamExt;
    let listed = faulty::Shared(Arc::clone(store)).list(None).try_collect::<Vec<_>>().await.unwrap();
    listed.into_iter().map(|meta| meta.location.to_string()).collect()
}

#[tokio::test]
async fn files_in_a_bucket_are_read_back_and_nothing_of_them_is_in_the_data_folder() {
    let store = Faulty::seeded(1);
    let bench = Bench::in_bucket(&store, "one");
    let storage = bench.open().await;
    let lines: Vec<String> = (0..9_000).map(|number| format!("mark{} line {number}", number % 7)).collect();
    let rows: Vec<_> = (0..).zip(&lines).map(|(time, line)| (MIDNIGHT + time, line.as_str())).collect();
    storage.append(batch("shop", &rows)).await.unwrap();
    storage.flush().await.unwrap();
    for _ in 0..2 {
        assert_eq!(counts(&storage).await.len(), 9_000);
    }
    assert_eq!(marks(&storage).await.len(), 7);
    assert!(0 < storage.metrics().cache_hits.get() && 0 < storage.metrics().cache_bytes.get());
    storage.close().await.unwrap();
    assert!(!bench.config.data_dir.join("tables").exists());
    let stored = names(&store).await;
    assert!(stored.iter().any(|name| name.starts_with("prefix/tables/logs/tenant=fake/day=2026-11-22/")), "{stored:?}");
    let storage = bench.open().await;
    assert_eq!(counts(&storage).await.len(), 9_000);
}

#[tokio::test]
async fn an_outage_stops_flushes_and_reads_of_files_but_no_push_and_nothing_is_lost() {
    let store = Faulty::seeded(2);
    let bench = Bench::in_bucket(&store, "one");
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "in a file")])).await.unwrap();
    storage.flush().await.unwrap();
    store.outage(true);
    storage.append(batch("shop", &[(MIDNIGHT, "in the head")])).await.unwrap();
    let error = storage.flush().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(error.to_string().contains("s3://bucket/prefix/tables/logs/"), "{error}");
    assert!(storage.status().flush_error.is_some());
    let error = try_counts(&storage).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    // A restart has to wait for the store, and says so.
    drop(storage);
    let error = bench.try_open().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    store.outage(false);
    let storage = bench.open().await;
    storage.flush().await.unwrap();
    assert_eq!(storage.status().flush_error, None);
    assert_eq!(counts(&storage).await.into_keys().collect::<Vec<_>>(), ["in a file", "in the head"]);
}

#[tokio::test]
async fn a_large_file_goes_up_in_parts_and_a_failed_part_leaves_nothing_behind() {
    let store = Faulty::seeded(3);
    let bench = Bench::in_bucket(&store, "one");
    let storage = bench.open().await;
    let mut rng = Rng::seeded(3);
    let lines: Vec<String> = (0..250).map(|_| noise(&mut rng, 100_000)).collect();
    for (time, line) in (0..).zip(&lines) {
        storage.append(batch("shop", &[(MIDNIGHT + time, line)])).await.unwrap();
    }
    store.fail(300);
    let mut failures = 0;
    while storage.flush().await.is_err() {
        failures += 1;
        store.fail(300_u64.saturating_sub(failures * 10));
    }
    store.fail(0);
    assert!(0 < failures && 0 < store.faults());
    let read = counts(&storage).await;
    assert!(lines.iter().all(|line| read.get(line) == Some(&1)) && read.len() == lines.len());
    let files = storage.table(LOGS).unwrap().snapshot(&Tenant::default()).files(&TimeRange::ALL);
    assert_eq!(files.len(), 1);
    assert!(8 << 20 < files[0].bytes);
    let stored = names(&store).await;
    assert_eq!(stored.iter().filter(|name| name.ends_with("one.parquet") || name.contains("-one.")).count(), 1);
}

#[tokio::test]
async fn two_nodes_share_a_bucket_and_lose_nothing_to_each_other() {
    let store = Faulty::seeded(4);
    let benches = [Bench::in_bucket(&store, "one"), Bench::in_bucket(&store, "two")];
    let nodes = [benches[0].open().await, benches[1].open().await];
    for round in 0..10_i64 {
        let appended = nodes.iter().zip(["one", "two"]).map(async |(node, name)| {
            node.append(batch(name, &[(MIDNIGHT + round, &format!("{name} {round}"))])).await.unwrap();
            node.flush().await.unwrap();
        });
        futures::future::join_all(appended).await;
    }
    for node in &nodes {
        node.close().await.unwrap();
    }
    drop(nodes);
    for bench in &benches {
        let storage = bench.open().await;
        let lines = counts(&storage).await;
        assert_eq!((lines.len(), lines.values().sum::<usize>()), (20, 20));
    }
}

#[tokio::test]
async fn a_node_name_belongs_to_one_data_folder() {
    let store = Faulty::seeded(5);
    let (first, second) = (Bench::in_bucket(&store, "one"), Bench::in_bucket(&store, "one"));
    drop(first.open().await);
    let error = second.try_open().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    assert!(
        error.to_string().contains("`one`") && error.to_string().contains("s3://bucket/prefix/nodes/one"),
        "{error}"
    );
    drop(first.open().await);
}

#[tokio::test]
async fn a_commit_of_an_earlier_run_that_arrives_late_doubles_nothing() {
    let store = Faulty::seeded(6);
    let bench = Bench::in_bucket(&store, "one");
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "mark once")])).await.unwrap();
    // The files get there, the commit gets stuck on its way.
    let shared = Arc::clone(&storage.shared);
    assert!(shared.seal());
    let table = Arc::clone(&shared.tables[0]);
    let sealed = table.sealed().unwrap();
    let write = {
        let (table, sealed, author) = (Arc::clone(&table), sealed.clone(), Arc::clone(&shared.author));
        move || crate::files::write(table.delta().store().as_ref(), table.spec(), &author, &sealed)
    };
    let files = tokio::task::spawn_blocking(write).await.unwrap().unwrap();
    store.outage(true);
    shared.commit(&table, &files, &sealed).await.unwrap_err();
    store.outage(false);
    drop((shared, storage));
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "mark twice")])).await.unwrap();
    assert_eq!(store.deliver_late().await, 0, "its version is taken");
    storage.flush().await.unwrap();
    let both = [("mark once".to_owned(), 1), ("mark twice".to_owned(), 1)];
    assert_eq!(counts(&storage).await.into_iter().collect::<Vec<_>>(), both);
}

#[tokio::test]
async fn a_flush_that_is_tried_again_leaves_the_files_of_a_commit_whose_answer_got_lost() {
    let store = Faulty::seeded(7);
    let bench = Bench::in_bucket(&store, "one");
    let storage = bench.open().await;
    for round in 0..40_i64 {
        storage.append(batch("shop", &[(MIDNIGHT + round, &format!("line {round}"))])).await.unwrap();
        // Often the commit is there and its answer is not; then everything fails, and the end comes.
        store.fail(250);
        drop(storage.flush().await);
        store.outage(true);
        drop(storage.flush().await);
        store.outage(false);
        store.fail(0);
        assert_eq!(read(&storage, &Tenant::default()).await.len(), usize::try_from(round).unwrap() + 1);
    }
    store.outage(true);
    drop(storage.flush().await);
    drop(storage);
    store.outage(false);
    let storage = bench.open().await;
    assert_eq!(read(&storage, &Tenant::default()).await.len(), 40);
}

#[tokio::test]
async fn a_commit_that_is_sent_again_since_its_answer_got_lost_meets_itself() {
    let store = Faulty::seeded(8);
    let mut bench = Bench::in_bucket(&store, "one");
    bench.config.lifecycle.retention_enabled = true;
    bench.config.lifecycle.retention.period = Some(Duration::from_hours(24));
    bench.clock.advance(Duration::from_nanos(u64::try_from(MIDNIGHT).unwrap()));
    let storage = bench.open().await;
    store.resend(1_000);
    for round in 0..8_i64 {
        storage.append(batch("shop", &[(MIDNIGHT + round, &format!("mark{round}"))])).await.unwrap();
        storage.flush().await.unwrap();
    }
    storage.maintain().await.unwrap();
    assert_eq!(counts(&storage).await.len(), 8);
    bench.clock.advance(Duration::from_hours(72));
    storage.maintain().await.unwrap();
    assert_eq!(counts(&storage).await.len(), 0);
    let ended: Vec<_> = storage.jobs().iter().map(|job| (job.kind, job.state)).collect();
    let [compact, retain] =
        [crate::JobKind::Compact, crate::JobKind::Retain].map(|kind| ended.iter().filter(|job| job.0 == kind).count());
    assert!(0 < compact && 0 < retain, "{ended:?}");
    assert!(ended.iter().all(|(_, state)| *state == crate::JobState::Done), "{ended:?}");
}

#[tokio::test]
async fn background_work_is_done_by_one_node_and_by_another_when_that_is_gone() {
    let store = Faulty::seeded(10);
    let (one, two) = (Bench::in_bucket(&store, "one"), Bench::in_bucket(&store, "two"));
    let (first, second) = (one.open().await, two.open().await);
    let fill = async |storage: &Storage, from: i64| {
        for round in from..from + 8 {
            storage.append(batch("shop", &[(MIDNIGHT + round, &format!("line {round}"))])).await.unwrap();
            storage.flush().await.unwrap();
        }
    };
    fill(&first, 0).await;
    first.maintain().await.unwrap();
    assert!(!first.jobs().is_empty());
    fill(&first, 8).await;
    for _ in 0..3 {
        // The holder is heard of, however late it is.
        two.clock.advance(lease::LASTS / 2);
        one.clock.advance(lease::LASTS / 2);
        first.keep_leases().await.unwrap();
        second.maintain().await.unwrap();
        assert_eq!(second.jobs(), []);
    }
    // A new run of the same node need not wait.
    drop(first);
    let first = one.open().await;
    first.maintain().await.unwrap();
    assert!(!first.jobs().is_empty());
    fill(&first, 16).await;
    drop(first);
    second.maintain().await.unwrap();
    assert_eq!(second.jobs(), []);
    two.clock.advance(lease::LASTS);
    second.maintain().await.unwrap();
    assert!(!second.jobs().is_empty());
    assert_eq!(counts(&second).await.len(), 24);
    let leases = names(&store).await.into_iter().filter(|name| name.contains("/_leases/")).count();
    assert!(leases <= 4, "old leases are removed: {leases}");
}

/// Appends, flushes, kills and restarts, with a store that fails; by a seed.
async fn live_through(seed: u64) {
    let store = Faulty::seeded(seed);
    let bench = Bench::in_bucket(&store, "one");
    let mut rng = Rng::seeded(seed ^ 0x5eed);
    let mut storage = bench.open().await;
    let mut expected = BTreeMap::new();
    for number in 0..60_i64 {
        store.fail([0, 50, 300][usize::try_from(rng.below(3)).unwrap()]);
        store.resend(rng.below(300));
        if rng.below(4) == 0 {
            store.deliver_late().await;
        }
        match rng.below(10) {
            0..4 => {
                let line = format!("mark{} {number}", number % 3);
                storage.append(batch("shop", &[(MIDNIGHT + number * 40_000 * SECOND, &line)])).await.unwrap();
                *expected.entry(line).or_insert(0) += 1;
            }
            4..7 => drop(storage.flush().await),
            7 => {
                drop(storage);
                storage = reopened(&bench, &store).await;
            }
            8 => {
                // What cannot be flushed stays in the WAL.
                drop(storage.close().await);
                drop(storage);
                storage = reopened(&bench, &store).await;
            }
            _ => match try_counts(&storage).await {
                Ok(found) => assert_eq!(found, expected, "seed {seed}, step {number}"),
                Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "seed {seed}, step {number}: {error}"),
            },
        }
    }
    store.fail(0);
    storage.flush().await.unwrap();
    drop(storage);
    let storage = bench.open().await;
    assert_eq!(counts(&storage).await, expected, "seed {seed}");
    assert_eq!(marks(&storage).await.values().sum::<usize>(), expected.len(), "seed {seed}");
    assert!(0 < store.faults(), "seed {seed}: nothing failed");
}

async fn reopened(bench: &Bench, store: &Faulty) -> Arc<Storage> {
    for attempt in 0..1_000_u64 {
        match bench.try_open().await {
            Ok(storage) => return storage,
            Err(error) if error.kind() == Kind::Locked => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => assert_eq!(error.kind(), Kind::Unavailable, "{error}"),
        }
        store.fail(300_u64.saturating_sub(attempt * 10));
    }
    panic!("the storage does not open")
}

#[tokio::test]
async fn a_store_that_fails_before_and_after_requests_neither_loses_nor_doubles_a_line() {
    for seed in 0..12 {
        live_through(seed).await;
    }
}
