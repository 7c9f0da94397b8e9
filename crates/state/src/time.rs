//! Times in the database: milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time as the database keeps it; zero for what lies before 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time of the database.
pub(crate) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_to_the_millisecond() {
        let now = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        assert_eq!(time(millis(now)), UNIX_EPOCH + Duration::from_millis(1_700_000_000_123));
        assert_eq!(millis(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(time(-5), UNIX_EPOCH);
    }
}
