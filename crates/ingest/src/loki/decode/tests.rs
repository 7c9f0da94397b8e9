//! Bodies in, streams or reasons out.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use logline::{Entry, Labels, Stream, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::loki::encode;
use crate::{Limits, Masking};

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const JSON: Option<&str> = Some("application/json; charset=utf-8");
const PROTOBUF: Option<&str> = Some("application/x-protobuf");

fn limits() -> Limits {
    Limits { discover_log_levels: false, discover_service_name: Vec::new(), ..Limits::default() }
}

fn run(kind: Option<&str>, encoding: Option<&str>, body: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    decode(kind, encoding, body, Version::V1, &Context { limits, masking: &Masking::Off, now: NOW })
}

fn print(decoded: Result<Decoded, DecodeError>) -> String {
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return format!("{error:?}"),
    };
    let mut out = String::new();
    for stream in &decoded.streams {
        out += &format!("{}\n", stream.labels);
        for entry in &stream.entries {
            out += &format!("  {} {:?} {:?}\n", entry.timestamp.0, entry.line, entry.metadata);
        }
    }
    if !decoded.rejected.is_empty() {
        out += &format!("rejected {}: {}\n", decoded.rejected.lines(), decoded.rejected);
    }
    out
}

#[track_caller]
fn check_json(body: &str, want: &Expect) {
    want.assert_eq(&print(run(JSON, None, body.as_bytes(), &limits())));
}

#[track_caller]
fn check_with(limits: &Limits, body: &str, want: &Expect) {
    want.assert_eq(&print(run(JSON, None, body.as_bytes(), limits)));
}

fn stream(labels: &str, entries: &[(i64, &str)]) -> Stream {
    let entry = |(ns, line): &(i64, &str)| Entry {
        timestamp: Timestamp(*ns),
        line: (*line).to_owned(),
        metadata: vec![("k".to_owned(), "v".to_owned())],
    };
    Stream { labels: Labels::parse(labels).unwrap(), entries: entries.iter().map(entry).collect() }
}

/// A `PushRequest` by hand: fields of (tag, bytes), all length-delimited.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, bytes) in fields {
        out.push(tag << 3 | 2);
        prost::encoding::encode_varint(bytes.len() as u64, &mut out);
        out.extend_from_slice(bytes);
    }
    out
}

fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

#[test]
fn json_of_the_present_form_is_read() {
    check_json(
        r#"{"streams":[{"stream":{"service":"shop","env":"prod"},"values":[
            ["1700000000000000001","first"],["1700000000000000002","tab\tand \u0438",{"trace_id":"7f","b":"2"}]]}]}"#,
        &expect![[r#"
            {env="prod", service="shop"}
              1700000000000000001 "first" []
              1700000000000000002 "tab\tand и" [("b", "2"), ("trace_id", "7f")]
        "#]],
    );
}

#[test]
fn keys_nobody_knows_and_any_order_of_keys_are_fine() {
    check_json(
        r#"{"x":[1,{}],"streams":[{"values":[["1","a",{},"more",7]],"message_in_json_format":true,
            "loki_metadata":null,"stream":{"level":3,"ok":true,"none":null,"a":"b"}}]}"#,
        &expect![[r#"
            {a="b", level="3", ok="true"}
              1 "a" []
        "#]],
    );
}

#[test]
fn json_of_the_first_form_is_read() {
    let body =
        br#"{"streams":[{"labels":"{b=\"2\",a=\"1\"}","entries":[{"ts":"2023-11-14T22:13:20.000000001Z","line":"x"},
        {"line":"y","ts":"2023-11-15T01:13:20+03:00","more":[]}]}]}"#;
    let limits = limits();
    let context = Context { limits: &limits, masking: &Masking::Off, now: NOW };
    expect![[r#"
        {a="1", b="2"}
          1700000000000000001 "x" []
          1700000000000000000 "y" []
    "#]]
    .assert_eq(&print(decode(JSON, None, body, Version::V0, &context)));
    let bad = br#"{"streams":[{"labels":"{}","entries":[{"ts":"yesterday","line":"secret"}]}]}"#;
    expect![[r#"Invalid("error parsing JSON: expected `ts`: a time as RFC 3339 writes it at line 1 column 72")"#]]
        .assert_eq(&print(decode(JSON, None, bad, Version::V0, &context)));
}

#[test]
fn protobuf_is_read_with_or_without_saying_snappy_and_inside_gzip_or_deflate() {
    let streams = [stream(r#"{app="a", level="info"}"#, &[(5, "x"), (6, "y")])];
    let body = encode(&streams);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&body).unwrap();
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(&body).unwrap();
    let limits = limits();
    for (encoding, body) in [
        (None, body.clone()),
        (Some("snappy"), body),
        (Some("gzip"), gzip.finish().unwrap()),
        (Some("deflate"), deflate.finish().unwrap()),
    ] {
        assert_eq!(run(PROTOBUF, encoding, &body, &limits).unwrap().streams, streams, "{encoding:?}");
    }
    // Anything that is not JSON is protobuf.
    assert_eq!(run(Some("text/plain"), None, &encode(&streams), &limits).unwrap().streams, streams);
}

#[test]
fn labels_behind_the_entries_unknown_fields_and_broken_text_are_read() {
    let entry = message(&[(2, b"bad \xff text"), (9, b"later")]);
    let stream = message(&[(2, &entry), (8, b"?"), (1, br#"{z="1",a="2"}"#)]);
    let mut body = message(&[(1, &stream)]);
    body.extend_from_slice(&[3 << 3, 7, 4 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect![[r#"
        {a="2", z="1"}
          0 "bad � text" []
    "#]]
    .assert_eq(&print(run(PROTOBUF, None, &snappy(&body), &limits())));
}

#[test]
fn equal_streams_of_a_request_are_merged_whatever_their_order_of_labels() {
    let one = message(&[(1, br#"{b="2", a="1"}"#), (2, &message(&[(2, b"x")]))]);
    let two = message(&[(1, br#"{a="1",b="2",c=""}"#), (2, &message(&[(2, b"y")]))]);
    expect![[r#"
        {a="1", b="2"}
          0 "x" []
          0 "y" []
          0 "x" []
    "#]]
    .assert_eq(&print(run(PROTOBUF, None, &snappy(&message(&[(1, &one), (1, &two), (1, &one)])), &limits())));
}

#[test]
fn a_content_type_must_be_there_and_be_one() {
    let body = encode(&[stream(r#"{a="b"}"#, &[(1, "x")])]);
    let check = |kind: Option<&str>, want: &str| {
        assert_eq!(run(kind, None, &body, &limits()), Err(DecodeError::Invalid(want.to_owned())), "{kind:?}");
    };
    check(None, "mime: no media type");
    check(Some("  ; charset=utf-8"), "mime: no media type");
    check(Some("application/"), "mime: expected token after slash");
    check(Some("two words"), "mime: expected slash after first token");
    check(Some("application/x/y"), "mime: unexpected content after media subtype");
}

#[test]
fn an_unknown_encoding_is_refused_by_name() {
    assert_eq!(
        run(JSON, Some("br"), b"{}", &limits()),
        Err(DecodeError::Invalid(r#"Content-Encoding "br" not supported"#.to_owned()))
    );
}

#[test]
fn a_push_without_any_stream_is_refused_and_one_without_entries_is_not() {
    let empty = |body: &str| run(JSON, None, body.as_bytes(), &limits());
    assert_eq!(empty("{}"), Err(DecodeError::NoStreams));
    assert_eq!(empty(r#"{"streams":[]}"#), Err(DecodeError::NoStreams));
    assert_eq!(run(PROTOBUF, None, &snappy(b""), &limits()), Err(DecodeError::NoStreams));
    assert_eq!(empty(r#"{"streams":[{"stream":{"a":"b"},"values":[]}]}"#), Ok(Decoded::default()));
}

#[test]
fn broken_json_tells_the_place_and_never_the_content() {
    let secret = "secret-of-a-line";
    let check = |body: &str, want: &str| {
        let text = print(run(JSON, None, body.replace('§', secret).as_bytes(), &limits()));
        assert!(text.contains(want) && !text.contains(secret), "{text}");
    };
    check(r#"{"streams":[{"stream":{"a":"b"},"values":[["1","§"]"#, "EOF while parsing");
    check(r#"{"streams":"§"}"#, "expected an array of streams at line 1");
    check(r#"{"streams":[{"stream":"§"}]}"#, "expected an object of strings");
    check(r#"{"streams":[{"values":[["1",{"§":"§"}]]}]}"#, "expected a string");
    check(r#"{"streams":[{"values":["§"]}]}"#, "expected an entry");
    check(r#"{"streams":[{"values":[["1"]]}]}"#, "expected an entry of a timestamp and a line");
    check(r#"{"streams":[{"values":[[1700000000000000000,"§"]]}]}"#, "expected a string");
    check(r#"{"streams":[{"values":[["§","x"]]}]}"#, "expected a timestamp: a string of nanoseconds");
    check(r#"{"streams":[{"values":[["1","x",{"a":1}]]}]}"#, "expected a string");
    check(r#"{"streams":[{"values":[["1","x",{"a":{"§":"§"}}]]}]}"#, "expected a string");
    check(r#"{"streams":[{"values":[["1","x","§"]]}]}"#, "expected an object of strings");
    check(r#"{"streams":[]} §"#, "trailing characters");
    check(r#""expected §""#, "expected an object with `streams`");
}

#[test]
fn broken_protobuf_is_refused() {
    let limits = limits();
    let malformed = Err(DecodeError::Invalid("the body is not a protobuf push request".to_owned()));
    for plain in
        [&[0x0a, 0x7f, 1][..], &[0x0a, 2, 0x0a, 9], &[0xff], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]]
    {
        assert_eq!(run(PROTOBUF, None, &snappy(plain), &limits), malformed, "{plain:?}");
    }
    let plain = run(PROTOBUF, None, b"{\"streams\":[]}", &limits).unwrap_err().to_string();
    assert!(plain.starts_with("snappy: corrupt input (the body looks like JSON"), "{plain}");
}

#[test]
fn sizes_and_numbers_of_things_are_limited() {
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"],["2","y",{"k":"v"}]]}]}"#;
    let few = |max_items| Limits { max_items, ..limits() };
    // A stream, a label, two entries, a pair.
    assert_eq!(run(JSON, None, body.as_bytes(), &few(5)).unwrap().streams[0].entries.len(), 2);
    assert!(matches!(run(JSON, None, body.as_bytes(), &few(4)), Err(DecodeError::TooLarge(_))));
    let body = encode(&[stream(r#"{a="b"}"#, &[(1, "x"), (2, "y")])]);
    assert!(run(PROTOBUF, None, &body, &few(5)).is_ok());
    assert!(matches!(run(PROTOBUF, None, &body, &few(4)), Err(DecodeError::TooLarge(_))));
    let small = Limits { max_decoded_bytes: 10, ..limits() };
    assert!(matches!(run(PROTOBUF, None, &body, &small), Err(DecodeError::TooLarge(_))));
}

#[test]
fn streams_with_bad_labels_are_left_out_and_told() {
    check_json(
        r#"{"streams":[{"stream":{"a-b":"1"},"values":[["1","x"],["2","x"]]},{"stream":{},"values":[["1","x"]]},
            {"stream":{"a":"1","a":"2"},"values":[]},{"stream":{"ok":"1"},"values":[["1","kept"]]}]}"#,
        &expect![[r#"
            {ok="1"}
              1 "kept" []
            rejected 3: 2 errors like: error parsing labels '{a-b="1"}' with error: expected label names of letters, digits and `_` at byte 0 of the labels; error at least one label pair is required per stream; stream '{a="1", a="2"}' has duplicate label name: 'a'
        "#]],
    );
    let bad = message(&[(1, b"{a=b}"), (2, &message(&[(2, b"x")]))]);
    expect![[r#"
        rejected 1: error parsing labels '{a=b}' with error: expected a quoted value at byte 3 of the labels
    "#]]
    .assert_eq(&print(run(PROTOBUF, None, &snappy(&message(&[(1, &bad)])), &limits())));
}

#[test]
fn labels_have_limits() {
    let limits =
        Limits { max_label_names_per_series: 2, max_label_name_length: 12, max_label_value_length: 5, ..limits() };
    check_with(
        &limits,
        r#"{"streams":[{"stream":{"a":"1","b":"2","c":"3"},"values":[["1","x"]]},{"stream":{"abcdefghijklm":"1"},"values":[["1","x"]]},
            {"stream":{"a":"123456"},"values":[["1","x"]]},{"stream":{"a":"1","b":"2","service_name":"s"},"values":[["1","x"]]}]}"#,
        &expect![[r#"
            {a="1", b="2", service_name="s"}
              1 "x" []
            rejected 3: entry for stream '{a="1", b="2", c="3"}' has 3 label names; limit 2; stream '{abcdefghijklm="1"}' has label name too long: 'abcdefghijklm'; stream '{a="123456"}' has label value too long: '123456'
        "#]],
    );
}

#[test]
fn a_time_in_the_future_is_refused_and_the_rest_is_kept() {
    let soon = NOW.after(Duration::from_secs(600)).0;
    let body = format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["{soon}","kept"],["{}","x"]]}}]}}"#, soon + 1);
    check_json(
        &body,
        &expect![[r#"
            {a="b"}
              1800000600000000000 "kept" []
            rejected 1: entry for stream '{a="b"}' has timestamp too new: 2027-01-15T08:10:00Z
        "#]],
    );
}

#[test]
fn old_entries_are_refused_only_when_told_so() {
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x"]]}]}"#;
    assert!(run(JSON, None, body.as_bytes(), &limits()).unwrap().rejected.is_empty());
    check_with(
        &Limits { reject_old_samples: Some(Duration::from_secs(3600)), ..limits() },
        body,
        &expect![[r#"
            rejected 1: entry for stream '{a="b"}' has timestamp too old: 1970-01-01T00:00:00Z, oldest acceptable timestamp is: 2027-01-15T07:00:00Z
        "#]],
    );
}

#[test]
fn a_time_beyond_64_bits_is_refused() {
    let mut time = vec![1 << 3];
    prost::encoding::encode_varint(u64::MAX / 2, &mut time);
    let stream = message(&[(1, br#"{a="b"}"#), (2, &message(&[(1, &time), (2, b"x")]))]);
    expect![[r#"
        rejected 1: entry for stream '{a="b"}' has a timestamp that does not fit into 64 bits of nanoseconds
    "#]]
    .assert_eq(&print(run(PROTOBUF, None, &snappy(&message(&[(1, &stream)])), &limits())));
}

#[test]
fn a_long_line_is_cut_or_refused_as_configured() {
    let body = format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["1","{}"],["2","y"]]}}]}}"#, "x".repeat(50));
    check_with(
        &Limits { max_line_size: 24, ..limits() },
        &body,
        &expect![[r#"
            {a="b"}
              1 "xxxxxxxxx [cut 41 bytes]" []
              2 "y" []
        "#]],
    );
    check_with(
        &Limits { max_line_size: 24, max_line_size_truncate: false, ..limits() },
        &body,
        &expect![[r#"
            {a="b"}
              2 "y" []
            rejected 1: max entry size '24' bytes exceeded for stream '{a="b"}' while adding an entry with length '50' bytes
        "#]],
    );
}

#[test]
fn structured_metadata_is_made_legal_and_limited() {
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["1","x",{"order.id":"1","2nd":"2","":"3","e":"","d":"old","d":"new"}]]}]}"#;
    check_json(
        body,
        &expect![[r#"
            {a="b"}
              1 "x" [("d", "new"), ("key_2nd", "2"), ("order_id", "1")]
        "#]],
    );
    check_with(
        &Limits { max_structured_metadata_entries_count: 5, ..limits() },
        body,
        &expect![[r#"
            rejected 1: stream '{a="b"}' has too many structured metadata labels: '6', limit: '5'. Please see `limits_config.max_structured_metadata_entries_count`
        "#]],
    );
    check_with(
        &Limits { max_structured_metadata_size: 20, ..limits() },
        body,
        &expect![[r#"
            rejected 1: stream '{a="b"}' has structured metadata too large: '23' bytes, limit: '20' bytes. Please see `limits_config.max_structured_metadata_size`
        "#]],
    );
}

#[test]
fn a_service_name_is_found_in_lokis_order_of_labels() {
    let name = |labels: &str| {
        let body = format!(r#"{{"streams":[{{"stream":{labels},"values":[["1","x"]]}}]}}"#);
        let limits = Limits { discover_log_levels: false, ..Limits::default() };
        let decoded = run(JSON, None, body.as_bytes(), &limits).unwrap();
        decoded.streams[0].labels.get("service_name").unwrap().to_owned()
    };
    assert_eq!(name(r#"{"job":"j","app":"a","service":"s"}"#), "s");
    assert_eq!(name(r#"{"job":"j","container":"c"}"#), "c");
    assert_eq!(name(r#"{"service_name":"own","app":"a"}"#), "own");
    assert_eq!(name(r#"{"host":"h"}"#), "unknown_service");
    assert_eq!(name("{}"), "unknown_service");
}

#[test]
fn a_level_is_found_in_labels_then_metadata_then_the_line() {
    let level = |labels: &str, rest: &str| {
        let body = format!(r#"{{"streams":[{{"stream":{labels},"values":[["1",{rest}]]}}]}}"#);
        let decoded = run(JSON, None, body.as_bytes(), &Limits::default()).unwrap();
        let metadata = &decoded.streams[0].entries[0].metadata;
        metadata.iter().find(|(name, _)| name == "detected_level").unwrap().1.clone()
    };
    assert_eq!(level(r#"{"a":"b","Level":"WARN"}"#, r#""level=error",{"severity":"info"}"#), "warn");
    assert_eq!(level(r#"{"a":"b"}"#, r#""level=error",{"severity":"INFO"}"#), "info");
    assert_eq!(level(r#"{"a":"b","level":"odd"}"#, r#""level=error",{"z":"1"}"#), "error");
    assert_eq!(level(r#"{"a":"b"}"#, r#""nothing to tell""#), "unknown");
    assert_eq!(level(r#"{"a":"b"}"#, r#""level=error",{"detected_level":"given"}"#), "given");
}

#[test]
fn metadata_is_masked_and_counted_by_the_names_it_came_with() {
    let masker = Arc::new(mask::Masker::new(&mask::Config::default()).unwrap());
    let pairs = r#"{"пароль":"LeakA1234567","req.фио":"Щукин","цех":"7","вес":"9"}"#;
    let body = format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["1","x",{pairs}],["2","y",{pairs}]]}}]}}"#);
    let run = |masking: &Masking| {
        let context = Context { limits: &limits(), masking, now: NOW };
        decode(JSON, None, body.as_bytes(), Version::V1, &context).unwrap()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let masked = run(&Masking::Mask(Arc::clone(&masker)));
    let want = [pair("parol", "<secret>"), pair("req_fio", "<name>"), pair("tsekh", "7"), pair("ves", "9")];
    for entry in &masked.streams[0].entries {
        assert_eq!(entry.metadata, want);
    }
    let detected = run(&Masking::Detect(masker));
    assert_eq!(detected.streams[0].entries[0].metadata[0], pair("parol", "LeakA1234567"));
    let hits: Vec<_> = detected.hits.iter().map(|(_, rule, count)| (rule, count)).collect();
    assert_eq!(hits, [("name", 2), ("secret", 2)]);
}

#[test]
fn masking_reaches_lines_metadata_and_labels_before_a_line_is_cut() {
    let masker = Arc::new(mask::Masker::new(&mask::Config::default()).unwrap());
    let limits = Limits { max_line_size: 40, ..limits() };
    let body = br#"{"streams":[{"stream":{"service":"s","who":"anna@example.org"},"values":[
        ["1","a line that ends with anna@example.org",{"mail":"anna@example.org","password":"hunter2"}]]}]}"#;
    let with = |masking: &Masking| {
        let context = Context { limits: &limits, masking, now: NOW };
        decode(JSON, None, body, Version::V1, &context).unwrap()
    };
    let masked = with(&Masking::Mask(Arc::clone(&masker)));
    let hits = [("s", "email", 3), ("s", "secret", 1)];
    assert_eq!(masked.hits.iter().collect::<Vec<_>>(), hits);
    expect![[r#"
        {service="s", who="<email>"}
          1 "a line that ends with <email>" [("mail", "<email>"), ("password", "<secret>")]
    "#]]
    .assert_eq(&print(Ok(masked)));
    let detected = with(&Masking::Detect(masker));
    assert_eq!(detected.hits.iter().collect::<Vec<_>>(), hits);
    assert_eq!(detected.streams, with(&Masking::Off).streams);
}

fn any_streams() -> impl Strategy<Value = Vec<Stream>> {
    let metadata = proptest::collection::btree_map("[a-z]{1,4}", "[а-яa-z \"]{1,5}", 0..3);
    let entry = (any::<u32>(), ".{0,40}", metadata).prop_map(|(ns, line, metadata)| Entry {
        timestamp: Timestamp(i64::from(ns)),
        line,
        metadata: metadata.into_iter().collect(),
    });
    let streams = proptest::collection::btree_map("[a-z]{1,5}", proptest::collection::vec(entry, 1..5), 1..4);
    let stream = |(app, entries)| Stream { labels: Labels::new([("app".to_owned(), app)]).unwrap(), entries };
    streams.prop_map(move |streams| streams.into_iter().map(stream).collect())
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(streams in any_streams()) {
        prop_assert_eq!(run(PROTOBUF, None, &encode(&streams), &limits()).unwrap().streams, streams);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        kind in "application/(json|x-protobuf)|.{0,12}",
        encoding in "|gzip|deflate|snappy|br",
        old in any::<bool>(),
    ) {
        let (limits, version) = (Limits::default(), if old { Version::V0 } else { Version::V1 });
        let context = Context { limits: &limits, masking: &Masking::Off, now: NOW };
        for body in [bytes.clone(), snappy(&bytes)] {
            let _unused = decode(Some(&kind), Some(&encoding), &body, version, &context).is_ok();
        }
    }

    #[test]
    fn no_change_of_a_good_body_makes_it_panic(streams in any_streams(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let plain = snap::raw::Decoder::new().decompress_vec(&encode(&streams)).unwrap();
        let mut plain = plain;
        let at = at.index(plain.len());
        plain[at] = byte;
        let _unused = run(PROTOBUF, None, &snappy(&plain), &Limits::default()).is_ok();
    }
}

#[test]
fn equal_times_of_different_lines_are_told_apart_where_this_is_asked_for() {
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["5","one"],["5","two"],["5","two"],["5","three"],["9","four"]]}]}"#;
    check_with(
        &Limits { increment_duplicate_timestamp: true, ..limits() },
        body,
        &expect![[r#"
            {a="b"}
              5 "one" []
              6 "two" []
              5 "two" []
              6 "three" []
              9 "four" []
        "#]],
    );
}
