//! Loki's push protocol: protobuf with raw-block snappy, or JSON; and the encoder that our agent and benchmarks use.
//!
//! What is wrong in a push is left out and told in one text with status 400; the rest is stored. A sender that gets 429
//! or 5xx keeps its batch and tries again, so those mean that nothing may be counted on.

mod decode;
mod encode;
mod json;
mod push;
mod wire;

pub use decode::{Context, Version, decode};
pub use encode::{Encoder, encode};
pub(crate) use json::describe;
pub use push::{Push, PushReply, push};
pub(crate) use push::{read, retry_after};
