//! The lines of a log query in its order, slice of time by slice, in bounded memory.

use arrow::array::Int64Array;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use logline::Timestamp;
use logql::LogExpr;
use storage::TimeRange;

use crate::error::Error;
use crate::exec::{column, line_fields};
use crate::export::Cursor;
use crate::logs::plan;
use crate::params::Direction;
use crate::run::Run;
use crate::slices::Slices;
use crate::view::View;

/// Only so many lines of a slice are kept while it is read, if no more are wanted; else all of a slice are sorted.
const MOST_KEPT: usize = 1 << 16;
/// What does not fit into memory is cut into so many parts.
const PARTS: u64 = 8;

/// What is read of a list of lines.
pub(crate) struct Pages {
    slices: Slices,
    direction: Direction,
    /// Lines that are still wanted.
    left: usize,
    page: Option<Page>,
    /// Where the lines that were given out end.
    given: Option<Cursor>,
    /// The time that was looked at.
    seen: Option<TimeRange>,
}

/// A slice while it is read.
struct Page {
    slice: TimeRange,
    rows: SendableRecordBatchStream,
    /// Lines at its beginning that were given out before.
    skip: usize,
}

impl Pages {
    /// The first `most` lines of slices, from a cursor on if there is one; it lies in the first slice then.
    pub(crate) const fn new(slices: Slices, direction: Direction, most: usize, from: Option<Cursor>) -> Self {
        Self { slices, direction, left: most, page: None, given: from, seen: None }
    }

    /// The next lines, as [`plan`] yields them.
    pub(crate) async fn next(&mut self, run: &Run, view: &View, log: &LogExpr) -> Result<Option<RecordBatch>, Error> {
        while self.left > 0 {
            let Some(page) = &mut self.page else {
                let Some(slice) = self.slices.next() else { return Ok(None) };
                self.page = Some(self.begin(slice, run, view, log)?);
                continue;
            };
            let slice = page.slice;
            let next = async { Ok(page.rows.next().await.transpose()?) };
            let batch = match run.within_limits(next).await {
                Ok(Some(batch)) => batch,
                Ok(None) => {
                    self.page = None;
                    continue;
                }
                Err(error) if error.is_about_memory() && self.retreat(slice) => continue,
                Err(error) => return Err(error),
            };
            let known = page.skip.min(batch.num_rows());
            page.skip -= known;
            let wanted = (batch.num_rows() - known).min(self.left);
            if wanted > 0 {
                let batch = batch.slice(known, wanted);
                self.left -= wanted;
                self.given = Some(after(self.given, &batch)?);
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn begin(&mut self, slice: TimeRange, run: &Run, view: &View, log: &LogExpr) -> Result<Page, Error> {
        self.look_again(slice, run, view);
        let known = self.given.filter(|given| slice.start <= given.time && given.time < slice.end);
        let skip = known.map_or(0, |given| given.seen);
        let fetch = (self.left <= MOST_KEPT).then(|| self.left.saturating_add(skip));
        Ok(Page { slice, rows: run.stream(plan(view, log, slice, self.direction, fetch)?)?, skip })
    }

    /// Has what earlier slices looked at counted once.
    fn look_again(&mut self, slice: TimeRange, run: &Run, view: &View) {
        if let Some(seen) = self.seen {
            let again = view.parts(&slice).into_iter().filter(|part| seen.overlaps(part.first, part.last));
            again.for_each(|part| run.look_again(u64::from(part.is_file), part.rows));
        }
        self.seen = Some(match self.seen {
            None => slice,
            Some(seen) => TimeRange { start: seen.start.min(slice.start), end: seen.end.max(slice.end) },
        });
    }

    /// A slice did not fit into memory: what was not given out of it comes in smaller ones, if there are any.
    fn retreat(&mut self, slice: TimeRange) -> bool {
        self.page = None;
        let span = slice.end.0.abs_diff(slice.start.0);
        let given = self.given.map(|given| given.time).filter(|time| slice.start <= *time && *time < slice.end);
        let rest = match (self.direction, given) {
            (Direction::Forward, Some(time)) => TimeRange { start: time, ..slice },
            (Direction::Backward, Some(time)) => TimeRange { end: Timestamp(time.0.saturating_add(1)), ..slice },
            (_, None) => slice,
        };
        if span > 1 {
            self.slices.give_back(rest, span.div_ceil(PARTS));
        }
        span > 1
    }
}

/// Where lines end after one more batch.
fn after(given: Option<Cursor>, batch: &RecordBatch) -> Result<Cursor, Error> {
    let times: &Int64Array = column(batch, line_fields::TIME)?;
    let times = times.values();
    let last = times.last().copied().unwrap_or_default();
    let seen = times.iter().rev().take_while(|time| **time == last).count();
    let before = given.filter(|given| given.time.0 == last && seen == times.len());
    Ok(Cursor { time: Timestamp(last), seen: seen + before.map_or(0, |given| given.seen) })
}
