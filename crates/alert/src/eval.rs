//! Evaluates rules: looks at the data at aligned moments, keeps the state of every alert, hands it to the routes.

mod book;
mod error;
mod evaluator;
mod found;
mod group;
mod history;
mod kinds;
mod record;
mod report;
mod source;
mod state;
#[cfg(test)]
mod testing;

pub use book::{DEFAULTS, Origin, read_folder};
pub use error::Error;
pub use evaluator::{Components, Config, Evaluator, Owners};
pub use found::{About, Findings, Found, Grid};
pub use group::{Due, GroupKey, GroupState, Health, Looked, Running, Surroundings};
pub use kinds::{Memory, find};
pub use record::Recorder;
pub(crate) use record::{recorded_labels, recorded_line};
pub use report::{Counts, GroupReport, RuleReport};
pub use source::{Failure, MAX_SERIES, Source};
pub use state::{Instance, Outside, RESOLVED_KEPT, Refused, RuleState, Standing};
