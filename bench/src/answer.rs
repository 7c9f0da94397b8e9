//! What a system answered, in a form that can be compared: with the truth, and between systems.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::questions::{Question, Shape};

/// An answer without what systems word differently.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Values by their group; `lines` and `hash` for lines.
    pub values: BTreeMap<String, f64>,
}

/// Keeps the order of addition out of a hash, and a hash within what a float holds exactly.
const HASH_BITS: u64 = (1 << 50) - 1;

impl Answer {
    /// Of lines: how many, and a hash that does not depend on their order.
    pub fn lines(hashes: impl Iterator<Item = u64>) -> Self {
        let (count, sum) = hashes.fold((0_u64, 0_u64), |(count, sum), hash| (count + 1, sum.wrapping_add(hash)));
        let values = [("lines", count as f64), ("hash", (sum & HASH_BITS) as f64)];
        Self { values: values.map(|(name, value)| (name.to_owned(), value)).into() }
    }

    /// The greatest numbers by rank.
    pub fn top(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(|a, b| b.total_cmp(a));
        let ranked = numbers.into_iter().take(10).enumerate();
        Self { values: ranked.map(|(rank, number)| (format!("{:02}", rank + 1), number)).collect() }
    }

    /// Whether it says the same; a quantile may be off by one per cent.
    pub fn agrees(&self, other: &Self, shape: Shape) -> bool {
        let near = |a: f64, b: f64| match shape {
            Shape::Quantile => (a - b).abs() <= b.abs() / 100.0,
            Shape::Lines | Shape::Last | Shape::Groups(_) | Shape::FiveMinutes | Shape::Top => a == b,
        };
        self.values.len() == other.values.len()
            && self.values.iter().all(|(key, value)| other.values.get(key).is_some_and(|other| near(*value, *other)))
    }

    /// For people.
    pub fn brief(&self) -> String {
        match self.values.get("lines") {
            Some(lines) => format!("{lines} lines"),
            None if self.values.len() == 1 => self.values.values().map(f64::to_string).collect(),
            None => format!("{} values, sum {}", self.values.len(), self.values.values().sum::<f64>()),
        }
    }

    /// Reads what Loki's API answered.
    pub fn of_loki(question: &Question, body: &str) -> Result<Self> {
        let body: Value = serde_json::from_str(body).context("the answer is not JSON")?;
        let series = body["data"]["result"].as_array().context("an answer without a result")?;
        let group = |series: &Value, label: &str| text(&series["metric"][label]);
        let values = || {
            series.iter().flat_map(|series| {
                let points = series["values"].as_array().map(Vec::as_slice).unwrap_or_default();
                let points = if points.is_empty() { std::slice::from_ref(&series["value"]) } else { points };
                points.iter().map(move |point| (series, point))
            })
        };
        let entries = series.iter().filter_map(|stream| stream["values"].as_array()).flatten();
        Ok(match question.shape {
            Shape::Lines => Self::lines(entries.map(|entry| hash(entry[1].as_str().unwrap_or_default()))),
            Shape::Last => Self::lines(entries.map(|entry| hash(entry[0].as_str().unwrap_or_default()))),
            Shape::Top => Self::top(values().map(|(_, point)| number(&point[1])).collect()),
            Shape::Quantile => Self::groups(values().map(|(_, point)| (String::new(), number(&point[1])))),
            Shape::Groups(label) => {
                Self::groups(values().map(|(series, point)| (group(series, label), number(&point[1]))))
            }
            Shape::FiveMinutes => Self::groups(values().map(|(series, point)| {
                let end = point[0].as_f64().unwrap_or(0.0);
                (five_minutes(&group(series, "service_name"), end), number(&point[1]))
            })),
        })
    }

    /// Reads what VictoriaLogs answered: one JSON object a line.
    pub fn of_victorialogs(question: &Question, body: &str) -> Result<Self> {
        let rows: Vec<Value> =
            body.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("the answer is not JSON lines")?;
        let time = |row: &Value| -> Result<jiff::Timestamp> { Ok(text(&row["_time"]).parse()?) };
        Ok(match question.shape {
            Shape::Lines => Self::lines(rows.iter().map(|row| hash(row["_msg"].as_str().unwrap_or_default()))),
            Shape::Last => {
                let times: Vec<String> =
                    rows.iter().map(|row| Ok(time(row)?.as_nanosecond().to_string())).collect::<Result<_>>()?;
                Self::lines(times.iter().map(|time| hash(time)))
            }
            Shape::Top => Self::top(rows.iter().map(|row| number(&row["n"])).collect()),
            Shape::Quantile => Self::groups(rows.iter().map(|row| (String::new(), number(&row["n"])))),
            Shape::Groups(label) => Self::groups(rows.iter().map(|row| (text(&row[label]), number(&row["n"])))),
            Shape::FiveMinutes => {
                let mut values = Vec::new();
                for row in &rows {
                    // A bucket of theirs begins at its time, one of LogQL ends there.
                    let end = time(row)?.as_second() as f64 + 300.0;
                    values.push((five_minutes(&text(&row["service_name"]), end), number(&row["n"])));
                }
                Self::groups(values.into_iter())
            }
        })
    }

    /// Values by group; zeroes are left out, as some systems do.
    pub fn groups(values: impl Iterator<Item = (String, f64)>) -> Self {
        Self { values: values.filter(|(_, value)| *value != 0.0).collect() }
    }
}

/// The name of a service's five minutes, by their end in seconds.
pub fn five_minutes(service: &str, end: f64) -> String {
    format!("{service} {end:.0}")
}

/// FNV-1a; not for secrets.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}
