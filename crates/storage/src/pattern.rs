//! Patterns of lines: what lines from one place of a program have in common, with a mark for each word that differs, as in
//! `[RESP][GET /orders/{id}] order_id=<_> http_status=200 duration_ms=<_>`.
//!
//! A file has the pattern of each line in a column. A condition on the text of a line is mostly decided by its pattern:
//! then a count needs no line, and a search reads only the lines that are left open.

mod judge;
mod learn;

pub(crate) use self::judge::{Judge, Test, Verdicts};
pub(crate) use self::learn::{FILE_BYTES, Patterns};

/// Stands for one word: one or more bytes that are letters, digits, `_` or of other scripts.
const WORD: &str = "<_>";
/// Stands for the rest of the line, whatever it is.
const REST: &str = "<...>";

#[cfg(test)]
mod tests;
