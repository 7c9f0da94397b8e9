//! The life of the server: build, answer, drain.

mod waiting;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert::eval::Evaluator;
use anyhow::{Context as _, Result};
use auth::{Access, AuditSink};
use ingest::Endpoint;
use orders::{OrderEvents, Orders};
use query::Engine;
use state::{Location, State};
use stdx::{Clock, Drained, Secret, SystemClock, Tasks};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::app::{App, LogAudit, Parts, StorageSink};
use crate::config::{self, Config};
use crate::feed::Feed;
use crate::http::{Patience, router};
use crate::metrics::Metrics;
use crate::rules::{LineRecorder, RuleOwners};

/// How soon what another node changed about access holds here.
const REFRESH: Duration = Duration::from_secs(2);
/// Rounds of that between two looks for sessions that have ended.
const PURGE_ROUNDS: u32 = 300;

/// A server that is built and bound, but does not answer yet.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: TcpListener,
    tasks: Tasks,
    patience: Patience,
    grace: Duration,
    /// The admin of a first start, with the password to use once.
    newcomer: Option<(String, Secret<String>)>,
}

/// Runs the server until it is told to stop.
pub async fn serve(config: Config) -> Result<()> {
    let server = Server::build(config).await?;
    server.welcome();
    info!(address = %format!("http://{}", server.address()?), "ready");
    server.run(stop_signal()).await
}

impl Server {
    /// Binds, opens the data folder and replays; everything that can fail at the start fails here.
    pub async fn build(config: Config) -> Result<Self> {
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let audit: Arc<dyn AuditSink> = Arc::new(LogAudit);
        let tasks = Tasks::default();
        let events = Arc::new(OrderEvents::default());
        let components = storage::Components {
            clock: Arc::clone(&clock),
            derives: vec![Arc::clone(&events) as _],
            tasks: tasks.clone(),
        };
        let (lifecycle, node) = (config.storage.lifecycle.clone(), config.storage.node.clone());
        let (storage, listener) =
            Box::pin(waiting::open(config.storage, components, listener, config.patience)).await?;
        let (access, state, newcomer) = open_access(&config.state, config.access, &clock).await?;
        keep_fresh(&access, &tasks);
        let engine = Arc::new(Engine::new(Arc::clone(&storage), config.query, Arc::clone(&clock))?);
        let orders = Orders::start(orders::Components {
            engine: Arc::clone(&engine),
            storage: Arc::clone(&storage),
            graphs: config.graphs,
            history: config.orders_history,
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
            audit: Arc::clone(&audit),
        })?;
        let desk = crate::desk::open(config.notify, &state, &engine, &audit, &clock, &tasks, &node).await?;
        let feed = Arc::new(Feed::default());
        let sink = Arc::new(StorageSink { storage: Arc::clone(&storage), feed: Arc::clone(&feed) });
        let evaluator = alert::eval::Components {
            engine: Arc::clone(&engine),
            orders: Some(Arc::clone(&orders)),
            state: state.clone(),
            owners: Arc::new(RuleOwners {
                access: Arc::clone(&access),
                audit: Arc::clone(&audit),
                storage: Arc::clone(&storage),
                own: Mutex::default(),
            }),
            notify: Arc::clone(&desk) as _,
            recorder: Arc::new(LineRecorder(Arc::clone(&sink))),
            clock: Arc::clone(&clock),
            node,
        };
        let rules = started(Evaluator::open(evaluator, config.alerts).await?, &tasks);
        let app = App::new(Parts {
            endpoint: Endpoint::new(sink, config.masking, Arc::clone(&clock)),
            started: clock.instant(),
            metrics: Metrics::new(),
            body_timeout: config.patience.body,
            ingest_limits: Arc::new(config.ingest),
            is_secure: config.is_secure,
            access,
            state,
            desk,
            draining: AtomicBool::new(false),
            audit,
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
        Ok(Self { app, listener, tasks, patience: config.patience, grace: config.shutdown_grace, newcomer })
    }

    /// Where it listens; the port is real even when 0 was asked for.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().context("the listener has no address")
    }

    /// Answers requests until `stop` resolves, then lets the running ones end, flushes and closes.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let Self { app, listener, tasks, patience, grace, newcomer: _ } = self;
        let told = app.clone();
        let (draining, drained) = tokio::sync::oneshot::channel();
        let stop = async move {
            stop.await;
            info!("stopping: no new requests, the running ones may end");
            told.start_draining();
            // The receiver is gone only when the server is.
            let _told: Result<(), ()> = draining.send(());
        };
        let server = crate::http::serve(listener, router(&app), patience, stop);
        let late = async {
            if drained.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            () = server => {}
            () = late => warn!("some requests did not end in time and were dropped"),
        }
        let closed = app.storage.close().await.context("cannot close the data folder");
        if let Drained::Aborted(count) = tasks.drain(grace).await {
            warn!(count, "some background tasks did not end in time");
        }
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

/// The evaluator of rules, at work.
fn started(rules: Arc<Evaluator>, tasks: &Tasks) -> Arc<Evaluator> {
    rules.start(tasks);
    rules
}

/// Opens the state, and who may come in; makes an admin where nobody could.
async fn open_access(
    location: &Location,
    config: config::Access,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Access>, State, Option<(String, Secret<String>)>)> {
    let state = State::open(location).await?;
    let clock = Arc::clone(clock);
    let access = if config.is_open {
        Access::open(state.clone(), clock).await?
    } else {
        Access::closed(state.clone(), config.declared, config.settings, clock).await?
    };
    let newcomer = access.first_admin().await?;
    Ok((Arc::new(access), state, newcomer))
}

/// Sees what other nodes changed about access, and forgets sessions that have ended.
fn keep_fresh(access: &Arc<Access>, tasks: &Tasks) {
    let (access, mut shutdown) = (Arc::clone(access), tasks.shutdown());
    tasks.spawn(async move {
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
