//! Aggregation over time: one pass over samples in any order, windows that slide over panes.

mod keys;
mod panes;
mod state;
mod table;
mod top;
mod windows;

pub(crate) use self::keys::Keys;
pub(crate) use self::state::Aggregate;
#[cfg(test)]
pub(crate) use self::state::Finish;
pub(crate) use self::table::{Table, table};
pub(crate) use self::top::Top;
pub(crate) use self::windows::{Pane, Windows};
