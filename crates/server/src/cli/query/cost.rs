//! What a query cost, as the server tells it at the end of each of its answers.

use serde_json::Value;
use stdx::Language;

/// What answers cost, all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    lines: u64,
    bytes: u64,
    seconds: f64,
}

impl Cost {
    /// One more answer with these statistics.
    pub(super) fn add(&mut self, stats: &Value) {
        let number = |name: &str| stats["summary"][name].as_u64().unwrap_or(0);
        self.lines += number("totalLinesProcessed");
        self.bytes += number("totalBytesProcessed");
        self.seconds += stats["summary"]["execTime"].as_f64().unwrap_or(0.0);
    }

    /// For people.
    pub(super) fn shown(&self, words: Language) -> String {
        let Self { lines, bytes, seconds } = self;
        let (bytes, millis) = (stdx::ByteSize(*bytes), seconds * 1e3);
        match words {
            Language::English => format!("{lines} lines, {bytes} of text, {millis:.0} ms"),
            Language::Russian => format!("строк: {lines}, текста: {bytes}, {millis:.0} мс"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_cost_of_several_answers_is_told_as_one() {
        let mut cost = Cost::default();
        for (lines, bytes, took) in [(3, 1000, 0.25), (4, 1048, 1.0)] {
            cost.add(
                &json!({"summary": {"totalLinesProcessed": lines, "totalBytesProcessed": bytes, "execTime": took}}),
            );
        }
        assert_eq!(cost.shown(Language::English), format!("7 lines, {} of text, 1250 ms", stdx::ByteSize(2048)));
        assert_eq!(cost.shown(Language::Russian), format!("строк: 7, текста: {}, 1250 мс", stdx::ByteSize(2048)));
    }
}
