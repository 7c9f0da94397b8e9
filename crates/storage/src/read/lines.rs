//! Reads the lines of a piece, as few of them as the question allows: patterns decide conditions and stand for lines.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, BooleanBufferBuilder, StringBuilder};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat, filter};
use arrow::datatypes::{DataType, Field};

use super::columns::{Named, checked};
use super::file::{Rows, batch};
use crate::Error;
use crate::filter::Stage;
use crate::index::BLOCK_ROWS;
use crate::logs::{LINE, PATTERN};
use crate::pattern::{Judge, Verdicts, patterns};

/// The patterns of fewer rows of a row group take longer to be read than their lines.
const JUDGED_ROWS: usize = 16_384;

impl Rows<'_> {
    /// The same for what patterns have left open: only pages with such rows are decoded.
    pub(super) fn left_open(&mut self, stage: &Stage, open: &BooleanBuffer) -> Result<BooleanBuffer, Error> {
        let mut all = BooleanBufferBuilder::new(self.piece.rows);
        for (page, part) in self.parts() {
            let of_page = open.slice(part.start, part.len());
            if of_page.count_set_bits() == 0 {
                all.append_n(part.len(), false);
                continue;
            }
            let Some((field, lines)) = self.page(page)? else { return self.looked_at(stage, open) };
            let rows = batch(&[(field, Arc::clone(&lines))], part.len())?;
            all.append_buffer(&(&of_page & &self.plan.filter.keep(stage, &rows, Some(&of_page))?));
            drop(rows);
            self.unpacker.reclaim(lines);
        }
        if all.len() == self.piece.rows { Ok(all.finish()) } else { self.looked_at(stage, open) }
    }

    /// The lines that are kept, page by page: nothing else of a page is copied. `None` when they are decoded already, or
    /// have to be read otherwise.
    pub(super) fn lines(&mut self, kept: &BooleanBuffer) -> Result<Option<Named>, Error> {
        if self.is_read(LINE) {
            return Ok(None);
        }
        if let Some(names) = &self.plan.json
            && let Some(lines) = self.standing(names, kept)?
        {
            return Ok(Some(lines));
        }
        let (mut of_pages, mut field) = (Vec::new(), None);
        for (page, part) in self.parts() {
            let of_page = kept.slice(part.start, part.len());
            if of_page.count_set_bits() == 0 {
                continue;
            }
            let Some((of_lines, lines)) = self.page(page)? else { return Ok(None) };
            of_pages.push(filter(&lines, &BooleanArray::new(of_page, None)).map_err(Error::internal)?);
            field = Some(of_lines);
            self.unpacker.reclaim(lines);
        }
        let Some(field) = field else { return Ok(None) };
        let lines = concat(&of_pages.iter().map(|lines| &**lines).collect::<Vec<_>>()).map_err(Error::internal)?;
        Ok(Some((field, lines)))
    }

    /// The pages of the piece, and where the rows of each are; none when it is not of whole pages.
    fn parts(&self) -> Vec<(usize, Range<usize>)> {
        let rows = self.piece.rows;
        let parts = (0..rows).step_by(BLOCK_ROWS).map(|start| start..rows.min(start + BLOCK_ROWS));
        self.piece.pages.iter().flatten().copied().zip(parts).collect()
    }

    /// The lines of a page; `None` when they have to be read otherwise.
    fn page(&mut self, page: usize) -> Result<Option<Named>, Error> {
        let (mut lines, _) = self.open.columns.read(&BTreeSet::from([LINE]), &[page], self.unpacker)?;
        let lines = lines.pop();
        lines.iter().for_each(|(_, lines)| self.plan.count_lines(lines));
        Ok(lines)
    }

    /// What the patterns of lines say of rows; `None` where it costs less to read the lines.
    pub(super) fn judged(
        &mut self,
        nth: usize,
        stage: &Stage,
        within: &BooleanBuffer,
    ) -> Result<Option<Verdicts>, Error> {
        let is_useful = self.judges.get(nth).is_none_or(Judge::is_useful);
        let Some(test) = stage.test().filter(|_| is_useful && !self.is_read(LINE)) else { return Ok(None) };
        if !self.has_patterns()? {
            return Ok(None);
        }
        let rows = self.batch()?;
        if self.judges.len() <= nth {
            self.judges.resize_with(nth + 1, Judge::default);
        }
        let verdicts = self.judges.get_mut(nth).and_then(|judge| judge.judge(test, &rows, within));
        if let Some(Verdicts { open, .. }) = &verdicts {
            let decided = within.count_set_bits() - open.count_set_bits();
            self.plan.count(|stats| &stats.rows_by_pattern, decided);
        }
        Ok(verdicts)
    }

    /// The lines that are kept, another in the place of each for which its pattern allows it: those are not read.
    fn standing(&mut self, names: &[String], kept: &BooleanBuffer) -> Result<Option<Named>, Error> {
        let parts = self.parts();
        if parts.is_empty() || !self.has_patterns()? {
            return Ok(None);
        }
        let rows = self.batch()?;
        let Some((texts, key)) = patterns(&rows) else { return Ok(None) };
        let mut all = StringBuilder::new();
        for (page, part) in parts {
            let of_row = |row: usize| kept.value(row).then(|| self.stand_ins.of(names, texts, key(row)?)).flatten();
            let instead: Vec<_> = part.clone().map(of_row).collect();
            let open =
                BooleanBuffer::collect_bool(part.len(), |row| kept.value(part.start + row) && instead[row].is_none());
            let mut others = None;
            if open.count_set_bits() > 0 {
                let Some((field, lines)) = self.page(page)? else { return Ok(None) };
                let left = filter(&lines, &BooleanArray::new(open.clone(), None)).map_err(Error::internal)?;
                self.unpacker.reclaim(lines);
                let left =
                    checked((field, left)).map_err(|damage| Error::corrupt(self.open.file.location(), damage))?;
                others = Some(left.1);
            }
            let mut others = others.iter().filter_map(|lines| lines.as_string_opt::<i32>()).flatten();
            for (row, instead) in instead.iter().enumerate() {
                match instead {
                    Some(line) => all.append_value(line),
                    None if open.value(row) => all.append_option(others.next().flatten()),
                    None => {}
                }
            }
        }
        Ok(Some((Arc::new(Field::new(LINE, DataType::Utf8, true)), Arc::new(all.finish()))))
    }

    /// Whether the rows have patterns that pay; reads them.
    fn has_patterns(&mut self) -> Result<bool, Error> {
        let wanted = BTreeSet::from([PATTERN]);
        let has_some = JUDGED_ROWS <= self.open.unit_rows && !self.in_file(&wanted).is_empty();
        if has_some {
            self.decode(&wanted)?;
        }
        Ok(has_some)
    }
}
