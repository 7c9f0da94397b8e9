//! The payload of a record: one byte for the compression, then the batch as a protobuf message.

use std::io;

use logline::{Batch, BatchId, Entry, Labels, Stream, Tenant, Timestamp};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use super::record::MAX_PAYLOAD;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Below this, compressing costs more than it saves.
const COMPRESS_FROM: usize = 1 << 10;
/// A segment lives for minutes only: half as much again is written as at level 1, in two thirds of the time.
const LEVEL: i32 = -3;
/// A time with its key.
const TIME_LEN: usize = 9;

#[derive(Clone, PartialEq, Message)]
struct BatchMessage {
    #[prost(string, tag = "1")]
    tenant: String,
    #[prost(sfixed64, tag = "2")]
    received: i64,
    /// 16 bytes; empty when the batch has no id.
    #[prost(bytes = "vec", tag = "3")]
    agent: Vec<u8>,
    #[prost(uint64, tag = "4")]
    sequence: u64,
    #[prost(message, repeated, tag = "5")]
    streams: Vec<StreamMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct StreamMessage {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<PairMessage>,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<EntryMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct EntryMessage {
    #[prost(sfixed64, tag = "1")]
    timestamp: i64,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<PairMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct PairMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Writes a batch. The message is written straight from it: as [`BatchMessage`] would be, without making one.
pub(crate) fn encode(batch: &Batch) -> io::Result<Vec<u8>> {
    let plain = message(batch);
    if plain.len() < COMPRESS_FROM {
        let mut out = Vec::with_capacity(1 + plain.len());
        out.push(PLAIN);
        out.extend_from_slice(&plain);
        return Ok(out);
    }
    let mut out = vec![0; 1 + zstd::zstd_safe::compress_bound(plain.len())];
    let Some((kind, packed)) = out.split_first_mut() else { return Ok(out) };
    *kind = ZSTD;
    let len = zstd::bulk::compress_to_buffer(&plain, packed, LEVEL)?;
    out.truncate(1 + len);
    // It waits for its turn to be written.
    out.shrink_to_fit();
    Ok(out)
}

fn message(batch: &Batch) -> Vec<u8> {
    let streams: Vec<usize> = batch.streams.iter().map(stream_len).collect();
    let len: usize = streams.iter().map(|len| field_len(*len)).sum();
    let mut out = Vec::with_capacity(len + batch.tenant.as_str().len() + 64);
    put_bytes(&mut out, 1, batch.tenant.as_str().as_bytes());
    put_time(&mut out, 2, batch.received);
    if let Some(id) = batch.id {
        put_bytes(&mut out, 3, &id.agent.to_be_bytes());
        encode_key(4, WireType::Varint, &mut out);
        encode_varint(id.sequence, &mut out);
    }
    for (stream, len) in batch.streams.iter().zip(streams) {
        put_len(&mut out, 5, len);
        for pair in stream.labels.iter() {
            put_pair(&mut out, 1, pair);
        }
        for entry in &stream.entries {
            put_len(&mut out, 2, entry_len(entry));
            put_time(&mut out, 1, entry.timestamp);
            put_bytes(&mut out, 2, entry.line.as_bytes());
            entry.metadata.iter().for_each(|(name, value)| put_pair(&mut out, 3, (name, value)));
        }
    }
    out
}

/// Bytes of a field with so many bytes in it, below field 16.
fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

fn pair_len((name, value): (&str, &str)) -> usize {
    field_len(name.len()) + field_len(value.len())
}

fn entry_len(entry: &Entry) -> usize {
    let metadata = entry.metadata.iter().map(|(name, value)| field_len(pair_len((name, value))));
    TIME_LEN + field_len(entry.line.len()) + metadata.sum::<usize>()
}

fn stream_len(stream: &Stream) -> usize {
    let labels = stream.labels.iter().map(|pair| field_len(pair_len(pair))).sum::<usize>();
    labels + stream.entries.iter().map(|entry| field_len(entry_len(entry))).sum::<usize>()
}

fn put_len(out: &mut Vec<u8>, tag: u32, len: usize) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

fn put_bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    put_len(out, tag, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_time(out: &mut Vec<u8>, tag: u32, time: Timestamp) {
    encode_key(tag, WireType::SixtyFourBit, out);
    out.extend_from_slice(&time.0.to_le_bytes());
}

fn put_pair(out: &mut Vec<u8>, tag: u32, (name, value): (&str, &str)) {
    put_len(out, tag, pair_len((name, value)));
    put_bytes(out, 1, name.as_bytes());
    put_bytes(out, 2, value.as_bytes());
}

/// Reads a batch; the reason when it is not one.
pub(crate) fn decode(payload: &[u8]) -> Result<Batch, String> {
    let message = match payload.split_first() {
        Some((&PLAIN, plain)) => BatchMessage::decode(plain),
        Some((&ZSTD, packed)) => BatchMessage::decode(unpack(packed)?.as_slice()),
        _ => return Err("unknown compression of a record".to_owned()),
    };
    let message = message.map_err(|error| error.to_string())?;
    let agent = <[u8; 16]>::try_from(message.agent.as_slice()).ok().map(u128::from_be_bytes);
    Ok(Batch {
        tenant: Tenant::new(&message.tenant).map_err(|error| error.to_string())?,
        streams: message.streams.into_iter().map(stream).collect::<Result<_, _>>()?,
        id: agent.map(|agent| BatchId { agent, sequence: message.sequence }),
        received: Timestamp(message.received),
    })
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let mut decoder = zstd::Decoder::new(packed).map_err(|error| error.to_string())?;
    io::copy(&mut io::Read::take(&mut decoder, MAX_PAYLOAD as u64), &mut plain).map_err(|error| error.to_string())?;
    Ok(plain)
}

fn stream(message: StreamMessage) -> Result<Stream, String> {
    let entry = |entry: EntryMessage| Entry {
        timestamp: Timestamp(entry.timestamp),
        line: entry.line,
        metadata: entry.metadata.into_iter().map(pair).collect(),
    };
    Ok(Stream {
        labels: Labels::new(message.labels.into_iter().map(pair)).map_err(|error| error.to_string())?,
        entries: message.entries.into_iter().map(entry).collect(),
    })
}

fn pair(pair: PairMessage) -> (String, String) {
    (pair.name, pair.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(batch: &Batch) -> BatchMessage {
        let pair = |(name, value): (&str, &str)| PairMessage { name: name.to_owned(), value: value.to_owned() };
        let entry = |entry: &Entry| EntryMessage {
            timestamp: entry.timestamp.0,
            line: entry.line.clone(),
            metadata: entry.metadata.iter().map(|(name, value)| pair((name, value))).collect(),
        };
        let stream = |stream: &Stream| StreamMessage {
            labels: stream.labels.iter().map(pair).collect(),
            entries: stream.entries.iter().map(entry).collect(),
        };
        BatchMessage {
            tenant: batch.tenant.as_str().to_owned(),
            received: batch.received.0,
            agent: batch.id.map(|id| id.agent.to_be_bytes().to_vec()).unwrap_or_default(),
            sequence: batch.id.map_or(0, |id| id.sequence),
            streams: batch.streams.iter().map(stream).collect(),
        }
    }

    #[test]
    fn what_is_written_by_hand_is_the_message() {
        let entry = |at: i64, line: String| Entry {
            timestamp: Timestamp(at),
            line,
            metadata: vec![("order_id".to_owned(), at.to_string()), ("empty".to_owned(), String::new())],
        };
        let labels = |name: &str| Labels::parse(&format!("{{env=\"prod\", service_name=\"{name}\"}}")).unwrap();
        let streams = ["shop", "crm"].map(|name| Stream {
            labels: labels(name),
            entries: (0..300).map(|at| entry(at - 3, "x".repeat(usize::try_from(at).unwrap()))).collect(),
        });
        for id in [None, Some(BatchId { agent: 7, sequence: 1 << 40 })] {
            for lines in [0, 1, 300] {
                let mut streams = streams.to_vec();
                streams.iter_mut().for_each(|stream| stream.entries.truncate(lines));
                let batch = Batch { tenant: Tenant::new("a").unwrap(), streams, id, received: Timestamp(-5) };
                assert_eq!(BatchMessage::decode(message(&batch).as_slice()).unwrap(), message_of(&batch));
                assert_eq!(decode(&encode(&batch).unwrap()).unwrap(), batch);
            }
        }
    }
}
