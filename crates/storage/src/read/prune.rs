//! Rules out row groups and pages by their statistics before anything is decoded, and cuts the rest into units.

use std::collections::VecDeque;
use std::ops::Range;

use arrow::buffer::BooleanBuffer;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::basic::{ColumnOrder, LogicalType, SortOrder, TimeUnit};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;

use super::UNIT_ROWS;
use crate::TimeRange;
use crate::filter::Filter;
use crate::index::{BLOCK_ROWS, Blocks, COARSE};
use crate::logs::{STREAM, TIMESTAMP};
use crate::paths::{end_of_micro, start_of_micro};

/// Rows of one row group that are read from the store together.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) row_group: usize,
    pub(super) pieces: VecDeque<Piece>,
    /// Whether every row is within the range, so that times need no look.
    pub(super) inside: bool,
}

/// Rows that are decoded together.
#[derive(Debug)]
pub(super) struct Piece {
    /// Ascending, within the row group.
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) rows: usize,
    /// The blocks that they are, when they are whole blocks.
    pub(super) pages: Option<Vec<usize>>,
    /// The times they lie between, in microseconds, when statistics tell.
    pub(super) span: Option<(i64, i64)>,
}

impl Piece {
    fn new(ranges: Vec<Range<usize>>, group_rows: usize, times: Option<&Pages<'_>>) -> Self {
        let ends = |row: usize| row.is_multiple_of(BLOCK_ROWS) || row == group_rows;
        let is_whole = ranges.iter().all(|range| range.start.is_multiple_of(BLOCK_ROWS) && ends(range.end));
        let of_range = |range: &Range<usize>| range.start / BLOCK_ROWS..range.end.div_ceil(BLOCK_ROWS);
        let pages: Option<Vec<usize>> = is_whole.then(|| ranges.iter().flat_map(of_range).collect());
        let span = pages.as_deref().zip(times).and_then(|(pages, times)| times.span_of(pages));
        Self { rows: ranges.iter().map(ExactSizeIterator::len).sum(), ranges, pages, span }
    }

    /// Whether all rows are surely of this time.
    pub(super) fn is_inside(&self, range: &TimeRange) -> bool {
        self.span.is_some_and(|(min, max)| range.contains(start_of_micro(min)) && range.contains(end_of_micro(max)))
    }

    /// The rows that are kept, within the row group.
    pub(super) fn chosen(&self, kept: &BooleanBuffer) -> Vec<Range<usize>> {
        let mut at = 0;
        let mut chosen = Vec::new();
        for range in &self.ranges {
            let of_range = kept.slice(at, range.len());
            chosen.extend(of_range.set_slices().map(|(first, end)| range.start + first..range.start + end));
            at += range.len();
        }
        chosen
    }
}

/// Rows of one row group that may be kept, as far as it is known.
#[derive(Debug)]
pub(super) struct Candidates {
    row_group: usize,
    /// Number of its first block in the file, and its rows.
    first_block: usize,
    rows: usize,
    /// Ascending.
    ranges: Vec<Range<usize>>,
    /// Rows that the statistics of times leave.
    of_time: usize,
    inside: bool,
}

/// What statistics leave of a file, in its order.
pub(super) fn candidates(footer: &ParquetMetaData, filter: &Filter) -> Vec<Candidates> {
    let mut first_block = 0;
    let mut all = Vec::with_capacity(footer.num_row_groups());
    for row_group in 0..footer.num_row_groups() {
        let rows = usize::try_from(footer.row_group(row_group).num_rows()).unwrap_or(0);
        let (ranges, of_time, inside) =
            if filter.nothing { (Vec::new(), rows, false) } else { kept(footer, filter, row_group, rows) };
        all.push(Candidates { row_group, first_block, rows, ranges, of_time, inside });
        first_block += blocks_in(rows);
    }
    all
}

/// The blocks that the token index counts for a row group.
const fn blocks_in(rows: usize) -> usize {
    rows.div_ceil(BLOCK_ROWS).next_multiple_of(COARSE)
}

/// How many rows are left.
pub(super) fn count(left: &[Candidates]) -> usize {
    left.iter().map(|group| rows_in(&group.ranges)).sum()
}

/// How many rows were left by their times alone.
pub(super) fn count_of_time(left: &[Candidates]) -> usize {
    left.iter().map(|group| group.of_time).sum()
}

fn rows_in(ranges: &[Range<usize>]) -> usize {
    ranges.iter().map(ExactSizeIterator::len).sum()
}

/// The blocks with rows that are left; `None` when the file does not have so many blocks.
pub(super) fn blocks_of(left: &[Candidates], blocks: usize) -> Option<Blocks> {
    if left.last().map_or(0, |group| group.first_block + blocks_in(group.rows)) != blocks {
        return None;
    }
    let mut within = Blocks::none(blocks);
    for group in left {
        let of_range = |range: &Range<usize>| range.start / BLOCK_ROWS..range.end.div_ceil(BLOCK_ROWS);
        group.ranges.iter().flat_map(of_range).for_each(|block| within.insert(group.first_block + block));
    }
    Some(within)
}

/// Drops the rows of all other blocks.
pub(super) fn keep_blocks(left: &mut [Candidates], blocks: &Blocks) {
    for group in left {
        let of_group = (0..group.rows.div_ceil(BLOCK_ROWS)).filter(|block| blocks.contains(group.first_block + block));
        let rows = of_group.map(|block| block * BLOCK_ROWS..group.rows.min((block + 1) * BLOCK_ROWS));
        group.ranges = intersect(&group.ranges, &joined(rows));
    }
}

/// The units of a file that may hold rows to keep, in the order of the file, in pieces of so many rows.
pub(super) fn units(footer: &ParquetMetaData, left: Vec<Candidates>, piece_rows: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for Candidates { row_group, rows, ranges, inside, .. } in left {
        let times = Pages::of(footer, row_group, TIMESTAMP).filter(Pages::is_micros);
        let times = times.filter(|times| times.is_cut_in_blocks(rows));
        let piece = |ranges| Piece::new(ranges, rows, times.as_ref());
        let unit =
            |ranges| Unit { row_group, pieces: cut(ranges, piece_rows).into_iter().map(piece).collect(), inside };
        units.extend(cut(ranges, UNIT_ROWS).into_iter().map(unit));
    }
    units
}

/// The rows of a row group that statistics leave, how many are left by their times alone, and whether all of these are
/// within the range.
fn kept(footer: &ParquetMetaData, filter: &Filter, row_group: usize, rows: usize) -> (Vec<Range<usize>>, usize, bool) {
    let times = Pages::of(footer, row_group, TIMESTAMP).filter(Pages::is_micros);
    let span = times.as_ref().and_then(Pages::span);
    let range = filter.range;
    let overlaps = |(min, max): (i64, i64)| range.overlaps(start_of_micro(min), end_of_micro(max));
    if span.is_some_and(|span| !overlaps(span)) {
        return (Vec::new(), 0, false);
    }
    let inside =
        span.is_some_and(|(min, max)| range.contains(start_of_micro(min)) && range.contains(end_of_micro(max)));
    let mut kept = all(rows);
    if let Some(times) = times.filter(|_| !inside) {
        kept = intersect(&kept, &times.ranges(rows, |page| times.times(page).is_none_or(overlaps)));
    }
    let of_time = rows_in(&kept);
    if filter.looks_at(STREAM)
        && let Some(streams) = Pages::of(footer, row_group, STREAM)
    {
        let may_keep = |page| streams.only_text(page).is_none_or(|stream| filter.may_keep_stream(stream));
        kept = intersect(&kept, &streams.ranges(rows, may_keep));
    }
    for (column, texts) in &filter.texts {
        if let Some(pages) = Pages::of(footer, row_group, column).filter(Pages::is_in_order_of_bytes) {
            kept = intersect(&kept, &pages.ranges(rows, |page| pages.may_have(page, texts)));
        }
    }
    (kept, of_time, inside)
}

/// Statistics of one column in one row group.
struct Pages<'a> {
    footer: &'a ParquetMetaData,
    row_group: usize,
    column: usize,
}

impl<'a> Pages<'a> {
    fn of(footer: &'a ParquetMetaData, row_group: usize, name: &str) -> Option<Self> {
        let columns = footer.file_metadata().schema_descr().columns();
        let column = columns.iter().position(|column| column.path().parts() == [name])?;
        Some(Self { footer, row_group, column })
    }

    fn is_micros(&self) -> bool {
        let column = self.footer.file_metadata().schema_descr().column(self.column);
        matches!(column.logical_type_ref(), Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::MICROS)
    }

    /// The oldest and the newest time of the row group.
    fn span(&self) -> Option<(i64, i64)> {
        match self.footer.row_group(self.row_group).column(self.column).statistics()? {
            Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
            _ => None,
        }
    }

    fn index(&self) -> Option<&'a ColumnIndexMetaData> {
        self.footer.column_index()?.get(self.row_group)?.get(self.column)
    }

    /// The oldest and the newest time of a page.
    fn times(&self, page: usize) -> Option<(i64, i64)> {
        match self.index()? {
            ColumnIndexMetaData::INT64(index) => Some((*index.min_value(page)?, *index.max_value(page)?)),
            _ => None,
        }
    }

    /// The oldest and the newest time of some pages.
    fn span_of(&self, pages: &[usize]) -> Option<(i64, i64)> {
        let spans = pages.iter().map(|page| self.times(*page));
        spans.reduce(|all, span| Some((all?.0.min(span?.0), all?.1.max(span?.1))))?
    }

    fn is_cut_in_blocks(&self, rows: usize) -> bool {
        let offsets = self.footer.offset_index().and_then(|index| index.get(self.row_group)?.get(self.column));
        offsets.is_some_and(|offsets| starts_in_blocks(offsets, rows))
    }

    /// The text of every row of a page, when they are all the same.
    fn only_text(&self, page: usize) -> Option<&'a str> {
        match self.index()? {
            ColumnIndexMetaData::BYTE_ARRAY(index) if index.null_count(page) == Some(0) => {
                let min = index.min_value(page)?;
                (min == index.max_value(page)?).then(|| std::str::from_utf8(min).ok())?
            }
            _ => None,
        }
    }

    /// Whether what statistics call the smallest and the largest text are so byte by byte.
    fn is_in_order_of_bytes(&self) -> bool {
        let footer = self.footer.file_metadata();
        let is_text = matches!(footer.schema_descr().column(self.column).logical_type_ref(), Some(LogicalType::String));
        is_text && footer.column_order(self.column) == ColumnOrder::TYPE_DEFINED_ORDER(SortOrder::UNSIGNED)
    }

    /// Whether a page may have one of these texts, which are sorted. Whatever cut its bounds short made them no narrower.
    fn may_have(&self, page: usize, texts: &[String]) -> bool {
        let Some(ColumnIndexMetaData::BYTE_ARRAY(index)) = self.index() else { return true };
        let Some((min, max)) = index.min_value(page).zip(index.max_value(page)) else { return true };
        let first = texts.partition_point(|text| text.as_bytes() < min);
        texts.get(first).is_some_and(|text| text.as_bytes() <= max)
    }

    /// Rows of the pages that `keep`; all rows when the file does not tell where pages start.
    fn ranges(&self, rows: usize, keep: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
        let offsets = self.footer.offset_index().and_then(|index| index.get(self.row_group)?.get(self.column));
        let Some(locations) = offsets.map(|offsets| offsets.page_locations()) else { return all(rows) };
        let start = |page: usize| locations.get(page).and_then(|at| usize::try_from(at.first_row_index).ok());
        let range = |page: usize| start(page).unwrap_or(rows)..start(page + 1).unwrap_or(rows);
        joined((0..locations.len()).filter(|page| keep(*page)).map(range))
    }
}

/// Whether the pages of a column begin where the blocks of the token index do.
pub(super) fn starts_in_blocks(offsets: &OffsetIndexMetaData, rows: usize) -> bool {
    let starts = offsets.page_locations().iter().map(|page| usize::try_from(page.first_row_index).ok());
    starts.eq((0..rows).step_by(BLOCK_ROWS).map(Some))
}

/// Makes one of ranges that meet; they ascend.
fn joined(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

/// One range of all rows.
fn all(rows: usize) -> Vec<Range<usize>> {
    std::iter::once(0..rows).collect()
}

/// Rows that are in both; each list is ascending.
fn intersect(a: &[Range<usize>], b: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let range = x.start.max(y.start)..x.end.min(y.end);
        if !range.is_empty() {
            both.push(range);
        }
        if x.end <= y.end { i += 1 } else { j += 1 }
    }
    both
}

/// Groups ranges by so many rows, cutting long ones at multiples of as many.
fn cut(ranges: Vec<Range<usize>>, most: usize) -> Vec<Vec<Range<usize>>> {
    let mut parts = Vec::new();
    let (mut part, mut rows) = (Vec::new(), 0);
    for mut range in ranges {
        while !range.is_empty() {
            let end = range.end.min((range.start / most + 1) * most);
            rows += end - range.start;
            part.push(range.start..end);
            range.start = end;
            if most <= rows {
                parts.push(std::mem::take(&mut part));
                rows = 0;
            }
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Selects rows for Parquet's own reader.
pub(super) fn selection(ranges: &[Range<usize>]) -> RowSelection {
    let mut selectors = Vec::with_capacity(ranges.len() * 2);
    let mut at = 0;
    for range in ranges {
        if at < range.start {
            selectors.push(RowSelector::skip(range.start - at));
        }
        selectors.push(RowSelector::select(range.len()));
        at = range.end;
    }
    RowSelection::from(selectors)
}

#[cfg(test)]
mod tests;
