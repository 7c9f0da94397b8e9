//! The past of a table: its old versions, what was removed and when, and how the log is kept short.

use std::collections::HashMap;

use deltalake_core::DeltaTable;
use futures::TryStreamExt;
use logline::Timestamp;

use super::actions::Entry;
use super::{Arc, DeltaLog, Live, blocking};
use crate::{Error, paths};

/// The newest version as the log tells it now.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) live: Live,
    /// When files that are not live any more were removed, in milliseconds since the epoch.
    pub(crate) removed: HashMap<String, i64>,
}

impl DeltaLog {
    /// The files of an old version, as long as the log reaches back so far.
    pub(crate) async fn live_at(&self, version: u64) -> Result<Live, Error> {
        let table = self.load_table(Some(version)).await?;
        table.snapshot().map(Live::load).map_err(|error| self.failed(error))
    }

    /// The newest version at a time: that of the last commit up to `newest` which was made by then. The oldest that is
    /// still known when all are younger.
    pub(crate) async fn version_at(&self, time: Timestamp, newest: u64) -> Result<u64, Error> {
        // Times of commits grow with their versions, give or take the clocks of several nodes.
        let (mut low, mut high) = (0, newest);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            // An entry that was cleaned away is older than all that are left.
            let later = self.made_at(middle).await?.is_some_and(|millis| millis_of(time) < millis);
            if later { high = middle - 1 } else { low = middle }
        }
        Ok(low)
    }

    /// What is live and what was removed, read from the log itself.
    pub(crate) async fn present(&self) -> Result<Present, Error> {
        let table = self.load_table(None).await?;
        let state = table.snapshot().map_err(|error| self.failed(error))?;
        let tombstones = state.all_tombstones(self.log.0.as_ref());
        let removed = tombstones.map_ok(|gone| (gone.path().into_owned(), gone.deletion_timestamp().unwrap_or(0)));
        let removed = removed.try_collect().await.map_err(|error| self.failed(error))?;
        Ok(Present { live: Live::load(state), removed })
    }

    /// Removes commit entries and checkpoints that no version since `horizon` needs; gives their number.
    pub(crate) async fn clean(&self, horizon: Timestamp) -> Result<usize, Error> {
        let listed = blocking(&self.store, |store| store.list(paths::delta_log())).await?;
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut checkpoints: Vec<u64> =
            listed.iter().filter_map(|file| paths::parse_checkpoint(&name(&file.path))).collect();
        checkpoints.sort_unstable_by(|a, b| b.cmp(a));
        for checkpoint in checkpoints {
            // A checkpoint whose own commit is gone was kept by an earlier cleaning for the same reason.
            if self.made_at(checkpoint).await?.is_some_and(|made| millis_of(horizon) < made) {
                continue;
            }
            let old: Vec<String> = listed
                .into_iter()
                .map(|file| file.path)
                .filter(|path| paths::parse_log_version(&name(path)).is_some_and(|version| version < checkpoint))
                .collect();
            let count = old.len();
            blocking(&self.store, move |store| old.iter().try_for_each(|path| store.delete(path))).await?;
            return Ok(count);
        }
        Ok(0)
    }

    async fn made_at(&self, version: u64) -> Result<Option<i64>, Error> {
        let Some(bytes) = self.find_entry(version).await? else { return Ok(None) };
        Ok(Entry::parse(&bytes).map_err(|reason| self.damaged(version, reason))?.millis)
    }

    async fn load_table(&self, version: Option<u64>) -> Result<DeltaTable, Error> {
        let mut table = DeltaTable::new(Arc::clone(&self.log.0));
        let loaded = match version {
            Some(version) => table.load_version(version).await,
            None => table.load().await,
        };
        loaded.map_err(|error| match version {
            Some(version) => Error::invalid(format!("version {version} of `{}` is not kept: {error}", self.table)),
            None => self.failed(error),
        })?;
        Ok(table)
    }
}

const fn millis_of(time: Timestamp) -> i64 {
    time.0.div_euclid(1_000_000)
}
