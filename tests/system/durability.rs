//! kill -9 at random moments while four connections push: every acknowledged line is there, exactly once, and so is a
//! numbered batch that is sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logline::Timestamp;

use super::harness::{Server, now, stream};

/// Rounds of kill -9; `LAPIDARY_TEST_KILL_ROUNDS=50` for a long run.
#[expect(clippy::disallowed_methods, reason = "a long run is asked for by the environment")]
fn rounds() -> u64 {
    std::env::var("LAPIDARY_TEST_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

const CONNECTIONS: u64 = 4;
const SECOND: i64 = 1_000_000_000;

/// Pushes until the server is gone; gives back what was acknowledged.
async fn pusher(
    server: Arc<Server>,
    start: Timestamp,
    round: u64,
    connection: u64,
    stop: Arc<AtomicBool>,
) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for batch in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let line = |n: i64| {
            let id = (round * CONNECTIONS + connection) as i64 * 10_000_000 + batch * 20 + n;
            (
                Timestamp(start.0 + id % SECOND),
                format!("round={round} connection={connection} batch={batch} n={n} order_id={id}"),
            )
        };
        let lines: Vec<_> = (0..20).map(line).collect();
        // Sorted out by the connection, so that several streams are in flight.
        match server.try_push(&format!("{{service=\"kill-{connection}\"}}"), &lines).await {
            Ok(204) => acknowledged.extend(lines.into_iter().map(|(_, line)| line)),
            Ok(status) => panic!("status {status}"),
            Err(_) => break,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_line_is_found_exactly_once_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let (start, mut random) = (Timestamp(now().0 - 3600 * SECOND), fastrand::Rng::with_seed(7));
    let mut acknowledged = BTreeSet::new();
    for round in 0..rounds() {
        let server = Arc::new(Server::open(folder.path()));
        let stop = Arc::new(AtomicBool::new(false));
        let pushers: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
                #[expect(clippy::disallowed_methods, reason = "a test joins its tasks itself")]
                tokio::spawn(pusher(server, start, round, connection, stop))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.u64(50..900))).await;
        if round % 2 == 1 {
            // A flush is under way when the end comes.
            let server = Arc::clone(&server);
            #[expect(clippy::disallowed_methods, reason = "cut off with the server")]
            tokio::spawn(async move { server.try_flush().await });
            tokio::time::sleep(Duration::from_millis(random.u64(0..120))).await;
        }
        super::harness::signal("-KILL", server.id());
        stop.store(true, Ordering::Relaxed);
        for pusher in pushers {
            acknowledged.extend(pusher.await.unwrap());
        }
    }
    assert!(acknowledged.len() > 1000, "only {} lines were acknowledged", acknowledged.len());

    let server = Server::open(folder.path());
    let found = server.lines("{service=~\"kill-.*\"}", start, Timestamp(start.0 + 2 * SECOND)).await;
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, line) in &found {
        *counts.entry(line).or_default() += 1;
    }
    let lost: Vec<_> = acknowledged.iter().filter(|line| !counts.contains_key(line.as_str())).take(5).collect();
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).take(5).collect();
    assert!(lost.is_empty() && doubled.is_empty(), "lost {lost:?}, doubled {doubled:?} of {}", acknowledged.len());
}

/// Sends two batches as our agent numbers them.
async fn push_numbered(server: &Server, time: Timestamp) {
    for sequence in 1..=2 {
        let id = format!("01234567-89ab-cdef-0011-223344556677/{sequence}");
        let body = ingest::loki::encode(&[stream(r#"{service="agent"}"#, &[(time, format!("batch {sequence}"))])]);
        let headers = [("Content-Type", "application/x-protobuf"), ("X-Lapidary-Batch", id.as_str())];
        let (status, answer) = server.push_raw(&headers, body).await;
        assert_eq!(status, 204, "batch {sequence}: {answer}");
    }
}

#[tokio::test]
async fn a_numbered_batch_that_is_sent_again_after_kill_9_is_found_once() {
    let folder = tempfile::tempdir().unwrap();
    let time = now();
    let once = [(time.0, "batch 1".to_owned()), (time.0, "batch 2".to_owned())];
    // Known from the WAL, then from the table alone.
    for flushed in [false, true, true] {
        let server = Server::open(folder.path());
        push_numbered(&server, time).await;
        push_numbered(&server, time).await;
        if flushed {
            server.try_flush().await;
        }
        let end = Timestamp(time.0 + SECOND);
        assert_eq!(server.lines(r#"{service="agent"}"#, time, end).await, once, "flushed: {flushed}");
        server.kill();
    }
}

#[tokio::test]
async fn a_server_told_to_stop_keeps_everything_and_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let time = now();
    server.push(r#"{service="shop"}"#, &[(time, "the last line".to_owned())]).await;
    assert!(server.terminate().success());
    let again = Server::open(folder.path());
    let found = again.lines(r#"{service="shop"}"#, Timestamp(time.0 - SECOND), Timestamp(time.0 + SECOND)).await;
    assert_eq!(found, [(time.0, "the last line".to_owned())]);
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_ends_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Server::open(folder.path());
    let mut second = std::process::Command::new(super::harness::program("lapidary"));
    second.args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--data-dir"]).arg(folder.path());
    let (code, text) = super::harness::run(&mut second);
    assert_eq!(code, Some(1));
    assert!(text.contains("in use by another server"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
