//! Why a log cannot be opened. Once it is open nothing fails towards the service: what cannot be written is counted.

use std::path::PathBuf;

/// Why a log or its writer cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The masking settings are wrong.
    #[error("wrong masking settings")]
    Mask(#[from] mask::Error),
    /// The file cannot be opened for appending.
    #[error("cannot open `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("cannot start the writer's thread")]
    Thread(#[source] std::io::Error),
}
