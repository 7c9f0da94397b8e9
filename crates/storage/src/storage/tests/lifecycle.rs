//! Compaction, retention, deletes and vacuum one by one; other writers; the past of a table.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::sync::atomic::AtomicU64;

use logline::{Tenant, Timestamp};

use super::super::*;
use super::support::*;
use crate::delta::Change;
use crate::index::BLOCK_ROWS;
use crate::{At, DeleteState, JobKind, JobState, Kind, LOGS, NewDelete, Predicate, TextMatch, TimeRange, logs};

fn tenant() -> Tenant {
    Tenant::default()
}

/// Starts at midnight of a day, so that the times of files and of the clock belong together.
fn today() -> Bench {
    let bench = Bench::new();
    bench.clock.advance(Duration::from_nanos(u64::try_from(MIDNIGHT).unwrap()));
    bench
}

async fn push(storage: &Storage, service: &str, number: i64) {
    let line = format!("mark{number} of {service}");
    storage.append(batch(service, &[(MIDNIGHT + number * SECOND, &line)])).await.unwrap();
}

/// So many files of one line each.
async fn pushed(storage: &Storage, files: i64) {
    for number in 0..files {
        push(storage, if number % 2 == 0 { "shop" } else { "crm" }, number).await;
        storage.flush().await.unwrap();
    }
}

#[tokio::test]
async fn a_job_waits_until_lines_leave_room() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 8).await;
    let budget = &storage.shared.budget;
    let full = budget.reserve(budget.limit()).unwrap();
    let (done, ()) = tokio::join!(storage.maintain(), async {
        while storage.jobs().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(storage.jobs()[0].state, JobState::Running);
        drop(full);
    });
    done.unwrap();
    assert!(storage.jobs().iter().all(|job| job.state == JobState::Done), "{:?}", storage.jobs());
    assert_eq!(files(&storage, &tenant()).len(), 1);
}

#[tokio::test]
async fn nothing_stays_in_memory_of_files_that_were_replaced() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 8).await;
    let kept = || storage.metrics().index_cache_bytes.get();
    let word = Predicate::Column { name: logs::LINE.to_owned(), text: TextMatch::Contains("mark1".to_owned()) };
    assert_eq!(read_where(&storage, &tenant(), |scan| scan.predicate = word.clone()).await.len(), 1);
    let before = kept();
    storage.maintain().await.unwrap();
    assert!(0 < before && kept() == 0, "{before} and {}", kept());
}

fn on_disk(storage: &Storage) -> BTreeSet<String> {
    let store = Arc::clone(storage.table(LOGS).unwrap().delta().store());
    let files = store.list("").unwrap().into_iter().map(|file| file.path);
    files.filter(|path| path.ends_with(".parquet") && path.starts_with("tenant")).collect()
}

fn new_delete(word: &str) -> NewDelete {
    let text = TextMatch::Contains(word.to_owned());
    let predicate = Predicate::Column { name: logs::LINE.to_owned(), text };
    let range = TimeRange { start: Timestamp(MIDNIGHT - 1), end: Timestamp(MIDNIGHT + 86_400 * SECOND) };
    NewDelete { tenant: tenant(), query: format!("{{}} |= `{word}`"), predicate, range }
}

#[tokio::test]
async fn eight_files_become_one_that_is_sorted_and_the_old_ones_go_after_the_delay() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 8).await;
    let before = read(&storage, &tenant()).await;
    let old = on_disk(&storage);
    // A query that began before holds on to its files whatever happens.
    let snapshot = storage.table(LOGS).unwrap().snapshot(&tenant());
    storage.maintain().await.unwrap();
    assert_eq!(files(&storage, &tenant()).len(), 1);
    assert_eq!(read(&storage, &tenant()).await, before);
    assert_eq!(marks(&storage).await.len(), 8);
    let job = &storage.jobs()[0];
    assert_eq!((job.kind, job.state, job.done, job.total), (JobKind::Compact, JobState::Done, 8, 8));

    let file = files(&storage, &tenant()).remove(0);
    let stored = storage.table(LOGS).unwrap().delta().store().open(&file.path, file.bytes).unwrap();
    let rows = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(stored).unwrap().build().unwrap();
    let streams: Vec<String> = rows.flat_map(|rows| lines_in_order(&rows.unwrap())).collect();
    assert!(streams.is_sorted(), "{streams:?}");

    bench.clock.advance(Duration::from_hours(3));
    storage.maintain().await.unwrap();
    assert!(old.iter().all(|file| on_disk(&storage).contains(file)), "a snapshot keeps its files");
    let scan = scans(&storage, &snapshot, |_| {}).swap_remove(0);
    assert_eq!(lines_of(&run(&storage, &scan, &SharedStats::default()).await), before);
    drop(snapshot);
    bench.clock.advance(Duration::from_hours(1));
    storage.maintain().await.unwrap();
    assert_eq!(on_disk(&storage), [file.path].into());
    assert_eq!(read(&storage, &tenant()).await, before);
    drop(storage);
    assert_eq!(read(&*bench.open().await, &tenant()).await, before);
}

/// Streams and times as they stand.
fn lines_in_order(rows: &RecordBatch) -> Vec<String> {
    use arrow::array::AsArray as _;
    use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
    let streams = arrow::compute::cast(rows.column_by_name(logs::STREAM).unwrap(), &arrow::datatypes::DataType::Utf8);
    let streams = streams.unwrap();
    let times = rows.column_by_name(logs::TIMESTAMP).unwrap().as_primitive::<TimestampMicrosecondType>().clone();
    assert!(rows.column_by_name(logs::STREAM).unwrap().as_dictionary_opt::<Int32Type>().is_some());
    let streams = streams.as_string::<i32>();
    (0..rows.num_rows()).map(|row| format!("{} {}", streams.value(row), times.value(row))).collect()
}

#[tokio::test]
async fn what_is_left_of_a_day_is_merged_when_it_has_been_quiet() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 3).await;
    storage.maintain().await.unwrap();
    assert_eq!(files(&storage, &tenant()).len(), 3);
    bench.clock.advance(Duration::from_mins(61));
    storage.maintain().await.unwrap();
    assert_eq!(files(&storage, &tenant()).len(), 1);
    assert_eq!(counts(&storage).await.len(), 3);
}

#[tokio::test]
async fn large_files_are_joined_row_group_by_row_group_with_the_index_of_all() {
    const LINES: i64 = 66_000;
    let bench = today();
    let storage = bench.open().await;
    for file in 0..3 {
        for service in ["shop", "crm"] {
            let text = |n| format!("order_id={} of {service}", file * LINES + n);
            let lines: Vec<(i64, String)> = (0..LINES / 2).map(|n| (MIDNIGHT + n * 1_000_000, text(n))).collect();
            let lines: Vec<(i64, &str)> = lines.iter().map(|(time, line)| (*time, line.as_str())).collect();
            storage.append(batch(service, &lines)).await.unwrap();
        }
        storage.flush().await.unwrap();
    }
    let before = read(&storage, &tenant()).await;
    storage.maintain().await.unwrap();
    bench.clock.advance(Duration::from_mins(61));
    storage.maintain().await.unwrap();
    let joined = files(&storage, &tenant());
    assert_eq!((joined.len(), joined[0].rows), (1, 198_000));
    let store = Arc::clone(storage.table(LOGS).unwrap().delta().store());
    let file = store.open(&joined[0].path, joined[0].bytes).unwrap();
    let footer = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(footer.metadata().num_row_groups(), 3, "they are kept as they were");
    assert_eq!(read(&storage, &tenant()).await, before);

    let snapshot = storage.table(LOGS).unwrap().snapshot(&tenant());
    let text = TextMatch::Contains("order_id=132007 ".to_owned());
    let predicate = Predicate::Column { name: logs::LINE.to_owned(), text };
    let scan = scans(&storage, &snapshot, |scan| scan.predicate = predicate.clone()).swap_remove(0);
    let stats = SharedStats::default();
    assert_eq!(lines_of(&run(&storage, &scan, &stats).await).len(), 2);
    let pruned = stats.rows_pruned_by_index.load(Ordering::Relaxed);
    assert!(198_000 - 3 * BLOCK_ROWS as u64 <= pruned, "{pruned}");

    storage.delete(new_delete("132007 ")).await.unwrap();
    drop((snapshot, storage));
    assert_eq!(read(&*bench.open().await, &tenant()).await.len(), 198_000 - 2);
}

#[tokio::test]
async fn what_was_derived_from_deleted_lines_goes_although_nothing_is_derived_from_lines_any_more() {
    let mut bench = today();
    let storage = bench.open().await;
    pushed(&storage, 4).await;
    drop(storage);
    bench.off = true;
    let storage = bench.open().await;
    push(&storage, "crm", 5).await;
    storage.delete(new_delete("of shop")).await.unwrap();
    assert_eq!(counts(&storage).await.len(), 3);
    assert_eq!(marks(&storage).await.into_keys().collect::<Vec<_>>(), ["mark1", "mark3"]);
}

#[tokio::test]
async fn deleted_lines_are_hidden_at_once_and_gone_in_the_end_with_what_was_derived_from_them() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 4).await;
    push(&storage, "shop", 4).await;
    let mut told = storage.hidden_changes();
    told.mark_unchanged();
    std::fs::write(
        bench.config.data_dir.join(paths::backups()),
        format!("{{\"path\":\"/b/old\",\"made\":{}}}\n{{\"path\":\"/b/later\",\"made\":{}}}\n", MIDNIGHT, MIDNIGHT * 2),
    )
    .unwrap();
    let made = storage.delete(new_delete("of shop")).await.unwrap();
    assert!(told.has_changed().unwrap());
    assert_eq!(made.state, DeleteState::Hidden);
    let crm = ["mark1", "mark3"];
    let check = async |storage: &Storage, place: &str| {
        let lines = counts(storage).await;
        assert_eq!(lines.keys().map(|line| line.get(..5).unwrap()).collect::<Vec<_>>(), crm, "{place}");
        assert_eq!(marks(storage).await.keys().collect::<Vec<_>>(), crm, "{place}");
    };
    check(&storage, "at once").await;
    // Lines that come later are meant as well, also when they leave the WAL.
    push(&storage, "shop", 6).await;
    check(&storage, "a late line").await;
    storage.flush().await.unwrap();
    drop(storage);
    let storage = bench.open().await;
    check(&storage, "after a restart").await;
    bench.clock.advance(Duration::from_hours(23));
    storage.maintain().await.unwrap();
    assert_eq!(storage.deletes(&tenant()).await.unwrap()[0].state, DeleteState::Hidden, "it can still be cancelled");
    let old = on_disk(&storage);
    bench.clock.advance(Duration::from_hours(1));
    storage.maintain().await.unwrap();
    let report = storage.deletes(&tenant()).await.unwrap().remove(0);
    assert_eq!((report.state, report.rows), (DeleteState::Rewritten, 8));
    assert!(report.files_left > 0);
    assert_eq!(report.backups, ["/b/old"]);
    assert_eq!(report.gone_after, Some(Timestamp(MIDNIGHT + 26 * 3_600 * SECOND)));
    check(&storage, "rewritten").await;
    // The past still has them on the disk, but not for anybody to see.
    let past = storage.table(LOGS).unwrap().snapshot_at(&tenant(), At::Version(4)).await.unwrap();
    let scan = scans(&storage, &past, |_| {}).swap_remove(0);
    assert_eq!(lines_of(&run(&storage, &scan, &SharedStats::default()).await).len(), 2);
    drop(past);
    // A line that comes after that is another one.
    push(&storage, "shop", 8).await;
    assert_eq!(counts(&storage).await.len(), 3);
    assert_eq!(marks(&storage).await.len(), 3);

    bench.clock.advance(Duration::from_hours(2));
    storage.maintain().await.unwrap();
    let report = storage.deletes(&tenant()).await.unwrap().remove(0);
    assert_eq!((report.state, report.files_left), (DeleteState::Gone, 0));
    let left = on_disk(&storage);
    let had: Vec<_> = old.intersection(&left).collect();
    for path in had {
        let bytes = std::fs::read(storage.table(LOGS).unwrap().delta().store().location(path)).unwrap();
        assert!(memchr::memmem::find(&bytes, b"of shop").is_none(), "{path}");
    }
    assert_eq!(counts(&storage).await.len(), 3);
}

#[tokio::test]
async fn a_request_can_be_taken_back_in_time_by_its_tenant() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 2).await;
    let made = storage.delete(new_delete("mark")).await.unwrap();
    assert_eq!(counts(&storage).await.len() + marks(&storage).await.len(), 0);
    let stranger = Tenant::new("other").unwrap();
    assert_eq!(storage.cancel_delete(&stranger, &made.id, true).await.unwrap_err().kind(), Kind::NotFound);
    assert!(storage.deletes(&stranger).await.unwrap().is_empty());
    bench.clock.advance(Duration::from_hours(24));
    assert_eq!(storage.cancel_delete(&tenant(), &made.id, false).await.unwrap_err().kind(), Kind::Invalid);
    storage.cancel_delete(&tenant(), &made.id, true).await.unwrap();
    assert_eq!((counts(&storage).await.len(), marks(&storage).await.len()), (2, 2));
    storage.maintain().await.unwrap();
    drop(storage);
    let storage = bench.open().await;
    assert_eq!((counts(&storage).await.len(), marks(&storage).await.len()), (2, 2));
    let made = storage.delete(new_delete("mark")).await.unwrap();
    bench.clock.advance(Duration::from_hours(24));
    storage.maintain().await.unwrap();
    let late = storage.cancel_delete(&tenant(), &made.id, true).await.unwrap_err();
    assert_eq!(late.kind(), Kind::Invalid, "{late}");
    assert_eq!(counts(&storage).await.len() + marks(&storage).await.len(), 0);
}

#[tokio::test]
async fn what_crashed_jobs_leave_is_removed_later_and_what_flushes_write_is_not() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 1).await;
    let store = Arc::clone(storage.table(LOGS).unwrap().delta().store());
    let live = files(&storage, &tenant()).remove(0).path;
    let folder = live.rsplit_once('/').unwrap().0;
    let orphan = format!("{folder}/00000000000000000001-00000-local.0123.parquet");
    let coming = format!("{folder}/00000000000000000099-00000-local.parquet");
    for path in [&orphan, &coming] {
        store.create(path).unwrap().finish().unwrap();
    }
    storage.maintain().await.unwrap();
    assert!(on_disk(&storage).contains(&orphan), "another node may be about to commit it");
    bench.clock.advance(Duration::from_hours(1));
    storage.maintain().await.unwrap();
    assert_eq!(on_disk(&storage), [live, coming].into());
}

#[tokio::test]
async fn the_past_of_a_table_can_be_read_while_its_files_are_there() {
    let bench = today();
    let storage = bench.open().await;
    for number in 0..8 {
        push(&storage, "shop", number).await;
        storage.flush().await.unwrap();
        bench.clock.advance(Duration::from_mins(1));
    }
    storage.maintain().await.unwrap();
    let table = storage.table(LOGS).unwrap();
    let lines = async |at: At| {
        let snapshot = table.snapshot_at(&tenant(), at).await.unwrap();
        let scan = scans(&storage, &snapshot, |_| {}).swap_remove(0);
        (snapshot.version(), lines_of(&run(&storage, &scan, &SharedStats::default()).await).len())
    };
    assert_eq!(lines(At::Version(3)).await, (3, 3));
    assert_eq!(lines(At::Time(Timestamp(MIDNIGHT + 90 * SECOND))).await, (2, 2));
    assert_eq!(lines(At::Time(Timestamp(MIDNIGHT - 1))).await, (0, 0));
    assert_eq!(lines(At::Time(Timestamp::MAX)).await, (9, 8));
    let unknown = table.snapshot_at(&tenant(), At::Version(77)).await.unwrap_err();
    assert_eq!(unknown.kind(), Kind::Invalid);
}

#[tokio::test]
async fn the_log_is_cut_behind_a_checkpoint_when_it_is_old_enough() {
    let bench = today();
    let storage = bench.open().await;
    let mut number = 0;
    for _ in 0..2 {
        for _ in 0..101 {
            push(&storage, "shop", number).await;
            storage.flush().await.unwrap();
            number += 1;
        }
        bench.clock.advance(Duration::from_hours(25));
    }
    let store = Arc::clone(storage.table(LOGS).unwrap().delta().store());
    let entry = |version| store.location(&paths::commit_entry(version)).exists();
    assert!(entry(0));
    storage.maintain().await.unwrap();
    assert!(!entry(0) && !entry(199) && entry(200) && entry(202));
    assert_eq!(counts(&storage).await.len(), 202);
    storage.close().await.unwrap();
    let storage = bench.open().await;
    assert_eq!(counts(&storage).await.len(), 202);
    assert_eq!(storage.metrics().replayed_records.get(), 0, "the WAL position is in the checkpoint");
}

#[tokio::test]
async fn a_change_whose_files_another_writer_took_away_is_given_up() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 2).await;
    let table = storage.table(LOGS).unwrap();
    let file = files(&storage, &tenant()).remove(0);
    let change = || Change { operation: "DELETE", remove: vec![file.clone()], add: Vec::new(), changes_rows: true };
    let (_, done) = table.delta().replace(table.version(), &change(), Timestamp(MIDNIGHT)).await.unwrap();
    assert!(done);
    // Our memory does not know of it yet.
    assert_eq!(table.replace(&change(), Timestamp(MIDNIGHT)).await.unwrap(), None);
    assert_eq!(counts(&storage).await.len(), 1);
    assert_eq!(table.replace(&change(), Timestamp(MIDNIGHT)).await.unwrap(), None);
}

#[tokio::test]
async fn a_flush_whose_answer_got_lost_is_recognised_by_whoever_reads_its_commit() {
    let bench = today();
    let storage = bench.open().await;
    push(&storage, "shop", 1).await;
    assert!(storage.shared.seal());
    let table = &storage.shared.tables[0];
    let sealed = table.sealed().unwrap();
    let files = crate::files::write(table.delta().store().as_ref(), table.spec(), "local", &sealed).unwrap();
    table.delta().commit(table.version(), &files, &sealed, storage.shared.now()).await.unwrap();
    storage.maintain().await.unwrap();
    assert_eq!(counts(&storage).await, [("mark1 of shop".to_owned(), 1)].into());
    storage.flush().await.unwrap();
    assert_eq!(counts(&storage).await.values().sum::<usize>(), 1);
    assert_eq!(marks(&storage).await.values().sum::<usize>(), 1);
}

/// Two nodes, each with its own WAL, on one folder of tables.
async fn two() -> (Bench, Bench, Arc<Storage>, Arc<Storage>) {
    let (a, mut b) = (today(), today());
    b.config.node = "second".to_owned();
    let tables = a.config.data_dir.join("tables");
    std::fs::create_dir_all(&tables).unwrap();
    std::fs::create_dir_all(&b.config.data_dir).unwrap();
    symlink(&tables, b.config.data_dir.join("tables")).unwrap();
    let (first, second) = (a.open().await, b.open().await);
    (a, b, first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_on_one_table_lose_and_double_nothing() {
    let (a, b, first, second) = two().await;
    let work = |storage: Arc<Storage>, from: i64| async move {
        for number in from..from + 40 {
            push(&storage, "shop", number).await;
            storage.flush().await.unwrap();
            if number % 5 == 0 {
                storage.maintain().await.unwrap();
            }
        }
        storage.maintain().await.unwrap();
    };
    tokio::join!(work(Arc::clone(&first), 0), work(Arc::clone(&second), 1_000));
    let made = first.delete(new_delete("mark7 ")).await.unwrap();
    for storage in [&first, &second] {
        storage.maintain().await.unwrap();
        let lines = counts(storage).await;
        assert_eq!((lines.len(), lines.values().max()), (79, Some(&1)));
        let marks = marks(storage).await;
        assert_eq!((marks.len(), marks.values().max()), (79, Some(&1)));
        assert_eq!(storage.deletes(&tenant()).await.unwrap()[0].id, made.id);
    }
    for bench in [&a, &b] {
        bench.clock.advance(Duration::from_hours(25));
    }
    second.maintain().await.unwrap();
    first.maintain().await.unwrap();
    assert_eq!(first.deletes(&tenant()).await.unwrap()[0].state, DeleteState::Rewritten);
    assert_eq!(counts(&first).await, counts(&second).await);
    assert_eq!(counts(&first).await.len(), 79);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn flushes_jobs_and_queries_at_the_same_time_lose_and_double_nothing() {
    let bench = today();
    let storage = bench.open().await;
    let acked = Arc::new(AtomicU64::new(0));
    let end = Arc::new(AtomicBool::new(false));
    let writer = async {
        for number in 0..200 {
            push(&storage, "shop", number).await;
            acked.fetch_add(1, Ordering::SeqCst);
        }
        end.store(true, Ordering::SeqCst);
    };
    let flusher = async {
        while !end.load(Ordering::SeqCst) {
            storage.flush().await.unwrap();
        }
    };
    let keeper = async {
        while !end.load(Ordering::SeqCst) {
            bench.clock.advance(Duration::from_mins(50));
            storage.maintain().await.unwrap();
        }
    };
    let reader = async {
        while !end.load(Ordering::SeqCst) {
            let known = acked.load(Ordering::SeqCst);
            let lines = counts(&storage).await;
            assert!(known <= lines.len() as u64, "{known} lines were acknowledged, {} are seen", lines.len());
            assert!(lines.values().all(|times| *times == 1));
        }
    };
    tokio::join!(writer, flusher, keeper, reader);
    storage.maintain().await.unwrap();
    assert_eq!(counts(&storage).await.len(), 200);
    assert_eq!(marks(&storage).await.len(), 200);
    assert!(storage.metrics().jobs_done.get_or_create(&JobKind::Compact.into()).get() > 0);
    assert_eq!(storage.status().job_errors, Vec::<String>::new());
}

#[tokio::test]
async fn a_job_that_fails_is_told_and_left_alone_for_a_while() {
    let bench = today();
    let storage = bench.open().await;
    pushed(&storage, 8).await;
    let broken = files(&storage, &tenant()).remove(0);
    let path = storage.table(LOGS).unwrap().delta().store().location(&broken.path);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, vec![0; whole.len()]).unwrap();
    storage.maintain().await.unwrap();
    assert_eq!(storage.status().job_errors.len(), 1);
    storage.maintain().await.unwrap();
    let jobs = || storage.jobs().into_iter().filter(|job| job.kind == JobKind::Compact && job.table == LOGS).count();
    assert_eq!(jobs(), 1, "it is left alone");
    std::fs::write(&path, whole).unwrap();
    bench.clock.advance(Duration::from_secs(11));
    storage.maintain().await.unwrap();
    assert_eq!((jobs(), storage.status().job_errors.len()), (2, 0));
    assert_eq!(files(&storage, &tenant()).len(), 1);
    assert_eq!(counts(&storage).await.len(), 8);
}

#[tokio::test]
async fn ten_thousand_files_are_known_at_once() {
    let bench = today();
    let storage = bench.open().await;
    let store = Arc::clone(storage.table(LOGS).unwrap().delta().store());
    storage.close().await.unwrap();
    drop(storage);
    for version in 1..=100_u64 {
        let mut entry = String::new();
        for number in 0..100 {
            let day = number % 28 + 1;
            let stats = format!(
                "{{\\\"numRecords\\\":5,\\\"minValues\\\":{{\\\"timestamp\\\":\\\"2026-11-{day:02}T00:00:00.000001Z\\\"}},\\\"maxValues\\\":{{\\\"timestamp\\\":\\\"2026-11-{day:02}T01:00:00.000001Z\\\"}}}}"
            );
            entry += &format!(
                "{{\"add\":{{\"path\":\"tenant=fake/day=2026-11-{day:02}/{version}-{number}.parquet\",\"partitionValues\":{{\"tenant\":\"fake\",\"day\":\"2026-11-{day:02}\"}},\"size\":100000000,\"modificationTime\":0,\"dataChange\":true,\"stats\":\"{stats}\"}}}}\n"
            );
        }
        std::fs::write(store.location(&paths::commit_entry(version)), entry).unwrap();
    }
    let clock = stdx::SystemClock;
    for round in ["from entries", "from a checkpoint"] {
        let begun = stdx::Clock::instant(&clock);
        let storage = bench.open().await;
        println!("10,000 files opened in {:?} {round}", stdx::Clock::instant(&clock) - begun);
        assert_eq!(files(&storage, &tenant()).len(), 10_000);
        let table = storage.table(LOGS).unwrap();
        let begun = stdx::Clock::instant(&clock);
        assert_eq!(table.snapshot(&tenant()).files(&TimeRange::ALL).len(), 10_000);
        println!("a snapshot of them in {:?}", stdx::Clock::instant(&clock) - begun);
        push(&storage, "shop", 1).await;
        let begun = stdx::Clock::instant(&clock);
        storage.flush().await.unwrap();
        println!("a flush into them in {:?}", stdx::Clock::instant(&clock) - begun);
        table.delta().checkpoint(100).await;
        storage.close().await.unwrap();
        std::fs::write(store.location("dummy"), "").unwrap();
        std::fs::remove_file(store.location("dummy")).unwrap();
        // The second round starts over, from the checkpoint alone.
        let own = files(&storage, &tenant()).into_iter().find(|file| file.rows == 1).unwrap();
        let change = Change { operation: "DELETE", remove: vec![own], add: Vec::new(), changes_rows: true };
        table.replace(&change, Timestamp(MIDNIGHT)).await.unwrap();
    }
}
