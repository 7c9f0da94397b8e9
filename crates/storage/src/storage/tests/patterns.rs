//! Conditions on lines give the same rows whether the patterns in the files decide them or the lines themselves.

use std::sync::atomic::Ordering;

use arrow::array::AsArray;
use logline::Tenant;
use stdx::Rng;

use super::super::*;
use super::support::*;
use crate::{LOGS, Predicate, ScanStats, TextMatch, Veil, logs};

const ROWS: usize = 40_000;

fn line(rng: &mut Rng, n: usize) -> String {
    let status = rng.pick(&["CREATED", "PAID", "SHIPPED", "CLOSED"]).unwrap();
    let code = rng.pick(&[200, 201, 404, 503]).unwrap();
    match n % 10 {
        9 => format!("worker {} took <_> of the queue", rng.below(50)),
        8 => format!("{{\"event\":\"moved\",\"order_id\":{},\"to\":\"{status}\"}}", 1_000_000 + rng.below(90_000)),
        _ => format!("[RESP] order_id={} status={status} http_status={code} ms={}", rng.bits(), rng.below(3_000)),
    }
}

/// Lines in files; some have `mark` in them.
async fn filled(storage: &Storage, mark: &str) -> Vec<(i64, String)> {
    let mut rng = Rng::seeded(23);
    let time = |n: usize| MIDNIGHT + i64::try_from(n).unwrap() * 1_000_000;
    let lines: Vec<(i64, String)> = (0..ROWS).map(|n| (time(n), line(&mut rng, n).replace("<_>", mark))).collect();
    for part in lines.chunks(8_000) {
        let part: Vec<(i64, &str)> = part.iter().map(|(time, line)| (*time, line.as_str())).collect();
        storage.append(batch("shop", &part)).await.unwrap();
    }
    storage.flush().await.unwrap();
    lines
}

fn on_line(text: TextMatch) -> Predicate {
    Predicate::Column { name: logs::LINE.to_owned(), text }
}

fn has(text: &str) -> Predicate {
    on_line(TextMatch::Contains(text.to_owned()))
}

fn regex(pattern: &str) -> Predicate {
    on_line(TextMatch::Regex(pattern.to_owned()))
}

/// The rows of a condition, and how many of them patterns decided, with the bytes of lines that were read.
async fn asked(storage: &Storage, predicate: &Predicate, projection: &[&str]) -> (usize, u64, u64) {
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let stats = Arc::new(ScanStats::default());
    let change = |scan: &mut Scan| {
        scan.predicate = predicate.clone();
        scan.projection = projection.iter().map(|name| (*name).to_owned()).collect();
    };
    let scan = scans(storage, &snapshot, change).swap_remove(0);
    let rows = run(storage, &scan, &stats).await.iter().map(RecordBatch::num_rows).sum();
    (rows, stats.rows_by_pattern.load(Ordering::Relaxed), stats.bytes_read.load(Ordering::Relaxed))
}

#[tokio::test]
async fn conditions_on_lines_are_decided_by_patterns_and_rightly() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let lines = filled(&storage, "<_>").await;
    let count = |test: &dyn Fn(&str) -> bool| lines.iter().filter(|(_, line)| test(line)).count();
    let not = |predicate: Predicate| Predicate::Not(Box::new(predicate));
    let cases: Vec<(Predicate, usize)> = vec![
        (has("http_status=404"), count(&|line| line.contains("http_status=404"))),
        (not(has("http_status=200")), count(&|line| !line.contains("http_status=200"))),
        (
            regex("status=(PAID|SHIPPED) "),
            count(&|line| line.contains("status=PAID ") || line.contains("status=SHIPPED ")),
        ),
        (regex("(?i)\"TO\":\"paid\""), count(&|line| line.contains("\"to\":\"PAID\""))),
        (has("order_id=1"), count(&|line| line.contains("order_id=1"))),
        (has("<_> of the queue"), count(&|line| line.contains("<_> of the queue"))),
        (has("ms=17"), count(&|line| line.contains("ms=17"))),
        (
            Predicate::And(vec![has("status=PAID"), not(has("503")), has("ms=1")]),
            count(&|line| line.contains("status=PAID") && !line.contains("503") && line.contains("ms=1")),
        ),
        (
            Predicate::Or(vec![has("\"to\":\"PAID\""), has("http_status=503")]),
            count(&|line| line.contains("\"to\":\"PAID\"") || line.contains("http_status=503")),
        ),
    ];
    for (predicate, want) in &cases {
        for projection in [&[logs::LINE][..], &[logs::TIMESTAMP][..]] {
            assert_eq!(asked(&storage, predicate, projection).await.0, *want, "{predicate:?}");
        }
    }
}

#[tokio::test]
async fn a_count_reads_no_line_that_its_pattern_decides() {
    let bench = Bench::new();
    let storage = bench.open().await;
    filled(&storage, "some").await;
    let (rows, decided, bytes) = asked(&storage, &has("http_status=404"), &[logs::TIMESTAMP]).await;
    assert!(0 < rows && rows < ROWS);
    assert_eq!((decided, bytes), (u64::try_from(ROWS).unwrap(), 0), "no line was read");
}

#[tokio::test]
async fn behind_a_veil_patterns_are_not_asked() {
    let bench = Bench::new();
    let storage = bench.open().await;
    filled(&storage, "<_>").await;
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let stats = Arc::new(ScanStats::default());
    let change = |scan: &mut Scan| {
        scan.predicate = has("http_status=404");
        let veil = Veil { on: Predicate::True, lines: true, hide: [].into(), mask: [].into() };
        scan.visibility = everything().behind(vec![veil]);
    };
    let scan = scans(&storage, &snapshot, change).swap_remove(0);
    let rows: usize = run(&storage, &scan, &stats).await.iter().map(RecordBatch::num_rows).sum();
    assert_eq!((rows, stats.rows_by_pattern.load(Ordering::Relaxed)), (0, 0));
}

/// What the lines of a condition say of `name`, sorted, and the bytes of lines that were read.
async fn told(storage: &Storage, predicate: &Predicate, name: &str, change: impl Fn(&mut Scan)) -> (Vec<String>, u64) {
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let stats = Arc::new(ScanStats::default());
    let asked = |scan: &mut Scan| {
        scan.predicate = predicate.clone();
        scan.projection = vec![logs::TIMESTAMP.to_owned(), logs::LINE.to_owned()];
        scan.json = Some(vec![name.to_owned()]);
        change(scan);
    };
    let scan = scans(storage, &snapshot, asked).swap_remove(0);
    let mut told = Vec::new();
    for batch in run(storage, &scan, &stats).await {
        let lines = batch.column_by_name(logs::LINE).unwrap().as_string::<i32>();
        for line in lines.iter().flatten() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            told.push(value[name].to_string());
        }
    }
    told.sort();
    (told, stats.bytes_read.load(Ordering::Relaxed))
}

#[tokio::test]
async fn lines_that_say_the_same_stand_for_those_of_json() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let lines = filled(&storage, "some").await;
    let say = |name: &str, moved: bool| {
        let lines = lines.iter().filter(|(_, line)| !moved || line.contains("\"moved\""));
        let value = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap_or_default()[name].to_string();
        let mut said: Vec<String> = lines.map(|(_, line)| value(line)).collect();
        said.sort();
        said
    };
    let moved = has("\"moved\"");
    let unchanged = |_: &mut Scan| {};
    assert_eq!(told(&storage, &moved, "to", unchanged).await, (say("to", true), 0), "no line was read");
    let (ids, bytes) = told(&storage, &moved, "order_id", unchanged).await;
    assert_eq!(ids, say("order_id", true));
    assert!(bytes > 0, "only the line tells what is different in each");
    // Other lines are no JSON: they are read.
    assert_eq!(told(&storage, &Predicate::True, "to", unchanged).await.0, say("to", false));
    let veiled = |scan: &mut Scan| {
        let veil = Veil { on: Predicate::True, lines: true, hide: [].into(), mask: [].into() };
        scan.visibility = everything().behind(vec![veil]);
    };
    assert!(
        told(&storage, &moved, "to", veiled).await.0.iter().all(|value| value == "null"),
        "nothing stands for what is hidden"
    );
}
