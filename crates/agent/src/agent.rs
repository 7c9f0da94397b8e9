//! Puts the agent together: opens the state, the spool and the files, then reads, writes and ships.
//!
//! ```text
//! files --asked--+
//!                +--> reading (masks, batches) --> writer (spool, sync) --> one shipper an output
//! tasks --Feed---+
//! ```
//!
//! Between any two of them wait a few batches at most.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use logline::Timestamp;
use stdx::{Clock, Shutdown, Tasks};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::Error;
use crate::batch::{Batch, Prepared, Treatment};
use crate::config::Config;
use crate::cursor::{CURSORS, Cursor};
use crate::disk::{Fs, RealFs};
use crate::inputs;
use crate::intake::{self, Feed, Handed};
use crate::listen::{Listener, Shown};
use crate::present::Present;
use crate::settled::Settled;
use crate::ship::{Around, Sender, Shipper};
use crate::spool::Spool;
use crate::store::Store;
use crate::tail::{OpenFiles, SCAN_EVERY, Tail};
use crate::watch::Waker;
use crate::writer::{self, Writer};

/// The shortest and the longest pause between two looks at the files; it grows while nothing is written.
const POLL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));

/// How long inputs that are told lines have for their last ones.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// An agent that is ready to run.
#[derive(Debug)]
pub struct Agent {
    reading: Reading,
    inputs: Vec<inputs::Ready>,
    /// Keeps the door open while no input has it.
    feed: Feed,
    writer: Writer,
    shippers: Vec<Shipper>,
    listener: Option<Listener>,
    leaving: Arc<AtomicBool>,
    left: Arc<Mutex<Left>>,
    /// Closed when the writer ends.
    writing: watch::Sender<()>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Reading {
    tail: Tail,
    /// What tasks hand in.
    handed: mpsc::Receiver<Handed>,
    treatment: Arc<Treatment>,
    clock: Arc<dyn Clock>,
    batch_bytes: usize,
    batch_wait: Duration,
}

impl Agent {
    /// Locks the state folder, opens the spool and the files that are there.
    pub fn open(config: &Config, clock: Arc<dyn Clock>, tasks: &Tasks) -> Result<Self, Error> {
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        Self::open_on(&fs, config, clock, tasks, &mut Left::default())
    }

    /// Opens an agent with other settings after one that has left, and goes on with its open files.
    pub fn open_after(left: &mut Left, config: &Config, clock: Arc<dyn Clock>, tasks: &Tasks) -> Result<Self, Error> {
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        Self::open_on(&fs, config, clock, tasks, left)
    }

    /// The same, with the agent's own files on another disk.
    pub(crate) fn open_on(
        fs: &Arc<dyn Fs>,
        config: &Config,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
        left: &mut Left,
    ) -> Result<Self, Error> {
        let masker = mask::Masker::new(&config.mask)?;
        let rules: Vec<_> = masker.rule_names().map(str::to_owned).collect();
        if rules.is_empty() {
            warn!("masking is off: personal data leaves this host as it is");
        }
        let treatment = Arc::new(Treatment { masker, reader: logline::Reader::default(), present: Present::default() });
        let store = Arc::new(Store::open(Arc::clone(fs), &config.state_dir)?);
        let spool = open_spool(fs, config, &store)?;
        let started = Timestamp::from(clock.now());
        let now = clock.instant();
        let tail = Tail::open(config, Arc::clone(&treatment), Arc::clone(&store), now, started);
        let (feed, handed) = intake::feed();
        let leaving = Arc::<AtomicBool>::default();
        let stdin = inputs::stdin::Kept { shared: Arc::clone(&left.stdin), leaving: Arc::clone(&leaving) };
        let inputs = inputs::open(config, &treatment.masker, &store, &feed, &clock, tasks, &stdin)?;
        let (batch_bytes, batch_wait) = (config.spool.batch_bytes, config.spool.batch_wait);
        let mut reading = Reading {
            tail,
            handed,
            treatment: Arc::clone(&treatment),
            clock: Arc::clone(&clock),
            batch_bytes,
            batch_wait,
        };
        if let Err(error) = writer::save(&spool, &store) {
            warn!(%error, "cannot write the state; trying again");
        }
        let settled = Arc::new(Settled::new(Arc::clone(&spool)));
        let (writing, written) = watch::channel(());
        let agent = store.with(|state| state.agent.clone());
        let cursors = folder(&config.state_dir, CURSORS)?;
        let (mut shippers, mut shown) = (Vec::new(), BTreeMap::new());
        for output in &config.outputs {
            let sender = Sender::new(output, &agent, Arc::clone(&treatment), Arc::clone(&clock), tasks.shutdown())?;
            let cursor = Cursor::open(&**fs, &cursors, &output.name)?;
            let around = Around {
                spool: Arc::clone(&spool),
                settled: Arc::clone(&settled),
                clock: Arc::clone(&clock),
                writing: written.clone(),
                leaving: Arc::clone(&leaving),
            };
            let shipper = Shipper::new(sender, cursor, around);
            shown.insert(output.name.clone(), shipper.progress());
            shippers.push(shipper);
        }
        let outputs: Vec<_> = config.outputs.iter().map(|output| output.name.as_str()).collect();
        info!(agent, ?outputs, ?rules, "ready");
        let shutdown = tasks.shutdown();
        let shown = Shown {
            store: Arc::clone(&store),
            spool: Arc::clone(&spool),
            outputs: shown,
            clock: Arc::clone(&clock),
            shutdown: shutdown.clone(),
        };
        let listener = config.listen.map(|address| Listener::bind(address, shown)).transpose()?;
        let writer = Writer { spool, store, settled, clock, shutdown: shutdown.clone() };
        let left = std::mem::take(left);
        reading.tail.adopt(left.files, now);
        let left = Arc::new(Mutex::new(Left { files: OpenFiles::default(), stdin: left.stdin }));
        Ok(Self { reading, inputs, feed, writer, shippers, listener, leaving, left, writing, shutdown })
    }

    /// Runs until the tasks are drained: then the batch under construction goes into the spool, and on to the outputs
    /// that take it. Should the agent fail, it stops the tasks itself.
    pub fn spawn(self, tasks: &Tasks) -> Running {
        let (out, batches) = mpsc::channel(2);
        let (writer, writing, all) = (self.writer, self.writing, tasks.clone());
        tasks.spawn(async move {
            writer.run(batches).await;
            drop(writing);
            all.stop();
        });
        let senders: Vec<_> = self.shippers.iter().map(Shipper::sender).collect();
        for shipper in self.shippers {
            tasks.spawn(shipper.run());
        }
        self.inputs.into_iter().for_each(inputs::Ready::spawn);
        if let Some(listener) = self.listener {
            tasks.spawn(listener.run());
        }
        let (left, running) = (Arc::clone(&self.left), Running { leaving: self.leaving, left: self.left });
        let (reading, feed, shutdown) = (self.reading, self.feed, self.shutdown);
        tasks.spawn(async move {
            // No batch is begun before: its lines may have no other time than the present.
            join_all(senders.iter().map(|sender| sender.ask_time())).await;
            if let Some(tail) = run(reading, feed, out, shutdown).await {
                left.lock().unwrap_or_else(PoisonError::into_inner).files = tail.into_files();
            }
        });
        running
    }
}

/// An agent at work.
#[derive(Debug)]
pub struct Running {
    leaving: Arc<AtomicBool>,
    left: Arc<Mutex<Left>>,
}

/// What an agent leaves to the next one in the same process.
#[derive(Debug, Default)]
pub struct Left {
    /// Some of them have no name any more.
    files: OpenFiles,
    stdin: inputs::stdin::Shared,
}

impl Running {
    /// Ends the agent so that another one can begin: what was read goes into the spool, requests under way end, what
    /// waits stays in the spool.
    pub async fn leave(self, tasks: &Tasks, grace: Duration) -> Left {
        self.leaving.store(true, Ordering::Relaxed);
        // What had to be aborted is sent again by the next one.
        _ = tasks.drain(grace).await;
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Opens the spool, and adds to the state what its records cover behind it.
fn open_spool(fs: &Arc<dyn Fs>, config: &Config, store: &Store) -> Result<Arc<Spool>, Error> {
    let dir = folder(&config.state_dir, "spool")?;
    let known = store.with(|state| (state.sequence, state.totals.lines));
    let spool = Arc::new(Spool::open(Arc::clone(fs), dir.clone(), config.spool.limits(), known)?);
    let mut reader = spool.reader(known.0, None);
    while let Some(record) = reader.next().map_err(|source| Error::io("cannot read the spool", &dir, source))? {
        store.with(|state| state.apply(record.head.sequence, &record.covered));
    }
    Ok(spool)
}

/// A folder of the agent's own.
fn folder(state_dir: &Path, name: &str) -> Result<std::path::PathBuf, Error> {
    let dir = state_dir.join(name);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.map_err(|source| Error::io("cannot use the folder", &dir, source))?;
    Ok(dir)
}

async fn run(mut reading: Reading, feed: Feed, out: mpsc::Sender<Prepared>, mut shutdown: Shutdown) -> Option<Tail> {
    let waker = reading.tail.waker();
    let mut feed = Some(feed);
    let mut batch = reading.begin();
    let mut pause = POLL.0;
    let mut handed = None;
    loop {
        let last = shutdown.is_asked();
        let turn = unblocked(move || reading.turn(batch, handed.take(), last)).await?;
        (reading, batch, handed) = (turn.reading, turn.batch, None);
        if let Some(ready) = turn.ready {
            match hand_over(reading, ready, &out).await {
                Some(again) => reading = again,
                None => return None,
            }
        } else if !last {
            pause = if turn.any { POLL.0 } else { (pause * 2).min(POLL.1) };
            tokio::select! {
                // Whether it ended by a stop is seen above, at the next turn.
                () = shutdown.wait() => {}
                some = reading.handed.recv() => handed = some,
                () = quiet(&waker, pause) => {}
            }
        }
        if last {
            // Inputs that are told lines hand in what they hold, and end.
            drop(feed.take());
            handed = tokio::time::timeout(LAST_WORDS, reading.handed.recv()).await.ok().flatten();
            if handed.is_none() && batch.is_empty() {
                return Some(reading.tail);
            }
        }
    }
}

/// Waits until a file has changed; not less than the shortest pause, so that a busy file is read in larger pieces, and
/// not longer than `pause`.
async fn quiet(waker: &Waker, pause: Duration) {
    tokio::time::sleep(POLL.0).await;
    // Either way it is time for another turn.
    drop(tokio::time::timeout(pause.saturating_sub(POLL.0), waker.changed()).await);
}

/// Waits until the batch is taken. Files are looked for meanwhile: while there is no room they are rotated as ever,
/// and what is open cannot be lost. `None` when nobody takes batches any more.
async fn hand_over(mut reading: Reading, ready: Prepared, out: &mpsc::Sender<Prepared>) -> Option<Reading> {
    loop {
        if let Ok(place) = tokio::time::timeout(SCAN_EVERY, out.reserve()).await {
            place.ok()?.send(ready);
            return Some(reading);
        }
        reading = unblocked(move || reading.look()).await?;
    }
}

/// Does what blocks on a thread of its own; `None` if it panicked, which ends the agent.
async fn unblocked<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| error!(%error, "reading failed")).ok()
}

/// What one turn of reading leaves.
struct Turn {
    reading: Reading,
    batch: Batch,
    ready: Option<Prepared>,
    any: bool,
}

impl Reading {
    fn begin(&self) -> Batch {
        let now = Timestamp::from(self.clock.now());
        Batch::new(Arc::clone(&self.treatment), self.batch_bytes, now, self.clock.instant())
    }

    fn look(mut self) -> Self {
        self.tail.look(self.clock.instant());
        self
    }

    /// Reads what is there; closes the batch when it is full, has waited long enough, or is the last one.
    fn turn(mut self, mut batch: Batch, handed: Option<Handed>, last: bool) -> Turn {
        if batch.is_empty() {
            batch = self.begin();
        }
        let now = self.clock.instant();
        let any_handed = self.take_handed(&mut batch, handed);
        let any = !last && self.tail.fill(&mut batch, now) || any_handed;
        let waited = now.duration_since(batch.begun()) >= self.batch_wait;
        let is_due = batch.is_full() || !batch.is_empty() && (waited || last);
        if !is_due {
            return Turn { reading: self, batch, ready: None, any };
        }
        let next = self.begin();
        let ready = self.tail.finish(batch, Timestamp::from(self.clock.now()));
        Turn { reading: self, batch: next, ready: Some(ready), any }
    }

    /// Takes what tasks handed in, up to half of the batch, so that files have their share.
    fn take_handed(&mut self, batch: &mut Batch, first: Option<Handed>) -> bool {
        let mut next = first.or_else(|| self.handed.try_recv().ok());
        let any = next.is_some();
        while let Some(handed) = next {
            batch.hand_in(handed);
            next = if batch.is_half_full() { None } else { self.handed.try_recv().ok() };
        }
        any
    }
}
