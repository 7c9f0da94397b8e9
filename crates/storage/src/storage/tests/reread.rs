//! Rows of a derived table are made anew from the lines that are kept: once each, whatever happens meanwhile.

use arrow::array::AsArray;
use logline::{Tenant, Timestamp};

use super::super::*;
use super::support::*;
use crate::store::faulty::Faulty;
use crate::{JobKind, JobState, Kind, LOGS, NewDelete, Predicate, TextMatch, TimeRange, logs};

const DAY: i64 = 86_400 * SECOND;

/// A bench on a fourth day whose rules make rows of lines that begin with a word.
fn with(mut bench: Bench, word: &'static str) -> Bench {
    bench.word = word;
    bench.clock.advance(Duration::from_nanos(u64::try_from(MIDNIGHT + 3 * DAY).unwrap()));
    bench
}

/// Rows by what is made of each line: `word-day-n`.
async fn rows(storage: &Storage) -> Vec<(String, usize)> {
    marks(storage).await.into_iter().collect()
}

fn of(word: &str, days: std::ops::Range<i64>) -> Vec<(String, usize)> {
    let mut all: Vec<(String, usize)> =
        days.flat_map(|day| (0..3).map(move |n| (day, n))).map(|(day, n)| (format!("{word}-{day}-{n}"), 1)).collect();
    all.sort();
    all
}

/// Three lines of each word on a day, each in a file of its own.
async fn fill(storage: &Storage, days: std::ops::Range<i64>) {
    for day in days {
        for n in 0..3 {
            let time = MIDNIGHT + day * DAY + n * 8 * 3_600 * SECOND;
            let (mark, note) = (format!("mark-{day}-{n} x"), format!("note-{day}-{n} x"));
            storage.append(batch("shop", &[(time, &mark), (time + 1_000, &note)])).await.unwrap();
            storage.flush().await.unwrap();
        }
    }
}

async fn again(bench: &Bench, storage: &Storage) {
    storage.reread(MARKS, &Tenant::default()).await.unwrap();
    bench.clock.advance(Duration::from_secs(60));
    storage.maintain().await.unwrap();
}

#[tokio::test]
async fn new_rules_hold_for_all_lines_once_the_rows_are_made_anew() {
    let mut bench = with(Bench::new(), "mark");
    let storage = bench.open().await;
    fill(&storage, 0..3).await;
    storage.maintain().await.unwrap();
    assert_eq!(rows(&storage).await, of("mark", 0..3));
    drop(storage);

    bench.word = "note";
    let storage = bench.open().await;
    // What comes under the new rules stands once, whether it is in files by then or not.
    fill(&storage, 3..4).await;
    storage.append(batch("shop", &[(MIDNIGHT + 3 * DAY + 1, "note-9-9 x")])).await.unwrap();
    let mut changes = storage.reread_changes();
    again(&bench, &storage).await;
    let mut wanted = of("note", 0..4);
    wanted.push(("note-9-9".to_owned(), 1));
    assert_eq!(rows(&storage).await, wanted);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    let job = storage.jobs().into_iter().find(|job| job.kind == JobKind::Reread).unwrap();
    assert_eq!((job.state, job.table, job.done, job.total), (JobState::Done, MARKS, 25, 25));

    bench.clock.advance(Duration::from_secs(60));
    storage.maintain().await.unwrap();
    assert!(!changes.has_changed().unwrap(), "what was asked once is done once");
    drop(storage);
    assert_eq!(rows(&*bench.open().await).await, wanted, "and is there after a restart");
}

#[tokio::test]
async fn what_was_begun_goes_on_with_the_day_that_is_not_done() {
    let mut bench = with(Bench::new(), "mark");
    let storage = bench.open().await;
    fill(&storage, 0..3).await;
    drop(storage);
    bench.word = "note";
    let storage = bench.open().await;
    storage.reread(MARKS, &Tenant::default()).await.unwrap();
    let store = Arc::clone(storage.table(MARKS).unwrap().delta().store());
    let path = paths::reread(&Tenant::default());
    let size = store.list("_reread").unwrap()[0].bytes;
    let text = store.open(&path, size).unwrap().read_one(0..size).unwrap();
    let next = format!("\"next\":{}", Timestamp(MIDNIGHT + DAY).day());
    let begun = String::from_utf8(text.to_vec()).unwrap().replace("\"next\":null", &next);
    assert!(begun.contains(&next));
    let mut file = store.create(&path).unwrap();
    std::io::Write::write_all(&mut file, begun.as_bytes()).unwrap();
    file.finish().unwrap();
    storage.maintain().await.unwrap();
    let wanted: Vec<_> = of("mark", 0..1).into_iter().chain(of("note", 1..3)).collect();
    assert_eq!(rows(&storage).await, wanted, "the first day was done before, as far as it knows");
    assert!(store.list("_reread").unwrap().is_empty());
}

#[tokio::test]
async fn it_makes_room_for_other_work_between_the_days() {
    let mut bench = with(Bench::new(), "mark");
    bench.clock.advance(Duration::from_hours(24 * 30));
    let storage = bench.open().await;
    fill(&storage, 0..12).await;
    drop(storage);
    (bench.word, bench.slow) = ("note", Duration::from_mins(1));
    let storage = bench.open().await;
    let mut changes = storage.reread_changes();
    again(&bench, &storage).await;
    assert_eq!(rows(&storage).await, of("note", 0..12), "each row once, although days were looked at more than once");
    let jobs = storage.jobs();
    let rereads: Vec<_> = jobs.iter().filter(|job| job.kind == JobKind::Reread).collect();
    let [job] = rereads.as_slice() else { panic!("listed once: {rereads:?}") };
    assert_eq!((job.state, job.total), (JobState::Done, 72));
    assert!(job.done <= job.total + 12, "{job:?}");
    // It is listed anew whenever it goes on, under the next number; what else is due is done in between.
    assert!(3 <= job.id, "it did not make room: {jobs:?}");
    assert!(changes.has_changed().unwrap());
    assert_eq!(*changes.borrow_and_update(), 1, "it is told once, at the end");
}

#[tokio::test]
async fn whoever_asks_again_in_the_same_moment_has_asked_again() {
    let mut bench = with(Bench::new(), "mark");
    let storage = bench.open().await;
    fill(&storage, 0..2).await;
    drop(storage);
    bench.word = "note";
    let storage = bench.open().await;
    storage.reread(MARKS, &Tenant::default()).await.unwrap();
    let store = Arc::clone(storage.table(MARKS).unwrap().delta().store());
    let text = |store: &Arc<dyn crate::store::Store>| {
        let size = store.list("_reread").unwrap()[0].bytes;
        let path = paths::reread(&Tenant::default());
        String::from_utf8(store.open(&path, size).unwrap().read_one(0..size).unwrap().to_vec()).unwrap()
    };
    let first = text(&store);
    storage.reread(MARKS, &Tenant::default()).await.unwrap();
    assert_ne!(first, text(&store), "the clock stands still, and yet they differ");
}

#[tokio::test]
async fn another_node_hears_of_rows_made_anew_and_of_new_rows() {
    let store = Faulty::seeded(3);
    let mut one = with(Bench::in_bucket(&store, "one"), "mark");
    let two = with(Bench::in_bucket(&store, "two"), "mark");
    let first = one.open().await;
    fill(&first, 0..2).await;
    first.close().await.unwrap();
    drop(first);
    let second = two.open().await;
    let (mut changes, mut heard) = (second.reread_changes(), second.table(MARKS).unwrap().subscribe());
    one.word = "note";
    let first = one.open().await;
    fill(&first, 2..3).await;
    second.catch_up().await.unwrap();
    let mut words = Vec::new();
    while let Ok(appended) = heard.try_recv() {
        let marks = appended.rows.column_by_name("mark").unwrap().as_string::<i32>().clone();
        words.extend(marks.iter().map(|mark| (mark.unwrap().to_owned(), 1)));
    }
    words.sort();
    assert_eq!(words, of("note", 2..3));
    assert!(!changes.has_changed().unwrap());
    again(&one, &first).await;
    assert!(first.jobs().iter().any(|job| job.kind == JobKind::Reread && job.state == JobState::Done));
    second.catch_up().await.unwrap();
    assert!(changes.has_changed().unwrap());
    assert_eq!(*changes.borrow_and_update(), 1);
    assert_eq!(rows(&second).await, of("note", 0..3));
    second.catch_up().await.unwrap();
    assert!(!changes.has_changed().unwrap() && heard.try_recv().is_err(), "what was told is not told again");
}

#[tokio::test]
async fn rows_of_lines_that_are_kept_no_longer_stay() {
    let mut bench = with(Bench::new(), "mark");
    bench.config.lifecycle.retention_enabled = true;
    bench.config.lifecycle.retention.period = Some(Duration::from_hours(48));
    let storage = bench.open().await;
    fill(&storage, 0..3).await;
    storage.maintain().await.unwrap();
    assert!(read(&storage, &Tenant::default()).await.iter().all(|(time, ..)| MIDNIGHT + DAY <= *time));
    assert_eq!(rows(&storage).await, of("mark", 0..3));
    drop(storage);
    bench.word = "note";
    let storage = bench.open().await;
    again(&bench, &storage).await;
    let found = rows(&storage).await;
    assert!(of("mark", 0..1).iter().all(|row| found.contains(row)), "{found:?}");
    assert!(of("note", 2..3).iter().all(|row| found.contains(row)), "{found:?}");
    assert!(!found.iter().any(|(word, _)| word.starts_with("mark-2") || word.starts_with("note-0")), "{found:?}");
    assert!(found.iter().all(|(_, times)| *times == 1));
}

#[tokio::test]
async fn what_is_made_of_lines_that_wait_to_be_deleted_is_hidden_as_they_are() {
    let mut bench = with(Bench::new(), "mark");
    let storage = bench.open().await;
    fill(&storage, 0..2).await;
    let text = TextMatch::Contains("-1-2".to_owned());
    let predicate = Predicate::Column { name: logs::LINE.to_owned(), text };
    let new =
        NewDelete { tenant: Tenant::default(), query: "{} |= `-1-2`".to_owned(), predicate, range: TimeRange::ALL };
    let request = storage.delete(new).await.unwrap();
    drop(storage);
    bench.word = "note";
    let storage = bench.open().await;
    again(&bench, &storage).await;
    let mut wanted = of("note", 0..2);
    let hidden = wanted.pop().unwrap();
    assert_eq!(rows(&storage).await, wanted);
    storage.cancel_delete(&Tenant::default(), &request.id, true).await.unwrap();
    wanted.push(hidden);
    assert_eq!(rows(&storage).await, wanted, "and seen again when they are");
}

#[tokio::test]
async fn only_a_table_whose_rows_can_be_made_again_is() {
    let bench = Bench::new();
    let storage = bench.open().await;
    for table in [LOGS, "nothing"] {
        let error = storage.reread(table, &Tenant::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
    }
    again(&bench, &storage).await;
    assert_eq!(storage.jobs()[0].state, JobState::Done, "without lines there is nothing to do");
}

#[tokio::test]
async fn every_row_is_there_once_although_requests_fail_and_the_program_ends_again_and_again() {
    for seed in 0..4 {
        let store = Faulty::seeded(seed);
        let mut bench = with(Bench::in_bucket(&store, "n1"), "mark");
        let storage = bench.open().await;
        fill(&storage, 0..3).await;
        drop(storage);
        bench.word = "note";
        let mut storage = bench.open().await;
        storage.reread(MARKS, &Tenant::default()).await.unwrap();
        store.fail(60);
        let mut failed = 0;
        for round in 0..200 {
            bench.clock.advance(Duration::from_mins(31));
            failed += usize::from(storage.maintain().await.is_err());
            failed += storage.jobs().iter().filter(|job| job.state == JobState::Failed).count();
            let done = storage.jobs().iter().any(|job| job.kind == JobKind::Reread && job.state == JobState::Done);
            if done {
                break;
            }
            if round % 3 == 2 {
                drop(storage);
                store.fail(0);
                storage = bench.open().await;
                store.fail(60);
            }
        }
        store.fail(0);
        assert!(0 < failed, "seed {seed}: nothing went wrong");
        assert_eq!(rows(&storage).await, of("note", 0..3), "seed {seed}");
        drop(storage);
        assert_eq!(rows(&*bench.open().await).await, of("note", 0..3), "seed {seed}, after a restart");
    }
}
