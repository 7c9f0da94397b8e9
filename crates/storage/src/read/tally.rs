//! Counts rows instead of giving them out: neighbours of one stream in one stretch of time are one row with a number.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int16Type, Int32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use crate::Stretches;
use crate::logs::{NANOS, STREAM, TIMESTAMP};

/// Rows that stand for others: one of them, and how many they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: Vec<u32>,
    pub(super) counts: Vec<u64>,
}

/// The times of rows, as far as they matter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Times<'t> {
    /// All in one stretch.
    One,
    /// Microseconds, and what they leave out if that is known.
    Each(&'t [i64], Option<&'t [i16]>),
}

/// A time lies so close to a cut that its nanoseconds decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeedsNanos;

impl Tally {
    /// Counts the rows that are kept. `streams` has a number for each row; rows of one stream mostly lie together, by
    /// time.
    pub(super) fn of(
        streams: Option<&[i32]>,
        times: Times<'_>,
        kept: &BooleanBuffer,
        stretches: Option<&Stretches>,
    ) -> Result<Self, NeedsNanos> {
        let mut tally = Self::default();
        let is_all = kept.count_set_bits() == kept.len();
        for run in runs(streams, kept.len()) {
            match (times, stretches) {
                (Times::Each(micros, nanos), Some(stretches)) => {
                    let cuts = Cuts { micros, nanos, stretches };
                    let mut at = run.start;
                    while at < run.end {
                        let end = cuts.end_of_stretch(at..run.end)?;
                        tally.add(at..end, kept, is_all);
                        at = end;
                    }
                }
                (Times::One | Times::Each(..), _) => tally.add(run, kept, is_all),
            }
        }
        Ok(tally)
    }

    /// Each row that is kept by itself.
    pub(super) fn each(kept: &BooleanBuffer) -> Self {
        let rows: Vec<u32> = kept.set_indices_u32().collect();
        Self { counts: vec![1; rows.len()], rows }
    }

    /// Counts the rows of a batch with the columns that it has.
    pub(super) fn of_batch(rows: &RecordBatch, stretches: Option<&Stretches>) -> Self {
        let streams = rows.column_by_name(STREAM);
        let all = BooleanBuffer::new_set(rows.num_rows());
        let keys = streams.and_then(stream_keys);
        if keys.is_none() && streams.is_some() {
            return Self::each(&all);
        }
        let micros = rows.column_by_name(TIMESTAMP).and_then(micros);
        let nanos = rows.column_by_name(NANOS).and_then(nanos);
        let times = micros.map_or(Times::One, |micros| Times::Each(micros, Some(nanos.unwrap_or_default())));
        Self::of(keys, times, &all, stretches).unwrap_or_else(|_| Self::each(&all))
    }

    fn add(&mut self, rows: Range<usize>, kept: &BooleanBuffer, is_all: bool) {
        let count = if is_all { rows.len() } else { kept.slice(rows.start, rows.len()).count_set_bits() };
        if count > 0 {
            self.rows.push(u32::try_from(rows.start).unwrap_or(u32::MAX));
            self.counts.push(count as u64);
        }
    }
}

/// The number of each row's stream.
pub(super) fn stream_keys(streams: &ArrayRef) -> Option<&[i32]> {
    let dictionary = streams.as_dictionary_opt::<Int32Type>()?;
    (dictionary.null_count() == 0).then(|| dictionary.keys().values().as_ref())
}

/// Each row's microseconds.
pub(super) fn micros(times: &ArrayRef) -> Option<&[i64]> {
    Some(times.as_primitive_opt::<TimestampMicrosecondType>()?.values())
}

/// What each row's microseconds leave out.
pub(super) fn nanos(nanos: &ArrayRef) -> Option<&[i16]> {
    Some(nanos.as_primitive_opt::<Int16Type>()?.values())
}

/// Stretches of rows with equal numbers; all rows without numbers.
fn runs(keys: Option<&[i32]>, rows: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        if rows <= start {
            return None;
        }
        at = match keys.and_then(|keys| keys.get(start..)) {
            Some(rest) => start + rest.iter().take_while(|key| Some(*key) == rest.first()).count(),
            None => rows,
        };
        Some(start..at)
    })
}

struct Cuts<'t> {
    micros: &'t [i64],
    nanos: Option<&'t [i16]>,
    stretches: &'t Stretches,
}

impl Cuts<'_> {
    /// Where the stretch of the first of some rows ends: before the first row of another one. Rows need not be sorted.
    fn end_of_stretch(&self, rows: Range<usize>) -> Result<usize, NeedsNanos> {
        let (first, last) = self.stretches.of(self.time(rows.start)?);
        // Between these no microsecond lies in another stretch.
        let (low, high) = (first.div_euclid(1_000), last.div_euclid(1_000));
        for row in rows.start + 1..rows.end {
            let micro = self.micros.get(row).copied().unwrap_or(0);
            let is_inside = low < micro && micro < high;
            if !is_inside && (micro < low || high < micro || !(first..=last).contains(&self.time(row)?)) {
                return Ok(row);
            }
        }
        Ok(rows.end)
    }

    /// A time, or one of the same stretch.
    fn time(&self, row: usize) -> Result<i64, NeedsNanos> {
        let micro = self.micros.get(row).copied().unwrap_or(0).saturating_mul(1_000);
        if self.stretches.are_one(micro, micro.saturating_add(999)) {
            return Ok(micro);
        }
        Ok(micro.saturating_add(i64::from(self.nanos_of(row)?)))
    }

    fn nanos_of(&self, row: usize) -> Result<i16, NeedsNanos> {
        Ok(self.nanos.ok_or(NeedsNanos)?.get(row).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use stdx::Rng;

    use super::*;

    /// Row by row: stream, first instant of the stretch, and how many.
    fn slowly(keys: &[i32], micros: &[i64], nanos: &[i16], kept: &[bool], stretches: &Stretches) -> Vec<(i32, i64)> {
        let rows = (0..keys.len()).filter(|row| kept[*row]);
        rows.map(|row| (keys[row], stretches.of(micros[row] * 1_000 + i64::from(nanos[row])).0)).collect()
    }

    fn check(rng: &mut Rng, is_sorted: bool) {
        let below = |rng: &mut Rng, limit: u64| rng.below(limit).cast_signed();
        let rows = usize::try_from(rng.below(200)).unwrap();
        let mut keys: Vec<i32> = (0..rows).map(|_| i32::try_from(rng.below(4)).unwrap()).collect();
        keys.sort_unstable();
        let mut times: Vec<i64> = (0..rows).map(|_| below(rng, 40_000)).collect();
        if is_sorted {
            keys.chunk_by(|a, b| a == b).map(<[i32]>::len).fold(0, |at, len| {
                times[at..at + len].sort_unstable();
                at + len
            });
        }
        let micros: Vec<i64> = times.iter().map(|time| time / 1_000).collect();
        let nanos: Vec<i16> = times.iter().map(|time| i16::try_from(time % 1_000).unwrap()).collect();
        let kept: Vec<bool> = (0..rows).map(|_| rng.below(3) > 0).collect();
        let rest = below(rng, 3) * 1_234;
        let stretches = Stretches { origin: below(rng, 9_000), step: 7_000 + below(rng, 5_000), rest };
        let mask = BooleanBuffer::from(kept.clone());
        let known = Times::Each(&micros, Some(&nanos));
        let tally = Tally::of(Some(&keys), known, &mask, Some(&stretches)).unwrap();
        let mut got = Vec::new();
        for (row, count) in tally.rows.iter().zip(&tally.counts) {
            let row = *row as usize;
            let group = (keys[row], stretches.of(times[row]).0);
            got.extend(std::iter::repeat_n(group, usize::try_from(*count).unwrap()));
        }
        assert_eq!(got, slowly(&keys, &micros, &nanos, &kept, &stretches));
        if let Ok(without) = Tally::of(Some(&keys), Times::Each(&micros, None), &mask, Some(&stretches)) {
            assert_eq!(without, tally, "nanoseconds were not needed");
        }
    }

    #[test]
    fn rows_are_counted_as_one_by_one() {
        let mut rng = Rng::seeded(11);
        (0..400).for_each(|round| check(&mut rng, round % 4 > 0));
    }

    #[test]
    fn without_times_only_streams_are_told_apart() {
        let kept = BooleanBuffer::from(vec![true, false, true, true]);
        let tally = Tally::of(Some(&[1, 1, 1, 2]), Times::One, &kept, None).unwrap();
        assert_eq!(tally, Tally { rows: vec![0, 3], counts: vec![2, 1] });
        let tally = Tally::of(None, Times::One, &kept, None).unwrap();
        assert_eq!(tally, Tally { rows: vec![0], counts: vec![3] });
    }
}
