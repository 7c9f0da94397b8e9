//! Log queries without a limit: lines one after the other, slice of time by slice, in bounded memory; and where to go
//! on after a break.

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::{AsArray, Int64Array, MapArray, StringArray};
use arrow::record_batch::RecordBatch;
use auth::Scope;
use futures::stream::{BoxStream, Stream, StreamExt, try_unfold};
use logline::Timestamp;
use logql::{Expr, LogExpr};
use storage::{TimeRange, logs};

use crate::answer::{LogEntry, Stats};
use crate::engine::{Engine, read};
use crate::error::Error;
use crate::exec::{TextDictionary, column, line_fields};
use crate::logs::{FILTERED_ROWS, THINNED_ROWS, pairs, plan};
use crate::pages::Pages;
use crate::params::{Direction, Params};
use crate::run::{Run, Spent};
use crate::slices::Slices;
use crate::view::View;

/// A line and the canonical text of what is left of the labels of its stream.
pub type StreamedLine = (String, LogEntry);

/// Lines, some at a time.
pub struct StreamedLines {
    lines: BoxStream<'static, Result<Vec<StreamedLine>, Error>>,
    run: Arc<Run>,
}

impl StreamedLines {
    /// Tells what they have cost so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.run.spent()
    }

    /// What they took so far, as far as whoever asked may be told; `returned` of them were given out.
    #[must_use]
    pub fn stats(&self, returned: u64) -> Stats {
        self.run.told(returned)
    }
}

impl Stream for StreamedLines {
    type Item = Result<Vec<StreamedLine>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lines.poll_next_unpin(context)
    }
}

impl fmt::Debug for StreamedLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedLines").field("cost", &self.run.spent().cost()).finish_non_exhaustive()
    }
}

/// Where a list of lines ended: a time, and how many lines of that time were given out. Text: `TIME-COUNT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the last line.
    pub time: Timestamp,
    /// Lines of that time that came before the break.
    pub seen: usize,
}

impl Cursor {
    /// The place behind one more line.
    #[must_use]
    pub fn after(cursor: Option<Self>, time: Timestamp) -> Self {
        let before = cursor.filter(|cursor| cursor.time == time);
        Self { time, seen: before.map_or(0, |cursor| cursor.seen) + 1 }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time.0, self.seen)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.rsplit_once('-').and_then(|(time, seen)| Some((time.parse().ok()?, seen.parse().ok()?)));
        let wrong = || Error::invalid(format!("`{text}` is no cursor of a list of lines"));
        parts.map(|(time, seen)| Self { time: Timestamp(time), seen }).ok_or_else(wrong)
    }
}

impl Engine {
    /// Whether a query is about lines.
    pub fn is_about_lines(query: &str) -> Result<bool, Error> {
        Ok(matches!(logql::parse(query)?, Expr::Log(_)))
    }

    /// Lines of a log query in its order, as many as its limit says, from a cursor on if there is one; its interval does
    /// not count, nor the most lines that an answer may have.
    /// Each wait for the next lines may take as long as a query; dropping the stream stops the work.
    pub fn lines(&self, scope: &Scope, params: &Params, from: Option<Cursor>) -> Result<StreamedLines, Error> {
        params.check_times()?;
        let Expr::Log(log) = read(&params.query, &self.limits(scope))? else {
            return Err(Error::invalid("only log queries give lines"));
        };
        let mut range = self.clamp(scope, TimeRange { start: params.start, end: params.end })?;
        if let Some(cursor) = from {
            match params.direction {
                Direction::Forward => range.start = range.start.max(cursor.time),
                Direction::Backward => range.end = range.end.min(Timestamp(cursor.time.0.saturating_add(1))),
            }
        }
        let (run, view) = self.begin(scope, logs::LOGS)?;
        plan(&view, &log, range, params.direction, None)?;
        let slices = Slices::new(view.parts(&range), range, params.direction, FILTERED_ROWS, THINNED_ROWS);
        let run = Arc::new(run);
        let pages = Pages::new(slices, params.direction, params.limit, from);
        let export = Export { run: Arc::clone(&run), view, log, pages };
        let lines =
            try_unfold(export, |mut export| async move { Ok(export.next().await?.map(|lines| (lines, export))) });
        Ok(StreamedLines { lines: lines.boxed(), run })
    }
}

/// An export on its way.
struct Export {
    run: Arc<Run>,
    view: View,
    log: LogExpr,
    pages: Pages,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Vec<StreamedLine>>, Error> {
        self.pages.next(&self.run, &self.view, &self.log).await?.as_ref().map(lines).transpose()
    }
}

fn lines(batch: &RecordBatch) -> Result<Vec<StreamedLine>, Error> {
    let times: &Int64Array = column(batch, line_fields::TIME)?;
    let streams: &TextDictionary = column(batch, line_fields::STREAM)?;
    let texts: &StringArray = column(batch, line_fields::LINE)?;
    let metadata: &MapArray = column(batch, line_fields::METADATA)?;
    let parsed: &MapArray = column(batch, line_fields::PARSED)?;
    let names = streams.values().as_string::<i32>();
    let line = |(row, time): (usize, &i64)| {
        let entry = LogEntry {
            timestamp: Timestamp(*time),
            line: texts.value(row).to_owned(),
            metadata: pairs(metadata, row),
            parsed: pairs(parsed, row),
        };
        (names.value(streams.key(row).unwrap_or(0)).to_owned(), entry)
    };
    Ok(times.values().iter().enumerate().map(line).collect())
}
