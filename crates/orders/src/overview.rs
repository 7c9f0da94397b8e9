//! What the live state answers: how many objects are in which status, which are stuck, lists in pages.

use logline::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ObjectRef, Stuck, StuckReason, wire};

/// Open objects of all types, by status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The moment it was made.
    #[serde(with = "wire::time")]
    pub as_of: Timestamp,
    /// Set while the state is still being read from storage: numbers may be too low.
    pub loading: bool,
    /// Objects that had to be dropped because there were too many; zero unless a limit was reached.
    pub dropped: u64,
    /// One entry an object type: orders first, the others by name.
    pub types: Vec<TypeSummary>,
}

/// Open objects of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeSummary {
    /// The object type.
    #[serde(rename = "type")]
    pub object: String,
    /// Objects that have not reached an end.
    pub open: u64,
    /// Open objects that wait longer than they may.
    pub stuck: u64,
    /// One entry a status, in the order of the graph; statuses outside of it follow by name.
    pub statuses: Vec<StatusSummary>,
}

/// Open objects in one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSummary {
    /// The status.
    pub status: String,
    /// The service that has to move them on, by the graph.
    pub owner: Option<String>,
    /// How many are in it.
    pub open: u64,
    /// How many of them are stuck.
    pub stuck: u64,
    /// How many stay unusually long, though no rule is broken.
    #[serde(default)]
    pub unusual: u64,
    /// How long one may stay.
    pub deadline_ms: Option<u64>,
    /// How long the one that came first has been in it.
    pub longest_ms: Option<u64>,
}

/// An open object as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which object.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// The status it is in.
    pub status: String,
    /// Since when.
    #[serde(with = "wire::time")]
    pub since: Timestamp,
    /// How long that is.
    pub waits_ms: u64,
    /// The service that has to move it on; by the graph, else the one that set the status.
    pub owner: String,
    /// How long it may stay.
    pub deadline_ms: Option<u64>,
    /// Set when it is stuck.
    pub stuck: Option<Stuck>,
    /// Its newest event.
    #[serde(with = "wire::time")]
    pub last_event: Timestamp,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
}

/// The last thing that went wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    #[serde(with = "wire::time")]
    pub time: Timestamp,
    /// The service that wrote it.
    pub service: String,
    /// Method and route template.
    pub endpoint: String,
    /// The HTTP status.
    pub http_status: Option<u16>,
    /// The `error` of the line, shortened; none if there is none or the reader may not see it.
    pub error: Option<String>,
    /// Set when the reader may not see this service's lines.
    pub hidden: bool,
    /// The trace.
    pub trace_id: Option<String>,
}

/// Which open objects to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The object type, whatever its case; `order` if not given.
    pub object: Option<String>,
    /// `open` (all of them) or `stuck`.
    pub state: Option<State>,
    /// Of the stuck ones only those with one of these reasons; [`crate::StuckReason::BROKEN`] if empty.
    pub reasons: Vec<StuckReason>,
    /// Only those in this status, whatever its case.
    pub status: Option<String>,
    /// Only those this service has to move on.
    pub owner: Option<String>,
    /// How many at most: 100 if not given, 1,000 if more are asked for; zero is refused.
    pub limit: Option<usize>,
    /// Where to go on: [`Page::next`] of the page before.
    pub cursor: Option<String>,
}

/// What a list may be narrowed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything that has not reached an end.
    #[default]
    Open,
    /// What waits longer than it may.
    Stuck,
}

/// A page of a list: those that came first into their status come first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The moment it was made.
    #[serde(with = "wire::time")]
    pub as_of: Timestamp,
    /// Set while the state is still being read from storage: objects may be missing, or look younger than they are.
    pub loading: bool,
    /// The objects.
    pub items: Vec<Item>,
    /// How many the filter finds, on all pages.
    pub total: usize,
    /// What to pass as `cursor` for the next page; none on the last.
    pub next: Option<String>,
}
