//! The host's clock is set back and runs ahead while the agent is at work, by Debian's libfaketime: only the agent sees it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use ingest::loki::{Context, Version, decode};
use ingest::{Limits, Masking};
use logline::Timestamp;
use stdx::{Clock, SystemClock};

use super::{Running, program, settings, until};

const HOUR: i64 = 3600;

/// The number of a batch and its entries.
type Batch = (u64, Vec<(Timestamp, String)>);

/// What a server has taken, whose clock is right and whose limits are the defaults.
#[derive(Clone, Default)]
struct Taken {
    /// A repeat is dropped, as Lapidary does: after kill -9 the last may come again.
    batches: Arc<Mutex<Vec<Batch>>>,
    refused: Arc<AtomicUsize>,
    /// So many requests are answered with 503 first.
    failing: Arc<AtomicUsize>,
}

impl Taken {
    async fn listen(&self) -> String {
        let taken = self.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move { taken.take(&headers, &body) };
        let app = Router::new().route("/loki/api/v1/push", axum::routing::post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }

    fn take(&self, headers: &HeaderMap, body: &Bytes) -> StatusCode {
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let number = headers["x-lapidary-batch"].to_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        let limits = Limits::default();
        let context = Context { limits: &limits, masking: &Masking::Off, now: now() };
        let decoded = decode(Some("application/x-protobuf"), None, body, Version::V1, &context).unwrap();
        self.refused.fetch_add(usize::from(!decoded.rejected.is_empty()), Ordering::SeqCst);
        let entries = decoded.streams.into_iter().flat_map(|stream| stream.entries);
        let batch = (number, entries.map(|entry| (entry.timestamp, entry.line)).collect());
        let mut batches = self.batches.lock().unwrap();
        match batches.iter().find(|(known, _)| *known == number) {
            Some(known) => assert_eq!(*known, batch, "another batch under the same number"),
            None => batches.push(batch),
        }
        StatusCode::NO_CONTENT
    }

    fn entries(&self) -> Vec<(Timestamp, String)> {
        self.batches.lock().unwrap().iter().flat_map(|(_, entries)| entries.clone()).collect()
    }

    /// Waits for this line; its time, in seconds from now on.
    async fn seconds_from_now(&self, line: &str) -> i64 {
        let find = || self.entries().into_iter().find(|(_, text)| text.contains(line));
        until(|| find().is_some()).await;
        (find().unwrap().0.0 - now().0) / 1_000_000_000
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemClock.now())
}

/// An agent on a host whose clock can be moved.
struct Host {
    folder: tempfile::TempDir,
    library: PathBuf,
    taken: Taken,
}

impl Host {
    #[expect(clippy::print_stdout, reason = "what is left out is named")]
    async fn new() -> Option<Self> {
        let folders = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(|name| Path::new("/usr/lib").join(name));
        let mut libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1")).into_iter();
        let Some(library) = libraries.find(|path| path.exists()) else {
            println!("left out: there is no libfaketime");
            return None;
        };
        let host = Self { folder: tempfile::tempdir().unwrap(), library, taken: Taken::default() };
        let url = host.taken.listen().await;
        let config = settings(&host.path("state"), &host.path("*.log"), &url, "");
        fs::write(host.path("agent.toml"), config).unwrap();
        host.move_clock(0);
        Some(host)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The clock of the agent is so many seconds ahead of ours from now on.
    fn move_clock(&self, seconds: i64) {
        let new = self.path("clock.new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(new, self.path("clock")).unwrap();
    }

    fn start(&self) -> Running {
        let mut command = program(&["run", "--config", self.path("agent.toml").to_str().unwrap()]);
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", self.path("clock"));
        // As a kernel does it: the other clock does not move, and files keep their times.
        command.envs([("FAKETIME_NO_CACHE", "1"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("NO_FAKE_STAT", "1")]);
        Running(command.stderr(Stdio::null()).spawn().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// A line with a time of its own, so many seconds from now.
    fn write_at(&self, name: &str, seconds: i64, text: &str) {
        let time = jiff::Timestamp::from_nanosecond(i128::from(now().0)).unwrap();
        let time = time + jiff::SignedDuration::from_secs(seconds);
        self.write(name, &format!("[{time:.3}][REQ][GET /] text={text}\n"));
    }

    /// Every line came once, nothing was refused, and batches were numbered one after the other.
    fn all_came(&self, lines: usize) {
        let entries = self.taken.entries();
        assert_eq!(entries.len(), lines, "{entries:?}");
        assert_eq!(self.taken.refused.load(Ordering::SeqCst), 0, "{entries:?}");
        let numbers: Vec<u64> = self.taken.batches.lock().unwrap().iter().map(|(number, _)| *number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}

#[track_caller]
fn near(seconds: i64, wanted: i64) {
    assert!((wanted - 120..=wanted + 120).contains(&seconds), "{seconds} s from now, not {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_stops_nothing_and_loses_nothing() {
    let Some(host) = Host::new().await else { return };
    let running = host.start();
    host.write("a.log", "before\n");
    near(host.taken.seconds_from_now("before").await, 0);

    host.move_clock(-HOUR);
    host.write("a.log", "behind\n");
    near(host.taken.seconds_from_now("behind").await, -HOUR);
    // A new file is found, and a server that fails is asked again: all of that goes by the other clock.
    host.taken.failing.store(2, Ordering::SeqCst);
    host.write_at("b.log", -HOUR, "own");
    near(host.taken.seconds_from_now("text=own").await, -HOUR);
    assert_eq!(host.taken.failing.load(Ordering::SeqCst), 0);
    // What was written before the clock was set back has times that are not believed now, and comes all the same.
    host.write_at("c.log", 0, "earlier");
    near(host.taken.seconds_from_now("text=earlier").await, -HOUR);

    // The agent is killed and goes on where it was, with its clock still behind.
    drop(running);
    host.write("a.log", "after\n");
    let running = host.start();
    near(host.taken.seconds_from_now("after").await, -HOUR);
    host.move_clock(0);
    host.write("a.log", "right again\n");
    near(host.taken.seconds_from_now("right again").await, 0);
    assert_eq!(running.terminate(), Some(0));
    host.all_came(6);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_host_whose_clock_runs_ahead_are_not_refused() {
    let Some(host) = Host::new().await else { return };
    let running = host.start();
    host.write("a.log", "before\n");
    near(host.taken.seconds_from_now("before").await, 0);

    host.move_clock(HOUR);
    host.write("a.log", "ahead\n");
    near(host.taken.seconds_from_now("ahead").await, 0);
    // So are those of the other programs on the host.
    host.write_at("b.log", HOUR, "own");
    near(host.taken.seconds_from_now("text=own").await, 0);
    host.write_at("c.log", -60, "right");
    near(host.taken.seconds_from_now("text=right").await, -60);

    host.move_clock(0);
    host.write("a.log", "right again\n");
    near(host.taken.seconds_from_now("right again").await, 0);
    assert_eq!(running.terminate(), Some(0));
    host.all_came(5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_clock_is_ahead_from_the_start_asks_for_the_time_before_it_reads() {
    let Some(host) = Host::new().await else { return };
    host.move_clock(HOUR);
    host.write("a.log", "first\n");
    host.write_at("b.log", HOUR, "own");
    let running = host.start();
    near(host.taken.seconds_from_now("first").await, 0);
    near(host.taken.seconds_from_now("text=own").await, 0);
    assert_eq!(running.terminate(), Some(0));
    host.all_came(2);
}
