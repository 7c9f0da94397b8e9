//! What a service links: tower layers and a tracing layer that write masked lines in the house format.
//!
//! ```text
//! [2026-01-02T15:04:05.123Z][REQ][POST /orders/{id}/price] order_id=4711 status=SUBMITTED trace_id=… body={"n":2}
//! [2026-01-02T15:04:05.171Z][STATUS][order] order_id=4711 from=SUBMITTED to=PRICE_CALCULATED trace_id=…
//! [2026-01-02T15:04:05.172Z][RESP][POST /orders/{id}/price] order_id=4711 status=PRICE_CALCULATED … http_status=200
//! ```
//!
//! - [`ServerLayer`] logs each request a service answers, [`ClientLayer`] each one it sends; [`Log::call`],
//!   [`Log::publish`] and [`Log::consume`] do it by hand for other clients and for queues.
//! - An order cannot be logged without its status: [`OrderContext`] has no other constructor.
//! - [`Log::transition`] and [`StatusLayer`] write STATUS lines.
//! - `traceparent` and `x-request-id` are read, carried on to the services that are called, and made where none came.
//! - Every value is masked before it is queued (see [`mask`]); headers that name a secret are left out.
//! - [`Writer`] never lets a request wait: what does not fit into its queue is dropped and counted by [`Log::dropped`].
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use lapidary_sdk::{Call, Captured, Log, OrderContext, QueueLimits, ServerLayer, Settings, Writer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # type Body = http_body_util::Full<bytes::Bytes>;
//! # type Answer = Result<http::Response<Body>, std::convert::Infallible>;
//! async fn price(request: http::Request<Captured<Body>>) -> Answer {
//!     // With axum: `Extension(call): Extension<Call>`.
//!     let call = request.extensions().get::<Call>().expect("the layer puts it there");
//!     let order = OrderContext::new("4711", "SUBMITTED"); // as it is in the database
//!     call.order(&order);
//!     order.set_status("PRICE_CALCULATED"); // what the handler makes of it
//!     Ok(http::Response::new(Body::from("1490")))
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("crm.log");
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let log = Log::new(Writer::file(&path, QueueLimits::default())?, Settings::default(), SystemTime::now)?;
//! let service = ServerLayer::new(log.clone()).layer(service_fn(price));
//!
//! let request = http::Request::post("/orders/4711/price").body(Body::from("mail ivan@example.ru"))?;
//! drop(service.oneshot(request).await?); // what hyper does once the body is sent
//!
//! assert!(log.flush(Duration::from_secs(10))); // when the service ends
//! let lines = std::fs::read_to_string(&path)?;
//! assert!(lines.contains("][REQ][POST /orders/{id}/price] order_id=4711 status=SUBMITTED "));
//! assert!(lines.contains("][RESP][POST /orders/{id}/price] order_id=4711 status=PRICE_CALCULATED "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod call;
mod capture;
mod client;
mod context;
mod error;
mod log;
mod logged;
mod outgoing;
mod server;
mod status;
#[cfg(test)]
mod testing;
mod trace;
mod writer;

pub use body::Captured;
pub use call::{Call, OpenCall, REQUEST_ID};
pub use client::{Attempt, ClientLayer};
pub use context::{ObjectContext, OrderContext};
pub use error::Error;
pub use log::{Log, Settings};
pub use logged::Logged;
pub use outgoing::CallBuilder;
pub use server::{RouteTemplate, ServerLayer};
pub use status::{STATUS_TARGET, StatusLayer};
pub use trace::{TRACEPARENT, TraceContext};
pub use writer::{QueueLimits, Writer};
