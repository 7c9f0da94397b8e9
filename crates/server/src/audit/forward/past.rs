//! What a receiver has taken, and what of the trail follows that.

use std::sync::Arc;

use auth::{AuditSink, Link, Record};
use futures::future::BoxFuture;
use logline::Timestamp;
use query::Engine;
use state::State;
use storage::Storage;

use super::super::read;

/// A place in a node's trail: the number and time of a record; 0 before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) sequence: u64,
    pub(crate) time: Timestamp,
}

/// Remembers what a receiver has taken, and reads what it has not.
pub(crate) trait Past: Send + Sync + std::fmt::Debug {
    /// The last record that it took, in this run or an earlier one; none if it is new.
    fn last(&self) -> BoxFuture<'_, Result<Option<Sent>, String>>;

    /// Remembers one.
    fn keep(&self, sent: Sent) -> BoxFuture<'_, Result<(), String>>;

    /// Some of the records behind one, in order; none at the end of the trail.
    fn behind(&self, sent: Sent) -> BoxFuture<'_, Result<Vec<Record>, String>>;
}

/// The past of one receiver of a node's trail.
#[derive(Debug)]
pub(in super::super) struct Trailing {
    pub(in super::super) node: String,
    pub(in super::super) receiver: String,
    pub(in super::super) sent: State,
    pub(in super::super) engine: Arc<Engine>,
    pub(in super::super) storage: Arc<Storage>,
    /// Is told of looks at the trail.
    pub(in super::super) sink: Arc<dyn AuditSink>,
}

impl Sent {
    /// Before the first record.
    pub(crate) const NOTHING: Self = Self { sequence: 0, time: Timestamp::MIN };

    pub(crate) fn of(record: &Record) -> Self {
        Self { sequence: record.sequence, time: record.time }
    }

    /// The end of a chain.
    pub(crate) fn at(end: Option<&Link>) -> Self {
        end.map_or(Self::NOTHING, |link| Self { sequence: link.sequence, time: link.time })
    }
}

impl Past for Trailing {
    fn last(&self) -> BoxFuture<'_, Result<Option<Sent>, String>> {
        Box::pin(async move {
            let last = self.sent.audit_sent().last(&self.node, &self.receiver).await;
            let last = last.map_err(|error| error.to_string())?;
            Ok(last.map(|(sequence, time)| Sent { sequence: sequence.cast_unsigned(), time: Timestamp(time) }))
        })
    }

    fn keep(&self, Sent { sequence, time }: Sent) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let place = (sequence.cast_signed(), time.0);
            self.sent.audit_sent().keep(&self.node, &self.receiver, place).await.map_err(|error| error.to_string())
        })
    }

    fn behind(&self, sent: Sent) -> BoxFuture<'_, Result<Vec<Record>, String>> {
        Box::pin(async move {
            let place = (sent.time, sent.sequence);
            let found = read::behind(&self.engine, &self.storage, &*self.sink, &self.node, place).await;
            found.map_err(|error| error.to_string())
        })
    }
}
