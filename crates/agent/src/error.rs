//! Why the agent cannot start or go on.

use std::io;
use std::path::{Path, PathBuf};

/// What stops the agent. While it runs, only a state that cannot be written does, and that is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the agent's own cannot be used.
    #[error("{what} `{}`: {reason}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        reason: io::Error,
    },
    /// Another agent uses the state folder.
    #[error("another agent uses the state folder `{}`", .0.display())]
    Locked(PathBuf),
    /// The state file is not one, or of a later version.
    #[error("the state file `{}` is damaged or of another version; move it away to read all files from their start", .0.display())]
    Damaged(PathBuf),
    /// An input cannot listen.
    #[error("cannot listen on `{address}`: {reason}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        reason: io::Error,
    },
    /// The rules of masking make no masker.
    #[error("cannot mask: {0}")]
    Mask(#[from] mask::Error),
    /// The certificates of an output or a listener cannot be used.
    #[error("cannot use the certificates of `{0}`: {1}")]
    Tls(String, String),
    /// The HTTP client cannot be built.
    #[error("cannot build the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path, reason: io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), reason }
    }
}
