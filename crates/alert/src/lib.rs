//! Evaluates rules, keeps firing state, silences, routes and notifies; one file a notifier.

pub mod anomaly;
pub mod backtest;
mod desk;
pub mod eval;
mod incident;
mod message;
mod model;
mod notify;
mod outbox;
mod route;
pub mod rule;
mod silence;
mod time;
pub mod unit;

pub use desk::{AlertView, Alertmanagers, Desk, DeskParts, GroupView, Heartbeat, PostedAlert, TestSendError};
pub use incident::{Delay, Incident, IncidentAction, IncidentEvent, IncidentState, Named, Report, ReportRow, report};
pub use message::{Author, Line, Lines, Style, services_of};
pub use model::{ALERTNAME, Alert, Evidence, LinesQuery, Notify, NotifyError, Picture, RuleRef, fingerprint};
pub use notify::{Receiver, Simple};
pub use route::{Comparison, Matcher, Routing};
pub use silence::{Silence, SilenceState, WrittenMatcher};
