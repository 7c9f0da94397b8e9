//! Writes a `PushRequest`: protobuf in one block of snappy, as Loki and everything compatible with it takes it.

use logline::{Entry, Labels, Stream, Timestamp};

use crate::protobuf::{field, field_len, head, varint_field};

/// Collects entries by stream, each encoded as it comes, so that a batch costs no structures of its own.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    streams: Vec<(Labels, Vec<u8>)>,
    scratch: Vec<u8>,
    bytes: usize,
}

impl Encoder {
    /// The place of a stream, to be used with [`Self::entry`].
    pub fn stream(&mut self, labels: &Labels) -> usize {
        if let Some(index) = self.streams.iter().position(|(known, _)| known == labels) {
            return index;
        }
        let mut head = Vec::new();
        field(&mut head, 1, labels.to_string().as_bytes());
        self.bytes += head.len();
        self.streams.push((labels.clone(), head));
        self.streams.len() - 1
    }

    /// Adds an entry to a stream that [`Self::stream`] gave.
    pub fn entry(&mut self, stream: usize, timestamp: Timestamp, line: &str, metadata: &[(String, String)]) {
        let Some((_, out)) = self.streams.get_mut(stream) else { return };
        let (seconds, nanos) = (timestamp.0.div_euclid(1_000_000_000), timestamp.0.rem_euclid(1_000_000_000));
        self.scratch.clear();
        varint_field(&mut self.scratch, 1, seconds.cast_unsigned());
        varint_field(&mut self.scratch, 2, nanos.cast_unsigned());
        let pair_len = |(name, value): &(String, String)| field_len(name.len()) + field_len(value.len());
        let len = field_len(self.scratch.len())
            + field_len(line.len())
            + metadata.iter().map(|pair| field_len(pair_len(pair))).sum::<usize>();
        let before = out.len();
        head(out, 2, len);
        field(out, 1, &self.scratch);
        field(out, 2, line.as_bytes());
        for pair in metadata {
            head(out, 3, pair_len(pair));
            field(out, 1, pair.0.as_bytes());
            field(out, 2, pair.1.as_bytes());
        }
        self.bytes += out.len() - before;
    }

    /// Bytes so far, before compression.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The body, compressed; starts anew. Panics on 4 GiB or more, which no block of snappy can hold.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.bytes + self.streams.len() * 10);
        for (_, stream) in self.streams.drain(..) {
            field(&mut plain, 1, &stream);
        }
        self.bytes = 0;
        snap::raw::Encoder::new().compress_vec(&plain).expect("a batch is far below 4 GiB")
    }
}

/// The body of a push of whole streams.
pub fn encode(streams: &[Stream]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    for Stream { labels, entries } in streams {
        let stream = encoder.stream(labels);
        for Entry { timestamp, line, metadata } in entries {
            encoder.entry(stream, *timestamp, line, metadata);
        }
    }
    encoder.finish()
}

#[cfg(test)]
mod tests;
