//! The HTTP client of one output: TLS that is always verified, and certificates that may change while it runs.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Certificate, Client, Identity, Proxy, redirect, tls};
use stdx::Clock;
use tracing::{info, warn};

use crate::Error;
use crate::config::{Output, Tls};

/// How often the files are compared with what was read.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Connections that nobody uses go, before a server closes them under a request.
const IDLE: Duration = Duration::from_secs(30);

/// Gives a client; the one under a request stays with it until its end, whatever changes.
#[derive(Debug)]
pub(crate) struct Transport {
    output: Output,
    clock: Arc<dyn Clock>,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    client: Client,
    /// The hash of the files it was made of, or of those that were no good.
    files: blake3::Hash,
    next_look: Instant,
}

impl Transport {
    pub(crate) fn new(output: Output, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let read = read(&output.tls).map_err(|(_, text)| Error::Tls(output.name.clone(), text))?;
        let client = client(&output, &read).map_err(Error::Client)?;
        let current = Mutex::new(Current { client, files: read.hash(), next_look: clock.instant() + LOOK_EVERY });
        Ok(Self { output, clock, current })
    }

    /// The client for one request. When the files have changed, it is made anew; if they are no good, the old one stays.
    /// Blocks on the disk for a moment.
    pub(crate) fn client(&self) -> Client {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.instant();
        if self.output.tls != Tls::default() && current.next_look <= now {
            current.next_look = now + LOOK_EVERY;
            self.look(&mut current);
        }
        current.client.clone()
    }

    /// Looks at the files at the next request: the server may have refused what we have.
    pub(crate) fn doubt(&self) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).next_look = self.clock.instant();
    }

    fn look(&self, current: &mut Current) {
        let output = self.output.name.as_str();
        let read = match read(&self.output.tls) {
            Ok(read) => read,
            Err((key, problem)) => {
                warn!(output, key, problem, "certificates cannot be read; going on with the old ones");
                return;
            }
        };
        if read.hash() == current.files {
            return;
        }
        current.files = read.hash();
        match client(&self.output, &read) {
            Ok(client) => {
                current.client = client;
                info!(output, "took new certificates");
            }
            Err(error) => warn!(output, %error, "the new certificates are no good; going on with the old ones"),
        }
    }
}

/// What the files hold.
#[derive(Debug, Default)]
struct Read {
    ca: Option<Vec<u8>>,
    /// Certificate and key, together.
    identity: Option<Vec<u8>>,
}

impl Read {
    fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.ca, &self.identity] {
            hasher.update(part.as_deref().unwrap_or_default());
            hasher.update(b"\0");
        }
        hasher.finalize()
    }
}

/// The setting that is wrong, and how.
type Problem = (&'static str, String);

/// Whether the files can be used.
pub(crate) fn check(tls: &Tls) -> Result<(), Problem> {
    read(tls).map(drop)
}

fn read(tls: &Tls) -> Result<Read, Problem> {
    let file = |key: &'static str, path: &Path| {
        fs::read(path).map_err(|error| (key, format!("`{}` cannot be read: {error}", path.display())))
    };
    let mut read = Read::default();
    if let Some(path) = &tls.ca {
        let bytes = file("ca_file", path)?;
        match Certificate::from_pem_bundle(&bytes) {
            Ok(found) if !found.is_empty() => read.ca = Some(bytes),
            Ok(_) | Err(_) => return Err(("ca_file", format!("`{}` has no certificate in PEM", path.display()))),
        }
    }
    if let Some((cert, key)) = &tls.client {
        let mut bytes = file("cert_file", cert)?;
        bytes.push(b'\n');
        bytes.extend(file("key_file", key)?);
        Identity::from_pem(&bytes)
            .map_err(|_| ("cert_file", format!("`{}` and its key are no pair in PEM", cert.display())))?;
        read.identity = Some(bytes);
    }
    Ok(read)
}

fn client(output: &Output, read: &Read) -> reqwest::Result<Client> {
    // A redirect would carry logs and token to another place than the one that was configured.
    let mut client = Client::builder()
        .timeout(output.timeout)
        .pool_idle_timeout(IDLE)
        .redirect(redirect::Policy::none())
        .tls_version_min(tls::Version::TLS_1_2)
        .user_agent(concat!("lapidary-agent/", env!("CARGO_PKG_VERSION")));
    client = match &output.proxy {
        Some(proxy) => client.proxy(Proxy::all(proxy.clone())?),
        None => client.no_proxy(),
    };
    if let Some(ca) = &read.ca {
        client = client.tls_certs_only(Certificate::from_pem_bundle(ca)?);
    }
    if let Some(identity) = &read.identity {
        client = client.identity(Identity::from_pem(identity)?);
    }
    client.build()
}
