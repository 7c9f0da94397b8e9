//! The shapes of the services' lines, shared by history and live: routes, bodies, what the workshop's old logger writes.
//! How a REQ, RESP or STATUS line is laid out is the SDK's business; [`Side`] lays out history's lines the same way.

pub mod bodies;
pub mod legacy;
mod routes;
mod side;

pub use routes::{Route, Service, routes};
pub use side::{Answer, Side, Subject, change};
