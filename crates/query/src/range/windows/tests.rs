//! Panes against the plain definition of a window.

use super::Windows;

/// Every sample must lie in a pane of exactly those windows whose definition covers it.
fn check(windows: Windows) {
    for time in -40..120 {
        let covering: Vec<u32> = (0..windows.points)
            .filter(|point| {
                let end = windows.point(*point) - windows.offset;
                end - windows.range < time && time <= end
            })
            .collect();
        let pane = windows.pane(time);
        let by_pane: Vec<u32> = (0..windows.points)
            .filter(|point| {
                let (first, last) = windows.panes(*point);
                pane.is_some_and(|pane| first <= pane.index && pane.index <= last)
            })
            .collect();
        assert_eq!(by_pane, covering, "{windows:?} at {time}");
        if let Some(pane) = pane {
            assert!(pane.first <= time && time <= pane.last, "{windows:?} at {time}: {pane:?}");
            assert_eq!(windows.first_point(pane.index), u64::from(covering[0]), "{windows:?} at {time}");
            assert_eq!(windows.pane(pane.first).map(|pane| pane.index), Some(pane.index));
            assert_eq!(windows.pane(pane.last).map(|pane| pane.index), Some(pane.index));
            let (first, last) = windows.stretches().of(time);
            assert!(pane.first <= first && last <= pane.last, "{windows:?} at {time}: {first} to {last}");
        }
    }
}

#[test]
fn panes_cover_exactly_what_windows_cover() {
    for step in [1, 3, 7, 10] {
        for range in [1, 2, 3, 7, 10, 14, 25] {
            for offset in [-5, 0, 4] {
                check(Windows { start: 11, step, points: 6, range, offset });
            }
        }
    }
}

#[test]
fn one_point_has_one_pane() {
    check(Windows::at(50, 10, 0));
    check(Windows::at(50, 10, 20));
}

#[test]
fn an_empty_range_covers_nothing() {
    assert_eq!(Windows::at(50, 0, 0).span(), None);
    assert_eq!(Windows::at(50, 0, 0).pane(50), None);
}
