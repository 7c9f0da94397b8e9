//! Starts the real programs on loopback and ends just those; a small client for what they answer.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use logline::{Entry, Labels, Stream, Timestamp};
use serde_json::Value;

/// How long anything here may take before it counts as hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program of ours, beside this test's own executable.
pub(crate) fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "deps")).unwrap();
    let path = folder.parent().unwrap().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing; `cargo xtask test` builds it first", path.display());
    path
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Server {
    /// `lapidary serve --auth none` on a free port.
    pub(crate) fn open(data: &Path) -> Self {
        Self::start(
            Command::new(program("lapidary"))
                .args(["serve", "--listen", "127.0.0.1:0", "--auth", "none", "--data-dir"])
                .arg(data),
        )
    }

    /// With a configuration instead.
    pub(crate) fn configured(config: &Path) -> Self {
        Self::start(
            Command::new(program("lapidary")).args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config),
        )
    }

    /// Starts a prepared `lapidary serve` and waits until it says its address.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.env("LAPIDARY_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, told) = mpsc::channel();
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        // Reads to the end, so that the server never waits for its log to be read.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("address=") {
                    drop(tell.send(Ok(rest.trim_matches('"').to_owned())));
                }
                *written.lock().unwrap() += &(line + "\n");
            }
            drop(tell.send(Err(written.lock().unwrap().clone())));
        });
        let url = told.recv_timeout(PATIENCE).expect("the server neither started nor ended");
        let url = url.unwrap_or_else(|log| panic!("the server ended: {log}"));
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { child, log, url, http }
    }

    /// As a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As an operator would; waits for the end.
    pub(crate) fn terminate(mut self) -> std::process::ExitStatus {
        signal("-TERM", self.child.id());
        self.child.wait().unwrap()
    }

    /// What it has said until now.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) async fn request(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Any GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.request(self.http.get(format!("{}{path}", self.url))).await
    }

    /// A GET that must succeed with JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// A push of any body.
    pub(crate) async fn push_raw(&self, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, String) {
        let mut request = self.http.post(format!("{}/loki/api/v1/push", self.url)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request).await
    }

    /// Lines of one stream, in protobuf; whatever happens is told.
    pub(crate) async fn try_push(&self, labels: &str, lines: &[(Timestamp, String)]) -> reqwest::Result<u16> {
        let body = ingest::loki::encode(&[stream(labels, lines)]);
        let request =
            self.http.post(format!("{}/loki/api/v1/push", self.url)).header("Content-Type", "application/x-protobuf");
        Ok(request.body(body).send().await?.status().as_u16())
    }

    /// Lines of one stream, which must be taken.
    pub(crate) async fn push(&self, labels: &str, lines: &[(Timestamp, String)]) {
        let status = self.try_push(labels, lines).await.unwrap();
        assert_eq!(status, 204, "a push is refused; the server says: {}", self.log());
    }

    /// Asks for a flush; the answer may never come.
    pub(crate) async fn try_flush(&self) {
        drop(self.http.post(format!("{}/flush", self.url)).send().await);
    }

    /// A range query over the whole of a stretch of time.
    pub(crate) async fn query_range(&self, query: &str, start: Timestamp, end: Timestamp, rest: &str) -> Value {
        let query: String = escape(query);
        self.json(&format!("/loki/api/v1/query_range?query={query}&start={}&end={}{rest}", start.0, end.0)).await
    }

    /// All lines that a log query finds, oldest first, page by page as logcli does it.
    pub(crate) async fn lines(&self, query: &str, start: Timestamp, end: Timestamp) -> Vec<(i64, String)> {
        let mut found: Vec<(i64, String)> = Vec::new();
        let mut from = start;
        loop {
            let answer = self.query_range(query, from, end, "&limit=5000&direction=forward").await;
            let streams = answer["data"]["result"].as_array().unwrap();
            let mut page: Vec<(i64, String)> = streams
                .iter()
                .flat_map(|stream| stream["values"].as_array().unwrap())
                .map(|value| (value[0].as_str().unwrap().parse().unwrap(), value[1].as_str().unwrap().to_owned()))
                .collect();
            page.sort();
            let full = page.len() == 5000;
            let last = page.last().map(|(time, _)| *time);
            // The page's last instant may go on beyond it: it is read again with the next page.
            found.extend(page.into_iter().filter(|(time, _)| !full || Some(*time) != last));
            match last {
                Some(last) if full => {
                    assert!(last > from.0, "more than a page of lines in one instant");
                    from = Timestamp(last);
                }
                _ => return found,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Lines of one stream.
pub(crate) fn stream(labels: &str, lines: &[(Timestamp, String)]) -> Stream {
    let entry = |(timestamp, line): &(Timestamp, String)| Entry {
        timestamp: *timestamp,
        line: line.clone(),
        metadata: Vec::new(),
    };
    Stream { labels: Labels::parse(labels).unwrap(), entries: lines.iter().map(entry).collect() }
}

/// The time of the machine.
#[expect(clippy::disallowed_methods, reason = "the programs under test read this clock too")]
pub(crate) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

/// A text as part of a query string.
pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Sends a signal to a process that we started.
pub(crate) fn signal(name: &str, id: u32) {
    assert!(Command::new("kill").args([name, &id.to_string()]).status().unwrap().success());
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Waits for something to become true, with a limit.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let wait = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"));
}

/// Every regular file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
