//! The encoder against messages that prost reads on its own.

use prost::Message;

use super::*;

#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<StreamAdapter>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamAdapter {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<EntryAdapter>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct EntryAdapter {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<ProtoTimestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<LabelPairAdapter>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoTimestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPairAdapter {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

fn read(body: &[u8]) -> PushRequest {
    PushRequest::decode(snap::raw::Decoder::new().decompress_vec(body).unwrap().as_slice()).unwrap()
}

#[test]
fn what_is_written_is_the_message_of_lokis_protocol() {
    let labels = Labels::parse(r#"{service="shop", env="prod"}"#).unwrap();
    let metadata = vec![("trace_id".to_owned(), "7f3a".to_owned())];
    let entry = |ns, line: &str, metadata| Entry { timestamp: Timestamp(ns), line: line.to_owned(), metadata };
    let entries = vec![entry(1_700_000_000_123_456_789, "first", metadata), entry(-1, "", Vec::new())];
    let request = read(&encode(&[Stream { labels, entries }]));
    let time = |seconds, nanos| Some(ProtoTimestamp { seconds, nanos });
    let pair = LabelPairAdapter { name: "trace_id".to_owned(), value: "7f3a".to_owned() };
    let want = StreamAdapter {
        labels: r#"{env="prod", service="shop"}"#.to_owned(),
        entries: vec![
            EntryAdapter {
                timestamp: time(1_700_000_000, 123_456_789),
                line: "first".to_owned(),
                metadata: vec![pair],
            },
            EntryAdapter { timestamp: time(-1, 999_999_999), line: String::new(), metadata: Vec::new() },
        ],
        hash: 0,
    };
    assert_eq!(request, PushRequest { streams: vec![want] });
}

#[test]
fn equal_labels_are_one_stream_and_an_encoder_starts_anew_after_a_body() {
    let mut encoder = Encoder::default();
    let labels = Labels::parse(r#"{a="b"}"#).unwrap();
    for n in 0..3 {
        let stream = encoder.stream(&labels);
        encoder.entry(stream, Timestamp(n), &"x".repeat(300), &[]);
    }
    assert!(encoder.len() > 900);
    assert_eq!(read(&encoder.finish()).streams.len(), 1);
    assert!(encoder.is_empty());
    assert_eq!(read(&encoder.finish()).streams.len(), 0);
}
