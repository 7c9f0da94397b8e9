//! The one error of changes to users, roles, policies and tokens; callers act on its [`Kind`].

/// Why it could not be done. The message names what was asked for, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
}

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fix what was asked for.
    Invalid,
    /// Log in again: name or password are wrong, or no password is looked at for now.
    Refused,
    /// It is declared in the configuration; change it there.
    ReadOnly,
    /// The name is taken.
    Taken,
    /// There is nothing with this name.
    NotFound,
    /// Try again later.
    Unavailable,
    /// A bug of ours, or an operator must look.
    Internal,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        Self::new(Kind::Internal, cause.to_string())
    }

    /// What the caller should do.
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Self {
        let kind = match error.kind() {
            state::Kind::Taken => Kind::Taken,
            state::Kind::NotFound => Kind::NotFound,
            state::Kind::Unavailable => Kind::Unavailable,
            state::Kind::Unusable | state::Kind::Internal => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<crate::password::Busy> for Error {
    fn from(_: crate::password::Busy) -> Self {
        Self::new(Kind::Unavailable, "too many passwords are being looked at, try again")
    }
}

impl From<crate::Invalid> for Error {
    fn from(invalid: crate::Invalid) -> Self {
        Self::invalid(invalid.to_string())
    }
}
