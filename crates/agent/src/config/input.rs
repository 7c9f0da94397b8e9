//! The `[[input]]` tables: where lines come from, and what is made of them.

mod claims;
mod network;
mod shaping;

use std::net::SocketAddr;
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use logline::{Labels, LineTime, Timestamp};
use stdx::{Settings, parse_duration};

use crate::charset::Charset;
use crate::glob::Glob;
use crate::join::Join;
use crate::shape::{PathLabels, Shape};
pub(crate) use network::{ForwardInput, SyslogInput};

/// Where lines come from.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) kind: Kind,
    pub(crate) labels: Labels,
    pub(crate) join: Option<Join>,
    pub(crate) shape: Shape,
}

/// What is read.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Files.
    Files(Files),
    /// The agent's standard input, until it ends.
    Stdin,
    /// What a program writes.
    Command(CommandInput),
    /// systemd's journal.
    Journal(JournalInput),
    /// Syslog from the network.
    Syslog(SyslogInput),
    /// Fluent's forward protocol.
    Forward(ForwardInput),
}

/// Files, and how their bytes are lines.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) paths: Vec<Glob>,
    pub(crate) exclude: Vec<Glob>,
    pub(crate) start: Start,
    /// Whether the kernel is asked to tell of changes.
    pub(crate) watch: bool,
    pub(crate) charset: Charset,
    /// Whether a container runtime wrote them.
    pub(crate) container: bool,
    pub(crate) path_labels: Option<PathLabels>,
}

/// Where reading starts in files that are there when an input is first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At their first byte.
    Head,
    /// Behind their last byte.
    End,
    /// At the first line of this time or later.
    At(Timestamp),
    /// At the first line that is not older than this.
    Back(Duration),
}

/// A program whose output is read.
#[derive(Clone, Debug)]
pub(crate) struct CommandInput {
    pub(crate) command: Vec<String>,
    /// How long after its end it is started again.
    pub(crate) restart: Duration,
}

/// The journal, or a part of it.
#[derive(Clone, Debug)]
pub(crate) struct JournalInput {
    /// What its cursor is saved under.
    pub(crate) name: String,
    pub(crate) units: Vec<String>,
    pub(crate) start: Start,
    pub(crate) command: String,
}

/// Reads all inputs; none may want the address that the agent itself listens on.
pub(super) fn inputs(settings: &mut Settings, listen: Option<SocketAddr>) -> Vec<Input> {
    let keys = settings.tables("input");
    let inputs: Vec<_> = keys.iter().map(|key| input(settings, key)).collect();
    claims::check(settings, &inputs, listen);
    inputs
}

fn input(settings: &mut Settings, key: &str) -> Input {
    let of = |name: &str| format!("{key}.{name}");
    let words = ["files", "stdin", "command", "journal", "syslog", "forward"].map(|word| (word, word));
    let doc = "What is read: `files`, `stdin`, `command`, `journal`, `syslog` or `forward`.";
    let kind = settings.choice(&of("kind"), &words, "files", doc).unwrap_or("files");
    let timezone = timezone(settings, &of("timezone"));
    let kind = match kind {
        "stdin" => Kind::Stdin,
        "command" => Kind::Command(command(settings, key)),
        "journal" => Kind::Journal(journal(settings, key, &timezone)),
        "syslog" => Kind::Syslog(network::syslog(settings, key)),
        "forward" => Kind::Forward(network::forward(settings, key)),
        _ => Kind::Files(files(settings, key, &timezone)),
    };
    let has_path_labels = matches!(&kind, Kind::Files(Files { path_labels: Some(_), .. }));
    let labels = labels(settings, &of("labels"), has_path_labels);
    let shape = shaping::shape(settings, key, timezone);
    Input { kind, labels, join: shaping::join(settings, key), shape }
}

fn files(settings: &mut Settings, key: &str, timezone: &TimeZone) -> Files {
    let of = |name: &str| format!("{key}.{name}");
    let doc = "Files to read: `*` and `?` within a name, `**` for any number of folders.";
    let paths: Vec<String> = settings.required(&of("paths"), doc).unwrap_or_default();
    if paths.iter().any(String::is_empty) {
        settings.problem(&of("paths"), "has an empty path");
    }
    let exclude: Vec<String> =
        settings.or(&of("exclude"), Vec::new(), "Files to leave alone; without a `/`, the file's name is compared.");
    let start = start(settings, &of("start"), timezone);
    let doc = "`auto`: the kernel tells of changes, and each second everything is looked at; `poll`: only the latter.";
    let watch = settings.choice(&of("watch"), &[("auto", true), ("poll", false)], "auto", doc).unwrap_or(true);
    let doc = "How the bytes are text: `utf-8`, `utf-16le`, `utf-16be`, `windows-1251`, `koi8-r`, `cp866`.";
    let charset = settings.choice(&of("encoding"), &Charset::ALL, "utf-8", doc).unwrap_or_default();
    let doc = "Files that Docker (json-file) or a Kubernetes runtime (CRI) wrote: time, `stream` and whole lines are taken out.";
    let container = settings.or(&of("container"), false, doc);
    if container && charset != Charset::Utf8 {
        settings.problem(&of("encoding"), "must be `utf-8` with `container = true`");
    }
    let doc = "Labels from the path: `/var/log/{env}/{service}.log`, or a pattern with groups `(?<service>…)`.";
    let text: Option<String> = settings.optional(&of("path_labels"), doc);
    let path_labels = match text.as_deref().map(PathLabels::new) {
        Some(Ok(labels)) => Some(labels),
        Some(Err(problem)) => {
            settings.problem(&of("path_labels"), problem);
            None
        }
        None => container.then(PathLabels::containers),
    };
    let globs = |texts: &[String]| texts.iter().map(|text| Glob::new(text)).collect();
    Files { paths: globs(&paths), exclude: globs(&exclude), start, watch, charset, container, path_labels }
}

fn start(settings: &mut Settings, key: &str, timezone: &TimeZone) -> Start {
    let doc = "Where reading starts in what is there when the input is first seen: `head`, `end`, a time, or a duration \
               back from now such as `2d`.";
    let text = settings.or(key, "head".to_owned(), doc);
    let time = || LineTime::parse(&text, timezone).map(|time| Start::At(time.at));
    match text.as_str() {
        "head" => Start::Head,
        "end" => Start::End,
        text => parse_duration(text).map(Start::Back).or_else(time).unwrap_or_else(|| {
            let want = "`head`, `end`, a time such as `2026-11-01T00:00:00Z` or a duration such as `2d`";
            settings.problem(key, format!("is `{text}`, but must be {want}"));
            Start::Head
        }),
    }
}

fn command(settings: &mut Settings, key: &str) -> CommandInput {
    let doc = "The program and its arguments; each line of its standard output is one of the input.";
    let command: Vec<String> = settings.required(&format!("{key}.command"), doc).unwrap_or_default();
    if command.first().is_none_or(String::is_empty) {
        settings.problem(&format!("{key}.command"), "names no program");
    }
    let doc = "How long after its end the program is started again.";
    let restart = settings.or(&format!("{key}.restart"), Duration::from_secs(10), doc);
    CommandInput { command, restart }
}

fn journal(settings: &mut Settings, key: &str, timezone: &TimeZone) -> JournalInput {
    let doc = "What the place in the journal is saved under; two inputs from journals need two names.";
    let name = settings.or(&format!("{key}.name"), "journal".to_owned(), doc);
    let units = settings.or(&format!("{key}.units"), Vec::new(), "Units whose entries are read; none: all.");
    let start = start(settings, &format!("{key}.start"), timezone);
    let doc = "The program that reads the journal.";
    let command = settings.or(&format!("{key}.journalctl"), "journalctl".to_owned(), doc);
    JournalInput { name, units, start, command }
}

fn labels(settings: &mut Settings, key: &str, may_be_empty: bool) -> Labels {
    let pairs = settings.map::<String>(key, "Labels of the lines; `service` is the one the rest of Lapidary goes by.");
    if pairs.is_empty() && !may_be_empty {
        settings.problem(key, "is missing; want at least `{ service = \"…\" }`");
    }
    for (name, value) in &pairs {
        check_label(settings, &format!("{key}.{name}"), name);
        if value.is_empty() {
            settings.problem(&format!("{key}.{name}"), "is empty");
        }
    }
    Labels::new(pairs).unwrap_or_default()
}

fn check_label(settings: &mut Settings, key: &str, name: &str) {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
        settings.problem(key, "is not a label name: letters, digits and `_`, no digit first");
    }
}

fn timezone(settings: &mut Settings, key: &str) -> TimeZone {
    let doc = "Where a date-time without a zone is meant, as an offset: `+03:00`.";
    let text = settings.or(key, "+00:00".to_owned(), doc);
    offset(&text).unwrap_or_else(|| {
        settings.problem(key, format!("is `{text}`, but must be an offset such as `+03:00`"));
        TimeZone::UTC
    })
}

fn offset(text: &str) -> Option<TimeZone> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let number =
        |text: &str, below: i32| (text.len() == 2).then(|| text.parse().ok())?.filter(|n| (0..below).contains(n));
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60;
    Offset::from_seconds(sign * seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests;
