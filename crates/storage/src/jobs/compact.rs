//! Compaction: which small files of a day become one. Each byte is rewritten about once for each factor of eight in
//! the size of files, so once or twice in most cases; what is large enough is copied and not written anew.

use std::collections::BTreeMap;

use super::rewrite::name;
use crate::FileRef;

/// Files that become one at a time: each takes the memory of a decoded page or two.
pub(super) const FAN_IN: usize = 8;
/// Files of about one size stand on one level: up to this, up to eight times this, and so on.
const FIRST_LEVEL_BYTES: u64 = 4 << 10;

/// A file with so many rows is joined with others as it is: its row groups are large enough. One with fewer is merged with
/// others of its kind, row by row.
const LARGE_ROWS: u64 = 65_536;

/// Whether the row groups of a file are worth keeping.
pub(super) const fn is_large(file: &FileRef) -> bool {
    LARGE_ROWS <= file.rows
}

/// Files that shall become one: all of one folder, in the order of their arrival. `None` when everything is well.
///
/// In general a level is merged when it has eight files, or enough for a file of at least half the target. When a day
/// is `quiet`, since nothing came for a while, what is left of small files becomes one.
pub(super) fn plan(files: &[FileRef], quiet: bool, target: u64) -> Option<Vec<FileRef>> {
    // Files of other programs may have columns that we would lose.
    let is_small = |file: &&FileRef| file.bytes < target / 2 && file.rows > 0 && name(&file.path).is_some();
    let mut small: Vec<&FileRef> = files.iter().filter(is_small).collect();
    small.sort_by_cached_key(|file| name(&file.path).map(|name| (name.position, name.index)));
    let mut levels: BTreeMap<(bool, u32), Vec<&FileRef>> = BTreeMap::new();
    for file in &small {
        levels.entry((is_large(file), level(file.bytes))).or_default().push(file);
    }
    let ripe = levels.values().find_map(|level| {
        let run = run(level, target);
        let bytes: u64 = run.iter().map(|file| file.bytes).sum();
        (run.len() == FAN_IN || (1 < run.len() && target / 2 <= bytes)).then_some(run)
    });
    let rest = |large: bool| {
        let alike: Vec<&FileRef> = small.iter().filter(|file| is_large(file) == large).copied().collect();
        let run = run(&alike, target);
        (quiet && 1 < run.len()).then_some(run)
    };
    ripe.or_else(|| rest(false)).or_else(|| rest(true)).map(|run| run.into_iter().cloned().collect())
}

/// The oldest files that fit together into one.
fn run<'f>(files: &[&'f FileRef], target: u64) -> Vec<&'f FileRef> {
    let mut bytes = 0;
    let fits = |file: &&&FileRef| {
        bytes += file.bytes;
        bytes <= target + target / 2
    };
    files.iter().take(FAN_IN).take_while(fits).copied().collect()
}

fn level(bytes: u64) -> u32 {
    (bytes / FIRST_LEVEL_BYTES).max(1).ilog(FAN_IN as u64)
}

#[cfg(test)]
mod tests {
    use logline::Timestamp;

    use super::*;

    const TARGET: u64 = 64 << 20;

    fn file(number: u64, bytes: u64) -> FileRef {
        let path = format!("tenant=a/day=2026-11-22/{number:020}-00000-local.parquet");
        FileRef { path, bytes, rows: 1, first: Timestamp(0), last: Timestamp(0) }
    }

    #[track_caller]
    fn check(sizes: &[u64], quiet: bool, want: Option<&[u64]>) {
        let files: Vec<_> = (1..).zip(sizes).map(|(number, bytes)| file(number, *bytes)).collect();
        let planned = plan(&files, quiet, TARGET);
        let sizes = planned.map(|files| files.iter().map(|file| file.bytes).collect::<Vec<_>>());
        assert_eq!(sizes.as_deref(), want);
    }

    #[test]
    fn eight_of_a_size_become_one_and_fewer_wait_until_the_day_is_quiet() {
        check(&[100; 7], false, None);
        check(&[100; 7], true, Some(&[100; 7]));
        check(&[100; 9], false, Some(&[100; 8]));
        check(&[100], true, None);
    }

    #[test]
    fn large_files_are_left_alone_and_medium_ones_reach_the_target_at_once() {
        check(&[40 << 20; 20], true, None);
        check(&[9 << 20; 4], false, Some(&[9 << 20; 4]));
        check(&[30 << 20, 30 << 20, 30 << 20, 30 << 20], false, Some(&[30 << 20; 3]));
    }

    #[test]
    fn files_of_other_programs_are_not_touched() {
        let foreign = |number| FileRef { path: format!("tenant=a/day=2026-11-22/part-{number}.parquet"), ..file(0, 9) };
        assert_eq!(plan(&(0..20).map(foreign).collect::<Vec<_>>(), true, TARGET), None);
    }

    #[test]
    fn a_byte_is_rewritten_a_few_times_however_small_the_flushes() {
        for flush in [10_000, 1 << 20, 6 << 20] {
            let (mut files, mut rewritten, mut flushed) = (Vec::new(), 0, 0);
            for number in 1..=3_000 {
                files.push(file(number, flush));
                flushed += flush;
                while let Some(inputs) = plan(&files, false, TARGET) {
                    let bytes: u64 = inputs.iter().map(|file| file.bytes).sum();
                    rewritten += bytes;
                    files.retain(|file| !inputs.contains(file));
                    files.push(FileRef { bytes, ..inputs[0].clone() });
                }
            }
            assert!(rewritten <= 5 * flushed, "{flush}: {rewritten} of {flushed}");
            assert!(files.len() < 60 + usize::try_from(flushed / (TARGET / 2)).unwrap(), "{flush}: {}", files.len());
        }
    }
}
