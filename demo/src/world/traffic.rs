//! How much happens at which hour: day and night, weekdays and weekend.

use std::time::Duration;

use logline::Timestamp;
use stdx::Rng;

use super::Calendar;

/// Share of the day's peak at each local hour.
const DAY: [f64; 24] = [
    0.22, 0.13, 0.08, 0.06, 0.06, 0.08, 0.14, 0.26, 0.44, 0.62, 0.76, 0.84, 0.90, 0.88, 0.84, 0.82, 0.83, 0.86, 0.92,
    0.98, 1.00, 0.92, 0.68, 0.42,
];
const WEEK: [f64; 7] = [1.0, 1.02, 1.0, 0.98, 1.04, 0.70, 0.64];

/// The share of the busiest moment of the week that this moment has, 0.0 to 1.04.
fn rate(at: Timestamp) -> f64 {
    let Calendar { weekday, hour } = Calendar::of(at);
    let bell = |offset: f64| DAY.get(index(hour + offset)).copied().unwrap_or(0.0);
    let between = hour.fract();
    (bell(0.0) * (1.0 - between) + bell(1.0) * between) * WEEK.get(weekday).copied().unwrap_or(1.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an hour, 0.0 to 25.0, cut to its index")]
fn index(hour: f64) -> usize {
    hour as usize % DAY.len()
}

/// A stream of arrivals whose rate follows the hour.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// The mean gap between two arrivals at a rate of one.
    gap: Duration,
}

impl Traffic {
    /// So many arrivals on an average weekday.
    pub fn per_day(arrivals: f64) -> Self {
        let full_hours: f64 = DAY.iter().sum();
        Self { gap: Duration::from_secs_f64(full_hours * 3600.0 / arrivals) }
    }

    /// The arrival after `from`, with the rate multiplied by `boost` (a spike, or the speed of a run).
    pub fn next(&self, from: Timestamp, boost: f64, rng: &mut Rng) -> Timestamp {
        // Thinning: candidates at the highest rate, each kept with the share that its hour has.
        let highest = 1.1;
        let mut at = from;
        for _ in 0..10_000 {
            at = at.after(rng.exponential(self.gap.div_f64(highest * boost)));
            if rng.chance(rate(at) / highest) {
                break;
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_busy_nights_are_quiet_and_weekends_are_between() {
        let mut rng = Rng::seeded(5);
        let traffic = Traffic::per_day(1_000.0);
        // A Monday, midnight local time.
        let monday: Timestamp = "2026-11-15T21:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        let mut counts = [[0_u32; 24]; 7];
        let mut at = monday;
        while at.since(monday) < Duration::from_hours(7 * 24) {
            let now = Calendar::of(at);
            counts[now.weekday][index(now.hour)] += 1;
            at = traffic.next(at, 1.0, &mut rng);
        }
        let day = |weekday: usize| counts[weekday].iter().sum::<u32>();
        assert!((850..1_150).contains(&day(0)), "Monday has {}", day(0));
        assert!(day(6) < day(0) * 8 / 10);
        let hour = |hour: usize| counts.iter().map(|day| day[hour]).sum::<u32>();
        assert!(hour(4) * 5 < hour(20), "{} at four, {} at twenty", hour(4), hour(20));
    }

    #[test]
    fn a_boost_brings_more_arrivals() {
        let count = |boost: f64| {
            let (mut rng, mut at, mut count) = (Rng::seeded(5), Timestamp(1_800_000_000_000_000_000), 0);
            let end = at.after(Duration::from_hours(24));
            while at < end {
                at = Traffic::per_day(500.0).next(at, boost, &mut rng);
                count += 1;
            }
            count
        };
        assert!(count(1.0) * 3 < count(4.0));
    }
}
