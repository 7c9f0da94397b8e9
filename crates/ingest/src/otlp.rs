//! OpenTelemetry's logs over HTTP, in protobuf and JSON, as Loki takes them (`/otlp/v1/logs`) and as the specification
//! says (`/v1/logs`), and over gRPC.
//!
//! Some attributes of the resource become the stream's labels; all others, those of scope and record, and the record's
//! own fields become structured metadata. Names get `_` for what no label name has, maps are flattened with `_`.

mod export;
mod grpc;
mod json;
mod record;
mod value;
mod wire;

pub use export::{Export, ExportReply, Manners, decode, export};
pub use grpc::{GrpcReply, METHOD, grpc};

#[cfg(test)]
mod tests;
