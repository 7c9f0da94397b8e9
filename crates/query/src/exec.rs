//! The operators of our plans, between the scan and the answer; all of them travel to other nodes by [`codec::PlanCodec`].

mod batches;
#[cfg_attr(not(test), expect(dead_code, reason = "plans of one node do not travel; tests send every one of them"))]
mod codec;
mod context;
mod distinct;
mod lines;
mod range;
mod samples;
mod scan;
mod share;
mod tally;
mod unary;

pub(crate) use self::batches::{TextDictionary, column, metadata, times};
#[cfg(test)]
pub(crate) use self::codec::PlanCodec;
pub(crate) use self::context::QueryContext;
pub(crate) use self::distinct::Distinct;
pub(crate) use self::lines::{Lines, fields as line_fields};
pub(crate) use self::range::{Part, Range, fields as range_fields};
pub(crate) use self::samples::Samples;
pub(crate) use self::scan::ScanExec;
pub(crate) use self::share::Share;
pub(crate) use self::tally::{Tally, fields as tally_fields};
pub(crate) use self::unary::UnaryExec;
