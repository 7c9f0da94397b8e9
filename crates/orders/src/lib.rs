//! Follows an order through its statuses: events, path, dwell, stuck.
//!
//! [`OrderEvents`] takes events from lines as storage keeps them; [`Orders`] holds the live state of open objects and
//! tells the [`Story`] of one; [`render`] draws it for people. `docs/orders.md` explains the meaning.

mod defects;
mod derive;
mod deviation;
mod error;
mod event;
#[cfg(test)]
mod fixture;
mod graph;
mod list;
mod live;
mod orders;
mod overview;
mod path;
mod read;
pub mod render;
mod story;
mod stuck;
mod symbols;
mod table;
mod tell;
mod wire;

pub use defects::DefectCount;
pub use derive::OrderEvents;
pub use error::{Error, Kind};
pub use graph::{Confirm, Graph, Graphs, InvalidGraph, RawConfirm, RawGraph, RawStatus, Status};
pub use orders::{Components, Orders, StoryOptions};
pub use overview::{Filter, Item, LastError, Page, State, StatusSummary, Summary, TypeSummary};
pub use story::{
    Deviation, DeviationKind, EventKind, Evidence, Failure, Line, ObjectRef, Retry, Step, StepEvent, Story, Stuck,
    StuckReason, Trace,
};
