//! Answers a scan: reads files or head, filters, projects, on the blocking threads of the runtime.

mod columns;
mod decode;
mod file;
mod footers;
mod head;
mod lines;
mod output;
mod page;
mod prune;
mod tally;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::{BoxStream, unfold};

pub(crate) use self::file::FileRows;
pub(crate) use self::footers::{Footers, Opened};
pub(crate) use self::head::HeadRows;
pub(crate) use self::output::Output;
pub(crate) use self::words::{FileIndex, Unread};
use crate::filter::{Filter, Hidden};
use crate::logs::{LINE, METADATA, STREAM};
use crate::{Error, Predicate, Scan, SharedStats, Stretches, TableSpec, TimeRange, Visibility};

/// Rows of an output batch.
pub(crate) const BATCH_ROWS: usize = 8_192;
/// Rows that are read from the store together, and decoded together when there is no text among them.
const UNIT_ROWS: usize = 65_536;

/// What both readers need to know of a scan.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) spec: TableSpec,
    pub(crate) filter: Filter,
    pub(crate) output: Output,
    pub(crate) stats: SharedStats,
    /// See [`Scan::pairs`].
    pairs: Option<Vec<String>>,
    /// See [`Scan::stretches`].
    stretches: Option<Stretches>,
    /// See [`Scan::json`]; none where a veil looks at lines.
    json: Option<Vec<String>>,
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
    pub(crate) fn new(spec: &TableSpec, scan: &Scan, hidden: &[Hidden], stats: &SharedStats) -> Result<Self, Error> {
        let filter = Filter::new(&spec.schema, scan.range, &scan.predicate, &scan.visibility, hidden)?;
        let output = Output::new(&spec.schema, &scan.projection, scan.visibility.masks())?;
        Ok(Self {
            spec: spec.clone(),
            output: output.behind(filter.veils().cloned()),
            json: scan.json.clone().filter(|_| filter.veils().is_none()),
            filter,
            stats: Arc::clone(stats),
            pairs: scan.pairs.clone(),
            stretches: scan.stretches,
        })
    }

    /// For storage's own work: these columns of the rows of a time that satisfy a condition, but not the hidden ones.
    pub(crate) fn own(
        spec: &TableSpec,
        range: TimeRange,
        predicate: &Predicate,
        hidden: &[Hidden],
        columns: &[String],
    ) -> Result<Self, Error> {
        let everything = Visibility::new(Predicate::True, Vec::new());
        let filter = Filter::new(&spec.schema, range, predicate, &everything, hidden)?;
        Ok(Self {
            spec: spec.clone(),
            filter,
            output: Output::new(&spec.schema, columns, &[])?,
            stats: SharedStats::default(),
            pairs: None,
            stretches: None,
            json: None,
        })
    }

    /// How many rows are decoded together: few when there are lines or maps, of which a batch should not have too many,
    /// and when rows are counted, which a page's statistics can spare.
    fn piece_rows(&self) -> usize {
        let reads = self.output.reads();
        let has_text = [LINE, METADATA].into_iter().any(|name| self.filter.looks_at(name) || reads.contains(name));
        if has_text || self.counts() { BATCH_ROWS } else { UNIT_ROWS }
    }

    /// Whether rows may be given out together with their number. Behind a veil each row stays by itself: what is hidden of
    /// it is decided row by row.
    fn counts(&self) -> bool {
        self.output.counts() && self.filter.veils().is_none()
    }

    /// Whether rows may have pairs of metadata that are wanted, as far as their streams tell.
    fn wants_pairs(&self, streams: Option<&ArrayRef>) -> bool {
        let Some(names) = &self.pairs else { return true };
        streams.is_none_or(|streams| !self.filter.all_have(streams, names))
    }

    /// The answer's rows for rows that were kept; counted where that is wanted and none has metadata that matters.
    fn rows(&self, kept: &RecordBatch) -> Result<RecordBatch, Error> {
        let metadata = kept.column_by_name(METADATA).filter(|_| self.output.reads().contains(METADATA));
        let has_some = metadata.is_some_and(|metadata| metadata.null_count() < metadata.len());
        let is_each = !self.counts() || has_some && self.wants_pairs(kept.column_by_name(STREAM));
        let rows = if is_each { self.output.rows(kept) } else { self.output.together(kept, self.stretches.as_ref()) };
        rows.map_err(Error::internal)
    }

    fn count(&self, counter: impl Fn(&crate::ScanStats) -> &AtomicU64, by: usize) {
        counter(&self.stats).fetch_add(by as u64, Ordering::Relaxed);
    }

    /// Counts the bytes of line text in a decoded column.
    fn count_lines(&self, lines: &ArrayRef) {
        let texts = lines.as_string_opt::<i32>().map(|lines| lines.value_offsets());
        let offsets = texts.or_else(|| Some(lines.as_binary_opt::<i32>()?.value_offsets())).unwrap_or_default();
        let bytes = offsets.last().unwrap_or(&0) - offsets.first().unwrap_or(&0);
        self.count(|stats| &stats.bytes_read, usize::try_from(bytes).unwrap_or(0));
    }
}

/// What one trip to a blocking thread brings at most, about.
const TRIP_ROWS: usize = 65_536;
const TRIP_BYTES: usize = 1 << 20;
/// Steps of a trip, so that a dropped stream stops the work soon.
const TRIP_STEPS: usize = 8;

/// Takes steps until there is something worth the way back; true when there is no more.
fn trip(reader: &mut impl Steps, found: &mut VecDeque<RecordBatch>) -> Result<bool, Error> {
    let (mut rows, mut bytes) = (0, 0);
    for _ in 0..TRIP_STEPS {
        match reader.step()? {
            Step::Rows(batch) => {
                rows += batch.num_rows();
                bytes += batch.get_array_memory_size();
                found.push_back(batch);
            }
            Step::More => {}
            Step::Done => return Ok(true),
        }
        if TRIP_ROWS <= rows || TRIP_BYTES <= bytes {
            break;
        }
    }
    Ok(false)
}

/// Runs a reader's steps on blocking threads, some at a time, as the stream is polled.
pub(crate) fn stream(reader: impl Steps) -> BoxStream<'static, Result<RecordBatch, Error>> {
    unfold((Some(reader), VecDeque::new()), |(mut state, mut found)| async move {
        loop {
            if let Some(batch) = found.pop_front() {
                return Some((Ok(batch), (state, found)));
            }
            let mut reader = state?;
            let stepped = tokio::task::spawn_blocking(move || {
                let mut found = VecDeque::new();
                let done = trip(&mut reader, &mut found);
                (reader, found, done)
            });
            let (reader, batches, done) = match stepped.await {
                Ok(stepped) => stepped,
                Err(error) => {
                    let error = Error::internal(format!("a scan ended early: {error}"));
                    return Some((Err(error), (None, VecDeque::new())));
                }
            };
            found = batches;
            state = match done {
                Ok(done) => (!done).then_some(reader),
                Err(error) => return Some((Err(error), (None, VecDeque::new()))),
            };
        }
    })
    .boxed()
}
