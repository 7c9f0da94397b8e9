//! Follows an order through its statuses: events, path, dwell, stuck.
//!
//! [`OrderEvents`] takes events from lines as storage keeps them; [`Orders`] holds the live state of open objects and
//! tells the [`Story`] of one; [`render`] draws it for people. `docs/orders.md` explains the meaning.

mod analysis;
mod calendar;
mod defects;
mod derive;
mod deviation;
pub mod draw;
mod error;
mod event;
mod export;
mod failures;
#[cfg(test)]
mod fixture;
mod graph;
mod history;
mod incident;
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
mod trail;
mod wire;

pub use analysis::conformance::{Conformance, DeviationCount};
pub use analysis::dwell::{Dwell, EdgeDwell, StatusDwell};
pub use analysis::funnel::{Cohort, Funnel, FunnelRow, FunnelStep};
pub use analysis::objectives::{Attainment, Burn, Ratings, Sla};
pub use analysis::past::{Outcomes, PromiseOutcomes, StuckSpan, StuckSpans};
pub use analysis::picture::{Picture, PictureEdge, PictureStatus};
pub use analysis::reaction::{Delay, Interval, Reaction, reaction};
pub use analysis::throughput::{DayThroughput, Throughput};
pub use analysis::variants::{Variant, Variants};
pub use analysis::{Basis, Percentiles, Select};
pub use calendar::{Calendar, Hours};
pub use defects::DefectCount;
pub use derive::OrderEvents;
pub use error::{Error, Kind};
pub use export::ExportFormat;
pub use failures::TransitionError;
pub use graph::{Confirm, Expect, Graph, Graphs, Objective, Status};
pub use incident::{Awaited, Incident, IncidentFilter, Incidents, StuckOrder};
pub use orders::{Components, Orders, Pieces, Reading, StoryOptions};
pub use overview::{Filter, Item, LastError, Page, State, StatusSummary, Summary, TypeSummary};
pub use story::{
    Deviation, DeviationKind, EventKind, Evidence, Failure, Line, ObjectRef, Retry, Step, StepEvent, Story, Stuck,
    StuckReason, Trace,
};
pub use table::ORDER_EVENTS;
