//! The life of the server: build, answer, drain.

mod waiting;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert::Desk;
use alert::eval::Evaluator;
use anyhow::{Context as _, Result};
use auth::{Access, Attempts, AuditEvent, AuditSink, Directory, IdentityProvider, Ldap, Oidc, OidcSettings};
use futures::FutureExt as _;
use ingest::Endpoint;
use orders::{Graphs, OrderEvents, Orders};
use query::Engine;
use state::{Location, State};
use stdx::{ByteSize, Clock, Drained, Secret, SystemClock, Tasks};
use storage::{Lifecycle, Storage};
use tls::Greeting;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::app::{App, Parts, StorageSink};
use crate::audit::{self, AuditTable, Trail, Usage};
use crate::config::{self, Config};
use crate::http::{Patience, grpc_router, router};
use crate::metrics::Metrics;
use crate::reveal::Reveals;
use crate::rules::{LineRecorder, RuleOwners};

/// How soon what another node changed about access holds here.
const REFRESH: Duration = Duration::from_secs(2);
/// Rounds of that between two looks for what has ended or is too old.
const PURGE_ROUNDS: u32 = 300;

/// A server that is built and bound, but does not answer yet.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: TcpListener,
    greeting: Greeting,
    /// Where OTLP over gRPC comes in.
    grpc: Option<(TcpListener, Greeting)>,
    /// Work that uses storage and writes to the audit trail.
    tasks: Tasks,
    /// Work that both need to the end.
    below: Tasks,
    writer: audit::Running,
    patience: Patience,
    grace: Duration,
    /// The admin of a first start, with the password to use once.
    newcomer: Option<(String, Secret<String>)>,
}

/// Runs the server until it is told to stop.
pub async fn serve(config: Config) -> Result<()> {
    let server = Server::build(config).await?;
    server.welcome();
    if let Some((listener, greeting)) = &server.grpc {
        let url = waiting::url(greeting, listener.local_addr().context("the listener has no address")?);
        info!(grpc = url, "taking OTLP over gRPC");
    }
    info!(address = %server.url()?, "ready");
    server.run(stop_signal()).await
}

impl Server {
    /// Binds, opens the data folder and replays; everything that can fail at the start fails here.
    pub async fn build(config: Config) -> Result<Self> {
        let listener = bind(config.listen).await?;
        let grpc = match config.grpc_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (trail, occurred) = Trail::new();
        let audit: Arc<dyn AuditSink> = Arc::clone(&trail) as _;
        let (tasks, below) = (Tasks::default(), Tasks::default());
        let reader = config.reading.reader(&config.graphs);
        let events = Arc::new(OrderEvents::new(Arc::clone(&reader)).enabled(config.orders_enabled));
        let components = storage::Components {
            clock: Arc::clone(&clock),
            derives: vec![Arc::clone(&events) as _, Arc::new(AuditTable)],
            tasks: below.clone(),
        };
        let (lifecycle, node) = (config.storage.lifecycle.clone(), config.storage.node.clone());
        let transport = config.transport;
        let is_secure = transport.is_secure();
        let greeting = transport.greeting(config.listen, &[b"http/1.1"], &clock)?;
        let greet = |address| transport.greeting(address, &[b"h2"], &clock);
        let grpc = grpc.zip(config.grpc_listen.map(greet).transpose()?);
        let entrance = waiting::Entrance { listener, greeting: &greeting, patience: transport.patience };
        let (storage, listener) = Box::pin(waiting::open(config.storage, components, entrance)).await?;
        let allowed = (config.access, config.directories);
        let elsewhere = config.providers.iter().map(|provider| provider.name.clone()).collect();
        let (access, state) = open_access(&config.state, allowed, elsewhere, &clock).await?;
        let engine =
            Arc::new(Engine::new(Arc::clone(&storage), query::Config { reader, ..config.query }, Arc::clone(&clock))?);
        let base = Base { storage, engine, state, access, audit, clock, tasks, below, node };
        keep_fresh(&base);
        let writer = base.writer((&trail, occurred), &lifecycle, config.audit.forward).await?;
        let usage = Usage::start(Arc::clone(&base.audit), &base.tasks);
        let orders = base.orders(config.graphs, config.orders_history)?;
        let (sink, feed) = StorageSink::new(&base.storage);
        let desk = base.desk(config.notify).await?;
        let rules = base.rules(config.orders_enabled.then_some(&orders), &sink, &desk, config.alerts).await?;
        let Base { storage, engine, state, access, clock, tasks, below, .. } = base;
        let app = App::new(Parts {
            endpoint: Endpoint::new(sink, config.masking, Arc::clone(&clock)),
            started: clock.instant(),
            metrics: Metrics::new(),
            body_timeout: transport.patience.body,
            shield: transport.shield,
            reveals: Reveals::new(config.reveal, Arc::clone(&clock)),
            attempts: Attempts::new(Arc::clone(&clock)),
            providers: providers(config.providers, &clock)?,
            ingest_limits: config.ingest,
            is_secure,
            access,
            state,
            desk,
            draining: AtomicBool::new(false),
            audit: trail,
            usage,
            clock,
            engine,
            orders,
            events,
            rules,
            feed,
            lifecycle,
            tasks: tasks.clone(),
            storage,
        });
        // Last of all: a password that was made and never told would shut everybody out.
        let newcomer = app.access.first_admin().await?;
        let (patience, grace) = (transport.patience, config.shutdown_grace);
        Ok(Self { app, listener, greeting, grpc, tasks, below, writer, patience, grace, newcomer })
    }

    /// Where it listens; the port is real even when 0 was asked for.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().context("the listener has no address")
    }

    fn url(&self) -> Result<String> {
        Ok(waiting::url(&self.greeting, self.address()?))
    }

    /// Answers requests until `stop` resolves, then lets the running ones end, flushes and closes.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let Self { app, listener, greeting, grpc, tasks, below, writer, patience, grace, newcomer: _ } = self;
        let told = app.clone();
        let (draining, drained) = tokio::sync::oneshot::channel();
        let stop = async move {
            stop.await;
            info!("stopping: no new requests, the running ones may end");
            told.start_draining();
            // The receiver is gone only when the server is.
            let _told: Result<(), ()> = draining.send(());
        };
        let stop = stop.shared();
        let server = crate::http::serve(listener, &greeting, router(&app), patience, stop.clone());
        let grpc = async {
            if let Some((listener, greeting)) = grpc {
                crate::http::serve_two(listener, &greeting, grpc_router(&app), patience, stop).await;
            }
        };
        let server = futures::future::join(server, grpc);
        let late = async {
            if drained.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            ((), ()) = server => {}
            () = late => warn!("some requests did not end in time and were dropped"),
        }
        drained_in(&tasks, grace).await;
        // Nothing happens any more that must be written down.
        writer.stop(grace).await;
        let closed = app.storage.close().await.context("cannot close the data folder");
        drained_in(&below, grace).await;
        app.state.close().await;
        closed?;
        info!("stopped");
        Ok(())
    }

    /// Tells a newcomer how to get in. The password goes to the terminal and to no log.
    fn welcome(&self) {
        if let Some((name, password)) = &self.newcomer {
            crate::cli::complain(&format!(
                "first start: log in as `{name}` with the password {}\n          (told this once; it must be changed at the first login)",
                password.reveal()
            ));
        }
    }
}

async fn drained_in(tasks: &Tasks, grace: Duration) {
    if let Drained::Aborted(count) = tasks.drain(grace).await {
        warn!(count, "some background tasks did not end in time");
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// What the parts of the server are made of.
struct Base {
    storage: Arc<Storage>,
    engine: Arc<Engine>,
    state: State,
    access: Arc<Access>,
    audit: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    below: Tasks,
    node: String,
}

impl Base {
    /// Writes the audit trail from now on.
    async fn writer(
        &self,
        (trail, occurred): (&Trail, mpsc::Receiver<AuditEvent>),
        lifecycle: &Lifecycle,
        forward: Option<audit::Target>,
    ) -> Result<audit::Running> {
        if audit::is_kept_all_the_same(lifecycle) {
            warn!("`audit.retention` takes nothing away, since `storage.retention_enabled` is not set");
        }
        let components = audit::Components {
            node: self.node.clone(),
            storage: Arc::clone(&self.storage),
            engine: Arc::clone(&self.engine),
            anchors: Arc::new(self.state.clone()),
            kept_for: audit::kept_for(lifecycle),
            forward,
            sent: self.state.clone(),
            clock: Arc::clone(&self.clock),
            tasks: self.below.clone(),
        };
        audit::Writer::start(trail, occurred, components).await
    }

    /// Follows orders from now on.
    fn orders(&self, graphs: Graphs, history: ByteSize) -> Result<Arc<Orders>> {
        Ok(Orders::start(orders::Components {
            engine: Arc::clone(&self.engine),
            storage: Arc::clone(&self.storage),
            graphs,
            history,
            clock: Arc::clone(&self.clock),
            tasks: self.tasks.clone(),
            audit: Arc::clone(&self.audit),
        })?)
    }

    /// Takes alerts from rules to people from now on.
    async fn desk(&self, notify: config::Notify) -> Result<Arc<Desk>> {
        crate::desk::open(notify, &self.state, &self.engine, &self.audit, &self.clock, &self.tasks, &self.node).await
    }

    /// Evaluates rules from now on; without orders, if none are followed, those of orders find nothing.
    async fn rules(
        &self,
        orders: Option<&Arc<Orders>>,
        sink: &Arc<StorageSink>,
        desk: &Arc<Desk>,
        mut config: alert::eval::Config,
    ) -> Result<Arc<Evaluator>> {
        config.around.own_facts = !self.engine.reader().is_by_default();
        let components = alert::eval::Components {
            engine: Arc::clone(&self.engine),
            orders: orders.map(Arc::clone),
            state: self.state.clone(),
            owners: Arc::new(RuleOwners {
                access: Arc::clone(&self.access),
                audit: Arc::clone(&self.audit),
                storage: Arc::clone(&self.storage),
                own: Mutex::default(),
            }),
            notify: Arc::clone(desk) as _,
            recorder: Arc::new(LineRecorder(Arc::clone(sink))),
            clock: Arc::clone(&self.clock),
            node: self.node.clone(),
        };
        let rules = Evaluator::open(components, config).await?;
        rules.start(&self.tasks);
        Ok(rules)
    }
}

/// Opens the state, and who may come in.
async fn open_access(
    location: &Location,
    (config, directories): (config::Access, Vec<Directory>),
    elsewhere: Vec<String>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Access>, State)> {
    let state = State::open(location).await?;
    let directories = self::directories(directories, clock)?;
    let clock = Arc::clone(clock);
    let access = if config.is_open {
        Access::open(state.clone(), clock).await?
    } else {
        Access::closed(state.clone(), config.declared, config.settings, clock).await?
    };
    Ok((Arc::new(access.with_providers(directories).with_logins_elsewhere(elsewhere)), state))
}

/// Directories that people log in with.
fn directories(configured: Vec<Directory>, clock: &Arc<dyn Clock>) -> Result<Vec<Arc<dyn IdentityProvider>>> {
    let open = |directory| Ok(Arc::new(Ldap::new(directory, Arc::clone(clock))?) as _);
    configured.into_iter().map(open).collect()
}

/// Providers that people log in with elsewhere, by name.
fn providers(configured: Vec<OidcSettings>, clock: &Arc<dyn Clock>) -> Result<BTreeMap<String, Oidc>> {
    let open = |settings: OidcSettings| Ok((settings.name.clone(), Oidc::new(settings, Arc::clone(clock))?));
    configured.into_iter().map(open).collect()
}

/// Sees what other nodes changed about access, and forgets sessions that have ended.
fn keep_fresh(base: &Base) {
    let (access, mut shutdown) = (Arc::clone(&base.access), base.tasks.shutdown());
    base.tasks.spawn(async move {
        let mut rounds: u32 = 0;
        loop {
            tokio::select! {
                () = shutdown.wait() => break,
                () = tokio::time::sleep(REFRESH) => {}
            }
            rounds = rounds.wrapping_add(1);
            let done = match access.refresh().await {
                Ok(()) if rounds.is_multiple_of(PURGE_ROUNDS) => access.purge().await.map(drop),
                done => done,
            };
            if let Err(error) = done {
                warn!(%error, "what is set about access cannot be read; it stays as it was");
            }
        }
        // When tokens were used last is written down at the end, too.
        if let Err(error) = access.refresh().await {
            warn!(%error, "the last uses of tokens are not written down");
        }
    });
}

/// SIGTERM or Ctrl-C.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
