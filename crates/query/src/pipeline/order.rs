//! The order in which stages run, and which line filters the scan can take over.

use logql::ast::{LineFilter, Needle, Stage};
use storage::{Predicate, TextMatch, logs};

use crate::matchers::of_ids;

/// The stages of a query, divided between scan and pipeline.
#[derive(Debug)]
pub(crate) struct Split {
    /// What the scan filters by.
    pub(crate) predicate: Predicate,
    /// What the pipeline runs, in this order.
    pub(crate) stages: Vec<Stage>,
}

/// Moves line filters ahead as Loki does, and those that see the line as it is stored into the scan's predicate.
pub(crate) fn split(stages: &[Stage]) -> Split {
    let mut split = Split { predicate: Predicate::True, stages: Vec::new() };
    let mut is_changed = false;
    for stage in reordered(stages) {
        if let Stage::LineFilter(filter) = stage
            && !is_changed
            && let Some(predicate) = predicate(filter)
        {
            split.predicate = std::mem::replace(&mut split.predicate, Predicate::True).and(predicate);
            continue;
        }
        if let Stage::LabelFilter(filter) = stage
            && split.stages.iter().all(|stage| matches!(stage, Stage::LabelFilter(_) | Stage::LineFilter(_)))
        {
            split.predicate = std::mem::replace(&mut split.predicate, Predicate::True).and(of_ids(filter));
        }
        is_changed |= changes_line(stage);
        split.stages.push(stage.clone());
    }
    split
}

/// Line filters run before the parsers, formatters and `drop`, `keep`, `decolorize` in front of them, but never cross a
/// label filter, `line_format` or `unpack`. This is visible: `| decolorize |= "x"` tests the coloured line.
pub(crate) fn reordered(stages: &[Stage]) -> Vec<&Stage> {
    let mut ordered = Vec::with_capacity(stages.len());
    let mut others = Vec::new();
    for stage in stages {
        match stage {
            Stage::LineFilter(_) => ordered.push(stage),
            stage if is_barrier(stage) => {
                ordered.append(&mut others);
                ordered.push(stage);
            }
            stage => others.push(stage),
        }
    }
    ordered.append(&mut others);
    ordered
}

fn is_barrier(stage: &Stage) -> bool {
    matches!(stage, Stage::LabelFilter(_) | Stage::LineFormat(_)) || is_unpack(stage)
}

fn changes_line(stage: &Stage) -> bool {
    matches!(stage, Stage::LineFormat(_) | Stage::Decolorize(_)) || is_unpack(stage)
}

fn is_unpack(stage: &Stage) -> bool {
    matches!(stage, Stage::Parser(logql::ast::Parser::Unpack(_)))
}

/// What the scan can do of a line filter; `None` when a needle is more than text or an expression.
fn predicate(filter: &LineFilter) -> Option<Predicate> {
    let needles: Option<Vec<_>> = filter.needles.iter().map(needle).collect();
    let mut needles = needles?;
    let any = if needles.len() == 1 { needles.pop()? } else { Predicate::Or(needles) };
    Some(if filter.negated { Predicate::Not(Box::new(any)) } else { any })
}

fn needle(needle: &Needle) -> Option<Predicate> {
    let text = match needle {
        Needle::Text(text) if text.is_empty() => return Some(Predicate::True),
        Needle::Text(text) => TextMatch::Contains(text.clone()),
        Needle::Regex(regex) => TextMatch::Regex(regex.rust().to_owned()),
        Needle::Pattern(_) | Needle::Ip(_) => return None,
    };
    Some(Predicate::Column { name: logs::LINE.to_owned(), text })
}

#[cfg(test)]
mod tests;
