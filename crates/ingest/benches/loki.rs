//! Decoding and encoding of one push of about 1 MiB; `bytes/s` counts the text of the lines.

use divan::Bencher;
use divan::counter::BytesCount;
use ingest::loki::{Context, Version, decode, encode};
use ingest::{Limits, Masking};
use logline::{Entry, Labels, Stream, Timestamp};

fn main() {
    divan::main();
}

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

fn streams() -> Vec<Stream> {
    let entry = |n: i64| Entry {
        timestamp: Timestamp(NOW.0 - 1_000_000_000 + n),
        line: format!(
            "[2027-01-15T08:00:00.{n:06}Z][RESP][POST /orders/{{id}}/submit] order_id={n} customer_id=77 request_id=r-{n} \
             status=SUBMITTED http_status=200 duration_ms=12 body={{\"items\":[{{\"model\":\"ring\",\"size\":17}}]}}"
        ),
        metadata: Vec::new(),
    };
    let stream = |name: &str| Stream {
        labels: Labels::new([("service".to_owned(), name.to_owned())]).expect("one label"),
        entries: (0..1500).map(entry).collect(),
    };
    ["shop-api", "crm-api", "mes-api"].map(stream).to_vec()
}

fn text_bytes(streams: &[Stream]) -> usize {
    streams.iter().flat_map(|stream| &stream.entries).map(Entry::bytes).sum()
}

fn json(streams: &[Stream]) -> Vec<u8> {
    let stream = |stream: &Stream| {
        let labels: serde_json::Map<_, _> =
            stream.labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let values: Vec<_> =
            stream.entries.iter().map(|entry| [entry.timestamp.0.to_string(), entry.line.clone()]).collect();
        serde_json::json!({ "stream": labels, "values": values })
    };
    let streams: Vec<_> = streams.iter().map(stream).collect();
    serde_json::to_vec(&serde_json::json!({ "streams": streams })).expect("plain data")
}

fn bench_decode(bencher: Bencher<'_, '_>, content_type: &str, body: &[u8], discover_log_levels: bool) {
    let limits = Limits { discover_log_levels, ..Limits::default() };
    let context = Context { limits: &limits, masking: &Masking::Off, now: NOW };
    bencher
        .counter(BytesCount::new(text_bytes(&streams())))
        .bench_local(|| decode(Some(content_type), None, body, Version::V1, &context).expect("a good body"));
}

#[divan::bench(args = [false, true])]
fn decode_protobuf(bencher: Bencher<'_, '_>, levels: bool) {
    bench_decode(bencher, "application/x-protobuf", &encode(&streams()), levels);
}

#[divan::bench(args = [false, true])]
fn decode_json(bencher: Bencher<'_, '_>, levels: bool) {
    bench_decode(bencher, "application/json", &json(&streams()), levels);
}

#[divan::bench]
fn encode_protobuf(bencher: Bencher<'_, '_>) {
    let streams = streams();
    bencher.counter(BytesCount::new(text_bytes(&streams))).bench_local(|| encode(&streams));
}
