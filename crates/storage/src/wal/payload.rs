//! The payload of a record: one byte for the compression, then the batch as a protobuf message.

use std::io;

use logline::{Batch, BatchId, Entry, Labels, Stream, Tenant, Timestamp};
use prost::Message;

use super::record::MAX_PAYLOAD;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Below this, compressing costs more than it saves.
const COMPRESS_FROM: usize = 1 << 10;
/// Lower levels write half as much again and save a third of its time at most.
const LEVEL: i32 = 1;

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

/// Writes a batch; takes it apart, so that no text is copied twice.
pub(crate) fn encode(batch: Batch) -> io::Result<Vec<u8>> {
    let message = BatchMessage {
        tenant: batch.tenant.as_str().to_owned(),
        received: batch.received.0,
        agent: batch.id.map(|id| id.agent.to_be_bytes().to_vec()).unwrap_or_default(),
        sequence: batch.id.map_or(0, |id| id.sequence),
        streams: batch.streams.into_iter().map(stream_message).collect(),
    };
    let plain = message.encode_to_vec();
    if plain.len() < COMPRESS_FROM {
        let mut out = Vec::with_capacity(1 + plain.len());
        out.push(PLAIN);
        out.extend_from_slice(&plain);
        return Ok(out);
    }
    let packed = zstd::bulk::compress(&plain, LEVEL)?;
    let mut out = Vec::with_capacity(1 + packed.len());
    out.push(ZSTD);
    out.extend_from_slice(&packed);
    Ok(out)
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

fn stream_message(stream: Stream) -> StreamMessage {
    let entry = |entry: Entry| EntryMessage {
        timestamp: entry.timestamp.0,
        line: entry.line,
        metadata: entry.metadata.into_iter().map(|(name, value)| PairMessage { name, value }).collect(),
    };
    let label = |(name, value): (&str, &str)| PairMessage { name: name.to_owned(), value: value.to_owned() };
    StreamMessage {
        labels: stream.labels.iter().map(label).collect(),
        entries: stream.entries.into_iter().map(entry).collect(),
    }
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
