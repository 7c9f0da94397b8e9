//! Each aggregation by hand, and that splitting samples over partitions does not show.

use super::{Aggregate, Count, Ends, Extremes, Finish, Mean, Moments, Numbers, Samples, State, Sum, quantile};

const SECOND: i64 = 1_000_000_000;

/// The number of all samples at once must equal that of two partitions that met through the encoding.
#[track_caller]
fn check<S: State>(aggregate: Aggregate, samples: &[f64], want: f64) {
    let finish = Finish { aggregate, seconds: 10.0 };
    let timed: Vec<_> = samples.iter().zip(0_i64..).map(|(value, second)| (second * SECOND, *value)).collect();
    let mut whole = S::default();
    timed.iter().for_each(|(time, value)| whole.add(*time, *value));
    let (mut odd, mut even) = (S::default(), S::default());
    for (index, (time, value)) in timed.iter().enumerate() {
        if index % 2 == 0 { even.add(*time, *value) } else { odd.add(*time, *value) }
    }
    let mut met = S::default();
    odd.encode(&mut |row| met.absorb(row));
    even.encode(&mut |row| met.absorb(row));
    for state in [whole, met] {
        let got = state.finish(&finish);
        assert!((got - want).abs() < 1e-9 || got == want || (got.is_nan() && want.is_nan()), "{got} instead of {want}");
    }
}

#[test]
fn aggregations_give_the_number_worked_out_by_hand() {
    let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    check::<Count>(Aggregate::Count, &values, 8.0);
    check::<Count>(Aggregate::CountRate, &values, 0.8);
    check::<Sum>(Aggregate::Sum, &values, 40.0);
    check::<Sum>(Aggregate::SumRate, &values, 4.0);
    check::<Mean>(Aggregate::Mean, &values, 5.0);
    check::<Extremes>(Aggregate::Min, &values, 2.0);
    check::<Extremes>(Aggregate::Max, &values, 9.0);
    check::<Moments>(Aggregate::Variance, &values, 4.0);
    check::<Moments>(Aggregate::Deviation, &values, 2.0);
    check::<Ends>(Aggregate::First, &values, 2.0);
    check::<Ends>(Aggregate::Last, &values, 9.0);
    check::<Numbers>(Aggregate::Quantile(0.5), &values, 4.5);
}

#[test]
fn sums_do_not_depend_on_the_order() {
    check::<Sum>(Aggregate::Sum, &[1e16, 1.0, -1e16, 0.1, 0.2], 1.3);
    check::<Sum>(Aggregate::Sum, &[f64::INFINITY, 1.0], f64::INFINITY);
    check::<Sum>(Aggregate::Sum, &[f64::INFINITY, f64::NEG_INFINITY], f64::NAN);
}

#[test]
fn extremes_skip_what_is_not_a_number_unless_there_is_nothing_else() {
    check::<Extremes>(Aggregate::Max, &[f64::NAN, 1.0], 1.0);
    check::<Extremes>(Aggregate::Min, &[f64::NAN], f64::NAN);
}

#[test]
fn a_counter_that_falls_was_reset() {
    // Grows by 2, 1 (reset), 3 over 3 s of a window of 10 s; the extrapolation adds less than 4 parts in a million.
    let finish = Finish { aggregate: Aggregate::CounterRate, seconds: 10.0 };
    let mut samples = Samples::default();
    for (second, value) in [(0, 10.0), (1, 12.0), (2, 1.0), (3, 4.0)] {
        samples.add(second * SECOND, value);
    }
    assert!((samples.finish(&finish) - 0.6).abs() < 1e-5);
    let mut one = Samples::default();
    one.add(0, 3.0);
    assert_eq!(one.finish(&finish), 0.0);
}

#[test]
fn quantiles_outside_of_all_values_are_infinite() {
    assert_eq!(quantile(&mut [1.0, 2.0], -0.1), f64::NEG_INFINITY);
    assert_eq!(quantile(&mut [1.0, 2.0], 1.1), f64::INFINITY);
    assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 1.0), 3.0);
    assert!(quantile(&mut [], 0.5).is_nan());
}
