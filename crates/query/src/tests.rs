//! Whole queries over a real storage: lines in, query, answer out, every plan sent through its encoding first.

mod cache;
mod hostile;
mod json;
mod limits;
mod lines;
mod metadata;
mod metrics;
mod overview;
mod plain;
mod plans;
mod queries;
mod reference;
mod scopes;
mod stages;
mod veils;
mod world;

pub(crate) use self::world::{World, at, everything, line, travelled};
