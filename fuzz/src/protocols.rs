//! Decoders of streams: never panic, and give the same however the stream is cut into pieces. Decoders of requests: never
//! panic, and what they give out is fit to be stored.

use ingest::journal::Parser;
use ingest::loki::{Context, Version};
use ingest::{Decoded, Limits, Masking, forward, loki, otlp, syslog};
use logline::{Entry, Timestamp};

use crate::Target;

pub(crate) const FORWARD: Target = Target {
    name: "forward",
    run: forward,
    words: &["\u{92}", "\u{3}log", "chunk", "compressed", "gzip", "\u{0}", "PING", "message"],
};

pub(crate) const SYSLOG: Target = Target {
    name: "syslog",
    run: syslog,
    words: &[
        "<13>",
        "1 ",
        "- ",
        "Jan  1 00:00:00 ",
        "[a b=\"c\"]",
        "2026-01-01T00:00:00Z ",
        "\n",
        "12 ",
        ": ",
        "\u{feff}",
    ],
};

pub(crate) const JOURNAL: Target = Target {
    name: "journal",
    run: journal,
    words: &["MESSAGE=", "MESSAGE\n", "\u{5}\0\0\0\0\0\0\0", "\n\n", "PRIORITY=", "__CURSOR=", "__REALTIME_TIMESTAMP="],
};

pub(crate) const PUSH: Target = Target {
    name: "push",
    run: push,
    words: &[
        "{\"streams\":[",
        "\"stream\":{",
        "\"values\":[[\"",
        "\"labels\":\"{a=\\\"b\\\"}\"",
        "\"entries\":[",
        "\"ts\":\"2026-01-01T00:00:00Z\"",
        "\"line\":",
        "1767312000000000000",
        "\n\u{5}",
        "{a=\"b\"}",
        "\u{12}",
        "\u{1a}",
    ],
};

pub(crate) const OTLP: Target = Target {
    name: "otlp",
    run: otlp,
    words: &[
        "{\"resourceLogs\":[",
        "\"scopeLogs\":[",
        "\"logRecords\":[",
        "\"attributes\":[",
        "\"key\":\"service.name\"",
        "\"value\":{",
        "\"stringValue\":",
        "\"kvlistValue\":{\"values\":[",
        "\"arrayValue\":{}",
        "\"timeUnixNano\":\"1767312000000000000\"",
        "\"severityNumber\":\"SEVERITY_NUMBER_INFO2\"",
        "NaN",
        "\n\u{5}",
        "\u{12}",
        "2",
        "*",
    ],
};

/// The longest message or field that is kept whole.
const MAX: usize = 64;
const NOW: Timestamp = Timestamp(1_767_312_000_000_000_000);

/// Runs a decoder over the input in one piece, byte by byte, and in two pieces.
fn however_cut<T: PartialEq + std::fmt::Debug>(input: &[u8], decode: impl Fn(&[&[u8]]) -> T) {
    let whole = decode(&[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(decode(&bytes), whole, "byte by byte it is another stream");
    let (head, tail) = input.split_at(input.len() / 2);
    assert_eq!(decode(&[head, tail]), whole, "in two pieces it is another stream");
}

fn check(entry: &Entry) {
    let names: Vec<_> = entry.metadata.iter().map(|(name, _)| name).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "metadata is not sorted, or a name stands twice");
}

fn forward(input: &[u8]) {
    however_cut(input, |pieces| {
        let mut framer = forward::Framer::new(1 << 20);
        let mut messages = Vec::new();
        for piece in pieces {
            framer.push(piece);
            while let Ok(Some(message)) = framer.next() {
                messages.push(message.to_vec());
            }
        }
        messages
    });
    if let Ok(message) = forward::decode(input, 1 << 20, NOW) {
        message.entries.iter().for_each(check);
    }
    drop(forward::Handshake::new("key", "server", [0; 16]).pong(input));
}

fn syslog(input: &[u8]) {
    however_cut(input, |pieces| {
        let mut framer = syslog::Framer::new(MAX);
        let mut frames = Vec::new();
        for piece in pieces {
            framer.push(piece);
            while let Some(frame) = framer.next() {
                assert!(frame.bytes.len() <= MAX, "a message over the limit");
                frames.push(frame);
            }
        }
        frames.extend(framer.finish());
        frames
    });
    check(&syslog::message(input, &jiff::tz::TimeZone::UTC, NOW));
}

fn journal(input: &[u8]) {
    however_cut(input, |pieces| {
        let mut parser = Parser::new(MAX);
        let mut records = Vec::new();
        for piece in pieces {
            parser.push(piece);
            while let Some(record) = parser.next(NOW) {
                check(&record.entry);
                records.push(record);
            }
        }
        records
    });
}

/// Limits so low that inputs reach them.
fn limits() -> Limits {
    Limits { max_items: 40, max_line_size: MAX, max_decoded_bytes: 4096, ..Limits::default() }
}

fn push(input: &[u8]) {
    let limits = limits();
    let context = Context { limits: &limits, masking: &Masking::Off, now: NOW };
    for (kind, encoding, version) in [
        ("application/json", "", Version::V1),
        ("application/json", "", Version::V0),
        ("application/x-protobuf", "snappy", Version::V1),
    ] {
        is_fit(loki::decode(Some(kind), Some(encoding), input, version, &context).ok());
    }
    // The input as what a body of protobuf holds.
    let packed = snap::raw::Encoder::new().compress_vec(input).unwrap_or_default();
    is_fit(loki::decode(Some("application/x-protobuf"), None, &packed, Version::V1, &context).ok());
}

fn otlp(input: &[u8]) {
    let limits = limits();
    let context = Context { limits: &limits, masking: &Masking::Off, now: NOW };
    for kind in ["application/json", "application/x-protobuf"] {
        is_fit(otlp::decode(Some(kind), None, input, &context).ok());
    }
}

/// What may be stored: streams with entries, no two with the same labels, lines within the limit.
fn is_fit(decoded: Option<Decoded>) {
    let Some(decoded) = decoded else { return };
    let mut seen = std::collections::BTreeSet::new();
    for stream in decoded.streams {
        assert!(!stream.entries.is_empty(), "a stream without entries");
        for entry in &stream.entries {
            check(entry);
            assert!(entry.line.len() <= MAX, "a line over the limit");
        }
        assert!(seen.insert(stream.labels), "two streams have the same labels");
    }
}
