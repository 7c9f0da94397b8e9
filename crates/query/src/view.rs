//! One consistent view of a table under a scope, from which all scans of a query are made.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::physical_plan::ExecutionPlan;
use logline::Timestamp;
use storage::{FileRef, Predicate, Scan, Snapshot, Source, Table, TimeRange, Visibility};

use crate::error::Error;
use crate::exec::ScanExec;

/// A snapshot of a table and what may be seen of it.
#[derive(Debug)]
pub(crate) struct View {
    schema: Arc<Schema>,
    table: &'static str,
    snapshot: Snapshot,
    visibility: Visibility,
    partitions: usize,
}

/// What to read of a view.
#[derive(Debug)]
pub(crate) struct Want {
    pub(crate) range: TimeRange,
    pub(crate) predicate: Predicate,
    pub(crate) columns: Vec<String>,
    /// See [`Scan::pairs`].
    pub(crate) pairs: Option<Vec<String>>,
}

impl View {
    pub(crate) fn new(table: &Table, snapshot: Snapshot, visibility: Visibility, partitions: usize) -> Self {
        let spec = table.spec();
        Self { schema: Arc::clone(&spec.schema), table: spec.name, snapshot, visibility, partitions: partitions.max(1) }
    }

    /// A plan that reads files and head, spread over the partitions.
    pub(crate) fn scan(&self, want: &Want) -> Result<Arc<dyn ExecutionPlan>, Error> {
        let mut sources = self.files(&want.range);
        if let Some((first, last)) = self.snapshot.head_range()
            && want.range.overlaps(first, last)
        {
            let (node, epoch) = (self.snapshot.node().to_owned(), self.snapshot.epoch());
            sources.push(Source::Head { node, epoch });
        }
        if sources.is_empty() {
            sources.push(Source::Files { version: self.snapshot.version(), files: Vec::new() });
        }
        let scans = sources.into_iter().map(|source| self.scan_of(source, want)).collect();
        Ok(Arc::new(ScanExec::new(scans, &self.schema)?))
    }

    /// Files and their rows in a range, and the head's: what [`crate::slices`] cuts time by.
    pub(crate) fn parts(&self, range: &TimeRange) -> Vec<(Timestamp, Timestamp, u64)> {
        let files = self.snapshot.files(range);
        let mut parts: Vec<_> = files.iter().map(|file| (file.first, file.last, file.rows)).collect();
        parts.extend(self.snapshot.head_range().map(|(first, last)| (first, last, self.snapshot.head_rows() as u64)));
        parts
    }

    fn scan_of(&self, source: Source, want: &Want) -> Scan {
        Scan {
            table: self.table.to_owned(),
            tenant: self.snapshot.tenant().clone(),
            source,
            range: want.range,
            predicate: want.predicate.clone(),
            projection: want.columns.clone(),
            pairs: want.pairs.clone(),
            visibility: self.visibility.clone(),
        }
    }

    /// The files of a range in as many groups of about the same size as there are partitions.
    fn files(&self, range: &TimeRange) -> Vec<Source> {
        let mut groups: Vec<(u64, Vec<FileRef>)> = vec![(0, Vec::new()); self.partitions];
        for file in self.snapshot.files(range) {
            if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += file.bytes.max(1);
                group.push(file);
            }
        }
        let version = self.snapshot.version();
        let groups = groups.into_iter().filter(|(_, files)| !files.is_empty());
        groups.map(|(_, files)| Source::Files { version, files }).collect()
    }
}
