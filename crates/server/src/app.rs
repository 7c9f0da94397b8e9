//! What every handler can reach: the parts of the running server.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alert::Desk;
use alert::eval::Evaluator;
use auth::{AUDIT_TENANT, Access, Attempts, Oidc};
use ingest::{Endpoint, LimitsByTenant, Sink, SinkError};
use logline::{Batch, Timestamp};
use orders::{OrderEvents, Orders};
use query::Engine;
use state::State;
use stdx::{Clock, Tasks};
use storage::{Lifecycle, Storage};

use crate::audit::{Trail, Usage};
use crate::feed::Feed;
use crate::http::Shield;
use crate::metrics::Metrics;
use crate::reveal::Reveals;

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
    pub(crate) audit: Arc<Trail>,
    pub(crate) usage: Arc<Usage>,
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
    pub(crate) ingest_limits: LimitsByTenant,
    pub(crate) metrics: Metrics,
    pub(crate) body_timeout: Duration,
    pub(crate) shield: Shield,
    pub(crate) reveals: Reveals,
    pub(crate) attempts: Attempts,
    /// Where people log in elsewhere, by name.
    pub(crate) providers: BTreeMap<String, Oidc>,
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

impl StorageSink {
    /// With a feed of its own.
    pub(crate) fn new(storage: &Arc<Storage>) -> (Arc<Self>, Arc<Feed>) {
        let feed = Arc::new(Feed::default());
        (Arc::new(Self { storage: Arc::clone(storage), feed: Arc::clone(&feed) }), feed)
    }
}

#[async_trait::async_trait]
impl Sink for StorageSink {
    async fn append(&self, batch: Batch) -> Result<(), SinkError> {
        if batch.tenant.as_str() == AUDIT_TENANT {
            return Err(SinkError::Invalid(format!("the tenant `{AUDIT_TENANT}` is the server's own")));
        }
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
