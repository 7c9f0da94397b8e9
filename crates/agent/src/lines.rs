//! From the bytes of a line to events in a batch: decodes, takes container frames apart, joins.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logline::{Labels, Reader, Timestamp};
use mask::{Counts, Masker};

use crate::batch::MAX_LINE;
use crate::charset::Charset;
use crate::config::{Input, Kind};
use crate::frame::{self, Output};
use crate::intake::{Line, Take};
use crate::join::{By, Join, Joiner, Piece};
use crate::shape::{Event, Shape};

/// How long a container's line may take to become whole.
const PARTIAL_WAIT: Duration = Duration::from_secs(5);

/// How the lines of an input are treated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Treating {
    pub(crate) charset: Charset,
    pub(crate) container: bool,
    pub(crate) join: Option<Join>,
    pub(crate) shape: Shape,
}

/// Where lines come from, as far as their treatment goes.
#[derive(Debug)]
pub(crate) struct Source {
    /// Masked.
    pub(crate) labels: Labels,
    pub(crate) treating: Arc<Treating>,
}

/// The lines of one file or connection.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) source: Arc<Source>,
    /// `None`: a line is an event. In a box, since most of ten thousand files have none.
    joiner: Option<Box<Joiner>>,
    origin: u64,
}

/// A raw line and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) bytes: &'a [u8],
    /// Its length, where the bytes are only its beginning.
    pub(crate) total: Option<usize>,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Treating {
    pub(crate) fn of(input: &Input) -> Self {
        let (charset, container) = match &input.kind {
            Kind::Files(files) => (files.charset, files.container),
            _ => (Charset::Utf8, false),
        };
        let partial = Join { by: By::Nothing, timeout: PARTIAL_WAIT, max_bytes: MAX_LINE };
        let join = input.join.clone().or_else(|| container.then_some(partial));
        Self { charset, container, join, shape: input.shape.clone() }
    }
}

impl Lines {
    /// `origin` tells them from those of other files.
    pub(crate) fn new(source: Arc<Source>, origin: u64) -> Self {
        let joiner = source.treating.join.clone().map(|join| Box::new(Joiner::new(join)));
        Self { source, joiner, origin }
    }

    pub(crate) fn charset(&self) -> Charset {
        self.source.treating.charset
    }

    /// Adds the next line. It may wait for those that belong to it: see [`Self::take`].
    pub(crate) fn push(&mut self, raw: Raw<'_>, batch: &mut impl Take, now: Instant) {
        let Raw { bytes, total, from, to } = raw;
        let charset = self.charset();
        let Some(joiner) = &mut self.joiner else {
            let line = Line { origin: self.origin, bytes, total, ..Line::default() };
            return match charset {
                Charset::Utf8 => batch.line(&self.source, &line),
                charset => batch.line(&self.source, &Line { bytes: charset.decode(bytes).as_bytes(), ..line }),
            };
        };
        let text = decode(charset, bytes);
        let piece = |text| Piece { text, total, from, to, time: None, output: Output::Stdout, is_partial: false };
        match frame::container(&text).filter(|_| self.source.treating.container) {
            Some(frame) => {
                let (time, output, is_partial) = (frame.time, frame.output, frame.is_partial);
                joiner.push(Piece { time, output, is_partial, ..piece(&frame.text) }, now);
            }
            None => joiner.push(piece(&text), now),
        }
    }

    /// Moves whole events into the batch. Tells up to where the input is in batches then, if it was pushed up to `read`.
    pub(crate) fn take(&mut self, read: u64, batch: &mut impl Take) -> u64 {
        let Some(joiner) = self.joiner.as_mut().filter(|joiner| joiner.is_waiting()) else { return read };
        let (events, end) = joiner.take(read);
        for event in events {
            let stream = [("stream".to_owned(), event.output.name().to_owned())];
            let metadata = if self.source.treating.container { stream.as_slice() } else { &[] };
            let (bytes, total, time) = (event.text.as_bytes(), event.total, event.time);
            batch.line(&self.source, &Line { origin: self.origin, bytes, total, time, labels: None, metadata });
        }
        end
    }

    /// Completes events that have waited long enough for more.
    pub(crate) fn expire(&mut self, now: Instant) {
        if let Some(joiner) = &mut self.joiner {
            joiner.expire(now);
        }
    }

    /// Completes everything: nothing more will come.
    pub(crate) fn finish(&mut self) {
        if let Some(joiner) = &mut self.joiner {
            joiner.finish();
        }
    }

    /// Whether an event waits for more.
    pub(crate) fn is_waiting(&self) -> bool {
        self.joiner.as_ref().is_some_and(|joiner| joiner.is_waiting())
    }

    /// The time of a line, to find a place in a file by.
    pub(crate) fn time(&self, bytes: &[u8], reader: &Reader) -> Option<Timestamp> {
        let treating = &self.source.treating;
        let text = decode(treating.charset, bytes);
        let frame = frame::container(&text).filter(|_| treating.container);
        let event = Event { text: frame.as_ref().map_or(&*text, |frame| &*frame.text), metadata: &[] };
        let own = treating.shape.look(event, reader).ok().and_then(|seen| seen.time);
        own.or_else(|| frame.as_ref().and_then(|frame| frame.time))
    }
}

/// Labels with their values masked.
pub(crate) fn masked(labels: &Labels, masker: &Masker) -> Labels {
    let mut out = labels.clone();
    for (name, value) in labels.iter() {
        out.set(name, &masker.mask_value(name, value, &mut Counts::default()));
    }
    out
}

/// A line's text, without what may stand around it: the hole that a cut leaves behind, a carriage return.
fn decode(charset: Charset, bytes: &[u8]) -> Cow<'_, str> {
    let is_edge = |c: char| c == '\0';
    match charset.decode(bytes) {
        Cow::Borrowed(text) => {
            let text = text.trim_start_matches(is_edge);
            Cow::Borrowed(text.strip_suffix('\r').unwrap_or(text))
        }
        Cow::Owned(text) => {
            let text = text.trim_start_matches(is_edge);
            Cow::Owned(text.strip_suffix('\r').unwrap_or(text).to_owned())
        }
    }
}
