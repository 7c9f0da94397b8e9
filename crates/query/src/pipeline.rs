//! What happens to each line between the scan and the result: the stages of a log query, compiled.
//!
//! One file a stage family. A stage may keep scratch memory between lines, so each partition compiles its own
//! pipeline and nothing is shared or allocated per line without need.

mod decolorize;
mod facts;
mod ip;
mod json;
mod json_text;
mod label_filter;
mod label_format;
mod label_names;
pub(crate) mod labels;
mod line_filter;
mod logfmt;
mod order;
mod pattern;
mod regexp;
pub(crate) mod sample;
pub(crate) mod series;
mod template;
mod unpack;
mod wanted;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use logline::{Labels, Reader};
use logql::ast::{self, Parser};

pub(crate) use self::json::push_sanitized;
pub(crate) use self::label_filter::LabelMatch;
pub(crate) use self::labels::LabelSet;
pub(crate) use self::order::{Split, reordered, split};
pub(crate) use self::wanted::{Wanted, filter_names, names_used, reads_all, reads_line_itself};
use crate::error::Error;

/// A line on its way.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) line: Cow<'a, str>,
    pub(crate) labels: LabelSet<'a>,
    /// The time of the line, in nanoseconds since 1970.
    pub(crate) time: i64,
    /// The time of the query.
    pub(crate) now: i64,
}

impl<'a> Row<'a> {
    /// A row to be filled, in a query asked at `now`.
    pub(crate) fn new(stream: &'a Labels, now: i64) -> Self {
        Self { line: Cow::Borrowed(""), labels: LabelSet::new(stream), time: 0, now }
    }
}

/// One step of a pipeline.
trait Stage: fmt::Debug + Send {
    /// Changes the row and says whether it stays.
    fn apply(&mut self, row: &mut Row<'_>) -> bool;
}

/// The stages of a query, ready to run.
#[derive(Debug)]
pub(crate) struct Pipeline {
    stages: Vec<Box<dyn Stage>>,
}

impl Pipeline {
    /// Compiles stages that run in this order; parsers extract only what is wanted, `facts` by the names that `reader` knows.
    pub(crate) fn compile<'a>(
        stages: impl IntoIterator<Item = &'a ast::Stage>,
        wanted: &Wanted,
        reader: &Arc<Reader>,
    ) -> Result<Self, Error> {
        let stages = stages.into_iter().map(|stage| compile(stage, wanted, reader)).collect::<Result<_, _>>()?;
        Ok(Self { stages })
    }

    /// Sends a row through all stages and says whether it is left at the end.
    pub(crate) fn apply(&mut self, row: &mut Row<'_>) -> bool {
        self.stages.iter_mut().all(|stage| stage.apply(row))
    }

    /// Whether no stage is left to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}

fn compile(stage: &ast::Stage, wanted: &Wanted, reader: &Arc<Reader>) -> Result<Box<dyn Stage>, Error> {
    Ok(match stage {
        ast::Stage::LineFilter(filter) => Box::new(line_filter::LineFilter::new(filter)),
        ast::Stage::Parser(parser) => parser_stage(parser, wanted, reader),
        ast::Stage::LabelFilter(filter) => Box::new(label_filter::LabelFilter::new(filter)),
        ast::Stage::LineFormat(format) => Box::new(label_format::LineFormat::new(format)?),
        ast::Stage::LabelFormat(formats) => Box::new(label_format::LabelFormats::new(formats)?),
        ast::Stage::Decolorize(_) => Box::new(decolorize::Decolorize::new()),
        ast::Stage::Drop(names) => Box::new(label_names::Drop::new(names)),
        ast::Stage::Keep(names) => Box::new(label_names::Keep::new(names)),
    })
}

fn parser_stage(parser: &Parser, wanted: &Wanted, reader: &Arc<Reader>) -> Box<dyn Stage> {
    match parser {
        Parser::Json(json) if json.fields.is_empty() => Box::new(json::JsonFields::new(wanted.clone())),
        Parser::Json(json) => Box::new(json::JsonPaths::new(json.fields.clone())),
        Parser::Logfmt(logfmt) if logfmt.fields.is_empty() => {
            Box::new(logfmt::LogfmtKeys::new(logfmt.flags, wanted.clone()))
        }
        Parser::Logfmt(logfmt) => Box::new(logfmt::LogfmtFields::new(logfmt.flags, logfmt.fields.clone())),
        Parser::Regexp(regex, _) => Box::new(regexp::Regexp::new(regex, wanted)),
        Parser::Pattern(pattern, _) => Box::new(pattern::Pattern::new(pattern, wanted.clone())),
        Parser::Unpack(_) => Box::new(unpack::Unpack::new(wanted.clone())),
        Parser::Facts(_) => Box::new(facts::Facts::new(wanted.clone(), Arc::clone(reader))),
    }
}
