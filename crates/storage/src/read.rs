//! Answers a scan: reads files or head, filters, projects, on the blocking threads of the runtime.

mod file;
mod footers;
mod head;
mod output;
mod prune;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::AsArray;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::{BoxStream, unfold};

pub(crate) use self::file::FileRows;
pub(crate) use self::footers::Footers;
pub(crate) use self::head::HeadRows;
pub(crate) use self::output::Output;
use crate::filter::Filter;
use crate::index::Need;
use crate::logs::LINE;
use crate::{Error, Scan, SharedStats, TableSpec};

/// Rows of an output batch, and of a page in a file.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// What both readers need to know of a scan.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) spec: TableSpec,
    pub(crate) filter: Filter,
    /// What the token indexes of files are asked for.
    pub(crate) need: Need,
    pub(crate) output: Output,
    pub(crate) stats: SharedStats,
}

/// What one step of a reader gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// Rows that were kept.
    Rows(RecordBatch),
    /// Nothing yet; step again.
    More,
    /// There is no more.
    Done,
}

/// A reader that works in steps of some milliseconds, so that a dropped stream stops it soon.
pub(crate) trait Steps: Send + 'static {
    fn step(&mut self) -> Result<Step, Error>;
}

impl Plan {
    pub(crate) fn new(spec: &TableSpec, scan: &Scan, stats: &SharedStats) -> Result<Self, Error> {
        let filter = Filter::new(&spec.schema, scan.range, &scan.predicate, &scan.visibility)?;
        Ok(Self {
            spec: spec.clone(),
            need: filter.need(),
            filter,
            output: Output::new(&spec.schema, &scan.projection, scan.visibility.masks())?,
            stats: Arc::clone(stats),
        })
    }

    fn count(&self, counter: impl Fn(&crate::ScanStats) -> &AtomicU64, by: usize) {
        counter(&self.stats).fetch_add(by as u64, Ordering::Relaxed);
    }

    /// Counts the bytes of line text in decoded rows.
    fn count_lines(&self, rows: &RecordBatch) {
        if let Some(lines) = rows.column_by_name(LINE).and_then(|lines| lines.as_string_opt::<i32>()) {
            let (first, last) = (lines.value_offsets().first(), lines.value_offsets().last());
            let bytes = last.unwrap_or(&0) - first.unwrap_or(&0);
            self.count(|stats| &stats.bytes_read, usize::try_from(bytes).unwrap_or(0));
        }
    }
}

/// Runs a reader's steps on blocking threads, one after the other, as the stream is polled.
pub(crate) fn stream(reader: impl Steps) -> BoxStream<'static, Result<RecordBatch, Error>> {
    unfold(Some(reader), |state| async move {
        let mut reader = state?;
        loop {
            let stepped = tokio::task::spawn_blocking(move || {
                let step = reader.step();
                (reader, step)
            });
            match stepped.await {
                Ok((next, Ok(Step::More))) => reader = next,
                Ok((next, Ok(Step::Rows(rows)))) => return Some((Ok(rows), Some(next))),
                Ok((_, Ok(Step::Done))) => return None,
                Ok((_, Err(error))) => return Some((Err(error), None)),
                Err(error) => return Some((Err(Error::internal(format!("a scan ended early: {error}"))), None)),
            }
        }
    })
    .boxed()
}
