//! Follows an order through its statuses: events, path, dwell, stuck.
//!
//! [`OrderEvents`] takes events from lines as storage keeps them; [`Orders`] holds the live state of open objects and
//! tells the [`Story`] of one; [`render`] draws it for people. `docs/orders.md` explains the meaning.

mod error;
mod graph;
mod orders;
mod overview;
pub mod render;
mod story;
mod wire;

pub use error::{Error, Kind};
pub use graph::{Confirm, Graph, Graphs, InvalidGraph, RawConfirm, RawGraph, RawStatus, Status};
pub use orders::{Components, Orders, StoryOptions};
pub use overview::{Filter, Item, LastError, Page, State, StatusSummary, Summary, TypeSummary};
pub use story::{
    Deviation, DeviationKind, EventKind, Evidence, Failure, Line, ObjectRef, Retry, Step, StepEvent, Story, Stuck,
    StuckReason, Trace,
};
// to come: OrderEvents (Derive), DefectCount
