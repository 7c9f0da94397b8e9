//! Lengths of time as Prometheus writes them: `1h30m`.

use std::fmt;
use std::time::Duration;

use logql::Nanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in a file of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// In nanoseconds, for the arithmetic of times.
    pub fn nanos(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// Units of Prometheus, the largest first, in milliseconds; weeks and years are left out where they do not divide.
const UNITS: [(&str, u128); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_millis();
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in UNITS {
            // A week is written only where nothing is left beside it, as Prometheus does.
            let whole = if unit == "w" { left.is_multiple_of(length) } else { length <= left };
            if whole && length <= left {
                write!(f, "{}{unit}", left / length)?;
                left %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = super::raw::scalar(deserializer)?;
        let nanos = Nanos::parse_prometheus(&text).map_err(de::Error::custom)?;
        Ok(Self(Duration::from_nanos(u64::try_from(nanos.0).unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_as_prometheus_does() {
        for (text, seconds) in [("1m", 60), ("1h30m", 5_400), ("2w", 1_209_600), ("0", 0), ("90s", 90), ("8d", 691_200)]
        {
            let span: Span = serde_yaml_ng::from_str(text).unwrap();
            assert_eq!(span.0.as_secs(), seconds, "{text}");
        }
        let shown = |seconds| Span::seconds(seconds).to_string();
        assert_eq!(
            [60, 90, 5_400, 86_400, 604_800, 691_200, 0].map(shown),
            ["1m", "1m30s", "1h30m", "1d", "1w", "8d", "0s"]
        );
        assert!(serde_yaml_ng::from_str::<Span>("5 minutes").is_err());
    }
}
