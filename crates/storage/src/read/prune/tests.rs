//! Ranges of rows: what is in both, and how they are cut.

use proptest::prelude::*;

use super::*;

fn ranges() -> impl Strategy<Value = Vec<Range<usize>>> {
    proptest::collection::vec((1_usize..70_000, 0_usize..200_000), 0..8).prop_map(|gaps| {
        let mut at = 0;
        let range = |(gap, len): (usize, usize)| {
            let start = at + gap;
            at = start + len;
            start..at
        };
        gaps.into_iter().map(range).filter(|range| !range.is_empty()).collect()
    })
}

fn has(ranges: &[Range<usize>], row: usize) -> bool {
    ranges.iter().any(|range| range.contains(&row))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_in_both_lists_are_in_the_intersection(a in ranges(), b in ranges(), rows in proptest::collection::vec(0_usize..1_500_000, 50)) {
        let both = intersect(&a, &b);
        for row in rows {
            prop_assert_eq!(has(&both, row), has(&a, row) && has(&b, row));
        }
        prop_assert!(both.iter().all(|range| !range.is_empty()));
    }

    #[test]
    fn units_hold_the_same_rows_in_the_same_order_and_stay_small(ranges in ranges()) {
        let units = cut(ranges.clone(), UNIT_ROWS);
        for unit in &units {
            let rows: usize = unit.iter().map(ExactSizeIterator::len).sum();
            prop_assert!(rows < 2 * UNIT_ROWS);
            prop_assert_eq!(selection(unit).row_count(), rows);
        }
        let mut joined: Vec<Range<usize>> = Vec::new();
        for range in units.into_iter().flatten() {
            match joined.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => joined.push(range),
            }
        }
        prop_assert_eq!(joined, ranges);
    }
}
