//! The head of a table: rows in memory that no committed file holds yet.
//!
//! Rows live in immutable parts. New ones are active; a flush seals all active parts at one WAL position, and sealed
//! parts stay visible until the commit that holds their rows. Parts are merged geometrically, eight of a size to one
//! of the next, so that thousands of small pushes cost little.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::{max, min};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use logline::{Tenant, Timestamp};

use crate::logs::TIMESTAMP;
use crate::paths::{end_of_micro, start_of_micro};
use crate::seen::Mark;

/// Parts of one size that are merged to one of the next.
const FAN_IN: usize = 8;
/// Parts with more rows are left alone.
const MAX_MERGED_ROWS: usize = 1_024;

/// Rows that stay together; never empty.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) rows: RecordBatch,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) bytes: u64,
}

/// Parts in order of arrival.
pub(crate) type Parts = Vec<Arc<Part>>;

/// Rows of one table that are not in files.
#[derive(Debug, Default)]
pub(crate) struct Head {
    active: BTreeMap<Tenant, Parts>,
    sealed: Option<Sealed>,
}

/// What one flush moves to files.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    /// Every row of a record up to this position is in it or in a file.
    pub(crate) position: u64,
    pub(crate) parts: Arc<BTreeMap<Tenant, Parts>>,
    /// The highest number of each agent with a batch in it, when this is the table of lines.
    pub(crate) marks: Arc<[Mark]>,
}

impl Part {
    /// `None` when there is no row.
    pub(crate) fn new(rows: RecordBatch) -> Option<Self> {
        let times = rows.column_by_name(TIMESTAMP)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        let (first, last) = (start_of_micro(min(times)?), end_of_micro(max(times)?));
        let bytes = rows.get_array_memory_size() as u64;
        Some(Self { rows, first, last, bytes })
    }

    fn len(&self) -> usize {
        self.rows.num_rows()
    }

    fn level(&self) -> u32 {
        self.len().max(1).ilog(FAN_IN)
    }
}

impl Head {
    /// Takes rows in; they are the newest.
    pub(crate) fn insert(&mut self, tenant: &Tenant, part: Part) {
        match self.active.get_mut(tenant) {
            Some(parts) => parts.push(Arc::new(part)),
            None => drop(self.active.insert(tenant.clone(), vec![Arc::new(part)])),
        }
    }

    /// The newest parts of a tenant, when eight of one size stand together and should be one.
    pub(crate) fn mergeable(&self, tenant: &Tenant) -> Option<Parts> {
        let parts = self.active.get(tenant)?;
        Some(parts[mergeable(parts)?..].to_vec())
    }

    /// Puts one part in the place of those it was merged from. Returns the change in accounted bytes; `None` when they
    /// were sealed meanwhile.
    pub(crate) fn replace(&mut self, tenant: &Tenant, old: &[Arc<Part>], new: Part) -> Option<i64> {
        let parts = self.active.get_mut(tenant)?;
        let start = parts.len().checked_sub(old.len())?;
        if !parts[start..].iter().zip(old).all(|(now, then)| Arc::ptr_eq(now, then)) {
            return None;
        }
        let before: u64 = old.iter().map(|part| part.bytes).sum();
        let change = new.bytes.cast_signed() - before.cast_signed();
        parts.truncate(start);
        parts.push(Arc::new(new));
        Some(change)
    }

    /// Makes the active rows the sealed ones. Only when nothing is sealed; false when there is nothing to seal.
    pub(crate) fn seal(&mut self, position: u64, marks: impl FnOnce() -> Vec<Mark>) -> bool {
        if self.sealed.is_some() || self.active.is_empty() {
            return false;
        }
        let parts = Arc::new(std::mem::take(&mut self.active));
        self.sealed = Some(Sealed { position, parts, marks: marks().into() });
        true
    }

    /// What is sealed and not committed.
    pub(crate) fn sealed(&self) -> Option<Sealed> {
        self.sealed.clone()
    }

    /// Lets go of the sealed rows, which are committed now. Returns their accounted bytes.
    pub(crate) fn release(&mut self) -> u64 {
        self.sealed.take().map_or(0, |sealed| bytes(sealed.parts.values()))
    }

    /// All parts of a tenant, oldest first.
    pub(crate) fn parts(&self, tenant: &Tenant) -> Parts {
        let sealed = self.sealed.iter().filter_map(|sealed| sealed.parts.get(tenant)).flatten();
        let active = self.active.get(tenant).into_iter().flatten();
        sealed.chain(active).map(Arc::clone).collect()
    }

    /// Tenants with rows.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.sealed.iter().flat_map(|sealed| sealed.parts.keys()).chain(self.active.keys())
    }

    /// Rows in memory.
    pub(crate) fn rows(&self) -> u64 {
        let sealed = self.sealed.iter().flat_map(|sealed| sealed.parts.values());
        sealed.chain(self.active.values()).flatten().map(|part| part.len() as u64).sum()
    }

    /// Accounted bytes of the rows that are not sealed.
    pub(crate) fn active_bytes(&self) -> u64 {
        bytes(self.active.values())
    }
}

fn bytes<'a>(parts: impl Iterator<Item = &'a Parts>) -> u64 {
    parts.flatten().map(|part| part.bytes).sum()
}

/// Where the newest run of [`FAN_IN`] parts of one size starts.
fn mergeable(parts: &[Arc<Part>]) -> Option<usize> {
    let start = parts.len().checked_sub(FAN_IN)?;
    let level = parts.last()?.level();
    let alike = parts[start..].iter().all(|part| part.level() <= level && part.len() <= MAX_MERGED_ROWS);
    alike.then_some(start)
}

#[cfg(test)]
mod tests;
