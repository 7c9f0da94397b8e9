//! The shapes of the services' lines, shared by history and live: routes, bodies, what the workshop's old logger writes.
//! How a REQ, RESP or STATUS line is laid out is the SDK's business; [`Side`] lays out history's lines the same way.

pub mod bodies;
pub mod legacy;
pub mod routes;
mod service;
mod side;
mod visits;

use std::time::Duration;

pub use service::{QUEUE, Route, Service};
pub use side::{Answer, Side, Subject, Trace, change};
pub use visits::{GONE, SIZE_IS_MISSING, Visit};

/// How long a caller waits for another service.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// What a caller notes when that was too long.
pub const NO_ANSWER: &str = "no answer within 5 s";
/// How long a publisher waits for the queue's confirmation.
pub const QUEUE_PATIENCE: Duration = Duration::from_secs(4);
/// What a publisher notes when that was too long.
pub const NOT_CONFIRMED: &str = "not confirmed within 4 s";
/// How often a publisher tries.
pub const PUBLISH_ATTEMPTS: u32 = 3;
/// What a caller notes when the connection broke; it tries a second time.
pub const RESET: &str = "connection reset by peer";
/// What SHOP answers when CRM does not.
pub const CRM_IS_DOWN: &str = "crm-api does not answer";
/// What MES answers when the bench's controller does not.
pub const BENCH_IS_DOWN: &str = "bench controller did not answer";
/// How long MES waits for that controller.
pub const BENCH_PATIENCE: Duration = Duration::from_millis(1_500);
/// How often a call between services breaks at the first try.
pub const FLAKY: f64 = 0.004;
/// What is dearer than this many euros is insured.
pub const INSURED: u32 = 3_000;
/// One 3D model in so many is rejected at first; the customer mends it at once.
pub const REJECTED: u64 = 20;
