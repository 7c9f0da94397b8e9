//! Opening: lock, tables, orphans, replay.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use logline::Timestamp;
use stdx::Tasks;
use tracing::{info, warn};
use uuid::Uuid;

use super::{Storage, background, follow};
use crate::budget::Budget;
use crate::deletes::Deletes;
use crate::delta::DeltaLog;
use crate::error::Failure;
use crate::health::{Affected, Health};
use crate::jobs::{self, Jobs};
use crate::paths::{self, FileName, Paths};
use crate::read::Footers;
use crate::rows::{LOGS_INDEX, RowMaker};
use crate::seen::{Mark, PRINT_BYTES, Prints, Seen, SeenLines, young_lines};
use crate::shared::{Inserted, Rows, Shared};
use crate::snapshot::Pins;
use crate::store::{self, Bucket, BucketStore, Listed, LocalStore, Store};
use crate::wal::{self, LocalWal, Replay};
use crate::writer::Writer;
use crate::{Components, Config, Error, Metrics, Table, TableSpec};

/// Decoded footers may take this much memory.
const FOOTER_BYTES: usize = 32 << 20;

pub(super) async fn open(config: Config, components: Components) -> Result<Arc<Storage>, Error> {
    let metrics = Metrics::default();
    let bucket = config.bucket.as_ref().map(|bucket| store::bucket(bucket, &config.data_dir, &metrics)).transpose()?;
    open_with(config, components, bucket, metrics).await
}

/// Opens with what reaches the bucket, if the files are in one.
pub(super) async fn open_with(
    config: Config,
    components: Components,
    bucket: Option<Arc<Bucket>>,
    metrics: Metrics,
) -> Result<Arc<Storage>, Error> {
    check_node(&config.node)?;
    let paths = Paths::new(&config.data_dir);
    let (lock, unwritable) = lock(&paths)?;
    let rows = RowMaker::new(components.derives, metrics.clone());
    let specs = rows.specs();
    specs.iter().try_for_each(|spec| check_spec(spec, &specs))?;
    // An eighth of the budget remembers lines.
    let remembered = if config.dedup_window.is_zero() { 0 } else { config.memory.0 / 8 };
    let budget = Arc::new(Budget::new(config.memory.0 - remembered, metrics.head_bytes.clone()));
    let (pins, node) = (Arc::<Pins>::default(), Arc::<str>::from(config.node.as_str()));
    let now = components.clock.now().into();
    if let Some(bucket) = &bucket {
        bucket.claim(&node, &identity(&paths)?).await?;
    }
    let place = (&paths, bucket.as_ref());
    let (tables, young) = open_tables(specs, place, &node, now, (&budget, &pins)).await?;
    let lines = tables.first().map(|table| Arc::clone(table.delta().store()));
    let lines = lines.ok_or_else(|| Error::internal("there is no table of lines"))?;
    let maker = rows.clone();
    let deletes = tokio::task::spawn_blocking(move || Deletes::open(lines, maker)).await.map_err(Error::internal)??;
    let interval = config.lifecycle.interval;
    let shared = Arc::new(Shared {
        author: author(&node, bucket.is_some()),
        pins,
        deletes: Arc::new(deletes),
        jobs: Jobs::default(),
        lifecycle: config.lifecycle,
        node,
        ack: config.ack,
        // A head that may not grow to the size of a flush would never be flushed for its size.
        flush_bytes: config.flush_bytes.0.min(config.memory.0 / 2),
        tables,
        budget,
        health: Health::new(metrics.clone()),
        metrics: metrics.clone(),
        clock: components.clock,
        wake: tokio::sync::Notify::new(),
        inserted: Mutex::new(Inserted {
            position: 0,
            since: None,
            seen: Seen::default(),
            lines: SeenLines::new(config.dedup_window, usize::try_from(remembered / PRINT_BYTES).unwrap_or(usize::MAX)),
        }),
        prints: (!config.dedup_window.is_zero()).then(Prints::default),
        flushing: Arc::default(),
    });
    note_unwritable(&shared, unwritable);
    remember_files(&shared, young, config.dedup_window).await?;
    let wal = replay(&shared, &rows, &paths.wal(), config.dedup_window).await?;
    let storage = Arc::new(Storage {
        writer: Writer::start(Box::new(wal), Arc::clone(&shared))?,
        shared,
        rows,
        shutdown: components.tasks.shutdown(),
        data_dir: config.data_dir,
        footers: Arc::new(Footers::new(FOOTER_BYTES, config.memory.as_usize() / 4 * 3, metrics)),
        flush_interval: config.flush_interval,
        closed: AtomicBool::new(false),
        lock: Mutex::new(Some(lock)),
    });
    start(&storage, &components.tasks, interval, bucket.is_some());
    Ok(storage)
}

fn note_unwritable(shared: &Shared, unwritable: Option<Error>) {
    if let Some(error) = unwritable {
        warn!(%error, "the data folder cannot be written to: pushes are refused, and lines that are there can be read");
        shared.health.note::<()>(Affected::Pushes, &Err(error));
    }
}

/// Starts what runs in the background.
fn start(storage: &Arc<Storage>, tasks: &Tasks, interval: Option<Duration>, is_shared: bool) {
    let (weak, shared) = (Arc::downgrade(storage), Arc::clone(&storage.shared));
    if let Some(interval) = interval {
        tasks.spawn(jobs::background(Weak::clone(&weak), interval, tasks.shutdown()));
        if is_shared {
            tasks.spawn(follow(Weak::clone(&weak), tasks.shutdown()));
        }
    }
    tasks.spawn(background(weak, shared, tasks.shutdown()));
}

/// The tables, the first being that of lines, and the files of that one.
async fn open_tables(
    specs: Vec<TableSpec>,
    (paths, bucket): (&Paths, Option<&Arc<Bucket>>),
    node: &Arc<str>,
    now: Timestamp,
    (budget, pins): (&Arc<Budget>, &Arc<Pins>),
) -> Result<(Vec<Arc<Table>>, Vec<Listed>), Error> {
    let mut tables = Vec::with_capacity(specs.len());
    let mut young = Vec::new();
    for spec in specs {
        let store: Arc<dyn Store> = match bucket {
            Some(bucket) => Arc::new(BucketStore::new(Arc::clone(bucket), spec.name)),
            None => Arc::new(LocalStore::open(&paths.table(spec.name))?),
        };
        let delta = DeltaLog::open(store, &spec, node, now).await?;
        let table = Arc::new(Table::new(spec, Arc::clone(node), delta, (Arc::clone(budget), Arc::clone(pins))));
        let files = without_orphans(&table, node).await?;
        if tables.is_empty() {
            young = files;
        }
        tables.push(table);
    }
    Ok((tables, young))
}

/// Puts what the WAL holds beyond the tables into the heads, flushing when they grow large.
async fn replay(
    shared: &Arc<Shared>,
    rows: &RowMaker,
    folder: &Path,
    dedup_window: Duration,
) -> Result<LocalWal, Error> {
    let committed: Vec<u64> = shared.tables.iter().map(|table| table.committed()).collect();
    // A table that had no rows for a while stands behind without missing anything: what the WAL no longer holds was
    // flushed by all tables, those that had rows of it.
    let known = committed.iter().copied().max().unwrap_or(0);
    let from = committed.iter().copied().min().unwrap_or(0);
    let mut replay = Replay::open(folder, known, from)?;
    let seen = committed_marks(shared).await?;
    {
        let mut inserted = shared.inserted();
        inserted.position = known;
        inserted.seen = seen;
    }
    let mut latest: HashMap<Mark, u64> = HashMap::new();
    while let Some((position, payload)) = replay.next()? {
        let damaged = |reason| Error::corrupt(folder, format!("record {position}: {reason}"));
        let batch = wal::decode(&payload).map_err(damaged)?;
        let mark = batch.id.map(|id| Mark { tenant: batch.tenant.clone(), id });
        // A record whose append failed may be there although it could not be marked, and the batch again behind it.
        let before = mark.clone().and_then(|mark| latest.insert(mark, position)).unwrap_or(0);
        let wanted = |table: usize| committed.get(table).is_some_and(|files| before <= *files && *files < position);
        if let Some(prints) = shared.prints.as_ref().filter(|_| batch.id.is_none())
            && let Some(at) = moment(shared, batch.received, dedup_window)
        {
            let prints = prints.batch(&batch);
            shared.inserted().lines.insert(&prints, at);
        }
        let made = rows.make(&batch, wanted)?;
        // What is not taken into the lines is marked by their commits, or was never kept.
        let mark = mark.as_ref().filter(|_| wanted(LOGS_INDEX));
        let batch_rows = Rows { tenant: &batch.tenant, mark, prints: &[], tables: &made };
        shared.insert(position.max(known), std::iter::once(batch_rows));
        for (table, _) in &made {
            shared.tables[*table].merge(&batch.tenant);
        }
        if shared.flush_bytes <= shared.active_bytes() {
            shared.flush().await?;
        }
    }
    let (wal, replayed) = replay.finish();
    shared.metrics.replayed_records.inc_by(replayed.records);
    shared.metrics.torn_bytes.inc_by(replayed.torn_bytes);
    if replayed.records > 0 {
        info!(records = replayed.records, torn_bytes = replayed.torn_bytes, "replayed the WAL");
    }
    Ok(wal)
}

/// Batches that the table of lines has in files. An agent sends one batch at a time, in order: below the highest that
/// was kept none is outstanding.
async fn committed_marks(shared: &Shared) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    if let Some(lines) = shared.tables.get(LOGS_INDEX) {
        lines.delta().marks(lines.version()).await?.iter().for_each(|mark| seen.insert_through(mark));
    }
    Ok(seen)
}

/// Locks the folder. One that cannot be written to is locked as well, for reads alone, and why it cannot is told.
fn lock(paths: &Paths) -> Result<(File, Option<Error>), Error> {
    paths::create_folder(paths.root())?;
    let path = paths.lock();
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Error::io("write to", &path, error));
    let (file, unwritable) = match file {
        Err(error) if error.is_unwritable() => (File::open(&path).map_err(|_| error.clone())?, Some(error)),
        file => (file?, None),
    };
    match file.try_lock() {
        Ok(()) => Ok((file, unwritable)),
        Err(TryLockError::WouldBlock) => Err(Failure::Locked(paths.root().to_owned()).into()),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path, error)),
    }
}

/// What files are named after. In a bucket an upload of an earlier run may still be on its way: it must not take the
/// place of a file of this one.
fn author(node: &Arc<str>, in_bucket: bool) -> Arc<str> {
    if !in_bucket {
        return Arc::clone(node);
    }
    let run = Uuid::new_v4().simple().to_string();
    format!("{node}.{}", run.get(..8).unwrap_or(&run)).into()
}

/// Who this data folder is; made up when it is new.
fn identity(paths: &Paths) -> Result<String, Error> {
    let path = paths.identity();
    match fs::read_to_string(&path) {
        Ok(id) if !id.is_empty() => return Ok(id),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("read", &path, error)),
        _ => {}
    }
    let id = Uuid::new_v4().to_string();
    fs::write(&path, &id).map_err(|error| Error::io("write to", &path, error))?;
    paths::sync_file(&path)?;
    paths::sync_folder(paths.root())?;
    Ok(id)
}

fn check_node(node: &str) -> Result<(), Error> {
    let fits = !node.is_empty() && node.len() <= 64 && node.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits {
        Ok(())
    } else {
        Err(Error::invalid(format!("`{node}` is no name for a node: use letters, digits and `-`")))
    }
}

fn check_spec(spec: &TableSpec, all: &[TableSpec]) -> Result<(), Error> {
    let name = spec.name;
    if all.iter().filter(|other| other.name == name).count() > 1 {
        return Err(Error::invalid(format!("there are two tables `{name}`")));
    }
    let time = spec.schema.field_with_name(crate::logs::TIMESTAMP);
    if !time.is_ok_and(|field| *field.data_type() == crate::logs::micros_utc()) {
        return Err(Error::invalid(format!("table `{name}` has no column `timestamp` in microseconds, UTC")));
    }
    match spec.sort.iter().find(|column| spec.schema.index_of(column).is_err()) {
        Some(column) => Err(Error::invalid(format!("table `{name}` is sorted by `{column}`, which it does not have"))),
        None => Ok(()),
    }
}

/// Removes files of flushes that were never committed and gives the live ones. Files of earlier flushes that are not live
/// stay: an old version of the table may name them.
async fn without_orphans(table: &Arc<Table>, node: &Arc<str>) -> Result<Vec<Listed>, Error> {
    let (table, node) = (Arc::clone(table), Arc::clone(node));
    let work = move || {
        let (store, live, committed) = (table.delta().store(), table.live_paths(), table.committed());
        let (listed, others): (Vec<_>, Vec<_>) =
            store.list("")?.into_iter().partition(|file| live.contains(&file.path));
        let orphan = |file: &Listed| {
            let name = file.path.rsplit('/').next().and_then(FileName::parse);
            name.is_some_and(|name| name.is_of(&node) && committed < name.position)
        };
        for Listed { path, .. } in others.into_iter().filter(orphan) {
            warn!(file = %store.location(&path).display(), "removes a file of a flush that was never committed");
            match store.delete(&path) {
                Err(error) if error.is_unwritable() => warn!(%error, "it stays, and counts for nothing"),
                deleted => deleted?,
            }
        }
        Ok(listed)
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

/// Remembers the lines of files that were written within the window, the newest files first, as many as fit.
async fn remember_files(shared: &Arc<Shared>, listed: Vec<Listed>, window: Duration) -> Result<(), Error> {
    let (Some(prints), Some(table)) = (shared.prints.clone(), shared.tables.get(LOGS_INDEX).map(Arc::clone)) else {
        return Ok(());
    };
    let since = Timestamp(shared.now().0.saturating_sub(i64::try_from(window.as_nanos()).unwrap_or(i64::MAX)));
    let mut young: Vec<Listed> = listed.into_iter().filter(|file| since <= file.modified).collect();
    young.sort_by_key(|file| std::cmp::Reverse(file.modified));
    let shared = Arc::clone(shared);
    let work = move || {
        let files: Vec<_> = young.iter().filter_map(|file| table.live_file(&file.path)).collect();
        let found = young_lines(&table, files, &prints, since, |print, received| {
            let Some(at) = moment(&shared, received, window) else { return true };
            let mut inserted = shared.inserted();
            if !inserted.lines.is_full() {
                inserted.lines.insert(&[print], at);
            }
            !inserted.lines.is_full()
        });
        // A repeat that gets through is no reason not to start.
        if let Err(error) = found {
            shared.health.note_damage(&error);
            warn!(%error, "lines received lately could not be read: repeats of them will be kept");
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// When that was, unless the window is over; a time to come is now.
fn moment(shared: &Shared, received: Timestamp, window: Duration) -> Option<Instant> {
    let age = u64::try_from(shared.now().0.saturating_sub(received.0)).map_or(Duration::ZERO, Duration::from_nanos);
    (age < window).then(|| shared.clock.instant().checked_sub(age)).flatten()
}
