//! How long an order waits for each step: log-normal, and cut so that, nights and weekends included, only a fault makes
//! an order miss one of the platform's built-in deadlines.

use std::time::Duration;

use logline::Timestamp;
use stdx::Rng;

use super::Step;
use super::calendar::at_work;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;

/// Median in seconds, spread (sigma of the logarithm), longest wait in seconds.
const fn shape(step: Step) -> (f64, f64, f64) {
    match step {
        Step::Upload => (3.0 * MINUTE, 0.8, HOUR),
        Step::Submit => (9.0 * MINUTE, 0.9, 5.0 * HOUR),
        Step::Price => (35.0, 0.7, 8.0 * MINUTE),
        Step::Pay => (40.0 * MINUTE, 1.2, 10.0 * HOUR),
        Step::Approve => (35.0 * MINUTE, 0.8, 6.0 * HOUR),
        Step::Start => (4.0 * HOUR, 0.6, 12.0 * HOUR),
        Step::Complete => (20.0 * HOUR, 0.45, 56.0 * HOUR),
        Step::Rework => (0.8 * HOUR, 0.4, 2.0 * HOUR),
        Step::Package => (1.0 * HOUR, 0.4, 2.0 * HOUR),
        Step::Ship => (1.5 * HOUR, 0.5, 8.0 * HOUR),
        Step::Deliver => (26.0 * HOUR, 0.35, 60.0 * HOUR),
        Step::Close => (10.0 * HOUR, 0.4, 36.0 * HOUR),
    }
}

/// When somebody gets round to `step` for an order that is ready for it at `from`. With `speed` 60 a minute of waiting
/// takes a second, and nobody sleeps.
pub(super) fn wait(step: Step, from: Timestamp, speed: f64, rng: &mut Rng) -> Timestamp {
    let (median, sigma, longest) = shape(step);
    let seconds = (median * (sigma * normal(rng)).exp()).clamp(median / 20.0, longest);
    let due = from.after(Duration::from_secs_f64(seconds / speed));
    if speed == 1.0 { at_work(step.actor(), due, rng) } else { due }
}

/// One draw of a standard normal distribution.
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_waits_are_below_the_median_and_none_is_beyond_the_longest() {
        let mut rng = Rng::seeded(7);
        let start = Timestamp(1_800_000_000_000_000_000);
        let (median, _, longest) = shape(Step::Pay);
        let waits: Vec<_> =
            (0..4_000).map(|_| wait(Step::Pay, start, 1.0, &mut rng).since(start).as_secs_f64()).collect();
        let below = waits.iter().filter(|wait| **wait < median).count();
        assert!((1_800..2_200).contains(&below), "{below} of 4000 are below the median");
        assert!(waits.iter().all(|wait| *wait <= longest));
    }

    #[test]
    fn speed_divides_the_waits() {
        let start = Timestamp(1_800_000_000_000_000_000);
        let slow = wait(Step::Pay, start, 1.0, &mut Rng::seeded(3)).since(start);
        let fast = wait(Step::Pay, start, 60.0, &mut Rng::seeded(3)).since(start);
        assert!((slow.as_secs_f64() / fast.as_secs_f64() - 60.0).abs() < 1e-6);
    }
}
