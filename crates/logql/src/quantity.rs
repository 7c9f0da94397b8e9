//! Durations and sizes: how LogQL, Go and Prometheus write them.

use std::fmt;

/// A span of time in nanoseconds; negative is backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub i64);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteCount(pub u64);

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Units of Prometheus, largest first.
const PROMETHEUS: [(&str, u64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)];

/// Units of Go, largest first.
const GO: [(&str, u64); 8] = [
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ns", 1),
];

impl Nanos {
    /// Reads what Prometheus reads: whole numbers with units from `y` to `ms`, each unit once, largest first, or `0`.
    ///
    /// # Errors
    /// Prometheus's text of what is wrong.
    pub fn parse_prometheus(text: &str) -> Result<Self, String> {
        match text {
            "" => return Err("empty duration string".to_owned()),
            "0" => return Ok(Self(0)),
            _ => {}
        }
        let invalid = || format!("not a valid duration string: {text:?}");
        let mut rest = text;
        let mut units = PROMETHEUS.as_slice();
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (number, tail) = split_while(rest, |c| c.is_ascii_digit());
            let (unit, tail) = split_while(tail, |c| !c.is_ascii_digit());
            if number.is_empty() || unit.is_empty() {
                return Err(invalid());
            }
            if PROMETHEUS.iter().all(|(name, _)| *name != unit) {
                return Err(format!("unknown unit {unit:?} in duration {text:?}"));
            }
            let place = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
            let count: u64 = number.parse().map_err(|_| invalid())?;
            total = count
                .checked_mul(units[place].1)
                .and_then(|part| total.checked_add(part))
                .ok_or("duration out of range")?;
            units = &units[place + 1..];
            rest = tail;
        }
        i64::try_from(total).map(Self).map_err(|_| "duration out of range".to_owned())
    }

    /// Reads what Go reads: an optional sign, then decimal numbers with units from `h` to `ns` in any order, or `0`.
    /// This is how label values are read.
    #[must_use]
    pub fn parse_go(text: &str) -> Option<Self> {
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (whole, tail) = split_while(rest, |c| c.is_ascii_digit());
            let (fraction, tail) = match tail.strip_prefix('.') {
                Some(tail) => split_while(tail, |c| c.is_ascii_digit()),
                None => ("", tail),
            };
            if whole.is_empty() && fraction.is_empty() {
                return None;
            }
            let (unit, tail) = split_while(tail, |c| c != '.' && !c.is_ascii_digit());
            let (_, scale) = *GO.iter().find(|(name, _)| *name == unit)?;
            let count: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            total = total.checked_add(count.checked_mul(scale)?)?.checked_add(fraction_of(fraction, scale))?;
            rest = tail;
        }
        if negative { 0_i64.checked_sub_unsigned(total).map(Self) } else { i64::try_from(total).ok().map(Self) }
    }

    /// Reads a duration as it stands in a query: Prometheus's way, else Go's.
    pub(crate) fn parse_literal(text: &str) -> Option<Self> {
        Self::parse_prometheus(text).ok().or_else(|| Self::parse_go(text))
    }
}

/// Prints the shortest list of units that a query reads back as the same duration.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.unsigned_abs();
        if rest == 0 {
            return f.write_str("0s");
        }
        if 0 < self.0 && rest.is_multiple_of(MILLISECOND) {
            // Years and weeks only when nothing else is left, as Prometheus prints.
            for (unit, scale) in &PROMETHEUS[..2] {
                if rest.is_multiple_of(*scale) {
                    return write!(f, "{}{unit}", rest / scale);
                }
            }
            return units(f, &mut rest, &PROMETHEUS[2..]);
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        units(f, &mut rest, &GO)
    }
}

fn units(f: &mut fmt::Formatter<'_>, rest: &mut u64, units: &[(&str, u64)]) -> fmt::Result {
    for (unit, scale) in units {
        if *scale <= *rest {
            write!(f, "{}{unit}", *rest / scale)?;
            *rest %= scale;
        }
    }
    Ok(())
}

/// `0.fraction * scale`, rounded down; digits past the 18th count for nothing.
fn fraction_of(fraction: &str, scale: u64) -> u64 {
    let digits = fraction.bytes().take(18);
    let (value, base) =
        digits.fold((0_u128, 1_u128), |(value, base), digit| (value * 10 + u128::from(digit - b'0'), base * 10));
    u64::try_from(value * u128::from(scale) / base).unwrap_or(0)
}

impl ByteCount {
    /// Reads a size such as `5`, `1.5KB`, `2 MiB`; the case of the unit does not matter, without `i` it is decimal.
    /// This is how label values are read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_while(text, |c| c.is_ascii_digit() || c == '.' || c == ',');
        let number: f64 = number.replace(',', "").parse().ok()?;
        let bytes = number * unit_size(&unit.trim().to_ascii_lowercase())?;
        // 2^64, the smallest float that does not fit.
        if bytes < 18_446_744_073_709_551_616.0 {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rounds down; digits have no sign"
            )]
            Some(Self(bytes as u64))
        } else {
            None
        }
    }
}

/// Bytes in a unit in lower case: `b`, `k`, `kb`, `ki`, `kib` and so on to `e`.
fn unit_size(unit: &str) -> Option<f64> {
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let (prefix, base) = match unit.strip_suffix('i') {
        Some(prefix) => (prefix, 1024.0_f64),
        None => (unit, 1000.0),
    };
    let power = match prefix {
        "" if base > 1000.0 => return None,
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return None,
    };
    Some(base.powi(power))
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B", self.0)
    }
}

fn split_while(text: &str, pass: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !pass(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
