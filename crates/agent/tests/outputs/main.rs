//! What other servers get, read by programs that are not ours. Real servers of Elastic, Splunk and the OpenTelemetry
//! collector are in no package registry; see docs/agent.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../inputs/clients.rs"]
#[expect(dead_code, reason = "this suite needs a part of it")]
mod clients;
mod hec;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Config, Progress};
use stdx::{Clock, SystemClock, Tasks};

/// Runs an agent over what stands in `a.log` of the folder until all of it is delivered to an output of this kind.
async fn deliver(folder: &Path, kind: &str, url: &str, more: &str, lines: u64) -> Progress {
    let base = folder.display();
    let text = format!(
        "state_dir = \"{base}/{kind}\"\n[[input]]\npaths = [\"{base}/*.log\"]\n\
         labels = {{ service = \"shop-api\", host = \"web-1\" }}\nmetadata_fields = {{ order_id = \"order_id\" }}\n\
         [output]\nkind = \"{kind}\"\nurl = \"{url}\"\n{more}\n[spool]\nbatch_wait = \"20ms\"\nbatch_bytes = \"4KiB\"\n"
    );
    let (config, tasks) = (Config::load(&text, []).unwrap(), Tasks::default());
    drop(Agent::open(&config, Arc::new(SystemClock), &tasks).unwrap().spawn(&tasks));
    let progress = || Progress::load(&config.state_dir).unwrap().remove(kind).unwrap_or_default();
    let deadline = SystemClock.instant() + Duration::from_secs(60);
    while progress().lines < lines {
        assert!(SystemClock.instant() < deadline, "waited in vain: {:?}", progress());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tasks.drain(Duration::from_secs(10)).await;
    progress()
}

fn write_log(folder: &Path, lines: usize) {
    let line = |n| {
        format!(
            "[2026-03-01T12:00:00.{n:06}Z][REQ][GET /orders/{{id}}] order_id={n} mail=anna{n}@example.org \"quoted\" \t привет\n"
        )
    };
    std::fs::write(folder.join("a.log"), (0..lines).map(line).collect::<String>()).unwrap();
}

/// A program that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a server written in Python took of 300 lines: `time|service|host|order_id|text`, a line each.
async fn taken(kind: &str, more: &str, packages: &[&str]) -> Option<Vec<String>> {
    let python = clients::python(packages)?;
    let folder = tempfile::tempdir().unwrap();
    write_log(folder.path(), 300);
    let mut command = Command::new(python);
    command.args(["-c", include_str!("server.py"), kind, folder.path().join("taken").to_str().unwrap()]);
    let mut server = Ends(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("http://127.0.0.1:{}", port.trim());
    let progress = deliver(folder.path(), kind, &url, more, 300).await;
    assert_eq!((progress.retries, progress.refused_lines, progress.refused_batches), (0, 0, 0));
    let mut lines: Vec<_> =
        std::fs::read_to_string(folder.path().join("taken")).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    Some(lines)
}

#[track_caller]
fn check(taken: &[String], zeros: &str) {
    assert_eq!(taken.len(), 300);
    for (n, line) in taken.iter().enumerate() {
        let text = format!(
            "[2026-03-01T12:00:00.{n:06}Z][REQ][GET /orders/{{id}}] order_id={n} mail=<email> \"quoted\" \t привет"
        );
        assert_eq!(*line, format!("1772366400.{n:06}{zeros}|shop-api|web-1|{n}|{text}"));
    }
}

#[tokio::test]
async fn otlp_is_read_by_the_decoder_of_opentelemetry() {
    for compression in ["gzip", "none"] {
        let more = format!("compression = \"{compression}\"");
        let Some(lines) = taken("otlp", &more, &["opentelemetry-proto==1.45.2"]).await else { return };
        check(&lines, "000");
    }
}

#[tokio::test]
async fn bulk_and_hec_are_read_by_a_reader_of_json_that_is_not_ours() {
    for kind in ["elasticsearch", "opensearch", "splunk"] {
        let Some(lines) = taken(kind, "", &[]).await else { return };
        check(&lines, "000");
    }
}
