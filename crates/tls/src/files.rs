//! Certificates in files: read together, and what is made of them is made anew when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stdx::{Clock, Settings};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tracing::{info, warn};

/// How often the files are compared with what was read.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Files in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who may vouch for the other side.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// What the files hold. It shows itself to nobody.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pem {
    /// Certificates of authorities.
    pub ca: Option<Vec<u8>>,
    /// Certificate and key.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

/// The file that is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    /// Which of them.
    pub file: Which,
    /// What is wrong, with the path of the file.
    pub text: String,
}

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The authorities.
    Ca,
    /// Our certificate.
    Cert,
    /// Its key.
    Key,
}

impl Tls {
    /// Reads the files. Blocks on the disk.
    pub fn read(&self) -> Result<Pem, Problem> {
        let read = |which, path: &Path| {
            fs::read(path).map_err(|error| Problem::of(which, path, &format!("cannot be read: {error}")))
        };
        let ca = self.ca.as_ref().map(|path| read(Which::Ca, path)).transpose()?;
        let own = self.own.as_ref().map(|(cert, key)| Ok((read(Which::Cert, cert)?, read(Which::Key, key)?)));
        Ok(Pem { ca, own: own.transpose()? })
    }

    /// The authorities' file is no good.
    pub fn bad_ca(&self) -> Problem {
        Problem::of(Which::Ca, self.ca.as_deref().unwrap_or(Path::new("")), "has no certificate in PEM")
    }

    /// Certificate and key are no good.
    pub fn bad_own(&self) -> Problem {
        let path = self.own.as_ref().map_or(Path::new(""), |(cert, _)| cert);
        Problem::of(Which::Cert, path, "and its key are no pair in PEM")
    }
}

impl Problem {
    fn of(file: Which, path: &Path, what: &str) -> Self {
        Self { file, text: format!("`{}` {what}", path.display()) }
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Makes something of the files.
type Make<T> = dyn Fn(&Pem) -> Result<T, Problem> + Send + Sync;

/// Something made of the files. Whoever has it keeps it, whatever changes.
pub struct Renewed<T> {
    /// What it is for, in the log.
    place: String,
    tls: Tls,
    make: Box<Make<T>>,
    clock: Arc<dyn Clock>,
    current: Mutex<Current<T>>,
}

struct Current<T> {
    made: T,
    /// The files it was made of, or those that were no good.
    files: Pem,
    next_look: Instant,
}

impl<T> std::fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renewed").field("place", &self.place).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl<T: Clone> Renewed<T> {
    /// Reads the files and makes the first. `place` is what it is for, in the log. Blocks on the disk.
    pub fn new(
        place: String,
        tls: Tls,
        clock: Arc<dyn Clock>,
        make: impl Fn(&Pem) -> Result<T, Problem> + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let pem = tls.read()?;
        let current = Current { made: make(&pem)?, files: pem, next_look: clock.instant() + LOOK_EVERY };
        Ok(Self { place, tls, make: Box::new(make), clock, current: Mutex::new(current) })
    }

    /// The newest that is good. Blocks on the disk for a moment.
    pub fn get(&self) -> T {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.instant();
        if self.tls != Tls::default() && current.next_look <= now {
            current.next_look = now + LOOK_EVERY;
            self.look(&mut current);
        }
        current.made.clone()
    }

    /// Has the files looked at the next time: the other side may have refused what we have.
    pub fn doubt(&self) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).next_look = self.clock.instant();
    }

    fn look(&self, current: &mut Current<T>) {
        let place = self.place.as_str();
        let pem = match self.tls.read() {
            Ok(pem) if pem == current.files => return,
            Ok(pem) => pem,
            Err(problem) => {
                warn!(place, %problem, "certificates cannot be read; going on with the old ones");
                return;
            }
        };
        let made = (self.make)(&pem);
        current.files = pem;
        match made {
            Ok(made) => {
                current.made = made;
                info!(place, "took new certificates");
            }
            Err(problem) => warn!(place, %problem, "the new certificates are no good; going on with the old ones"),
        }
    }
}

/// Reads the paths from settings, under the keys of authorities, certificate and key; `check` says what is wrong with
/// the files themselves.
pub fn read_settings(
    settings: &mut Settings,
    keys: &[String; 3],
    docs: [&'static str; 3],
    check: fn(&Tls) -> Result<(), Problem>,
) -> Tls {
    let mut path = |index: usize| -> Option<PathBuf> { settings.optional(keys.get(index)?, docs.get(index)?) };
    let (ca, cert, key) = (path(0), path(1), path(2));
    if cert.is_some() != key.is_some() {
        settings.problem(&keys[1], "and `key_file` belong together");
    }
    let tls = Tls { ca, own: cert.zip(key) };
    if let Err(problem) = check(&tls) {
        let [ca, cert, key] = keys;
        let at = match problem.file {
            Which::Ca => ca,
            Which::Cert => cert,
            Which::Key => key,
        };
        settings.problem(at, problem.text);
    }
    tls
}

pub(crate) fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect()
}
