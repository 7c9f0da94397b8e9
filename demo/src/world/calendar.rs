//! Who works when. The company lives three hours east of UTC.

use std::time::Duration;

use logline::Timestamp;
use stdx::Rng;

use super::Actor;

const HOUR: Duration = Duration::from_hours(1);
const EAST: Duration = Duration::from_hours(3);
/// In how many hours the work of the night is taken up.
const MORNING: f64 = 0.6;

/// A moment in local time, as far as anybody's habits depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calendar {
    /// 0 is Monday, 6 is Sunday.
    pub weekday: usize,
    /// Hours since local midnight, 0.0 to 24.0.
    pub hour: f64,
}

impl Calendar {
    /// The local day and hour of a moment.
    pub fn of(at: Timestamp) -> Self {
        let local = at.after(EAST);
        // The first of January 1970 was a Thursday.
        let weekday = usize::try_from((local.day() + 3).rem_euclid(7)).unwrap_or(0);
        let midnight = Timestamp(local.day() * 86_400_000_000_000);
        Self { weekday, hour: local.since(midnight).as_secs_f64() / 3600.0 }
    }
}

/// From and to which hour somebody works on this weekday.
const fn hours(actor: Actor, weekday: usize) -> (f64, f64) {
    match (actor, weekday) {
        (Actor::Customer | Actor::Job, _) => (0.0, 24.0),
        (Actor::Manager, 5 | 6) => (10.0, 15.0),
        (Actor::Manager, _) => (9.0, 19.0),
        (Actor::Workshop, _) => (7.0, 22.0),
        (Actor::Courier, _) => (9.0, 21.0),
    }
}

/// `at`, if somebody works then; else a moment early in their next shift.
pub(super) fn at_work(actor: Actor, at: Timestamp, rng: &mut Rng) -> Timestamp {
    let now = Calendar::of(at);
    let (from, to) = hours(actor, now.weekday);
    if (from..to).contains(&now.hour) {
        return at;
    }
    let wait = if now.hour < from { from - now.hour } else { 24.0 - now.hour + hours(actor, (now.weekday + 1) % 7).0 };
    at.after(HOUR.mul_f64(wait + MORNING * rng.unit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn a_manager_takes_sunday_night_up_on_monday_morning() {
        let sunday = at("2026-11-22T18:00:00Z");
        assert_eq!(Calendar::of(sunday).weekday, 6);
        let monday = Calendar::of(at_work(Actor::Manager, sunday, &mut Rng::seeded(1)));
        assert_eq!(monday.weekday, 0);
        assert!((9.0..9.7).contains(&monday.hour), "{monday:?}");
    }

    #[test]
    fn the_early_bird_waits_for_the_shift_of_the_same_day() {
        let five = at("2026-11-18T02:00:00Z");
        let shift = Calendar::of(at_work(Actor::Workshop, five, &mut Rng::seeded(1)));
        assert_eq!(shift.weekday, 2);
        assert!((7.0..7.7).contains(&shift.hour), "{shift:?}");
    }

    #[test]
    fn who_is_at_work_acts_at_once() {
        let noon = at("2026-11-18T09:30:00Z");
        let mut rng = Rng::seeded(1);
        assert_eq!(at_work(Actor::Workshop, noon, &mut rng), noon);
        assert_eq!(at_work(Actor::Customer, at("2026-11-18T23:30:00Z"), &mut rng), at("2026-11-18T23:30:00Z"));
    }
}
