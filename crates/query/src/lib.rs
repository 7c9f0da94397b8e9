//! LogQL to a DataFusion plan to a Loki answer, always under a [`auth::Scope`].
//!
//! A query is parsed by `logql`, and becomes: a scan of files and head (what it can filter by is decided here), a
//! pipeline that runs the stages line by line, then a sort for lines or an aggregation over time for series, and plain
//! code for what is left. No other crate names DataFusion, and nothing but this crate makes a `storage::Visibility`.

mod answer;
mod batch;
mod cache;
mod catalog;
mod config;
mod deletes;
mod engine;
mod error;
mod eval;
mod exec;
mod export;
mod fields;
mod logs;
mod matchers;
mod metric;
mod pages;
mod params;
mod patterns;
mod pipeline;
mod range;
mod run;
mod slices;
mod tail;
mod tenants;
mod turns;
mod view;
mod visibility;
mod volume;
mod workers;

pub use answer::{Answer, Data, LogEntry, LogStream, Sample, Series, Stats, merge_labels};
pub use batch::Batch;
pub use config::{Config, Limits};
pub use deletes::selector;
pub use engine::Engine;
pub use error::{Error, Kind};
pub use export::{Cursor, StreamedLine, StreamedLines};
pub use fields::{DetectedField, FieldKind, FieldParams};
pub use params::{Direction, Params};
pub use patterns::Pattern;
pub use run::Spent;
pub use tail::{Tail, TailFilter, tail};
pub use volume::{IndexStats, Volume, VolumeParams};

#[cfg(test)]
mod tests;
