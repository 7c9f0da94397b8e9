//! Loki's HTTP API: parameters in, the engine's answer out, in Loki's words.

mod deletes;
mod detected;
mod encode;
mod handlers;
mod index;
pub(crate) mod legacy;
mod limits;
mod params;
mod push;
pub(crate) mod rules;
mod stream;
mod tail;

pub(crate) use deletes::{cancel_delete, delete, deletes};
pub(crate) use detected::{detected_fields, detected_labels, detected_values, patterns};
pub(crate) use handlers::{explain, format_query, label_values, labels, query, query_range, series};
pub(crate) use index::{stats, volume, volume_range};
pub(crate) use limits::{LOKI_VERSION, config, drilldown, tenant_limits};
pub(crate) use push::{in_words_of_grpc, otlp, otlp_grpc, otlp_standard, push_legacy, push_v1};
pub(crate) use tail::tail;

#[cfg(test)]
mod tests;
