//! What a log line is: labels and batches as they travel, the house format, and the facts read from a line.
//!
//! Pure: no IO, no clock, no other crate of this workspace. `docs/log-lines.md` specifies the format.

mod aliases;
mod batch;
mod defect;
mod endpoint;
mod entity;
mod extract;
mod hide;
mod json;
mod key;
mod kind;
mod labels;
mod level;
mod limits;
mod reader;
mod record;
mod scan;
mod status;
mod time;
mod timestamp;
mod value;
mod write;

pub use aliases::Aliases;
pub use batch::{Batch, BatchId, Entry, InvalidTenant, Stream, Tenant};
pub use defect::{Defect, Defects};
pub use endpoint::template;
pub use entity::Entity;
pub use extract::{Extraction, Part, Rule};
pub use hide::{HIDDEN, KeyValues};
pub use kind::{Direction, Format, Kind};
pub use labels::{InvalidLabels, Labels};
pub use level::{Level, level_of};
pub use limits::Limits;
pub use reader::{Config, Context, Reader};
pub use record::{Field, Record};
pub use status::{DEFAULT_ORDER_STATUSES, Statuses};
pub use time::{LineTime, event_time};
pub use timestamp::Timestamp;
pub use value::Value;

#[cfg(test)]
mod tests;
