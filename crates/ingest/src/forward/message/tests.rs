//! Messages of each mode, as Fluent Bit, fluentd and the libraries send them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::msgpack::{write_array, write_map, write_str};
use super::*;

const NOW: Timestamp = Timestamp(7);

fn show(bytes: &[u8]) -> Vec<String> {
    let forward = decode(bytes, 10_000, NOW).unwrap();
    let pairs = |entry: &Entry| entry.metadata.iter().map(|(n, v)| format!(" {n}={v}")).collect::<String>();
    let line = |entry: &Entry| format!("{} {}{} | {}", forward.tag, entry.timestamp.0, pairs(entry), entry.line);
    forward.entries.iter().map(line).collect()
}

fn record(out: &mut Vec<u8>, line: &str) {
    write_map(out, 2);
    write_str(out, b"log");
    write_str(out, line.as_bytes());
    write_str(out, b"source");
    write_str(out, b"stdout");
}

/// 1.5 s after the epoch as EventTime.
const TIME: &[u8] = b"\xd7\x00\0\0\0\x01\x1d\xcd\x65\x00";

fn entry(line: &str, with_metadata: bool) -> Vec<u8> {
    let mut out = vec![0x92];
    if with_metadata {
        out.push(0x92);
        out.extend_from_slice(TIME);
        out.extend_from_slice(b"\x81\xa1m\xa1v");
    } else {
        out.extend_from_slice(TIME);
    }
    record(&mut out, line);
    out
}

fn message(parts: u8, second: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_array(&mut out, parts);
    write_str(&mut out, b"app.x");
    out.extend_from_slice(second);
    out
}

#[test]
fn each_mode_is_read_with_and_without_metadata() {
    let mut one = message(3, b"\x05");
    record(&mut one, "one\n");
    assert_eq!(show(&one), ["app.x 5000000000 source=stdout | one"]);

    let mut meta = message(3, b"\x92\x05\x81\xa1m\xa1v");
    record(&mut meta, "one");
    assert_eq!(show(&meta), ["app.x 5000000000 m=v source=stdout | one"]);

    let list = [b"\x92".as_slice(), &entry("a", false), &entry("b", true)].concat();
    let want = ["app.x 1500000000 source=stdout | a", "app.x 1500000000 m=v source=stdout | b"];
    assert_eq!(show(&message(2, &list)), want);

    let entries = [entry("a", false), entry("b", true)].concat();
    let mut packed = vec![0xc5];
    packed.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
    packed.extend_from_slice(&entries);
    assert_eq!(show(&message(2, &packed)), want);
    assert_eq!(decode(b"\xc0", 100, NOW).unwrap(), Forward::default());
}

#[test]
fn packed_records_may_be_compressed_in_members_and_the_chunk_is_told() {
    let packed_in = |name: &[u8], body: &[u8]| {
        let mut packed = vec![0xc5];
        packed.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        packed.extend_from_slice(body);
        packed.extend_from_slice(b"\x82\xaacompressed\xa4");
        packed.extend_from_slice(name);
        packed.extend_from_slice(b"\xa5chunk\xa3abc");
        message(3, &packed)
    };
    let gzip = |data: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let body = [gzip(&entry("a", false)), gzip(&entry("b", false))].concat();
    let zstd = zstd::encode_all([entry("a", false), entry("b", false)].concat().as_slice(), 3).unwrap();
    for message in [packed_in(b"gzip", &body), packed_in(b"zstd", &zstd)] {
        let forward = decode(&message, 10_000, NOW).unwrap();
        assert_eq!((forward.entries.len(), forward.chunk.as_deref()), (2, Some(b"abc".as_slice())));
        assert!(matches!(decode(&message, 10, NOW), Err(DecodeError::TooLarge(_))));
    }
    assert!(matches!(decode(&packed_in(b"lzma", b""), 100, NOW), Err(DecodeError::Invalid(_))));
    assert_eq!(crate::forward::ack(b"abc"), b"\x81\xa3ack\xa3abc");
}

#[test]
fn a_record_without_a_line_is_json_and_marks_of_groups_are_left_out() {
    let json = message(3, b"\x05\x82\xa1n\x01\xa1l\x92\xc3\xc0");
    assert_eq!(show(&json), [r#"app.x 5000000000 | {"l":[true,null],"n":1}"#]);
    let group = [b"\x92\xd7\x00\xff\xff\xff\xff\0\0\0\0\x80".as_slice(), &entry("a", false)].concat();
    assert_eq!(show(&message(2, &[b"\x92".as_slice(), &group].concat())), ["app.x 1500000000 source=stdout | a"]);
    let mut millis = message(3, &[b"\xcf".as_slice(), &1_767_312_000_123_u64.to_be_bytes()].concat());
    record(&mut millis, "ms");
    assert_eq!(show(&millis), ["app.x 1767312000123000000 source=stdout | ms"]);
}

#[test]
fn what_is_no_message_is_refused() {
    for bytes in [b"\x91\xa1a".as_slice(), b"\x05", b"\x93\x05\x05\x80", b"\x93\xa1a\x05\x05", b"\x92\xa1a\x91\x91\x05"]
    {
        assert!(matches!(decode(bytes, 100, NOW), Err(DecodeError::Invalid(_))), "{bytes:?}");
    }
}
