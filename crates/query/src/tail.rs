//! Lines as they come in: a log query over batches instead of files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use auth::{Scope, Sight, Veil};
use logline::{Entry, HIDDEN, KeyValues, Labels, Reader, Stream, Tenant};
use logql::{Expr, LogExpr};

use crate::answer::{LogEntry, LogStream};
use crate::error::Error;
use crate::pipeline::labels::Source;
use crate::pipeline::{LabelMatch, Pipeline, Row, Wanted, reordered};

/// Which of the lines that come in somebody wants to see and may see. Cheap to ask.
#[derive(Debug)]
pub struct TailFilter {
    tenant: Tenant,
    sight: Sight,
    matchers: Vec<LabelMatch>,
}

/// A log query over lines that come in.
#[derive(Debug)]
pub struct Tail {
    pipeline: Pipeline,
    sight: Sight,
}

/// Makes both halves of a tail: what runs where lines come in, and what runs for the one who reads them. `facts` are read
/// with this reader.
pub fn tail(scope: &Scope, query: &str, reader: &Arc<Reader>) -> Result<(TailFilter, Tail), Error> {
    let log = parse(query)?;
    let sight = scope.sight(scope.tenant()).clone();
    let matchers = log.selector.matchers.iter().map(LabelMatch::new).collect();
    let filter = TailFilter { tenant: scope.tenant().clone(), sight: sight.clone(), matchers };
    let pipeline = Pipeline::compile(reordered(&log.stages), &Wanted::All, reader)?;
    Ok((filter, Tail { pipeline, sight }))
}

fn parse(query: &str) -> Result<LogExpr, Error> {
    let expr = logql::parse(query)?;
    expr.validate_for_query()?;
    match expr {
        Expr::Log(log) => Ok(log),
        Expr::Metric(_) => Err(Error::invalid("only log queries can be tailed: a selector and its pipeline")),
    }
}

impl TailFilter {
    /// Whether the lines of this stream are wanted, and may be seen.
    pub fn selects(&self, tenant: &Tenant, labels: &Labels) -> bool {
        if *tenant != self.tenant || !self.sight.shows(labels) {
            return false;
        }
        // A selector cannot probe labels that are hidden.
        let seen = seen_labels(&self.sight, labels);
        self.matchers.iter().all(|matcher| matcher.accepts(seen.get(&matcher.name).unwrap_or_default()))
    }
}

impl Tail {
    /// What the pipeline makes of the lines of a stream, in their order, grouped by the labels that are left of the
    /// stream's.
    pub fn lines(&mut self, stream: &Stream) -> Vec<LogStream> {
        match veiled(&self.sight, stream) {
            None => self.seen_lines(stream),
            Some(seen) => self.seen_lines(&seen),
        }
    }

    fn seen_lines(&mut self, stream: &Stream) -> Vec<LogStream> {
        let mut found: BTreeMap<Labels, Vec<LogEntry>> = BTreeMap::new();
        let mut row = Row::new(&stream.labels, 0);
        for entry in &stream.entries {
            row.line = Cow::Borrowed(&entry.line);
            // A tail shows lines as they come: their time is the time of the question.
            (row.time, row.now) = (entry.timestamp.0, entry.timestamp.0);
            row.labels.reset(&stream.labels);
            entry.metadata.iter().for_each(|(name, value)| row.labels.add_metadata(name, value));
            if self.pipeline.apply(&mut row) {
                let (labels, entry) = seen(entry, &row);
                found.entry(labels).or_default().push(entry);
            }
        }
        found.into_iter().map(|(labels, entries)| LogStream { labels, entries }).collect()
    }
}

/// The labels as they are seen.
fn seen_labels<'l>(sight: &Sight, labels: &'l Labels) -> Cow<'l, Labels> {
    let mut seen = Cow::Borrowed(labels);
    for veil in sight.veils_on(labels) {
        for name in veil.mask.iter().filter(|name| labels.get(name).is_some()) {
            seen.to_mut().set(name, HIDDEN);
        }
    }
    for name in sight.veils_on(labels).flat_map(|veil| &veil.hide).filter(|name| labels.get(name).is_some()) {
        seen.to_mut().set(name, "");
    }
    seen
}

/// The stream as it is seen, as a scan would show it; `None` when nothing of it is hidden.
fn veiled(sight: &Sight, stream: &Stream) -> Option<Stream> {
    let veils: Vec<_> = sight.veils_on(&stream.labels).collect();
    if veils.is_empty() {
        return None;
    }
    let is_in = |of: fn(&Veil) -> &BTreeSet<String>, name: &str| veils.iter().any(|veil| of(veil).contains(name));
    let names = veils.iter().flat_map(|veil| veil.hide.iter().chain(&veil.mask)).map(String::as_str);
    let (keys, lines) = (KeyValues::new(names), veils.iter().any(|veil| veil.lines));
    let pair = |(name, value): &(String, String)| {
        let value = if is_in(|veil| &veil.mask, name) { HIDDEN } else { value };
        (!is_in(|veil| &veil.hide, name)).then(|| (name.clone(), value.to_owned()))
    };
    let entry = |entry: &Entry| Entry {
        timestamp: entry.timestamp,
        line: match &keys {
            _ if lines => HIDDEN.to_owned(),
            Some(keys) => keys.hidden(&entry.line).into_owned(),
            None => entry.line.clone(),
        },
        metadata: entry.metadata.iter().filter_map(pair).collect(),
    };
    let labels = seen_labels(sight, &stream.labels).into_owned();
    Some(Stream { labels, entries: stream.entries.iter().map(entry).collect() })
}

fn seen(entry: &Entry, row: &Row<'_>) -> (Labels, LogEntry) {
    let (mut labels, mut metadata, mut parsed) = (Labels::default(), Vec::new(), Vec::new());
    for (name, value, source) in row.labels.iter() {
        match source {
            Source::Stream => labels.set(name, value),
            Source::Metadata => metadata.push((name.to_owned(), value.to_owned())),
            Source::Parsed => parsed.push((name.to_owned(), value.to_owned())),
        }
    }
    metadata.sort();
    parsed.sort();
    (labels, LogEntry { timestamp: entry.timestamp, line: row.line.clone().into_owned(), metadata, parsed })
}
