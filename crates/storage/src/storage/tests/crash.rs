//! Kills at every point of a flush: every acknowledged line is there exactly once, and so is what was derived from it.

use logline::Tenant;
use proptest::prelude::*;

use super::super::*;
use super::support::*;
use crate::files;

/// How far a flush gets before the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    Sealed,
    FilesOfLines,
    CommittedLines,
    FilesOfMarks,
    CommittedMarks,
    Recycled,
}

pub(super) const POINTS: [Point; 6] = [
    Point::Sealed,
    Point::FilesOfLines,
    Point::CommittedLines,
    Point::FilesOfMarks,
    Point::CommittedMarks,
    Point::Recycled,
];

/// Flushes up to a point and leaves it there.
pub(super) async fn flush_until(storage: &Storage, point: Point) {
    let shared = &storage.shared;
    let _running = Arc::clone(&shared.flushing).lock_owned().await;
    if !shared.seal() {
        return;
    }
    let steps = [(Point::FilesOfLines, Point::CommittedLines), (Point::FilesOfMarks, Point::CommittedMarks)];
    let mut position = 0;
    for (table, (write, commit)) in shared.tables.iter().zip(steps) {
        let Some(sealed) = table.sealed().filter(|_| write <= point) else { continue };
        position = sealed.position;
        let (own, author, rows) = (Arc::clone(table), Arc::clone(&shared.author), sealed.clone());
        let write = move || files::write(own.delta().store().as_ref(), own.spec(), &author, &rows);
        let files = tokio::task::spawn_blocking(write).await.unwrap().unwrap();
        if commit <= point {
            shared.commit(table, &files, &sealed).await.unwrap();
        }
    }
    if point == Point::Recycled {
        storage.writer.recycle(position).await;
    }
}

#[tokio::test]
async fn a_kill_at_any_point_of_a_flush_keeps_every_line_once() {
    for point in POINTS {
        let bench = Bench::new();
        let mut expected = 0;
        // Kills twice, so that a second crash during the recovery of the first is seen as well.
        for round in 0..3_i64 {
            let storage = bench.open().await;
            assert_eq!(counts(&storage).await.len(), expected, "{point:?}, round {round}");
            for number in 0..5 {
                let line = format!("mark{round}.{number} x");
                let other = format!("no mark {round}.{number}");
                let time = MIDNIGHT + round * 12 * 3_600 * SECOND + number;
                storage.append(batch("shop", &[(time, &line), (time, &other)])).await.unwrap();
                expected += 2;
            }
            flush_until(&storage, point).await;
            storage.append(batch("crm", &[(MIDNIGHT, &format!("after {round}"))])).await.unwrap();
            expected += 1;
            let lines = counts(&storage).await;
            assert_eq!((lines.len(), lines.values().max()), (expected, Some(&1)), "{point:?}, before the kill");
        }
        let storage = bench.open().await;
        let lines = counts(&storage).await;
        assert_eq!((lines.len(), lines.values().max()), (expected, Some(&1)), "{point:?}");
        let marks = marks(&storage).await;
        assert_eq!((marks.len(), marks.values().max()), (15, Some(&1)), "{point:?}");
        storage.flush().await.unwrap();
        assert_eq!(counts(&storage).await, lines, "{point:?}, after the flush");
        storage.close().await.unwrap();
        let on_disk: u64 = parquet_files(&bench);
        let listed: u64 = storage.status().tables.iter().map(|table| table.files).sum();
        assert_eq!(on_disk, listed, "{point:?}: files that nobody lists are left");
    }
}

fn parquet_files(bench: &Bench) -> u64 {
    let mut folders = vec![bench.config.data_dir.join("tables")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files += 1;
            }
        }
    }
    files
}

#[tokio::test]
async fn a_flush_whose_commit_was_written_but_not_noticed_is_recognised() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "mark1")])).await.unwrap();
    assert!(storage.shared.seal());
    let table = &storage.shared.tables[0];
    let sealed = table.sealed().unwrap();
    let files = files::write(table.delta().store().as_ref(), table.spec(), "local", &sealed).unwrap();
    // The future was dropped between the write of the entry and the update of memory.
    table.delta().commit(table.version(), &files, &sealed, storage.shared.now()).await.unwrap();
    assert_eq!(table.version(), 0);
    storage.flush().await.unwrap();
    assert_eq!(counts(&storage).await, [("mark1".to_owned(), 1)].into());
    assert_eq!(marks(&storage).await, [("mark1".to_owned(), 1)].into());
    assert_eq!(table.version(), 1);
}

#[tokio::test]
async fn another_writer_that_took_the_version_is_stepped_over() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "ours")])).await.unwrap();
    let table = &storage.shared.tables[0];
    let entry = table.delta().store().location(&paths::commit_entry(1));
    std::fs::write(&entry, "{\"commitInfo\":{}}\n{\"txn\":{\"appId\":\"lapidary-wal/other\",\"version\":9}}\n")
        .unwrap();
    storage.flush().await.unwrap();
    assert_eq!(table.version(), 2);
    drop(storage);
    let storage = bench.open().await;
    assert_eq!(storage.table("logs").unwrap().snapshot(&Tenant::default()).version(), 2);
    assert_eq!(counts(&storage).await, [("ours".to_owned(), 1)].into());
    assert_eq!(storage.metrics().replayed_records.get(), 0, "the commit says what it covers");
}

#[tokio::test]
async fn a_replay_larger_than_the_head_may_grow_is_flushed_on_the_way() {
    let mut bench = Bench::new();
    let storage = bench.open().await;
    for number in 0..40_i64 {
        let line = format!("mark{number} {}", "x".repeat(2_000));
        storage.append(batch("shop", &[(MIDNIGHT + number, &line)])).await.unwrap();
    }
    drop(storage);
    small(&mut bench.config, 1 << 20, 30_000);
    let storage = bench.open().await;
    assert!(storage.metrics().flushes.get() > 1);
    assert!(storage.status().head_bytes < 40_000);
    assert_eq!(counts(&storage).await.len(), 40);
    assert_eq!(marks(&storage).await.len(), 40);
    drop(storage);
    let storage = bench.open().await;
    assert_eq!(counts(&storage).await.len(), 40);
    assert_eq!(marks(&storage).await.values().sum::<usize>(), 40);
}

#[tokio::test]
async fn many_commits_are_read_back_through_a_checkpoint() {
    let bench = Bench::new();
    let storage = bench.open().await;
    for number in 0..105_i64 {
        storage.append(batch("shop", &[(MIDNIGHT + number * SECOND, &format!("line {number}"))])).await.unwrap();
        storage.flush().await.unwrap();
    }
    let log = storage.shared.tables[0].delta().store().location("_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    let before = files(&storage, &Tenant::default());
    storage.close().await.unwrap();
    let storage = bench.open().await;
    let after = files(&storage, &Tenant::default());
    let names = |files: &[FileRef]| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.rows, before.bytes, before.first), (after.rows, after.bytes, after.first));
        assert!(before.last <= after.last && after.last.0 - before.last.0 < 1_000_000, "{before:?} {after:?}");
    }
    assert_eq!(counts(&storage).await.len(), 105);
}

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Flush,
    FlushUntil(Point),
    Kill,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..20).prop_map(Step::Append),
        1 => Just(Step::Flush),
        2 => proptest::sample::select(POINTS.to_vec()).prop_map(Step::FlushUntil),
        1 => Just(Step::Kill),
        1 => Just(Step::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_appends_flushes_kills_and_restarts_keeps_the_multiset_of_lines(
        steps in proptest::collection::vec(step(), 1..25)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let mut storage = bench.open().await;
            let mut expected = std::collections::BTreeMap::new();
            let mut number = 0_i64;
            for step in steps {
                match step {
                    Step::Append(lines) => {
                        let texts: Vec<String> = (0..lines).map(|line| format!("mark{} {number}", line % 3)).collect();
                        let lines: Vec<_> = texts.iter().map(|text| (MIDNIGHT + number, text.as_str())).collect();
                        storage.append(batch("shop", &lines)).await.unwrap();
                        for text in texts {
                            *expected.entry(text).or_insert(0) += 1;
                        }
                        number += 40_000 * SECOND;
                    }
                    Step::Flush => storage.flush().await.unwrap(),
                    Step::FlushUntil(point) => {
                        // A flush that was left half done is finished by the next one.
                        storage.flush().await.unwrap();
                        flush_until(&storage, point).await;
                    }
                    Step::Kill => {
                        drop(storage);
                        storage = bench.open().await;
                    }
                    Step::Close => {
                        storage.close().await.unwrap();
                        storage = bench.open().await;
                    }
                }
                assert_eq!(counts(&storage).await, expected);
                let marked: usize = marks(&storage).await.values().sum();
                assert_eq!(marked, expected.values().sum::<usize>());
            }
        });
    }
}
