//! The real binary: exit codes, SIGTERM, kill -9, clocks that jump.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod clock;
mod full_disk;
mod mounts;
mod rotation;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use ingest::loki::{Context, Version, decode};
use ingest::{Limits, Masking};
use logline::Timestamp;
use stdx::{Clock, SystemClock};

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lapidary-agent"));
    command.args(args).env_remove("RUST_LOG");
    command
}

fn output(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Ends the process however the test ends.
struct Running(Child);

impl Running {
    fn start(config: &Path) -> Self {
        Self(program(&["run", "--config", config.to_str().unwrap()]).stderr(Stdio::null()).spawn().unwrap())
    }

    fn terminate(mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when the process has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// One log, one output, small batches.
fn settings(state: &Path, log: &Path, url: &str, spool: &str) -> String {
    format!(
        "state_dir = {state:?}\n[[input]]\npaths = [{log:?}]\nlabels = {{ service = \"s\" }}\n\
         [output]\nurl = \"{url}\"\n[spool]\nbatch_wait = \"20ms\"\n{spool}\n"
    )
}

/// Numbers and lines of the pushes that came; repeats are in it.
type Pushes = Arc<Mutex<Vec<(String, Vec<String>)>>>;

/// Takes pushes; from the second on it only answers once `answers` allows it.
async fn receiver(answers: Arc<AtomicUsize>) -> (String, Pushes) {
    let pushes = Pushes::default();
    let seen = Arc::clone(&pushes);
    let take = move |headers: axum::http::HeaderMap, body: Bytes| async move {
        let limits = Limits::default();
        let context = Context { limits: &limits, masking: &Masking::Off, now: Timestamp::from(SystemClock.now()) };
        let decoded = decode(Some("application/x-protobuf"), None, &body, Version::V1, &context).unwrap();
        let lines = decoded.streams.into_iter().flat_map(|stream| stream.entries).map(|entry| entry.line).collect();
        seen.lock().unwrap().push((headers["x-lapidary-batch"].to_str().unwrap().to_owned(), lines));
        while answers.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        answers.fetch_sub(1, Ordering::SeqCst);
        axum::http::StatusCode::NO_CONTENT
    };
    let app = Router::new().route("/loki/api/v1/push", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, pushes)
}

async fn until(mut done: impl FnMut() -> bool) {
    let deadline = SystemClock.instant() + Duration::from_secs(60);
    while !done() {
        assert!(SystemClock.instant() < deadline, "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn bad_settings_are_all_told_and_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    fs::write(&config, "[[input]]\npaths = 7\n[output]\nurl = \"nowhere\"\n").unwrap();
    for command in ["check", "run"] {
        let output = output(&[command, "--config", config.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output.stderr);
        assert!(told.contains("line 2: `input[0].paths`") && told.contains("line 4: `output.url`"), "{told}");
        assert!(told.contains("`input[0].labels` is missing"), "{told}");
    }
    assert_eq!(output(&["check"]).status.code(), Some(2));
    let missing = output(&["check", "--config", "/does/not/exist"]);
    assert_eq!((missing.status.code(), text(&missing.stderr).lines().count()), (Some(1), 1));
}

#[test]
fn masking_can_be_tried_on_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.log");
    fs::write(&file, "plain\nmail anna@example.org\n").unwrap();
    let output = output(&["mask", "test", file.to_str().unwrap()]);
    assert_eq!(text(&output.stdout), "2: mail <email>\n1 of 2 lines change: 1 email\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_the_same_batch_comes_again_and_every_line_is_there() {
    let answers = Arc::new(AtomicUsize::new(1));
    let (url, pushes) = receiver(Arc::clone(&answers)).await;
    let folder = tempfile::tempdir().unwrap();
    let (config, log, state) =
        (folder.path().join("agent.toml"), folder.path().join("a.log"), folder.path().join("state"));
    fs::write(&config, settings(&state, &log, &url, "batch_bytes = \"2KiB\"")).unwrap();
    let want: Vec<_> = (0..500).map(|n| format!("line {n} of five hundred")).collect();
    fs::write(&log, want.join("\n") + "\n").unwrap();

    let killed = Running::start(&config);
    until(|| pushes.lock().unwrap().len() == 2).await;
    drop(killed);
    let under_way = pushes.lock().unwrap()[1].clone();

    answers.store(1_000_000, Ordering::SeqCst);
    let running = Running::start(&config);
    let without_repeat = |pushes: &[(String, Vec<String>)]| -> Vec<String> {
        pushes.iter().enumerate().filter(|(n, _)| *n != 2).flat_map(|(_, (_, lines))| lines.clone()).collect()
    };
    until(|| without_repeat(&pushes.lock().unwrap()).len() >= 500).await;
    assert_eq!(running.terminate(), Some(0));

    let pushes = pushes.lock().unwrap();
    assert_eq!(pushes[2], under_way);
    assert_eq!(without_repeat(&pushes), want);

    let status = output(&["status", "--config", config.to_str().unwrap()]);
    assert!(text(&status.stdout).contains("lines     500 "), "{}", text(&status.stdout));
    let json = output(&["status", "--state-dir", state.to_str().unwrap(), "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["totals"]["lines"], 500);
    assert_eq!(json["files"][0]["offset"], fs::metadata(&log).unwrap().len());
    let none = output(&["status", "--state-dir", folder.path().join("none").to_str().unwrap()]);
    assert_eq!((none.status.code(), text(&none.stderr).lines().count()), (Some(1), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_is_told_with_its_reason_and_is_not_counted_as_delivered() {
    let answer = r#"{"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"mapper_parsing_exception",
        "reason":"failed to parse field [at] of anna@example.org"}}}]}"#;
    let app = Router::new().route("/_bulk", axum::routing::post(move || async move { answer }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}\"\nkind = \"elasticsearch", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let [config, log, state, told] = ["agent.toml", "a.log", "state", "told"].map(|name| folder.path().join(name));
    fs::write(&config, settings(&state, &log, &url, "")).unwrap();
    fs::write(&log, "one\ntwo\n").unwrap();
    let mut command = program(&["run", "--config", config.to_str().unwrap()]);
    let running = Running(command.stderr(fs::File::create(&told).unwrap()).spawn().unwrap());
    until(|| fs::read_to_string(&told).unwrap().contains("the server refused lines")).await;
    assert_eq!(running.terminate(), Some(0));
    let told = fs::read_to_string(&told).unwrap();
    assert!(told.contains("mapper_parsing_exception: failed to parse field [at] of <email>"), "{told}");
    let json = output(&["status", "--state-dir", state.to_str().unwrap(), "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let output = &json["outputs"]["elasticsearch"];
    assert_eq!([&output["lines"], &output["refused_lines"], &output["batches"]], [1, 1, 1]);
}

/// The answer of the agent's own server; `None` if nobody listens.
async fn ask(address: &str, path: &str) -> Option<(u16, String)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_settings_are_taken_while_it_runs_and_bad_ones_change_nothing() {
    let (url, pushes) = receiver(Arc::new(AtomicUsize::new(1_000_000))).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = path("agent.toml");
    let listen = free_address();
    let settings = |log: &str, more: &str| {
        format!(
            "listen = \"{listen}\"\nstate_dir = {:?}\n[[input]]\npaths = [{:?}]\nlabels = {{ service = \"s\" }}\n\
             [output]\nurl = \"{url}\"\n[spool]\nbatch_wait = \"20ms\"\n{more}",
            path("state"),
            path(log)
        )
    };
    let lines = || pushes.lock().unwrap().iter().flat_map(|(_, lines)| lines.clone()).collect::<Vec<_>>();
    fs::write(&config, settings("a.log", "")).unwrap();
    fs::write(path("a.log"), "one\n").unwrap();
    fs::write(path("b.log"), "three\n").unwrap();
    let running = Running::start(&config);
    until(|| lines().len() == 1).await;
    let hangup = || Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status().unwrap();

    fs::write(&config, settings("b.log", "nonsense = 1\n")).unwrap();
    hangup();
    fs::write(path("a.log"), "one\ntwo\n").unwrap();
    until(|| lines().len() == 2).await;

    fs::write(&config, settings("b.log", "")).unwrap();
    hangup();
    until(|| lines().len() == 3).await;
    assert_eq!(lines(), ["one", "two", "three"]);

    let mut answer = None;
    while answer.is_none() {
        answer = ask(&listen, "/metrics").await;
    }
    let (status, metrics) = answer.unwrap();
    assert_eq!(status, 200);
    for want in ["lapidary_agent_lines_total 3\n", "lapidary_agent_output_waiting_lines{output=\"lapidary\"} "] {
        assert!(metrics.contains(want), "{metrics}");
    }
    assert_eq!(ask(&listen, "/ready").await.unwrap().0, 200);
    assert_eq!(running.terminate(), Some(0));
    let numbers: std::collections::BTreeSet<_> =
        pushes.lock().unwrap().iter().map(|(number, _)| number.clone()).collect();
    assert_eq!(numbers.len(), pushes.lock().unwrap().len(), "nothing was sent twice");
}
