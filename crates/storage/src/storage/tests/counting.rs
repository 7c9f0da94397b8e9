//! Scans that count say what the rows say that they stand for, from the head and from files.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int16Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use logline::{Tenant, Timestamp};
use stdx::Rng;

use super::super::*;
use super::support::*;
use crate::{
    DeleteState, LOGS, NewDelete, Predicate, ScanStats, Stretches, TextMatch, TimeRange, Veil, Visibility, logs,
};

/// Lines by stream and first instant of the stretch.
type Counts = BTreeMap<(String, i64), u64>;

/// Sums the counts of a scan's rows; without times all of them lie in one stretch.
async fn counted(storage: &Storage, scan: &Scan, stats: &SharedStats) -> Counts {
    let mut counts = Counts::new();
    for rows in run(storage, scan, stats).await {
        let number = rows.column_by_name(logs::COUNT).unwrap().as_primitive::<UInt64Type>();
        let streams =
            rows.column_by_name(logs::STREAM).map(|streams| arrow::compute::cast(streams, &DataType::Utf8).unwrap());
        let times = rows.column_by_name(logs::TIMESTAMP).map(|times| times.as_primitive::<TimestampMicrosecondType>());
        let nanos = rows.column_by_name(logs::NANOS).map(|nanos| nanos.as_primitive::<Int16Type>());
        for row in 0..rows.num_rows() {
            let stream = streams.as_ref().map_or("", |streams| streams.as_string::<i32>().value(row));
            let nanos = nanos.map_or(0, |nanos| i64::from(nanos.value(row)));
            let time = times.map_or(0, |times| times.value(row) * 1_000 + nanos);
            let first = scan.stretches.map_or(0, |stretches| stretches.of(time).0);
            *counts.entry((stream.to_owned(), first)).or_default() += number.value(row);
        }
    }
    counts
}

async fn check(storage: &Storage, change: impl Fn(&mut Scan) + Copy, stretches: Option<Stretches>, has_stream: bool) {
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    for scan in scans(storage, &snapshot, change) {
        let stats = Arc::new(ScanStats::default());
        let mut want = Counts::new();
        for (time, stream, _) in lines_of(&run(storage, &scan, &stats).await) {
            let stream = if has_stream { stream } else { String::new() };
            *want.entry((stream, stretches.map_or(0, |stretches| stretches.of(time).0))).or_default() += 1;
        }
        let mut projection = vec![logs::COUNT.to_owned()];
        projection.extend(has_stream.then(|| logs::STREAM.to_owned()));
        projection.extend(stretches.iter().flat_map(|_| [logs::TIMESTAMP, logs::NANOS].map(str::to_owned)));
        let counting = Scan { projection, stretches, ..scan };
        assert_eq!(counted(storage, &counting, &stats).await, want, "{counting:?}");
    }
}

/// Three services over some 50,000 lines in files and a few in the head, in an order of their own.
async fn filled(storage: &Storage) {
    let mut rng = Rng::seeded(8);
    for part in 0..4 {
        for service in ["crm", "mes", "shop"] {
            let count = if part == 3 { 50 } else { 2_000 + rng.below(6_000) };
            let times: Vec<i64> = (0..count).map(|_| MIDNIGHT + rng.below(90_000_000_000).cast_signed()).collect();
            let lines: Vec<(i64, &str)> =
                times.iter().map(|time| (*time, if time % 3 == 0 { "third" } else { "other" })).collect();
            storage.append(batch(service, &lines)).await.unwrap();
        }
        if part < 3 {
            storage.flush().await.unwrap();
        }
    }
}

#[tokio::test]
async fn counts_are_those_of_the_rows() {
    let bench = Bench::new();
    let storage = bench.open().await;
    filled(&storage).await;
    let third = Predicate::Column { name: logs::LINE.to_owned(), text: TextMatch::Contains("third".to_owned()) };
    let some = |scan: &mut Scan| {
        let of_service = TextMatch::Regex("^(crm|shop)$".to_owned());
        scan.predicate = third.clone().and(Predicate::Label { name: logs::SERVICE_NAME.to_owned(), text: of_service });
        scan.range =
            TimeRange { start: Timestamp(MIDNIGHT + 1_234_567_891), end: Timestamp(MIDNIGHT + 71_234_567_891) };
    };
    let by = |step: i64, rest: i64| Some(Stretches { origin: MIDNIGHT + 17, step, rest });
    for stretches in [by(60_000_000_000, 0), by(1_000_000_000, 0), by(7_000_000_123, 1_000_000_007), by(1_000, 0), None]
    {
        for has_stream in [true, false] {
            check(&storage, |_| {}, stretches, has_stream).await;
            check(&storage, some, stretches, has_stream).await;
        }
    }
}

#[tokio::test]
async fn behind_a_veil_each_row_is_counted_as_it_is_seen() {
    let bench = Bench::new();
    let storage = bench.open().await;
    filled(&storage).await;
    let veil = |name: &str, lines| Veil {
        on: Predicate::Label { name: logs::SERVICE_NAME.to_owned(), text: TextMatch::Equals("shop".to_owned()) },
        lines,
        hide: [name.to_owned()].into(),
        mask: [].into(),
    };
    let behind = |veils: Vec<Veil>| Visibility::new(Predicate::True, Vec::new()).behind(veils);
    let third = Predicate::Column { name: logs::LINE.to_owned(), text: TextMatch::Contains("third".to_owned()) };
    for stretches in [Some(Stretches { origin: MIDNIGHT + 17, step: 1_000_000_000, rest: 0 }), None] {
        for has_stream in [true, false] {
            let hidden_labels = |scan: &mut Scan| scan.visibility = behind(vec![veil(logs::SERVICE_NAME, false)]);
            check(&storage, hidden_labels, stretches, has_stream).await;
            let hidden_lines = |scan: &mut Scan| {
                scan.visibility = behind(vec![veil("nothing", true)]);
                scan.predicate = third.clone();
            };
            check(&storage, hidden_lines, stretches, has_stream).await;
        }
    }
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let counting = |scan: &mut Scan| {
        scan.visibility = behind(vec![veil(logs::SERVICE_NAME, false)]);
        scan.projection = [logs::STREAM, logs::COUNT].map(str::to_owned).into();
    };
    for scan in scans(&storage, &snapshot, counting) {
        let counts = counted(&storage, &scan, &Arc::default()).await;
        assert!(counts.keys().all(|(stream, _)| !stream.contains("shop")), "{counts:?}");
    }
}

#[tokio::test]
async fn statistics_spare_the_times_of_pages_within_one_stretch() {
    let bench = Bench::new();
    let storage = bench.open().await;
    filled(&storage).await;
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let stats = Arc::new(ScanStats::default());
    let day = Stretches { origin: MIDNIGHT - 1, step: 86_400_000_000_000, rest: 0 };
    let counting = |scan: &mut Scan| {
        scan.projection = [logs::STREAM, logs::TIMESTAMP, logs::NANOS, logs::COUNT].map(str::to_owned).into();
        scan.stretches = Some(day);
    };
    let counts = counted(&storage, &scans(&storage, &snapshot, counting)[0], &stats).await;
    let all: u64 = counts.values().sum();
    assert_eq!(stats.rows_by_statistics.load(Ordering::Relaxed), all);
    assert_eq!(stats.bytes_read.load(Ordering::Relaxed), 0);
}

/// Marks with the lengths of their lines, and how many rows said so.
async fn lengths(storage: &Storage) -> (BTreeMap<String, i64>, usize) {
    let snapshot = storage.table(MARKS).unwrap().snapshot(&Tenant::default());
    let change = |scan: &mut Scan| {
        scan.table = MARKS.to_owned();
        scan.projection = ["mark", logs::COUNT, "timestamp"].map(str::to_owned).into();
    };
    let (mut found, mut rows) = (BTreeMap::new(), 0);
    for scan in scans(storage, &snapshot, change) {
        for batch in run(storage, &scan, &Arc::default()).await {
            let marks = batch.column(0).as_string::<i32>();
            let counts = batch.column(1).as_primitive::<Int64Type>();
            found.extend((0..batch.num_rows()).map(|row| (marks.value(row).to_owned(), counts.value(row))));
            rows += batch.num_rows();
        }
    }
    (found, rows)
}

#[tokio::test]
async fn a_column_of_that_name_in_another_table_is_read_compacted_and_rewritten_row_by_row() {
    let mut bench = Bench::new();
    bench.config.lifecycle.cancel_period = Duration::ZERO;
    bench.clock.advance(Duration::from_nanos(u64::try_from(MIDNIGHT).unwrap()));
    let storage = bench.open().await;
    let mut want = BTreeMap::new();
    for number in 0..80 {
        let line = format!("mark{number} {}", "x".repeat(number));
        storage.append(batch("shop", &[(MIDNIGHT + SECOND, &line)])).await.unwrap();
        want.insert(format!("mark{number}"), i64::try_from(line.len()).unwrap());
        if number % 10 == 8 {
            storage.flush().await.unwrap();
        }
    }
    let mine =
        |files: usize| storage.table(MARKS).unwrap().snapshot(&Tenant::default()).files(&TimeRange::ALL).len() == files;
    assert!(mine(8), "and the last one in memory");
    assert_eq!(lengths(&storage).await, (want.clone(), 80), "rows of one time stay rows");
    storage.flush().await.unwrap();
    for _ in 0..2 {
        bench.clock.advance(Duration::from_hours(2));
        storage.maintain().await.unwrap();
    }
    assert!(mine(1), "compacted");
    assert_eq!(lengths(&storage).await, (want.clone(), 80));
    let text = TextMatch::Contains("mark7".to_owned());
    let predicate = Predicate::Column { name: logs::LINE.to_owned(), text };
    let range = TimeRange { start: Timestamp(MIDNIGHT - 1), end: Timestamp(MIDNIGHT + 60 * SECOND) };
    let new = NewDelete { tenant: Tenant::default(), query: "{}".to_owned(), predicate, range };
    storage.delete(new).await.unwrap();
    want.retain(|mark, _| !mark.starts_with("mark7"));
    assert_eq!(lengths(&storage).await, (want.clone(), 69), "hidden");
    storage.maintain().await.unwrap();
    assert_eq!(storage.deletes(&Tenant::default()).await.unwrap()[0].state, DeleteState::Rewritten);
    assert_eq!(lengths(&storage).await, (want, 69), "rewritten");
}

#[tokio::test]
async fn counts_stand_beside_nothing_that_tells_rows_apart() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let both = |scan: &mut Scan| scan.projection = [logs::LINE, logs::COUNT].map(str::to_owned).into();
    let scan = scans(&storage, &snapshot, both).swap_remove(0);
    let error = storage.scan(&scan, &Arc::default()).err().unwrap();
    assert_eq!(error.kind(), crate::Kind::Invalid);
}
