//! The one thread that writes the WAL: collects what waits, one write, one sync, then the head in order, then the acks.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use logline::Tenant;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::budget::Reserved;
use crate::error::Failure;
use crate::health::Affected;
use crate::seen::{Mark, PrintSet};
use crate::shared::{Rows, Shared};
use crate::wal::Wal;
use crate::{AckLevel, Error};

/// Batches that may wait to be written.
const QUEUE: usize = 256;
/// A group is written when it has grown to this, whatever waits behind it.
const GROUP_BYTES: usize = 8 << 20;
/// A disk that takes longer than this to write what waits is out of order.
const DEADLINE: Duration = Duration::from_secs(30);

/// A batch on its way to the WAL.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) record: Vec<u8>,
    pub(crate) tenant: Tenant,
    /// Its number, when the sender numbers its batches.
    pub(crate) mark: Option<Mark>,
    /// Fingerprints of its lines, in their order, when they are to be compared.
    pub(crate) prints: Vec<u64>,
    /// Rows for each table, by its index.
    pub(crate) rows: Vec<(usize, RecordBatch)>,
    /// Held until the rows are accounted for in the head.
    pub(crate) reserved: Reserved,
}

impl Pending {
    fn rows(&self) -> Rows<'_> {
        Rows { tenant: &self.tenant, mark: self.mark.as_ref(), prints: &self.prints, tables: &self.rows }
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is durable and visible now.
    Stored,
    /// It was so before.
    Repeat,
    /// Nothing of it was written: these of its lines are durable already. The others may be appended without them.
    Known(Box<Pending>, Vec<bool>),
}

type Ack = oneshot::Sender<Result<Taken, Error>>;

enum Command {
    Append(Pending, Ack),
    Sync,
    Recycle(u64),
    Probe,
    Stop,
}

/// The way to the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    thread: Mutex<Option<JoinHandle<Box<dyn Wal>>>>,
}

impl Writer {
    pub(crate) fn start(wal: Box<dyn Wal>, shared: Arc<Shared>) -> Result<Self, Error> {
        let (commands, queue) = mpsc::channel(QUEUE);
        let run = move || Loop { wal, shared }.run(queue);
        let thread = std::thread::Builder::new().name("wal".to_owned()).spawn(run);
        let thread = thread.map_err(|error| Error::internal(format!("cannot start the WAL thread: {error}")))?;
        Ok(Self { commands, thread: Mutex::new(Some(thread)) })
    }

    /// Returns once the batch is durable and visible. A numbered batch that is so already is not written again.
    pub(crate) async fn append(&self, pending: Pending) -> Result<Taken, Error> {
        let (ack, acked) = oneshot::channel();
        let closing = || Error::from(Failure::Unavailable("storage is closing"));
        let slow = || Error::from(Failure::Unavailable("the disk does not keep up with the write-ahead log"));
        let sent = timeout(DEADLINE, self.commands.send(Command::Append(pending, ack))).await;
        sent.map_err(|_| slow())?.map_err(|_| closing())?;
        timeout(DEADLINE, acked).await.map_err(|_| slow())?.map_err(|_| closing())?
    }

    /// Makes what was written durable, soon.
    pub(crate) async fn sync(&self) {
        self.tell(Command::Sync).await;
    }

    /// Forgets records up to a position, soon.
    pub(crate) async fn recycle(&self, position: u64) {
        self.tell(Command::Recycle(position)).await;
    }

    /// Sees whether the log can be written again, soon.
    pub(crate) async fn probe(&self) {
        self.tell(Command::Probe).await;
    }

    /// Lets it finish what waits and takes the log back; `None` when it has stopped before.
    pub(crate) async fn stop(&self) -> Option<Box<dyn Wal>> {
        self.tell(Command::Stop).await;
        let thread = self.take_thread()?;
        tokio::task::spawn_blocking(|| thread.join().ok()).await.ok().flatten()
    }

    async fn tell(&self, command: Command) {
        if timeout(DEADLINE, self.commands.send(command)).await.is_err() {
            warn!("the WAL thread does not answer");
        }
    }

    fn take_thread(&self) -> Option<JoinHandle<Box<dyn Wal>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(thread) = self.take_thread() else { return };
        // Closes the queue, which ends the thread once what waits is written.
        self.commands = mpsc::channel(1).0;
        if thread.join().is_err() {
            warn!("the WAL thread has panicked");
        }
    }
}

type Waiting = (Pending, Ack);

/// Who waits for what others in the group bring.
#[derive(Default)]
struct Repeats {
    batches: Vec<Ack>,
    /// With the lines that others bring.
    lines: Vec<(Pending, Ack, Vec<bool>)>,
}

impl Repeats {
    /// What they wait for is durable.
    fn accept(self) {
        for ack in self.batches {
            drop(ack.send(Ok(Taken::Repeat)));
        }
        for (pending, ack, known) in self.lines {
            drop(ack.send(Ok(Taken::Known(Box::new(pending), known))));
        }
    }

    fn acks(self) -> impl Iterator<Item = Ack> {
        self.batches.into_iter().chain(self.lines.into_iter().map(|(_, ack, _)| ack))
    }
}

struct Loop {
    wal: Box<dyn Wal>,
    shared: Arc<Shared>,
}

impl Loop {
    fn run(mut self, mut queue: mpsc::Receiver<Command>) -> Box<dyn Wal> {
        while let Some(first) = queue.blocking_recv() {
            let (mut group, mut bytes, mut stop) = (Vec::new(), 0, false);
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Append(pending, ack) => {
                        bytes += pending.record.len();
                        group.push((pending, ack));
                    }
                    Command::Sync => self.sync(),
                    Command::Recycle(position) => self.recycle(position),
                    Command::Probe => self.shared.health.note(Affected::Pushes, &self.wal.probe()),
                    Command::Stop => stop = true,
                }
                next = (!stop && bytes < GROUP_BYTES).then(|| queue.try_recv().ok()).flatten();
            }
            self.write(group);
            if stop {
                break;
            }
        }
        self.sync();
        self.wal
    }

    fn write(&mut self, group: Vec<Waiting>) {
        let (mut group, repeats) = self.without_repeats(group);
        // Who waits for others in the group does so only when there are some.
        if group.is_empty() {
            return;
        }
        let records: Vec<Vec<u8>> = group.iter_mut().map(|(pending, _)| std::mem::take(&mut pending.record)).collect();
        if self.shared.ack == AckLevel::Memory {
            self.accept(self.wal.next_position(), group, repeats);
            if let Err(error) = self.wal.append(&records, false) {
                warn!(%error, "acknowledged batches are in memory only until the next flush");
            }
        } else {
            let sync = self.shared.ack == AckLevel::Fsync;
            let started = self.shared.clock.instant();
            let appended = self.wal.append(&records, sync);
            self.shared.health.note(Affected::Pushes, &appended);
            match appended {
                Ok(first) => {
                    let took = self.shared.clock.instant().saturating_duration_since(started);
                    self.shared.metrics.wal_sync_seconds.observe(took.as_secs_f64());
                    self.accept(first, group, repeats);
                }
                Err(error) => {
                    for ack in group.into_iter().map(|(_, ack)| ack).chain(repeats.acks()) {
                        // An error means that nobody waits any more.
                        drop(ack.send(Err(error.clone())));
                    }
                }
            }
        }
        self.shared.show_wal_bytes(self.wal.as_ref());
    }

    /// What is new in a group, and who waits for a repeat of something in it. Repeats of what is durable are answered.
    ///
    /// Nobody else remembers batches and lines while this thread runs: what is new here is new until it is written.
    fn without_repeats(&self, group: Vec<Waiting>) -> (Vec<Waiting>, Repeats) {
        let mut inserted = self.shared.inserted();
        inserted.lines.forget(self.shared.clock.instant());
        let (mut new, mut repeats) = (Vec::with_capacity(group.len()), Repeats::default());
        let (mut marks, mut prints) = (HashSet::new(), PrintSet::default());
        let alone = group.len() == 1;
        for (pending, ack) in group {
            match &pending.mark {
                Some(mark) if inserted.seen.contains(mark) => drop(ack.send(Ok(Taken::Repeat))),
                Some(mark) if !marks.insert(mark.clone()) => repeats.batches.push(ack),
                Some(_) => new.push((pending, ack)),
                None => {
                    if let Some(known) = flags(&pending.prints, |print| inserted.lines.contains(print)) {
                        drop(ack.send(Ok(Taken::Known(Box::new(pending), known))));
                    } else if let Some(known) = flags(&pending.prints, |print| prints.contains(&print)) {
                        repeats.lines.push((pending, ack, known));
                    } else {
                        if !alone {
                            prints.extend(&pending.prints);
                        }
                        new.push((pending, ack));
                    }
                }
            }
        }
        (new, repeats)
    }

    /// Makes durable batches visible, in order, tells subscribers and acknowledges.
    fn accept(&self, first: u64, group: Vec<Waiting>, repeats: Repeats) {
        let last = first + group.len() as u64 - 1;
        let touched: BTreeSet<(usize, Tenant)> = group
            .iter()
            .flat_map(|(pending, _)| pending.rows.iter().map(|(table, _)| (*table, pending.tenant.clone())))
            .collect();
        self.shared.insert(last, group.iter().map(|(pending, _)| pending.rows()));
        for (pending, ack) in group {
            for (table, rows) in pending.rows {
                self.shared.tables[table].announce(&pending.tenant, rows);
            }
            drop(pending.reserved);
            drop(ack.send(Ok(Taken::Stored)));
        }
        repeats.accept();
        for (table, tenant) in touched {
            self.shared.tables[table].merge(&tenant);
        }
        self.shared.wake_when_large();
    }

    fn sync(&mut self) {
        if let Err(error) = self.wal.sync() {
            warn!(%error, "cannot sync the WAL");
        }
    }

    fn recycle(&mut self, position: u64) {
        if let Err(error) = self.wal.recycle(position) {
            warn!(%error, position, "cannot remove WAL segments that files cover; tried again after the next flush");
        }
        self.shared.show_wal_bytes(self.wal.as_ref());
    }
}

/// Which lines are known; `None` when none is.
fn flags(prints: &[u64], is_known: impl Fn(u64) -> bool) -> Option<Vec<bool>> {
    prints.iter().any(|print| is_known(*print)).then(|| prints.iter().map(|print| is_known(*print)).collect())
}
