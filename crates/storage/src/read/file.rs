//! Reads committed Parquet files, one after another.
//!
//! A file is read in units of some pages. Within a unit each stage of the filter decodes only the columns it looks at,
//! for the rows that earlier stages kept, and the output decodes the rest for the rows that are left.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::record_batch::RecordBatch;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, RowFilter};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::schema::types::SchemaDescriptor;

use super::footers::Opened;
use super::prune::{Candidates, UNIT_ROWS, Unit, blocks_of, candidates, count, keep_blocks, units};
use super::{BATCH_ROWS, Footers, Plan, Step, Steps};
use crate::index::Need;
use crate::logs::{KEYS, LINE, METADATA, NANOS, TIMESTAMP};
use crate::store::{Store, StoredFile, cause};
use crate::{Error, FileRef};

/// Decoded columns of a unit that filter and output share may take this much memory.
const SHARED_COLUMN_BYTES: usize = 32 << 20;

/// Rows of committed files.
#[derive(Debug)]
pub(crate) struct FileRows {
    plan: Arc<Plan>,
    store: Arc<dyn Store>,
    footers: Arc<Footers>,
    waiting: VecDeque<FileRef>,
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    file: StoredFile,
    footer: ArrowReaderMetadata,
    units: VecDeque<Unit>,
    unit: Option<ParquetPushDecoder>,
}

impl FileRows {
    pub(crate) fn new(
        plan: Arc<Plan>,
        store: Arc<dyn Store>,
        footers: Arc<Footers>,
        files: impl IntoIterator<Item = FileRef>,
    ) -> Self {
        Self { plan, store, footers, waiting: files.into_iter().collect(), open: None }
    }

    fn open(&self, file: &FileRef) -> Result<OpenFile, Error> {
        let file = self.store.open(&file.path, file.bytes)?;
        let opened = self.footers.get(&file, &self.plan.spec.schema)?;
        let footer = opened.footer.metadata();
        let rows = usize::try_from(footer.file_metadata().num_rows()).unwrap_or(0);
        let mut left = candidates(footer, &self.plan.filter);
        let after_statistics = count(&left);
        self.ask_index(&file, &opened, &mut left)?;
        let kept = count(&left);
        self.plan.count(|stats| &stats.files, 1);
        self.plan.count(|stats| &stats.rows_pruned, rows.saturating_sub(kept));
        self.plan.count(|stats| &stats.rows_pruned_by_index, after_statistics.saturating_sub(kept));
        Ok(OpenFile { file, footer: opened.footer.clone(), units: units(left).into(), unit: None })
    }

    /// Rules out blocks of rows by the words of the file.
    fn ask_index(&self, file: &StoredFile, opened: &Opened, left: &mut [Candidates]) -> Result<(), Error> {
        let Some(index) = &opened.index else { return Ok(()) };
        let need = self.plan.filter.need(opened.labels.as_deref());
        if need == Need::Anything {
            return Ok(());
        }
        let Some(within) = blocks_of(left, index.blocks()) else { return Ok(()) };
        let found = self.footers.parts.blocks(file, index, &need, &within, &self.plan.stats)?;
        if let Some(found) = found {
            keep_blocks(left, &found);
        }
        Ok(())
    }
}

impl Steps for FileRows {
    fn step(&mut self) -> Result<Step, Error> {
        let Some(open) = &mut self.open else {
            let Some(file) = self.waiting.pop_front() else { return Ok(Step::Done) };
            self.open = Some(self.open(&file)?);
            return Ok(Step::More);
        };
        let Some(decoder) = &mut open.unit else {
            match open.units.pop_front() {
                Some(unit) => open.unit = Some(open.start(&self.plan, unit)?),
                None => self.open = None,
            }
            return Ok(Step::More);
        };
        match next_rows(decoder, &open.file)? {
            Some(rows) => {
                self.plan.count(|stats| &stats.rows_kept, rows.num_rows());
                if !self.plan.filter.looks_at(LINE) {
                    self.plan.count_lines(&rows);
                }
                let rows = self.plan.output.rows(&rows).map_err(Error::internal)?;
                Ok(Step::Rows(rows))
            }
            None => {
                open.unit = None;
                Ok(Step::More)
            }
        }
    }
}

impl OpenFile {
    fn start(&self, plan: &Arc<Plan>, unit: Unit) -> Result<ParquetPushDecoder, Error> {
        let descriptor = self.footer.parquet_schema();
        let mask = |names: &mut dyn Iterator<Item = &str>| columns(descriptor, names);
        let mut stages: Vec<Box<dyn ArrowPredicate>> = Vec::new();
        let first = |stages: &[Box<dyn ArrowPredicate>]| stages.is_empty();
        if !unit.inside {
            let plan = Arc::clone(plan);
            let test = move |rows: RecordBatch| {
                plan.count(|stats| &stats.rows_read, rows.num_rows());
                Ok(BooleanArray::new(plan.filter.in_range(&rows), None))
            };
            stages.push(Box::new(ArrowPredicateFn::new(mask(&mut [TIMESTAMP, NANOS].into_iter()), test)));
        }
        for stage in &plan.filter.stages {
            let (plan, stage, is_first) = (Arc::clone(plan), Arc::clone(stage), first(&stages));
            let mask = mask(&mut stage.columns.iter().map(String::as_str));
            let test = move |rows: RecordBatch| {
                if is_first {
                    plan.count(|stats| &stats.rows_read, rows.num_rows());
                }
                plan.count_lines(&rows);
                Ok(BooleanArray::new(plan.filter.keep(&stage, &rows), None))
            };
            stages.push(Box::new(ArrowPredicateFn::new(mask, test)));
        }
        if stages.is_empty() {
            plan.count(|stats| &stats.rows_read, unit.rows);
        }
        ParquetPushDecoderBuilder::new_with_metadata(self.footer.clone())
            .with_batch_size(if plan.reads_text() { BATCH_ROWS } else { UNIT_ROWS })
            .with_row_groups(vec![unit.row_group])
            .with_row_selection(unit.selection)
            .with_projection(mask(&mut plan.output.reads().into_iter()))
            .with_row_filter(RowFilter::new(stages))
            .with_max_predicate_cache_size(SHARED_COLUMN_BYTES)
            .build()
            .map_err(|error| Error::corrupt(self.file.location(), error))
    }
}

/// The next rows that the unit keeps.
fn next_rows(decoder: &mut ParquetPushDecoder, file: &StoredFile) -> Result<Option<RecordBatch>, Error> {
    let damaged = |error| cause(file.location(), error, |error| Error::corrupt(file.location(), error));
    loop {
        match decoder.try_decode().map_err(damaged)? {
            DecodeResult::Data(rows) => return Ok(Some(rows)),
            DecodeResult::Finished => return Ok(None),
            DecodeResult::NeedsData(ranges) => {
                let bytes = file.read(&ranges)?;
                decoder.push_ranges(ranges, bytes).map_err(damaged)?;
            }
        }
    }
}

/// Selects top-level columns by name; those the file does not have are left out. A file of format 1 has ids in its
/// map of metadata.
fn columns(descriptor: &SchemaDescriptor, names: &mut dyn Iterator<Item = &str>) -> ProjectionMask {
    let fields = descriptor.root_schema().get_fields();
    let index = |name: &str| fields.iter().position(|field| field.name() == name);
    let found = |name: &str| match index(name) {
        None if KEYS.contains(&name) => index(METADATA),
        found => found,
    };
    ProjectionMask::roots(descriptor, names.filter_map(found))
}
