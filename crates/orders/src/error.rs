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

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no line speaks of {object} `{id}`")]
    NotFound { object: String, id: String },
    #[error("`{0}` is not a cursor of such a list; start again without one")]
    Cursor(String),
    #[error("storage keeps no table `{0}`")]
    NoTable(&'static str),
    #[error("rows of `{0}` have other columns than expected")]
    Columns(&'static str),
    #[error(transparent)]
    Query(#[from] query::Error),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            Failure::NotFound { .. } => Kind::NotFound,
            Failure::Cursor(_) => Kind::Invalid,
            Failure::NoTable(_) | Failure::Columns(_) => Kind::Internal,
            Failure::Query(error) => match error.kind() {
                query::Kind::TooLarge => Kind::Busy { retry_after: Duration::from_secs(1) },
                query::Kind::Timeout | query::Kind::Cancelled | query::Kind::Unavailable => Kind::Unavailable,
                query::Kind::Invalid | query::Kind::Internal => Kind::Internal,
            },
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        Failure::Query(error).into()
    }
}
