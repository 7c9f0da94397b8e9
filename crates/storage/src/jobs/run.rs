//! Finds what is to be done and does it, one job after the other.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use logline::Tenant;
use stdx::Shutdown;
use tracing::{debug, error, info};

use super::pace::Pace;
use super::rewrite::Rewrite;
use super::{Ended, JobKind, JobState, Subject, compact, retain};
use crate::delta::Change;
use crate::filter::Hidden;
use crate::read::Plan;
use crate::{Error, FileRef, Predicate, Storage, Table, TimeRange};

/// A day to which nothing was added for this long gets no more of what belongs together.
const QUIET: Duration = Duration::from_hours(1);
/// A table that has not changed is looked at again after this long.
const SETTLED: Duration = Duration::from_mins(5);
/// How often retention looks at all files.
const RETAIN_EVERY: Duration = Duration::from_mins(10);
/// How often files that no version names are looked for.
const VACUUM_EVERY: Duration = Duration::from_mins(10);
/// What reading a file for a merge takes in memory, about: compressed and decoded pages and a batch.
const INPUT_BYTES: u64 = 6 << 20;

/// What is remembered from one round to the next. Losing it costs time and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The small files of a folder, and since when they are just these.
    quiet: HashMap<(&'static str, String), (Vec<String>, Instant)>,
    /// Files that have no row that has expired by a period.
    kept: HashSet<(String, Duration)>,
    /// The version of a table in which nothing was to be merged, and when that was found.
    settled: HashMap<&'static str, (u64, Instant)>,
    retained: Option<Instant>,
    vacuumed: Option<Instant>,
    /// Files that nothing names, and since when.
    pub(super) orphans: HashMap<(&'static str, String), Instant>,
}

/// Looks for work from time to time until told to stop or the storage is gone.
pub(crate) async fn background(storage: Weak<Storage>, interval: Duration, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let Some(storage) = storage.upgrade() else { return };
        if storage.is_closed() {
            return;
        }
        let maintained = storage.maintain().await;
        storage.shared().note_jobs(maintained.as_ref().err());
        if let Err(error) = maintained {
            error!(%error, "background work could not be looked for; tried again");
        }
    }
}

impl Storage {
    /// Does all background work that is due now, and returns when it is done. A job that fails is noted in
    /// [`Storage::jobs`] and tried again later; this fails only when it cannot be found out what is due.
    pub async fn maintain(&self) -> Result<(), Error> {
        while self.maintain_once().await? && !self.is_closed() {}
        Ok(())
    }

    /// True when a job that made room for others has more to do.
    async fn maintain_once(&self) -> Result<bool, Error> {
        let mut memory = self.shared().jobs.working.lock().await;
        self.catch_up().await?;
        let led = self.led().await?;
        self.delete_due(&led).await?;
        let (now, lifecycle) = (self.shared().clock.instant(), &self.shared().lifecycle);
        let due = |last: Option<Instant>, every| last.is_none_or(|last| every <= now.saturating_duration_since(last));
        if lifecycle.retention_enabled && due(memory.retained, RETAIN_EVERY) {
            self.retain_due(&led, &mut memory).await;
            memory.retained = Some(now);
        }
        let goes_on = self.reread_due(&led).await?;
        self.compact_due(&led, &mut memory).await;
        if due(memory.vacuumed, VACUUM_EVERY.min(lifecycle.delete_delay)) {
            self.vacuum_due(&led, &mut memory).await?;
            memory.vacuumed = Some(now);
        }
        Ok(goes_on)
    }

    async fn compact_due(&self, led: &[Arc<Table>], memory: &mut Memory) {
        let (now, is_failing) = (self.shared().clock.instant(), self.shared().is_job_failing());
        for table in led {
            let settled = memory.settled.get(table.spec().name);
            let is_settled = |(version, at): &(u64, Instant)| {
                *version == table.version() && now.saturating_duration_since(*at) < SETTLED
            };
            if settled.is_some_and(is_settled) && !is_failing {
                continue;
            }
            let mut known = HashSet::new();
            for (tenant, files) in table.live() {
                for folder in folders(&files) {
                    let name = folder.first().map_or("", |file| folder_of(&file.path)).to_owned();
                    known.insert((table.spec().name, name.clone()));
                    self.compact_folder(table, &tenant, name, memory).await;
                }
            }
            memory.quiet.retain(|key, _| key.0 != table.spec().name || known.contains(key));
            memory.settled.insert(table.spec().name, (table.version(), now));
        }
    }

    async fn compact_folder(&self, table: &Arc<Table>, tenant: &Tenant, name: String, memory: &mut Memory) {
        let subject = Subject {
            kind: JobKind::Compact,
            table: table.spec().name,
            tenant: Some(tenant.clone()),
            name: name.clone(),
        };
        loop {
            let files: Vec<FileRef> = table.live_in(tenant, &name);
            let now = self.shared().clock.instant();
            let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
            let seen = memory.quiet.entry((table.spec().name, name.clone())).or_insert_with(|| (paths.clone(), now));
            if seen.0 != paths {
                *seen = (paths, now);
            }
            let quiet = QUIET <= now.saturating_duration_since(seen.1);
            let Some(inputs) = compact::plan(&files, quiet, self.shared().lifecycle.file_bytes.0) else { return };
            if self.shared().jobs.is_paused(&subject, now) {
                return;
            }
            let rows = inputs.iter().map(|file| file.rows).sum();
            let done = self.job(&subject, rows, |pace| async move {
                let joins = inputs.iter().all(compact::is_large);
                let rewrite = Rewrite { joins, ..self.rewrite(table, tenant, inputs, whole(table)?) };
                self.put(rewrite, pace, "OPTIMIZE", rows).await
            });
            if done.await != JobState::Done {
                return;
            }
        }
    }

    async fn retain_due(&self, led: &[Arc<Table>], memory: &mut Memory) {
        let now = self.shared().now();
        let mut live = HashSet::new();
        for table in led {
            for (tenant, files) in table.live() {
                let periods = retain::Periods::of(&self.shared().lifecycle, table.spec().name, &tenant);
                live.extend(files.iter().map(|file| file.path.clone()));
                for file in files.iter() {
                    if let Some(expiry) = periods.expired(file, now) {
                        self.retain_file(table, &tenant, file, expiry, memory).await;
                    }
                }
            }
        }
        memory.kept.retain(|(path, _)| live.contains(path));
    }

    async fn retain_file(
        &self,
        table: &Arc<Table>,
        tenant: &Tenant,
        file: &FileRef,
        expiry: retain::Expiry,
        memory: &mut Memory,
    ) {
        let subject = Subject {
            kind: JobKind::Retain,
            table: table.spec().name,
            tenant: Some(tenant.clone()),
            name: file.path.clone(),
        };
        if self.shared().jobs.is_paused(&subject, self.shared().clock.instant()) {
            return;
        }
        match expiry {
            retain::Expiry::Whole => {
                self.job(&subject, file.rows, |_| self.remove(table, file)).await;
            }
            retain::Expiry::Rows(period, expired) => {
                let checked = (file.path.clone(), period);
                if memory.kept.contains(&checked) {
                    return;
                }
                let expired = Hidden::Rows(TimeRange::ALL, expired);
                let without = |pace| async move { Ok(self.write_without(table, tenant, file, expired, pace).await?.0) };
                if self.job(&subject, file.rows, without).await == JobState::Done {
                    memory.kept.insert(checked);
                }
            }
        }
    }

    /// Writes a file anew without hidden rows; gives their number.
    pub(super) async fn write_without(
        &self,
        table: &Arc<Table>,
        tenant: &Tenant,
        file: &FileRef,
        hidden: Hidden,
        pace: Pace,
    ) -> Result<(Ended, u64), Error> {
        let spec = table.spec();
        let own = |range, predicate: &Predicate, hidden: &[Hidden]| Plan::own(spec, range, predicate, hidden, &[]);
        let count = async |plan: Plan| {
            let (counting, mut pace) = (self.rewrite(table, tenant, vec![file.clone()], plan), pace.silent());
            blocking(move || counting.count(&mut pace)).await
        };
        let all = if file.rows > 0 { file.rows } else { count(own(TimeRange::ALL, &Predicate::True, &[])?).await? };
        let gone = match &hidden {
            // Asked for like this, the index and statistics tell of most files that they have none.
            Hidden::Rows(range, predicate) => count(own(*range, predicate, &[])?).await?,
            Hidden::Ids(..) => {
                let kept = own(TimeRange::ALL, &Predicate::True, std::slice::from_ref(&hidden))?;
                all.saturating_sub(count(kept).await?)
            }
        };
        if gone == 0 {
            return Ok((Ended::Done, 0));
        }
        if all <= gone {
            return Ok((self.remove(table, file).await?, gone));
        }
        let plan = Plan::own(spec, TimeRange::ALL, &Predicate::True, std::slice::from_ref(&hidden), &columns(table))?;
        let rewrite = self.rewrite(table, tenant, vec![file.clone()], plan);
        Ok((self.put(rewrite, pace, "DELETE", all - gone).await?, gone))
    }

    async fn remove(&self, table: &Table, file: &FileRef) -> Result<Ended, Error> {
        let change = Change { operation: "DELETE", remove: vec![file.clone()], add: Vec::new(), changes_rows: true };
        Ok(if self.replace(table, &change).await? { Ended::Done } else { Ended::Outrun })
    }

    /// Commits a change; false when another writer changed the files first. What it removes is only read by queries that
    /// run already, so nothing of it is kept in memory for others.
    pub(super) async fn replace(&self, table: &Table, change: &Change) -> Result<bool, Error> {
        if table.replace(change, self.shared().now()).await?.is_none() {
            return Ok(false);
        }
        let store = table.delta().store();
        self.footers().forget(change.remove.iter().map(|file| store.location(&file.path)));
        Ok(true)
    }

    fn rewrite(&self, table: &Arc<Table>, tenant: &Tenant, inputs: Vec<FileRef>, plan: Plan) -> Rewrite {
        let (table, footers) = (Arc::clone(table), Arc::clone(self.footers()));
        Rewrite { table, footers, tenant: tenant.clone(), inputs, plan: Arc::new(plan), joins: false }
    }

    /// Writes the new files and commits them in the place of the inputs. They must have as many rows as `expected`.
    async fn put(
        &self,
        rewrite: Rewrite,
        mut pace: Pace,
        operation: &'static str,
        expected: u64,
    ) -> Result<Ended, Error> {
        let reserved = pace.room(rewrite.inputs.len() as u64 * INPUT_BYTES).await?;
        let (node, work) = (Arc::clone(&self.shared().node), rewrite.clone());
        let add = blocking(move || {
            let files = work.write(&node, &mut pace);
            drop(reserved);
            files
        })
        .await?;
        let (rows, bytes) =
            add.iter().fold((0, 0), |(rows, bytes), new| (rows + new.file.rows, bytes + new.file.bytes));
        let (table, store) = (&rewrite.table, Arc::clone(rewrite.table.delta().store()));
        let paths: Vec<String> = add.iter().map(|new| new.file.path.clone()).collect();
        let discard = || blocking(move || paths.iter().try_for_each(|path| store.delete(path)));
        if expected != rows {
            discard().await?;
            let input = rewrite.inputs.first().map_or("", |file| &file.path);
            let location = table.delta().store().location(input);
            return Err(Error::corrupt(
                &location,
                format!("{rows} rows came out of it and the files beside it, not {expected}"),
            ));
        }
        let changes_rows = operation != "OPTIMIZE";
        let change = Change { operation, remove: rewrite.inputs, add, changes_rows };
        // When this fails nobody knows whether the commit was written: the files stay until vacuum finds them unnamed.
        if !self.replace(table, &change).await? {
            discard().await?;
            return Ok(Ended::Outrun);
        }
        self.shared().metrics.rewritten_bytes.inc_by(bytes);
        Ok(Ended::Done)
    }

    /// Runs a job and notes how it went.
    pub(super) async fn job<F: Future<Output = Result<Ended, Error>>>(
        &self,
        subject: &Subject,
        total: u64,
        work: impl FnOnce(Pace) -> F,
    ) -> JobState {
        let shared = self.shared();
        let (id, progress) = shared.jobs.start(subject, total, shared.now());
        let pace = Pace::new(shared, &progress, self.shutdown());
        let ended = work(pace).await;
        let state = shared.jobs.end(id, subject, &ended, (shared.now(), shared.clock.instant()));
        shared.note_jobs(None);
        let kind = subject.kind.name();
        match (&ended, state) {
            (Err(error), JobState::Failed) => {
                shared.metrics.job_failures.get_or_create(&subject.kind.into()).inc();
                error!(%error, job = kind, table = subject.table, subject = subject.name, "a job failed; tried again later");
            }
            (_, JobState::Running) => debug!(job = kind, table = subject.table, "a job makes room for others"),
            (_, JobState::Done) => {
                shared.metrics.jobs_done.get_or_create(&subject.kind.into()).inc();
                debug!(job = kind, table = subject.table, subject = subject.name, rows = total, "a job is done");
            }
            _ => info!(job = kind, table = subject.table, subject = subject.name, "a job was cancelled"),
        }
        state
    }
}

/// A plan for all rows as they are.
fn whole(table: &Table) -> Result<Plan, Error> {
    Plan::own(table.spec(), TimeRange::ALL, &Predicate::True, &[], &columns(table))
}

fn columns(table: &Table) -> Vec<String> {
    table.spec().schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Files by their folder.
fn folders(files: &[FileRef]) -> Vec<Vec<&FileRef>> {
    let mut folders: HashMap<&str, Vec<&FileRef>> = HashMap::new();
    for file in files {
        folders.entry(folder_of(&file.path)).or_default().push(file);
    }
    folders.into_values().collect()
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal(format!("a job ended early: {error}")))?
}
