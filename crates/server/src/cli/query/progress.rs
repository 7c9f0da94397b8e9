//! How far a long list is: one line on the standard error that is written over, for people whose lines go elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use stdx::{Clock as _, Language, SystemClock};

use crate::cli::time;

/// How often the line changes.
const PAUSE: Duration = Duration::from_millis(250);

/// Tells how far a list over a stretch of time is.
#[derive(Debug)]
pub(super) struct Progress {
    /// From where the list begins to where it ends.
    bounds: (i64, i64),
    words: Language,
    zone: jiff::tz::TimeZone,
    told: Option<Duration>,
    begun: std::time::Instant,
}

impl Progress {
    /// Of a list between two times; `None` where nobody would see it, or where it would stand among the lines.
    pub(super) fn begin(bounds: (i64, i64), words: Language, zone: jiff::tz::TimeZone) -> Option<Self> {
        let is_seen = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
        is_seen.then(|| Self { bounds, words, zone, told: None, begun: SystemClock.instant() })
    }

    /// The list has so many lines, the last of this time.
    pub(super) fn tell(&mut self, lines: usize, at: i64) {
        let passed = SystemClock.instant() - self.begun;
        if passed < self.told.unwrap_or_default() + PAUSE {
            return;
        }
        self.told = Some(passed);
        self.write(&self.text(lines, at, passed));
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        if self.told.is_some() {
            self.write("");
        }
    }

    fn text(&self, lines: usize, at: i64, passed: Duration) -> String {
        let (from, to) = self.bounds;
        let (length, done) = (to.abs_diff(from).max(1), at.abs_diff(from));
        let percent = (u128::from(done) * 100 / u128::from(length)).min(100);
        let rate = lines as f64 / passed.as_secs_f64().max(0.001);
        let at = time::shown(at, &self.zone);
        match self.words {
            Language::English => format!("{lines} lines, {rate:.0} a second; at {at}, {percent} % of the stretch"),
            Language::Russian => format!("строк: {lines}, в секунду: {rate:.0}; {at}, {percent} % отрезка"),
        }
    }

    /// A terminal that is gone sees nothing.
    #[expect(clippy::unused_self, reason = "reads as what it is")]
    fn write(&self, text: &str) {
        drop(std::io::stderr().lock().write_all(format!("\r\u{1b}[2K{text}").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_their_rate_and_the_place_in_the_stretch_are_told() {
        let second = 1_000_000_000;
        let told = |words, bounds| {
            let progress =
                Progress { bounds, words, zone: jiff::tz::TimeZone::UTC, told: None, begun: SystemClock.instant() };
            progress.text(5_000, 150 * second, Duration::from_secs(2))
        };
        let at = "1970-01-01T00:02:30.000+00:00";
        let (forward, backward) = ((100 * second, 300 * second), (300 * second, 100 * second));
        assert_eq!(
            told(Language::English, forward),
            format!("5000 lines, 2500 a second; at {at}, 25 % of the stretch")
        );
        assert_eq!(told(Language::Russian, backward), format!("строк: 5000, в секунду: 2500; {at}, 75 % отрезка"));
    }
}
