//! Vacuum: removes files that no version within the delay names, what crashes left behind, and old parts of the log.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use logline::Timestamp;
use tracing::warn;

use super::run::{Memory, blocking};
use super::{Ended, JobKind, JobState, Subject};
use crate::deletes::Request;
use crate::paths::TENANT;
use crate::{DeleteState, Error, Storage, Table, paths};

/// A file that nothing names may be one that another node is about to commit; it is left alone for this long.
const ORPHAN_AGE: Duration = Duration::from_hours(1);
/// The log is kept for at least this long, so that a node that slept finds where it was.
const HISTORY: Duration = Duration::from_hours(24);

impl Storage {
    pub(super) async fn vacuum_due(&self, led: &[Arc<Table>], memory: &mut Memory) -> Result<(), Error> {
        for table in led {
            let subject =
                Subject { kind: JobKind::Vacuum, table: table.spec().name, tenant: None, name: String::new() };
            let now = self.shared().clock.instant();
            if self.shared().jobs.is_paused(&subject, now) {
                continue;
            }
            let old = self.unnamed(table, memory).await;
            if old.as_ref().is_ok_and(Vec::is_empty) {
                self.clean(table).await;
                continue;
            }
            let total = old.as_ref().map_or(0, Vec::len) as u64;
            let done = self.job(&subject, total, |mut pace| async move {
                let (old, store) = (old?, Arc::clone(table.delta().store()));
                let remove = move || {
                    for path in &old {
                        store.delete(path)?;
                        pace.step(1)?;
                    }
                    Ok(Ended::Done)
                };
                blocking(remove).await
            });
            if done.await == JobState::Done {
                self.shared().metrics.files_removed.inc_by(total);
            }
            self.clean(table).await;
        }
        self.note_gone().await
    }

    /// Files that may be removed now.
    async fn unnamed(&self, table: &Table, memory: &mut Memory) -> Result<Vec<String>, Error> {
        let shared = self.shared();
        let (name, committed) = (table.spec().name, table.committed());
        let stale = self.stale(table).await?;
        let (pinned, instant) = (shared.pins.files(name), shared.clock.instant());
        let horizon = millis(shared.now().before(shared.lifecycle.delete_delay));
        let mut orphans = HashMap::new();
        let mut old = Vec::new();
        for Stale { path, removed } in stale.into_iter().filter(|stale| !pinned.contains(&stale.path)) {
            if let Some(removed) = removed {
                old.extend((removed <= horizon).then_some(path));
                continue;
            }
            // What lies behind our WAL position is being written by a flush, or will be written again.
            let flush = super::rewrite::name(&path);
            if flush.is_some_and(|flush| flush.is_of(&shared.node) && committed < flush.position) {
                continue;
            }
            let key = (name, path);
            let since = memory.orphans.get(&key).copied().unwrap_or(instant);
            if ORPHAN_AGE <= instant.saturating_duration_since(since) {
                warn!(table = name, file = key.1, "removes a file that nothing names");
                old.push(key.1.clone());
            }
            orphans.insert(key, since);
        }
        memory.orphans.retain(|(table, _), _| *table != name);
        memory.orphans.extend(orphans);
        Ok(old)
    }

    /// Data files on the disk that are not live.
    async fn stale(&self, table: &Table) -> Result<Vec<Stale>, Error> {
        let store = Arc::clone(table.delta().store());
        // Listed before the log is read: what is committed in between is named then.
        let listed = blocking(move || store.list("")).await?;
        let present = table.delta().present().await?;
        let live: HashSet<&str> = present.live.all().map(|file| file.path.as_str()).collect();
        let is_data = |path: &str| path.ends_with(".parquet") && path.starts_with(TENANT);
        let paths = listed.into_iter().map(|file| file.path);
        let stale = paths.filter(|path| is_data(path) && !live.contains(path.as_str()));
        Ok(stale.map(|path| Stale { removed: present.removed.get(&path).copied(), path }).collect())
    }

    /// Shortens the log. A failure costs space and nothing else.
    async fn clean(&self, table: &Table) {
        let horizon = self.shared().now().before(self.shared().lifecycle.delete_delay.max(HISTORY));
        if let Err(error) = table.delta().clean(horizon).await {
            warn!(%error, table = table.spec().name, "cannot shorten the log");
        }
    }

    /// Notes which requests have no file left on the disk.
    async fn note_gone(&self) -> Result<(), Error> {
        for request in self.shared().deletes.list() {
            if request.stored.state == DeleteState::Rewritten && self.files_left(&request).await? == 0 {
                let (shared, now) = (Arc::clone(self.shared()), self.shared().now());
                blocking(move || {
                    shared.deletes.advance(&request, |stored| {
                        stored.state = DeleteState::Gone;
                        stored.gone = Some(now);
                    })
                })
                .await?;
            }
        }
        Ok(())
    }

    /// How many files on the disk may still have the lines of a request that was rewritten: all that are not live and
    /// were not removed later.
    pub(super) async fn files_left(&self, request: &Request) -> Result<u64, Error> {
        let Some(rewritten) = request.stored.rewritten.map(millis) else { return Ok(0) };
        let folder = format!("{}/", paths::tenant_folder(&request.stored.tenant));
        let mut left = 0;
        for table in &self.shared().tables {
            let stale = self.stale(table).await?;
            let had = |stale: &&Stale| {
                stale.path.starts_with(&folder) && stale.removed.is_none_or(|removed| removed <= rewritten)
            };
            left += stale.iter().filter(had).count() as u64;
        }
        Ok(left)
    }
}

/// A data file that is not live.
struct Stale {
    path: String,
    /// When it was taken out of the table, if it was ever in it.
    removed: Option<i64>,
}

const fn millis(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000)
}
