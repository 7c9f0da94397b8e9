//! The one error of this crate; callers act on its [`Kind`].

use std::time::Duration;

/// Why a question about orders has no answer. The message never holds the text of a line.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Failure>);

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fix the request.
    Invalid,
    /// No line speaks of this object.
    NotFound,
    /// Come back later.
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Try again.
    Unavailable,
    /// A bug of ours.
    Internal,
}
