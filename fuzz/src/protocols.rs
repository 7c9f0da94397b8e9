//! Decoders of streams: never panic, and give the same however the stream is cut into pieces.

use ingest::journal::Parser;
use ingest::{forward, syslog};
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
