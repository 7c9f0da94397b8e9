//! Writes live files anew: several into one, or one without some of its rows.

use std::sync::Arc;

use logline::Tenant;

use super::merged::Merged;
use super::pace::Pace;
use crate::files::{Files, NewFile, Source};
use crate::paths::FileName;
use crate::read::{FileRows, Footers, Plan, Step, Steps};
use crate::{Error, FileRef, Table};

/// zstd of files that are not meant to be written once more.
const LEVEL: i32 = 3;

/// What a rewrite works on.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    pub(super) table: Arc<Table>,
    pub(super) footers: Arc<Footers>,
    pub(super) tenant: Tenant,
    /// Files of one day; equal rows of an earlier one come first.
    pub(super) inputs: Vec<FileRef>,
    /// Which rows to keep.
    pub(super) plan: Arc<Plan>,
    /// Whether these are all of them, and row groups may be kept as they are.
    pub(super) joins: bool,
}

impl Rewrite {
    /// The durable files that may take the place of the inputs; blocks. On failure nothing is left of them.
    pub(super) fn write(&self, node: &str, pace: &mut Pace) -> Result<Vec<NewFile>, Error> {
        let store = self.table.delta().store();
        let name = self.inputs.iter().filter_map(|file| name(&file.path)).max_by_key(|name| name.position);
        // No node has a dot in its name, so that nobody takes the file for one of its own flushes.
        let own = format!("{node}.{}", uuid::Uuid::new_v4().simple());
        let position = name.map_or(0, |name| name.position);
        let mut files = Files::new(store.as_ref(), self.table.spec(), (position, &own), LEVEL);
        let day = self.inputs.first().map_or(0, |file| file.first.day());
        let mut work = || {
            if self.joins && files.join((&self.tenant, day), &self.sources()?, |rows| pace.step(rows))? {
                return Ok(());
            }
            let mut merged = Merged::new(&self.plan, store, &self.footers, &self.inputs)?;
            while let Some(rows) = merged.next()? {
                files.append(&self.tenant, day, &rows)?;
                pace.step(rows.num_rows() as u64)?;
            }
            files.close(&self.tenant, day)
        };
        let done = work();
        files.end(done)
    }

    fn sources(&self) -> Result<Vec<Source>, Error> {
        let (store, schema) = (self.table.delta().store(), &self.table.spec().schema);
        let open = |listed: &FileRef| {
            let file = store.open(&listed.path, listed.bytes)?;
            let opened = self.footers.get(&file, schema)?;
            Ok(Source { listed: listed.clone(), file, opened })
        };
        self.inputs.iter().map(open).collect()
    }

    /// How many rows of the inputs are kept; blocks.
    pub(super) fn count(&self, pace: &mut Pace) -> Result<u64, Error> {
        let store = Arc::clone(self.table.delta().store());
        let plan = Arc::clone(&self.plan);
        let mut rows = FileRows::new(plan, store, Arc::clone(&self.footers), self.inputs.iter().cloned());
        let mut count = 0;
        loop {
            match rows.step()? {
                Step::More => {}
                Step::Rows(rows) => count += rows.num_rows() as u64,
                Step::Done => return Ok(count),
            }
            pace.step(0)?;
        }
    }
}

/// Which flush wrote a file, or the newest of those whose files went into it; `None` for files of other programs.
pub(super) fn name(path: &str) -> Option<FileName> {
    path.rsplit('/').next().and_then(FileName::parse)
}
