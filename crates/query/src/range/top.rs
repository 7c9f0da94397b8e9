//! The points that a ranking chooses, straight from the table: who asks for ten of a million series gets ten.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::table::Table;
use crate::eval::{falling, rising};
use crate::pipeline::labels::ERROR;

/// So many points are kept in mind at most; larger rankings are made from all series.
const MOST_KEPT: u64 = 1 << 20;
/// Points beyond those wanted that wait until it is worth while to choose among them.
const SLACK: usize = 64;

/// A ranking of all series at each point by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Top {
    k: usize,
    /// Whether the largest come first.
    is_falling: bool,
}

/// Series, point and value.
type Place = (usize, u32, f64);

impl Top {
    /// The first `k` of a ranking of so many points; `None` when it is too large to be worth while.
    pub(crate) fn new(k: u64, is_falling: bool, points: u32) -> Option<Self> {
        let is_small = k.checked_mul(u64::from(points)).is_some_and(|kept| kept <= MOST_KEPT);
        Some(Self { k: usize::try_from(k).ok().filter(|_| is_small)?, is_falling })
    }

    /// What [`Top::of`] takes for so many series at so many points, at most.
    pub(crate) fn bytes(self, series: usize, points: u32) -> usize {
        // A vector that grows has up to twice the room it needs.
        let places = (2 * self.k + SLACK).min(series) * 2 * size_of::<(f64, usize)>();
        points as usize * (places + 2 * self.k.min(series) * size_of::<Place>())
    }

    /// The points of a table that rank first, series by series. Of equal values the series whose labels sort first
    /// wins. Series with an error stay: they make the query fail.
    pub(crate) fn of(self, table: &dyn Table, points: u32) -> Vec<Place> {
        let keys = table.keys();
        let has_failed: Vec<bool> = keys.iter().map(|key| key.contains(ERROR)).collect();
        let mut first: Vec<Vec<(f64, usize)>> = vec![Vec::new(); points as usize];
        let mut chosen = Vec::new();
        table.finish(&mut |series, point, value| {
            if has_failed.get(series) == Some(&true) {
                chosen.push((series, point, value));
            } else if let Some(places) = first.get_mut(point as usize) {
                places.push((value, series));
                if places.len() >= 2 * self.k + SLACK {
                    self.cut(places, keys);
                }
            }
        });
        for (point, mut places) in (0..points).zip(first) {
            self.cut(&mut places, keys);
            chosen.extend(places.into_iter().map(|(value, series)| (series, point, value)));
        }
        chosen.sort_unstable_by_key(|(series, point, _)| (*series, *point));
        chosen
    }

    fn cut(self, places: &mut Vec<(f64, usize)>, keys: &Keys) {
        if places.len() > self.k {
            places.select_nth_unstable_by(self.k, |a, b| self.order(*a, *b, keys));
            places.truncate(self.k);
        }
    }

    fn order(self, a: (f64, usize), b: (f64, usize), keys: &Keys) -> Ordering {
        let by_value = if self.is_falling { falling(a.0, b.0) } else { rising(a.0, b.0) };
        by_value.then_with(|| keys.get(a.1).cmp(&keys.get(b.1)))
    }
}

#[cfg(test)]
mod tests {
    use stdx::Rng;

    use super::*;
    use crate::range::{Aggregate, Windows, table};

    #[test]
    fn the_first_of_all_are_chosen_at_every_point() {
        let windows = Windows { start: 10, step: 10, points: 3, range: 10, offset: 0 };
        let mut rng = Rng::seeded(5);
        for round in 0..20 {
            let mut table = table(Aggregate::Sum, windows);
            for _ in 0..900 {
                let series = table.series(&format!("name\0{}\0", rng.below(300)));
                let value = [1.0, 2.0, f64::NAN][usize::try_from(rng.below(20) / 9).unwrap()];
                table.add(series, 1 + rng.below(30).cast_signed(), value);
            }
            let (k, is_falling) = (1 + round % 7 * 20, round % 2 == 0);
            let mut all = Vec::new();
            table.finish(&mut |series, point, value| all.push((series, point, value)));
            let top = Top::new(k, is_falling, 3).unwrap();
            let mut want = Vec::new();
            for point in 0..3 {
                let mut here: Vec<Place> = all.iter().copied().filter(|place| place.1 == point).collect();
                here.sort_by(|a, b| top.order((a.2, a.0), (b.2, b.0), table.keys()));
                want.extend(here.into_iter().take(usize::try_from(k).unwrap()));
            }
            want.sort_by_key(|place| (place.0, place.1));
            assert_eq!(format!("{:?}", top.of(table.as_ref(), 3)), format!("{want:?}"));
        }
    }

    #[test]
    fn a_huge_ranking_is_left_to_others() {
        assert!(Top::new(u64::MAX, true, 2).is_none());
        assert!(Top::new(1_000, true, 11_000).is_none());
    }
}
