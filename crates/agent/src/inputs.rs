//! Inputs that are told lines: the standard input, programs, the journal, and senders on the network.
//!
//! Each is a task of its own, bounded in what it holds, and waits while the agent cannot take more. A sender that wants
//! an answer gets it when the lines are in the spool.

mod command;
mod forward;
mod journal;
pub(crate) mod stdin;
mod stream;
mod syslog;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use logline::{Entry, Timestamp};
use mask::Masker;
use stdx::{Clock, Shutdown, Tasks};
use tls::{Connection, Greeting, Terms, Tls};
use tokio::sync::Semaphore;

use crate::Error;
use crate::config::{Config, Input, Kind};
use crate::intake::{Feed, OwnedLine, Receipt, Stopped};
use crate::lines::{Source, Treating, masked};
use crate::store::Store;

/// Bytes of lines that one hand-over has.
const HAND_OVER: usize = 256 << 10;

/// What each of them needs.
#[derive(Clone, Debug)]
struct Door {
    source: Arc<Source>,
    feed: Feed,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
    tasks: Tasks,
}

/// An input that can begin.
#[derive(Debug)]
pub(crate) struct Ready {
    door: Door,
    what: What,
}

#[derive(Debug)]
enum What {
    Stdin(stdin::Kept),
    Command(crate::config::CommandInput),
    Journal(crate::config::JournalInput, Option<String>),
    SyslogTcp(Listening),
    SyslogUdp(UdpSocket),
    Forward(Listening, Arc<forward::Settings>),
    Heartbeats(UdpSocket),
}

/// A socket that takes connections, and how many at a time.
#[derive(Debug)]
struct Listening {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    greeting: Greeting,
}

/// Binds what listens, so that a port in use is told before anything is read.
pub(crate) fn open(
    config: &Config,
    masker: &Masker,
    store: &Store,
    feed: &Feed,
    clock: &Arc<dyn Clock>,
    tasks: &Tasks,
    stdin: &stdin::Kept,
) -> Result<Vec<Ready>, Error> {
    let mut ready = Vec::new();
    for input in &config.inputs {
        let source = Source { labels: masked(&input.labels, masker), treating: Arc::new(Treating::of(input)) };
        let door = Door {
            source: Arc::new(source),
            feed: feed.clone(),
            clock: Arc::clone(clock),
            shutdown: tasks.shutdown(),
            tasks: tasks.clone(),
        };
        ready.extend(whats(input, store, clock, stdin)?.into_iter().map(|what| Ready { door: door.clone(), what }));
    }
    Ok(ready)
}

fn whats(input: &Input, store: &Store, clock: &Arc<dyn Clock>, stdin: &stdin::Kept) -> Result<Vec<What>, Error> {
    Ok(match &input.kind {
        Kind::Files(_) => Vec::new(),
        Kind::Stdin => vec![What::Stdin(stdin.clone())],
        Kind::Command(command) => vec![What::Command(command.clone())],
        Kind::Journal(journal) => {
            let cursor = store.with(|state| state.cursors.get(&journal.name).cloned());
            vec![What::Journal(journal.clone(), cursor)]
        }
        Kind::Syslog(syslog) => {
            let listen = |address| listen(address, syslog.max_connections, &syslog.tls, clock);
            let tcp = syslog.tcp.map(listen).transpose()?;
            let udp = syslog.udp.map(bind).transpose()?;
            tcp.map(What::SyslogTcp).into_iter().chain(udp.map(What::SyslogUdp)).collect()
        }
        Kind::Forward(forward) => {
            let settings = Arc::new(forward::Settings::new(forward));
            let listening = listen(forward.tcp, forward.max_connections, &forward.tls, clock)?;
            let mut whats = vec![What::Forward(listening, settings)];
            if forward.heartbeat {
                whats.push(What::Heartbeats(bind(forward.tcp)?));
            }
            whats
        }
    })
}

fn listen(address: SocketAddr, max_connections: usize, tls: &Tls, clock: &Arc<dyn Clock>) -> Result<Listening, Error> {
    let failed = |reason| Error::Listen { address, reason };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "listening");
    let place = address.to_string();
    let greeting = Greeting::new(place.clone(), tls, Terms::default(), Arc::clone(clock));
    let greeting = greeting.map_err(|problem| Error::Tls(place, problem.text))?;
    Ok(Listening { listener, connections: Arc::new(Semaphore::new(max_connections)), greeting })
}

fn bind(address: SocketAddr) -> Result<UdpSocket, Error> {
    let failed = |reason| Error::Listen { address, reason };
    let socket = UdpSocket::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    tracing::info!(address = %socket.local_addr().map_err(failed)?, "listening for datagrams");
    Ok(socket)
}

impl Ready {
    /// Runs until the tasks are drained.
    pub(crate) fn spawn(self) {
        let Self { door, what } = self;
        let tasks = door.tasks.clone();
        match what {
            What::Stdin(kept) => tasks.spawn(stdin::run(door, kept)),
            What::Command(command) => tasks.spawn(command::run(door, command)),
            What::Journal(journal, cursor) => tasks.spawn(journal::run(door, journal, cursor)),
            What::SyslogTcp(listening) => tasks.spawn(syslog::tcp(door, listening)),
            What::SyslogUdp(socket) => tasks.spawn(syslog::udp(door, socket)),
            What::Forward(listening, settings) => tasks.spawn(forward::run(door, listening, settings)),
            What::Heartbeats(socket) => tasks.spawn(forward::heartbeats(door, socket)),
        }
    }
}

impl Door {
    fn now(&self) -> Timestamp {
        Timestamp::from(self.clock.now())
    }

    /// Hands entries in, in parts of a bounded size; what is given resolves when they are in the spool.
    async fn hand_in(&self, origin: u64, lines: Vec<OwnedLine>) -> Result<Vec<Receipt>, Stopped> {
        let mut receipts = Vec::new();
        let (mut part, mut bytes) = (Vec::new(), 0);
        for line in lines {
            bytes += line.bytes.len();
            part.push(line);
            if bytes >= HAND_OVER {
                bytes = 0;
                let part = std::mem::take(&mut part);
                receipts.push(self.feed.hand_in(Arc::clone(&self.source), origin, part, None).await?);
            }
        }
        if !part.is_empty() {
            receipts.push(self.feed.hand_in(Arc::clone(&self.source), origin, part, None).await?);
        }
        Ok(receipts)
    }
}

fn line_of(entry: Entry) -> OwnedLine {
    let Entry { timestamp, line, metadata } = entry;
    OwnedLine { bytes: line.into_bytes(), time: Some(timestamp), metadata, ..OwnedLine::default() }
}

impl Listening {
    /// Takes connections until a stop is asked for; each is a task, and there are never more than allowed.
    async fn each<F, Fut>(self, door: Door, what: &'static str, serve: F)
    where
        F: Fn(Door, Connection) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, what, "cannot listen"),
        };
        let mut shutdown = door.shutdown.clone();
        loop {
            let next = async {
                let permit = Arc::clone(&self.connections).acquire_owned().await.ok()?;
                Some((permit, listener.accept().await))
            };
            let accepted = tokio::select! {
                () = shutdown.wait() => return,
                accepted = next => accepted,
            };
            match accepted {
                Some((permit, Ok((stream, _)))) => {
                    let (serve, greeting, its_door) = (serve.clone(), self.greeting.clone(), door.clone());
                    door.tasks.spawn(async move {
                        match greeting.greet(stream).await {
                            Ok(accepted) => serve(its_door, accepted.wire).await,
                            Err(error) => tracing::warn!(%error, what, "a connection was refused"),
                        }
                        drop(permit);
                    });
                }
                Some((_, Err(error))) => {
                    tracing::warn!(%error, what, "cannot take a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                None => return,
            }
        }
    }
}
