//! Reads committed Parquet files, one after another.
//!
//! A file is read piece by piece, a page of each column at most when there is text among them. Each stage of the filter
//! decodes only the columns that it looks at and that no stage before it did, and only while there are rows left; the
//! output decodes the rest, for the rows that are left.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, filter};
use arrow::datatypes::{FieldRef, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::push_decoder::ParquetPushDecoderBuilder;
use parquet::schema::types::SchemaDescriptor;

use super::columns::{Columns, Named, Unpacker, checked};
use super::footers::Opened;
use super::prune::{
    Candidates, Piece, Unit, blocks_of, candidates, count, count_of_time, keep_blocks, selection, units,
};
use super::tally::{Tally, Times, micros, nanos, stream_keys};
use super::{Footers, Plan, Step, Steps};
use crate::filter::Stage;
use crate::index::Need;
use crate::logs::{KEYS, LINE, METADATA, NANOS, STREAM, TIMESTAMP};
use crate::paths::{end_of_micro, start_of_micro};
use crate::pattern::{Judge, StandIns, Verdicts};
use crate::store::{Store, StoredFile, cause};
use crate::{Error, FileRef};

/// Rows of committed files.
#[derive(Debug)]
pub(crate) struct FileRows {
    plan: Arc<Plan>,
    store: Arc<dyn Store>,
    footers: Arc<Footers>,
    waiting: VecDeque<FileRef>,
    open: Option<OpenFile>,
    unpacker: Option<Unpacker>,
    /// What is known of patterns, by the stage of the filter.
    judges: Vec<Judge>,
    stand_ins: StandIns,
}

#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: StoredFile,
    footer: ArrowReaderMetadata,
    pub(super) columns: Columns,
    units: VecDeque<Unit>,
    unit: Option<Unit>,
    /// Rows of the unit.
    pub(super) unit_rows: usize,
}

impl FileRows {
    pub(crate) fn new(
        plan: Arc<Plan>,
        store: Arc<dyn Store>,
        footers: Arc<Footers>,
        files: impl IntoIterator<Item = FileRef>,
    ) -> Self {
        Self {
            plan,
            store,
            footers,
            waiting: files.into_iter().collect(),
            open: None,
            unpacker: None,
            judges: Vec::new(),
            stand_ins: StandIns::default(),
        }
    }

    fn open(&self, file: &FileRef) -> Result<OpenFile, Error> {
        let file = self.store.open(&file.path, file.bytes)?;
        let opened = self.footers.get(&file, &self.plan.spec.schema)?;
        let footer = opened.footer.metadata();
        let rows = usize::try_from(footer.file_metadata().num_rows()).unwrap_or(0);
        let mut left = candidates(footer, &self.plan.filter);
        let (of_time, after_statistics) = (count_of_time(&left), count(&left));
        self.ask_index(&file, &opened, &mut left)?;
        let kept = count(&left);
        self.plan.count(|stats| &stats.files, 1);
        self.plan.count(|stats| &stats.rows_pruned, rows.saturating_sub(kept));
        self.plan.count(|stats| &stats.rows_pruned_by_time, rows.saturating_sub(of_time));
        self.plan.count(|stats| &stats.rows_pruned_by_stream, of_time.saturating_sub(after_statistics));
        self.plan.count(|stats| &stats.rows_pruned_by_index, after_statistics.saturating_sub(kept));
        let units = units(footer, left, self.plan.piece_rows()).into();
        let footer = opened.footer.clone();
        // A veil looks at texts.
        let raw_lines = self.plan.filter.veils().is_none();
        let columns = Columns::new(file.clone(), footer.clone(), raw_lines);
        Ok(OpenFile { columns, file, footer, units, unit: None, unit_rows: 0 })
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
        let Some((piece, inside)) = open.next_piece() else {
            self.open = None;
            return Ok(Step::More);
        };
        let unpacker = match &mut self.unpacker {
            Some(unpacker) => unpacker,
            none => none.insert(Unpacker::new()?),
        };
        let (judges, stand_ins) = (&mut self.judges, &mut self.stand_ins);
        let mut rows = Rows { plan: &self.plan, open, unpacker, judges, stand_ins, piece: &piece, columns: Vec::new() };
        let kept = rows.kept(inside)?;
        let found = match kept {
            Some(kept) => {
                self.plan.count(|stats| &stats.rows_kept, kept.count_set_bits());
                Step::Rows(if rows.are_counted()? { rows.counted(&kept)? } else { rows.output(&kept)? })
            }
            None => Step::More,
        };
        rows.end();
        Ok(found)
    }
}

impl OpenFile {
    /// The rows that are next, and whether all of them are within the range.
    fn next_piece(&mut self) -> Option<(Piece, bool)> {
        loop {
            if let Some(unit) = &mut self.unit
                && let Some(piece) = unit.pieces.pop_front()
            {
                return Some((piece, unit.inside));
            }
            let unit = self.units.pop_front()?;
            let pages = unit.pieces.iter().filter_map(|piece| piece.pages.as_deref()).flatten().copied().collect();
            self.columns.turn(unit.row_group, pages);
            self.unit_rows = unit.pieces.iter().map(|piece| piece.rows).sum();
            self.unit = Some(unit);
        }
    }

    /// Whether the row group may have metadata in its map: names of pairs are not empty.
    fn has_pairs(&self) -> bool {
        let metadata = self.footer.metadata();
        let columns = metadata.file_metadata().schema_descr().columns();
        let of_map = |path: &[String]| path.first().is_some_and(|name| name == METADATA);
        let names = columns.iter().position(|column| of_map(column.path().parts()));
        let group = self.unit.as_ref().and_then(|unit| metadata.row_groups().get(unit.row_group));
        let bytes =
            names.zip(group).and_then(|(names, group)| group.columns().get(names)?.unencoded_byte_array_data_bytes());
        bytes != Some(0)
    }

    /// Rows of the current row group, read by Parquet's own reader.
    fn by_parquet(&self, names: &BTreeSet<&str>, ranges: &[Range<usize>]) -> Result<RecordBatch, Error> {
        let rows: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let damaged = |error| cause(self.file.location(), error, |error| Error::corrupt(self.file.location(), error));
        let mut decoder = ParquetPushDecoderBuilder::new_with_metadata(self.footer.clone())
            .with_batch_size(rows.max(1))
            .with_row_groups(self.unit.iter().map(|unit| unit.row_group).collect())
            .with_row_selection(selection(ranges))
            .with_projection(columns(self.footer.parquet_schema(), names))
            .build()
            .map_err(damaged)?;
        let mut found = Vec::new();
        loop {
            match decoder.try_decode().map_err(damaged)? {
                DecodeResult::Data(batch) => found.push(batch),
                DecodeResult::Finished => break,
                DecodeResult::NeedsData(ranges) => {
                    let bytes = self.file.read(&ranges)?;
                    decoder.push_ranges(ranges, bytes).map_err(damaged)?;
                }
            }
        }
        let missing = || Error::corrupt(self.file.location(), "a row group has fewer rows than it says");
        let schema = found.first().ok_or_else(missing)?.schema();
        let batch = concat_batches(&schema, &found).map_err(Error::internal)?;
        if batch.num_rows() == rows { Ok(batch) } else { Err(missing()) }
    }
}

/// A piece while it is read: the columns of all its rows, as far as they are decoded.
pub(super) struct Rows<'a> {
    pub(super) plan: &'a Plan,
    pub(super) open: &'a mut OpenFile,
    pub(super) unpacker: &'a mut Unpacker,
    pub(super) judges: &'a mut Vec<Judge>,
    pub(super) stand_ins: &'a mut StandIns,
    pub(super) piece: &'a Piece,
    columns: Vec<Named>,
}

impl Rows<'_> {
    /// The rows that the filter keeps; `None` when there are none.
    fn kept(&mut self, inside: bool) -> Result<Option<BooleanBuffer>, Error> {
        let (plan, rows) = (self.plan, self.piece.rows);
        plan.count(|stats| &stats.rows_read, rows);
        let mut kept = BooleanBuffer::new_set(rows);
        if !inside && !self.piece.is_inside(&plan.filter.range) {
            self.decode(&BTreeSet::from([TIMESTAMP, NANOS]))?;
            kept = plan.filter.in_range(&self.batch()?);
        }
        for (nth, stage) in plan.filter.stages.iter().enumerate() {
            if kept.count_set_bits() == 0 {
                return Ok(None);
            }
            let (certain, open) = match self.judged(nth, stage, &kept)? {
                Some(Verdicts { kept, open }) => (Some(kept), open),
                None => (None, kept),
            };
            kept = match certain {
                Some(certain) if open.count_set_bits() == 0 => certain,
                Some(certain) => &certain | &self.left_open(stage, &open)?,
                None => self.looked_at(stage, &open)?,
            };
        }
        Ok((kept.count_set_bits() > 0).then_some(kept))
    }

    /// The rows within `open` that a stage keeps.
    pub(super) fn looked_at(&mut self, stage: &Stage, open: &BooleanBuffer) -> Result<BooleanBuffer, Error> {
        self.decode(&stage.columns.iter().map(String::as_str).collect())?;
        Ok(open & &self.plan.filter.keep(stage, &self.batch()?, Some(open))?)
    }

    /// The columns that the output wants, of the rows that are kept.
    fn output(&mut self, kept: &BooleanBuffer) -> Result<RecordBatch, Error> {
        let reads = self.plan.output.reads();
        let mut wanted = self.in_file(&reads);
        let lines = if wanted.contains(LINE) { self.lines(kept)? } else { None };
        if lines.is_some() {
            wanted.remove(LINE);
        }
        let mut others = self.decode_own(&wanted)?;
        if reads.is_subset(&wanted) && !self.wants_pairs() {
            others.remove(METADATA);
        }
        let count = kept.count_set_bits();
        let kept_rows = (count < self.piece.rows).then(|| BooleanArray::new(kept.clone(), None));
        let mut columns = Vec::with_capacity(wanted.len() + 1);
        let damaged = |damage| Error::corrupt(self.open.file.location(), damage);
        columns.extend(lines.map(checked).transpose().map_err(damaged)?);
        for (field, column) in &self.columns {
            if wanted.contains(field.name().as_str()) {
                let column = match &kept_rows {
                    Some(kept) => filter(column, kept).map_err(Error::internal)?,
                    None => Arc::clone(column),
                };
                columns.push(checked((Arc::clone(field), column)).map_err(damaged)?);
            }
        }
        if !others.is_empty() {
            let rest = self.open.by_parquet(&others, &self.piece.chosen(kept))?;
            let named = rest.schema_ref().fields().iter().cloned().zip(rest.columns().iter().cloned());
            named
                .clone()
                .filter(|(field, _)| field.name() == LINE)
                .for_each(|(_, lines)| self.plan.count_lines(&lines));
            columns.extend(named);
        }
        self.plan.output.rows(&batch(&columns, count)?).map_err(Error::internal)
    }

    /// How many rows of each stream and stretch of time are kept. Times are not decoded when statistics tell enough.
    fn counted(&mut self, kept: &BooleanBuffer) -> Result<RecordBatch, Error> {
        let mut names = self.plan.output.reads();
        let micros = self.only_stretch();
        let has_times = names.remove(TIMESTAMP) && micros.is_none();
        names.remove(NANOS);
        names.remove(METADATA);
        names.extend(has_times.then_some(TIMESTAMP));
        self.decode(&names)?;
        if micros.is_some() {
            self.plan.count(|stats| &stats.rows_by_statistics, kept.count_set_bits());
        }
        let known = self.tally(kept, has_times, false);
        let tally = match known {
            Some(tally) => tally,
            None => {
                self.decode(&BTreeSet::from([NANOS]))?;
                self.tally(kept, has_times, true).unwrap_or_else(|| Tally::each(kept))
            }
        };
        self.plan.output.counted(&self.batch()?, tally, micros).map_err(Error::internal)
    }

    /// A time of the rows, in microseconds, if all of them lie in one stretch.
    fn only_stretch(&self) -> Option<i64> {
        let (min, max) = self.piece.span?;
        let stretches = self.plan.stretches?;
        stretches.are_one(start_of_micro(min).0, end_of_micro(max).0).then_some(min)
    }

    /// `None` when nanoseconds are needed, or columns are not as ours are.
    fn tally(&self, kept: &BooleanBuffer, has_times: bool, has_nanos: bool) -> Option<Tally> {
        let column = |name: &str| self.columns.iter().find(|(field, _)| field.name() == name).map(|(_, column)| column);
        let streams =
            if self.plan.output.reads().contains(STREAM) { Some(stream_keys(column(STREAM)?)?) } else { None };
        let nanos = has_nanos.then(|| column(NANOS).and_then(nanos).unwrap_or_default());
        let times = if has_times { Times::Each(micros(column(TIMESTAMP)?)?, nanos) } else { Times::One };
        Tally::of(streams, times, kept, self.plan.stretches.as_ref()).ok()
    }

    /// Gives back the memory of the lines.
    fn end(self) {
        let lines = self.columns.into_iter().filter(|(field, _)| field.name() == LINE);
        lines.for_each(|(_, lines)| self.unpacker.reclaim(lines));
    }

    /// Whether rows are given out together with their number: never where metadata may tell them apart.
    fn are_counted(&mut self) -> Result<bool, Error> {
        let reads = self.plan.output.reads();
        if !self.plan.counts() || !self.in_file(&reads).contains(METADATA) {
            return Ok(self.plan.counts());
        }
        self.decode(&BTreeSet::from([STREAM]))?;
        Ok(!self.wants_pairs())
    }

    /// Whether the map of metadata may hold a pair that is wanted.
    fn wants_pairs(&self) -> bool {
        self.plan.wants_pairs(self.columns.iter().find(|(field, _)| field.name() == STREAM).map(|(_, streams)| streams))
    }

    /// Whether a column is decoded.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.columns.iter().any(|(field, _)| field.name() == name)
    }

    /// Decodes columns of all rows.
    pub(super) fn decode(&mut self, names: &BTreeSet<&str>) -> Result<(), Error> {
        let others = self.decode_own(names)?;
        if !others.is_empty() {
            let rest = self.open.by_parquet(&others, &self.piece.ranges)?;
            self.add(&rest);
        }
        Ok(())
    }

    /// Decodes columns page by page; the names of those that have to be read otherwise.
    fn decode_own<'n>(&mut self, names: &BTreeSet<&'n str>) -> Result<BTreeSet<&'n str>, Error> {
        let missing: BTreeSet<&str> = self.in_file(names).into_iter().filter(|name| !self.is_read(name)).collect();
        let Some(pages) = &self.piece.pages else { return Ok(missing) };
        let (found, others) = self.open.columns.read(&missing, pages, self.unpacker)?;
        found.into_iter().for_each(|(field, column)| self.push(field, column));
        Ok(others)
    }

    /// The columns that the file has. One of format 1 has ids in its map of metadata.
    pub(super) fn in_file<'n>(&self, names: &BTreeSet<&'n str>) -> BTreeSet<&'n str> {
        let fields = self.open.footer.schema().fields();
        let has =
            |name: &str| fields.iter().any(|field| field.name() == name) && (name != METADATA || self.open.has_pairs());
        let instead = |name| if KEYS.contains(&name) && !has(name) { METADATA } else { name };
        names.iter().copied().map(instead).filter(|name| has(name)).collect()
    }

    fn add(&mut self, batch: &RecordBatch) {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        columns.for_each(|(field, column)| self.push(Arc::clone(field), Arc::clone(column)));
    }

    fn push(&mut self, field: FieldRef, column: ArrayRef) {
        if field.name() == LINE {
            self.plan.count_lines(&column);
        }
        self.columns.push((field, column));
    }

    pub(super) fn batch(&self) -> Result<RecordBatch, Error> {
        batch(&self.columns, self.piece.rows)
    }
}

pub(super) fn batch(columns: &[Named], rows: usize) -> Result<RecordBatch, Error> {
    let schema = Schema::new(columns.iter().map(|(field, _)| Arc::clone(field)).collect::<Vec<_>>());
    let columns = columns.iter().map(|(_, column)| Arc::clone(column)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).map_err(Error::internal)
}

/// Selects top-level columns by name.
fn columns(descriptor: &SchemaDescriptor, names: &BTreeSet<&str>) -> ProjectionMask {
    let fields = descriptor.root_schema().get_fields();
    let index = |name: &&str| fields.iter().position(|field| field.name() == *name);
    ProjectionMask::roots(descriptor, names.iter().filter_map(index))
}
