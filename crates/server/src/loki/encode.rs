//! Answers as Loki writes them: shapes, number formats, and Go's escaping of HTML in JSON.

pub(super) mod legacy;

use std::io;

use axum::http::HeaderMap;
use logline::{Labels, Timestamp};
use query::{Answer, Data, LogEntry, LogStream, Sample, Series, Stats, Volume, merge_labels};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Map, Value, json};

use crate::feed::Dropped;

/// How the client wants its labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoding {
    /// As asked for; unknown ones are echoed as well.
    flags: Vec<String>,
    /// Labels of streams, metadata and parsers are told apart.
    categorize: bool,
    /// As the first API had it.
    is_legacy: bool,
}

impl Encoding {
    /// What a request asks for in `X-Loki-Response-Encoding-Flags`.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all("x-loki-response-encoding-flags").iter().filter_map(|value| value.to_str().ok());
        let flags = values.flat_map(|value| value.split(',')).map(|flag| flag.trim().to_owned());
        let flags: Vec<_> = flags.filter(|flag| !flag.is_empty()).collect();
        Self { categorize: flags.iter().any(|flag| flag == "categorize-labels"), flags, is_legacy: false }
    }

    /// That of the first API.
    pub(super) fn legacy() -> Self {
        Self { is_legacy: true, ..Self::default() }
    }
}

/// The body of an answer to a query.
pub(super) fn answer(answer: Answer, encoding: &Encoding) -> Vec<u8> {
    let Encoding { flags, categorize, .. } = encoding;
    let (kind, result) = match answer.data {
        Data::Streams(found) if *categorize => ("streams", Found::Categorized(found)),
        Data::Streams(found) => ("streams", Found::Merged(merge_labels(found))),
        Data::Matrix(found) => ("matrix", Found::Matrix(found)),
        Data::Vector(found) => ("vector", Found::Vector(found)),
        Data::Scalar(time, value) => ("scalar", Found::Scalar(point(time, value))),
    };
    let flags: &[String] = if kind == "streams" { flags } else { &[] };
    let data = QueryData { kind, flags, result, stats: stats(&answer.stats) };
    text(&Success { status: "success", data: Some(data), warnings: answer.warnings })
}

/// Volumes that have one point each.
pub(super) fn vector(found: &Answer<Vec<Volume>>) -> Vec<u8> {
    let point = |volume: &Volume| {
        let value = volume.points.first().map(|(time, bytes)| json!([seconds(*time), bytes.to_string()]));
        json!({"metric": metric(volume), "value": value})
    };
    volumes("vector", &found.data.iter().map(point).collect::<Vec<_>>(), &found.stats)
}

/// Volumes over time.
pub(super) fn matrix(found: &Answer<Vec<Volume>>) -> Vec<u8> {
    let points = |volume: &Volume| {
        let values = volume.points.iter().map(|(time, bytes)| json!([seconds(*time), bytes.to_string()]));
        json!({"metric": metric(volume), "values": values.collect::<Vec<_>>()})
    };
    volumes("matrix", &found.data.iter().map(points).collect::<Vec<_>>(), &found.stats)
}

fn metric(volume: &Volume) -> Map<String, Value> {
    volume.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}

fn volumes(kind: &str, result: &[Value], took: &Stats) -> Vec<u8> {
    success(Some(json!({"resultType": kind, "result": result, "stats": stats(took)})))
}

/// A message of a tail: each line a stream of its own.
pub(super) fn frame(lines: Vec<(Labels, LogEntry)>, dropped: &[Dropped], encoding: &Encoding) -> String {
    let stream = |(labels, entry): (Labels, LogEntry)| LogStream { labels, entries: vec![entry] };
    let streams: Vec<_> = lines.into_iter().map(stream).collect();
    if encoding.is_legacy {
        return legacy::frame(&each_merged(streams), dropped).to_string();
    }
    let streams = if encoding.categorize { Found::Categorized(streams) } else { Found::Merged(each_merged(streams)) };
    let dropped = dropped
        .iter()
        .map(|line| DroppedEntry { labels: LabelMap(&line.labels), timestamp: line.timestamp.0.to_string() });
    let text = text(&Frame { streams, dropped: dropped.collect(), flags: &encoding.flags });
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

/// A line of a list: its stream, time, text and other labels.
pub(super) fn line(labels: &Labels, entry: &LogEntry, encoding: &Encoding) -> Vec<u8> {
    let timestamp = entry.timestamp.0.to_string();
    if encoding.categorize {
        let (metadata, parsed) = (some(&entry.metadata), some(&entry.parsed));
        return text(&Line { timestamp, stream: LabelMap(labels), line: &entry.line, metadata, parsed });
    }
    let labels = all_labels(labels, entry);
    text(&Line { timestamp, stream: LabelMap(&labels), line: &entry.line, metadata: None, parsed: None })
}

fn each_merged(streams: Vec<LogStream>) -> Vec<LogStream> {
    let merged = |stream: LogStream| match stream.entries.first() {
        Some(entry) => LogStream { labels: all_labels(&stream.labels, entry), entries: stream.entries },
        None => stream,
    };
    streams.into_iter().map(merged).collect()
}

fn all_labels(labels: &Labels, entry: &LogEntry) -> Labels {
    let mut all = labels.clone();
    entry.metadata.iter().chain(&entry.parsed).for_each(|(name, value)| all.set(name, value));
    all
}

#[derive(Serialize)]
struct Frame<'a> {
    streams: Found,
    #[serde(rename = "dropped_entries", skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<DroppedEntry<'a>>,
    #[serde(rename = "encodingFlags", skip_serializing_if = "<[_]>::is_empty")]
    flags: &'a [String],
}

#[derive(Serialize)]
struct DroppedEntry<'a> {
    labels: LabelMap<'a>,
    timestamp: String,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    stream: LabelMap<'a>,
    line: &'a str,
    #[serde(rename = "structuredMetadata", skip_serializing_if = "Option::is_none")]
    metadata: Option<Pairs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parsed: Option<Pairs<'a>>,
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
    let values = stream.entries.iter().map(|entry| {
        let categories = Categories { metadata: some(&entry.metadata), parsed: some(&entry.parsed) };
        (entry.timestamp.0.to_string(), entry.line.as_str(), categories)
    });
    Stream { stream: LabelMap(&stream.labels), values: values.collect() }
}

fn some(pairs: &[(String, String)]) -> Option<Pairs<'_>> {
    (!pairs.is_empty()).then_some(Pairs(pairs))
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

fn point(time: Timestamp, value: f64) -> Value {
    json!([seconds(time), number(value)])
}

/// Seconds as a number, with milliseconds where there are any.
fn seconds(time: Timestamp) -> Value {
    let millis = time.0.div_euclid(1_000_000);
    if millis.rem_euclid(1_000) == 0 { json!(millis.div_euclid(1_000)) } else { json!(millis as f64 / 1e3) }
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

/// The caches that Loki tells of; we have none of them.
const CACHES: [&str; 10] = [
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

/// Loki's statistics: true numbers where we have them, every other key with zero. A file counts as a chunk.
pub(super) fn stats(stats: &Stats) -> Value {
    let took = stats.took.as_secs_f64();
    // Whole, as all numbers but times: Go's readers refuse anything else.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate of amounts that are not negative"
    )]
    let per_second = |amount: u64| if took > 0.0 { (amount as f64 / took).round() as u64 } else { 0 };
    let cache = json!({"entriesFound": 0, "entriesRequested": 0, "entriesStored": 0, "bytesReceived": 0, "bytesSent": 0,
        "requests": 0, "downloadTime": 0, "queryLengthServed": 0});
    let looked_at = stats.lines.saturating_add(stats.lines_pruned);
    // What is in memory stands where Loki tells of its ingesters; kept lines are not told apart.
    let of_files = Stats {
        bytes: stats.bytes.saturating_sub(stats.bytes_of_head),
        lines: stats.lines.saturating_sub(stats.lines_of_head),
        ..*stats
    };
    let mut head = store(&Stats::default());
    head["chunk"]["headChunkBytes"] = json!(stats.bytes_of_head);
    head["chunk"]["headChunkLines"] = json!(stats.lines_of_head);
    json!({
        "summary": {"bytesProcessedPerSecond": per_second(stats.bytes), "linesProcessedPerSecond": per_second(stats.lines),
            "totalBytesProcessed": stats.bytes, "totalLinesProcessed": stats.lines, "execTime": took, "queueTime": stats.waited.as_secs_f64(),
            "subqueries": 0, "totalEntriesReturned": stats.returned, "splits": 0, "shards": 0,
            "totalPostFilterLines": stats.lines_kept, "totalStructuredMetadataBytesProcessed": stats.metadata_bytes, "estimatedQueryBytes": 0},
        "querier": {"store": store(&of_files)},
        "ingester": {"totalReached": u8::from(stats.lines_of_head > 0), "totalChunksMatched": 0, "totalBatches": 0,
            "totalLinesSent": stats.lines_of_head, "store": head},
        "cache": CACHES.iter().map(|name| ((*name).to_owned(), cache.clone())).collect::<Map<_, _>>(),
        "index": {"totalChunks": stats.files, "postFilterChunks": stats.files, "shardsDuration": 0,
            "usedBloomFilters": false, "totalStreams": stats.streams},
        "lapidary": {"linesInRange": looked_at, "linesPruned": stats.lines_pruned,
            "linesPrunedByIndex": stats.lines_pruned_by_index},
    })
}

fn store(stats: &Stats) -> Value {
    let chunk = json!({"headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": stats.bytes,
        "decompressedLines": stats.lines, "compressedBytes": 0, "totalDuplicates": 0, "postFilterLines": stats.lines_kept,
        "headChunkStructuredMetadataBytes": 0, "decompressedStructuredMetadataBytes": stats.metadata_bytes});
    json!({"totalChunksRef": stats.files, "totalChunksDownloaded": stats.files, "chunksDownloadTime": 0,
        "queryReferencedStructuredMetadata": stats.metadata_bytes > 0, "chunkRefsFetchTime": 0, "congestionControlLatency": 0,
        "pipelineWrapperFilteredLines": 0, "chunk": chunk})
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
