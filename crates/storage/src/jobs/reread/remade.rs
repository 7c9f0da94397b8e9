//! Rows as they are made of lines, by the day they belong to, until their files are whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use logline::{Tenant, Timestamp};

use super::super::pace::Pace;
use super::super::run::blocking;
use super::ROWS_BYTES;
use crate::files::{Files, NewFile};
use crate::head::{Part, Parts};
use crate::logs::{self, TIMESTAMP};
use crate::read::{FileRows, Footers, Plan, Step, Steps};
use crate::rows::RowMaker;
use crate::shared::Shared;
use crate::{Error, FileRef, Predicate, Table, TimeRange};

const DAY: i64 = 86_400_000_000_000;
/// zstd of files: small ones of a day are merged later.
const LEVEL: i32 = 1;

/// What does not change while days are made.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) footers: Arc<Footers>,
    pub(super) maker: RowMaker,
    pub(super) lines: Arc<Table>,
    pub(super) table: Arc<Table>,
    /// Of the table that is made.
    pub(super) index: usize,
    /// The column with the time of a row's line.
    pub(super) column: &'static str,
    pub(super) tenant: Tenant,
    /// From here on all lines are kept.
    pub(super) since: Timestamp,
    /// In the names of the files.
    pub(super) position: u64,
}

/// Rows and files of days that are not whole yet.
pub(super) struct Remade {
    table: Arc<Table>,
    /// Days before are done.
    first: i64,
    days: BTreeMap<i64, Day>,
    pace: Pace,
}

#[derive(Default)]
struct Day {
    rows: Parts,
    bytes: u64,
    files: Vec<NewFile>,
}

impl Remade {
    pub(super) fn new(table: &Arc<Table>, first: i64, pace: Pace) -> Self {
        Self { table: Arc::clone(table), first, days: BTreeMap::new(), pace }
    }

    /// Does blocking work on it. When that fails nothing is left of its files.
    pub(super) async fn work(
        mut self,
        work: impl FnOnce(&mut Self) -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        blocking(move || match work(&mut self) {
            Ok(()) => Ok(self),
            Err(error) => self.remove().and(Err(error)),
        })
        .await
    }

    /// The files of a day.
    pub(super) fn take(&mut self, day: i64) -> Vec<NewFile> {
        self.days.remove(&day).map(|day| day.files).unwrap_or_default()
    }

    /// Removes files that will not be committed, and these.
    pub(super) async fn discard(self, taken: Vec<NewFile>) -> Result<(), Error> {
        blocking(move || {
            let store = self.table.delta().store();
            taken.iter().try_for_each(|new| store.delete(&new.file.path))?;
            self.remove()
        })
        .await
    }

    fn remove(&self) -> Result<(), Error> {
        let store = self.table.delta().store();
        let files = self.days.values().flat_map(|day| &day.files);
        files.map(|new| &new.file.path).try_for_each(|path| store.delete(path))
    }

    fn add(&mut self, day: i64, rows: RecordBatch) {
        if let Some(part) = Part::new(rows).filter(|_| self.first <= day) {
            let day = self.days.entry(day).or_default();
            day.bytes += part.bytes;
            day.rows.push(Arc::new(part));
        }
    }
}

impl Work {
    /// Makes the rows of the lines of a day; they belong to this day, the one before or the one after.
    pub(super) fn read(&self, entry: i64, files: Vec<FileRef>, remade: &mut Remade) -> Result<(), Error> {
        let start = Timestamp(entry.saturating_mul(DAY)).max(self.since);
        let range = TimeRange { start, end: Timestamp((entry + 1).saturating_mul(DAY)) };
        self.each(&self.lines, range, files, |lines| {
            // What is made of lines that wait to be deleted is hidden as they are.
            self.shared.deletes.observe(&self.tenant, &lines);
            let batch = logs::batch(&self.tenant, &lines).ok_or_else(|| Error::internal("lines without a column"))?;
            if let Some(rows) = self.maker.again(&batch, self.index) {
                self.by_day(&rows, remade)?;
            }
            remade.pace.step(lines.num_rows() as u64)?;
            self.spill(remade)
        })
    }

    /// Completes a day: what was in its files and came from lines that are kept no longer stays.
    pub(super) fn finish(&self, day: i64, old: Vec<FileRef>, remade: &mut Remade) -> Result<(), Error> {
        let border = self.since.micros();
        if day <= self.since.day() + 1 {
            self.each(&self.table, TimeRange::ALL, old, |rows| {
                let kept = self.times(&rows, self.column)?.iter().map(|time| time.map(|time| time < border));
                let kept = filter_record_batch(&rows, &kept.collect::<BooleanArray>()).map_err(Error::internal)?;
                remade.add(day, kept);
                remade.pace.step(0)?;
                self.spill(remade)
            })?;
        }
        // What hides new rows is on the disk before anybody can see them.
        self.shared.deletes.sync()?;
        self.write(day, remade)
    }

    fn each(
        &self,
        table: &Table,
        range: TimeRange,
        files: Vec<FileRef>,
        mut with: impl FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let columns: Vec<String> = table.spec().schema.fields().iter().map(|field| field.name().clone()).collect();
        let plan = Plan::own(table.spec(), range, &Predicate::True, &[], &columns)?;
        let store = Arc::clone(table.delta().store());
        let mut rows = FileRows::new(Arc::new(plan), store, Arc::clone(&self.footers), files);
        loop {
            match rows.step()? {
                Step::More => {}
                Step::Rows(rows) => with(rows)?,
                Step::Done => return Ok(()),
            }
        }
    }

    fn by_day(&self, rows: &RecordBatch, remade: &mut Remade) -> Result<(), Error> {
        let times = self.times(rows, TIMESTAMP)?;
        let day = |micros: i64| micros.div_euclid(DAY / 1_000);
        let mut days: Vec<i64> = times.iter().flatten().map(day).collect();
        days.sort_unstable();
        days.dedup();
        for one in days {
            let own: BooleanArray = times.iter().map(|time| time.map(|time| day(time) == one)).collect();
            remade.add(one, filter_record_batch(rows, &own).map_err(Error::internal)?);
        }
        Ok(())
    }

    fn times<'r>(&self, rows: &'r RecordBatch, column: &str) -> Result<&'r TimestampMicrosecondArray, Error> {
        let times = rows.column_by_name(column).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        times.ok_or_else(|| Error::internal(format!("`{}` has no times in `{column}`", self.table.spec().name)))
    }

    /// Writes the day that takes most memory when all take too much.
    fn spill(&self, remade: &mut Remade) -> Result<(), Error> {
        let held: u64 = remade.days.values().map(|day| day.bytes).sum();
        let largest = remade.days.iter().max_by_key(|(_, day)| day.bytes).map(|(day, _)| *day);
        match largest.filter(|_| ROWS_BYTES / 2 < held) {
            Some(day) => self.write(day, remade),
            None => Ok(()),
        }
    }

    fn write(&self, day: i64, remade: &mut Remade) -> Result<(), Error> {
        let Some(day) = remade.days.get_mut(&day).filter(|day| !day.rows.is_empty()) else { return Ok(()) };
        let store = Arc::clone(self.table.delta().store());
        // No node has a dot in its name, so that nobody takes the file for one of its own flushes.
        let own = format!("{}.{}", self.shared.node, uuid::Uuid::new_v4().simple());
        let mut files = Files::new(store.as_ref(), self.table.spec(), (self.position, &own), LEVEL);
        let done = files.write_tenant(&self.tenant, &day.rows);
        day.files.extend(files.end(done)?);
        (day.rows, day.bytes) = (Parts::new(), 0);
        Ok(())
    }
}
