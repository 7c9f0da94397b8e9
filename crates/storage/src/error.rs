//! The one error of this crate; callers act on its [`Kind`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Characters that are kept of what a store says about a failure.
const MAX_REASON: usize = 300;

/// Why storage could not do it. The message names files, tables and numbers, never the text of a line.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Failure>);

/// What a caller should do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fix the request.
    Invalid,
    /// There is nothing with this name.
    NotFound,
    /// Come back later: the memory budget is used up.
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The disk is full: make space; nothing that was acknowledged is lost.
    Full,
    /// Try again: it is closing, or the disk does not answer.
    Unavailable,
    /// Another server uses the folder, or the name of the node.
    Locked,
    /// A file is damaged; an operator must look.
    Corrupt,
    /// A bug of ours.
    Internal,
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(&'static str),
    #[error("the memory budget for new lines is used up, retry in {} s", .retry_after.as_secs().max(1))]
    Busy { retry_after: Duration },
    #[error("the disk is full: cannot {action} `{}`", .path.display())]
    Full { action: &'static str, path: PathBuf },
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("cannot {action} `{}`: {reason}", .path.display())]
    Remote { action: &'static str, path: PathBuf, reason: String },
    #[error(
        "node `{node}` belongs to another data folder: give this one a `storage.node` of its own, or remove `{}` if that folder is gone for good",
        .path.display()
    )]
    Claimed { node: String, path: PathBuf },
    #[error("the data folder `{}` is in use by another server", .0.display())]
    Locked(PathBuf),
    #[error("`{}` is damaged: {reason}", .path.display())]
    Corrupt { path: PathBuf, reason: String },
    #[error("`{}` is damaged at byte {offset}: {reason}", .path.display())]
    CorruptAt { path: PathBuf, offset: u64, reason: String },
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: Arc<io::Error> },
    #[error("table `{table}`: {reason}")]
    Table { table: &'static str, reason: String },
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// What the caller should do.
    pub fn kind(&self) -> Kind {
        match &*self.0 {
            Failure::Invalid(_) => Kind::Invalid,
            Failure::NotFound(_) => Kind::NotFound,
            Failure::Busy { retry_after } => Kind::Busy { retry_after: *retry_after },
            Failure::Full { .. } => Kind::Full,
            Failure::Unavailable(_) | Failure::Io { .. } | Failure::Remote { .. } => Kind::Unavailable,
            Failure::Locked(_) | Failure::Claimed { .. } => Kind::Locked,
            Failure::Corrupt { .. } | Failure::CorruptAt { .. } => Kind::Corrupt,
            Failure::Table { .. } | Failure::Internal(_) => Kind::Internal,
        }
    }

    /// Whether a file is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(&*self.0, Failure::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether something cannot be written since nothing can there: a disk that is mounted for reading, or permissions.
    pub(crate) fn is_unwritable(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(&*self.0, Failure::Io { source, .. } if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem))
    }

    /// What it is, in a few words that name no path.
    pub(crate) fn summary(&self) -> &'static str {
        match &*self.0 {
            Failure::Full { .. } => "the disk is full",
            Failure::Io { source, .. } => match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem => "the data folder is read-only",
                io::ErrorKind::PermissionDenied => "the data folder may not be written to",
                _ => "the disk fails",
            },
            Failure::Remote { .. } => "the bucket does not answer",
            Failure::Corrupt { .. } | Failure::CorruptAt { .. } => "a file is damaged",
            Failure::Busy { .. } => "the memory budget is used up",
            Failure::Invalid(_)
            | Failure::NotFound(_)
            | Failure::Unavailable(_)
            | Failure::Locked(_)
            | Failure::Claimed { .. }
            | Failure::Table { .. }
            | Failure::Internal(_) => "storage fails",
        }
    }

    /// The file that is damaged, when one is.
    pub(crate) fn damaged(&self) -> Option<&Path> {
        match &*self.0 {
            Failure::Corrupt { path, .. } | Failure::CorruptAt { path, .. } => Some(path),
            _ => None,
        }
    }

    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Failure::Invalid(reason.into()).into()
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that it fits `map_err`")]
    pub(crate) fn internal(reason: impl ToString) -> Self {
        Failure::Internal(reason.to_string()).into()
    }

    #[expect(clippy::needless_pass_by_value, reason = "so that it fits `map_err`")]
    pub(crate) fn corrupt(path: &Path, reason: impl ToString) -> Self {
        Failure::Corrupt { path: path.to_owned(), reason: reason.to_string() }.into()
    }

    pub(crate) fn corrupt_at(path: &Path, offset: usize, reason: String) -> Self {
        Failure::CorruptAt { path: path.to_owned(), offset: offset as u64, reason }.into()
    }

    /// A name that no object can have.
    #[expect(clippy::needless_pass_by_value, reason = "so that it fits `map_err`")]
    pub(crate) fn invalid_path(reason: object_store::path::Error) -> Self {
        Failure::Invalid(reason.to_string()).into()
    }

    /// Turns an error of a bucket into ours; `action` completes "cannot … `path`".
    pub(crate) fn remote(action: &'static str, path: &Path, source: &object_store::Error) -> Self {
        let reason = match source {
            object_store::Error::NotFound { .. } => {
                return Self::io(action, path, io::Error::new(io::ErrorKind::NotFound, "it is not there"));
            }
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                "the store refuses; see whether keys and policy allow it".to_owned()
            }
            // What the store says may be long, and is a page of XML.
            source => source.to_string().chars().take(MAX_REASON).collect(),
        };
        Failure::Remote { action, path: path.to_owned(), reason }.into()
    }

    /// Turns an error of the operating system into ours; `action` completes "cannot … `path`".
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Failure::Full { action, path }.into()
            }
            _ => Failure::Io { action, path, source: Arc::new(source) }.into(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}
