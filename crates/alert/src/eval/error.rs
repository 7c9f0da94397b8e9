//! The error of what can be asked of the evaluator.

/// Why something could not be done with rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The rules are wrong; the text tells everything.
    #[error("{0}")]
    Invalid(String),
    /// There is no such group.
    #[error("group does not exist")]
    NotFound,
    /// The namespace belongs to a file or to the server.
    #[error("the rules of `{0}` come from a file or are the server's own; change them there")]
    ReadOnly(String),
    /// The state cannot be read or written now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<state::Error> for Error {
    fn from(error: state::Error) -> Self {
        match error.kind() {
            state::Kind::NotFound => Self::NotFound,
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<crate::rule::InvalidRules> for Error {
    fn from(error: crate::rule::InvalidRules) -> Self {
        Self::Invalid(error.to_string())
    }
}
