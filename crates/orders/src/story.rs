//! The story of one object, as the API gives it and people read it: its path, what went wrong, the lines behind it.
//!
//! Plain data: made by [`crate::Orders::story`], sent as JSON, read back by the command line, drawn by [`crate::render`].

use logline::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire;

/// An object of the business.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `order`, `model`, `customer` …
    #[serde(rename = "type")]
    pub object: String,
    /// Its id, as the lines write it.
    pub id: String,
}

/// Everything known of one object at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// Whose story it is.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// The moment it was told; what still runs is measured up to here.
    #[serde(with = "wire::time")]
    pub as_of: Timestamp,
    /// Its first event.
    #[serde(with = "wire::time")]
    pub first: Timestamp,
    /// Its newest event.
    #[serde(with = "wire::time")]
    pub last: Timestamp,
    /// Whether it has reached an end of its graph.
    pub closed: bool,
    /// The status it is in; none if no line ever said one.
    pub status: Option<String>,
    /// The service that has to move it on.
    pub owner: Option<String>,
    /// Set when it waits longer than it may.
    pub stuck: Option<Stuck>,
    /// From the first event to the end, or until now.
    pub total_ms: u64,
    /// Services that wrote about it, in the order in which the graph hands it on; others after them, by their first event.
    pub services: Vec<String>,
    /// The statuses it went through, in order.
    pub steps: Vec<Step>,
    /// The statuses that still lie ahead by the shortest way.
    pub ahead: Vec<String>,
    /// Where it left the graph.
    pub deviations: Vec<Deviation>,
    /// Failed calls and reported errors, in order of time.
    pub failures: Vec<Failure>,
    /// Calls that were tried more than once.
    pub retries: Vec<Retry>,
    /// The traces it took part in, in order of time.
    pub traces: Vec<Trace>,
    /// Objects named beside it.
    pub related: Vec<ObjectRef>,
    /// How many lines the reader may not see.
    pub hidden_lines: usize,
    /// Set when it has more events than a story shows; the newest are there.
    pub truncated: bool,
}

/// Why and how long an object is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// What it misses.
    pub reason: StuckReason,
    /// Since when it should have gone on.
    #[serde(with = "wire::time")]
    pub due: Timestamp,
    /// How long ago that was.
    pub overdue_ms: u64,
}

/// What a stuck object misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StuckReason {
    /// It stays longer than its status allows.
    Deadline,
    /// The other side never confirmed the hand-over.
    Unconfirmed,
    /// The event that its status expects never came.
    Missing,
    /// It stays longer than 99 of 100 did in this status, though no deadline is over.
    Unusual,
}

impl StuckReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Deadline, Self::Unconfirmed, Self::Missing, Self::Unusual];
    /// Those that break a rule. What is merely unusual happens to one in a hundred, and is told only to who asks.
    pub const BROKEN: [Self; 3] = [Self::Deadline, Self::Unconfirmed, Self::Missing];

    /// The reason of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Unconfirmed => "unconfirmed",
            Self::Missing => "missing",
            Self::Unusual => "unusual",
        }
    }
}

impl DeviationKind {
    /// Its name, as in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownStatus { .. } => "unknown_status",
            Self::WrongStart { .. } => "wrong_start",
            Self::UnknownEdge { .. } => "unknown_edge",
            Self::Skipped { .. } => "skipped",
            Self::Repeated { .. } => "repeated",
            Self::AfterEnd { .. } => "after_end",
            Self::WrongService { .. } => "wrong_service",
            Self::ClockSkew { .. } => "clock_skew",
            Self::Unconfirmed { .. } => "unconfirmed",
        }
    }
}

impl Evidence {
    /// Its name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Call => "call",
            Self::Seen => "seen",
        }
    }
}

/// A stay in one status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The status.
    pub status: String,
    /// The service that said so.
    pub service: String,
    /// The service that has to move the object on, by the graph.
    pub owner: Option<String>,
    /// How it is known.
    pub evidence: Evidence,
    /// When it was entered.
    #[serde(with = "wire::time")]
    pub entered: Timestamp,
    /// When it was left; none while the object is in it.
    #[serde(with = "wire::optional_time")]
    pub left: Option<Timestamp>,
    /// How long it stayed, or stays so far; nothing is counted once the object has reached its end.
    pub dwell_ms: u64,
    /// How long it may.
    pub deadline_ms: Option<u64>,
    /// How many times it has been in this status, this one included.
    pub visit: u32,
    /// What happened meanwhile, and what brought it here, in order of time.
    pub events: Vec<StepEvent>,
}

/// How it is known that a status was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A STATUS line says it.
    Line,
    /// A request and its response differ in status.
    Call,
    /// Lines speak of the status, but none tells when it was entered: it was at the latest now.
    Seen,
}

/// One event of the object; one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepEvent {
    /// Hash of the line: names the event for good.
    pub id: String,
    /// When it happened.
    #[serde(with = "wire::time")]
    pub time: Timestamp,
    /// The service that wrote the line.
    pub service: String,
    /// What kind of line it is.
    pub kind: EventKind,
    /// Method and route template, or the object type of a STATUS line.
    pub endpoint: String,
    /// `in` or `out`, as written.
    pub dir: Option<String>,
    /// The other side of the call.
    pub peer: Option<String>,
    /// The status that was left.
    pub from: Option<String>,
    /// The status as the line gives it.
    pub status: Option<String>,
    /// The HTTP status.
    pub http_status: Option<u16>,
    /// How long the call took.
    pub duration_ms: Option<f64>,
    /// 1 for the first try.
    pub attempt: Option<u32>,
    /// Whether it went wrong.
    pub failed: bool,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// Pairs request and response.
    pub request_id: Option<String>,
    /// The line behind it.
    pub line: Line,
}

/// What kind of line an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A request.
    Req,
    /// A change of status.
    Status,
    /// Any other line that names the object.
    Log,
    /// A response.
    Resp,
}

/// The line behind an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "access", rename_all = "snake_case")]
pub enum Line {
    /// The reader may see it.
    Shown {
        /// Its text, as it is kept.
        text: String,
    },
    /// The reader has no right to this service's lines.
    Hidden,
    /// It is no longer kept.
    Gone,
    /// Lines were not asked for, or there were too many.
    Omitted,
}

/// A place where the object left its graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// Index of the step.
    pub step: usize,
    /// When.
    #[serde(with = "wire::time")]
    pub time: Timestamp,
    /// What is wrong.
    #[serde(flatten)]
    pub kind: DeviationKind,
}

/// What can be wrong with a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeviationKind {
    /// The status does not stand in the graph.
    UnknownStatus {
        /// The status.
        status: String,
    },
    /// The object came into being in another status than the first.
    WrongStart {
        /// The status it started in.
        status: String,
        /// The status it should have started in.
        expected: String,
    },
    /// No edge leads there, and no way either.
    UnknownEdge {
        /// From this status.
        from: String,
        /// To this one.
        to: String,
    },
    /// Statuses on the way were left out.
    Skipped {
        /// From this status.
        from: String,
        /// To this one.
        to: String,
        /// What was left out.
        statuses: Vec<String>,
    },
    /// The status was entered more often than rework allows.
    Repeated {
        /// The status.
        status: String,
        /// How often it was entered.
        visits: u32,
        /// How often it may be.
        allowed: u32,
    },
    /// Something happened after the end.
    AfterEnd {
        /// The end.
        end: String,
        /// What came after.
        status: String,
    },
    /// Another service than those responsible changed the status.
    WrongService {
        /// The status that was entered.
        status: String,
        /// Who did it.
        service: String,
        /// Who should have.
        expected: Vec<String>,
    },
    /// A service whose clock is wrong: its line tells that a status was left which was entered only after it.
    ClockSkew {
        /// The status it tells of.
        status: String,
        /// The status that was left, entered later by the clock of another service.
        from: String,
        /// Who told this one.
        service: String,
        /// Who told the other.
        other: String,
        /// How far the clocks differ at least.
        skew_ms: u64,
    },
    /// The hand-over was not confirmed in time.
    Unconfirmed {
        /// The status.
        status: String,
        /// How soon it should have been.
        within_ms: u64,
        /// How long it took in the end; none if it never came.
        after_ms: Option<u64>,
    },
}

/// A call that failed, or an error a service reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    #[serde(with = "wire::time")]
    pub time: Timestamp,
    /// Index of the step it fell into.
    pub step: Option<usize>,
    /// The service that wrote it.
    pub service: String,
    /// Method and route template.
    pub endpoint: String,
    /// The other side of the call.
    pub peer: Option<String>,
    /// The HTTP status.
    pub http_status: Option<u16>,
    /// The `error` the line gives, shortened; none if there is none or the reader may not see it.
    pub error: Option<String>,
    /// Set when the reader may not see this service's lines.
    pub hidden: bool,
    /// Which try it was.
    pub attempt: Option<u32>,
    /// The trace.
    pub trace_id: Option<String>,
}

/// A call that took more than one try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The service that called.
    pub service: String,
    /// Method and route template.
    pub endpoint: String,
    /// The other side.
    pub peer: Option<String>,
    /// How many tries.
    pub attempts: u32,
    /// Whether the last one went well.
    pub succeeded: bool,
    /// The first try.
    #[serde(with = "wire::time")]
    pub first: Timestamp,
    /// The last one.
    #[serde(with = "wire::time")]
    pub last: Timestamp,
}

/// A trace the object took part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Its id.
    pub trace_id: String,
    /// Its first event about the object.
    #[serde(with = "wire::time")]
    pub first: Timestamp,
    /// How many events it has about the object.
    pub events: usize,
    /// Services in it, in the order of their first event.
    pub services: Vec<String>,
    /// Whether something in it failed.
    pub failed: bool,
}
