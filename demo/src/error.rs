//! Why the demo cannot go on.

use std::io;
use std::path::PathBuf;

/// Everything that can end the demo.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No port of the loopback interface can be had.
    #[error("cannot listen on the loopback interface")]
    Listen(#[source] io::Error),
    /// A service's log cannot be opened.
    #[error("cannot open a service's log")]
    Log(#[from] sdk::Error),
    /// The HTTP client cannot be built.
    #[error("cannot build the HTTP client")]
    Client(#[source] reqwest::Error),
    /// A file or folder of the demo.
    #[error("cannot use `{path}`")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A program that the demo starts.
    #[error("cannot start `{program}`, which `cargo build` puts beside this program")]
    Start {
        /// Which.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A program that the demo started has ended.
    #[error("`{program}` ended with {status}; its log is `{log}`")]
    Ended {
        /// Which.
        program: &'static str,
        /// How.
        status: std::process::ExitStatus,
        /// Where it says why.
        log: PathBuf,
    },
    /// Something took longer than its deadline.
    #[error("{what} took longer than {seconds} s")]
    Late {
        /// What.
        what: &'static str,
        /// The deadline.
        seconds: u64,
    },
    /// The server answered something else than expected.
    #[error("the server answered `{0}`")]
    Answer(String),
}

impl Error {
    /// A file or folder that cannot be used.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.into(), source }
    }
}
