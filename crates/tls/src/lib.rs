//! Certificates in files, read again when they change: TLS 1.2 and up for listeners, for HTTP and for other clients.
//!
//! Connections that stand keep what they began with; only new ones see new certificates. Files that are no good any
//! more are told of in the log, and the old ones go on.

mod client;
mod files;
mod listener;
mod loopback;

pub use client::{client_config, http_client};
pub use files::{Pem, Problem, Renewed, Tls, Which, read_settings};
pub use listener::{Accepted, Clients, Connection, Greeting, Terms, Wire, check};
pub use loopback::is_loopback;
