//! How many lines there are over time, by level, in one row of blocks each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lines::colour;
use super::metrics::nanos;
use crate::cli::{terminal, time};

/// Columns.
const WIDTH: i64 = 60;
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MILLISECOND: i64 = 1_000_000;

/// The metric query that counts the lines of a log query, and its step in nanoseconds.
pub(super) fn query(log: &str, (start, end): (i64, i64)) -> (String, i64) {
    let step = (end.saturating_sub(start) / WIDTH / MILLISECOND).max(1) * MILLISECOND;
    let millis = step / MILLISECOND;
    (format!("sum by (detected_level) (count_over_time({log} [{millis}ms]))"), step)
}

/// A row a level, and an axis.
pub(super) fn drawn(
    answer: &Value,
    (start, end): (i64, i64),
    step: i64,
    zone: &jiff::tz::TimeZone,
    colours: bool,
) -> String {
    let mut levels: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    for series in answer["data"]["result"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let level = series["metric"]["detected_level"].as_str().unwrap_or("unknown");
        let row = levels.entry(level.to_owned()).or_default();
        for point in series["values"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let column = (nanos(&point[0]).saturating_sub(start) / step.max(1)).saturating_sub(1).clamp(0, WIDTH - 1);
            let count: f64 = point[1].as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0);
            *row.entry(column).or_default() += count;
        }
    }
    let most = levels.values().flat_map(BTreeMap::values).fold(0.0, |most: f64, count| most.max(*count));
    if most == 0.0 {
        return String::new();
    }
    let mut out = String::new();
    for (level, row) in &levels {
        let blocks: String = (0..WIDTH).map(|column| block(row.get(&column).copied().unwrap_or(0.0), most)).collect();
        let blocks = if colours { format!("\u{1b}[{}m{blocks}\u{1b}[0m", colour(level)) } else { blocks };
        let level = terminal::row(level);
        out += &format!("{level:>8} {blocks} {}\n", row.values().sum::<f64>());
    }
    let (from, to) = (time::shown(start, zone), time::shown(end, zone));
    let gap = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(from.chars().count() + to.chars().count());
    out + &format!("{:8} {from}{}{to}\n\n", "", " ".repeat(gap.max(1)))
}

/// A block as high as its share; nothing at all is a space.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of eight")]
fn block(count: f64, most: f64) -> char {
    if count <= 0.0 {
        return ' ';
    }
    let height = (count / most * BLOCKS.len() as f64).ceil() as usize;
    BLOCKS.get(height.clamp(1, BLOCKS.len()) - 1).copied().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_stand_at_their_time_and_as_high_as_they_are() {
        let second = 1_000_000_000;
        let (text, step) = query(r#"{a="b"} |= "x""#, (0, 60 * second));
        assert_eq!(
            (text.as_str(), step),
            (r#"sum by (detected_level) (count_over_time({a="b"} |= "x" [1000ms]))"#, second)
        );
        let answer = json!({"data": {"result": [
            {"metric": {"detected_level": "info"}, "values": [[1, "8"], [30, "1"], [60, "4"]]},
            {"metric": {"detected_level": "error"}, "values": [[2, "2"]]},
        ]}});
        let drawn = drawn(&answer, (0, 60 * second), step, &jiff::tz::TimeZone::UTC, false);
        let rows: Vec<_> = drawn.lines().collect();
        assert_eq!(rows[0].trim_end(), format!("   error  ▂{} 2", " ".repeat(58)));
        assert_eq!(rows[1], format!("    info █{}▁{}▄ 13", " ".repeat(28), " ".repeat(29)));
        assert!(
            rows[2].contains("1970-01-01T00:00:00.000+00:00") && rows[2].ends_with("00:01:00.000+00:00"),
            "{drawn}"
        );
        assert_eq!(super::drawn(&json!({}), (0, 1), 1, &jiff::tz::TimeZone::UTC, false), "");
    }
}
