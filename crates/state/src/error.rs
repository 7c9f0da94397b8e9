//! The one error of this crate; callers act on its [`Kind`].

use std::path::Path;

/// Why the state could not be read or changed. The message names tables and rules, never the values in them.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
}

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something with this name is there already.
    Taken,
    /// What was named is not there.
    NotFound,
    /// Try again: the database does not answer, or is busy.
    Unavailable,
    /// An operator must look: the database is of another version, damaged, or cannot be opened.
    Unusable,
    /// A bug of ours.
    Internal,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The same about the database in this file.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        Self { kind: self.kind, message: format!("`{}`: {}", path.display(), self.message) }
    }

    /// What the caller should do.
    pub const fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::RowNotFound => Kind::NotFound,
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Kind::Taken,
            sqlx::Error::Database(cause) if is_passing(cause.code().as_deref()) => Kind::Unavailable,
            sqlx::Error::Database(cause) if is_damaged(cause.code().as_deref()) => Kind::Unusable,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Kind::Unavailable,
            sqlx::Error::Configuration(_) => Kind::Unusable,
            _ => Kind::Internal,
        };
        let message = match (&error, kind) {
            (_, Kind::Taken) => "this name is taken".to_owned(),
            (_, Kind::NotFound) => "there is nothing with this name".to_owned(),
            // An error of configuration repeats the address, which may hold a password.
            (sqlx::Error::Configuration(_), _) => "the address of the state database cannot be understood".to_owned(),
            (sqlx::Error::Database(cause), _) if is_damaged(cause.code().as_deref()) => format!(
                "the state database is damaged ({}): bring it back from a backup, or move it away to begin with an empty one, without users, tokens and silences",
                cause.message()
            ),
            (sqlx::Error::Database(cause), _) => format!("the state database: {}", cause.message()),
            _ => format!("the state database: {error}"),
        };
        Self { kind, message }
    }
}

/// Whether it is worth trying again: SQLite's busy and locked; PostgreSQL's classes 08 (connection), 40 (rollback),
/// 53 (resources), 55 (in use), 57 (shutdown, time-out).
fn is_passing(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    let sqlite = code.parse::<u32>().is_ok_and(|code| code < 10_000 && matches!(code & 0xff, 5 | 6));
    let postgres = code.len() == 5 && ["08", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class));
    sqlite || postgres
}

/// Whether a file is no database of SQLite, or one that was damaged.
fn is_damaged(code: Option<&str>) -> bool {
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code < 10_000 && matches!(code & 0xff, 11 | 26))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for code in ["5", "6", "517", "57014", "40001", "53300", "08006"] {
            assert!(is_passing(Some(code)), "{code}");
        }
        for code in ["1", "11", "2067", "23505", "42601"] {
            assert!(!is_passing(Some(code)), "{code}");
        }
        assert!(!is_passing(None));
    }

    #[test]
    fn an_address_that_cannot_be_understood_keeps_its_password() {
        let error = Error::from(sqlx::Error::Configuration("postgres://ops:hunter2@db".into()));
        assert_eq!(error.kind(), Kind::Unusable);
        assert!(!error.to_string().contains("hunter2"));
    }
}
