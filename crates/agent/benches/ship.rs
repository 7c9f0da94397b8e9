//! The whole way of a line through the agent: file, masking, spool, HTTP to a server that throws it away, answer.
//!
//! Prints megabytes of file per second of wall time and per second of processor time, the server's share included.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent::{Agent, Config, Progress};
use axum::Router;
use axum::body::Bytes;
use stdx::{Clock, SystemClock, Tasks};

const LINES: u64 = 1_000_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = folder.path().display();
    let bytes = write_log(&folder.path().join("shop.log"));
    let url = sink().await;
    let text = format!(
        "state_dir = \"{base}/state\"\n[[input]]\npaths = [\"{base}/*.log\"]\nlabels = {{ service = \"shop-api\" }}\n\
         [output]\nurl = \"{url}\"\n"
    );
    let config = Config::load(&text, []).expect("good settings");
    let state_dir = config.state_dir.clone();
    let (clock, tasks) = (SystemClock, Tasks::default());
    let (start, cpu) = (clock.instant(), cpu_seconds());
    drop(Agent::open(&config, Arc::new(clock), &tasks).expect("a new state").spawn(&tasks));
    let acknowledged = || Progress::load(&state_dir).ok()?.get("lapidary").map(|progress| progress.lines);
    while acknowledged().is_none_or(|lines| lines < LINES) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (wall, cpu) = (clock.instant().duration_since(start).as_secs_f64(), cpu_seconds() - cpu);
    tasks.drain(Duration::from_secs(10)).await;
    let mb = bytes as f64 / 1e6;
    let mut out = std::io::stdout().lock();
    let (per_wall, per_core, peak) = (mb / wall, mb / cpu, peak_megabytes());
    writeln!(
        out,
        "{LINES} lines, {mb:.0} MB: {wall:.2} s, {per_wall:.1} MB/s; {per_core:.1} MB/s per core; {peak:.0} MB at most"
    )
    .expect("a standard output");
}

/// Lines as the demo's services write them, one of ten with personal data.
fn write_log(path: &std::path::Path) -> u64 {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a new file"));
    for n in 0..LINES {
        let (second, body) = (
            n / 1000 % 60,
            if n % 10 == 0 { r#","mail":"anna.k@example.org","phone":"+7 916 123-45-67""# } else { "" },
        );
        writeln!(
            file,
            "[2026-03-01T12:00:{second:02}.{:03}Z][RESP][POST /orders/{{id}}/submit] order_id={n} customer_id={} \
             trace_id=4bf92f3577b34da6a3ce929d{n:08x} span_id=00f067aa{n:08x} request_id=r-{n} status=SUBMITTED dir=in \
             http_status=200 duration_ms=12 body={{\"items\":[{{\"model\":\"ring\",\"size\":17}}]{body}}}",
            n % 1000,
            n % 5000,
        )
        .expect("room on the disk");
    }
    file.flush().expect("room on the disk");
    fs::metadata(path).expect("the file").len()
}

async fn sink() -> String {
    let taken = Arc::new(AtomicU64::new(0));
    let take = move |body: Bytes| async move {
        taken.fetch_add(body.len() as u64, Ordering::Relaxed);
        axum::http::StatusCode::NO_CONTENT
    };
    let app = Router::new()
        .route("/loki/api/v1/push", axum::routing::post(take))
        .layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "ends with the program")]
    tokio::spawn(async move { axum::serve(listener, app).await.expect("a server that runs") });
    url
}

/// The most memory that this process had, the throwing-away server included.
fn peak_megabytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1000.0
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().into_iter().flat_map(str::split_whitespace).skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
