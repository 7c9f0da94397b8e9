//! Puts the parts together: configuration, routes, errors to HTTP, start and drain; and the `lapidary` command line.

mod app;
mod audit;
pub mod cli;
pub mod config;
mod desk;
mod feed;
mod http;
mod loki;
mod metrics;
mod reveal;
mod rules;
mod serve;
#[cfg(test)]
mod started;

pub use http::{Access, ROUTES, Route};
pub use serve::{Server, serve};
