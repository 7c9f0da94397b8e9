//! Prints lines as they come: for people, raw, as JSON or CSV.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::{Value, json};
use stdx::Language;

use super::cost::Cost;
use super::output::{Output, Shape};
use super::progress::Progress;
use super::unreadable;
use crate::cli::client::Login;
use crate::cli::{Failure, complain, terminal, time};

/// The heading of lines as CSV.
const HEADING: &str = "timestamp,labels,line\n";

/// Lines up to this many are looked at for labels they share before any is printed.
const LOOKED_AT: usize = 5_000;

/// A line as the server writes it, or where the list was cut, or what it cost, or why it ended.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Received {
    Line { timestamp: String, stream: BTreeMap<String, String>, line: String },
    Cut { cursor: String },
    Cost { stats: Value },
    Failed { error: String },
}

/// A line to print.
#[derive(Debug)]
pub(crate) struct Line {
    time: i64,
    labels: BTreeMap<String, String>,
    text: String,
}

impl Line {
    /// Nanoseconds since the epoch.
    pub(super) const fn time(&self) -> i64 {
        self.time
    }
}

/// Lines of one stream, as answers and tails have them.
#[derive(Debug, Deserialize)]
pub(crate) struct Stream {
    stream: BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

impl Stream {
    pub(crate) fn lines(self) -> impl Iterator<Item = Line> {
        let Self { stream, values } = self;
        let line = move |(time, text): (String, String)| Line {
            time: time.parse().unwrap_or(0),
            labels: stream.clone(),
            text,
        };
        values.into_iter().map(line)
    }
}

/// Prints lines.
#[derive(Debug)]
pub(crate) struct Printer<'o> {
    output: &'o Output,
    words: Language,
    zone: jiff::tz::TimeZone,
    colours: bool,
    /// Whether a terminal shows the lines.
    is_seen: bool,
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
    /// What the answers cost, those that tell it.
    cost: Option<Cost>,
    progress: Option<Progress>,
}

impl<'o> Printer<'o> {
    /// For as many lines as `expected`; 0 for nobody knows how many.
    pub(crate) fn new(output: &'o Output, expected: usize, login: &Login) -> Result<Self, Failure> {
        let waits = output.is_for_people() && (1..=LOOKED_AT).contains(&expected) && !output.no_labels;
        Ok(Self {
            output,
            words: login.language(),
            zone: time::zone(output.zone())?,
            colours: login.colours(),
            is_seen: terminal::is_seen(),
            waiting: Vec::new(),
            waits,
            common: BTreeMap::new(),
            printed: 0,
            newest: 0,
            rest: Vec::new(),
            cut: None,
            cost: None,
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
                    self.show(Line { time: timestamp.parse().unwrap_or(0), labels: stream, text: line });
                }
                Received::Cut { cursor } => self.cut = Some(cursor),
                Received::Cost { stats } => self.spend(&stats),
                Received::Failed { error } => return Err(Failure::Failed(error)),
            }
        }
        Ok(())
    }

    /// Where the list that was added last was cut, if it was; then it is not told at the end.
    pub(super) fn take_cut(&mut self) -> Option<String> {
        self.cut.take()
    }

    /// Takes what an answer cost.
    pub(super) fn spend(&mut self, stats: &Value) {
        self.cost.get_or_insert_default().add(stats);
    }

    /// The latest time of any line so far.
    pub(crate) const fn newest(&self) -> i64 {
        self.newest
    }

    /// Takes a line.
    pub(crate) fn show(&mut self, line: Line) {
        self.newest = self.newest.max(line.time);
        if let Some(progress) = &mut self.progress {
            progress.tell(self.printed + self.waiting.len() + 1, line.time);
        }
        if self.waits { self.waiting.push(line) } else { self.print(line) }
    }

    /// Prints what waits; tells what the answers cost, if they told it.
    pub(super) fn finish(mut self) -> Option<Cost> {
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
        self.write(self.end());
        if let Some(cursor) = self.cut.as_ref().filter(|_| !self.output.quiet) {
            let lines = self.printed;
            complain(&match self.words {
                Language::English => {
                    format!("{lines} lines, and there are more: --limit 0, or go on with --cursor {cursor}")
                }
                Language::Russian => format!("строк: {lines}, есть ещё: --limit 0, или дальше с --cursor {cursor}"),
            });
        }
        self.cost
    }

    fn print(&mut self, line: Line) {
        let shaped = self.shaped(line);
        let (before, after) = match (self.output.shape(), self.printed) {
            (Shape::Json, 0) => ("[\n", ""),
            (Shape::Json, _) => (",\n", ""),
            (Shape::Csv, 0) => (HEADING, "\n"),
            _ => ("", "\n"),
        };
        self.printed += 1;
        self.write(&format!("{before}{shaped}{after}"));
    }

    /// What stands behind all lines; where there are none, all there is.
    fn end(&self) -> &'static str {
        match (self.output.shape(), self.printed) {
            (Shape::Json, 0) => "[]\n",
            (Shape::Json, _) => "\n]\n",
            (Shape::Csv, 0) => HEADING,
            _ => "",
        }
    }

    /// A line in the shape that is wanted: its time to the millisecond for people, as exact as it is for programs.
    fn shaped(&self, line: Line) -> String {
        let Line { time, mut labels, text } = line;
        labels.retain(|name, value| {
            let is_wanted = self.output.include_label.is_empty() || self.output.include_label.contains(name);
            is_wanted && !self.output.exclude_label.contains(name) && self.common.get(name) != Some(value)
        });
        if self.output.no_labels {
            labels.clear();
        }
        let exact = || time::exact(time, &self.zone);
        match self.output.shape() {
            Shape::Raw => text,
            Shape::Jsonl | Shape::Json => {
                let object = json!({"labels": labels, "line": text, "timestamp": exact()});
                self.safe(&object.to_string()).into_owned()
            }
            Shape::Csv => [exact(), braces(&labels), text].map(|cell| quoted(&self.safe(&cell))).join(","),
            Shape::Default | Shape::Table => {
                let at = self.dimmed(&time::shown(time, &self.zone));
                let labels = if labels.is_empty() { String::new() } else { self.coloured(&labels) + " " };
                format!("{at} {labels}{}", self.safe(&text))
            }
        }
    }

    /// Text that may be shown where the lines go.
    fn safe<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_seen { self.output.for_terminal(text) } else { Cow::Borrowed(text) }
    }

    fn dimmed(&self, text: &str) -> String {
        if self.colours { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Labels, in the colour of the level.
    fn coloured(&self, labels: &BTreeMap<String, String>) -> String {
        let text = braces(labels);
        let text = self.safe(&text);
        let level = labels.get("detected_level").or_else(|| labels.get("level")).map(String::as_str);
        if self.colours {
            format!("\u{1b}[{}m{text}\u{1b}[0m", colour(level.unwrap_or_default()))
        } else {
            text.into_owned()
        }
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

#[cfg(test)]
mod tests;
