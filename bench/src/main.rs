//! `bench`: runs the system under load, shows the lines it does that with, draws results.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bench::results::Results;
use bench::run::RunArgs;
use bench::world::{Line, World};
use bench::{chart, say};
use clap::{Parser, Subcommand};

/// Measures Lapidary under load, and any Loki or VictoriaLogs beside it.
#[derive(Debug, Parser)]
#[command(max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Loads the lines and asks the questions.
    Run(Box<RunArgs>),
    /// Prints the lines, one each, with their labels and metadata as JSON; then what they are made of.
    Lines {
        /// How many.
        #[arg(long, default_value_t = 20)]
        lines: u64,
        /// Seed of the lines.
        #[arg(long, default_value_t = 4711)]
        seed: u64,
        /// Only the account.
        #[arg(long)]
        account: bool,
    },
    /// Draws files of results as one chart.
    Chart {
        /// The files; the first one's questions are drawn, with the systems of all.
        #[arg(required = true)]
        results: Vec<PathBuf>,
        /// The SVG to write.
        #[arg(long)]
        out: PathBuf,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Args::parse().command {
        Command::Run(args) => args.run().await,
        Command::Lines { lines, seed, account } => {
            show(seed, lines, account);
            Ok(())
        }
        Command::Chart { results, out } => {
            let results = results.iter().map(|path| Results::read(path)).collect::<Result<Vec<_>>>()?;
            let drawn = chart::draw(&results);
            std::fs::write(&out, drawn).with_context(|| format!("cannot write {}", out.display()))
        }
    }
}

fn show(seed: u64, lines: u64, account_only: bool) {
    let mut world = World::new(seed, lines);
    let mut line = Line::default();
    while world.next_into(&mut line) {
        if !account_only {
            let metadata: serde_json::Map<_, _> =
                line.metadata.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            say(&serde_json::json!({
                "timestamp": line.timestamp.to_string(),
                "labels": world.streams()[line.stream].to_string(),
                "line": line.text,
                "metadata": metadata,
            })
            .to_string());
        }
    }
    let account = world.account();
    say(&format!(
        "{} lines, {} bytes of text, {:.1} bytes and {:.1} random bits a line: bound {:.4} of the text, {:.2} x",
        account.lines,
        account.text_bytes,
        account.text_bytes as f64 / account.lines.max(1) as f64,
        account.bits_per_line(),
        account.bound(),
        1.0 / account.bound(),
    ));
}
