//! Takes events from lines as storage keeps them.

use std::collections::HashMap;

use ahash::RandomState;
use std::sync::Arc;

use arrow::array::RecordBatch;
use logline::{Batch, Context, Reader, Stream};
use storage::{Derive, TableSpec};

use crate::DefectCount;
use crate::defects::{Counters, Tally};
use crate::event::{self, Event, LineHash, Source, nth};
use crate::table::{self, Rows};

/// The service of a stream without the label, as Loki calls it.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// Derives the table `order_events`: one row for each line that names an object.
///
/// The same batch always gives the same rows; only the counters of defects remember that it ran.
#[derive(Debug, Default)]
pub struct OrderEvents {
    reader: Arc<Reader>,
    context: Context,
    defects: Counters,
    /// Whether lines that come have no events until they are read again.
    is_off: bool,
}

impl OrderEvents {
    /// Reads lines with this reader.
    pub fn new(reader: impl Into<Arc<Reader>>) -> Self {
        Self { reader: reader.into(), ..Self::default() }
    }

    /// Whether events are taken from lines as they come; from lines that are read again they always are.
    #[must_use]
    pub fn enabled(self, enabled: bool) -> Self {
        Self { is_off: !enabled, ..self }
    }

    /// What lines are read with.
    pub const fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }

    /// What was wrong with the lines since the start, by tenant, service and defect; only what was seen.
    pub fn defects(&self) -> Vec<DefectCount> {
        self.defects.snapshot()
    }

    fn rows(&self, batch: &Batch, counts: bool) -> Option<RecordBatch> {
        let mut rows = Rows::new();
        for stream in &batch.streams {
            let (service, tally) = self.stream(stream, &mut rows);
            if counts {
                self.defects.add(&batch.tenant, service, &tally);
            }
        }
        rows.finish()
    }

    /// Takes the events of a stream; gives its service and what was wrong with its lines.
    fn stream<'s>(&self, stream: &'s Stream, rows: &mut Rows) -> (&'s str, Tally) {
        let labels = stream.labels.to_string();
        let service = stream.labels.get("service_name").unwrap_or(UNKNOWN_SERVICE);
        let (mut hash, mut seen) = (LineHash::new(&labels), HashMap::<_, _, RandomState>::default());
        let (mut tally, mut related) = (Tally::default(), String::new());
        for entry in &stream.entries {
            let record = self.reader.read_of(service, &entry.line, &self.context);
            tally.add(record.defects());
            event::related(&record, &mut related);
            let source = Source { stream: &labels, service, time: entry.timestamp };
            if let Some(mut event) = Event::of(&record, source, &related) {
                let first = hash.of(entry.timestamp, &entry.line);
                let n = seen.entry(first).or_insert(0_u64);
                event.id = nth(first, *n);
                *n += 1;
                rows.push(&event);
            }
        }
        (service, tally)
    }
}

impl Derive for OrderEvents {
    fn table(&self) -> TableSpec {
        table::spec()
    }

    fn line_time(&self) -> Option<&'static str> {
        Some(table::LINE_TIME)
    }

    fn derive(&self, batch: &Batch) -> Option<RecordBatch> {
        if self.is_off { None } else { self.rows(batch, true) }
    }

    fn derive_again(&self, batch: &Batch) -> Option<RecordBatch> {
        self.rows(batch, false)
    }
}

#[cfg(test)]
mod tests;
