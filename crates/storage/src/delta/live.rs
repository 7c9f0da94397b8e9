//! The live files of a table, in memory, by tenant and time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use deltalake_core::table::state::DeltaTableState;
use logline::{Tenant, Timestamp};
use serde::Deserialize;

use super::Committed;
use super::actions::tenant;
use crate::logs::TIMESTAMP;
use crate::{FileRef, TimeRange};

/// The files of one version of a table. Cheap to clone; a clone does not change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    version: u64,
    /// Files of a tenant, oldest first.
    files: Arc<BTreeMap<Tenant, Arc<Vec<FileRef>>>>,
}

#[derive(Clone, Debug)]
pub(super) enum FileChange {
    Add(Tenant, FileRef),
    Remove(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stats {
    num_records: u64,
    min_values: BTreeMap<String, serde_json::Value>,
    max_values: BTreeMap<String, serde_json::Value>,
}

impl Live {
    /// What a loaded table lists; files that name no tenant are not ours to show.
    pub(crate) fn load(state: &DeltaTableState) -> Self {
        let mut live = Self { version: state.version(), files: Arc::default() };
        let changes = state.log_data().into_iter().filter_map(|view| {
            let mut partition = view.partition_values_map();
            let mut value = |name: &str| partition.remove(name).flatten();
            let (tenant, day) = (value(crate::paths::TENANT), value(crate::paths::DAY));
            let size = u64::try_from(view.size()).unwrap_or(0);
            listed(view.path().into_owned(), tenant.as_deref(), day.as_deref(), size, view.stats().as_deref())
        });
        live.apply(changes.collect());
        live
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Moves on to a committed version.
    pub(crate) fn advance(&mut self, committed: Committed) {
        self.apply(committed.entries.into_iter().flat_map(|entry| entry.changes).collect());
        self.version = committed.version;
    }

    /// All files of a tenant, oldest first.
    pub(crate) fn files(&self, tenant: &Tenant) -> Arc<Vec<FileRef>> {
        self.files.get(tenant).map(Arc::clone).unwrap_or_default()
    }

    /// Whether all of these are live.
    pub(crate) fn has_all(&self, files: &[FileRef]) -> bool {
        let known: HashSet<&str> = self.all().map(|file| file.path.as_str()).collect();
        files.iter().all(|file| known.contains(file.path.as_str()))
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.files.keys()
    }

    /// A file by its path, and whose it is.
    pub(crate) fn find(&self, path: &str) -> Option<(Tenant, FileRef)> {
        let of = |(tenant, files): (&Tenant, &Arc<Vec<FileRef>>)| {
            let file = files.iter().find(|file| file.path == path)?;
            Some((tenant.clone(), file.clone()))
        };
        self.files.iter().find_map(of)
    }

    /// Files of all tenants.
    pub(crate) fn all(&self) -> impl Iterator<Item = &FileRef> {
        self.files.values().flat_map(|files| files.iter())
    }

    /// What comes later wins: an add of a listed path replaces what was known of it.
    fn apply(&mut self, changes: Vec<FileChange>) {
        let mut last: HashMap<String, Option<(Tenant, FileRef)>> = HashMap::with_capacity(changes.len());
        for change in changes {
            match change {
                FileChange::Add(tenant, file) => last.insert(file.path.clone(), Some((tenant, file))),
                FileChange::Remove(path) => last.insert(path, None),
            };
        }
        let all = Arc::make_mut(&mut self.files);
        for files in all.values_mut().filter(|files| files.iter().any(|file| last.contains_key(&file.path))) {
            Arc::make_mut(files).retain(|file| !last.contains_key(&file.path));
        }
        let mut touched = BTreeSet::new();
        for (tenant, file) in last.into_values().flatten() {
            Arc::make_mut(all.entry(tenant.clone()).or_default()).push(file);
            touched.insert(tenant);
        }
        for (_, files) in all.iter_mut().filter(|(tenant, _)| touched.contains(tenant)) {
            Arc::make_mut(files).sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
        }
        all.retain(|_, files| !files.is_empty());
    }
}

/// Files of a list that may have rows in a range.
pub(crate) fn overlapping(files: &[FileRef], range: &TimeRange) -> Vec<FileRef> {
    files.iter().filter(|file| range.overlaps(file.first, file.last)).cloned().collect()
}

/// A file as a commit lists it. Without statistics its time is that of its day, or unknown.
pub(super) fn listed(
    path: String,
    tenant_name: Option<&str>,
    day: Option<&str>,
    bytes: u64,
    stats: Option<&str>,
) -> Option<FileChange> {
    let stats: Stats = stats.and_then(|stats| serde_json::from_str(stats).ok()).unwrap_or_default();
    let time = |values: &BTreeMap<String, serde_json::Value>| nanos(values.get(TIMESTAMP)?.as_str()?);
    let day = day.and_then(nanos);
    let first = time(&stats.min_values).or(day).map_or(Timestamp::MIN, Timestamp);
    let last = time(&stats.max_values).map(end).or(day.map(|day| day.saturating_add(DAY_NANOS - 1)));
    let last = last.map_or(Timestamp::MAX, Timestamp);
    let tenant = tenant(tenant_name)?;
    Some(FileChange::Add(tenant, FileRef { path, bytes, rows: stats.num_records, first, last }))
}

const DAY_NANOS: i64 = 86_400_000_000_000;

fn nanos(text: &str) -> Option<i64> {
    string_to_timestamp_nanos(text).ok()
}

/// The newest instant that a time in statistics stands for: some writers cut to milliseconds, ours to microseconds.
fn end(nanos: i64) -> i64 {
    let unit = if nanos % 1_000_000 == 0 { 1_000_000 } else { 1_000 };
    nanos.saturating_add(unit - 1)
}
