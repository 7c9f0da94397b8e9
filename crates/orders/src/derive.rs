//! Takes events from lines as storage keeps them.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use logline::{Batch, Context, Reader, Stream, Tenant};
use storage::{Derive, TableSpec};

use crate::DefectCount;
use crate::defects::{Counters, Tally};
use crate::event::{self, Event, Source, line_hash, nth};
use crate::table::{self, Rows};

/// The service of a stream without the label, as Loki calls it.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// Derives the table `order_events`: one row for each line that names an object.
///
/// The same batch always gives the same rows; only the counters of defects remember that it ran.
#[derive(Debug, Default)]
pub struct OrderEvents {
    reader: Reader,
    context: Context,
    defects: Counters,
}

impl OrderEvents {
    /// Reads lines with this reader.
    pub fn new(reader: Reader) -> Self {
        Self { reader, ..Self::default() }
    }

    /// What was wrong with the lines since the start, by tenant, service and defect; only what was seen.
    pub fn defects(&self) -> Vec<DefectCount> {
        self.defects.snapshot()
    }

    fn stream(&self, tenant: &Tenant, stream: &Stream, rows: &mut Rows) {
        let labels = stream.labels.to_string();
        let service = stream.labels.get("service_name").unwrap_or(UNKNOWN_SERVICE);
        let mut seen = HashMap::new();
        let (mut tally, mut related) = (Tally::default(), String::new());
        for entry in &stream.entries {
            let record = self.reader.read(&entry.line, &self.context);
            tally.add(record.defects());
            event::related(&record, &mut related);
            let source = Source { stream: &labels, service, time: entry.timestamp };
            if let Some(mut event) = Event::of(&record, source, &related) {
                let first = line_hash(&labels, entry.timestamp, &entry.line);
                let n = seen.entry(first).or_insert(0_u64);
                event.id = nth(first, *n);
                *n += 1;
                rows.push(&event);
            }
        }
        self.defects.add(tenant, service, &tally);
    }
}

impl Derive for OrderEvents {
    fn table(&self) -> TableSpec {
        table::spec()
    }

    fn derive(&self, batch: &Batch) -> Option<RecordBatch> {
        let mut rows = Rows::new();
        for stream in &batch.streams {
            self.stream(&batch.tenant, stream, &mut rows);
        }
        rows.finish()
    }
}

#[cfg(test)]
mod tests;
