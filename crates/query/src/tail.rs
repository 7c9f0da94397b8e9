//! Lines as they come in: a log query over batches instead of files.

use std::borrow::Cow;
use std::collections::BTreeMap;

use auth::{Scope, Services};
use logline::{Entry, Labels, Stream, Tenant};
use logql::{Expr, LogExpr};
use storage::logs::SERVICE_NAME;

use crate::answer::{LogEntry, LogStream};
use crate::error::Error;
use crate::pipeline::labels::Source;
use crate::pipeline::{LabelMatch, Pipeline, Row, Wanted, reordered};

/// Which of the lines that come in somebody wants to see and may see. Cheap to ask.
#[derive(Debug)]
pub struct TailFilter {
    tenant: Tenant,
    services: Services,
    matchers: Vec<LabelMatch>,
}

/// A log query over lines that come in.
#[derive(Debug)]
pub struct Tail {
    pipeline: Pipeline,
}

/// Makes both halves of a tail: what runs where lines come in, and what runs for the one who reads them.
pub fn tail(scope: &Scope, query: &str) -> Result<(TailFilter, Tail), Error> {
    let log = parse(query)?;
    let filter = TailFilter {
        tenant: scope.tenant().clone(),
        services: scope.services().clone(),
        matchers: log.selector.matchers.iter().map(LabelMatch::new).collect(),
    };
    let pipeline = Pipeline::compile(reordered(&log.stages), &Wanted::All)?;
    Ok((filter, Tail { pipeline }))
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
        let may_see = match &self.services {
            Services::All => true,
            Services::Only(names) => labels.get(SERVICE_NAME).is_some_and(|service| names.contains(service)),
        };
        *tenant == self.tenant
            && may_see
            && self.matchers.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name).unwrap_or_default()))
    }
}

impl Tail {
    /// What the pipeline makes of the lines of a stream, in their order, grouped by the labels that are left of the
    /// stream's.
    pub fn lines(&mut self, stream: &Stream) -> Vec<LogStream> {
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
