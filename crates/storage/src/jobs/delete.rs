//! Deletes on request: hides what is derived from the lines, and writes files anew once the request cannot be taken
//! back any more.

use std::sync::Arc;
use std::time::Duration;

use logline::{Tenant, Timestamp};
use serde::Deserialize;
use tracing::info;

use super::pace::Pace;
use super::run::blocking;
use super::{Ended, JobKind, Subject};
use crate::deletes::Request;
use crate::error::Failure;
use crate::filter::Hidden;
use crate::read::{FileRows, Plan, Step, Steps};
use crate::{Delete, DeleteState, Error, FileRef, LOGS, NewDelete, Storage, Table, TimeRange, paths};

/// What is derived from a line has a time at most this far from the line's own.
const DERIVED_DRIFT: Duration = Duration::from_hours(24);
/// How often a request is begun anew when other writers change the files meanwhile.
const ATTEMPTS: usize = 5;

/// A line of the catalogue of backups.
#[derive(Deserialize)]
struct Backup {
    path: String,
    made: Timestamp,
}

impl Storage {
    /// Hides lines from every reader, and has them written out of the files after the time in which the request can be
    /// taken back. Durable, and in force for lines and for what is derived from them, when this returns.
    ///
    /// Lines that come later are hidden and deleted as well until the rewriting begins.
    pub async fn delete(&self, new: NewDelete) -> Result<Delete, Error> {
        let shared = Arc::clone(self.shared());
        let now = shared.now();
        let request = blocking(move || {
            let request = shared.deletes.create(new, now)?;
            let id = request.stored.id.clone();
            // Nothing becomes visible meanwhile: lines are either seen below or looked at when they come.
            let inserted = shared.inserted();
            shared.deletes.insert(request);
            drop(inserted);
            shared.deletes.get(&id).ok_or_else(|| Error::internal("a request is gone"))
        })
        .await?;
        info!(request = request.stored.id, tenant = %request.stored.tenant, "lines are to be deleted and hidden from now on");
        self.hide(&request).await?;
        let request = self.shared().deletes.find(&request.stored.tenant, &request.stored.id)?;
        self.report(&request).await
    }

    /// Requests of a tenant, the oldest first.
    pub async fn deletes(&self, tenant: &Tenant) -> Result<Vec<Delete>, Error> {
        let mut reports = Vec::new();
        for request in self.shared().deletes.list().iter().filter(|request| request.stored.tenant == *tenant) {
            reports.push(self.report(request).await?);
        }
        Ok(reports)
    }

    /// Tells whenever lines were hidden, or are seen again, so that whoever remembers what it read reads it anew.
    pub fn hidden_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared().deletes.changes()
    }

    /// Takes a request back: its lines are seen again. Only until [`Delete::cancel_until`]; with `force` as long as
    /// nothing was rewritten.
    pub async fn cancel_delete(&self, tenant: &Tenant, id: &str, force: bool) -> Result<(), Error> {
        let request = self.shared().deletes.find(tenant, id)?;
        let now = self.shared().now();
        if request.can_be_cancelled() && !force && self.cancel_until(&request) <= now {
            let period = stdx::show_duration(self.shared().lifecycle.cancel_period);
            return Err(Error::invalid(format!(
                "a request to delete lines can be cancelled for {period} after it was made; `force=true` cancels it as long as nothing is rewritten"
            )));
        }
        let (shared, tenant, id) = (Arc::clone(self.shared()), tenant.clone(), id.to_owned());
        blocking(move || shared.deletes.cancel(&tenant, &id)).await
    }

    fn cancel_until(&self, request: &Request) -> Timestamp {
        request.stored.created.after(self.shared().lifecycle.cancel_period)
    }

    async fn report(&self, request: &Request) -> Result<Delete, Error> {
        let stored = request.stored.clone();
        let left = if stored.state == DeleteState::Rewritten { self.files_left(request).await? } else { 0 };
        let running = self.jobs().into_iter().find(|job| {
            job.kind == JobKind::Delete && job.subject == stored.id && job.state == super::JobState::Running
        });
        let until = stored.gone.or(stored.rewritten).unwrap_or(Timestamp::MAX);
        let has_files = stored.state != DeleteState::Cancelled;
        Ok(Delete {
            cancel_until: self.cancel_until(request),
            gone_after: stored.rewritten.map(|at| at.after(self.shared().lifecycle.delete_delay)),
            files_left: left,
            percent: running.map(|job| job.done.saturating_mul(100).checked_div(job.total).unwrap_or(0).min(100)),
            backups: if has_files { self.backups_before(until)? } else { Vec::new() },
            id: stored.id,
            tenant: stored.tenant,
            query: stored.query,
            range: stored.range,
            state: stored.state,
            created: stored.created,
            hidden: stored.hidden,
            rewritten: stored.rewritten,
            gone: stored.gone,
            rows: stored.rows,
        })
    }

    /// Backups that were made before a time, as their catalogue tells.
    fn backups_before(&self, time: Timestamp) -> Result<Vec<String>, Error> {
        let path = self.data_dir().join(paths::backups());
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(|error| Error::io("read", &path, error))?,
        };
        let backup = |line: &str| serde_json::from_str::<Backup>(line).map_err(|error| Error::corrupt(&path, error));
        let backups = text.lines().filter(|line| !line.is_empty()).map(backup).collect::<Result<Vec<_>, _>>()?;
        Ok(backups.into_iter().filter(|backup| backup.made <= time).map(|backup| backup.path).collect())
    }

    pub(super) async fn delete_due(&self, led: &[Arc<Table>]) -> Result<(), Error> {
        let leads = led.iter().any(|table| table.spec().name == LOGS);
        for request in self.shared().deletes.list() {
            if request.stored.state == DeleteState::Received {
                let subject = subject(JobKind::Hide, &request);
                if self.shared().jobs.is_paused(&subject, self.shared().clock.instant()) {
                    continue;
                }
                self.job(&subject, 0, |_| async { self.hide(&request).await.map(|()| Ended::Done) }).await;
            }
            let Some(request) = self.shared().deletes.get(&request.stored.id) else { continue };
            let is_due = match request.stored.state {
                DeleteState::Hidden => self.cancel_until(&request) <= self.shared().now(),
                // It was interrupted.
                DeleteState::Rewriting => true,
                DeleteState::Received | DeleteState::Rewritten | DeleteState::Gone | DeleteState::Cancelled => false,
            };
            if leads && is_due {
                let subject = subject(JobKind::Delete, &request);
                if !self.shared().jobs.is_paused(&subject, self.shared().clock.instant()) {
                    self.job(&subject, 0, |pace| self.write_out(&request, pace)).await;
                }
            }
        }
        Ok(())
    }

    /// Finds what is derived from the lines of a request.
    async fn hide(&self, request: &Arc<Request>) -> Result<(), Error> {
        let table = self.lines()?;
        let snapshot = table.snapshot(&request.stored.tenant);
        for part in snapshot.head_parts() {
            self.shared().deletes.add_ids(request, &part.rows)?;
        }
        self.find_ids(&table, request, snapshot.files(&request.stored.range)).await?;
        drop(snapshot);
        let (shared, request, now) = (Arc::clone(self.shared()), Arc::clone(request), self.shared().now());
        let hidden = move || {
            shared.deletes.advance(&request, |stored| {
                stored.state = DeleteState::Hidden;
                stored.hidden = Some(now);
            })
        };
        blocking(hidden).await.map(drop)
    }

    /// Adds the ids of what is derived from the lines of a request in these files.
    async fn find_ids(&self, table: &Arc<Table>, request: &Arc<Request>, files: Vec<FileRef>) -> Result<(), Error> {
        if request.ids.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> = table.spec().schema.fields().iter().map(|field| field.name().clone()).collect();
        let plan = Plan::own(table.spec(), request.stored.range, &request.stored.predicate, &[], &columns)?;
        let store = Arc::clone(table.delta().store());
        let mut rows = FileRows::new(Arc::new(plan), store, Arc::clone(self.footers()), files);
        let (shared, request) = (Arc::clone(self.shared()), Arc::clone(request));
        blocking(move || {
            loop {
                match rows.step()? {
                    Step::More => {}
                    Step::Rows(rows) => shared.deletes.add_ids(&request, &rows)?,
                    Step::Done => return Ok(()),
                }
            }
        })
        .await
    }

    /// Writes the lines of a request, and what is derived from them, out of all files.
    async fn write_out(&self, request: &Arc<Request>, pace: Pace) -> Result<Ended, Error> {
        let Some(_processing) = self.shared().deletes.process(&request.stored.id) else { return Ok(Ended::Outrun) };
        let (shared, begun) = (Arc::clone(self.shared()), Arc::clone(request));
        let begin = move || shared.deletes.advance(&begun, |stored| stored.state = DeleteState::Rewriting);
        let request = &blocking(begin).await?;
        let mut rows = 0;
        for _ in 0..ATTEMPTS {
            self.flush().await?;
            let lines = self.lines()?;
            // Just these files: lines that come from now on are not meant any more.
            let meant = overlapping(&lines, request, request.stored.range);
            self.find_ids(&lines, request, meant.clone()).await?;
            // Lines come last: what is derived from them can be found as long as they are there.
            let mut work = self.derived(request);
            let hidden = Hidden::Rows(request.stored.range, request.stored.predicate.clone());
            work.extend(meant.into_iter().map(|file| (Arc::clone(&lines), file, hidden.clone())));
            pace.set_total(work.len() as u64);
            let mut outrun = false;
            for (table, file, hidden) in work {
                let tenant = &request.stored.tenant;
                let (ended, gone) = self.write_without(&table, tenant, &file, hidden, pace.silent()).await?;
                pace.count(1)?;
                match ended {
                    Ended::Done => rows += gone,
                    Ended::Outrun | Ended::Yielded => outrun = true,
                }
            }
            if !outrun {
                self.written_out(request, rows).await?;
                return Ok(Ended::Done);
            }
        }
        Ok(Ended::Outrun)
    }

    /// Files that may have rows that are derived from the lines of a request, and which rows those are.
    fn derived(&self, request: &Request) -> Vec<(Arc<Table>, FileRef, Hidden)> {
        let range = &request.stored.range;
        let range = TimeRange { start: range.start.before(DERIVED_DRIFT), end: range.end.after(DERIVED_DRIFT) };
        let mut work = Vec::new();
        for table in &self.shared().tables {
            if let Some(hidden) = request.derived(table.spec().name) {
                let files = overlapping(table, request, range).into_iter();
                work.extend(files.map(|file| (Arc::clone(table), file, hidden.clone())));
            }
        }
        work
    }

    async fn written_out(&self, request: &Arc<Request>, rows: u64) -> Result<(), Error> {
        let version = |table: &Arc<Table>| (table.spec().name.to_owned(), table.version());
        let versions = self.shared().tables.iter().map(version).collect();
        let (shared, request, now) = (Arc::clone(self.shared()), Arc::clone(request), self.shared().now());
        let rewritten = move || {
            shared.deletes.advance(&request, |stored| {
                (stored.state, stored.rewritten) = (DeleteState::Rewritten, Some(now));
                (stored.versions, stored.rows) = (versions, rows);
            })
        };
        blocking(rewritten).await.map(drop)
    }

    fn lines(&self) -> Result<Arc<Table>, Error> {
        self.table(LOGS).ok_or_else(|| Failure::Unavailable("there is no table of lines").into())
    }
}

/// Live files of the tenant of a request that may have rows of a time.
fn overlapping(table: &Table, request: &Request, range: TimeRange) -> Vec<FileRef> {
    let live = table.live().into_iter().find(|(tenant, _)| *tenant == request.stored.tenant);
    live.map(|(_, files)| crate::delta::overlapping(&files, &range)).unwrap_or_default()
}

fn subject(kind: JobKind, request: &Request) -> Subject {
    Subject { kind, table: LOGS, tenant: Some(request.stored.tenant.clone()), name: request.stored.id.clone() }
}
