//! Batches that an agent numbers are kept once, however often they are sent.

use std::collections::BTreeMap;
use std::process::Command;

use futures::future::join_all;
use logline::{BatchId, Tenant};

use super::super::*;
use super::crash::{POINTS, Point, flush_until};
use super::disk::{noise, on_small_disk};
use super::support::*;
use crate::Kind;
use crate::wal::{Replay, Wal};

const AGENT: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

fn numbered(sequence: u64, line: &str) -> Batch {
    Batch { id: Some(BatchId { agent: AGENT, sequence }), ..batch("shop", &[(MIDNIGHT, line)]) }
}

type Counts = BTreeMap<String, usize>;

/// One batch of each number, with a line and a mark of its own.
async fn send(storage: &Storage, sequences: impl IntoIterator<Item = u64>) {
    for sequence in sequences {
        storage.append(numbered(sequence, &format!("mark{sequence} x"))).await.unwrap();
    }
}

/// That the lines of exactly these numbers are there, once, and so is what was derived from them.
#[track_caller]
fn check(found: (Counts, Counts), sequences: impl IntoIterator<Item = u64>, what: &str) {
    let (lines, marks) = found;
    let sequences: Vec<u64> = sequences.into_iter().collect();
    let expect = |line: fn(u64) -> String| sequences.iter().map(|number| (line(*number), 1)).collect();
    assert_eq!(lines, expect(|number| format!("mark{number} x")), "lines: {what}");
    assert_eq!(marks, expect(|number| format!("mark{number}")), "marks: {what}");
}

async fn found(storage: &Storage) -> (Counts, Counts) {
    (counts(storage).await, marks(storage).await)
}

#[tokio::test]
async fn a_repeat_is_acknowledged_and_not_kept_again() {
    let bench = Bench::new();
    let storage = bench.open().await;
    send(&storage, [1, 2, 2, 1, 2, 3]).await;
    check(found(&storage).await, 1..=3, "running");
    assert_eq!(storage.metrics().repeated_batches.get(), 3);
    assert_eq!((storage.metrics().appended_lines.get(), storage.status().wal_position), (3, 3));
    storage.flush().await.unwrap();
    send(&storage, 1..=3).await;
    check(found(&storage).await, 1..=3, "flushed");
    assert_eq!(storage.metrics().repeated_batches.get(), 6);
    assert_eq!(storage.status().head_bytes, 0, "what a repeat reserved is given back");
}

#[tokio::test]
async fn repeats_that_wait_together_are_kept_once_and_all_acknowledged() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let sends = (0..60).map(|number| {
        let storage = &storage;
        async move { storage.append(numbered(number % 6, &format!("mark{} x", number % 6))).await }
    });
    assert!(join_all(sends).await.iter().all(Result::is_ok));
    check(found(&storage).await, 0..6, "at once");
    assert_eq!(storage.metrics().repeated_batches.get(), 54);
}

#[tokio::test]
async fn a_repeat_after_a_restart_is_known_from_the_wal() {
    let bench = Bench::new();
    let storage = bench.open().await;
    send(&storage, [5, 7]).await;
    drop(storage);
    let storage = bench.open().await;
    send(&storage, [5, 6, 7, 8]).await;
    check(found(&storage).await, 5..=8, "reopened");
    assert_eq!(storage.metrics().repeated_batches.get(), 2, "number 6 had never come");
}

#[tokio::test]
async fn a_repeat_after_a_restart_is_known_from_the_files() {
    let bench = Bench::new();
    let storage = bench.open().await;
    send(&storage, 1..=3).await;
    storage.close().await.unwrap();
    assert_eq!(storage.status().wal_bytes, 0);
    let storage = bench.open().await;
    assert_eq!(storage.metrics().replayed_records.get(), 0);
    send(&storage, 1..=4).await;
    check(found(&storage).await, 1..=4, "reopened");
    assert_eq!(storage.metrics().repeated_batches.get(), 3);
    // A commit between that says nothing of the agent does not make it forgotten.
    storage.flush().await.unwrap();
    storage.append(batch("crm", &[(MIDNIGHT, "other")])).await.unwrap();
    storage.close().await.unwrap();
    let storage = bench.open().await;
    send(&storage, 1..=4).await;
    assert_eq!(storage.metrics().repeated_batches.get(), 4);
}

#[tokio::test]
async fn a_commit_names_the_agents_of_its_own_batches_only() {
    let bench = Bench::new();
    let storage = bench.open().await;
    send(&storage, 1..=3).await;
    assert!(storage.shared.seal());
    send(&storage, 4..=5).await;
    let mut named = Vec::new();
    // The first flush ends what was sealed, then moves the rest.
    storage.flush().await.unwrap();
    storage.append(batch("crm", &[(MIDNIGHT, "other")])).await.unwrap();
    storage.flush().await.unwrap();
    for version in 1..=3 {
        let entry = storage.shared.tables[0].delta().store().location(&paths::commit_entry(version));
        let text = std::fs::read_to_string(entry).unwrap();
        for line in text.lines() {
            let action: serde_json::Value = serde_json::from_str(line).unwrap();
            let app = action["txn"]["appId"].as_str().filter(|app| app.starts_with("lapidary-agent/"));
            named.extend(app.map(|app| (version, app.to_owned(), action["txn"]["version"].as_u64())));
        }
    }
    let app = "lapidary-agent/fake/01234567-89ab-cdef-0011-223344556677";
    assert_eq!(named, [(1, app.to_owned(), Some(3)), (2, app.to_owned(), Some(5))]);
}

#[tokio::test]
async fn agents_are_known_after_a_checkpoint_too() {
    let bench = Bench::new();
    // An agent that was not seen for 30 days is forgotten, and the library asks the machine for the time.
    bench.clock.advance(stdx::Clock::now(&stdx::SystemClock).duration_since(std::time::UNIX_EPOCH).unwrap());
    let storage = bench.open().await;
    send(&storage, [1]).await;
    for number in 0..104 {
        storage.append(batch("crm", &[(MIDNIGHT + number, "other")])).await.unwrap();
        storage.flush().await.unwrap();
    }
    let table = storage.shared.tables[0].delta().store().location("");
    assert!(table.join(paths::delta_log()).join("00000000000000000100.checkpoint.parquet").exists());
    storage.close().await.unwrap();
    // What the checkpoint holds is read from it alone.
    for version in 0..100 {
        std::fs::remove_file(table.join(paths::commit_entry(version))).unwrap();
    }
    let storage = bench.open().await;
    send(&storage, [1, 2]).await;
    assert_eq!(storage.metrics().repeated_batches.get(), 1);
    assert_eq!(counts(&storage).await["mark1 x"], 1);
}

#[tokio::test]
async fn a_kill_at_any_point_of_a_flush_and_a_repeat_of_everything_keep_each_batch_once() {
    for point in POINTS {
        let bench = Bench::new();
        for round in 1..=3 {
            let storage = bench.open().await;
            // All that was acknowledged before is sent again, and then the new ones twice.
            send(&storage, 1..=round * 3).await;
            flush_until(&storage, point).await;
            send(&storage, 1..=round * 3 + 2).await;
            check(found(&storage).await, 1..=round * 3 + 2, &format!("{point:?}, round {round}"));
        }
        let storage = bench.open().await;
        send(&storage, 1..=11).await;
        check(found(&storage).await, 1..=11, &format!("{point:?}, reopened"));
        storage.close().await.unwrap();
        let storage = bench.open().await;
        send(&storage, 1..=12).await;
        check(found(&storage).await, 1..=12, &format!("{point:?}, closed"));
    }
}

#[tokio::test]
async fn a_batch_behind_a_gap_that_is_only_in_the_wal_survives_the_restart() {
    let bench = Bench::new();
    let storage = bench.open().await;
    send(&storage, [10]).await;
    storage.flush().await.unwrap();
    // Out of order, as our agent never sends them: below what the files say, and durable.
    send(&storage, [9]).await;
    drop(storage);
    let storage = bench.open().await;
    check(found(&storage).await, 9..=10, "reopened");
}

#[tokio::test]
async fn out_of_order_within_the_window_each_is_kept_once_and_below_it_none() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let order = [2_000, 977, 1_500, 978, 1_999, 2_001];
    send(&storage, order).await;
    send(&storage, order).await;
    // 976 has left the window when it comes, and counts as kept.
    send(&storage, [976]).await;
    let mut kept = order.to_vec();
    kept.sort_unstable();
    check(found(&storage).await, kept, "running");
    assert_eq!(storage.metrics().repeated_batches.get(), 7);
}

#[tokio::test]
async fn agents_and_tenants_are_apart() {
    let bench = Bench::new();
    let (one, other) = (Tenant::new("one").unwrap(), Tenant::new("o*her").unwrap());
    let send_all = async |storage: &Storage| {
        for tenant in [&one, &other] {
            for agent in [1, 2] {
                let line = format!("{tenant} {agent}");
                let id = Some(BatchId { agent, sequence: 1 });
                let batch = Batch { id, ..batch_of(tenant, "shop", &[(MIDNIGHT, &line)]) };
                storage.append(batch).await.unwrap();
            }
        }
    };
    for restart in 0..3 {
        let storage = bench.open().await;
        send_all(&storage).await;
        for tenant in [&one, &other] {
            let lines: Vec<String> = read(&storage, tenant).await.into_iter().map(|row| row.2).collect();
            assert_eq!(lines, [format!("{tenant} 1"), format!("{tenant} 2")], "restart {restart}");
        }
        if restart == 1 {
            storage.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn batches_without_a_number_are_kept_as_often_as_they_come() {
    let bench = Bench::new();
    let storage = bench.open().await;
    for _ in 0..3 {
        storage.append(batch("shop", &[(MIDNIGHT, "same")])).await.unwrap();
    }
    drop(storage);
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "same")])).await.unwrap();
    storage.flush().await.unwrap();
    assert_eq!(counts(&storage).await, [("same".to_owned(), 4)].into());
    assert_eq!(storage.metrics().repeated_batches.get(), 0);
}

#[tokio::test]
async fn a_number_that_delta_cannot_hold_is_refused() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let refused = storage.append(numbered(1 << 63, "a")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
    storage.append(numbered((1 << 63) - 1, "a")).await.unwrap();
    storage.close().await.unwrap();
    let storage = bench.open().await;
    storage.append(numbered((1 << 63) - 1, "a")).await.unwrap();
    assert_eq!(storage.metrics().repeated_batches.get(), 1);
}

/// Appends to the log of a storage that is closed.
fn append_records(bench: &Bench, records: &[Vec<u8>]) {
    let mut replay = Replay::open(&paths::Paths::new(&bench.config.data_dir).wal(), 0, 0).unwrap();
    while replay.next().unwrap().is_some() {}
    let (mut wal, _) = replay.finish();
    wal.append(records, true).unwrap();
}

#[tokio::test]
async fn a_batch_whose_failed_record_stayed_on_the_disk_is_replayed_once() {
    for point in [None, Some(Point::CommittedLines), Some(Point::CommittedMarks)] {
        for covered in [false, true] {
            let bench = Bench::new();
            let storage = bench.open().await;
            send(&storage, [1]).await;
            if let Some(point) = point {
                flush_until(&storage, point).await;
            }
            let entry = storage.shared.tables[0].delta().store().location(&paths::commit_entry(1));
            drop(storage);
            // The record of an append that failed and could not be taken back, then that of its repeat.
            let record = wal::encode(&numbered(2, "mark2 x")).unwrap();
            append_records(&bench, &[record.clone(), record]);
            if covered && point.is_some() {
                // The lines were flushed between the two.
                let text = std::fs::read_to_string(&entry).unwrap();
                let wal = r#""appId":"lapidary-wal/local","version":"#;
                assert!(text.contains(&format!("{wal}1}}")), "{text}");
                std::fs::write(&entry, text.replace(&format!("{wal}1}}"), &format!("{wal}2}}"))).unwrap();
            }
            let what = format!("{point:?}, covered {covered}");
            let storage = bench.open().await;
            check(found(&storage).await, 1..=2, &what);
            send(&storage, 1..=2).await;
            storage.flush().await.unwrap();
            check(found(&storage).await, 1..=2, &what);
        }
    }
}

#[tokio::test]
async fn a_batch_whose_append_failed_is_kept_when_it_comes_again() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let folder = paths::Paths::new(&bench.config.data_dir).wal();
    std::fs::remove_dir(&folder).unwrap();
    let sends = (0..8).map(|number| storage.append(numbered(1 + number % 2, "lost")));
    assert!(join_all(sends).await.iter().all(Result::is_err), "no repeat is acknowledged before the batch is kept");
    std::fs::create_dir(&folder).unwrap();
    send(&storage, [1, 2, 1, 2]).await;
    check(found(&storage).await, 1..=2, "tried again");
    assert_eq!(storage.metrics().repeated_batches.get(), 2);
    drop(storage);
    let storage = bench.open().await;
    send(&storage, 1..=2).await;
    check(found(&storage).await, 1..=2, "reopened");
}

#[test]
fn a_batch_that_a_full_disk_refused_is_kept_once_when_there_is_space() {
    let name = "storage::tests::repeats::a_batch_that_a_full_disk_refused_is_kept_once_when_there_is_space";
    on_small_disk(name, async |bench, disk| {
        let storage = bench.open().await;
        let mut rng = Rng::seeded(1);
        let lines: Vec<String> = (0..1_000).map(|_| noise(&mut rng, 100_000)).collect();
        let mut sent = 0;
        while storage.append(numbered(sent as u64, &lines[sent])).await.is_ok() {
            sent += 1;
        }
        // Repeats of what is kept need no space.
        storage.append(numbered(sent as u64 - 1, &lines[sent - 1])).await.unwrap();
        assert_eq!(storage.append(numbered(sent as u64, &lines[sent])).await.unwrap_err().kind(), Kind::Full);
        let more = Command::new("mount").args(["-o", "remount,size=64m"]).arg(disk).status().unwrap();
        assert!(more.success());
        for _ in 0..2 {
            for (number, line) in lines.iter().enumerate().take(sent + 1) {
                storage.append(numbered(number as u64, line)).await.unwrap();
            }
        }
        drop(storage);
        let storage = bench.open().await;
        let kept = counts(&storage).await;
        assert_eq!((kept.len(), kept.values().max()), (sent + 1, Some(&1)));
    });
}
