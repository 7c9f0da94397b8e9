//! Makes one event of several lines: partial lines of containers, stack traces, lines that a pattern ties together.
//!
//! Places in the input go along, so that what is not handed out yet is read again after a restart: what
//! [`Joiner::take`] gives ends where nothing is open, and no event of it is given twice or in part.

mod trace;

use std::time::{Duration, Instant};

use logline::Timestamp;
use regex::Regex;

use crate::batch::{MARGIN, MAX_LINE};
use crate::frame::Output;
pub(crate) use trace::Language;
use trace::Trace;

/// How lines become events.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) by: By,
    /// An event to which nothing was added for this long is complete.
    pub(crate) timeout: Duration,
    /// An event of this many bytes is complete at the end of its line; what follows begins another.
    pub(crate) max_bytes: usize,
}

/// What ties a line to the one before it.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// Nothing: only partial lines are put together.
    Nothing,
    /// It is the next line of a stack trace.
    Traces(Vec<Language>),
    /// It does not match: a line that does begins an event.
    Start(Regex),
    /// It matches.
    Next(Regex),
}

/// A line, or a piece of one, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// The line's length, where the text is only its beginning.
    pub(crate) total: Option<usize>,
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) time: Option<Timestamp>,
    pub(crate) output: Output,
    pub(crate) is_partial: bool,
}

/// Lines that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) text: String,
    pub(crate) total: Option<usize>,
    /// The time of the first line.
    pub(crate) time: Option<Timestamp>,
    pub(crate) output: Output,
    from: u64,
    to: u64,
}

/// Puts the lines of one input together.
#[derive(Debug)]
pub(crate) struct Joiner {
    join: Join,
    /// By output: lines of both come mixed.
    open: [Option<Open>; 2],
    done: Vec<Joined>,
}

/// An event that may go on.
#[derive(Debug)]
struct Open {
    event: Joined,
    /// Whether its last line is not whole yet.
    is_partial: bool,
    /// Empty lines behind it, which belong to it only if it goes on.
    empty: usize,
    trace: Trace,
    touched: Instant,
}

impl Joiner {
    pub(crate) fn new(join: Join) -> Self {
        Self { join, open: [None, None], done: Vec::new() }
    }

    /// Adds the next line of the input, or piece of a line.
    pub(crate) fn push(&mut self, piece: Piece<'_>, now: Instant) {
        let slot = usize::from(piece.output == Output::Stderr);
        let mut open = self.open[slot].take();
        if let Some(whole) = open.take_if(|open| !open.goes_on(&piece, &self.join)) {
            self.done.push(whole.event);
        }
        let mut open = match open {
            Some(mut open) => {
                open.add(&piece);
                open
            }
            None => Open::begin(&piece, now),
        };
        open.touched = now;
        let is_full = matches!(self.join.by, By::Nothing) || open.event.text.len() >= self.join.max_bytes;
        if is_full && !open.is_partial {
            self.done.push(open.event);
        } else {
            self.open[slot] = Some(open);
        }
    }

    /// Completes what has waited long enough.
    pub(crate) fn expire(&mut self, now: Instant) {
        let timeout = self.join.timeout;
        for slot in &mut self.open {
            if let Some(open) = slot.take_if(|open| now.duration_since(open.touched) >= timeout) {
                self.done.push(open.event);
            }
        }
    }

    /// Completes everything: nothing more will come.
    pub(crate) fn finish(&mut self) {
        self.done.extend(self.open.iter_mut().filter_map(Option::take).map(|open| open.event));
    }

    /// Whether an event is waiting for more.
    pub(crate) fn is_waiting(&self) -> bool {
        self.open.iter().any(Option::is_some) || !self.done.is_empty()
    }

    /// Complete events in the order they began, and the place behind them; `read` is how far the input was pushed.
    /// An event that another one is still open within waits for it.
    pub(crate) fn take(&mut self, read: u64) -> (Vec<Joined>, u64) {
        let mut end = self.open.iter().flatten().map(|open| open.event.from).min().unwrap_or(read);
        self.done.sort_by_key(|event| event.from);
        // Walking back, an event across the border moves the border to its begin.
        for event in self.done.iter().rev() {
            if event.to > end {
                end = end.min(event.from);
            }
        }
        let split = self.done.partition_point(|event| event.from < end);
        let rest = self.done.split_off(split);
        (std::mem::replace(&mut self.done, rest), end)
    }
}

impl Open {
    fn begin(piece: &Piece<'_>, now: Instant) -> Self {
        let mut trace = Trace::default();
        trace.begin(piece.text);
        let event = Joined {
            text: piece.text.to_owned(),
            total: piece.total,
            time: piece.time,
            output: piece.output,
            from: piece.from,
            to: piece.to,
        };
        Self { event, is_partial: piece.is_partial, empty: 0, trace, touched: now }
    }

    /// Whether a piece belongs to this event.
    fn goes_on(&mut self, piece: &Piece<'_>, join: &Join) -> bool {
        if self.is_partial {
            return true;
        }
        let line = piece.text;
        match &join.by {
            By::Nothing => false,
            By::Start(start) => !start.is_match(line),
            By::Next(next) => next.is_match(line),
            By::Traces(languages) => self.trace.goes_on(line, languages),
        }
    }

    fn add(&mut self, piece: &Piece<'_>) {
        let event = &mut self.event;
        event.to = piece.to;
        if piece.text.is_empty() && !self.is_partial && !piece.is_partial {
            self.empty += 1;
            return;
        }
        if !self.is_partial {
            event.text.extend(std::iter::repeat_n('\n', self.empty + 1));
            self.empty = 0;
        }
        let (before, length) = (event.total.unwrap_or(event.text.len()), piece.total.unwrap_or(piece.text.len()));
        let room = (MAX_LINE + MARGIN).saturating_sub(event.text.len()).min(piece.text.len());
        event.text.push_str(piece.text.get(..piece.text.floor_char_boundary(room)).unwrap_or_default());
        event.total = Some(before + length).filter(|total| *total > event.text.len());
        self.is_partial = piece.is_partial;
    }
}

#[cfg(test)]
mod tests;
