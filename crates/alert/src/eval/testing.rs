//! A real storage with lines of a test, a clock that is moved by hand, and everything an evaluator talks to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use auth::{AuditEvent, AuditSink, Authenticator, Credentials, Permission, Scope, Token};
use logline::{Aliases, Batch, Entry, Labels, Reader, Stream, Tenant, Timestamp, level_of};
use orders::{Graphs, OrderEvents, Orders};
use query::Engine;
use state::{Location, State};
use stdx::{ByteSize, Clock, ManualClock, Secret, Tasks};
use storage::{AckLevel, Derive, Storage};
use tempfile::TempDir;

use super::{Components, Failure, Owners, Recorder, Source};
use crate::{Alert, Notify, NotifyError};

/// Noon of a Tuesday, a multiple of every interval.
pub(crate) const NOON: Timestamp = Timestamp(1_791_892_800_000_000_000);

/// So many seconds after noon.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp(NOON.0 + second * 1_000_000_000)
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) orders: Option<Arc<Orders>>,
    pub(crate) notified: Arc<Notified>,
    folder: TempDir,
}

#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

pub(crate) fn everything() -> Scope {
    Scope::system("a test", Tenant::default(), &NoAudit)
}

/// Somebody who may do this, and reads the lines of these services; `*` stands for all.
pub(crate) fn somebody(name: &str, services: &[&str], permissions: &[Permission]) -> Scope {
    let token = Token {
        name: name.to_owned(),
        secret: Secret::new("0123456789abcdef".to_owned()),
        tenants: vec![Tenant::default()],
        services: services.iter().map(|&service| service.to_owned()).collect(),
        permissions: permissions.iter().copied().collect(),
        ..Token::default()
    };
    let credentials = Credentials { authorization: Some("Bearer 0123456789abcdef"), ..Credentials::default() };
    Authenticator::with_tokens(vec![token]).unwrap().authenticate(credentials).unwrap().scope()
}

/// Somebody of this name who reads everything.
pub(crate) fn by(name: &str) -> Scope {
    somebody(name, &["*"], &[Permission::Read, Permission::Rules])
}

impl World {
    /// Empty, an hour after noon.
    pub(crate) async fn new() -> Self {
        Self::deriving(Vec::new()).await
    }

    /// The same, where facts have these names as well.
    pub(crate) async fn with_facts(names: &[(&str, &str)]) -> Self {
        let mut aliases = Aliases::default();
        for (fact, name) in names {
            aliases = aliases.with(fact, [name]);
        }
        Self::with_lines_read(logline::Config { aliases, ..logline::Config::default() }).await
    }

    /// The same, where lines are read so.
    pub(crate) async fn with_lines_read(config: logline::Config) -> Self {
        Self::reading(Arc::new(Reader::new(config)), Vec::new()).await
    }

    /// The same, with orders that are followed.
    pub(crate) async fn with_orders() -> Self {
        let world = Self::deriving(vec![Arc::new(OrderEvents::default()) as _]).await;
        let orders = Orders::start(orders::Components {
            engine: Arc::clone(&world.engine),
            storage: Arc::clone(&world.storage),
            graphs: Graphs::default(),
            history: ByteSize(1 << 20),
            clock: Arc::clone(&world.clock) as _,
            tasks: Tasks::default(),
            audit: Arc::new(NoAudit),
        });
        Self { orders: Some(orders.unwrap()), ..world }
    }

    async fn deriving(derives: Vec<Arc<dyn Derive>>) -> Self {
        Self::reading(Arc::default(), derives).await
    }

    async fn reading(reader: Arc<Reader>, derives: Vec<Arc<dyn Derive>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(at(3_600).0).unwrap());
        let clock = Arc::new(ManualClock::at(start));
        let mut config = storage::Config::at(folder.path().join("data"));
        config.ack = AckLevel::Memory;
        config.flush_interval = Duration::from_secs(3_600);
        let components = storage::Components { clock: Arc::clone(&clock) as _, derives, tasks: Tasks::default() };
        let storage = Storage::open(config, components).await.unwrap();
        let config = query::Config { reader, ..query::Config::default() };
        let engine = Engine::new(Arc::clone(&storage), config, Arc::clone(&clock) as _).unwrap();
        Self { clock, storage, engine: Arc::new(engine), orders: None, notified: Arc::default(), folder }
    }

    /// Lines of a service, each at its second.
    pub(crate) async fn push(&self, service: &str, lines: impl IntoIterator<Item = (i64, String)>) {
        let labels = Labels::new([("service_name".to_owned(), service.to_owned())]).unwrap();
        let entry = |(second, line): (i64, String)| {
            let level = level_of(&line, &[]).as_str().to_owned();
            Entry { timestamp: at(second), line, metadata: vec![("detected_level".to_owned(), level)] }
        };
        let streams = vec![Stream { labels, entries: lines.into_iter().map(entry).collect() }];
        self.append(Batch { tenant: Tenant::default(), streams, id: None, received: self.clock.now().into() }).await;
    }

    pub(crate) async fn append(&self, batch: Batch) {
        self.storage.append(batch).await.unwrap();
    }

    pub(crate) fn source(&self) -> Source {
        Source::new(Arc::clone(&self.engine), everything(), self.orders.clone()).unwrap()
    }

    pub(crate) fn move_to(&self, second: i64) {
        let now = Timestamp::from(self.clock.now());
        self.clock.advance(at(second).since(now));
    }

    pub(crate) async fn state(&self) -> State {
        State::open(&Location::File(self.folder.path().join(Location::FILE))).await.unwrap()
    }

    /// What an evaluator of this node works with.
    pub(crate) async fn components(&self, node: &str) -> Components {
        Components {
            engine: Arc::clone(&self.engine),
            orders: self.orders.clone(),
            state: self.state().await,
            owners: Arc::new(Everybody),
            notify: Arc::clone(&self.notified) as _,
            recorder: Arc::new(Recorded(Arc::clone(&self.storage))),
            clock: Arc::clone(&self.clock) as _,
            node: node.to_owned(),
        }
    }
}

#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Owners for Everybody {
    async fn scope(&self, owner: Option<&str>, _: &Tenant) -> Result<Scope, String> {
        if owner == Some("gone") { Err("the owner `gone` is no more".to_owned()) } else { Ok(everything()) }
    }

    fn tenants(&self) -> Vec<Tenant> {
        vec![Tenant::default()]
    }
}

#[derive(Debug)]
struct Recorded(Arc<Storage>);

#[async_trait]
impl Recorder for Recorded {
    async fn record(&self, batch: Batch) -> Result<(), Failure> {
        self.0.append(batch).await.map(drop).map_err(|error| Failure::Failed(error.to_string()))
    }
}

/// Remembers what was handed over, as an outbox would: each alert once by what it is and when it began or ended.
#[derive(Debug, Default)]
pub(crate) struct Notified {
    pub(crate) all: Mutex<Vec<Alert>>,
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Notify for Notified {
    async fn notify(&self, alerts: Vec<Alert>) -> Result<(), NotifyError> {
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(NotifyError("the outbox is full".to_owned()));
        }
        let mut all = self.all.lock().unwrap();
        for alert in alerts {
            let same = |known: &Alert| {
                known.fingerprint() == alert.fingerprint()
                    && known.starts_at == alert.starts_at
                    && known.ends_at == alert.ends_at
            };
            if !all.iter().any(same) {
                all.push(alert);
            }
        }
        Ok(())
    }
}

impl Notified {
    /// Each alert as `name from-to`, in seconds after noon.
    pub(crate) fn told(&self) -> Vec<String> {
        let second = |time: Timestamp| (time.0 - NOON.0) / 1_000_000_000;
        let all = self.all.lock().unwrap();
        let told = all.iter().map(|alert| {
            let end = alert.ends_at.map(|end| second(end).to_string()).unwrap_or_default();
            format!("{} {}-{end}", alert.name(), second(alert.starts_at))
        });
        told.collect()
    }
}
