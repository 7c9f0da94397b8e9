//! The write-ahead log: what is acknowledged is here until a committed file holds it.

mod check;
mod local;
mod payload;
mod record;

pub(crate) use check::{acknowledged_before, check, end_of};
pub(crate) use local::{LocalWal, Replay};
pub(crate) use payload::{decode, encode};

use crate::Error;

/// A log of records, numbered without gaps as its owner sees them; the number is the record's position and only grows.
///
/// Used by one writer thread, which may block in it. An implementation promises:
/// - when `append` returns `Ok(first)` with `sync`, the records are durable under `first, first + 1, …`, and so is
///   every record before them;
/// - when `append` fails, none of the records is acknowledged: after a crash each may be there or not, never in part,
///   and later appends work again once the cause is gone;
/// - `replay` gives every durable record once, in order, and at most records that were never acknowledged besides.
pub(crate) trait Wal: Send {
    /// Appends records, all or none; with `sync` they are durable on return.
    fn append(&mut self, records: &[Vec<u8>], sync: bool) -> Result<u64, Error>;

    /// Makes everything that was appended durable.
    fn sync(&mut self) -> Result<(), Error>;

    /// Forgets records up to and including `position`; the rest of their segment may stay.
    fn recycle(&mut self, position: u64) -> Result<(), Error>;

    /// Whether an append of some size would succeed now; changes nothing.
    fn probe(&self) -> Result<(), Error>;

    /// Position that the next record will have.
    fn next_position(&self) -> u64;

    /// Bytes it holds on disk.
    fn bytes(&self) -> u64;
}

/// What opening a log found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// Records that were handed over.
    pub(crate) records: u64,
    /// Bytes cut off because they were never acknowledged.
    pub(crate) torn_bytes: u64,
}

#[cfg(test)]
mod tests;
