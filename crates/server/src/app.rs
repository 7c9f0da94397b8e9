//! What every handler can reach: the parts of the running server.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alert::Desk;
use alert::eval::Evaluator;
use auth::{Access, AuditEvent, AuditSink, Outcome};
use ingest::{Endpoint, Limits, Sink, SinkError};
use logline::{Batch, Timestamp};
use orders::{OrderEvents, Orders};
use query::Engine;
use state::State;
use stdx::{Clock, Tasks};
use storage::{Lifecycle, Storage};

use crate::feed::Feed;
use crate::metrics::Metrics;

/// The running server; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Parts>);

/// The parts of the server.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) access: Arc<Access>,
    pub(crate) state: State,
    pub(crate) desk: Arc<Desk>,
    /// Whether cookies travel over TLS only.
    pub(crate) is_secure: bool,
    pub(crate) audit: Arc<dyn AuditSink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) orders: Arc<Orders>,
    pub(crate) events: Arc<OrderEvents>,
    pub(crate) rules: Arc<Evaluator>,
    pub(crate) endpoint: Endpoint,
    pub(crate) feed: Arc<Feed>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) tasks: Tasks,
    pub(crate) ingest_limits: Arc<Limits>,
    pub(crate) metrics: Metrics,
    pub(crate) body_timeout: Duration,
    pub(crate) started: Instant,
    pub(crate) draining: AtomicBool,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The time of the server's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    /// How long the server has been up.
    pub(crate) fn uptime(&self) -> Duration {
        self.clock.instant() - self.started
    }

    /// Whether the server is on its way out.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From now on `/ready` says no.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Batches go to storage and then to those who watch them come in.
#[derive(Debug)]
pub(crate) struct StorageSink {
    pub(crate) storage: Arc<Storage>,
    pub(crate) feed: Arc<Feed>,
}

#[async_trait::async_trait]
impl Sink for StorageSink {
    async fn append(&self, batch: Batch) -> Result<(), SinkError> {
        let offer = self.feed.offer(&batch);
        self.storage.append(batch).await.map_err(|error| match error.kind() {
            storage::Kind::Busy { retry_after } => SinkError::Busy { retry_after },
            storage::Kind::Full => SinkError::Full,
            storage::Kind::Unavailable => SinkError::Unavailable(error.to_string()),
            storage::Kind::Invalid | storage::Kind::NotFound => SinkError::Invalid(error.to_string()),
            storage::Kind::Locked | storage::Kind::Corrupt | storage::Kind::Internal => {
                SinkError::Internal(error.to_string())
            }
        })?;
        offer.send();
        Ok(())
    }
}

/// The audit trail goes to the server's own log, under the target `audit`.
#[derive(Debug)]
pub(crate) struct LogAudit;

impl AuditSink for LogAudit {
    fn record(&self, event: AuditEvent) {
        let allowed = event.outcome == Outcome::Allowed;
        let AuditEvent { principal, tenant, action, detail, .. } = event;
        tracing::info!(target: "audit", principal, %tenant, action, detail, allowed, "audit");
    }
}
