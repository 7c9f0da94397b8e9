//! Loki's HTTP API: parameters in, the engine's answer out, in Loki's words.

mod deletes;
mod encode;
mod handlers;
mod params;
mod push;

pub(crate) use deletes::{cancel_delete, delete, deletes};
pub(crate) use handlers::{format_query, label_values, labels, query, query_range, series};
pub(crate) use push::{push_legacy, push_v1};
