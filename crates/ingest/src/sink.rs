//! Where decoded batches go, and what a refusal means for the sender.

use std::fmt;
use std::time::Duration;

use logline::Batch;

/// Takes batches in. Storage implements it.
#[async_trait::async_trait]
pub trait Sink: Send + Sync + fmt::Debug {
    /// Returns once the batch is durable and visible to queries; on an error none of it may be counted on.
    ///
    /// A batch with an id that was taken before returns `Ok` and stores nothing. Dropping the future leaves open
    /// whether the batch was taken.
    async fn append(&self, batch: Batch) -> Result<(), SinkError>;
}

/// Why a batch was not taken; each kind tells the sender something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Memory or a rate limit is used up: try the same batch again after this long.
    #[error("too much is waiting to be written; try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The store cannot be reached or is shutting down: try again.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// The disk has no room: try again once somebody has made some.
    #[error("the disk is full")]
    Full,
    /// The batch breaks a rule and never will be taken.
    #[error("{0}")]
    Invalid(String),
    /// Our bug or a broken file; the detail is for the log, not for the sender.
    #[error("internal error: {0}")]
    Internal(String),
}
