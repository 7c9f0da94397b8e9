//! The agent against a real HTTP receiver: nothing lost, nothing twice, nothing unmasked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod receiver;

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Config, Error, Progress, State};
use receiver::{Answer, Receiver, until};
use stdx::{Clock, SystemClock, Tasks};

/// A folder with logs and state, and the agent that runs on it.
struct Host {
    folder: tempfile::TempDir,
    settings: String,
    tasks: Tasks,
}

impl Host {
    fn new(receiver: &Receiver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().display();
        fs::create_dir(folder.path().join("log")).unwrap();
        let settings = format!(
            r#"
state_dir = "{base}/state"
[[input]]
paths = ["{base}/log/*.log"]
labels = {{ service = "shop-api" }}
[output]
url = "{}"
tenant = "jewels"
token = "t0ken"
[spool]
batch_wait = "20ms"
batch_bytes = "1KiB"
"#,
            receiver.url()
        );
        Self { folder, settings, tasks: Tasks::default() }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("log").join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    async fn start(&mut self) {
        let config = Config::load(&self.settings, []).unwrap();
        self.tasks = Tasks::default();
        // A thread of the agent that was killed may hold the lock until its last write is done.
        until(|| match Agent::open(&config, Arc::new(SystemClock), &self.tasks) {
            Ok(agent) => {
                drop(agent.spawn(&self.tasks));
                true
            }
            Err(error) => {
                assert!(matches!(error, Error::Locked(_)), "{error}");
                false
            }
        })
        .await;
    }

    /// As SIGTERM does.
    async fn stop(&self) {
        self.tasks.drain(Duration::from_secs(10)).await;
    }

    /// As kill -9 does, as far as that can be had within a process.
    async fn kill(&self) {
        self.tasks.drain(Duration::ZERO).await;
    }

    fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn state(&self) -> State {
        State::load(&self.state_dir()).unwrap().unwrap()
    }

    fn progress(&self) -> Progress {
        Progress::load(&self.state_dir()).unwrap().remove("lapidary").unwrap_or_default()
    }

    /// Waits until so many lines are delivered and the state knows of all that is in the spool.
    async fn settled(&self, lines: u64) {
        until(|| {
            let (state, progress) = (self.state(), self.progress());
            progress.lines_end >= lines && state.sequence >= progress.sequence
        })
        .await;
    }
}

fn numbered(range: std::ops::Range<usize>) -> String {
    range.fold(String::new(), |mut text, n| {
        writeln!(
            text,
            "[2026-03-01T12:00:00.{:06}Z][REQ][GET /orders/{{id}}] order_id={n} status=CREATED",
            n % 1_000_000
        )
        .unwrap();
        text
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn lines_arrive_in_order_with_labels_their_own_time_tenant_token_and_number() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..100));
    host.start().await;
    receiver.wait_for(100).await;
    assert_eq!(receiver.lines(), lines(&numbered(0..100)));
    host.settled(100).await;
    let first = receiver.requests().remove(0);
    assert_eq!(first.header("authorization"), "Bearer t0ken");
    assert_eq!(first.header("x-scope-orgid"), "jewels");
    assert_eq!(first.header("content-type"), "application/x-protobuf");
    assert_eq!(first.header("x-lapidary-batch"), format!("{}/1", host.state().agent));
    assert_eq!(first.streams[0].labels.to_string(), r#"{service="shop-api"}"#);
    let times: Vec<_> = first.streams[0].entries.iter().take(2).map(|entry| entry.timestamp.0).collect();
    assert_eq!(times, [1_772_366_400_000_000_000, 1_772_366_400_000_001_000]);
    let numbers: Vec<_> = receiver.requests().iter().map(|request| request.sequence).collect();
    assert!(numbers.len() > 5, "small batches");
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    host.stop().await;
}

#[tokio::test]
async fn lines_without_a_time_take_that_of_the_line_before_them_or_the_present() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", "2026 is no time\n{\"ts\":\"2026-03-01T12:00:00Z\",\"msg\":\"boom\"}\n  at Shop.java:7\n");
    host.append("a.log", "[2999-01-01T00:00:00Z][REQ][GET /] a=b\n");
    host.start().await;
    receiver.wait_for(4).await;
    let entries = receiver.requests().remove(0).streams.remove(0).entries;
    let now = logline::Timestamp::from(SystemClock.now());
    let is_now = |at: logline::Timestamp| now.since(at) < Duration::from_secs(600) && at <= now;
    assert!(is_now(entries[0].timestamp));
    assert_eq!(entries[1].timestamp.0, 1_772_366_400_000_000_000);
    assert_eq!(entries[2].timestamp, entries[1].timestamp);
    // The server would refuse a time far in the future, and with it the line.
    assert_eq!(entries[3].timestamp, entries[1].timestamp);
    host.stop().await;
}

#[tokio::test]
async fn no_line_is_lost_when_files_are_rotated_while_the_server_is_away() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Some(Answer::status(503)));
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..300));
    host.start().await;
    until(|| receiver.attempts() > 0).await;
    for round in 1..=3 {
        // The writer keeps the old file open for a while, as most loggers do.
        let mut late = OpenOptions::new().append(true).open(host.log("a.log")).unwrap();
        fs::rename(host.log("a.log"), host.log(&format!("a.{round}"))).unwrap();
        late.write_all(numbered(round * 1000..round * 1000 + 100).as_bytes()).unwrap();
        host.append("a.log", numbered(round * 1000 + 100..round * 1000 + 200));
        // Short rounds, but not below the interval in which new files are looked for.
        tokio::time::sleep(Duration::from_millis(1300)).await;
    }
    fs::remove_file(host.log("a.1")).unwrap();
    receiver.answer_always(None);
    receiver.wait_for(900).await;
    let mut want: Vec<_> = lines(&numbered(0..300));
    want.extend((1..=3).flat_map(|round| lines(&numbered(round * 1000..round * 1000 + 200))));
    let mut got = receiver.lines();
    got.sort();
    want.sort();
    assert_eq!(got, want);
    host.stop().await;
    assert!(host.progress().retries > 0);
}

#[tokio::test]
async fn a_file_that_is_copied_and_cut_is_read_from_its_start() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..50));
    host.start().await;
    receiver.wait_for(50).await;
    File::create(host.log("a.log")).unwrap();
    // More than before, so that the length alone tells nothing.
    host.append("a.log", numbered(100..200));
    receiver.wait_for(150).await;
    let mut want = lines(&numbered(0..50));
    want.extend(lines(&numbered(100..200)));
    assert_eq!(receiver.lines(), want);
    host.stop().await;
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_goes_out_again_under_its_number_after_a_kill() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..100));
    receiver.answer_always(Some(Answer::stored_but_silent()));
    host.start().await;
    until(|| receiver.attempts() == 1).await;
    host.kill().await;
    let before = receiver.requests().remove(0);
    assert_eq!(host.progress().sequence, before.sequence - 1);

    host.append("a.log", numbered(100..200));
    receiver.answer_always(None);
    host.start().await;
    receiver.wait_for(200).await;
    let again = receiver.requests().remove(1);
    assert_eq!((again.sequence, &again.streams), (before.sequence, &before.streams));
    assert_eq!(receiver.lines(), lines(&numbered(0..200)));
    host.stop().await;
}

#[tokio::test]
async fn kills_at_any_moment_lose_nothing_and_repeat_nothing() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    for round in 0..12_usize {
        host.append("a.log", numbered(round * 100..round * 100 + 60));
        host.append("b.log", numbered(100_000 + round * 100..100_000 + round * 100 + 60));
        host.start().await;
        receiver.answer_always((round % 3 == 1).then(Answer::stored_but_silent));
        until(|| receiver.attempts() > round).await;
        tokio::time::sleep(Duration::from_millis(7 * round as u64)).await;
        host.kill().await;
    }
    receiver.answer_always(None);
    host.start().await;
    receiver.wait_for(1440).await;
    host.settled(0).await;
    host.stop().await;
    let of = |from: usize| move |round: usize| lines(&numbered(from + round * 100..from + round * 100 + 60));
    let mut want: Vec<_> = (0..12).flat_map(of(0)).collect();
    want.extend((0..12).flat_map(of(100_000)));
    let mut got = receiver.lines();
    got.sort();
    want.sort();
    assert_eq!(got, want);
}

#[tokio::test]
async fn a_file_renamed_while_the_agent_is_away_is_read_to_its_end() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..50));
    host.start().await;
    receiver.wait_for(50).await;
    host.settled(50).await;
    host.stop().await;
    host.append("a.log", numbered(50..100));
    fs::rename(host.log("a.log"), host.log("a.log.1")).unwrap();
    host.append("a.log", numbered(100..150));
    host.start().await;
    receiver.wait_for(150).await;
    let mut got = receiver.lines();
    got.sort();
    let mut want = lines(&numbered(0..150));
    want.sort();
    assert_eq!(got, want);
    host.stop().await;
}

#[tokio::test]
async fn personal_data_is_neither_on_the_wire_nor_in_the_state() {
    const PLANTED: [&str; 6] =
        ["anna.k@example.org", "916 123-45-67", "4111 1111 1111 1111", "eyJhbGciOi", "hunter2", "9161234567"];
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.settings = host.settings.replace("shop-api", "shop of anna.k@example.org");
    let text = r#"
mail anna.k@example.org phone +7 916 123-45-67 card 4111 1111 1111 1111
[2026-03-01T12:00:00Z][REQ][POST /login] headers={"Authorization":"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"} body={"password":"hunter2","phone":"+79161234567"}
last line of the test
"#;
    host.append("anna.k@example.org.log", text);
    receiver.answer_next(Answer::status(500));
    host.start().await;
    receiver.wait_for(3).await;
    host.settled(3).await;
    host.stop().await;
    let check = |place: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        for planted in PLANTED {
            assert!(!text.contains(planted), "{planted} in {place}: {text}");
        }
    };
    assert_eq!(receiver.requests().len(), 1);
    for request in receiver.requests() {
        check("the wire", format!("{:?}", request.streams).as_bytes());
    }
    let folders = [host.state_dir(), host.state_dir().join("spool"), host.state_dir().join("cursors")];
    for entry in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.is_file() {
            // The state has to name its files; nothing else of them is in it.
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).replace("anna.k@example.org.log", "");
            check(&path.display().to_string(), text.as_bytes());
        }
    }
    assert_eq!(host.state().totals.masked["email"], 1);
}

#[tokio::test]
async fn a_full_server_is_given_the_time_it_asks_for() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..5));
    receiver.answer_next(Answer::status(429).retry_after(2));
    host.start().await;
    receiver.wait_for(5).await;
    let times = receiver.times();
    assert!(times[1].duration_since(times[0]) >= Duration::from_secs(2));
    host.settled(5).await;
    assert_eq!((host.progress().retries, host.state().totals.lines), (1, 5));
    host.stop().await;
}

#[tokio::test]
async fn a_refusal_does_not_stop_the_agent_and_is_counted() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", numbered(0..3));
    receiver.answer_next(Answer::status(400));
    host.start().await;
    host.settled(3).await;
    host.append("a.log", numbered(3..6));
    receiver.wait_for(3).await;
    assert_eq!(receiver.lines(), lines(&numbered(3..6)));
    host.settled(6).await;
    let progress = host.progress();
    assert_eq!((progress.refused_batches, progress.refused_lines, progress.batches, progress.lines), (1, 3, 1, 3));
    host.stop().await;
}

#[tokio::test]
async fn a_token_that_is_refused_costs_no_line_and_is_read_again() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    let token = host.folder.path().join("token");
    fs::write(&token, "old\n").unwrap();
    host.settings = host.settings.replace("token = \"t0ken\"", &format!("token_file = {token:?}"));
    host.append("a.log", numbered(0..3));
    receiver.answer_next(Answer::status(401));
    receiver.answer_next(Answer::status(403));
    host.start().await;
    until(|| receiver.attempts() > 0).await;
    fs::write(&token, "new\n").unwrap();
    receiver.wait_for(3).await;
    assert_eq!(receiver.requests().pop().unwrap().header("authorization"), "Bearer new");
    host.stop().await;
}

#[tokio::test]
async fn only_whole_lines_are_sent_and_odd_bytes_are_survived() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.append("a.log", "one\r\n\ntw");
    host.start().await;
    receiver.wait_for(1).await;
    host.settled(1).await;
    host.append("a.log", "o\nbad \u{fffd} ");
    host.append("a.log", b"\xff\xfe\n");
    host.append("a.log", b"\0\0\0\0behind a hole\n");
    receiver.wait_for(4).await;
    assert_eq!(receiver.lines(), ["one", "two", "bad \u{fffd} \u{fffd}\u{fffd}", "behind a hole"]);
    host.stop().await;
}

#[tokio::test]
async fn a_very_long_line_is_masked_then_cut_and_says_so() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    let (head, rest) = ("x".repeat((1 << 20) - 40), " anna@example.org and so on ".repeat(100_000));
    host.append("a.log", format!("{head}{rest}\nnext\n"));
    host.start().await;
    receiver.wait_for(2).await;
    let got = receiver.lines();
    assert!(got[0].len() <= 1 << 20);
    let tail: String = got[0].chars().skip(head.len()).collect();
    assert!(tail.starts_with(" <email> ") && tail.ends_with(" bytes]") && tail.contains(" [cut 2"), "{tail}");
    assert_eq!(got[1], "next");
    host.settled(2).await;
    assert_eq!(host.state().totals.cut_lines, 1);
    host.stop().await;
}

#[tokio::test]
async fn an_input_that_starts_at_the_end_does_so_once() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.settings = host.settings.replace("[output]", "start = \"end\"\n[output]");
    host.append("a.log", numbered(0..10));
    host.start().await;
    host.kill().await;
    host.append("a.log", numbered(10..20));
    host.append("b.log", numbered(20..30));
    host.start().await;
    receiver.wait_for(20).await;
    let mut got = receiver.lines();
    got.sort();
    assert_eq!(got, lines(&numbered(10..30)));
    host.stop().await;
}

#[tokio::test]
async fn a_stop_sends_what_was_read_and_does_not_wait_for_a_server_that_is_away() {
    let receiver = Receiver::start().await;
    let mut host = Host::new(&receiver);
    host.settings = host.settings.replace("20ms", "1h");
    host.append("a.log", numbered(0..3));
    host.start().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.attempts(), 0);
    host.stop().await;
    assert_eq!(receiver.lines().len(), 3);

    receiver.answer_always(Some(Answer::status(503)));
    host.append("a.log", numbered(3..6));
    host.start().await;
    host.stop().await;
    receiver.answer_always(None);
    host.settings = host.settings.replace("1h", "20ms");
    host.start().await;
    receiver.wait_for(6).await;
    assert_eq!(receiver.lines(), lines(&numbered(0..6)));
    host.stop().await;
}

#[test]
fn a_folder_that_cannot_be_used_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::write(&state, "a file").unwrap();
    let text = format!("state_dir = {state:?}\n[[input]]\npaths = [\"x\"]\nlabels = {{ service = \"s\" }}");
    let config = Config::load(&text, []).unwrap();
    let error = Agent::open(&config, Arc::new(SystemClock), &Tasks::default()).unwrap_err().to_string();
    assert!(error.starts_with("cannot use the state folder `") && !error.contains('\n'), "{error}");
    assert!(Path::new(&state).is_file());
}
