//! Aggregation over time: one pass over samples in any order, windows that slide over panes.

mod panes;
mod state;
mod table;
mod windows;

pub(crate) use self::state::Aggregate;
#[cfg(test)]
pub(crate) use self::state::Finish;
pub(crate) use self::table::{Table, Values, table};
pub(crate) use self::windows::{Pane, Windows};
