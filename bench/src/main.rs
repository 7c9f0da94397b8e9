//! The whole system under load: starts a server of its own, pushes order logs over four connections, asks questions, and
//! prints what both cost. Bodies are encoded before the clock starts; CPU is the server's own, from the kernel.

mod lines;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use lines::Workload;
use process::Server;
use stdx::{Clock as _, SystemClock};

/// Measures `lapidary serve` under load.
#[derive(Debug, Parser)]
struct Args {
    /// How many lines to push.
    #[arg(long, default_value_t = 1_000_000)]
    lines: u64,
    /// How many connections push at once.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Lines of one push.
    #[arg(long, default_value_t = 2_000)]
    batch: u64,
    /// How often each question is asked; the median is printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The program to measure; the one beside this program if not given.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let server = Server::start(args.program.as_deref(), folder.path())?;
    let workload = Workload::new(args.lines, args.batch);
    ingest(&args, &server, &workload, folder.path()).await?;
    questions(&args, &server, &workload).await
}

async fn ingest(args: &Args, server: &Server, workload: &Workload, folder: &std::path::Path) -> Result<()> {
    let bodies = Arc::new(workload.bodies());
    let bytes = workload.bytes();
    let (before, begun) = (server.cpu()?, SystemClock.instant());
    let mut pushers = tokio::task::JoinSet::new();
    for connection in 0..args.connections {
        let (bodies, url, connections) = (Arc::clone(&bodies), server.url().to_owned(), args.connections);
        pushers.spawn(async move { push(&url, bodies.iter().skip(connection).step_by(connections)).await });
    }
    let mut waits = Vec::new();
    while let Some(done) = pushers.join_next().await {
        waits.extend(done??);
    }
    let loaded = SystemClock.instant() - begun;
    server.post("/flush").await?;
    let cpu = server.cpu()? - before;
    waits.sort();
    let gigabytes = bytes as f64 / 1e9;
    let at =
        |percent: usize| waits.get((waits.len().max(1) - 1) * percent / 100).map_or(0.0, Duration::as_secs_f64) * 1e3;
    say(&format!("lines                      {}", args.lines));
    say(&format!("bytes of line text         {:.3} GB", gigabytes));
    say(&format!("lines per second           {:.0}", args.lines as f64 / loaded.as_secs_f64()));
    say(&format!("MB per second              {:.1}", bytes as f64 / 1e6 / loaded.as_secs_f64()));
    say(&format!("CPU-s per GB, flushed      {:.1}", cpu.as_secs_f64() / gigabytes));
    say(&format!("ack p50 / p99              {:.1} / {:.1} ms", at(50), at(99)));
    say(&format!("peak RSS                   {:.0} MB", server.peak_rss()? as f64 / 1e6));
    say(&format!(
        "bytes on disk per byte     {:.3}",
        process::disk(&folder.join("tables/logs"))? as f64 / bytes as f64
    ));
    Ok(())
}

async fn push(url: &str, bodies: impl Iterator<Item = &Vec<u8>>) -> Result<Vec<Duration>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut waits = Vec::new();
    for body in bodies {
        let begun = SystemClock.instant();
        loop {
            let request =
                client.post(format!("{url}/loki/api/v1/push")).header("Content-Type", "application/x-protobuf");
            let response = request.body(body.clone()).send().await?;
            match response.status().as_u16() {
                204 => break,
                429 | 503 => tokio::time::sleep(Duration::from_millis(200)).await,
                status => bail!("a push was answered with {status}: {}", response.text().await?),
            }
        }
        waits.push(SystemClock.instant() - begun);
    }
    Ok(waits)
}

async fn questions(args: &Args, server: &Server, workload: &Workload) -> Result<()> {
    say("\nquestion                                        ms (median)   CPU ms   answer");
    for (name, query, step) in workload.questions() {
        let mut runs = Vec::new();
        let mut answer = String::new();
        for _ in 0..args.rounds.max(1) {
            let (before, begun) = (server.cpu()?, SystemClock.instant());
            answer = server.query(&query, Workload::range(), step).await?;
            runs.push((SystemClock.instant() - begun, server.cpu()? - before));
        }
        runs.sort();
        let (took, cpu) = runs[runs.len() / 2];
        say(&format!("{name:<46} {:>10.1} {:>8.0}   {answer}", took.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a program for people")]
fn say(text: &str) {
    println!("{text}");
}
