//! Prints lines as they come: for people, raw, as JSON or CSV.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};
use stdx::Language;

use super::progress::Progress;
use super::unreadable;
use crate::cli::client::Login;
use crate::cli::{Failure, complain, time};

/// Lines up to this many are looked at for labels they share before any is printed.
const LOOKED_AT: usize = 5_000;

/// How lines are printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Output {
    /// How to print: `default` for people, `raw` is the text alone, `jsonl` an object a line.
    #[arg(long, short, visible_alias = "format", value_enum, default_value_t = Shape::Default)]
    output: Shape,
    /// Leaves the labels out.
    #[arg(long)]
    no_labels: bool,
    /// Only these labels.
    #[arg(long, value_name = "LABEL")]
    include_label: Vec<String>,
    /// All but these labels.
    #[arg(long, value_name = "LABEL")]
    exclude_label: Vec<String>,
    /// Says nothing beside the lines.
    #[arg(long, short)]
    quiet: bool,
    /// Time zone of printed times, such as Europe/Moscow; the machine's if not given.
    #[arg(long, visible_alias = "timezone")]
    zone: Option<String>,
}

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    Default,
    Table,
    Raw,
    Jsonl,
    Json,
    Csv,
}

impl Output {
    pub(crate) const fn shape(&self) -> Shape {
        self.output
    }

    pub(crate) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Whether people read it, and want to be told more than the lines.
    pub(crate) const fn is_for_people(&self) -> bool {
        matches!(self.output, Shape::Default | Shape::Table) && !self.quiet
    }
}

/// A line as the server writes it, or where the list was cut, or why it ended.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Received {
    Line { timestamp: String, stream: BTreeMap<String, String>, line: String },
    Cut { cursor: String },
    Failed { error: String },
}

/// A line to print.
#[derive(Debug)]
struct Line {
    time: i64,
    labels: BTreeMap<String, String>,
    text: String,
}

/// Prints lines.
#[derive(Debug)]
pub(crate) struct Printer<'o> {
    output: &'o Output,
    words: Language,
    zone: jiff::tz::TimeZone,
    colours: bool,
    /// Lines that wait until it is known which labels all of them share.
    waiting: Vec<Line>,
    waits: bool,
    common: BTreeMap<String, String>,
    printed: usize,
    /// The latest time of a line.
    newest: i64,
    rest: Vec<u8>,
    /// Where the list goes on.
    cut: Option<String>,
    progress: Option<Progress>,
}

impl<'o> Printer<'o> {
    /// For as many lines as `expected`; 0 for nobody knows how many.
    pub(crate) fn new(output: &'o Output, expected: usize, words: Language) -> Result<Self, Failure> {
        let waits = output.is_for_people() && (1..=LOOKED_AT).contains(&expected) && !output.no_labels;
        Ok(Self {
            output,
            words,
            zone: time::zone(output.zone())?,
            colours: Login::colours(),
            waiting: Vec::new(),
            waits,
            common: BTreeMap::new(),
            printed: 0,
            newest: 0,
            rest: Vec::new(),
            cut: None,
            progress: None,
        })
    }

    /// Tells beside the lines how far a list over this stretch is, where somebody sees it.
    pub(super) fn with_progress(mut self, bounds: (i64, i64)) -> Self {
        self.progress = (!self.output.quiet).then(|| Progress::begin(bounds, self.words, self.zone.clone())).flatten();
        self
    }

    /// Prints all lines of an answer.
    pub(crate) async fn read(&mut self, mut response: reqwest::Response, login: &Login) -> Result<(), Failure> {
        while let Some(bytes) = response.chunk().await.map_err(|error| login.unreachable(&error))? {
            self.add(&bytes)?;
        }
        Ok(())
    }

    /// Takes a part of an answer; it may end within a line.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut lines: Vec<&[u8]> = all.split(|byte| *byte == b'\n').collect();
        self.rest = lines.pop().unwrap_or_default().to_vec();
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line).map_err(|error| unreadable(&error, self.words))? {
                Received::Line { timestamp, stream, line } => {
                    self.line(Line { time: timestamp.parse().unwrap_or(0), labels: stream, text: line });
                }
                Received::Cut { cursor } => self.cut = Some(cursor),
                Received::Failed { error } => return Err(Failure::Failed(error)),
            }
        }
        Ok(())
    }

    /// Where the list that was added last was cut, if it was; then it is not told at the end.
    pub(super) fn take_cut(&mut self) -> Option<String> {
        self.cut.take()
    }

    /// Takes a line.
    pub(crate) fn show(&mut self, time: i64, labels: BTreeMap<String, String>, text: String) {
        self.line(Line { time, labels, text });
    }

    /// The latest time of any line so far.
    pub(crate) const fn newest(&self) -> i64 {
        self.newest
    }

    fn line(&mut self, line: Line) {
        self.newest = self.newest.max(line.time);
        if let Some(progress) = &mut self.progress {
            progress.tell(self.printed + self.waiting.len() + 1, line.time);
        }
        if self.waits { self.waiting.push(line) } else { self.print(line) }
    }

    /// Prints what waits; tells how many lines were printed.
    pub(crate) fn finish(mut self) -> usize {
        if let Some(progress) = self.progress.take() {
            progress.end();
        }
        let waiting = std::mem::take(&mut self.waiting);
        if let Some((first, others)) = waiting.split_first()
            && !others.is_empty()
        {
            let shared =
                |(name, value): &(&String, &String)| others.iter().all(|line| line.labels.get(*name) == Some(*value));
            let common = first.labels.iter().filter(shared);
            self.common = common.map(|(name, value)| (name.clone(), value.clone())).collect();
            if !self.common.is_empty() {
                let words = self.words.pick("labels of all lines", "метки всех строк");
                complain(&format!("{words}: {}", braces(&self.common)));
            }
        }
        waiting.into_iter().for_each(|line| self.print(line));
        if self.output.shape() == Shape::Json {
            self.write(if self.printed == 0 { "[]\n" } else { "\n]\n" });
        }
        if let Some(cursor) = self.cut.as_ref().filter(|_| !self.output.quiet) {
            let lines = self.printed;
            complain(&match self.words {
                Language::English => {
                    format!("{lines} lines, and there are more: --limit 0, or go on with --cursor {cursor}")
                }
                Language::Russian => format!("строк: {lines}, есть ещё: --limit 0, или дальше с --cursor {cursor}"),
            });
        }
        self.printed
    }

    fn print(&mut self, line: Line) {
        let Line { time, mut labels, text } = line;
        labels.retain(|name, value| {
            let is_wanted = self.output.include_label.is_empty() || self.output.include_label.contains(name);
            is_wanted && !self.output.exclude_label.contains(name) && self.common.get(name) != Some(value)
        });
        if self.output.no_labels {
            labels.clear();
        }
        let at = time::shown(time, &self.zone);
        let printed = match self.output.shape() {
            Shape::Raw => text,
            Shape::Jsonl => json!({"labels": labels, "line": text, "timestamp": at}).to_string(),
            Shape::Json => {
                let before = if self.printed == 0 { "[\n" } else { ",\n" };
                self.write(before);
                self.printed += 1;
                return self.write(&json!({"labels": labels, "line": text, "timestamp": at}).to_string());
            }
            Shape::Csv => {
                if self.printed == 0 {
                    self.write("timestamp,labels,line\n");
                }
                [at, braces(&labels), text].map(|cell| quoted(&cell)).join(",")
            }
            Shape::Default | Shape::Table if labels.is_empty() => format!("{} {text}", self.dimmed(&at)),
            Shape::Default | Shape::Table => format!("{} {} {text}", self.dimmed(&at), self.coloured(&labels)),
        };
        self.printed += 1;
        self.write(&(printed + "\n"));
    }

    fn dimmed(&self, text: &str) -> String {
        if self.colours { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Labels, in the colour of the level.
    fn coloured(&self, labels: &BTreeMap<String, String>) -> String {
        let text = braces(labels);
        let level = labels.get("detected_level").or_else(|| labels.get("level")).map(String::as_str);
        if self.colours { format!("\u{1b}[{}m{text}\u{1b}[0m", colour(level.unwrap_or_default())) } else { text }
    }

    /// A reader that went away wants no more.
    #[expect(clippy::unused_self, reason = "reads as what it is")]
    fn write(&self, text: &str) {
        drop(std::io::stdout().lock().write_all(text.as_bytes()));
    }
}

/// The colour of a level in a terminal.
pub(super) fn colour(level: &str) -> u8 {
    match level {
        "error" | "critical" | "fatal" => 31,
        "warn" => 33,
        "debug" | "trace" => 34,
        _ => 36,
    }
}

/// Labels as LogQL writes them.
pub(crate) fn braces(labels: &BTreeMap<String, String>) -> String {
    let pairs = labels.iter().map(|(name, value)| format!("{name}={}", Value::from(value.as_str())));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

/// A cell of CSV.
pub(crate) fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}
