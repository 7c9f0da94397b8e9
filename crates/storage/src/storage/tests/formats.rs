//! Folders that earlier versions wrote, in `tests/files`: this version reads them, and goes on with them.
//!
//! `LAPIDARY_WRITE_FILES=FOLDER cargo test -p storage a_folder_of_this_version` writes one for the versions to come.

use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use logline::{Entry, Tenant, Timestamp};

use super::super::*;
use super::support::*;
use crate::files::{Files, Source};
use crate::{LOGS, Predicate, ScanStats, TextMatch, logs};

/// Time, stream, line and structured metadata.
type Row = (i64, String, String, Vec<(String, String)>);

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What was pushed to every folder.
fn pushed() -> Vec<Row> {
    let shop = (0..60).map(|i| {
        let level = ("detected_level", "unknown");
        let (order, trace) = ((4711 + i % 7).to_string(), format!("{i:032x}"));
        let line = format!("[REQ][POST /orders] order_id={order} trace_id={trace} n={i}");
        let metadata = pairs(&[("a", "first"), level, ("order_id", &order), ("trace_id", &trace), ("zone", "eu")]);
        (MIDNIGHT + i * 1_000_000_007, r#"{env="prod", service_name="shop"}"#.to_owned(), line, metadata)
    });
    let crm = (0..20).map(|i| {
        let level = ("detected_level", "error");
        let (line, metadata) = match i % 2 {
            0 => (format!("plain line {i}"), pairs(&[level])),
            _ => (format!("customer {i} заказ ünïcode"), pairs(&[("customer_id", &i.to_string()), level])),
        };
        let stream = r#"{env="prod", level="error", service_name="crm"}"#.to_owned();
        (MIDNIGHT - 3_600 * SECOND + i * SECOND, stream, line, metadata)
    });
    let odd = pairs(&[("detected_level", "unknown"), ("order_id", "1"), ("x_y", "odd name")]);
    let test = (MIDNIGHT + 5, r#"{env="test", service_name="unknown_service"}"#.to_owned(), String::new(), odd);
    let in_wal = pairs(&[("detected_level", "unknown"), ("order_id", "4711"), ("zone", "eu")]);
    let mes = r#"{env="prod", service_name="mes"}"#.to_owned();
    let mut rows: Vec<Row> = shop.chain(crm).chain([test]).collect();
    rows.push((MIDNIGHT + 77, mes, "in the WAL only".to_owned(), in_wal));
    rows.sort();
    rows
}

async fn rows(storage: &Storage, predicate: Predicate) -> Vec<Row> {
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    let mut found = Vec::new();
    let change = |scan: &mut Scan| {
        scan.predicate = predicate.clone();
        scan.projection.push(logs::ALL_METADATA.to_owned());
    };
    for scan in scans(storage, &snapshot, change) {
        for rows in run(storage, &scan, &Arc::new(ScanStats::default())).await {
            let metadata = rows.column_by_name(logs::ALL_METADATA).unwrap().as_map();
            for row in 0..rows.num_rows() {
                let all = logs::pairs(metadata, row).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let (time, stream, line) = lines_of(&[rows.slice(row, 1)]).swap_remove(0);
                found.push((time, stream, line, all));
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn check(version: &str) {
    let bench = Bench::new();
    // Tests run in the folder of their package.
    let folder = Path::new("../../tests/files").join(version);
    copy(&folder, &bench.config.data_dir);
    check_folder(&bench).await;
}

async fn check_folder(bench: &Bench) {
    let all = pushed();
    let of_order = |text| Predicate::Metadata { name: "order_id".to_owned(), text };
    let orders = of_order(TextMatch::Equals("4711".to_owned()));
    let line = TextMatch::Contains("trace_id=0000000000000000000000000000002a".to_owned());
    let trace = Predicate::Column { name: logs::LINE.to_owned(), text: line };
    for _ in 0..2 {
        let storage = bench.open().await;
        assert_eq!(rows(&storage, Predicate::True).await, all);
        let found = rows(&storage, orders.clone()).await;
        let has = |row: &&Row| row.3.contains(&("order_id".to_owned(), "4711".to_owned()));
        assert_eq!(found, all.iter().filter(has).cloned().collect::<Vec<_>>());
        assert_eq!(rows(&storage, trace.clone()).await.len(), 1);
        // The second time, what was in the WAL is in a file of this version.
        storage.flush().await.unwrap();
        drop(storage);
    }
}

#[tokio::test]
async fn a_folder_of_format_1_is_read() {
    check("v1").await;
}

#[tokio::test]
async fn a_folder_of_format_2_is_read() {
    check("v2").await;
}

#[tokio::test]
async fn a_folder_of_format_3_is_read() {
    check("v3").await;
}

#[tokio::test]
async fn a_folder_of_format_4_is_read() {
    check("v4").await;
}

#[tokio::test]
async fn a_folder_of_format_5_is_read() {
    check("v5").await;
}

#[tokio::test]
async fn a_folder_of_format_6_is_read() {
    check("v6").await;
}

/// Row groups are copied as they are only where files have all that this version writes.
#[tokio::test]
async fn files_of_earlier_formats_are_not_joined_but_written_anew() {
    for (version, is_current) in [("v1", false), ("v4", false), ("v5", false), ("v6", true)] {
        let bench = Bench::new();
        copy(&Path::new("../../tests/files").join(version), &bench.config.data_dir);
        let storage = bench.open().await;
        let (table, tenant) = (storage.table(LOGS).unwrap(), Tenant::default());
        let store = table.delta().store();
        let source = |listed: FileRef| {
            let file = store.open(&listed.path, listed.bytes).unwrap();
            let opened = storage.footers().get(&file, &table.spec().schema).unwrap();
            Source { listed, file, opened }
        };
        let sources: Vec<Source> = files(&storage, &tenant).into_iter().map(source).collect();
        assert_eq!(sources.len(), 2);
        let mut joined = Files::new(store.as_ref(), table.spec(), (1_000, "joined"), 1);
        assert_eq!(joined.join((&tenant, 0), &sources, |_| Ok(())).unwrap(), is_current, "{version}");
        assert_eq!(joined.end(Ok(())).unwrap().len(), usize::from(is_current));
    }
}

#[tokio::test]
async fn a_folder_of_this_version_is_read() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let (last, first): (Vec<Row>, Vec<Row>) = pushed().into_iter().partition(|row| row.2 == "in the WAL only");
    for rows in [first, last] {
        storage.flush().await.unwrap();
        for (time, stream, line, metadata) in rows {
            let entry = Entry { timestamp: Timestamp(time), line, metadata };
            let streams = vec![Stream { labels: Labels::parse(&stream).unwrap(), entries: vec![entry] }];
            let push = Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(MIDNIGHT) };
            storage.append(push).await.unwrap();
        }
    }
    drop(storage);
    #[expect(clippy::disallowed_methods, reason = "asked for by whoever adds a version")]
    if let Ok(folder) = std::env::var("LAPIDARY_WRITE_FILES") {
        copy(&bench.config.data_dir, Path::new(&folder));
    }
    check_folder(&bench).await;
}
