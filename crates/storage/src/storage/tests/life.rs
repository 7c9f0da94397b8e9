//! The life of a line: head, file, reopened.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;

use logline::{Entry, Tenant, Timestamp};

use super::super::*;
use super::support::*;
use crate::{Kind, LOGS};

fn expected(lines: &[(i64, &str)]) -> Vec<(i64, String, String)> {
    let stream = labels("shop").to_string();
    lines.iter().map(|(time, line)| (*time, stream.clone(), (*line).to_owned())).collect()
}

#[tokio::test]
async fn a_line_is_the_same_in_the_head_in_a_file_and_after_reopening() {
    let bench = Bench::new();
    let lines = [(MIDNIGHT - 1, "late ä"), (MIDNIGHT + 999, ""), (MIDNIGHT + 1_000, "mark1 on time")];
    let storage = bench.open().await;
    storage.append(batch("shop", &lines)).await.unwrap();
    assert_eq!(read(&storage, &Tenant::default()).await, expected(&lines));
    storage.flush().await.unwrap();
    assert_eq!(read(&storage, &Tenant::default()).await, expected(&lines));
    let status = storage.status();
    assert_eq!(status.head_bytes, 0);
    assert_eq!((status.tables[0].head_rows, status.tables[0].file_rows, status.tables[0].files), (0, 3, 2));
    storage.close().await.unwrap();
    assert_eq!(storage.status().wal_bytes, 0, "files hold everything");
    assert_eq!(read(&storage, &Tenant::default()).await, expected(&lines), "scans go on after the close");
    let storage = bench.open().await;
    assert_eq!(read(&storage, &Tenant::default()).await, expected(&lines));
    assert_eq!(marks(&storage).await, [("mark1".to_owned(), 1)].into());
    assert_eq!(storage.metrics().replayed_records.get(), 0);
}

#[tokio::test]
async fn days_are_cut_in_utc_and_late_lines_find_theirs() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT + SECOND, "b"), (MIDNIGHT, "a"), (MIDNIGHT - 1, "z")])).await.unwrap();
    storage.flush().await.unwrap();
    storage.append(batch("shop", &[(MIDNIGHT - 3 * SECOND, "very late"), (-1, "ancient")])).await.unwrap();
    storage.flush().await.unwrap();
    let files = files(&storage, &Tenant::default());
    let folders: Vec<&str> = files.iter().map(|file| file.path.rsplit_once('/').unwrap().0).collect();
    assert_eq!(
        folders,
        [
            "tenant=fake/day=1969-12-31",
            "tenant=fake/day=2026-11-21",
            "tenant=fake/day=2026-11-21",
            "tenant=fake/day=2026-11-22"
        ]
    );
    let newest = files.last().unwrap();
    assert_eq!((newest.rows, newest.first.0), (2, MIDNIGHT));
    assert!(newest.last.0 >= MIDNIGHT + SECOND && newest.last.0 < MIDNIGHT + 2 * SECOND);
    let lines: Vec<String> = read(&storage, &Tenant::default()).await.into_iter().map(|row| row.2).collect();
    assert_eq!(lines, ["ancient", "very late", "z", "a", "b"]);
}

#[tokio::test]
async fn tenants_are_apart_whatever_their_names_are() {
    let bench = Bench::new();
    let (one, other) = (Tenant::new("a*b'(c)!").unwrap(), Tenant::new("a").unwrap());
    let storage = bench.open().await;
    for tenant in [&one, &other] {
        storage.append(batch_of(tenant, "shop", &[(MIDNIGHT, tenant.as_str())])).await.unwrap();
    }
    let snapshot = storage.table(LOGS).unwrap().snapshot(&one);
    let mut foreign = scans(&storage, &snapshot, |scan| scan.tenant = Tenant::new("a").unwrap());
    let refused = storage.scan(&foreign.remove(1), &SharedStats::default()).map(drop).unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable, "another tenant's head");
    storage.flush().await.unwrap();
    storage.close().await.unwrap();
    let storage = bench.open().await;
    for tenant in [&one, &other] {
        let lines: Vec<String> = read(&storage, tenant).await.into_iter().map(|row| row.2).collect();
        assert_eq!(lines, [tenant.as_str()]);
    }
    assert_eq!(storage.table(LOGS).unwrap().tenants(), [other.clone(), one.clone()]);
    let snapshot = storage.table(LOGS).unwrap().snapshot(&one);
    for steal in [
        |scan: &mut Scan| scan.tenant = Tenant::new("a").unwrap(),
        |scan: &mut Scan| {
            let Source::Files { files, .. } = &mut scan.source else { return };
            files[0].path = format!("tenant=a%2Ab%27(c)!/../../{}", files[0].path);
        },
    ] {
        let scan = scans(&storage, &snapshot, steal).swap_remove(0);
        assert_eq!(storage.scan(&scan, &SharedStats::default()).map(drop).unwrap_err().kind(), Kind::Invalid);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_neither_doubles_nor_misses_a_line_while_flushes_run() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let acked = Arc::new(AtomicUsize::new(0));
    let (writer, flusher) = (Arc::clone(&storage), Arc::clone(&storage));
    let count = Arc::clone(&acked);
    bench.tasks.spawn(async move {
        for number in 0..400 {
            writer.append(batch("shop", &[(MIDNIGHT + number, &format!("mark{number} x"))])).await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let done = Arc::clone(&acked);
    bench.tasks.spawn(async move {
        while done.load(Ordering::SeqCst) < 400 {
            flusher.flush().await.unwrap();
        }
    });
    let mut checked = 0;
    while acked.load(Ordering::SeqCst) < 400 || checked == 0 {
        let before = acked.load(Ordering::SeqCst);
        let lines = counts(&storage).await;
        assert!(before <= lines.len(), "{before} acknowledged, {} seen", lines.len());
        assert!(lines.values().all(|times| *times == 1));
        assert!(marks(&storage).await.values().all(|times| *times == 1));
        checked += 1;
    }
    assert_eq!(counts(&storage).await.len(), 400);
    assert_eq!(marks(&storage).await.len(), 400);
}

#[tokio::test]
async fn a_scan_reads_the_head_it_pinned_although_a_flush_came_between() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "before")])).await.unwrap();
    let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
    storage.flush().await.unwrap();
    storage.append(batch("shop", &[(MIDNIGHT, "after")])).await.unwrap();
    let scans = scans(&storage, &snapshot, |_| {});
    let mut rows = Vec::new();
    for scan in &scans {
        rows.extend(run(&storage, scan, &SharedStats::default()).await);
    }
    assert_eq!(lines_of(&rows).into_iter().map(|row| row.2).collect::<Vec<_>>(), ["before"]);
    assert_eq!(snapshot.head_rows(), 1);
    drop(snapshot);
    let gone = storage.scan(&scans[1], &SharedStats::default()).map(drop).unwrap_err();
    assert_eq!(gone.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn subscribers_get_durable_rows_in_order_and_slow_ones_are_told() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let (logs, marks) = (storage.table(LOGS).unwrap(), storage.table(MARKS).unwrap());
    let (mut lines, mut marked) = (logs.subscribe(), marks.subscribe());
    for number in 0..100_i64 {
        let line = format!("mark{number} x");
        storage.append(batch("shop", &[(MIDNIGHT + number, if number == 7 { &line } else { "y" })])).await.unwrap();
    }
    assert_eq!(marked.recv().await.unwrap().rows.num_rows(), 1);
    let lagged = lines.recv().await.unwrap_err();
    assert!(matches!(lagged, tokio::sync::broadcast::error::RecvError::Lagged(36)), "{lagged:?}");
    let next = lines.recv().await.unwrap();
    assert_eq!(lines_of(std::slice::from_ref(&next.rows))[0].0, MIDNIGHT + 36);
    assert_eq!(next.tenant, Tenant::default());
}

#[tokio::test]
async fn a_derive_that_fails_is_counted_and_the_push_goes_on() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "make derive panic"), (MIDNIGHT, "mark1")])).await.unwrap();
    assert_eq!(storage.metrics().derive_failures.get(), 1);
    assert_eq!(counts(&storage).await.len(), 2);
    assert!(marks(&storage).await.is_empty());
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_told_which_folder() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let error = bench.try_open().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Locked);
    let folder = bench.dir.path().join("data");
    assert_eq!(error.to_string(), format!("the data folder `{}` is in use by another server", folder.display()));
    storage.close().await.unwrap();
    bench.try_open().await.unwrap();
}

#[tokio::test]
async fn a_closed_storage_takes_no_more() {
    let bench = Bench::new();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "a")])).await.unwrap();
    storage.close().await.unwrap();
    let refused = storage.append(batch("shop", &[(MIDNIGHT, "b")])).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert_eq!(counts(&storage).await, [("a".to_owned(), 1)].into());
    storage.close().await.unwrap();
}

#[tokio::test]
async fn past_the_budget_pushes_are_told_to_come_back_and_a_flush_lets_them_in() {
    let mut bench = Bench::new();
    small(&mut bench.config, 200_000, 1 << 30);
    let storage = bench.open().await;
    let line = "x".repeat(1_000);
    let push = || batch("shop", &[(MIDNIGHT, line.as_str()); 20]);
    let mut accepted = 0;
    let busy = loop {
        match storage.append(push()).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 100, "the budget never ends");
    };
    assert!(matches!(busy.kind(), Kind::Busy { retry_after } if retry_after > Duration::ZERO), "{busy}");
    assert!(storage.status().head_bytes <= 200_000);
    assert_eq!(storage.metrics().busy.get(), 1);
    storage.flush().await.unwrap();
    storage.append(push()).await.unwrap();
    assert_eq!(counts(&storage).await[&line], (accepted + 1) * 20);
}

#[tokio::test]
async fn a_large_head_and_an_old_one_are_flushed_without_being_asked() {
    let mut bench = Bench::new();
    small(&mut bench.config, 1 << 30, 50_000);
    bench.config.flush_interval = Duration::from_secs(60);
    let storage = bench.open().await;
    let flushed = |times: u64| {
        let storage = Arc::clone(&storage);
        async move {
            for _ in 0..1_000 {
                if storage.metrics().flushes.get() == times {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            false
        }
    };
    storage.append(batch("shop", &[(MIDNIGHT, &"x".repeat(60_000))])).await.unwrap();
    assert!(flushed(1).await, "the head was large");
    storage.append(batch("shop", &[(MIDNIGHT, "small")])).await.unwrap();
    bench.clock.advance(Duration::from_secs(61));
    assert!(flushed(2).await, "the head was old");
    assert_eq!(storage.status().tables[0].head_rows, 0);
}

#[tokio::test]
async fn every_ack_level_makes_lines_visible_and_keeps_them_over_a_close() {
    for ack in [AckLevel::Fsync, AckLevel::Write, AckLevel::Memory] {
        let mut bench = Bench::new();
        bench.config.ack = ack;
        let storage = bench.open().await;
        storage.append(batch("shop", &[(MIDNIGHT, "mark1")])).await.unwrap();
        assert_eq!(counts(&storage).await.len(), 1, "{ack:?}");
        // The thread writes what it was given before it ends.
        drop(storage);
        let storage = bench.open().await;
        assert_eq!(counts(&storage).await.len(), 1, "{ack:?}");
        assert_eq!(marks(&storage).await.len(), 1, "{ack:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let bench = Bench::new();
    let storage = bench.open().await;
    let mut odd = batch("shop", &[(MIDNIGHT, "a")]);
    odd.streams[0].labels.set("no label name", "x");
    assert_eq!(storage.append(odd).await.unwrap_err().kind(), Kind::Invalid);
    storage.append(batch("shop", &[])).await.unwrap();
    assert_eq!(storage.status().wal_position, 0, "an empty batch leaves no trace");
    let mut bench = Bench::new();
    bench.config.node = "no node/".to_owned();
    assert_eq!(bench.try_open().await.unwrap_err().kind(), Kind::Invalid);
}

#[tokio::test]
async fn metadata_and_the_time_of_receipt_are_kept() {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::TimestampMicrosecondType;
    let bench = Bench::new();
    let storage = bench.open().await;
    let metadata = vec![("order_id".to_owned(), "7".to_owned()), ("trace_id".to_owned(), "ff".to_owned())];
    let with = Entry { timestamp: Timestamp(MIDNIGHT), line: "a".to_owned(), metadata };
    let mut push = batch("shop", &[(MIDNIGHT + 1, "b")]);
    push.streams[0].entries.push(with);
    storage.append(push).await.unwrap();
    let read = async || {
        let snapshot = storage.table(LOGS).unwrap().snapshot(&Tenant::default());
        let mut found = BTreeSet::new();
        let change = |scan: &mut Scan| scan.projection.push(crate::logs::ALL_METADATA.to_owned());
        for scan in scans(&storage, &snapshot, change) {
            for rows in run(&storage, &scan, &SharedStats::default()).await {
                let maps = rows.column_by_name(crate::logs::ALL_METADATA).unwrap().as_map();
                let received = rows.column_by_name(crate::logs::RECEIVED).unwrap();
                assert_eq!(received.as_primitive::<TimestampMicrosecondType>().value(0) * 1_000, MIDNIGHT);
                for row in 0..rows.num_rows() {
                    found.insert(maps.is_valid(row).then(|| {
                        let pairs = maps.value(row);
                        let texts =
                            |column| pairs.column(column).as_string::<i32>().iter().map(|t| t.unwrap().to_owned());
                        texts(0).zip(texts(1)).collect::<Vec<_>>()
                    }));
                }
            }
        }
        found
    };
    let in_head = read().await;
    storage.flush().await.unwrap();
    assert_eq!(in_head, read().await);
    assert!(in_head.contains(&None));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert!(in_head.contains(&Some(vec![pair("order_id", "7"), pair("trace_id", "ff")])));
}

#[tokio::test]
async fn a_table_that_owns_a_tenant_has_its_rows_alone_and_no_restart_misses_one() {
    let bench = Bench::new();
    let owned = Tenant::new(OWNED).unwrap();
    let storage = bench.open().await;
    storage.append(batch("shop", &[(MIDNIGHT, "mark0 of somebody else")])).await.unwrap();
    // The lines fall behind: what is flushed now, and goes from the WAL, has none.
    for round in 1..4 {
        storage.append(batch_of(&owned, "shop", &[(MIDNIGHT + round, "mark1 a")])).await.unwrap();
        storage.flush().await.unwrap();
    }
    storage.append(batch_of(&owned, "shop", &[(MIDNIGHT + 5, "mark2 b")])).await.unwrap();
    drop(storage);
    for _ in 0..2 {
        let storage = bench.open().await;
        assert!(read(&storage, &owned).await.is_empty());
        assert_eq!(marks_of(&storage, &owned).await, [("mark1".to_owned(), 3), ("mark2".to_owned(), 1)].into());
        assert_eq!(marks(&storage).await, [("mark0".to_owned(), 1)].into());
        storage.close().await.unwrap();
    }
}
