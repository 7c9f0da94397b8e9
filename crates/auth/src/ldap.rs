//! LDAP and Active Directory: people log in with the name and the password they have there, and bring their groups.
//!
//! Whatever goes wrong, nobody is let in: a directory that is down, slow or answers nonsense is an error, never a yes. An
//! empty password is refused before anything is asked, since directories take it for an anonymous login.

mod connection;
mod entry;
mod groups;
mod names;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use stdx::{Clock, Secret};
use tls::{Renewed, Tls};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ClientConfig;
use tracing::warn;

use self::connection::{Bound, Connection};
use self::entry::Person;
use crate::{Identity, IdentityProvider, ProviderError};

pub use self::names::{InvalidTemplate, Template};

/// Logins that ask the directory at once; further ones wait their turn.
const AT_ONCE: usize = 16;
/// The longest name of a person.
const LONGEST_NAME: usize = 256;
/// People whose groups are remembered.
const REMEMBERED: usize = 10_000;
/// While a directory cannot be asked, one session tries again so often; the others go on with what is known.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest session where nobody can be looked up, and so the highest age of its groups.
const UNCHECKED: Duration = Duration::from_secs(12 * 3600);

/// A directory, as it is configured.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its name in sessions and in the audit trail.
    pub name: String,
    /// Its servers; the first that answers is asked.
    pub servers: Vec<Server>,
    /// Who vouches for them, and our own certificate.
    pub tls: Tls,
    /// How a person's password is tried.
    pub bind: Bind,
    /// Where people are, below this entry.
    pub base: String,
    /// Which entry is a person, with `{name}` for the name that was typed.
    pub filter: Template,
    /// The attribute that a person is called by here.
    pub name_attribute: String,
    /// The attribute that a person is known by for good; none for the DN.
    pub subject_attribute: Option<String>,
    /// How groups are found.
    pub groups: Groups,
    /// How long one answer may take; a login takes at most four times as long.
    pub timeout: Duration,
    /// How old remembered groups may be.
    pub cache: Duration,
    /// How old those of sessions may be while it cannot be asked.
    pub outage: Duration,
}

/// One server of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Name or address; also the name in its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`ldaps://`).
    Tls,
    /// TLS after StartTLS.
    StartTls,
    /// Not at all.
    Clear,
}

/// How a password is tried.
#[derive(Clone, Debug)]
pub enum Bind {
    /// The person's entry is looked for first, as this user, or anonymously.
    Search(Option<(String, Secret<String>)>),
    /// The DN of a person (or `name@domain` with Active Directory) follows from the name.
    Direct(Template),
}

/// How groups are found.
#[derive(Clone, Debug)]
pub enum Groups {
    /// They are not asked for.
    None,
    /// By the members that groups name, and by the groups that name those groups.
    Members(GroupSearch),
    /// As Active Directory does it: one search that follows the chain.
    InChain(GroupSearch),
    /// By the attribute `memberOf` of the person, and of those groups.
    MemberOf {
        /// The attribute.
        attribute: String,
        /// What a group is called by.
        name: GroupName,
    },
}

/// Where groups are looked for.
#[derive(Clone, Debug)]
pub struct GroupSearch {
    /// Below this entry.
    pub base: String,
    /// The attribute that names members, such as `member`.
    pub attribute: String,
    /// What a group is called by.
    pub name: GroupName,
}

/// What a group is called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupName {
    /// Its DN.
    Dn,
    /// An attribute of it, such as `cn`.
    Attribute(String),
}

/// Asks a directory.
#[derive(Debug)]
pub struct Ldap {
    inner: Arc<Inner>,
    permits: Semaphore,
    clock: Arc<dyn Clock>,
    /// By the name as it was asked for.
    known: Mutex<HashMap<String, (Instant, Option<Identity>)>>,
    /// When somebody last tried to ask for a session, if it cannot be asked.
    failed: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Inner {
    directory: Directory,
    secure: Renewed<Arc<ClientConfig>>,
    /// The server that answered last.
    preferred: AtomicUsize,
}

/// Why a directory gave no answer; never holds a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Ldap(#[from] ldap3::LdapError),
    #[error("it does not answer in time")]
    Late,
    #[error("it refuses with code {0}")]
    Refused(u32),
    #[error("it answers nonsense: {0}")]
    Nonsense(&'static str),
    #[error("the user that searches is refused")]
    Service,
    #[error("{0}")]
    Limit(&'static str),
}

impl Ldap {
    /// Reads the certificates; asks nobody yet. Blocks on the disk.
    pub fn new(directory: Directory, clock: Arc<dyn Clock>) -> Result<Self, tls::Problem> {
        let files = directory.tls.clone();
        let make = move |pem: &tls::Pem| tls::client_config(&files, pem);
        let secure = Renewed::new(directory.name.clone(), directory.tls.clone(), Arc::clone(&clock), make)?;
        let inner = Arc::new(Inner { directory, secure, preferred: AtomicUsize::new(0) });
        Ok(Self { inner, permits: Semaphore::new(AT_ONCE), clock, known: Mutex::default(), failed: Mutex::default() })
    }

    /// Asks in a task of its own: what a server makes it do, panics included, ends there, and when time is up all of it.
    async fn ask(&self, name: &str, password: Option<&Secret<String>>) -> Result<Option<Identity>, ProviderError> {
        let whole = self.inner.directory.timeout.saturating_mul(4);
        let failed = |trouble: Trouble| ProviderError {
            provider: self.inner.directory.name.clone(),
            reason: trouble.to_string(),
        };
        let asked = async {
            // Never closed.
            let _permit = self.permits.acquire().await;
            let (inner, name, password) = (Arc::clone(&self.inner), name.to_owned(), password.cloned());
            let mut task = JoinSet::new();
            task.spawn(async move { inner.ask(&name, password.as_ref()).await });
            let answer = task.join_next().await.and_then(Result::ok);
            answer.unwrap_or(Err(Trouble::Nonsense("an answer cannot be read")))
        };
        let answer = tokio::time::timeout(whole, asked).await.unwrap_or(Err(Trouble::Late));
        answer.map_err(failed)
    }

    fn remember(&self, name: &str, identity: &Option<Identity>) {
        let now = self.clock.instant();
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            let directory = &self.inner.directory;
            let useful = directory.cache.max(directory.outage);
            known.retain(|_, (at, _)| now.saturating_duration_since(*at) < useful);
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        known.insert(name.to_owned(), (now, identity.clone()));
    }

    /// Whether it is a session's turn to ask: always, but while the directory is away only now and then.
    fn may_ask(&self, now: Instant) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some_and(|at| now.saturating_duration_since(at) < AGAIN) {
            return false;
        }
        *failed = failed.map(|_| now);
        true
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Instant, Option<Identity>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl IdentityProvider for Ldap {
    fn name(&self) -> &str {
        &self.inner.directory.name
    }

    async fn login(&self, name: &str, password: &Secret<String>) -> Result<Option<Identity>, ProviderError> {
        // An empty password is an anonymous login (RFC 4513, 5.1.2), which directories answer with success.
        if password.reveal().is_empty() || password.reveal().contains('\0') || !is_name(name) {
            return Ok(None);
        }
        let identity = self.ask(name, Some(password)).await?;
        // A password that was wrong says nothing about the person.
        if let Some(person) = &identity {
            self.remember(name, &identity);
            self.remember(&person.name, &identity);
        }
        Ok(identity)
    }

    async fn find(&self, name: &str) -> Result<Option<Identity>, ProviderError> {
        if !is_name(name) {
            return Ok(None);
        }
        let fresh = |at: &Instant| self.clock.instant().saturating_duration_since(*at) < self.inner.directory.cache;
        let known = self.known().get(name).filter(|(at, _)| fresh(at)).map(|(_, identity)| identity.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let identity = self.ask(name, None).await?;
        self.remember(name, &identity);
        Ok(identity)
    }

    async fn current(&self, identity: &Identity, since: SystemTime) -> Result<Option<Identity>, ProviderError> {
        if self.longest_session().is_some() {
            return Ok(Some(identity.clone()));
        }
        let directory = &self.inner.directory;
        let now = self.clock.instant();
        let known = self.known().get(&identity.name).cloned();
        let (age, known) = match known {
            Some((at, known)) => (now.saturating_duration_since(at), known),
            // After a restart there is what the session has.
            None => (self.clock.now().duration_since(since).unwrap_or_default(), Some(identity.clone())),
        };
        let will_do = age < directory.outage;
        if age < directory.cache || (will_do && !self.may_ask(now)) {
            return Ok(known);
        }
        let asked = self.ask(&identity.name, None).await;
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = asked.is_err().then(|| self.clock.instant());
        match asked {
            Ok(found) => {
                self.remember(&identity.name, &found);
                Ok(found)
            }
            Err(error) if will_do => {
                warn!(%error, "sessions go on with the groups known last");
                Ok(known)
            }
            Err(error) => Err(error),
        }
    }

    fn longest_session(&self) -> Option<Duration> {
        matches!(self.inner.directory.bind, Bind::Direct(_)).then_some(UNCHECKED)
    }
}

impl Inner {
    /// Asks the servers, the one that answered last first. A server that answers decides; of one that does not, the next
    /// is asked.
    async fn ask(&self, name: &str, password: Option<&Secret<String>>) -> Result<Option<Identity>, Trouble> {
        let count = self.directory.servers.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut last = Trouble::Nonsense("it has no servers");
        for index in (0..count).map(|offset| (first + offset) % count) {
            let Some(server) = self.directory.servers.get(index) else { continue };
            match self.ask_one(server, name, password).await {
                Ok(answer) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(trouble) => {
                    let (directory, host) = (&self.directory.name, &server.host);
                    warn!(directory, host, %trouble, "a server of the directory cannot be asked");
                    last = trouble;
                }
            }
        }
        Err(last)
    }

    async fn ask_one(
        &self,
        server: &Server,
        name: &str,
        password: Option<&Secret<String>>,
    ) -> Result<Option<Identity>, Trouble> {
        let directory = &self.directory;
        let mut connection = Connection::open(server, &self.secure, directory.timeout).await?;
        let person = match &directory.bind {
            Bind::Direct(template) => {
                let Some(password) = password else {
                    return Err(Trouble::Nonsense("without a user that searches nobody can be looked up"));
                };
                if connection.bind(&template.fill_dn(name), password.reveal()).await? == Bound::Wrong {
                    return Ok(None);
                }
                Person::find(&mut connection, directory, name).await?
            }
            Bind::Search(service) => {
                become_service(&mut connection, service.as_ref()).await?;
                let Some(person) = Person::find(&mut connection, directory, name).await? else { return Ok(None) };
                if let Some(password) = password {
                    if connection.bind(&person.dn, password.reveal()).await? == Bound::Wrong {
                        return Ok(None);
                    }
                    become_service(&mut connection, service.as_ref()).await?;
                }
                Some(person)
            }
        };
        let Some(person) = person else { return Ok(None) };
        let groups = groups::of(&mut connection, &directory.groups, &person).await?;
        Ok(Some(Identity { provider: directory.name.clone(), subject: person.subject, name: person.name, groups }))
    }
}

async fn become_service(
    connection: &mut Connection,
    service: Option<&(String, Secret<String>)>,
) -> Result<(), Trouble> {
    let Some((dn, password)) = service else { return connection.anonymous().await };
    match connection.bind(dn, password.reveal()).await? {
        Bound::Held => Ok(()),
        Bound::Wrong => Err(Trouble::Service),
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}
