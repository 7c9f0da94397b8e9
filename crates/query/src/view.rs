//! One consistent view of a table under a scope, from which all scans of a query are made.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::physical_plan::ExecutionPlan;
use storage::{FileRef, Predicate, Scan, Snapshot, Source, Stretches, Table, TimeRange, Visibility};

use crate::error::Error;
use crate::exec::ScanExec;
use crate::slices::PartOfTime;
use crate::tenants::decided;

/// A snapshot of a table, one for each tenant, and what may be seen of it.
#[derive(Debug)]
pub(crate) struct View {
    schema: Arc<Schema>,
    table: &'static str,
    /// Each with what may be seen of its tenant's rows.
    snapshots: Vec<(Snapshot, Visibility)>,
    partitions: usize,
    /// See [`storage::Storage::hidden_changes`].
    hidden: u64,
}

/// What the rows of a stretch of time are read from.
#[derive(Debug)]
pub(crate) struct Parts<'v> {
    view: &'v View,
    files: Vec<Vec<FileRef>>,
}

impl Parts<'_> {
    /// A number that stays the same as long as a part of that time has the same rows; `None` while rows of it are still
    /// in a head.
    pub(crate) fn source(&self, range: &TimeRange) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        self.view.hidden.hash(&mut hasher);
        for ((snapshot, _), files) in self.view.snapshots.iter().zip(&self.files) {
            if snapshot.head_overlaps(range) {
                return None;
            }
            let inside = files.iter().filter(|file| range.overlaps(file.first, file.last));
            inside.for_each(|file| file.path.hash(&mut hasher));
        }
        Some(hasher.finish())
    }
}

/// What to read of a view.
#[derive(Debug)]
pub(crate) struct Want {
    pub(crate) range: TimeRange,
    pub(crate) predicate: Predicate,
    pub(crate) columns: Vec<String>,
    /// See [`Scan::pairs`].
    pub(crate) pairs: Option<Vec<String>>,
    /// See [`Scan::stretches`].
    pub(crate) stretches: Option<Stretches>,
    /// See [`Scan::json`].
    pub(crate) json: Option<Vec<String>>,
}

impl View {
    /// `hidden` is [`storage::Storage::hidden_changes`] from before the snapshots were taken.
    pub(crate) fn new(table: &Table, snapshots: Vec<(Snapshot, Visibility)>, partitions: usize, hidden: u64) -> Self {
        let (schema, table) = (Arc::clone(&table.spec().schema), table.spec().name);
        Self { schema, table, snapshots, partitions: partitions.max(1), hidden }
    }

    /// A plan that reads files and heads, spread over the partitions; streams of several tenants carry their tenant.
    pub(crate) fn scan(&self, want: &Want) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let mut scans = Vec::new();
        for (snapshot, visibility) in &self.snapshots {
            let predicate = match self.snapshots.len() {
                1 => want.predicate.clone(),
                _ => decided(&want.predicate, snapshot.tenant())?,
            };
            let sources = self.sources(snapshot, &want.range);
            let scan = |source| Scan {
                table: self.table.to_owned(),
                tenant: snapshot.tenant().clone(),
                source,
                range: want.range,
                predicate: predicate.clone(),
                projection: want.columns.clone(),
                pairs: want.pairs.clone(),
                stretches: want.stretches,
                json: want.json.clone(),
                visibility: visibility.clone(),
            };
            scans.extend(sources.into_iter().map(scan));
        }
        Ok(Arc::new(ScanExec::new(scans, &self.schema, self.snapshots.len() > 1)?))
    }

    /// What the rows of a range are read from.
    pub(crate) fn parts_of(&self, range: &TimeRange) -> Parts<'_> {
        Parts { view: self, files: self.snapshots.iter().map(|(snapshot, _)| snapshot.files(range)).collect() }
    }

    /// Whose rows may be seen, and what of them: different for those who see different rows.
    pub(crate) fn sight(&self) -> String {
        let seen = self.snapshots.iter().map(|(snapshot, visibility)| (snapshot.tenant().as_str(), visibility));
        format!("{} {:?}", self.table, seen.collect::<Vec<_>>())
    }

    /// Files and their rows in a range, and the heads': what [`crate::slices`] cuts time by.
    pub(crate) fn parts(&self, range: &TimeRange) -> Vec<PartOfTime> {
        let mut parts = Vec::new();
        for (snapshot, _) in &self.snapshots {
            let file = |FileRef { first, last, rows, .. }| PartOfTime { first, last, rows, is_file: true };
            parts.extend(snapshot.files(range).into_iter().map(file));
            let rows = snapshot.head_rows() as u64;
            let head = snapshot.head_range().filter(|(first, last)| range.overlaps(*first, *last));
            parts.extend(head.map(|(first, last)| PartOfTime { first, last, rows, is_file: false }));
        }
        parts
    }

    /// Files and head of a snapshot that may have rows in a range; no files at all if there is nothing else.
    fn sources(&self, snapshot: &Snapshot, range: &TimeRange) -> Vec<Source> {
        let mut sources = self.files(snapshot, range);
        if let Some((first, last)) = snapshot.head_range()
            && range.overlaps(first, last)
        {
            sources.push(Source::Head { node: snapshot.node().to_owned(), epoch: snapshot.epoch() });
        }
        if sources.is_empty() {
            sources.push(Source::Files { version: snapshot.version(), files: Vec::new() });
        }
        sources
    }

    /// The files of a range in as many groups of about the same size as there are partitions.
    fn files(&self, snapshot: &Snapshot, range: &TimeRange) -> Vec<Source> {
        let mut groups: Vec<(u64, Vec<FileRef>)> = vec![(0, Vec::new()); self.partitions];
        for file in snapshot.files(range) {
            if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += file.bytes.max(1);
                group.push(file);
            }
        }
        let version = snapshot.version();
        let groups = groups.into_iter().filter(|(_, files)| !files.is_empty());
        groups.map(|(_, files)| Source::Files { version, files }).collect()
    }
}
