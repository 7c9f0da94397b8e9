//! Fluent's forward protocol, as Fluent Bit, fluentd and the fluent-logger libraries speak it: all four modes, with or
//! without an entry's metadata, compressed or not, acknowledged or not, with or without a shared key.

mod handshake;
mod message;
mod msgpack;

pub use handshake::{Handshake, Refused};
pub use message::{Forward, decode};
pub use msgpack::Framer;

/// The answer to a message with `chunk`, to be sent once its entries are durable.
pub fn ack(chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_map(&mut out, 1);
    msgpack::write_str(&mut out, b"ack");
    msgpack::write_str(&mut out, chunk);
    out
}
