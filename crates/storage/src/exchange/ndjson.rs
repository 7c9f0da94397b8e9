//! One JSON object a line.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, Read as _, Write};
use std::path::{Path, PathBuf};

use logline::{Entry, Labels};
use serde::{Deserialize, Serialize};

use super::{Exported, instant, sorted};
use crate::Error;

/// Longer lines are not read.
const MOST_BYTES: u64 = 64 << 20;

#[derive(Deserialize)]
struct Read {
    timestamp: Time,
    labels: LabelSet,
    line: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Text(String),
    Nanos(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LabelSet {
    Map(BTreeMap<String, String>),
    Text(String),
}

#[derive(Serialize)]
struct Written<'a> {
    timestamp: String,
    labels: Pairs<'a>,
    line: &'a str,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    metadata: Pairs<'a>,
}

struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl Pairs<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

/// Lines of a file.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    path: PathBuf,
    number: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(input: Box<dyn BufRead + Send>, path: &Path) -> Self {
        Self { input, path: path.to_owned(), number: 0, buffer: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Result<Option<Exported>, Error> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let read = self.input.by_ref().take(MOST_BYTES).read_until(b'\n', &mut self.buffer);
            if read.map_err(|error| Error::io("read", &self.path, error))? == 0 {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() {
                return self.parse().map(Some);
            }
        }
    }

    fn parse(&self) -> Result<Exported, Error> {
        let wrong = |reason: &dyn fmt::Display| {
            Error::invalid(format!("`{}`, line {}: {reason}", self.path.display(), self.number))
        };
        // Not serde's own message: it would quote the text.
        let shape = "not an object with `timestamp`, `labels` and `line`, such as \
                     {\"timestamp\":\"1795305600000000000\",\"labels\":{\"service_name\":\"shop\"},\"line\":\"…\"}";
        let read: Read = serde_json::from_slice(&self.buffer).map_err(|_| wrong(&shape))?;
        let timestamp = match &read.timestamp {
            Time::Text(text) => {
                instant(text).ok_or_else(|| wrong(&"`timestamp` is neither nanoseconds nor RFC 3339"))?
            }
            Time::Nanos(nanos) => logline::Timestamp(*nanos),
        };
        let labels = match read.labels {
            LabelSet::Map(pairs) => Labels::new(pairs),
            LabelSet::Text(text) => Labels::parse(&text),
        };
        let labels = labels.map_err(|error| wrong(&error))?;
        let metadata = sorted(read.metadata.into_iter().collect());
        Ok(Exported { labels, entry: Entry { timestamp, line: read.line, metadata } })
    }
}

/// A file that is being written.
pub(super) struct Out {
    out: Box<dyn Write + Send>,
    path: PathBuf,
}

impl Out {
    pub(super) fn new(out: Box<dyn Write + Send>, path: PathBuf) -> Self {
        Self { out, path }
    }

    pub(super) fn write(&mut self, lines: &[Exported]) -> Result<(), Error> {
        for Exported { labels, entry } in lines {
            let pairs = entry.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let written = Written {
                timestamp: entry.timestamp.0.to_string(),
                labels: Pairs(labels.iter().collect()),
                line: &entry.line,
                metadata: Pairs(pairs.collect()),
            };
            serde_json::to_writer(&mut self.out, &written)
                .map_err(std::io::Error::from)
                .and_then(|()| self.out.write_all(b"\n"))
                .map_err(|error| Error::io("write to", &self.path, error))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.out.flush().map_err(|error| Error::io("write to", &self.path, error))
    }
}
