//! Puts the agent together: opens the state, the spool and the files, then reads, writes and ships.
//!
//! ```text
//! files --asked--+
//!                +--> reading (masks, batches) --> writer (spool, sync) --> one shipper an output
//! tasks --Feed---+
//! ```
//!
//! Between any two of them wait a few batches at most.

mod reading;

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
use tracing::{info, warn};

use crate::Error;
use crate::batch::Treatment;
use crate::config::Config;
use crate::cursor::{CURSORS, Cursor};
use crate::disk::{Fs, RealFs};
use crate::inputs;
use crate::intake::{self, Feed};
use crate::listen::{Listener, Shown};
use crate::present::Present;
use crate::settled::Settled;
use crate::ship::{Around, Sender, Shipper};
use crate::spool::Spool;
use crate::store::Store;
use crate::tail::{OpenFiles, Tail};
use crate::writer::{self, Writer};
use reading::Reading;

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
            if let Some(tail) = reading::run(reading, feed, out, shutdown).await {
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
