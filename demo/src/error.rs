//! Why the demo cannot go on.

use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use stdx::Language;

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
    #[error("`{program}` ended with {status}; its log is `{log}`{}", last_line(log))]
    Ended {
        /// Which.
        program: &'static str,
        /// How.
        status: std::process::ExitStatus,
        /// Where it says why.
        log: PathBuf,
    },
    /// A program that the demo starts again and again.
    #[error("`{program}` ended {deaths} times within {} s and is not started again; the last time: {last}", within.as_secs())]
    GivenUp {
        /// Which.
        program: &'static str,
        /// How often it ended.
        deaths: usize,
        /// In which time.
        within: std::time::Duration,
        /// How it ended the last time.
        last: Box<Self>,
    },
    /// Nobody opens the door to faults.
    #[error(
        "no demo is running in `{0}`: start one with `lapidary-demo --dir {0}` (or `cargo xtask demo`), or name its folder with --dir"
    )]
    NoDemo(PathBuf),
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
    /// The message in this language, with its reasons; what the system and other programs say stays as it is.
    pub fn text(&self, language: Language) -> String {
        let own = match (language, self) {
            (Language::English, _) => self.to_string(),
            (_, Self::Listen(_)) => "нет свободного порта на петлевом интерфейсе".to_owned(),
            (_, Self::Log(_)) => "не открывается журнал сервиса".to_owned(),
            (_, Self::Client(_)) => "клиент HTTP не запускается".to_owned(),
            (_, Self::File { path, .. }) => format!("`{}` недоступен", path.display()),
            (_, Self::Start { program, .. }) => {
                format!("не запускается `{}`; `cargo build` кладёт его рядом с этой программой", program.display())
            }
            (_, Self::Ended { program, status, log }) => {
                format!("`{program}` завершился ({status}); его журнал — `{}`{}", log.display(), last_line(log))
            }
            (_, Self::GivenUp { program, deaths, within, last }) => {
                let last = last.text(language);
                let seconds = within.as_secs();
                format!(
                    "`{program}` завершался {deaths} раз за {seconds} с и больше не запускается; последний раз: {last}"
                )
            }
            (_, Self::NoDemo(folder)) => {
                let folder = folder.display();
                format!(
                    "в `{folder}` демо не запущено: запустите `lapidary-demo --dir {folder}` (или `cargo xtask demo`) либо укажите папку в --dir"
                )
            }
            (_, Self::Late { what, seconds }) => format!("{what}: дольше {seconds} с"),
            (_, Self::Answer(text)) => format!("сервер ответил `{text}`"),
        };
        let reasons = std::iter::successors(std::error::Error::source(self), |error| error.source());
        reasons.fold(own, |text, reason| format!("{text}: {reason}"))
    }

    /// A file or folder that cannot be used.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { path: path.into(), source }
    }
}

/// The last line of a program's log, which mostly tells why it ended; nothing if there is none.
fn last_line(log: &Path) -> String {
    const TAIL: u64 = 4_096;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!(": `{}`", line.trim())).unwrap_or_default()
}
