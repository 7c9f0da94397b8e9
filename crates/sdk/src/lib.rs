//! What a service links: tower layers and a tracing layer that write masked lines in the house format.

mod body;
mod call;
mod capture;
mod client;
mod context;
mod error;
mod log;
mod outgoing;
mod server;
mod status;
mod trace;
mod writer;

pub use body::Captured;
pub use call::{Call, OpenCall, REQUEST_ID};
pub use client::{Attempt, Client, ClientLayer};
pub use context::{ObjectContext, OrderContext};
pub use error::Error;
pub use log::{Log, Settings};
pub use outgoing::CallBuilder;
pub use server::{RouteTemplate, Server, ServerLayer};
pub use status::{STATUS_TARGET, StatusLayer};
pub use trace::{TRACEPARENT, TraceContext};
pub use writer::{QueueLimits, Writer};
