//! A batch under construction: each line gets its time, is masked and encoded at once; raw text is not kept.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ingest::loki::Encoder;
use logline::{Labels, Timestamp};
use mask::{Counts, Masker};

use crate::state::{FileId, Part, Totals};

/// Longest line that is shipped whole, which is the server's default.
pub(crate) const MAX_LINE: usize = 1 << 20;
/// What is read beyond it, so that masking sees what stands across the cut.
pub(crate) const MARGIN: usize = 4 << 10;
/// A line's own time is not believed when it lies further in the future: the server would refuse it.
const MAX_AHEAD: std::time::Duration = std::time::Duration::from_secs(300);

/// Where lines come from, as far as their treatment goes.
#[derive(Debug)]
pub(crate) struct Source {
    /// Masked.
    pub(crate) labels: Labels,
    pub(crate) context: logline::Context,
}

/// What every line goes through.
#[derive(Debug)]
pub(crate) struct Treatment {
    pub(crate) masker: Masker,
    pub(crate) reader: logline::Reader,
}

/// Lines on their way out, masked and encoded.
#[derive(Debug)]
pub(crate) struct Batch {
    treatment: Arc<Treatment>,
    encoder: Encoder,
    parts: Vec<Part>,
    counts: BatchCounts,
    masked: Counts,
    /// When the batch was begun; the time of lines that have none.
    begun: (Timestamp, Instant),
    last_time: Option<(FileId, Timestamp)>,
    max_bytes: usize,
}

/// A batch that can be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The number it had before a restart.
    pub(crate) sequence: Option<u64>,
    pub(crate) body: Bytes,
    pub(crate) parts: Vec<Part>,
    pub(crate) counts: BatchCounts,
    /// Files that are gone and delivered.
    pub(crate) forget: Vec<FileId>,
}

/// What a batch adds to the totals once it is delivered.
#[derive(Clone, Debug, Default)]
pub(crate) struct BatchCounts {
    lines: u64,
    bytes: u64,
    cut_lines: u64,
    mask_errors: u64,
    masked: Counts,
}

impl Batch {
    pub(crate) fn new(treatment: Arc<Treatment>, max_bytes: usize, now: Timestamp, instant: Instant) -> Self {
        Self {
            treatment,
            encoder: Encoder::default(),
            parts: Vec::new(),
            counts: BatchCounts::default(),
            masked: Counts::default(),
            begun: (now, instant),
            last_time: None,
            max_bytes,
        }
    }

    /// Whether no byte of any file is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.encoder.len() >= self.max_bytes
    }

    /// Since when its first line waits.
    pub(crate) fn begun(&self) -> Instant {
        self.begun.1
    }

    /// Adds a line without its end. `total` is its length where `raw` is only the beginning. An empty line says
    /// nothing and is left out, as are zeros before a line: the hole that a cut leaves behind.
    pub(crate) fn line(&mut self, file: FileId, source: &Source, raw: &[u8], total: Option<usize>) {
        let hole = raw.iter().take_while(|byte| **byte == 0).count();
        let raw = &raw[hole..];
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if raw.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(raw);
        let time = self.time(file, source, &text);
        let masked = self.mask(&text);
        self.counts.cut_lines += u64::from(total.is_some() || masked.len() > MAX_LINE);
        let line = ingest::cut(masked, MAX_LINE, total);
        let stream = self.encoder.stream(&source.labels);
        self.encoder.entry(stream, time, &line, &[]);
        self.counts.lines += 1;
    }

    /// The line's own time; else that of the line before it in the same file, to which it then belongs; else now.
    fn time(&mut self, file: FileId, source: &Source, text: &str) -> Timestamp {
        let own = self.treatment.reader.read(text, &source.context).time().map(|time| time.at);
        match (own.filter(|own| *own <= self.begun.0.after(MAX_AHEAD)), self.last_time) {
            (Some(own), _) => {
                self.last_time = Some((file, own));
                own
            }
            (None, Some((last_file, last))) if last_file == file => last,
            (None, _) => self.begun.0,
        }
    }

    /// Fails closed: a line whose masking fails is not sent.
    fn mask<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let (masker, masked) = (&self.treatment.masker, &mut self.masked);
        catch_unwind(AssertUnwindSafe(|| masker.mask_with_counts(text, masked))).unwrap_or_else(|_| {
            self.counts.mask_errors += 1;
            Cow::Owned(format!("[MASK-ERROR len={}]", text.len()))
        })
    }

    /// Notes that the batch covers this part of a file.
    pub(crate) fn cover(&mut self, part: Part) {
        self.counts.bytes += part.to.saturating_sub(part.from);
        match self.parts.last_mut() {
            Some(last) if last.file == part.file && last.to == part.from => {
                *last = Part { from: last.from, ..part };
            }
            _ => self.parts.push(part),
        }
    }

    /// Closes the batch.
    pub(crate) fn finish(mut self, sequence: Option<u64>, forget: Vec<FileId>) -> Prepared {
        let counts = BatchCounts { masked: self.masked, ..self.counts };
        let body = if self.encoder.is_empty() { Bytes::new() } else { self.encoder.finish().into() };
        Prepared { sequence, body, parts: self.parts, counts, forget }
    }
}

impl BatchCounts {
    /// Adds a delivered batch to the totals.
    pub(crate) fn add_to(&self, totals: &mut Totals) {
        totals.batches += 1;
        totals.lines += self.lines;
        totals.bytes += self.bytes;
        totals.cut_lines += self.cut_lines;
        totals.mask_errors += self.mask_errors;
        for (rule, count) in self.masked.iter().filter(|(_, count)| *count > 0) {
            *totals.masked.entry(rule.name().to_owned()).or_default() += count;
        }
    }
}
