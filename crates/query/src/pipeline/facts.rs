//! `| facts`: what a line tells of a call, a change or an object, by the names of `docs/log-lines.md`, be it in house
//! format, JSON, logfmt, or free text that a rule reads. Loki does not have it.

use std::sync::Arc;

use logline::{Context, Kind, Reader};

use super::json::push_sanitized;
use super::{Row, Stage, Wanted};

/// What is too long for a label, and nothing to group by.
const LEFT_OUT: [&str; 2] = ["headers", "body"];

/// Reads lines as the events of orders are read.
#[derive(Debug)]
pub(crate) struct Facts {
    reader: Arc<Reader>,
    context: Context,
    wanted: Wanted,
    name: String,
}

impl Facts {
    pub(crate) fn new(wanted: Wanted, reader: Arc<Reader>) -> Self {
        Self { reader, context: Context::default(), wanted, name: String::new() }
    }
}

impl Stage for Facts {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        if self.wanted.is_nothing() {
            return true;
        }
        let service = row.labels.stream().get("service_name").unwrap_or_default();
        let record = self.reader.read_of(service, &row.line, &self.context);
        let told = [("kind", record.kind().map(Kind::as_str)), ("endpoint", Some(record.endpoint()))];
        for (name, value) in told {
            if let Some(value) = value.filter(|value| !value.is_empty() && self.wanted.has(name)) {
                row.labels.extract(name, value);
            }
        }
        for field in record.fields().iter().filter(|field| !LEFT_OUT.contains(&field.key.as_ref())) {
            self.name.clear();
            push_sanitized(&mut self.name, &field.key);
            if self.wanted.has(&self.name) {
                // Of a reserved name with several spellings, one.
                let value = match self.name.as_str() {
                    "dir" => record.dir().map(logline::Direction::as_str),
                    _ => None,
                };
                row.labels.extract(&self.name, value.unwrap_or_else(|| field.value.as_str()));
            }
        }
        true
    }
}
