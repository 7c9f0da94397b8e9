//! The pipeline of a metric query: which columns it reads, and how the lines of a batch become samples of series.

mod feed;

use std::collections::BTreeSet;
use std::sync::Arc;

use logline::Reader;
use logql::ast::{MetricExpr, Parser, RangeAggregation, RangeOp, Stage};
use logql::{Expr, Selector};
use serde::{Deserialize, Serialize};
use storage::{Stretches, logs};

use self::feed::Known;
use super::batches::Streams;
use crate::error::Error;
use crate::pipeline::sample::Sample;
use crate::pipeline::series::Grouping;
use crate::pipeline::{Pipeline, Split, Wanted, filter_names, names_used, reads_all, reads_line_itself, split};
use crate::range::{Aggregate, Windows};

/// The stages that the scan left over, and a grouping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Samples {
    /// The range aggregation.
    pub(crate) query: String,
    /// The labels that matter afterwards.
    pub(crate) grouping: Grouping,
}

/// A range aggregation's pipeline, ready to run on one partition.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// What the scan filters by, apart from the selector.
    pub(crate) split: Split,
    pipeline: Pipeline,
    sample: Sample,
    grouping: Grouping,
    wanted: Wanted,
    /// Ids among the structured metadata on which the stages, the sample or the series may depend.
    ids: Vec<&'static str>,
    /// Whether they may depend on other structured metadata.
    has_metadata: bool,
    /// The names of these, unless all of them matter.
    pub(crate) pairs: Option<Vec<String>>,
    has_line: bool,
    /// The names that JSON in the line is asked for, when nothing else of the line matters.
    pub(crate) json: Option<Vec<String>>,
    has_streams: bool,
    /// Whether it matters when a line was written; if not, all lines count for the only window.
    has_times: bool,
    /// Whether every line is a sample of 1 and its series follows from its stream, unless it has metadata that matters, so
    /// that the scan may count.
    counts: bool,
    windows: Windows,
    streams: Streams,
    known: Known,
    /// The key of a series while it is written.
    key: String,
    /// The time of the query.
    now: i64,
}

impl Samples {
    /// Parses and compiles; fails for what cannot be answered. `now` is when the query was asked.
    pub(crate) fn compile(
        &self,
        aggregate: Aggregate,
        windows: Windows,
        (now, reader): (i64, &Arc<Reader>),
    ) -> Result<Compiled, Error> {
        let Expr::Metric(MetricExpr::Range(range)) = logql::parse(&self.query)? else {
            return Err(Error::internal("samples of something else than a range aggregation"));
        };
        Compiled::new(&range, self.grouping.clone(), aggregate, windows, (now, reader))
    }
}

impl Compiled {
    fn new(
        range: &RangeAggregation,
        grouping: Grouping,
        aggregate: Aggregate,
        windows: Windows,
        (now, reader): (i64, &Arc<Reader>),
    ) -> Result<Self, Error> {
        let mut split = split(&range.range.log.stages);
        let names = names_read(range, &grouping);
        let wanted = names.clone().map_or(Wanted::All, Wanted::only);
        if wanted.is_nothing() {
            // Parsers would find nothing that anybody looks at.
            split
                .stages
                .retain(|stage| !matches!(stage, Stage::Parser(parser) if !matches!(parser, Parser::Unpack(_))));
        }
        let is_bytes = matches!(range.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
        if !is_bytes {
            without_idle_formats(&mut split.stages);
        }
        let sample = match (&range.range.unwrap, range.op) {
            (Some(unwrap), _) => Sample::unwrapping(unwrap),
            (None, RangeOp::BytesOverTime | RangeOp::BytesRate) => Sample::Bytes,
            (None, _) => Sample::Line,
        };
        let always = names_always_set(&range.range.log.selector);
        let loses = |name: &str| wanted.has(&format!("{name}_extracted"));
        let of_lines = |name: &&String| !always.contains(*name) || loses(name);
        let is_id = |name: &&String| logs::KEYS.contains(&name.as_str());
        let names = names.map(|names| names.iter().filter(of_lines).filter(|n| !is_id(n)).cloned().collect::<Vec<_>>());
        let has_metadata = names.as_ref().is_none_or(|names| !names.is_empty());
        // What loses against a label of the stream is of no interest, unless it is asked for by its new name.
        let pairs = names.filter(|names| !names.iter().any(|name| loses(name)));
        let ids: Vec<_> = logs::KEYS.into_iter().filter(|id| wanted.has(id)).collect();
        let has_line = matches!(sample, Sample::Bytes) || split.stages.iter().any(reads_line);
        let is_plain = split.stages.is_empty() && matches!(sample, Sample::Line);
        let counts = is_plain && ids.is_empty() && (!has_metadata || pairs.is_some());
        let formats = |stage: &Stage| matches!(stage, Stage::LineFormat(_) | Stage::LabelFormat(_));
        let has_times = !windows.is_one() || aggregate.looks_at_times() || split.stages.iter().any(formats);
        let json = wanted.names().filter(|_| matches!(sample, Sample::Line) && reads_json_only(&split.stages));
        let json = json.map(<[String]>::to_vec);
        let pipeline = Pipeline::compile(&split.stages, &wanted, reader)?;
        Ok(Self {
            split,
            pipeline,
            sample,
            has_streams: !(counts && wanted.is_nothing() && !has_metadata),
            grouping,
            wanted,
            ids,
            has_metadata,
            pairs,
            has_line,
            json,
            has_times,
            counts,
            windows,
            streams: Streams::default(),
            known: Known::default(),
            key: String::new(),
            now,
        })
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> Vec<String> {
        let mut columns = Vec::new();
        columns.extend(self.has_streams.then_some(logs::STREAM));
        columns.extend(self.has_times.then_some([logs::TIMESTAMP, logs::NANOS]).into_iter().flatten());
        columns.extend(self.has_line.then_some(logs::LINE));
        columns.extend(self.has_metadata.then_some(logs::METADATA));
        columns.extend(self.counts.then_some(logs::COUNT));
        columns.extend(&self.ids);
        columns.into_iter().map(str::to_owned).collect()
    }

    /// The labels of streams that it met for the first time.
    pub(crate) fn fresh_streams(&mut self) -> Vec<String> {
        self.streams.fresh()
    }

    /// The stretches of time that the scan must tell apart when it counts.
    pub(crate) fn stretches(&self) -> Option<Stretches> {
        (self.counts && self.has_times).then(|| self.windows.stretches())
    }
}

/// Names of the labels that anything looks at; `None` when all labels end up in the series.
fn names_read(range: &RangeAggregation, grouping: &Grouping) -> Option<BTreeSet<String>> {
    let Grouping::By(kept) = grouping else { return None };
    if reads_all(&range.range.log.stages) {
        return None;
    }
    let mut names = names_used(&range.range.log.stages);
    names.extend(kept.iter().cloned());
    if let Some(unwrap) = &range.range.unwrap {
        names.insert(unwrap.label.clone());
        unwrap.filters.iter().for_each(|filter| filter_names(filter, &mut names));
    }
    Some(names)
}

/// Whether stages look at nothing of a line but what one `json` extracts.
fn reads_json_only(stages: &[Stage]) -> bool {
    let mut parsers = 0;
    let is_fine = |stage: &Stage| match stage {
        Stage::Parser(Parser::Json(json)) => {
            parsers += 1;
            json.fields.is_empty()
        }
        Stage::LabelFilter(_) | Stage::Keep(_) | Stage::Drop(_) => true,
        _ => false,
    };
    stages.iter().all(is_fine) && parsers == 1
}

/// Takes out each `line_format` whose line nobody reads, as Loki does: its errors go unnoticed.
fn without_idle_formats(stages: &mut Vec<Stage>) {
    let mut is_read = false;
    let mut kept: Vec<_> = std::mem::take(stages).into_iter().rev().collect();
    kept.retain(|stage| {
        let is_idle = !is_read && matches!(stage, Stage::LineFormat(_));
        is_read |= match stage {
            Stage::LineFilter(_) | Stage::Parser(_) => true,
            Stage::LabelFormat(_) => reads_line_itself(stage),
            Stage::LineFormat(_) => !is_idle && reads_line_itself(stage),
            Stage::LabelFilter(_) | Stage::Decolorize(_) | Stage::Drop(_) | Stage::Keep(_) => false,
        };
        !is_idle
    });
    kept.reverse();
    *stages = kept;
}

/// Names of the labels that every selected stream has.
fn names_always_set(selector: &Selector) -> BTreeSet<String> {
    let set = selector.matchers.iter().filter(|matcher| !matcher.test.accepts_empty());
    set.map(|matcher| matcher.name.clone()).collect()
}

const fn reads_line(stage: &Stage) -> bool {
    match stage {
        Stage::LineFilter(_)
        | Stage::Parser(_)
        | Stage::LineFormat(_)
        | Stage::LabelFormat(_)
        | Stage::Decolorize(_) => true,
        Stage::LabelFilter(_) | Stage::Drop(_) | Stage::Keep(_) => false,
    }
}
