//! The whole way of a line through the agent: file, masking, spool, HTTP to a server that throws it away, answer. In the
//! same run what any such program has to do at least: mask the lines, and write and compress the push.
//!
//! Behind divan's times stand megabytes of file per second of processor time, the server's share included, and the most
//! memory.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent::{Agent, Config, Progress};
use axum::Router;
use axum::body::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use ingest::loki::Encoder;
use logline::{Labels, Timestamp};
use mask::{Counts, Masker};
use stdx::{SystemClock, Tasks};
use tokio::runtime::Runtime;

const LINES: u64 = 300_000;
/// Bytes of a batch.
const BATCH: usize = 1 << 20;

/// What benchmarks have cost so far: name, megabytes, seconds of processor time.
static COST: Mutex<Vec<(&str, f64, f64)>> = Mutex::new(Vec::new());

fn main() {
    divan::main();
    let mut out = std::io::stdout().lock();
    for (name, mb, seconds) in COST.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        writeln!(out, "{name}: {:.1} MB/s per core", mb / seconds).expect("a standard output");
    }
    writeln!(out, "{:.0} MB of memory at most", peak_megabytes()).expect("a standard output");
}

fn measured<R>(name: &'static str, bytes: usize, work: impl FnOnce() -> R) -> R {
    let before = cpu_seconds();
    let result = work();
    let (mb, seconds) = (bytes as f64 / 1e6, cpu_seconds() - before);
    let mut cost = COST.lock().unwrap_or_else(PoisonError::into_inner);
    match cost.iter_mut().find(|(known, ..)| *known == name) {
        Some(known) => *known = (name, known.1 + mb, known.2 + seconds),
        None => cost.push((name, mb, seconds)),
    }
    result
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn from_file_to_answer(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    let (folder, url) = (tempfile::tempdir().expect("a temporary folder"), sink(&runtime));
    let base = folder.path().display().to_string();
    let bytes = write_log(&folder.path().join("shop.log"));
    let state = || tempfile::tempdir_in(&folder).expect("a folder for the state");
    bencher.counter(BytesCount::new(bytes)).with_inputs(state).bench_values(|state| {
        let text = format!(
            "state_dir = {:?}\n[[input]]\npaths = [\"{base}/*.log\"]\nlabels = {{ service = \"shop-api\" }}\n\
             [output]\nurl = \"{url}\"\n",
            state.path()
        );
        let config = Config::load(&text, []).expect("good settings");
        measured("from_file_to_answer", bytes, || runtime.block_on(ship(&config)));
        state
    });
}

async fn ship(config: &Config) {
    let tasks = Tasks::default();
    drop(Agent::open(config, Arc::new(SystemClock), &tasks).expect("a new state").spawn(&tasks));
    let acknowledged = || Progress::load(&config.state_dir).ok()?.get("lapidary").map(|progress| progress.lines);
    while acknowledged().is_none_or(|lines| lines < LINES) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tasks.drain(Duration::from_secs(10)).await;
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn masked_and_written(bencher: Bencher<'_, '_>) {
    at_least(bencher, "masked_and_written", Some(&Masker::new(&mask::Config::default()).expect("the default rules")));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn only_written(bencher: Bencher<'_, '_>) {
    at_least(bencher, "only_written", None);
}

fn at_least(bencher: Bencher<'_, '_>, name: &'static str, masker: Option<&Masker>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("shop.log");
    let bytes = write_log(&path);
    let labels = Labels::new([("service".to_owned(), "shop-api".to_owned())]).expect("one label");
    let work = || {
        let mut file = BufReader::new(fs::File::open(&path).expect("the log"));
        let mut line = String::new();
        let (mut encoder, mut counts, mut written) = (Encoder::default(), Counts::default(), 0);
        while file.read_line(&mut line).expect("the log") > 0 {
            let masked = masker.and_then(|masker| masker.mask_line(&line, &mut counts));
            let stream = encoder.stream(&labels);
            encoder.entry(stream, Timestamp(0), masked.as_deref().unwrap_or(&line), &[]);
            line.clear();
            if encoder.len() >= BATCH {
                written += encoder.finish().len();
            }
        }
        written
    };
    bencher.counter(BytesCount::new(bytes)).bench(|| measured(name, bytes, work));
}

/// Lines as the demo's services write them, one of ten with personal data.
fn write_log(path: &Path) -> usize {
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
    usize::try_from(fs::metadata(path).expect("the file").len()).expect("a small file")
}

/// A server that throws away what it gets; runs until the program ends.
fn sink(runtime: &Runtime) -> String {
    let app = Router::new()
        .route("/loki/api/v1/push", axum::routing::post(async |_: Bytes| axum::http::StatusCode::NO_CONTENT))
        .layer(axum::extract::DefaultBodyLimit::disable());
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    runtime.spawn(async move { axum::serve(listener, app).await.expect("a server that runs") });
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
