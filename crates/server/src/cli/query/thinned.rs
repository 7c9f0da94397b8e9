//! Lines that `--interval` thins out: the server gives them page by page and stream by stream.

use serde::Deserialize;
use serde_json::Value;

use super::lines::{Line, Stream};

/// Most lines of a page.
const PAGE: u64 = 1_000;

/// Lines that are still wanted, and where the next ones are.
#[derive(Debug)]
pub(super) struct Pages {
    bounds: (i64, i64),
    /// Nanoseconds from line to line, at least.
    interval: i64,
    is_forward: bool,
    left: u64,
}

impl Pages {
    /// Of a stretch of time, with a limit of 0 for all lines.
    pub(super) fn new(bounds: (i64, i64), interval: std::time::Duration, is_forward: bool, limit: u64) -> Self {
        let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
        Self { bounds, interval, is_forward, left: if limit == 0 { u64::MAX } else { limit } }
    }

    /// The stretch of the next page and how many lines it may have; `None` when all have come.
    pub(super) fn next(&self) -> Option<((i64, i64), u64)> {
        let is_any = self.left > 0 && self.bounds.0 < self.bounds.1;
        is_any.then(|| (self.bounds, self.left.min(PAGE)))
    }

    /// The lines of the page that was asked for.
    pub(super) fn take(&mut self, result: &Value) -> Result<Vec<Line>, serde_json::Error> {
        let lines = lines(result, self.is_forward)?;
        let (count, full) = (lines.len() as u64, self.left.min(PAGE));
        match lines.last().filter(|_| full <= count) {
            // The next line is one that is far enough from the last one, which no page tells the next.
            Some(last) if self.is_forward => self.bounds.0 = last.time().saturating_add(self.interval),
            Some(last) => self.bounds.1 = last.time().saturating_sub(self.interval).saturating_add(1),
            None => self.bounds.1 = self.bounds.0,
        }
        self.left = self.left.saturating_sub(count);
        Ok(lines)
    }
}

/// Lines of an answer, all streams together in the order of time.
pub(super) fn lines(result: &Value, is_forward: bool) -> Result<Vec<Line>, serde_json::Error> {
    let streams = Vec::<Stream>::deserialize(result)?;
    let mut lines: Vec<_> = streams.into_iter().flat_map(Stream::lines).collect();
    if is_forward {
        lines.sort_by_key(Line::time);
    } else {
        lines.sort_by_key(|line| std::cmp::Reverse(line.time()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn result(of: &[(&str, &[i64])]) -> Value {
        let stream = |(app, times): &(&str, &[i64])| {
            let values: Vec<_> = times.iter().map(|time| json!([time.to_string(), format!("{app}{time}")])).collect();
            json!({"stream": {"app": app}, "values": values})
        };
        of.iter().map(stream).collect()
    }

    fn times(lines: &[Line]) -> Vec<i64> {
        lines.iter().map(Line::time).collect()
    }

    #[test]
    fn lines_of_all_streams_stand_in_the_order_of_time() {
        let pages = |is_forward| Pages::new((0, 100), Duration::from_nanos(10), is_forward, 30);
        let mut forward = pages(true);
        assert_eq!(times(&forward.take(&result(&[("a", &[10, 40]), ("b", &[20, 30])])).unwrap()), [10, 20, 30, 40]);
        assert_eq!(forward.next(), None, "a page that is not full is the last");
        let backward = pages(false).take(&result(&[("a", &[40, 10]), ("b", &[30, 20])])).unwrap();
        assert_eq!(times(&backward), [40, 30, 20, 10]);
        assert!(pages(true).take(&json!([{"stream": {}}])).is_err());
    }

    #[test]
    fn a_full_page_goes_on_behind_the_interval_until_the_limit() {
        let full: Vec<i64> = (0..1_000).map(|n| n * 10).collect();
        let pages = |is_forward, limit| Pages::new((0, 1_000_000), Duration::from_nanos(10), is_forward, limit);
        let mut forward = pages(true, 1_500);
        assert_eq!(forward.next(), Some(((0, 1_000_000), 1_000)));
        forward.take(&result(&[("a", &full)])).unwrap();
        assert_eq!(forward.next(), Some(((10_000, 1_000_000), 500)));
        forward.take(&result(&[("a", full.get(..500).unwrap())])).unwrap();
        assert_eq!(forward.next(), None, "as many as were asked for");
        let mut backward = pages(false, 0);
        backward.take(&result(&[("a", &full.iter().map(|time| time + 500).collect::<Vec<_>>())])).unwrap();
        // The end does not belong to a stretch: a line of the time 490 is far enough from that of 500.
        assert_eq!(backward.next(), Some(((0, 491), 1_000)));
    }
}
