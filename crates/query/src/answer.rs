//! What comes back, as plain data; how it looks on the wire is the server's business.

use std::collections::BTreeMap;
use std::time::Duration;

use auth::Cost;
use logline::{Labels, Timestamp};

use crate::error::Error;

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T = Data> {
    /// What was asked for.
    pub data: T,
    /// What it took, as far as whoever asked may be told.
    pub stats: Stats,
    /// What it took, for the audit trail alone.
    pub cost: Cost,
    /// What the caller should know beside it.
    pub warnings: Vec<String>,
}

impl<T> Answer<T> {
    /// What was made of it; it took the same.
    pub(crate) fn try_map<U>(self, make: impl FnOnce(T) -> Result<U, Error>) -> Result<Answer<U>, Error> {
        let Self { data, stats, cost, warnings } = self;
        Ok(Answer { data: make(data)?, stats, cost, warnings })
    }
}

impl Answer {
    /// Without the series beyond so many, of which a warning tells.
    pub(crate) fn in_part(mut self, most: usize) -> Self {
        match &mut self.data {
            Data::Matrix(series) if most < series.len() => series.truncate(most),
            Data::Vector(samples) if most < samples.len() => samples.truncate(most),
            _ => return self,
        }
        let reached = format!("maximum number of series ({most}) reached for a single query");
        self.warnings.push(format!("{reached}; returning partial results"));
        self
    }
}

/// The four shapes of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Lines by stream, streams sorted by the text of their labels.
    Streams(Vec<LogStream>),
    /// Series over time, sorted by labels.
    Matrix(Vec<Series>),
    /// Series at one time: sorted by labels, or by value where the query says so.
    Vector(Vec<Sample>),
    /// A number at one time.
    Scalar(Timestamp, f64),
}

/// Lines of one stream, in the direction of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// What the pipeline left of the stream's own labels.
    pub labels: Labels,
    /// Its lines.
    pub entries: Vec<LogEntry>,
}

/// A line and the labels it has beside those of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The shipper's time.
    pub timestamp: Timestamp,
    /// The line after all stages.
    pub line: String,
    /// Labels from structured metadata, by name.
    pub metadata: Vec<(String, String)>,
    /// Labels from parsers, formatters and errors, by name; values may be empty.
    pub parsed: Vec<(String, String)>,
}

/// One series over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its points, oldest first; points without a value are left out.
    pub points: Vec<(Timestamp, f64)>,
}

/// One series at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: Labels,
    /// The time of the query.
    pub timestamp: Timestamp,
    /// Its value.
    pub value: f64,
}

/// What a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of text that were decoded.
    pub bytes: u64,
    /// Of these, those in memory.
    pub bytes_of_head: u64,
    /// Lines that were looked at.
    pub lines: u64,
    /// Of these, those in memory.
    pub lines_of_head: u64,
    /// Bytes of structured metadata that pipelines were given; ids with columns of their own are left out.
    pub metadata_bytes: u64,
    /// Streams that pipelines looked at.
    pub streams: u64,
    /// Lines that passed all filters.
    pub lines_kept: u64,
    /// Files that were opened.
    pub files: u64,
    /// Lines that were ruled out without being decoded.
    pub lines_pruned: u64,
    /// Of these, what times ruled out.
    pub lines_pruned_by_time: u64,
    /// Of these, what streams ruled out.
    pub lines_pruned_by_stream: u64,
    /// Of these, what only the index of words ruled out.
    pub lines_pruned_by_index: u64,
    /// Lines that were counted without a look at when they were written, since statistics told enough.
    pub lines_by_statistics: u64,
    /// Lines that were kept or left out without being read, since their patterns told enough.
    pub lines_by_pattern: u64,
    /// Bytes of the index of words that were read, not found in memory.
    pub index_bytes: u64,
    /// Lines, or points of series, in the answer.
    pub returned: u64,
    /// How long it waited for other queries.
    pub waited: Duration,
    /// From its begin to the answer.
    pub took: Duration,
}

impl Stats {
    /// What of it may be told to whoever asked. Reading goes over lines of others too, and how many of them an index
    /// ruled out tells whether a word stands in any: only those who see everything are told more than their answer.
    pub(crate) fn told(self, sees_everything: bool) -> Self {
        if sees_everything {
            return self;
        }
        let Self { lines_kept, returned, waited, took, .. } = self;
        Self { lines: lines_kept, lines_kept, returned, waited, took, ..Self::default() }
    }
}

impl Data {
    /// Number of lines or points.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Streams(streams) => streams.iter().map(|stream| stream.entries.len()).sum(),
            Self::Matrix(series) => series.iter().map(|series| series.points.len()).sum(),
            Self::Vector(samples) => samples.len(),
            Self::Scalar(..) => 1,
        }
    }
}

/// Puts metadata and parsed labels into the labels of the stream, as Loki answers clients that did not ask for
/// `categorize-labels`: lines are grouped anew, streams sorted by labels, lines in the order they had.
pub fn merge_labels(streams: Vec<LogStream>) -> Vec<LogStream> {
    let mut merged: BTreeMap<Labels, Vec<LogEntry>> = BTreeMap::new();
    for LogStream { labels: own, entries } in streams {
        for mut entry in entries {
            let mut labels = own.clone();
            for (name, value) in std::mem::take(&mut entry.metadata).iter().chain(&std::mem::take(&mut entry.parsed)) {
                labels.set(name, value);
            }
            merged.entry(labels).or_default().push(entry);
        }
    }
    let mut streams: Vec<_> = merged.into_iter().map(|(labels, entries)| LogStream { labels, entries }).collect();
    streams.sort_by_cached_key(|stream| stream.labels.to_string());
    streams
}
