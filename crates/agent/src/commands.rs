//! The commands of `lapidary-agent`: `run`, `check`, `status`, `mask test | token | keygen | open`, `convert`. Exit codes: 0 fine, 1 failed, 2 usage
//! or configuration.

mod convert;
mod mask_seal;
mod mask_test;
mod mask_token;
mod reload;
mod status;

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use agent::{Agent, Config};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use stdx::{Clock, Drained, Language, Problems, SystemClock, Tasks};
use tracing::{info, warn};

/// Reads log files, masks personal data and ships the lines to Lapidary or anything that takes Loki's push.
#[derive(Debug, Parser)]
#[command(name = "lapidary-agent", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until SIGTERM or Ctrl-C.
    Run {
        /// The settings.
        #[arg(long)]
        config: PathBuf,
    },
    /// Check the settings, all problems at once.
    Check {
        /// The settings.
        #[arg(long)]
        config: PathBuf,
    },
    /// Show positions and counters, of an agent that runs or of one that does not.
    Status {
        /// The settings.
        #[arg(long, required_unless_present = "state_dir")]
        config: Option<PathBuf>,
        /// The state folder, where there are no settings.
        #[arg(long, conflicts_with = "config")]
        state_dir: Option<PathBuf>,
        /// `table` or `json`.
        #[arg(long, default_value = "table")]
        format: status::Format,
    },
    /// Write settings that do what those of Fluent Bit (classic or YAML) or Promtail do; says what it could not take over.
    Convert {
        /// Their settings.
        file: PathBuf,
    },
    /// Try the masking.
    Mask {
        #[command(subcommand)]
        command: MaskCommand,
    },
}

#[derive(Debug, Subcommand)]
enum MaskCommand {
    /// Show what would be replaced in a file; nothing is sent. Ends with 1 if a line cannot be masked.
    Test {
        /// The file; `-` for the standard input.
        file: PathBuf,
        /// The settings; without them every rule is on.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Print the tokens that stand for a value, by each key, so that it can be searched for.
    Token {
        /// The rule: `phone`, `email`, `card` or another that makes tokens.
        #[arg(long)]
        class: String,
        /// The value, in any spelling; `-` reads it from the standard input, which keeps it out of the shell's history.
        value: String,
        /// The settings with the keys.
        #[arg(long)]
        config: PathBuf,
    },
    /// Make the keys for `action = "seal"`: the public one for the hosts, the private one for those who may read values
    /// again, and nobody else. Overwrites nothing.
    Keygen {
        /// Where the private key goes; only its owner may read it.
        #[arg(long)]
        private: PathBuf,
        /// Where the public key goes.
        #[arg(long)]
        public: PathBuf,
    },
    /// Open the values in a text that the private key opens; nothing is sent. Ends with 1 if there is none.
    Open {
        /// The private key.
        #[arg(long)]
        key: PathBuf,
        /// The text; `-` for the standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// Longer values are no personal data.
const MAX_VALUE_BYTES: u64 = 4 << 10;

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Run { config: path } => {
            let config = load(&path)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let code = runtime.block_on(ship(&path, config));
            // A read of the standard input may be under way, and nothing would end it.
            runtime.shutdown_background();
            code
        }
        Command::Check { config } => {
            let config = load(&config)?;
            let words = language().pick("fine: inputs", "всё верно, входов");
            say(&format!("{words}: {}\n", config.inputs()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status { config, state_dir, format } => {
            let dir = match (state_dir, config) {
                (Some(dir), _) => dir,
                (None, Some(config)) => load(&config)?.state_dir,
                (None, None) => PathBuf::from("."),
            };
            say(&status::show(&dir, format, language())?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Convert { file } => {
            say(&convert::convert(&read(&file)?)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Mask { command: MaskCommand::Test { file, config } } => {
            let config = config.as_deref().map(load_mask).transpose()?.unwrap_or_default();
            let all_masked = mask_test::run(&file, &config, language())?;
            Ok(if all_masked { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Mask { command: MaskCommand::Token { class, value, config } } => {
            let value =
                if value == "-" { io::read_to_string(io::stdin().lock().take(MAX_VALUE_BYTES))? } else { value };
            say(&mask_token::run(&class, value.trim(), &load_mask(&config)?)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Mask { command: MaskCommand::Keygen { private, public } } => {
            mask_seal::keygen(&private, &public)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Mask { command: MaskCommand::Open { key, file } } => {
            let opened = mask_seal::open(&key, &file, &mut io::stdout().lock())?;
            Ok(if opened == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}

/// The language of the terminal.
fn language() -> Language {
    Language::of_terminal(|name| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value))
}

/// Tells the error; 2 for settings that are wrong.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    let problems = error.downcast_ref::<Problems>();
    let text = problems.map_or_else(|| format!("{error:#}"), |problems| format!("{error}:\n{problems}"));
    // Nobody is left to tell when the standard error is closed.
    drop(writeln!(io::stderr(), "lapidary-agent: {text}"));
    ExitCode::from(if problems.is_some() { 2 } else { 1 })
}

fn load(path: &Path) -> Result<Config> {
    let text = read(path)?;
    Config::load(&text, std::env::vars()).with_context(|| has_problems(path))
}

fn load_mask(path: &Path) -> Result<mask::Config> {
    let text = read(path)?;
    Config::load_mask(&text, std::env::vars()).with_context(|| has_problems(path))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn has_problems(path: &Path) -> String {
    format!("`{}` has problems", path.display())
}

/// Runs the agent, with other settings whenever the file changes or SIGHUP comes.
async fn ship(path: &Path, config: Config) -> Result<ExitCode> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut settings = reload::Watched::new(path)?;
    let mut config = config;
    let mut tasks = Tasks::default();
    let mut running = Agent::open(&config, Arc::clone(&clock), &tasks)?.spawn(&tasks);
    loop {
        let mut failed = tasks.shutdown();
        let code = tokio::select! {
            asked = stop_asked() => asked.map(|()| ExitCode::SUCCESS)?,
            () = failed.wait() => ExitCode::FAILURE,
            new = settings.changed(&config) => {
                let left = running.leave(&tasks, config.shutdown_grace).await;
                tasks = Tasks::default();
                running = reload::reopen(left, &mut config, new, &clock, &tasks).await?.spawn(&tasks);
                continue;
            }
        };
        info!("stopping");
        if let Drained::Aborted(count) = tasks.drain(config.shutdown_grace).await {
            warn!(count, "stopped before everything was delivered; the rest is sent at the next start");
        }
        return Ok(code);
    }
}

async fn stop_asked() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Writes to the standard output; a reader that has seen enough is no failure.
fn say(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
