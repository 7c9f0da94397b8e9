//! A batch under construction: each line gets its time, is masked and encoded at once; raw text is not kept.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ingest::Named;
use ingest::loki::Encoder;
use logline::{Labels, Timestamp};
use mask::{Counts, Masker};
use tokio::sync::oneshot;

use crate::intake::{Handed, Line, Take};
use crate::lines::Source;
use crate::present::{MAX_AHEAD, Present};
use crate::shape::{Event, Mapped};
use crate::state::{Covered, FileId, Position, Totals};

/// Longest line that is shipped whole, which is the server's default.
pub(crate) const MAX_LINE: usize = 1 << 20;
/// What is read beyond it, so that masking sees what stands across the cut.
pub(crate) const MARGIN: usize = 4 << 10;
/// The longest value of a label, which is the server's default.
const MAX_LABEL: usize = 2048;
/// Pairs of metadata that an entry has at most, which is the server's default.
const MAX_PAIRS: usize = 128;

/// What every line goes through.
#[derive(Debug)]
pub(crate) struct Treatment {
    pub(crate) masker: Masker,
    pub(crate) reader: logline::Reader,
    pub(crate) present: Present,
}

/// Lines on their way out, masked and encoded.
#[derive(Debug)]
pub(crate) struct Batch {
    treatment: Arc<Treatment>,
    encoder: Encoder,
    files: BTreeMap<FileId, Position>,
    cursors: BTreeMap<String, String>,
    receipts: Vec<oneshot::Sender<()>>,
    counts: Totals,
    masked: Counts,
    /// When the batch was begun; the time of lines that have none.
    begun: (Timestamp, Instant),
    last_time: Option<(u64, Timestamp)>,
    max_bytes: usize,
}

/// A batch as the spool takes it.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// When it was closed.
    pub(crate) at: Timestamp,
    pub(crate) lines: u32,
    /// A push request in one block of snappy; empty if there are no lines.
    pub(crate) body: Bytes,
    pub(crate) covered: Covered,
    /// The same as it stands in the spool.
    pub(crate) encoded: Vec<u8>,
    /// Who waits for it to be there.
    pub(crate) receipts: Vec<oneshot::Sender<()>>,
}

impl Batch {
    pub(crate) fn new(treatment: Arc<Treatment>, max_bytes: usize, now: Timestamp, instant: Instant) -> Self {
        let now = treatment.present.now(now, instant);
        Self {
            treatment,
            encoder: Encoder::default(),
            files: BTreeMap::new(),
            cursors: BTreeMap::new(),
            receipts: Vec::new(),
            counts: Totals::default(),
            masked: Counts::default(),
            begun: (now, instant),
            last_time: None,
            max_bytes,
        }
    }

    /// Whether nothing of any source is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.cursors.is_empty() && self.receipts.is_empty() && self.encoder.is_empty()
    }

    /// Whether half of it is taken.
    pub(crate) fn is_half_full(&self) -> bool {
        self.encoder.len() >= self.max_bytes / 2
    }

    pub(crate) fn is_full(&self) -> bool {
        self.encoder.len() >= self.max_bytes
    }

    /// Since when its first line waits.
    pub(crate) fn begun(&self) -> Instant {
        self.begun.1
    }

    /// Adds what a task handed in.
    pub(crate) fn hand_in(&mut self, handed: Handed) {
        let Handed { source, origin, lines, cursor, receipt } = handed;
        for line in &lines {
            let (bytes, time) = (line.bytes.as_slice(), line.time);
            self.counts.bytes += bytes.len() as u64;
            let (labels, metadata) = (line.labels.as_ref(), line.metadata.as_slice());
            self.line(&source, &Line { origin, bytes, total: line.total, time, labels, metadata });
        }
        self.cursors.extend(cursor);
        self.receipts.push(receipt);
    }

    /// The line's own time; else what its input says; else that of the line before it from the same origin, to which it
    /// then belongs; else now.
    fn time(&mut self, line: &Line<'_>, own: Option<Timestamp>) -> Timestamp {
        let latest = self.begun.0.after(MAX_AHEAD);
        let own = own.filter(|own| *own <= latest).or(line.time.filter(|time| *time <= latest));
        match (own, self.last_time) {
            (Some(own), _) => {
                self.last_time = Some((line.origin, own));
                own
            }
            (None, Some((last_origin, last))) if last_origin == line.origin => last,
            (None, _) => self.begun.0,
        }
    }

    /// What may be told of a value that goes from one name to another, `given` beside it.
    fn masked<'v>(&mut self, from: &str, to: &str, value: &'v str, given: &[(String, String)]) -> Cow<'v, str> {
        let (masker, masked) = (&self.treatment.masker, &mut self.masked);
        let beside = given.iter().map(|(_, value)| value.as_str());
        masker.mask_renamed(&masker.key_beside(from, value, beside), to, value, masked)
    }

    /// The same of a value of the event's text; `None` if it was masked there for what stands around it.
    fn masked_field<'v>(
        &mut self,
        mapped: &'v Mapped<'_>,
        to: &str,
        given: &[(String, String)],
    ) -> Option<Cow<'v, str>> {
        let masked = self.masked(mapped.field, to, &mapped.value, given);
        Some(masked).filter(|masked| !mapped.is_gone || *masked != mapped.value)
    }

    /// The labels of an event, if they are not those of its source.
    fn labels(&mut self, source: &Source, line: &Line<'_>, own: &[Mapped<'_>]) -> Option<Labels> {
        let mut labels = line.labels.map(|labels| {
            let pairs = labels.iter().map(|(name, value)| {
                let masked = self.treatment.masker.mask_with_counts(name, &mut self.masked).into_owned();
                (masked, self.masked(name, name, value, &[]).into_owned())
            });
            Labels::new(pairs.collect::<Vec<_>>()).unwrap_or_else(|_| source.labels.clone())
        });
        for mapped in own {
            if let Some(value) = self.masked_field(mapped, mapped.name, line.metadata) {
                labels.get_or_insert_with(|| source.labels.clone()).set(mapped.name, clip(&value));
            }
        }
        labels
    }

    fn metadata(&mut self, own: &[Mapped<'_>], given: &[(String, String)]) -> Vec<(String, String)> {
        let mut pairs = Vec::with_capacity(own.len() + given.len());
        for mapped in own {
            let to = ingest::clean_name(mapped.name);
            if let Some(value) = self.masked_field(mapped, &to, given) {
                pairs.push(self.named(mapped.name, value.into_owned()));
            }
        }
        for (name, value) in given {
            let value = self.masked(name, &ingest::clean_name(name), value, given).into_owned();
            pairs.push(self.named(name, value));
        }
        ingest::unique(together(pairs))
    }

    fn named<'n>(&mut self, name: &'n str, value: String) -> Named<'n> {
        Named::new(self.treatment.masker.mask_with_counts(name, &mut self.masked), value)
    }

    /// Notes how far a file is read with this batch, and how many bytes that were.
    pub(crate) fn cover(&mut self, position: Position, bytes: u64) {
        self.counts.bytes += bytes;
        self.files.insert(position.file, position);
    }

    /// Closes the batch; `forget` are files that are gone and read to their end, `ended` how far such files and those that
    /// were cut were read.
    pub(crate) fn finish(mut self, at: Timestamp, forget: Vec<FileId>, ended: Vec<Position>) -> Prepared {
        let masked = self.masked.iter().map(|(rule, count)| (rule.to_owned(), count)).collect();
        let counts = Totals { batches: 1, masked, mask_errors: self.masked.errors(), ..self.counts };
        let lines = u32::try_from(counts.lines).unwrap_or(u32::MAX);
        let files = self.files.into_values().collect();
        let covered = Covered { files, cursors: self.cursors, forget, ended, counts };
        let encoded = serde_json::to_vec(&covered).expect("texts and numbers can be written as JSON");
        let body = if self.encoder.is_empty() { Bytes::new() } else { self.encoder.finish().into() };
        Prepared { at, lines, body, covered, encoded, receipts: self.receipts }
    }
}

impl Take for Batch {
    /// Adds a line, unless a rule drops it. An empty one says nothing and is left out, as are zeros before a line: the
    /// hole that a cut leaves behind.
    fn line(&mut self, source: &Source, line: &Line<'_>) {
        let hole = line.bytes.iter().take_while(|byte| **byte == 0).count();
        let raw = line.bytes.get(hole..).unwrap_or_default();
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if raw.is_empty() {
            return;
        }
        let text = stdx::lossy(raw);
        let event = Event { text: &text, metadata: line.metadata };
        let (treatment, shape) = (Arc::clone(&self.treatment), &source.treating.shape);
        let seen = match shape.look(event, &treatment.reader) {
            Ok(seen) => seen,
            Err(rule) => {
                *self.counts.dropped.entry(rule.to_string()).or_default() += 1;
                return;
            }
        };
        let time = self.time(line, seen.time);
        let known = seen.text(|name, value| treatment.masker.mask_value(name, value, &mut self.masked));
        let Some(masked) = treatment.masker.mask_line(&known, &mut self.masked) else {
            *self.counts.dropped.entry("mask".to_owned()).or_default() += 1;
            return;
        };
        let values = shape.values(&seen, &masked, &treatment.reader);
        self.counts.cut_lines += u64::from(line.total.is_some() || masked.len() > MAX_LINE);
        let text = ingest::cut(masked, MAX_LINE, line.total);
        let metadata = self.metadata(&values.metadata, line.metadata);
        let labels = self.labels(source, line, &values.labels);
        let stream = self.encoder.stream(labels.as_ref().unwrap_or(&source.labels));
        self.encoder.entry(stream, time, &text, &metadata);
        self.counts.lines += 1;
    }
}

/// Pairs beyond what a server takes go together into one, as JSON.
fn together(mut pairs: Vec<Named<'_>>) -> Vec<Named<'_>> {
    if MAX_PAIRS < pairs.len() {
        let rest = pairs.split_off(MAX_PAIRS - 1);
        let rest: serde_json::Map<_, _> =
            rest.iter().map(|pair| (pair.raw().to_owned(), pair.value().into())).collect();
        pairs.push(Named::new(Cow::Borrowed("other_fields"), serde_json::Value::Object(rest).to_string()));
    }
    pairs
}

fn clip(label: &str) -> &str {
    label.get(..label.floor_char_boundary(MAX_LABEL)).unwrap_or(label)
}

#[cfg(test)]
mod tests;
