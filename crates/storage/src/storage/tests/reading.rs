//! Scans: conditions, masks, pruning, projection; the same from head and files, and the same as a naive filter.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use futures::StreamExt;
use logline::{Tenant, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::super::*;
use super::support::*;
use crate::index::BLOCK_ROWS;
use crate::{ColumnMask, Kind, LOGS, Predicate, ScanStats, TextMatch, TimeRange, Visibility, logs};

fn column(name: &str, text: TextMatch) -> Predicate {
    Predicate::Column { name: name.to_owned(), text }
}

fn label(name: &str, text: TextMatch) -> Predicate {
    Predicate::Label { name: name.to_owned(), text }
}

fn contains(needle: &str) -> TextMatch {
    TextMatch::Contains(needle.to_owned())
}

fn equals(value: &str) -> TextMatch {
    TextMatch::Equals(value.to_owned())
}

fn regex(pattern: &str) -> TextMatch {
    TextMatch::Regex(pattern.to_owned())
}

/// Lines that a predicate keeps, once from the head and once from files.
async fn kept(bench: &Bench, batches: &[Batch], change: impl Fn(&mut Scan) + Copy) -> Vec<String> {
    let storage = bench.open().await;
    for batch in batches {
        storage.append(batch.clone()).await.unwrap();
    }
    let head = read_where(&storage, &Tenant::default(), change).await;
    storage.flush().await.unwrap();
    let files = read_where(&storage, &Tenant::default(), change).await;
    assert_eq!(head, files);
    head.into_iter().map(|row| row.2).collect()
}

#[tokio::test]
async fn conditions_look_at_labels_and_columns() {
    let batches = [
        batch("shop", &[(1, "GET /cart 200"), (2, "POST /order 500")]),
        batch("crm", &[(3, "GET /customer 200"), (4, "")]),
    ];
    let check = async |predicate: Predicate, expected: &[&str]| {
        let change = |scan: &mut Scan| scan.predicate = predicate.clone();
        assert_eq!(kept(&Bench::new(), &batches, change).await, expected, "{predicate:?}");
    };
    check(label("service_name", equals("shop")), &["GET /cart 200", "POST /order 500"]).await;
    check(label("service_name", regex("^c")), &["GET /customer 200", ""]).await;
    check(label("nosuch", equals("")), &["GET /cart 200", "POST /order 500", "GET /customer 200", ""]).await;
    check(column("line", contains("GET")), &["GET /cart 200", "GET /customer 200"]).await;
    check(column("line", contains("")), &["GET /cart 200", "POST /order 500", "GET /customer 200", ""]).await;
    check(Predicate::Not(Box::new(column("line", contains("0")))), &[""]).await;
    check(column("line", equals("")), &[""]).await;
    check(column("line", regex(r"/\w+ 5\d\d$")), &["POST /order 500"]).await;
    check(column("service_name", TextMatch::OneOf(vec!["crm".into(), "mes".into()])), &["GET /customer 200", ""]).await;
    check(column("nosuch", contains("x")), &[]).await;
    let shop_or_empty = vec![label("service_name", equals("shop")), column("line", equals(""))];
    check(Predicate::Or(shop_or_empty.clone()), &["GET /cart 200", "POST /order 500", ""]).await;
    check(Predicate::And(shop_or_empty), &[]).await;
    check(Predicate::Or(vec![]), &[]).await;
    check(Predicate::And(vec![]), &["GET /cart 200", "POST /order 500", "GET /customer 200", ""]).await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_at_once() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let check = |what: &str, change: &dyn Fn(&mut Scan)| {
        let scan = scans(&storage, &snapshot, change).swap_remove(0);
        let error = storage.scan(&scan, &SharedStats::default()).map(drop).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{what}: {error}");
    };
    check("a bad regular expression", &|scan| scan.predicate = column("line", regex("a(")));
    check("one that grows without bound", &|scan| scan.predicate = column("line", regex("(?:a{1000}){1000}{1000}")));
    check("text of a number", &|scan| scan.predicate = column("nanos", contains("1")));
    check("a column that is not there", &|scan| scan.projection = vec!["nosuch".to_owned()]);
    check("a table that is not there", &|scan| scan.table = "nosuch".to_owned());
    check("another node's head", &|scan| scan.source = Source::Head { node: "other".to_owned(), epoch: 0 });
    check("a mask of a time", &|scan| {
        scan.visibility = Visibility::new(Predicate::True, vec![mask("timestamp")]);
    });
    check("labels of a table without streams", &|scan| {
        scan.table = MARKS.to_owned();
        scan.projection.clear();
        scan.visibility = Visibility::new(label("service_name", equals("shop")), Vec::new());
    });
}

#[tokio::test]
async fn a_filter_cannot_probe_what_a_mask_hides() {
    let batches = [batch("shop", &[(1, "secret 4711"), (2, "dull")])];
    let masked = |predicate: Predicate| {
        move |scan: &mut Scan| {
            scan.predicate = predicate.clone();
            scan.visibility = Visibility::new(Predicate::True, vec![mask("line"), mask("service_name")]);
        }
    };
    let check = async |predicate: Predicate, expected: &[&str]| {
        assert_eq!(kept(&Bench::new(), &batches, &masked(predicate.clone())).await, expected, "{predicate:?}");
    };
    check(column("line", contains("secret")), &[]).await;
    check(Predicate::Not(Box::new(column("line", contains("secret")))), &["***", "***"]).await;
    check(column("line", regex("^.{4}$")), &[]).await;
    check(column("line", equals("***")), &["***", "***"]).await;
    check(Predicate::True, &["***", "***"]).await;
    check(column("service_name", equals("shop")), &[]).await;
    check(Predicate::Or(vec![column("line", contains("4711")), column("service_name", contains("o"))]), &[]).await;
    // What the reader may see is decided on the row as it is.
    let rows = |scan: &mut Scan| {
        scan.visibility = Visibility::new(column("line", contains("secret")), vec![mask("line")]);
    };
    assert_eq!(kept(&Bench::new(), &batches, rows).await, ["***"]);
}

#[tokio::test]
async fn a_masked_stream_hides_its_labels_and_masked_metadata_is_gone() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let mut push = batch("shop", &[(1, "a")]);
    push.streams[0].entries[0].metadata.push(("token".to_owned(), "s3cret".to_owned()));
    storage.append(push).await.unwrap();
    for flushed in [false, true] {
        if flushed {
            storage.flush().await.unwrap();
        }
        let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
        let hide = |predicate: Predicate| {
            move |scan: &mut Scan| {
                scan.predicate = predicate.clone();
                scan.projection = vec!["stream".to_owned(), "metadata".to_owned()];
                scan.visibility = Visibility::new(Predicate::True, vec![mask("stream"), mask("metadata")]);
            }
        };
        let mut seen = Vec::new();
        for scan in scans(&storage, &snapshot, hide(Predicate::True)) {
            seen.extend(run(&storage, &scan, &SharedStats::default()).await);
        }
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].column(1).null_count(), 1);
        assert_eq!(seen[0].column(0).data_type(), &logs::text_dictionary());
        let values = seen[0].column(0).as_dictionary::<arrow::datatypes::Int32Type>().values();
        assert_eq!(values.as_string::<i32>().value(0), "***");
        for scan in scans(&storage, &snapshot, hide(label("service_name", equals("shop")))) {
            assert!(run(&storage, &scan, &SharedStats::default()).await.is_empty());
        }
    }
}

#[tokio::test]
async fn only_wanted_columns_are_given_and_counting_needs_none() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
    let rows: Vec<_> = (0..).zip(&lines).map(|(time, line)| (MIDNIGHT + time * SECOND, line.as_str())).collect();
    storage.append(batch("shop", &rows)).await.unwrap();
    storage.flush().await.unwrap();
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let check = async |projection: &[&str], predicate: Predicate| {
        let change = |scan: &mut Scan| {
            scan.projection = projection.iter().map(|name| (*name).to_owned()).collect();
            scan.predicate = predicate.clone();
        };
        let (stats, mut count) = (Arc::new(ScanStats::default()), 0);
        for scan in scans(&storage, &snapshot, change) {
            for rows in run(&storage, &scan, &stats).await {
                let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
                assert_eq!(names, projection);
                count += rows.num_rows();
            }
        }
        (count, stats.bytes_read.load(Ordering::Relaxed), stats.rows_kept.load(Ordering::Relaxed))
    };
    let text: usize = lines.iter().map(String::len).sum();
    // The token index leaves one block of the lines.
    let block: usize = lines[..BLOCK_ROWS].iter().map(String::len).sum();
    assert_eq!(check(&[], Predicate::True).await, (20_000, 0, 20_000));
    assert_eq!(check(&["received", "line"], Predicate::True).await, (20_000, text as u64, 20_000));
    assert_eq!(check(&["nanos", "nanos"], column("line", equals("line 77"))).await, (1, block as u64, 1));
    assert_eq!(check(&[], label("service_name", equals("shop"))).await, (20_000, 0, 20_000));
}

#[tokio::test]
async fn statistics_rule_out_files_row_groups_and_pages() {
    let bench = Bench::new();
    let storage = bench.open().await;
    for service in ["crm", "mes", "shop"] {
        let lines: Vec<String> = (0..40_000).map(|number| format!("{service} {number}")).collect();
        let rows: Vec<_> = (0..).zip(&lines).map(|(time, line)| (MIDNIGHT + time * SECOND, line.as_str())).collect();
        storage.append(batch(service, &rows)).await.unwrap();
    }
    storage.flush().await.unwrap();
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let all = snapshot.files(&TimeRange::ALL);
    assert_eq!(all.len(), 1);
    let before = TimeRange { start: Timestamp::MIN, end: Timestamp(MIDNIGHT) };
    assert!(snapshot.files(&before).is_empty());
    let check = async |range: TimeRange, predicate: Predicate| {
        let stats = Arc::new(ScanStats::default());
        let change = |scan: &mut Scan| {
            scan.range = range;
            scan.predicate = predicate.clone();
        };
        let rows = run(&storage, &scans(&storage, &snapshot, change)[0], &stats).await;
        let kept: usize = rows.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(kept as u64, stats.rows_kept.load(Ordering::Relaxed));
        let (read, pruned) = (stats.rows_read.load(Ordering::Relaxed), stats.rows_pruned.load(Ordering::Relaxed));
        assert_eq!(read + pruned, 120_000);
        (kept, read)
    };
    let minute = TimeRange { start: Timestamp(MIDNIGHT), end: Timestamp(MIDNIGHT + 60 * SECOND) };
    let (kept, read) = check(minute, Predicate::True).await;
    assert_eq!(kept, 180);
    assert!(read <= 5 * BLOCK_ROWS as u64, "{read} rows for a minute of three streams");
    let (kept, read) = check(TimeRange::ALL, label("service_name", equals("mes"))).await;
    assert_eq!(kept, 40_000);
    assert!(read <= 40_000 + 2 * BLOCK_ROWS as u64, "{read} rows for one of three streams");
    let (kept, read) = check(minute, label("service_name", equals("mes"))).await;
    assert_eq!(kept, 60);
    assert!(read <= 2 * BLOCK_ROWS as u64, "{read} rows for a minute of one stream");
    assert_eq!(check(TimeRange::ALL, label("service_name", equals("nosuch"))).await.0, 0);
    assert_eq!(check(before, Predicate::True).await, (0, 0));
}

#[tokio::test]
async fn a_dropped_stream_stops_its_work() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let lines: Vec<String> = (0..100_000).map(|number| format!("line {number}")).collect();
    let rows: Vec<_> = (0..).zip(&lines).map(|(time, line)| (MIDNIGHT + time, line.as_str())).collect();
    storage.append(batch("shop", &rows)).await.unwrap();
    storage.flush().await.unwrap();
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let stats = Arc::new(ScanStats::default());
    let scan = scans(&storage, &snapshot, |_| {}).swap_remove(0);
    let mut stream = storage.scan(&scan, &stats).unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first.num_rows(), 8_192);
    drop(stream);
    assert_eq!(Arc::strong_count(&stats), 1, "nothing works on the scan any more");
    assert!(stats.rows_read.load(Ordering::Relaxed) < 100_000);
}

#[tokio::test]
async fn a_damaged_file_is_an_error_that_names_it() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(1, "a")])).await.unwrap();
    storage.flush().await.unwrap();
    let file = files(&storage, &Tenant::default()).remove(0);
    let path = storage.table(LOGS).unwrap().delta().store().location(&file.path);
    std::fs::write(&path, b"not a file of ours").unwrap();
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let scan = scans(&storage, &snapshot, |_| {}).swap_remove(0);
    let error = storage.scan(&scan, &SharedStats::default()).unwrap().next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    assert!(error.to_string().contains(&file.path), "{error}");
    let trouble = storage.troubles().remove(0);
    assert_eq!((trouble.affected, trouble.summary), (Affected::Reads, "a file is damaged"));
    assert!(trouble.reason.contains(&file.path), "{trouble:?}");
    assert_eq!(storage.metrics().damaged_files.get(), 1);
}

const WORDS: [&str; 8] = ["", "a", "ab", "aa", "GET /x", "order_id=7", "ünïcode", "b a"];
const SERVICES: [&str; 3] = ["shop", "crm", ""];

fn text() -> impl Strategy<Value = TextMatch> {
    prop_oneof![
        select(WORDS.to_vec()).prop_map(equals),
        select(WORDS.to_vec()).prop_map(contains),
        proptest::collection::vec(select(WORDS.to_vec()).prop_map(str::to_owned), 0..3).prop_map(TextMatch::OneOf),
        select(vec!["a+b?$", "^$", r"\d", "(?i)AB", "shop|crm"]).prop_map(regex),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let leaf = prop_oneof![
        Just(Predicate::True),
        Just(Predicate::False),
        (select(vec!["service_name", "env", "nosuch"]), text()).prop_map(|(name, text)| label(name, text)),
        text().prop_map(|text| Predicate::Metadata { name: "order_id".to_owned(), text }),
        (select(vec!["line", "service_name", "stream", "nosuch"]), text()).prop_map(|(name, text)| column(name, text)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(|inner| Predicate::Not(Box::new(inner))),
        ]
    })
}

/// A row as a person would write it down.
struct Row {
    time: i64,
    labels: Labels,
    line: String,
    order: Option<&'static str>,
}

fn naive_text(text: &TextMatch, value: &str) -> bool {
    match text {
        TextMatch::Equals(wanted) => wanted == value,
        TextMatch::OneOf(wanted) => wanted.iter().any(|wanted| wanted == value),
        TextMatch::Contains(needle) => value.contains(needle.as_str()),
        TextMatch::Regex(pattern) => regex::Regex::new(pattern).unwrap().is_match(value),
    }
}

fn naive(predicate: &Predicate, row: &Row, masks: &BTreeMap<String, String>) -> bool {
    let column = |name: &str| match masks.get(name) {
        Some(replacement) => replacement.clone(),
        None => match name {
            "line" => row.line.clone(),
            "stream" => row.labels.to_string(),
            "service_name" => row.labels.get("service_name").unwrap_or_default().to_owned(),
            _ => String::new(),
        },
    };
    match predicate {
        Predicate::True => true,
        Predicate::False => false,
        Predicate::And(all) => all.iter().all(|inner| naive(inner, row, masks)),
        Predicate::Or(any) => any.iter().any(|inner| naive(inner, row, masks)),
        Predicate::Not(inner) => !naive(inner, row, masks),
        Predicate::Within(range) => range.contains(Timestamp(row.time)),
        Predicate::Column { name, text } => naive_text(text, &column(name)),
        Predicate::Metadata { text, .. } => naive_text(text, row.order.unwrap_or_default()),
        Predicate::Label { name, text } => {
            let labels = Labels::parse(&column("stream")).unwrap_or_default();
            naive_text(text, labels.get(name).unwrap_or_default())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scan_keeps_what_a_naive_filter_keeps(
        rows in proptest::collection::vec((0_i64..2_000, select(SERVICES.to_vec()), select(WORDS.to_vec()), select(WORDS.to_vec())), 0..40),
        flush_after in 0_usize..40,
        range in (0_i64..2_000, 0_i64..2_500),
        asked in predicate(),
        seen in predicate(),
        hidden in proptest::collection::vec((select(vec!["line", "service_name"]), select(WORDS.to_vec())), 0..2),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let storage = bench.open().await;
            let rows: Vec<Row> = rows.iter().map(|(time, service, one, two)| Row {
                time: MIDNIGHT - 1_000 + time, labels: labels(service), line: format!("{one}{two}"),
                order: (time % 3 == 0).then_some(*two),
            }).collect();
            for (number, row) in rows.iter().enumerate() {
                let mut entry = entry(row.time, &row.line);
                entry.metadata.extend(row.order.map(|order| ("order_id".to_owned(), order.to_owned())));
                let streams = vec![Stream { labels: row.labels.clone(), entries: vec![entry] }];
                let push = Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(0) };
                storage.append(push).await.unwrap();
                if number == flush_after {
                    storage.flush().await.unwrap();
                }
            }
            let range = TimeRange { start: Timestamp(MIDNIGHT - 1_000 + range.0), end: Timestamp(MIDNIGHT - 1_000 + range.1) };
            let masks: Vec<ColumnMask> = hidden.iter().map(|(column, replacement)| ColumnMask {
                column: (*column).to_owned(), replacement: (*replacement).to_owned(),
            }).collect();
            let change = |scan: &mut Scan| {
                scan.range = range;
                scan.predicate = asked.clone();
                scan.visibility = Visibility::new(seen.clone(), masks.clone());
            };
            let found = read_where(&storage, &Tenant::default(), change).await;
            let none = BTreeMap::new();
            // The first mask of a column counts.
            let masks: BTreeMap<String, String> = masks.iter().rev().map(|mask| (mask.column.clone(), mask.replacement.clone())).collect();
            let mut expected: Vec<_> = rows.iter()
                .filter(|row| range.contains(Timestamp(row.time)) && naive(&seen, row, &none) && naive(&asked, row, &masks))
                .map(|row| (row.time, row.labels.to_string(), masks.get("line").unwrap_or(&row.line).clone()))
                .collect();
            expected.sort();
            assert_eq!(found, expected);
        });
    }
}

#[tokio::test]
async fn pages_whose_texts_lie_elsewhere_are_not_read() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let lines: Vec<String> = (0..40_000).map(|number| format!("mark{number:05} of many")).collect();
    let entries: Vec<_> = (0..).zip(&lines).map(|(at, line)| (MIDNIGHT + at * 1_000_000, line.as_str())).collect();
    storage.append(batch("shop", &entries)).await.unwrap();
    let texts = |texts: &[&str]| TextMatch::OneOf(texts.iter().map(|&text| text.to_owned()).collect());
    // What is asked for, the rows there are, and the pages of 8,192 rows that may have them.
    let questions = [
        (TextMatch::Equals("mark00000".to_owned()), 1, 1),
        (TextMatch::Equals("mark08191".to_owned()), 1, 1),
        (TextMatch::Equals("mark39999".to_owned()), 1, 1),
        (TextMatch::Equals("mark20000x".to_owned()), 0, 1),
        (TextMatch::Equals("mark08191x".to_owned()), 0, 0),
        (TextMatch::Equals("zebra".to_owned()), 0, 0),
        (TextMatch::Equals(String::new()), 0, 5),
        (texts(&["mark39999", "mark00001", "mark00002"]), 3, 2),
        (texts(&[]), 0, 0),
        (TextMatch::Contains("mark3999".to_owned()), 10, 5),
    ];
    for flushed in [false, true] {
        if flushed {
            storage.flush().await.unwrap();
        }
        let snapshot = storage.table(MARKS).unwrap().snapshot(&Tenant::default());
        for (text, rows, pages) in &questions {
            let stats = Arc::new(ScanStats::default());
            let mut found = 0;
            let change = |scan: &mut Scan| {
                scan.table = MARKS.to_owned();
                scan.projection = vec!["mark".to_owned()];
                scan.predicate = Predicate::Column { name: "mark".to_owned(), text: text.clone() };
            };
            for scan in scans(&storage, &snapshot, change) {
                found += run(&storage, &scan, &stats).await.iter().map(RecordBatch::num_rows).sum::<usize>();
            }
            assert_eq!(found, *rows, "{text:?}, flushed: {flushed}");
            let read = stats.rows_read.load(Ordering::Relaxed);
            assert!(!flushed || read <= pages * 8_192, "{text:?}: {read} rows read");
        }
    }
}
