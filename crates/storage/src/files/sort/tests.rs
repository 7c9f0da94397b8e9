//! Both ways to sort against each other.

use proptest::prelude::*;

use super::*;

/// Columns of codes: near each other, or anywhere.
fn columns() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let code = prop_oneof![Just(0..3_u64), Just(1 << 63..(1 << 63) + 5), Just(0..u64::MAX)];
    (1..40_usize, proptest::collection::vec(code, 1..5)).prop_flat_map(|(rows, ranges)| {
        ranges.into_iter().map(|range| proptest::collection::vec(range, rows)).collect::<Vec<_>>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_sorted_by_all_codes_and_equal_ones_stay_in_order(codes in columns()) {
        let rows = u32::try_from(codes[0].len()).unwrap();
        let mut want: Vec<u32> = (0..rows).collect();
        want.sort_by_key(|row| codes.iter().map(|codes| codes[*row as usize]).collect::<Vec<_>>());
        prop_assert_eq!(in_order(&codes, rows), want);
    }
}

#[test]
fn codes_that_are_near_each_other_are_packed_and_others_are_not() {
    let near = vec![vec![1 << 63, (1 << 63) + 9], vec![7, u64::MAX >> 1]];
    assert!(packed(&near, 2).is_some());
    assert!(packed(&[vec![0, u64::MAX], vec![0, u64::MAX]], 2).is_none());
}
