//! The Delta table behind a table: its manifest of live files, and the WAL position its files cover.
//!
//! Commit entries are our own JSON, written through the library's log store: the library's own commit path updates a
//! snapshot of all files after each commit, which takes a hundred times as long. One committer a table; other nodes may
//! commit too, and whoever finds a version taken reads it and tries the next.

mod actions;
mod history;
mod live;
mod marks;
mod news;
mod whole;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef};
use deltalake_core::{DeltaTable, DeltaTableError};
use logline::Timestamp;
use stdx::{Backoff, Rng};
use tracing::warn;
use uuid::Uuid;

pub(crate) use self::actions::Change;
use self::actions::Entry;
pub(crate) use self::live::{Live, overlapping};
pub(crate) use self::news::{News, REMADE};
pub(crate) use self::whole::{LogFile, WholeLog};
use crate::error::Failure;
use crate::files::NewFile;
use crate::head::Sealed;
use crate::seen::Mark;
use crate::store::Store;
use crate::{Error, TableSpec, paths};

/// A checkpoint is written every so many commits: the library reads all entries behind the last one together, and takes
/// 5 MB of memory for each.
const CHECKPOINT_EVERY: u64 = 20;
/// Names the newest checkpoint.
const LAST_CHECKPOINT: &str = "_last_checkpoint";
/// Other nodes may take this many versions before us.
const MAX_ATTEMPTS: usize = 1_000;
/// After so many versions that others took there is a pause before each further attempt,
const CATCH_UP: usize = 8;
/// of at least and at most this long.
const CONTENDED: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(500));

/// For fuzzing: what a commit entry of any bytes says.
pub(crate) fn fuzzed_entry(bytes: &[u8]) -> Result<String, String> {
    Entry::parse(bytes).map(|entry| format!("{:?} {:?}", entry.changes, entry.millis))
}

/// The commit log of one table.
#[derive(Debug)]
pub(crate) struct DeltaLog {
    table: &'static str,
    app: String,
    store: Arc<dyn Store>,
    log: Log,
}

/// What a commit brought: its own changes, and those of other writers that came before it.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) version: u64,
    entries: Vec<Entry>,
}

/// A log store that can be shown.
struct Log(LogStoreRef);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}

impl DeltaLog {
    /// Opens the table, made when it is missing. Returns what is live and up to which WAL position of this node rows
    /// are in files.
    pub(crate) async fn open(
        store: Arc<dyn Store>,
        spec: &TableSpec,
        node: &str,
        now: Timestamp,
    ) -> Result<(Self, Live, u64), Error> {
        let log = Log(store.log_store()?);
        let log = Self { table: spec.name, app: format!("lapidary-wal/{node}"), store, log };
        let known = log.log.0.is_delta_table_location().await.map_err(|error| log.failed(error))?;
        if !known {
            let actions = actions::create(spec, now).map_err(Error::internal)?;
            // Another node may have made it meanwhile.
            log.write_entry(0, actions).await?;
            log.sync_entry(0).await?;
        }
        log.widen(spec, now).await?;
        for _ in 0..MAX_ATTEMPTS {
            let (mut live, position) = log.load().await?;
            if !log.store.answers_late() {
                return Ok((log, live, position));
            }
            // A commit of an earlier run that is still on its way finds its version taken from here on.
            let version = live.version() + 1;
            let fence = actions::append(&[], (&log.app, position), std::iter::empty(), now);
            if log.write_entry(version, fence).await? {
                live.advance(Committed { version, entries: Vec::new() });
                return Ok((log, live, position));
            }
        }
        Err(log.no_version())
    }

    /// Names columns that the table was made without.
    async fn widen(&self, spec: &TableSpec, now: Timestamp) -> Result<(), Error> {
        let mut table = DeltaTable::new(Arc::clone(&self.log.0));
        table.load().await.map_err(|error| self.failed(error))?;
        let state = table.snapshot().map_err(|error| self.failed(error))?;
        let Some(actions) = actions::widen(spec, state.metadata(), now).map_err(Error::internal)? else {
            return Ok(());
        };
        let version = state.version() + 1;
        // Another node may have done it meanwhile; if it did something else, the next start tries again.
        self.write_entry(version, actions).await?;
        self.sync_entry(version).await
    }

    /// What is live, and up to which WAL position of this node rows are in files.
    async fn load(&self) -> Result<(Live, u64), Error> {
        let mut table = DeltaTable::new(Arc::clone(&self.log.0));
        table.load().await.map_err(|error| self.failed(error))?;
        let state = table.snapshot().map_err(|error| self.failed(error))?;
        let position = state.transaction_version(self.log.0.as_ref(), &self.app).await;
        let position = position.map_err(|error| self.failed(error))?;
        let position = position.and_then(|position| u64::try_from(position).ok()).unwrap_or(0);
        Ok((Live::load(state), position))
    }

    /// Where the files of the table are.
    pub(crate) const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Commits the `files` of what was `sealed`, the WAL position and the marks that they cover, behind `version`.
    /// Durable on return.
    ///
    /// May be tried again after it failed or was dropped: a commit that was written after all is recognised.
    pub(crate) async fn commit(
        &self,
        version: u64,
        files: &[NewFile],
        sealed: &Sealed,
        now: Timestamp,
    ) -> Result<Committed, Error> {
        let position = sealed.position;
        let marks = sealed.marks.iter().map(|mark| (marks::app(mark), mark.id.sequence));
        let own = actions::append(files, (&self.app, position), marks, now);
        let covers = |entry: &Entry| entry.position(&self.app).is_some_and(|covered| position <= covered).then_some(());
        let (committed, ()) = self.write(version, &own, covers, ()).await?;
        Ok(committed)
    }

    /// Commits a change behind `version`, whose live files it starts from. Durable on return.
    ///
    /// False when another writer took one of the files away first: then nothing was changed, and what was read of the
    /// log on the way is returned all the same.
    pub(crate) async fn replace(
        &self,
        version: u64,
        change: &Change,
        now: Timestamp,
    ) -> Result<(Committed, bool), Error> {
        let decides = |entry: &Entry| entry.removes_any(&change.remove).then_some(false);
        self.write(version, &actions::replace(change, now), decides, true).await
    }

    /// Writes an entry under the next version that is free. Entries of others that stand before it are read; one that
    /// `decides` ends the attempt with its answer. Our own may be among them, when the answer to its writing got lost and
    /// it was sent again: its id tells.
    async fn write<T>(
        &self,
        version: u64,
        own: &Bytes,
        decides: impl Fn(&Entry) -> Option<T>,
        done: T,
    ) -> Result<(Committed, T), Error> {
        let mut entries = Vec::new();
        let mut backoff = Backoff::new(CONTENDED.0, CONTENDED.1, Rng::from_entropy());
        for version in (version + 1..).take(MAX_ATTEMPTS) {
            let written = self.write_entry(version, own.clone()).await?;
            let bytes = if written { own.clone() } else { self.read_entry(version).await? };
            let written = written || bytes == own;
            let entry = Entry::parse(&bytes).map_err(|reason| self.damaged(version, reason))?;
            let decided = if written { None } else { decides(&entry) };
            entries.push(entry);
            if written || decided.is_some() {
                self.sync_entry(version).await?;
                return Ok((Committed { version, entries }, decided.unwrap_or(done)));
            }
            // Whoever is a few versions behind catches up at once; after that others are writing at the same time.
            if let Some(backoff) = backoff.as_mut().filter(|_| CATCH_UP < entries.len()) {
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
        Err(self.no_version())
    }

    /// The WAL position of this node that commits say is covered.
    pub(crate) fn position(&self, committed: &Committed) -> Option<u64> {
        committed.entries.iter().filter_map(|entry| entry.position(&self.app)).max()
    }

    /// What other writers committed behind `version`; `None` when nothing.
    pub(crate) async fn news(&self, version: u64) -> Result<Option<Committed>, Error> {
        let mut entries = Vec::new();
        let mut newest = version;
        while let Some(bytes) = self.find_entry(newest + 1).await? {
            newest += 1;
            entries.push(Entry::parse(&bytes).map_err(|reason| self.damaged(newest, reason))?);
        }
        Ok((newest > version).then_some(Committed { version: newest, entries }))
    }

    /// The highest number of each agent that commits up to `version` tell of, in the order of their commits. An agent
    /// may stand there again: the last counts.
    pub(crate) async fn marks(&self, version: u64) -> Result<Vec<Mark>, Error> {
        let (checkpoint, mut found) =
            blocking(&self.store, move |store| marks::newest_checkpoint(store, version)).await?;
        for version in checkpoint.map_or(0, |checkpoint| checkpoint + 1)..=version {
            // Without a checkpoint of ours the oldest entries may have been cleaned away by another writer.
            if let Some(bytes) = self.find_entry(version).await? {
                let entry = Entry::parse(&bytes).map_err(|reason| self.damaged(version, reason))?;
                found.extend(entry.txns().filter_map(|(app, sequence)| marks::parse(app, sequence)));
            }
        }
        Ok(found)
    }

    /// Writes a checkpoint when it is time for one. A failure costs time at the next opening and nothing else.
    pub(crate) async fn checkpoint(&self, version: u64) {
        if !version.is_multiple_of(CHECKPOINT_EVERY) {
            return;
        }
        if let Err(reason) = self.try_checkpoint(version).await {
            warn!(table = self.table, version, reason, "cannot write a checkpoint");
        }
    }

    async fn try_checkpoint(&self, version: u64) -> Result<(), String> {
        let mut table = DeltaTable::new(Arc::clone(&self.log.0));
        table.load_version(version).await.map_err(|error| error.to_string())?;
        deltalake_core::checkpoints::create_checkpoint(&table, None).await.map_err(|error| error.to_string())?;
        let sync = move |store: &dyn Store| {
            let listed = store.list(paths::delta_log())?;
            let is_new = |name: &str| name == LAST_CHECKPOINT || paths::parse_checkpoint(name) == Some(version);
            let mut new = listed.iter().filter(|file| file.path.rsplit('/').next().is_some_and(is_new));
            new.try_for_each(|file| store.sync(&file.path))
        };
        blocking(&self.store, sync).await.map_err(|error| error.to_string())
    }

    /// False when the version is taken.
    async fn write_entry(&self, version: u64, actions: Bytes) -> Result<bool, Error> {
        let id = Uuid::from_u128(u128::from(version));
        match self.log.0.write_commit_entry(version, CommitOrBytes::LogBytes(actions), id).await {
            Ok(()) => Ok(true),
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(false),
            Err(error) => Err(store_error(&self.store.location(&paths::commit_entry(version)), &error)),
        }
    }

    async fn read_entry(&self, version: u64) -> Result<Bytes, Error> {
        let read = self.find_entry(version).await?;
        read.ok_or_else(|| self.damaged(version, "it is gone".to_owned()))
    }

    async fn find_entry(&self, version: u64) -> Result<Option<Bytes>, Error> {
        let read = self.log.0.read_commit_entry(version).await;
        read.map_err(|error| self.failed(error))
    }

    async fn sync_entry(&self, version: u64) -> Result<(), Error> {
        blocking(&self.store, move |store| store.sync(&paths::commit_entry(version))).await
    }

    /// What the library could not do. It does not tell an outage of the store from damage; a bucket is out of reach far
    /// more often than it is damaged, and trying again does no harm.
    #[expect(clippy::needless_pass_by_value, reason = "so that it fits `map_err`")]
    fn failed(&self, error: DeltaTableError) -> Error {
        let location = self.store.location(paths::delta_log());
        let unknown = || {
            if self.store.answers_late() {
                return Failure::Remote { action: "read", path: location.clone(), reason: error.to_string() }.into();
            }
            Failure::Table { table: self.table, reason: error.to_string() }.into()
        };
        outage(&location, "read", &error).unwrap_or_else(unknown)
    }

    fn no_version(&self) -> Error {
        Error::internal(format!("`{}`: other writers took {MAX_ATTEMPTS} versions in a row", self.table))
    }

    fn damaged(&self, version: u64, reason: String) -> Error {
        Error::corrupt(&self.store.location(&paths::commit_entry(version)), reason)
    }
}

async fn blocking<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || work(store.as_ref())).await.map_err(Error::internal)?
}

/// The store's own error, when that is the cause: a full disk arrives wrapped, and so does an outage.
fn outage(path: &Path, action: &'static str, error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let again = io.raw_os_error().map_or_else(|| io.kind().into(), std::io::Error::from_raw_os_error);
            return Some(Error::io(action, path, again));
        }
        source = cause.source();
    }
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(remote) = cause.downcast_ref::<object_store::Error>() {
            return Some(Error::remote(action, path, remote));
        }
        source = cause.source();
    }
    None
}

fn store_error(path: &Path, error: &TransactionError) -> Error {
    let other = || Error::io("write to", path, std::io::Error::other(error.to_string()));
    outage(path, "write to", error).unwrap_or_else(other)
}
