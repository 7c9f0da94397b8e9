//! What comes in: lines and series of a test as batches.

use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp, level_of};

use super::file::{InputLine, InputLines, InputSeries, UnitTest};
use crate::eval::{Failure, recorded_labels, recorded_line};

/// Lines of a test.
const LINES: usize = 1_000_000;

pub(super) fn batches(test: &UnitTest) -> Result<Vec<Batch>, Failure> {
    if let Some(start) = &test.start {
        start
            .parse::<jiff::Timestamp>()
            .map_err(|_| Failure::Failed(format!("`start`: `{start}` is no time such as 2026-01-05T00:00:00Z")))?;
    }
    let mut streams = Vec::new();
    let mut left = LINES;
    for input in &test.input_lines {
        streams.push(lines(test.begin(), input, &mut left)?);
    }
    for input in &test.input_series {
        streams.push(series(test, input, &mut left)?);
    }
    let received = test.begin();
    let batch = |stream| Batch { tenant: Tenant::default(), streams: vec![stream], id: None, received };
    Ok(streams.into_iter().map(batch).collect())
}

fn lines(begin: Timestamp, input: &InputLines, left: &mut usize) -> Result<Stream, Failure> {
    let labels =
        Labels::parse(&input.labels).map_err(|error| Failure::Failed(format!("`{}`: {error}", input.labels)))?;
    let mut entries = Vec::new();
    for line in &input.lines {
        for (number, offset) in offsets(line).enumerate() {
            take(left)?;
            let text = line.line.replace("{n}", &number.to_string());
            let mut metadata: Vec<(String, String)> =
                line.metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let level = level_of(&text, &metadata);
            if !metadata.iter().any(|(name, _)| name == "detected_level") {
                metadata.push(("detected_level".to_owned(), level.as_str().to_owned()));
            }
            entries.push(Entry { timestamp: Timestamp(begin.0.saturating_add(offset)), line: text, metadata });
        }
    }
    entries.sort_by_key(|entry| entry.timestamp);
    Ok(Stream { labels, entries })
}

/// When a line comes, in nanoseconds since the begin.
fn offsets(line: &InputLine) -> impl Iterator<Item = i64> + use<> {
    let (first, every, until) =
        (line.at.nanos(), line.every.map(|span| span.nanos()), line.until.map(|span| span.nanos()));
    let times = match (every, until) {
        (Some(every), Some(until)) if every > 0 => usize::try_from((until - first + every - 1) / every).unwrap_or(0),
        _ => 1,
    };
    let every = every.unwrap_or(0);
    (0..times).map(move |n| first.saturating_add(every.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX))))
}

fn series(test: &UnitTest, input: &InputSeries, left: &mut usize) -> Result<Stream, Failure> {
    let (name, labels) = match input.series.find('{') {
        Some(at) => input.series.split_at(at),
        None => (input.series.as_str(), "{}"),
    };
    let own = Labels::parse(labels).map_err(|error| Failure::Failed(format!("`{}`: {error}", input.series)))?;
    let stream =
        recorded_labels(name.trim()).ok_or_else(|| Failure::Failed(format!("`{}` has no name", input.series)))?;
    let metadata: Vec<(String, String)> = own.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut entries = Vec::new();
    for (number, value) in values(&input.values)?.into_iter().enumerate() {
        take(left)?;
        let Some(value) = value else { continue };
        let offset = test.interval.nanos().saturating_mul(i64::try_from(number).unwrap_or(i64::MAX));
        let timestamp = Timestamp(test.begin().0.saturating_add(offset));
        entries.push(Entry { timestamp, line: recorded_line(value), metadata: metadata.clone() });
    }
    Ok(Stream { labels: stream, entries })
}

fn take(left: &mut usize) -> Result<(), Failure> {
    *left = left.checked_sub(1).ok_or_else(|| Failure::Failed(format!("a test may have {LINES} lines")))?;
    Ok(())
}

/// Promtool's notation: numbers, `_` for none, `a+bxn` and `a-bxn` for n steps after `a`, `axn` for `a` n times more;
/// `stale` ends a series, which functions over a range, as all of LogQL are, see as no sample, in Prometheus as well.
fn values(text: &str) -> Result<Vec<Option<f64>>, Failure> {
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        let wrong = || Failure::Failed(format!("`{word}` is no value such as 3, _, stale, 0+10x5"));
        let (pattern, times) = match word.split_once('x') {
            Some((pattern, times)) => {
                (pattern, times.parse::<u32>().ok().filter(|n| *n <= 1_000_000).ok_or_else(wrong)?)
            }
            None => (word, 0),
        };
        if pattern == "_" {
            all.extend(std::iter::repeat_n(None, usize::try_from(times.max(1)).unwrap_or(1)));
            continue;
        }
        if pattern == "stale" {
            all.extend((0..=times).map(|_| None));
            continue;
        }
        let at = pattern
            .char_indices()
            .skip(1)
            .find(|(at, c)| matches!(c, '+' | '-') && !pattern.get(..*at).is_some_and(|before| before.ends_with('e')));
        let (first, step) = match at {
            Some((at, _)) => {
                let (first, step) = pattern.split_at(at);
                (first.parse().map_err(|_| wrong())?, step.parse().map_err(|_| wrong())?)
            }
            None => (pattern.parse().map_err(|_| wrong())?, 0.0),
        };
        let (first, step): (f64, f64) = (first, step);
        all.extend((0..=times).map(|n| Some(first + step * f64::from(n))));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_promtool_reads_them() {
        let read =
            |text: &str| values(text).unwrap().into_iter().map(|value| value.unwrap_or(-1.0)).collect::<Vec<_>>();
        assert_eq!(read("1 2 _ 4"), [1.0, 2.0, -1.0, 4.0]);
        assert_eq!(read("0+10x3"), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(read("5-2x2 _x2"), [5.0, 3.0, 1.0, -1.0, -1.0]);
        assert_eq!(read("7x2"), [7.0, 7.0, 7.0]);
        assert_eq!(read("1e-3"), [0.001]);
        assert_eq!(read("1 stale 3 stalex2"), [1.0, -1.0, 3.0, -1.0, -1.0, -1.0]);
        assert!(values("a+bxc").is_err() && values("stalest").is_err());
    }

    #[test]
    fn a_line_comes_again_until_its_end() {
        let line: InputLine = serde_yaml_ng::from_str("{at: 10s, every: 10s, until: 45s, line: x}").unwrap();
        assert_eq!(offsets(&line).map(|nanos| nanos / 1_000_000_000).collect::<Vec<_>>(), [10, 20, 30, 40]);
        let once: InputLine = serde_yaml_ng::from_str("{at: 10s, line: x}").unwrap();
        assert_eq!(offsets(&once).count(), 1);
    }
}
