//! `lapidary-demo`: two weeks of history, then three live services, the agent that ships their lines, the server that
//! follows their orders, and customers who keep coming.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use demo::Error;
use demo::children::{Children, Restart, free_port};
use demo::control;
use demo::faults::Fault;
use demo::folder::Folder;
use demo::history::{self, Plan};
use demo::live::{Live, Wishes};
use demo::report;
use demo::state::State;
use stdx::{Clock, Language, SystemClock};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// An online jeweller in a box: SHOP, CRM and MES with two weeks of past and a live present.
#[derive(Debug, Parser)]
#[command(name = "lapidary-demo", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes something go wrong in a demo that runs.
    Fault {
        /// What.
        #[arg(value_parser = named_faults(), value_name = "NAME")]
        fault: Fault,
        /// The folder of that demo.
        #[arg(long, default_value = "./lapidary-demo")]
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Folder for everything the demo keeps.
    #[arg(long, default_value = "./lapidary-demo")]
    dir: PathBuf,
    /// How much past to write at the first start.
    #[arg(long, default_value = "14d", value_parser = length)]
    history: Duration,
    /// What goes wrong: `on`, `off`, or names with commas between them.
    #[arg(long, default_value = "on", value_parser = faults)]
    faults: FaultSet,
    /// Draws the past; the same seed at the same time gives the same lines.
    #[arg(long, default_value_t = 4711)]
    seed: u64,
    /// The server listens on the first free port from this one on.
    #[arg(long, default_value_t = 3100)]
    listen_from: u16,
    /// How many times faster than life customers and workshop act.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
}

#[derive(Clone, Debug)]
struct FaultSet(BTreeSet<Fault>);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(error).context("cannot start the runtime"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = error.downcast_ref::<Error>().map(|error| error.text(language()));
            complain(&format!("lapidary-demo: {}", text.unwrap_or_else(|| format!("{error:#}"))));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Some(Command::Fault { fault, dir }) = arguments.command {
        report::say(&control::knock(&Folder::at(&dir)?, fault).await?);
        return Ok(());
    }
    let run = arguments.run;
    let folder = Folder::create(&run.dir)?;
    let state = past(&folder, &run)?;
    let mut stop = Stop::listen()?;
    let address = free_port(run.listen_from)?;
    folder.write_agent_config(address)?;
    let mut children = Children::start(&folder, address)?;
    let begun = tokio::select! {
        live = begin(&folder, &run, state, address, &mut children) => live.map(Some),
        () = stop.asked() => Ok(None),
    };
    let result = match begun {
        Ok(Some(live)) => stay(live, &folder, address, &mut children, &mut stop).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    children.end().await;
    result
}

/// What is open: left by an earlier run, or by a history that is written now.
fn past(folder: &Folder, run: &Run) -> Result<State> {
    let path = folder.state();
    if let Some(state) = State::load(&path).map_err(Error::file(&path))? {
        let going_on = language().pick("going on with the data in", "продолжаю с данными в");
        report::say(&format!("{going_on} {}\n", folder.path().display()));
        return Ok(state);
    }
    let (clock, words) = (SystemClock, language());
    let plan = Plan { faults: run.faults.0.clone(), ..Plan::usual(run.seed, clock.now().into(), run.history) };
    let (bar, began) = (report::bar(words.pick("writing the history", "пишу историю"), 1_000), clock.instant());
    let state = history::write(&folder.logs(), &plan, &mut |progress| bar.set_position(permille(progress.share)))
        .map_err(Error::file(folder.logs()))?;
    bar.finish_and_clear();
    state.save(&path).map_err(Error::file(&path))?;
    report::say(&report::done(
        words.pick("history written", "история написана"),
        state.lines,
        clock.instant() - began,
        words,
    ));
    Ok(state)
}

/// From the server's start to the live company, with the history in between.
async fn begin(folder: &Folder, run: &Run, state: State, address: SocketAddr, children: &mut Children) -> Result<Live> {
    children.start_agent(folder, address).await?;
    let (began, words) = (SystemClock.instant(), language());
    let loaded = tokio::select! {
        loaded = report::shipped(folder, state.lines, words) => loaded?,
        error = children.keep(&SystemClock, tell_restart) => return Err(error.into()),
    };
    if loaded {
        report::say(&report::done(
            words.pick("history loaded", "история загружена"),
            state.lines,
            SystemClock.instant() - began,
            words,
        ));
    }
    let wishes = Wishes { faults: run.faults.0.clone(), speed: run.speed };
    Ok(Live::start(folder, state, &wishes, Arc::new(SystemClock)).await?)
}

/// Tells what there is and stays live, whichever program ends meanwhile, until it is asked to stop or one of them ends
/// too often; then saves what is open.
async fn stay(
    live: Live,
    folder: &Folder,
    address: SocketAddr,
    children: &mut Children,
    stop: &mut Stop,
) -> Result<()> {
    let words = language();
    let tell = async {
        let stories = report::stories(live.story(), address).await;
        let none = words.pick("no story yet", "рассказать пока нечего");
        report::say(&stories.unwrap_or_else(|error| format!("\n{none}: {}\n", error.text(words))));
        report::say(&report::invitation(folder, address, live.order(), words));
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        () = stop.asked() => Ok(()),
        error = children.keep(&SystemClock, tell_restart) => Err(error),
        () = tell => Ok(()),
    };
    report::say(words.pick("\nending: services, agent, server\n", "\nзавершаю: сервисы, агент, сервер\n"));
    let saved = live.end().await;
    Ok(result.and(saved)?)
}

fn tell_restart(restart: &Restart) {
    report::say(&report::restarted(restart, language()));
}

/// The language of the terminal.
fn language() -> Language {
    Language::of_terminal(|name| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value))
}

/// Ctrl-C, SIGTERM, or the terminal's end.
struct Stop([Signal; 3]);

impl Stop {
    fn listen() -> Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share from 0.0 to 1.0, for a bar")]
fn permille(share: f64) -> u64 {
    (share * 1_000.0) as u64
}

#[expect(clippy::print_stderr, reason = "this is a program for people")]
fn complain(text: &str) {
    eprintln!("{text}");
}

/// The names with what each does, for `--help`.
fn named_faults() -> impl TypedValueParser<Value = Fault> {
    let names = Fault::ALL.map(|fault| PossibleValue::new(fault.name()).help(fault.story()));
    PossibleValuesParser::new(names).try_map(|name| fault(&name))
}

fn fault(text: &str) -> Result<Fault, String> {
    Fault::parse(text).ok_or_else(|| format!("want one of {}", Fault::ALL.map(Fault::name).join(", ")))
}

fn faults(text: &str) -> Result<FaultSet, String> {
    match text {
        "on" => Ok(FaultSet(Fault::ALL.into())),
        "off" => Ok(FaultSet(BTreeSet::new())),
        names => names.split(',').map(|name| fault(name.trim())).collect::<Result<_, _>>().map(FaultSet),
    }
}

fn length(text: &str) -> Result<Duration, String> {
    let length = stdx::parse_duration(text).ok_or_else(|| "want a duration such as 14d or 36h".to_owned())?;
    let (least, most) = (Duration::from_mins(5), Duration::from_hours(60 * 24));
    if (least..=most).contains(&length) { Ok(length) } else { Err("want 5m to 60d".to_owned()) }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "want a number such as 60".to_owned())?;
    if (0.1..=10_000.0).contains(&speed) { Ok(speed) } else { Err("want 0.1 to 10000".to_owned()) }
}
