//! Aggregation over time: one pass over samples in any order, windows that slide over panes.

mod panes;
mod state;
mod table;
mod windows;

pub(crate) use self::panes::Panes;
pub(crate) use self::state::{Aggregate, Finish};
pub(crate) use self::table::{Table, table};
pub(crate) use self::windows::Windows;
