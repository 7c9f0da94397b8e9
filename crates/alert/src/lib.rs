//! Evaluates rules, keeps firing state, silences, routes and notifies; one file a notifier.

mod model;

pub use model::{ALERTNAME, Alert, Evidence, LinesQuery, Notify, NotifyError, Picture, RuleRef, fingerprint};
