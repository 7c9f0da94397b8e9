//! Answers as Loki writes them: shapes, number formats, and Go's escaping of HTML in JSON.

use std::io;

use logline::{Labels, Timestamp};
use query::{Answer, Data, LogStream, Sample, Series, Stats, merge_labels};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Map, Value, json};

/// The body of an answer to a query; `flags` is what the client asked for in `X-Loki-Response-Encoding-Flags`.
pub(super) fn answer(answer: Answer, flags: &[String]) -> Vec<u8> {
    let categorize = flags.iter().any(|flag| flag == "categorize-labels");
    let (kind, result) = match answer.data {
        Data::Streams(found) if categorize => ("streams", Found::Categorized(found)),
        Data::Streams(found) => ("streams", Found::Merged(merge_labels(found))),
        Data::Matrix(found) => ("matrix", Found::Matrix(found)),
        Data::Vector(found) => ("vector", Found::Vector(found)),
        Data::Scalar(time, value) => ("scalar", Found::Scalar(point(time, value))),
    };
    let flags = if kind == "streams" { flags } else { &[] };
    let data = QueryData { kind, flags, result, stats: stats(&answer.stats) };
    text(&Success { status: "success", data: Some(data), warnings: answer.warnings })
}

/// The body of any other answer; an empty list of names has no `data` at all.
pub(super) fn success<T: Serialize>(data: Option<T>) -> Vec<u8> {
    text(&Success { status: "success", data, warnings: Vec::new() })
}

/// A value as Go's encoder writes it, with a newline at the end.
pub(super) fn text(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and neither can values and maps with text keys.
    drop(value.serialize(&mut Serializer::with_formatter(&mut out, GoFormatter)));
    out.push(b'\n');
    out
}

/// Fields in the order in which Loki writes them.
#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct QueryData<'a> {
    #[serde(rename = "resultType")]
    kind: &'static str,
    #[serde(rename = "encodingFlags", skip_serializing_if = "<[_]>::is_empty")]
    flags: &'a [String],
    result: Found,
    stats: Value,
}

enum Found {
    Merged(Vec<LogStream>),
    Categorized(Vec<LogStream>),
    Matrix(Vec<Series>),
    Vector(Vec<Sample>),
    Scalar(Value),
}

impl Serialize for Found {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Merged(streams) => to.collect_seq(streams.iter().map(merged)),
            Self::Categorized(streams) => to.collect_seq(streams.iter().map(categorized)),
            Self::Matrix(found) => to.collect_seq(found.iter().map(series)),
            Self::Vector(found) => to.collect_seq(found.iter().map(sample)),
            Self::Scalar(point) => point.serialize(to),
        }
    }
}

/// Labels as a JSON object.
pub(super) struct LabelMap<'a>(pub(super) &'a Labels);

impl Serialize for LabelMap<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter())
    }
}

/// Pairs as a JSON object.
struct Pairs<'a>(&'a [(String, String)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Serialize)]
struct Stream<'a, V> {
    stream: LabelMap<'a>,
    values: Vec<V>,
}

#[derive(Serialize)]
struct Categories<'a> {
    #[serde(rename = "structuredMetadata", skip_serializing_if = "Option::is_none")]
    metadata: Option<Pairs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parsed: Option<Pairs<'a>>,
}

fn merged(stream: &LogStream) -> Stream<'_, (String, &str)> {
    let values = stream.entries.iter().map(|entry| (entry.timestamp.0.to_string(), entry.line.as_str()));
    Stream { stream: LabelMap(&stream.labels), values: values.collect() }
}

fn categorized(stream: &LogStream) -> Stream<'_, (String, &str, Categories<'_>)> {
    fn some(pairs: &[(String, String)]) -> Option<Pairs<'_>> {
        (!pairs.is_empty()).then_some(Pairs(pairs))
    }
    let values = stream.entries.iter().map(|entry| {
        let categories = Categories { metadata: some(&entry.metadata), parsed: some(&entry.parsed) };
        (entry.timestamp.0.to_string(), entry.line.as_str(), categories)
    });
    Stream { stream: LabelMap(&stream.labels), values: values.collect() }
}

#[derive(Serialize)]
struct Points<'a> {
    metric: LabelMap<'a>,
    values: Vec<Value>,
}

fn series(series: &Series) -> Points<'_> {
    let points = series.points.iter().map(|(time, value)| point(*time, *value));
    Points { metric: LabelMap(&series.labels), values: points.collect() }
}

#[derive(Serialize)]
struct Point<'a> {
    metric: LabelMap<'a>,
    value: Value,
}

fn sample(sample: &Sample) -> Point<'_> {
    Point { metric: LabelMap(&sample.labels), value: point(sample.timestamp, sample.value) }
}

/// Seconds as a number, with milliseconds where there are any; the value as text.
fn point(time: Timestamp, value: f64) -> Value {
    let millis = time.0.div_euclid(1_000_000);
    let seconds =
        if millis.rem_euclid(1_000) == 0 { json!(millis.div_euclid(1_000)) } else { json!(millis as f64 / 1e3) };
    json!([seconds, number(value)])
}

/// A value as Go's `strconv.FormatFloat(v, 'f', -1, 64)` writes it.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

/// Loki's statistics: true numbers where we have them, every other key with zero.
fn stats(stats: &Stats) -> Value {
    let seconds = stats.took.as_secs_f64();
    let per_second = |amount: u64| if seconds > 0.0 { (amount as f64 / seconds).round() } else { 0.0 };
    let chunk = json!({"headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": stats.bytes, "decompressedLines": stats.lines,
        "compressedBytes": 0, "totalDuplicates": 0, "postFilterLines": stats.lines_kept});
    let store = json!({"totalChunksRef": stats.files, "totalChunksDownloaded": stats.files, "chunksDownloadTime": 0, "chunk": chunk});
    let zero = json!({"entriesFound": 0, "entriesRequested": 0, "entriesStored": 0, "bytesReceived": 0, "bytesSent": 0, "requests": 0, "downloadTime": 0});
    let caches = [
        "chunk",
        "index",
        "result",
        "statsResult",
        "volumeResult",
        "seriesResult",
        "labelResult",
        "instantMetricResult",
        "logResult",
        "taskResult",
    ];
    json!({
        "summary": {"bytesProcessedPerSecond": per_second(stats.bytes), "linesProcessedPerSecond": per_second(stats.lines),
            "totalBytesProcessed": stats.bytes, "totalLinesProcessed": stats.lines, "execTime": seconds, "queueTime": 0,
            "subqueries": 0, "totalEntriesReturned": stats.returned, "splits": 0, "shards": 0,
            "totalPostFilterLines": stats.lines_kept, "totalStructuredMetadataBytesProcessed": 0, "estimatedQueryBytes": 0},
        "querier": {"store": store},
        "ingester": {"totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0,
            "store": {"totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0, "chunk": {}}},
        "cache": caches.iter().map(|name| ((*name).to_owned(), zero.clone())).collect::<Map<_, _>>(),
        "index": {"totalChunks": 0, "postFilterChunks": 0, "shardsDuration": 0, "usedBloomFilters": false, "totalStreams": 0},
    })
}

/// Go escapes `<`, `>`, `&` and the two line separators of Unicode.
#[derive(Debug)]
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let special = ['<', '>', '&', '\u{2028}', '\u{2029}'];
        let mut rest = fragment;
        while let Some((before, found)) = rest.find(special).and_then(|at| rest.split_at_checked(at)) {
            CompactFormatter.write_string_fragment(writer, before)?;
            let mut left = found.chars();
            if let Some(c) = left.next() {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            }
            rest = left.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_go_writes_them() {
        for (value, text) in [
            (2.0, "2"),
            (0.1, "0.1"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (1e21, "1000000000000000000000"),
            (-0.5, "-0.5"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(point(Timestamp(4_000_000_000), 2.0), json!([4, "2"]));
        assert_eq!(point(Timestamp(1_500_000_000), 2.0), json!([1.5, "2"]));
    }

    #[test]
    fn html_is_escaped_as_go_escapes_it() {
        let written = String::from_utf8(text(&json!("<a & b>\u{2028}\"привет\"\n"))).unwrap();
        assert_eq!(written, "\"\\u003ca \\u0026 b\\u003e\\u2028\\\"привет\\\"\\n\"\n");
    }
}
