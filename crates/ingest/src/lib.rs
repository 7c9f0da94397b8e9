//! Turns each foreign protocol into a `Batch` for a `Sink`: one folder a protocol, decoders pure, nothing here panics.
//!
//! The server checks who is asking and for which tenant, then hands the request to the protocol's function with its one
//! [`Endpoint`]. An answer of success means that the [`Sink`] has made the lines durable.

mod assemble;
mod batch_id;
mod cut;
mod decoded;
mod endpoint;
mod fields;
mod inflate;
mod limits;
mod masking;
mod names;
mod rate;
mod sink;

pub mod forward;
pub mod journal;
pub mod loki;
pub mod otlp;
pub mod protobuf;
pub mod seal;
pub mod syslog;

pub use batch_id::{BATCH_HEADER, InvalidBatchId, format_batch_id, parse_batch_id};
pub use cut::cut;
pub use decoded::{DecodeError, Decoded, Rejected};
pub use endpoint::{Endpoint, Totals};
pub use limits::{Limits, LimitsByTenant, Rate};
pub use masking::{Hits, Masking, Mode, mask_settings, token_keys};
pub use names::{Named, clean_name, unique};
pub use sink::{Sink, SinkError};
