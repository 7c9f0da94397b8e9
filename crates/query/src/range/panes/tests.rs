//! Sliding against adding up each window by itself.

use super::{Panes, State};
use crate::range::state::{Count, Ends, Numbers};
use crate::range::{Aggregate, Finish, Windows};

fn check<S: State>(aggregate: Aggregate, windows: Windows, times: &[i64]) {
    let finish = Finish { aggregate, seconds: 1.0 };
    let mut panes = Panes::<S>::default();
    for time in times {
        if let Some(pane) = windows.pane(*time) {
            panes.entry(pane.index).add(*time, *time as f64);
        }
    }
    let mut slid = Vec::new();
    panes.slide(&windows, |point, state| slid.push((point, state.finish(&finish))));
    let plain: Vec<_> = (0..windows.points)
        .filter_map(|point| {
            let end = windows.point(point) - windows.offset;
            let inside: Vec<_> = times.iter().filter(|time| end - windows.range < **time && **time <= end).collect();
            let mut state = S::default();
            inside.iter().for_each(|time| state.add(**time, **time as f64));
            (!inside.is_empty()).then(|| (point, state.finish(&finish)))
        })
        .collect();
    assert_eq!(slid, plain, "{aggregate:?} {windows:?} {times:?}");
}

#[test]
fn windows_hold_what_lies_in_them_however_wide_they_are() {
    let samples: [&[i64]; 5] = [
        &[],
        &[30],
        &[1, 2, 3, 4, 5, 60, 61, 62, 200],
        &[90, 10, 50, 10, 70, 11],
        &[25, 26, 27, 28, 29, 31, 33, 35, 44],
    ];
    for times in samples {
        for (step, range) in [(10, 10), (10, 5), (10, 25), (3, 40), (1, 17), (100, 30)] {
            let windows = Windows { start: 20, step, points: 12, range, offset: 0 };
            check::<Count>(Aggregate::Count, windows, times);
            check::<Ends>(Aggregate::First, windows, times);
            check::<Ends>(Aggregate::Last, windows, times);
            check::<Numbers>(Aggregate::Quantile(0.5), windows, times);
        }
    }
}
