//! Log queries: the lines at one end of a stretch of time, slice by slice until there are enough.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Int64Array, MapArray, StringArray};
use arrow::compute::SortOptions;
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::col;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use logline::{Labels, Timestamp};
use logql::LogExpr;
use logql::ast::Stage;
use storage::TimeRange;

use crate::answer::{Data, LogEntry, LogStream};
use crate::error::Error;
use crate::exec::{Lines, UnaryExec, column, line_fields, metadata};
use crate::matchers::predicate;
use crate::pages::Pages;
use crate::params::{Direction, Params};
use crate::pipeline::split;
use crate::run::Run;
use crate::slices::Slices;
use crate::view::{View, Want};

/// Rows in a slice when lines are thinned out, so that nobody knows how many are needed.
pub(crate) const THINNED_ROWS: u64 = 1 << 18;

/// Rows in the first slice, at least: with filters, and without.
pub(crate) const FILTERED_ROWS: u64 = 1 << 14;
const PLAIN_ROWS: u64 = 1 << 10;

/// Answers a log query.
pub(crate) async fn run(run: &Run, view: &View, log: &LogExpr, params: &Params) -> Result<Data, Error> {
    let mut answer = Collector::new(params);
    let most = if params.interval.is_zero() { params.limit } else { usize::MAX };
    let mut pages = Pages::new(slices(view, log, params), params.direction, most, None);
    while answer.left() > 0
        && let Some(batch) = pages.next(run, view, log).await?
    {
        answer.add(&batch)?;
    }
    Ok(answer.finish())
}

fn slices(view: &View, log: &LogExpr, params: &Params) -> Slices {
    let range = TimeRange { start: params.start, end: params.end };
    // Where every line of the selected streams is wanted, few rows have enough of them.
    let drops = |stage: &Stage| matches!(stage, Stage::LineFilter(_) | Stage::LabelFilter(_));
    let least = if log.stages.iter().any(drops) { FILTERED_ROWS } else { PLAIN_ROWS };
    let rows = (params.limit as u64).saturating_mul(8).max(least);
    let max_rows = if params.interval.is_zero() { u64::MAX } else { THINNED_ROWS };
    Slices::new(view.parts(&range), range, params.direction, rows, max_rows)
}

/// The plan of one slice: the first `fetch` lines in the direction's order, or all of them.
pub(crate) fn plan(
    view: &View,
    log: &LogExpr,
    range: TimeRange,
    direction: Direction,
    fetch: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let lines = Lines { query: log.to_string() };
    lines.pipeline(&Arc::default())?;
    let want = Want {
        range,
        predicate: predicate(&log.selector.matchers).and(split(&log.stages).predicate),
        columns: Lines::COLUMNS.map(str::to_owned).into(),
        pairs: None,
        stretches: None,
        json: None,
    };
    let lines = Arc::new(UnaryExec::new(lines, view.scan(&want)?));
    let order = order(lines.as_ref(), direction)?;
    let sorted = SortExec::new(order.clone(), lines).with_preserve_partitioning(true).with_fetch(fetch);
    Ok(Arc::new(SortPreservingMergeExec::new(order, Arc::new(sorted)).with_fetch(fetch)))
}

/// By time, then stream, then arrival; backward is exactly the reverse.
fn order(lines: &dyn ExecutionPlan, direction: Direction) -> Result<LexOrdering, Error> {
    let options = SortOptions { descending: direction == Direction::Backward, nulls_first: false };
    let columns = [line_fields::TIME, line_fields::STREAM, line_fields::RECEIVED, line_fields::POSITION];
    let schema = lines.schema();
    let exprs: Result<Vec<_>, _> =
        columns.iter().map(|name| col(name, &schema).map(|expr| PhysicalSortExpr::new(expr, options))).collect();
    LexOrdering::new(exprs?).ok_or_else(|| Error::internal("no order"))
}

/// Lines in the order they come, until the limit is reached.
struct Collector {
    limit: usize,
    interval: Duration,
    direction: Direction,
    last: Option<Timestamp>,
    count: usize,
    streams: BTreeMap<String, Vec<LogEntry>>,
}

impl Collector {
    const fn new(params: &Params) -> Self {
        Self {
            limit: params.limit,
            interval: params.interval,
            direction: params.direction,
            last: None,
            count: 0,
            streams: BTreeMap::new(),
        }
    }

    const fn left(&self) -> usize {
        self.limit.saturating_sub(self.count)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let times: &Int64Array = column(batch, line_fields::TIME)?;
        let streams: &arrow::array::DictionaryArray<Int32Type> = column(batch, line_fields::STREAM)?;
        let lines: &StringArray = column(batch, line_fields::LINE)?;
        let meta: &MapArray = column(batch, line_fields::METADATA)?;
        let parsed: &MapArray = column(batch, line_fields::PARSED)?;
        let texts = streams.values().as_string::<i32>();
        for (row, time) in times.values().iter().enumerate() {
            let timestamp = Timestamp(*time);
            if self.left() == 0 {
                break;
            }
            if !self.is_due(timestamp) {
                continue;
            }
            let entry = LogEntry {
                timestamp,
                line: lines.value(row).to_owned(),
                metadata: pairs(meta, row),
                parsed: pairs(parsed, row),
            };
            let stream = texts.value(streams.key(row).unwrap_or(0));
            match self.streams.get_mut(stream) {
                Some(entries) => entries.push(entry),
                None => drop(self.streams.insert(stream.to_owned(), vec![entry])),
            }
            self.count += 1;
            self.last = Some(timestamp);
        }
        Ok(())
    }

    /// Whether a line is far enough from the last one given out, whatever its stream.
    fn is_due(&self, time: Timestamp) -> bool {
        let Some(last) = self.last else { return true };
        match self.direction {
            Direction::Forward => time.since(last) >= self.interval,
            Direction::Backward => last.since(time) >= self.interval,
        }
    }

    fn finish(self) -> Data {
        let streams = self.streams.into_iter().map(|(text, entries)| LogStream {
            // Written by us a moment ago.
            labels: Labels::parse(&text).unwrap_or_default(),
            entries,
        });
        Data::Streams(streams.collect())
    }
}

pub(crate) fn pairs(map: &MapArray, row: usize) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = metadata(map, row).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    pairs.sort();
    pairs
}
