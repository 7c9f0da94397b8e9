//! Lines that are sent again without a number.

use logline::{BatchId, Tenant, Timestamp};

use super::super::*;
use super::support::*;
use crate::LOGS;

const WINDOW: Duration = Duration::from_secs(600);

/// A bench that drops repeats, at the time its batches say.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.config.dedup_window = WINDOW;
    bench.clock.advance(Duration::from_nanos(u64::try_from(MIDNIGHT).unwrap()));
    bench
}

async fn all(storage: &Storage) -> Vec<(String, usize)> {
    counts(storage).await.into_iter().collect()
}

fn once(lines: &[&str]) -> Vec<(String, usize)> {
    lines.iter().map(|line| ((*line).to_owned(), 1)).collect()
}

#[tokio::test]
async fn a_line_that_is_sent_again_is_kept_once_and_counted_also_after_restarts() {
    let bench = bench();
    let push = batch("shop", &[(MIDNIGHT, "a"), (MIDNIGHT + 1, "a"), (MIDNIGHT, "b")]);
    let mut storage = bench.open().await;
    storage.append(push.clone()).await.unwrap();
    let rows = [("a".to_owned(), 2), ("b".to_owned(), 1)];
    // In the head; in the WAL; in a file; in a file that an earlier run has written.
    for step in 0..5 {
        storage.append(push.clone()).await.unwrap();
        assert_eq!(storage.metrics().repeated_lines.get(), 3, "step {step}");
        assert_eq!(all(&storage).await, rows, "step {step}");
        match step {
            0 => {}
            1 | 3 => storage.close().await.unwrap(),
            _ => storage.flush().await.unwrap(),
        }
        drop(storage);
        storage = bench.open().await;
    }
    storage.append(batch("shop", &[(MIDNIGHT, "a"), (MIDNIGHT, "c")])).await.unwrap();
    assert_eq!(all(&storage).await, [("a".to_owned(), 2), ("b".to_owned(), 1), ("c".to_owned(), 1)]);
    assert_eq!(storage.metrics().repeated_lines.get(), 1);
}

#[tokio::test]
async fn lines_that_differ_in_anything_stay() {
    let bench = bench();
    let storage = bench.open().await;
    let plain = batch("shop", &[(MIDNIGHT, "line")]);
    let mut with_metadata = plain.clone();
    with_metadata.streams[0].entries[0].metadata = vec![("trace_id".to_owned(), "a".to_owned())];
    let mut other_metadata = plain.clone();
    other_metadata.streams[0].entries[0].metadata = vec![("trace_id".to_owned(), "b".to_owned())];
    let other_tenant = batch_of(&Tenant::new("other").unwrap(), "shop", &[(MIDNIGHT, "line")]);
    let all = [
        plain,
        with_metadata,
        other_metadata,
        batch("crm", &[(MIDNIGHT, "line")]),
        batch("shop", &[(MIDNIGHT + 1, "line")]),
        other_tenant,
    ];
    for _ in 0..2 {
        for push in &all {
            storage.append(push.clone()).await.unwrap();
        }
    }
    assert_eq!(read(&storage, &Tenant::default()).await.len(), 5);
    assert_eq!(read(&storage, &Tenant::new("other").unwrap()).await.len(), 1);
    // Files keep what makes the difference.
    storage.close().await.unwrap();
    drop(storage);
    let storage = bench.open().await;
    for push in &all {
        storage.append(push.clone()).await.unwrap();
    }
    assert_eq!(storage.metrics().repeated_lines.get(), 6);
    assert_eq!(read(&storage, &Tenant::default()).await.len(), 5);
}

#[tokio::test]
async fn a_line_is_known_for_the_window_only() {
    let bench = bench();
    let storage = bench.open().await;
    let push = |received: i64| {
        let mut push = batch("shop", &[(MIDNIGHT, "line")]);
        push.received = Timestamp(received);
        push
    };
    storage.append(push(MIDNIGHT)).await.unwrap();
    bench.clock.advance(WINDOW - Duration::from_secs(1));
    storage.append(push(MIDNIGHT)).await.unwrap();
    assert_eq!(all(&storage).await, once(&["line"]));
    bench.clock.advance(WINDOW + WINDOW);
    let late = i64::try_from(WINDOW.as_nanos()).unwrap() * 3 + MIDNIGHT;
    storage.append(push(late)).await.unwrap();
    assert_eq!(all(&storage).await, [("line".to_owned(), 2)]);
    // A replay goes by the time of receipt: the second is still known, and when its time is over it is not.
    drop(storage);
    let storage = bench.open().await;
    storage.append(push(late)).await.unwrap();
    assert_eq!(all(&storage).await, [("line".to_owned(), 2)]);
    drop(storage);
    bench.clock.advance(WINDOW + WINDOW);
    let storage = bench.open().await;
    storage.append(push(late)).await.unwrap();
    assert_eq!(all(&storage).await, [("line".to_owned(), 3)]);
}

#[tokio::test]
async fn numbered_batches_are_compared_by_their_number_alone() {
    let bench = bench();
    let storage = bench.open().await;
    for sequence in [1, 2, 2] {
        let mut push = batch("shop", &[(MIDNIGHT, "line"), (MIDNIGHT, "line")]);
        push.id = Some(BatchId { agent: 7, sequence });
        storage.append(push).await.unwrap();
    }
    assert_eq!(all(&storage).await, [("line".to_owned(), 4)]);
    assert_eq!(storage.metrics().repeated_lines.get(), 0);
    assert_eq!(storage.metrics().repeated_batches.get(), 1);
}

#[tokio::test]
async fn equal_pushes_at_the_same_moment_are_kept_once_and_all_are_acknowledged() {
    let bench = bench();
    let storage = bench.open().await;
    let lines: Vec<String> = (0..50).map(|number| format!("mark{number}")).collect();
    for round in 0..20_i64 {
        let rows: Vec<_> = lines.iter().map(|line| (MIDNIGHT + round, line.as_str())).collect();
        let pushes = (0..8_usize).map(|from| storage.append(batch("shop", &rows[from..])));
        for pushed in futures::future::join_all(pushes).await {
            pushed.unwrap();
        }
    }
    assert!(counts(&storage).await.values().all(|count| *count == 20));
    assert!(marks(&storage).await.values().all(|count| *count == 20));
    let metrics = storage.metrics();
    assert_eq!(
        metrics.appended_lines.get() + metrics.repeated_lines.get(),
        20 * (50 + 49 + 48 + 47 + 46 + 45 + 44 + 43)
    );
}

#[tokio::test]
async fn what_is_remembered_takes_an_eighth_of_the_budget_at_most() {
    let mut bench = bench();
    bench.config.memory = stdx::ByteSize(1 << 20);
    let storage = bench.open().await;
    let limit = (1 << 20) / 8 / 20;
    for number in 0..300_i64 {
        let lines: Vec<String> = (0..50).map(|line| format!("{line}")).collect();
        let rows: Vec<_> = lines.iter().map(|line| (MIDNIGHT + number, line.as_str())).collect();
        storage.append(batch("shop", &rows)).await.unwrap();
        if number % 20 == 0 {
            storage.flush().await.unwrap();
        }
        assert!(storage.metrics().remembered_lines.get() <= limit);
    }
    assert!(limit / 2 < storage.metrics().remembered_lines.get());
    let newest = batch("shop", &[(MIDNIGHT + 299, "7")]);
    storage.append(newest.clone()).await.unwrap();
    assert_eq!(storage.metrics().repeated_lines.get(), 1);
    storage.close().await.unwrap();
    drop(storage);
    let storage = bench.open().await;
    assert!(storage.table(LOGS).is_some());
    storage.append(newest).await.unwrap();
    assert_eq!(storage.metrics().repeated_lines.get(), 1);
}
