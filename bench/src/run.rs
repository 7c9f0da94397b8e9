//! A run: bodies, bounds, then each system on its own: load, settle, ask cold and warm.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use stdx::{Clock as _, SystemClock};

use crate::answer::Answer;
use crate::bodies::Bodies;
use crate::bounds::Bounds;
use crate::load::Load;
use crate::process::Server;
use crate::questions::Question;
use crate::results::{Asked, Ingest, Measured, Results, Workload, machine};
use crate::say;
use crate::system::{Address, System};

/// A question is repeated until this much time is spent, so that the kernel's coarse CPU clock says something.
const AT_LEAST: Duration = Duration::from_millis(400);
const MOST_ROUNDS: usize = 50;

/// Measures `lapidary serve`, and any system given by its address, under the same load.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// How many lines; 10,000,000 are about 2 GB of text.
    #[arg(long, default_value_t = 2_000_000)]
    pub lines: u64,
    /// Seed of the lines.
    #[arg(long, default_value_t = 4711)]
    pub seed: u64,
    /// How many connections push at once.
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// MB of text a second that are pushed at most; as fast as they are taken if not given.
    #[arg(long)]
    pub rate: Option<u64>,
    /// Lines of one push.
    #[arg(long, default_value_t = 2_000)]
    pub batch: u64,
    /// How often each question is asked, cold and warm; medians are reported.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Leaves out the questions that are asked after a restart with an empty page cache.
    #[arg(long)]
    pub warm_only: bool,
    /// Seconds for which a server must be all but idle to count as settled; jobs look for work every ten.
    #[arg(long, default_value_t = 15)]
    pub quiet: u64,
    /// The program to measure; the one beside this program if not given.
    #[arg(long)]
    pub program: Option<PathBuf>,
    /// Leaves ours out and measures the peers only.
    #[arg(long, requires = "peers")]
    pub peers_only: bool,
    /// A system that runs already and is empty: loki, victorialogs or lapidary; pid and data may be left out.
    #[arg(long = "peer", id = "peers", value_name = "NAME=URL,pid=N,data=FOLDER")]
    pub peers: Vec<Address>,
    /// Where ours keeps its data: an empty folder, kept afterwards. A temporary one if not given.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Writes the results to this file.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

impl RunArgs {
    /// Runs everything; fails when any answer was wrong.
    pub async fn run(self) -> Result<()> {
        let begun = SystemClock.instant();
        let bodies = Arc::new(Bodies::make(self.seed, self.lines, self.batch)?);
        let account = bodies.account;
        say(&format!(
            "{} lines, {:.3} GB of text, {:.0} bytes and {:.0} random bits a line: no lossless form is below {:.3} of the text \
             ({:.1} x); made in {:.0} s",
            account.lines,
            account.text_bytes as f64 / 1e9,
            account.text_bytes as f64 / account.lines.max(1) as f64,
            account.bits_per_line(),
            account.bound(),
            1.0 / account.bound(),
            (SystemClock.instant() - begun).as_secs_f64(),
        ));
        let temporary = tempfile::tempdir().context("cannot make a folder")?;
        let data = self.data.clone().unwrap_or_else(|| temporary.path().join("data"));
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        ensure!(std::fs::read_dir(&data)?.next().is_none(), "{} is not empty; give an empty folder", data.display());
        let bounds = Bounds::measure(&bodies.sample, &data)?;
        say(&format!(
            "bounds, one core: zstd 1 decode {:.2} GB/s, encode {:.2} GB/s, memmem {:.1} GB/s; zstd 1 alone {:.3}; fdatasync p50 {:.1} ms",
            bounds.zstd1_decode_gb_s,
            bounds.zstd1_encode_gb_s,
            bounds.memmem_gb_s,
            bounds.zstd1_ratio,
            bounds.fdatasync_p50_ms,
        ));
        let mut systems = Vec::new();
        if !self.peers_only {
            let server = Server::start(self.program.as_deref(), &data)?;
            systems.push(self.measure(System::own(server)?, &bodies).await?);
        }
        for peer in &self.peers {
            systems.push(self.measure(System::at(peer)?, &bodies).await?);
        }
        let results = self.results(&bodies, bounds, systems);
        if let Some(out) = &self.out {
            results.write(out)?;
        }
        let wrong = results.wrong();
        ensure!(wrong.is_empty(), "the run is void, these answers are wrong:\n  {}", wrong.join("\n  "));
        Ok(())
    }

    fn results(&self, bodies: &Bodies, bounds: Bounds, systems: Vec<Measured>) -> Results {
        let now = jiff::Timestamp::try_from(SystemClock.now()).unwrap_or_default();
        Results {
            date: now.strftime("%F").to_string(),
            machine: machine(),
            workload: Workload {
                seed: self.seed,
                lines: self.lines,
                text_bytes: bodies.account.text_bytes,
                bits_per_line: bodies.account.bits_per_line(),
                entropy_bound: bodies.account.bound(),
                connections: self.connections,
                batch: self.batch,
            },
            bounds: Some(bounds),
            systems,
        }
    }

    async fn measure(&self, system: System, bodies: &Arc<Bodies>) -> Result<Measured> {
        let system = Arc::new(system);
        say(&format!("\n{} {}", system.name(), system.version().await));
        let load = Load {
            connections: self.connections,
            quiet: Duration::from_secs(self.quiet.max(1)),
            rate: self.rate.map(|megabytes| megabytes.saturating_mul(1_000_000)),
        };
        let ingest = load.run(&system, bodies).await?;
        tell(&ingest, bodies.account.text_bytes);
        let mut system = Arc::into_inner(system).context("a push still runs")?;
        if let Some(process) = system.process() {
            process.reset_peak();
        }
        say(&format!("{:<36} {:>9} {:>9} {:>8}   answer", "question", "cold ms", "warm ms", "CPU ms"));
        let mut questions = Vec::new();
        for (question, truth) in bodies.questions.iter().zip(&bodies.truth) {
            let asked = self.ask(&mut system, question, truth).await;
            questions.push(asked.with_context(|| format!("{}: {}", system.name(), question.name))?);
        }
        let peak = system.process().map(|process| process.peak_rss()).transpose()?;
        say(&format!("peak RSS while asked  {:.0} MB", peak.unwrap_or(0) as f64 / 1e6));
        Ok(Measured {
            name: system.name().to_owned(),
            version: system.version().await,
            profile: system.profile().map(str::to_owned),
            ack: system.ack().to_owned(),
            ingest: Some(ingest),
            query_peak_rss_mb: peak.map(|bytes| bytes as f64 / 1e6),
            questions,
        })
    }

    async fn ask(&self, system: &mut System, question: &Question, truth: &Answer) -> Result<Asked> {
        let mut colds = Vec::new();
        while !self.warm_only && colds.len() < self.rounds && system.cold().await? {
            colds.push(system.ask(question).await?.0);
        }
        // Warms up; this one counts for nothing but the answer.
        let (_, answer) = system.ask(question).await?;
        let cpu = |system: &System| system.process().map(|process| process.cpu()).transpose();
        let (before, begun) = (cpu(system)?, SystemClock.instant());
        let mut warms = Vec::new();
        while warms.len() < self.rounds.max(1) || warms.len() < MOST_ROUNDS && SystemClock.instant() - begun < AT_LEAST
        {
            warms.push(system.ask(question).await?.0);
        }
        let spent = cpu(system)?.zip(before).map(|(after, before)| after - before);
        let asked = Asked {
            name: question.name.to_owned(),
            cold_ms: median_ms(&mut colds),
            cpu_ms: spent.map(|spent| spent.as_secs_f64() * 1e3 / warms.len() as f64),
            warm_ms: median_ms(&mut warms).unwrap_or(0.0),
            answer: answer.brief(),
            right: answer.agrees(truth, question.shape),
        };
        let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        let verdict = if asked.right { String::new() } else { format!("   WRONG, should be {}", truth.brief()) };
        say(&format!(
            "{:<36} {:>9} {:>9.1} {:>8}   {}{verdict}",
            asked.name,
            or_dash(asked.cold_ms),
            asked.warm_ms,
            or_dash(asked.cpu_ms),
            asked.answer
        ));
        Ok(asked)
    }
}

fn median_ms(times: &mut [Duration]) -> Option<f64> {
    times.sort();
    times.get(times.len() / 2).map(|time| time.as_secs_f64() * 1e3)
}

fn tell(ingest: &Ingest, text_bytes: u64) {
    let or_dash =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    let ratio = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / text_bytes as f64);
    say(&format!("loaded                {:.1} s, {:.1} MB/s", ingest.seconds, ingest.mb_per_second));
    say(&format!(
        "CPU-s per GB          {} settled, {} while loading",
        or_dash(ingest.cpu_seconds_per_gb, 1),
        or_dash(ingest.cpu_seconds_per_gb_loading, 1)
    ));
    say(&format!("ack p50 / p99         {:.1} / {:.1} ms", ingest.ack_p50_ms, ingest.ack_p99_ms));
    say(&format!("peak RSS              {} MB", or_dash(ingest.peak_rss_mb, 0)));
    say(&format!(
        "bytes on disk / byte  {}, table of lines {}; live {}, lines {}",
        or_dash(ratio(ingest.disk_bytes), 4),
        or_dash(ratio(ingest.lines_table_bytes), 4),
        or_dash(ratio(ingest.live_bytes), 4),
        or_dash(ratio(ingest.lines_live_bytes), 4)
    ));
}
