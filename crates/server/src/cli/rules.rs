//! `lapidary rules`: what is watched, what a file of rules would have told, what is odd about it, whether it keeps its
//! tests.

mod draw;
mod unit;

use std::path::{Path, PathBuf};

use alert::backtest::RuleHistory;
use alert::rule::{Group, Lint, lint, parse_file};
use clap::{Args, Subcommand};
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use orders::Graphs;
use serde::Deserialize;
use serde_json::Value;
use stdx::Language;

use super::client::{Connection, Format, encoded};
use super::language::{self, Tongue};
use super::time::{Stretch, zone};
use super::{Failure, block_on, complain, say};
use crate::config::{Config, Flags};

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Lists the rules of the server with the state of their alerts.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Runs a file of rules over what the server has stored: when and how often each would have fired.
    Test(TestArgs),
    /// Looks a file of rules over: what is wrong with it, and what is odd.
    Lint {
        /// Files of rules.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Configuration of the server, for its status graphs; the built-in one if not given.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        speech: Speech,
    },
    /// Runs tests of rules, in promtool's form, on lines that stand in them.
    Unit {
        /// Files of tests.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Configuration of the server, for its names of facts and its rules for free text; none if not given.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        speech: Speech,
    },
}

/// The language, where no server is asked.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Speech {
    /// Language of messages; that of the locale if not given.
    #[arg(long, env = "LAPIDARY_LANG", value_enum)]
    lang: Option<Tongue>,
}

impl Speech {
    fn language(self) -> Language {
        self.lang.map_or_else(language::of_terminal, Language::from)
    }
}

/// What a back-test takes.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The file of rules.
    file: PathBuf,
    #[command(flatten)]
    stretch: Stretch,
    /// Time zone of printed times, such as Europe/Moscow; the machine's if not given.
    #[arg(long)]
    zone: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl RulesCommand {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { connection } => list(&connection),
            Self::Test(args) => args.run(),
            Self::Lint { files, config, speech } => look_over(&files, config.as_deref(), speech.language()),
            Self::Unit { files, config, speech } => unit::run(&files, config.as_deref(), speech.language()),
        }
    }
}

fn list(connection: &Connection) -> Result<(), Failure> {
    let answer: Value = block_on(connection.get("/prometheus/api/v1/rules", &[]))??;
    let groups = answer.pointer("/data/groups").cloned().unwrap_or_default();
    match connection.format {
        Format::Json => say(&format!("{groups:#}\n")),
        Format::Table => say(&draw::rules(&groups, connection.language())),
        Format::Csv => say(&draw::rules_csv(&groups)),
    }
    Ok(())
}

/// A line of the answer to a back-test.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Told {
    Progress { done: u64, total: u64 },
    Rules { rules: Vec<RuleHistory> },
    Error { error: String },
}

impl TestArgs {
    fn run(self) -> Result<(), Failure> {
        let text = read(&self.file)?;
        parse_file(&text).map_err(|error| wrong(&self.file, &error.to_string()))?;
        let bounds = self.stretch.bounds()?;
        let zone = zone(self.zone.as_deref())?;
        let language = self.connection.language();
        let rules = block_on(self.ask(text, language))??;
        match self.connection.format {
            Format::Table => say(&draw::histories(&rules, bounds, &zone, language)),
            Format::Csv => say(&draw::histories_csv(&rules, &zone)),
            Format::Json => {
                let json = serde_json::to_string_pretty(&rules);
                say(&(json.map_err(|error| Failure::Failed(error.to_string()))? + "\n"));
            }
        }
        Ok(())
    }

    async fn ask(&self, text: String, language: Language) -> Result<Vec<RuleHistory>, Failure> {
        let query = encoded(&self.stretch.params()?);
        let ask = |client: &reqwest::Client, address: &str| {
            client.post(format!("{address}/api/v1/rules/test?{query}")).body(text)
        };
        let mut pieces = self.connection.open(ask).await?.bytes_stream();
        let bar = bar(language);
        let mut left = Vec::new();
        let mut result = None;
        while let Some(piece) = pieces.next().await {
            left.extend_from_slice(&piece.map_err(|error| self.connection.unreachable(&error))?);
            while let Some(end) = left.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = left.drain(..=end).collect();
                match serde_json::from_slice(&line) {
                    Ok(Told::Progress { done, total }) => {
                        bar.set_length(total);
                        bar.set_position(done);
                    }
                    Ok(Told::Rules { rules }) => result = Some(rules),
                    Ok(Told::Error { error }) => return Err(Failure::Failed(error)),
                    Err(error) => return Err(Failure::Failed(format!("the server's answer cannot be read: {error}"))),
                }
            }
        }
        bar.finish_and_clear();
        let gone = language.pick("the server ended the answer too early", "сервер оборвал ответ");
        result.ok_or_else(|| Failure::Failed(gone.to_owned()))
    }
}

fn bar(language: Language) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<20} {wide_bar} {percent:>3} %  {elapsed}");
    let what = language.pick("running the rules", "прогоняю правила");
    ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}

fn look_over(files: &[PathBuf], config: Option<&Path>, language: Language) -> Result<(), Failure> {
    let graphs = match config {
        Some(config) => configured(config)?.graphs,
        None => Graphs::default(),
    };
    let mut odd = 0;
    let mut broken = 0;
    for file in files {
        match parse_file(&read(file)?) {
            Ok(groups) => {
                let rules: usize = groups.iter().map(|group: &Group| group.rules.len()).sum();
                let remarks = lint(&groups, &graphs);
                odd += remarks.len();
                let fine = language.pick("rules", "правил");
                say(&format!("{}: {fine}: {rules}\n", file.display()));
                remarks.iter().for_each(|remark| say(&told(remark)));
                if config.is_none() && remarks.iter().any(|remark| remark.by_graphs) {
                    say(language.pick(
                        "  with graphs of your own: --config FILE of the server\n",
                        "  если графы свои: --config FILE сервера\n",
                    ));
                }
            }
            Err(error) => {
                broken += error.0.len();
                error.0.iter().for_each(|text| complain(&format!("{}: {text}", file.display())));
            }
        }
    }
    match (broken, odd) {
        (0, 0) => Ok(()),
        (0, odd) => Err(Failure::Failed(format!("{odd} {}", language.pick("remarks", "замечаний")))),
        (broken, _) => Err(Failure::Usage(format!("{broken} {}", language.pick("problems", "ошибок")))),
    }
}

fn configured(config: &Path) -> Result<Config, Failure> {
    super::serve::load(Some(config), &Flags::default())
}

fn told(remark: &Lint) -> String {
    let rule = if remark.rule.is_empty() { String::new() } else { format!(", {}", remark.rule) };
    format!("  {}{rule}: {}\n", remark.group, remark.text)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::Usage(format!("cannot read `{}`: {error}", file.display())))
}

fn wrong(file: &Path, text: &str) -> Failure {
    Failure::Usage(format!("`{}`: {text}", file.display()))
}
