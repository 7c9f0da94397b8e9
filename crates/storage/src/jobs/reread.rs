//! Makes the rows of a derived table anew from the lines that are kept, tenant by tenant: after what is read out of lines
//! has changed.
//!
//! A request is a small file beside the table, until it is done. Day by day new files take the place of the old ones, in
//! one commit, and then the file tells from which day on there is work left: whatever ends it in between, every row is
//! there once. Rows of lines that are kept no longer stay as they are. It makes room for other jobs between two days, and
//! a commit behind its last one tells other nodes that it is done.

mod remade;
mod request;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use logline::{Tenant, Timestamp};
use tracing::info;

use self::remade::{Remade, Work};
use self::request::Request;
use super::pace::Pace;
use super::retain::Periods;
use super::run::blocking;
use super::{Ended, JobKind, JobState, Subject};
use crate::delta::{Change, REMADE};
use crate::error::Failure;
use crate::rows::LOGS_INDEX;
use crate::{DeleteState, Error, FileRef, LOGS, Snapshot, Storage, Table, TimeRange};

/// Memory that the rows of a few days may take until they are written.
const ROWS_BYTES: u64 = 64 << 20;

/// After so long, and so many days, other work has its turn; each turn reads up to two days of lines twice.
const TURN: Duration = Duration::from_mins(2);
const TURN_DAYS: usize = 4;
/// After so long in any case, once a day is done.
const LONG_TURN: Duration = Duration::from_mins(15);

/// A table that is made anew: from which lines, and what is there of it now.
struct View {
    /// Position of both tables in the log.
    position: u64,
    lines: Snapshot,
    /// From here on all lines are kept.
    since: Timestamp,
    old: Snapshot,
}

impl Storage {
    /// Has the rows of a derived table of a tenant made anew from the lines that are kept; [`Storage::jobs`] tells how far
    /// that is. Durable when this returns, and begun soon. Asked again while it runs, it begins from the start.
    ///
    /// Fails with [`crate::Kind::Invalid`] when rows of that table cannot be made again.
    pub async fn reread(&self, table: &str, tenant: &Tenant) -> Result<(), Error> {
        let found = self.table(table).filter(|table| self.rows().line_time(table.spec().name).is_some());
        let table = found.ok_or_else(|| Error::invalid(format!("rows of `{table}` are not made from kept lines")))?;
        let request = Request::new(tenant, self.shared().now());
        blocking(move || request.write(table.delta().store().as_ref())).await
    }

    /// Tells whenever the rows of derived tables were made anew, so that whoever remembers what it read reads it again.
    pub fn reread_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared().jobs.reread.subscribe()
    }

    /// Does what was asked for; true when it makes room for other work, and there is more to do. Whoever does it must do the
    /// other work on both tables as well: then nobody deletes lines meanwhile.
    pub(super) async fn reread_due(&self, led: &[Arc<Table>]) -> Result<bool, Error> {
        let Some(lines) = led.iter().find(|table| table.spec().name == LOGS) else { return Ok(false) };
        for table in led {
            let Some(column) = self.rows().line_time(table.spec().name) else { continue };
            let store = Arc::clone(table.delta().store());
            for request in blocking(move || Request::all(store.as_ref())).await? {
                let subject = Subject {
                    kind: JobKind::Reread,
                    table: table.spec().name,
                    tenant: Some(request.tenant.clone()),
                    name: "rows from kept lines".to_owned(),
                };
                if self.shared().jobs.is_paused(&subject, self.shared().clock.instant()) {
                    continue;
                }
                let work = |pace| self.reread_tenant((lines, table), column, request, pace);
                match self.job(&subject, 0, work).await {
                    JobState::Done => self.tell_news().await,
                    JobState::Running => return Ok(true),
                    JobState::Failed | JobState::Cancelled => {}
                }
            }
        }
        Ok(false)
    }

    async fn reread_tenant(
        &self,
        (lines, table): (&Arc<Table>, &Arc<Table>),
        column: &'static str,
        mut request: Request,
        pace: Pace,
    ) -> Result<Ended, Error> {
        let deletes = self.shared().deletes.list();
        let mut being_deleted = deletes.iter().filter(|delete| delete.stored.state == DeleteState::Rewriting);
        if being_deleted.any(|delete| delete.stored.tenant == request.tenant) {
            return Err(Failure::Unavailable("lines are being deleted, which comes first").into());
        }
        if let Some(view) = self.view(lines, table, &request.tenant).await? {
            let index = self.shared().tables.iter().position(|known| Arc::ptr_eq(known, table));
            let work = Work {
                shared: Arc::clone(self.shared()),
                footers: Arc::clone(self.footers()),
                maker: self.rows().clone(),
                lines: Arc::clone(lines),
                table: Arc::clone(table),
                index: index.unwrap_or(LOGS_INDEX),
                column,
                tenant: request.tenant.clone(),
                since: view.since,
                position: view.position,
            };
            let ended = self.reread_days(&mut request, (work, view), pace).await?;
            if ended != Ended::Done {
                return Ok(ended);
            }
            let told = Change { operation: REMADE, remove: Vec::new(), add: Vec::new(), changes_rows: false };
            table.replace(&told, self.shared().now()).await?;
        }
        info!(table = table.spec().name, tenant = %request.tenant, "rows were made anew from the lines that are kept");
        let store = Arc::clone(table.delta().store());
        blocking(move || request.remove(store.as_ref()))
            .await
            .map(|is_own| if is_own { Ended::Done } else { Ended::Outrun })
    }

    /// Both tables at one position of the log; `None` when there are no lines.
    async fn view(&self, lines: &Arc<Table>, table: &Arc<Table>, tenant: &Tenant) -> Result<Option<View>, Error> {
        self.flush().await?;
        // No flush of this node commits to one of the tables and not yet to the other. Others commit lines first: rows of
        // lines that are not seen here are not seen either when they are looked at first.
        let _alone = self.shared().flushing.lock().await;
        if lines.sealed().is_some() || table.sealed().is_some() {
            return Err(Failure::Unavailable("a flush is not done yet").into());
        }
        table.refresh().await?;
        let old = table.snapshot(tenant);
        lines.refresh().await?;
        let lines_now = lines.snapshot(tenant);
        let Some(first) = lines_now.files(&TimeRange::ALL).iter().map(|file| file.first).min() else { return Ok(None) };
        let lifecycle = &self.shared().lifecycle;
        let period = Periods::of(lifecycle, LOGS, tenant).shortest().filter(|_| lifecycle.retention_enabled);
        let since = period.map_or(first, |period| self.shared().now().before(period).max(first));
        Ok(Some(View { position: lines.committed(), lines: lines_now, since, old }))
    }

    /// Day by day. Outrun when another writer changed the files, or somebody asked anew.
    async fn reread_days(
        &self,
        request: &mut Request,
        (work, view): (Work, View),
        mut pace: Pace,
    ) -> Result<Ended, Error> {
        let table = Arc::clone(&work.table);
        let files = view.lines.files(&TimeRange { start: view.since, end: Timestamp::MAX });
        let old = view.old.files(&TimeRange::ALL);
        let of_day = |files: &[FileRef], day: i64| -> Vec<FileRef> {
            files.iter().filter(|file| file.first.day() == day).cloned().collect()
        };
        // A row lies at most a day from its line.
        let first = request.next.unwrap_or(i64::MIN).max(view.since.day() - 1);
        let entries: BTreeSet<i64> = files.iter().map(|file| file.first.day()).collect();
        let mut days: BTreeSet<i64> = entries.iter().flat_map(|day| day - 1..=day + 1).collect();
        days.extend(old.iter().map(|file| file.first.day()));
        let rows =
            |of: &dyn Fn(i64) -> bool| files.iter().filter(|file| of(file.first.day())).map(|file| file.rows).sum();
        pace.set_total(rows(&|_| true));
        pace.count(rows(&|day| day < first - 1))?;
        let _reserved = pace.room(ROWS_BYTES).await?;
        let (begun, mut done) = (self.shared().clock.instant(), 0);
        let (mut remade, work) = (Remade::new(&table, first, pace), Arc::new(work));
        let mut unread = entries.into_iter().filter(|day| first - 1 <= *day).peekable();
        let mut days = days.into_iter().filter(|day| first <= *day).peekable();
        while let Some(day) = days.next() {
            while let Some(entry) = unread.next_if(|entry| *entry <= day + 1) {
                let (work, lines) = (Arc::clone(&work), of_day(&files, entry));
                remade = remade.work(move |remade| work.read(entry, lines, remade)).await?;
            }
            let (remove, last) = (of_day(&old, day), of_day(&old, day));
            let finishing = Arc::clone(&work);
            remade = remade.work(move |remade| finishing.finish(day, last, remade)).await?;
            let change = Change { operation: "REPLACE", remove, add: remade.take(day), changes_rows: true };
            let is_empty = change.remove.is_empty() && change.add.is_empty();
            // When this fails nobody knows whether the commit was written: the files stay until vacuum finds them unnamed.
            if !is_empty && !self.replace(&table, &change).await? {
                remade.discard(change.add).await?;
                return Ok(Ended::Outrun);
            }
            request.next = Some(day + 1);
            let (store, noted) = (Arc::clone(table.delta().store()), request.clone());
            if !blocking(move || noted.advance(store.as_ref())).await? {
                remade.discard(Vec::new()).await?;
                return Ok(Ended::Outrun);
            }
            done += 1;
            let worked = self.shared().clock.instant().saturating_duration_since(begun);
            let is_over = TURN <= worked && TURN_DAYS <= done || LONG_TURN <= worked;
            if is_over && days.peek().is_some() {
                remade.discard(Vec::new()).await?;
                return Ok(Ended::Yielded);
            }
        }
        Ok(Ended::Done)
    }
}
