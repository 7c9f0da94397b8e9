//! The log of a service: the one door through which every line goes, masked, to the writer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use logline::{Kind, Record, Timestamp, Value};
use mask::{Counts, Masker};

use crate::trace::system_random;
use crate::{Call, Error, ObjectContext, OrderContext, TraceContext, Writer};

/// What is logged of a call, and how it is masked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether `headers` are logged; those with secrets never are.
    pub headers: bool,
    /// Whether bodies are logged.
    pub bodies: bool,
    /// How many bytes of a body are logged at most.
    pub body_limit: usize,
    /// How long a REQ line waits for the handler to name the order before it is written without one.
    pub patience: Duration,
    /// The masking rules.
    pub mask: mask::Config,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            headers: true,
            bodies: true,
            body_limit: 8 << 10,
            patience: Duration::from_secs(1),
            mask: mask::Config::default(),
        }
    }
}

/// The log of one service; clones share it.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    writer: Writer,
    settings: Settings,
    masker: Masker,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Log {
    /// A log that takes its time from `clock`, such as `SystemTime::now`.
    pub fn new(
        writer: Writer,
        settings: Settings,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::with_random(writer, settings, clock, system_random)
    }

    /// As [`new`](Self::new), with the source of the bits in trace, span and request ids; a seeded one gives the same ids.
    pub fn with_random(
        writer: Writer,
        settings: Settings,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let masker = Masker::new(&settings.mask)?;
        Ok(Self(Arc::new(Shared { writer, settings, masker, clock: Box::new(clock), random: Box::new(random) })))
    }

    /// Writes a record, each value masked under its key, and the endpoint too. Not for services: a record made by hand
    /// could name an order without its status.
    pub(crate) fn write(&self, record: &Record<'_>) {
        let time = record.time().map_or_else(|| self.now(), |time| time.at);
        let endpoint = self.mask(record.endpoint());
        let mut masked = Record::new(time, record.kind().unwrap_or(Kind::Req), endpoint);
        for field in record.fields() {
            let value = self.0.masker.mask_value(&field.key, field.value.as_str(), &mut Counts::default());
            let value = if field.value.is_json() { Value::json(value) } else { Value::text(value) };
            masked = masked.field(field.key.as_ref(), value);
        }
        self.0.writer.write(masked.to_line());
    }

    /// Writes the STATUS line of an order that has just come into being, in the status it has.
    pub fn order_created(&self, order: &OrderContext) {
        self.status("order", "order_id", order.id(), None, &order.status());
    }

    /// Moves an order on: writes a STATUS line from its status now to `to`, and sets it.
    pub fn transition(&self, order: &OrderContext, to: &str) {
        let from = order.set_status(to);
        self.status("order", "order_id", order.id(), Some(&from), to);
    }

    /// Writes a STATUS line of another object. One that has just come into being has no `from`.
    pub fn transition_of(&self, object: &ObjectContext, from: Option<&str>, to: &str) {
        self.status(object.object(), &object.key(), object.id(), from, to);
    }

    /// How many lines were lost so far, because the queue was full or the target refused them.
    pub fn dropped(&self) -> u64 {
        self.0.writer.dropped()
    }

    /// Waits until all lines so far are written; false if that took longer. See [`Writer::flush`].
    pub fn flush(&self, within: Duration) -> bool {
        self.0.writer.flush(within)
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)().into()
    }

    pub(crate) fn random(&self) -> u64 {
        (self.0.random)()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn masker(&self) -> &Masker {
        &self.0.masker
    }

    pub(crate) fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.masker.mask(text)
    }

    /// The trace of a call that comes in with this header, or starts here.
    pub(crate) fn trace(&self, parent: Option<TraceContext>) -> TraceContext {
        let random = || self.random();
        parent.map_or_else(|| TraceContext::begin(random), |parent| parent.child(random))
    }

    fn status(&self, object: &str, key: &str, id: &str, from: Option<&str>, to: &str) {
        let record = Record::new(self.now(), Kind::Status, object).field(key, id).change(from, to);
        self.write(&with_trace(record, Call::current().as_ref()));
    }
}

/// Adds the ids of the call in which something happens.
pub(crate) fn with_trace<'a>(record: Record<'a>, call: Option<&Call>) -> Record<'a> {
    match call {
        Some(call) => record
            .field("trace_id", call.trace().trace_id())
            .field("span_id", call.trace().span_id())
            .field("request_id", call.request_id().to_owned()),
        None => record,
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
