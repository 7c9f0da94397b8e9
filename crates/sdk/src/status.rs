//! A tracing layer: an event that tells a transition becomes a STATUS line.

use std::fmt;

use logline::{Entity, Kind, Record};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::log::with_trace;
use crate::{Call, Log};

/// The target of events that are always transitions.
pub const STATUS_TARGET: &str = "status";

/// Writes a STATUS line for each event that has an object's id and `to`, and either `from` or the target `status`:
///
/// `info!(order_id = 4711, from = "CREATED", to = "SUBMITTED");`
///
/// Every other event passes by. The ids of the [current call](Call::current) are added.
#[derive(Clone, Debug)]
pub struct StatusLayer {
    log: Log,
}

impl StatusLayer {
    /// A layer that writes to this log.
    pub fn new(log: Log) -> Self {
        Self { log }
    }
}

impl<S: Subscriber> Layer<S> for StatusLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let meta = event.metadata();
        if let Some(record) = fields.record(&self.log, meta.target() == STATUS_TARGET, *meta.level()) {
            self.log.write(&with_trace(record, Call::current().as_ref()));
        }
    }
}

/// The fields of an event as text.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    fn object(&self) -> Option<Entity<'_>> {
        let mut objects = self.0.iter().filter_map(|(key, value)| Entity::of_field(key, value));
        match self.get("object") {
            Some(name) => objects.find(|entity| entity.object == name),
            None => objects.clone().find(|entity| entity.object == "order").or_else(|| objects.next()),
        }
    }

    /// The STATUS record, if these are the fields of a transition.
    fn record(&self, log: &Log, is_status: bool, level: Level) -> Option<Record<'_>> {
        let (object, to) = (self.object()?, self.get("to")?);
        let from = self.get("from");
        if from.is_none() && !is_status {
            return None;
        }
        let key = format!("{}_id", object.object);
        let mut record =
            Record::new(log.now(), Kind::Status, object.object).field(key.clone(), object.id).change(from, to);
        if level <= Level::WARN {
            record = record.field("level", level.as_str().to_ascii_lowercase());
        }
        for (name, value) in &self.0 {
            match *name {
                "from" | "to" | "object" | "level" => {}
                name if name == key => {}
                "message" => record = record.field("msg", value.as_str()),
                name => record = record.field(name, value.as_str()),
            }
        }
        Some(record)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests;
