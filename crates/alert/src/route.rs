//! From alerts to notifications, with Alertmanager's semantics: tree, groups, waits, inhibition, times.

mod config;
mod dispatch;
mod inhibit;
mod matcher;
mod times;
mod tree;

pub use config::Routing;
pub(crate) use dispatch::{Dispatcher, Due, LogEntry, Sent};
pub use matcher::{Comparison, Matcher};
pub(crate) use tree::label_text;
