//! The kinds of values that a setting can have, and how people write them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{ByteSize, Secret};

/// A type that a setting can have.
pub trait Setting: Sized {
    /// What to write, after "is not …" and "want …".
    const WANT: &'static str;

    /// Reads a written value; `None` when it is of another kind.
    fn read(value: &toml::Value) -> Option<Self>;

    /// Writes a value as it would stand in the file.
    fn show(&self) -> String;
}

impl Setting for bool {
    const WANT: &'static str = "`true` or `false`";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_bool()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for u64 {
    const WANT: &'static str = "a whole number, not negative";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_integer().and_then(|number| number.try_into().ok())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for f64 {
    const WANT: &'static str = "a number";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_float().or_else(|| value.as_integer().map(|number| number as Self)).filter(|number| number.is_finite())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    const WANT: &'static str = "a text in quotes";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl Setting for PathBuf {
    const WANT: &'static str = "a path in quotes";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_str().filter(|path| !path.is_empty()).map(Self::from)
    }

    fn show(&self) -> String {
        format!("{:?}", self.display().to_string())
    }
}

impl Setting for SocketAddr {
    const WANT: &'static str = "an address and port such as \"127.0.0.1:3100\"";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Setting for ByteSize {
    const WANT: &'static str = "a size such as \"64MiB\"";

    fn read(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Integer(bytes) => (*bytes).try_into().ok().map(Self),
            toml::Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

impl Setting for Duration {
    const WANT: &'static str = "a duration such as \"90s\", \"1h30m\" or \"14d\"";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_str().and_then(parse_duration)
    }

    fn show(&self) -> String {
        format!("\"{}\"", show_duration(*self))
    }
}

impl Setting for Secret<String> {
    const WANT: &'static str = "a secret in quotes";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_str().map(|text| Self::new(text.to_owned()))
    }

    fn show(&self) -> String {
        String::new()
    }
}

impl<T: Setting> Setting for Vec<T> {
    const WANT: &'static str = "a list such as [\"a\", \"b\"]";

    fn read(value: &toml::Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(T::show).collect::<Vec<_>>().join(", "))
    }
}

const UNITS: [(&str, u64); 6] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1), ("w", 604_800_000)];

/// Reads `250ms`, `90s`, `1h30m`, `14d`, `2w`, or `0`; whole numbers with a unit each. `None` for anything else.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, tail) = after.split_at(letters);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = number.parse::<u64>().ok()?.checked_mul(*millis)?.checked_add(total)?;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

/// Writes a duration with at most two units, largest first: `2d4h`, `1h30m`, `45s`, `250ms`.
pub fn show_duration(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, millis) in UNITS.iter().take(5) {
        if left >= *millis && parts.len() < 2 {
            parts.push(format!("{}{unit}", left / millis));
            left %= millis;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}
