//! Evaluates rules, keeps firing state, silences, routes and notifies; one file a notifier.

pub mod anomaly;
pub mod backtest;
pub mod eval;
mod model;
pub mod rule;
mod time;
pub mod unit;

pub use model::{ALERTNAME, Alert, Evidence, LinesQuery, Notify, NotifyError, Picture, RuleRef, fingerprint};
