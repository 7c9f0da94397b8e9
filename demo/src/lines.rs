//! The shapes of the services' lines, shared by history and live: routes, bodies, what the workshop's old logger writes.
//! How a REQ, RESP or STATUS line is laid out is the SDK's business; [`Side`] lays out history's lines the same way.

pub mod bodies;
pub mod legacy;
pub mod routes;
mod service;
mod side;

pub use service::{QUEUE, Route, Service};
pub use side::{Answer, Side, Subject, Trace, change};
