//! Reads rows of the head with the same conditions as files.

use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;

use super::{BATCH_ROWS, Plan, Step, Steps};
use crate::Error;
use crate::head::{Part, Parts};
use crate::logs::LINE;

/// Rows of pinned parts.
#[derive(Debug)]
pub(crate) struct HeadRows {
    plan: Arc<Plan>,
    parts: std::vec::IntoIter<Arc<Part>>,
    current: Option<(Arc<Part>, usize)>,
}

impl HeadRows {
    pub(crate) fn new(plan: Arc<Plan>, parts: Parts) -> Self {
        Self { plan, parts: parts.into_iter(), current: None }
    }

    /// The next slice of rows, and whether all of them are within the range.
    fn next_slice(&mut self) -> Option<(RecordBatch, bool)> {
        let range = self.plan.filter.range;
        loop {
            if let Some((part, at)) = self.current.take() {
                let rows = (part.rows.num_rows() - at).min(BATCH_ROWS);
                if rows > 0 {
                    let slice = part.rows.slice(at, rows);
                    let inside = range.contains(part.first) && range.contains(part.last);
                    self.current = Some((part, at + rows));
                    return Some((slice, inside));
                }
            }
            let part = self.parts.next()?;
            if self.plan.filter.nothing || !range.overlaps(part.first, part.last) {
                self.plan.count(|stats| &stats.rows_pruned, part.rows.num_rows());
                if !self.plan.filter.nothing {
                    self.plan.count(|stats| &stats.rows_pruned_by_time, part.rows.num_rows());
                }
            } else {
                self.current = Some((part, 0));
            }
        }
    }
}

impl Steps for HeadRows {
    fn step(&mut self) -> Result<Step, Error> {
        let Some((mut rows, inside)) = self.next_slice() else { return Ok(Step::Done) };
        let plan = &self.plan;
        plan.count(|stats| &stats.rows_read, rows.num_rows());
        rows.column_by_name(LINE).into_iter().for_each(|lines| plan.count_lines(lines));
        if !inside {
            rows = keep(&rows, plan.filter.in_range(&rows))?;
        }
        for stage in &plan.filter.stages {
            if rows.num_rows() == 0 {
                break;
            }
            rows = keep(&rows, plan.filter.keep(stage, &rows, None)?)?;
        }
        if rows.num_rows() == 0 {
            return Ok(Step::More);
        }
        plan.count(|stats| &stats.rows_kept, rows.num_rows());
        plan.rows(&rows).map(Step::Rows)
    }
}

fn keep(rows: &RecordBatch, kept: arrow::buffer::BooleanBuffer) -> Result<RecordBatch, Error> {
    if kept.count_set_bits() == rows.num_rows() {
        return Ok(rows.clone());
    }
    filter_record_batch(rows, &BooleanArray::new(kept, None)).map_err(Error::internal)
}
