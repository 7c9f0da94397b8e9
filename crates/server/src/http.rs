//! The HTTP edge: the table of routes, the guard in front of them, errors as status codes.

mod connections;
mod error;
mod form;
mod guard;
mod page;
mod peer;
mod routes;
mod shield;
mod status;
mod v1;
mod v2;
mod websocket;

pub(crate) use connections::{Patience, serve, serve_two};
pub(crate) use error::HttpError;
pub(crate) use form::Form;
pub(crate) use guard::{Afterwards, Asker, Note, Unfinished};
pub(crate) use peer::Peer;
pub use routes::{Access, ROUTES, Route};
pub(crate) use routes::{grpc_router, router};
pub(crate) use shield::Shield;
pub(crate) use v1::access::{List, ShownToken, ShownUser, Told};
pub(crate) use v1::{Alerts, Deliveries, Incidents, Job, Jobs, Match, Question, ShownIncident, TestSent, Verdict};
pub(crate) use websocket::{Socket, open};
