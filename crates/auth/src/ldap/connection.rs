//! One connection to one server: every answer has a deadline, and the socket is closed whoever still holds it.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use ldap3::{LdapConnAsync, LdapConnSettings, Scope, SearchEntry, SearchOptions, StdStream};
use tls::Renewed;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;

use super::{Security, Server, Trouble};

/// What a server may say to a password: of all these it means that it is not to be let in. Wrong credentials, an account
/// that is locked or expired, a name that is none.
const WRONG: [u32; 7] = [49, 53, 19, 32, 34, 48, 50];

/// The result code of success.
const SUCCESS: u32 = 0;

/// A connection that is open.
pub(super) struct Connection {
    ldap: ldap3::Ldap,
    timeout: Duration,
    /// Ends with it.
    _driving: JoinSet<()>,
    /// The same socket once more.
    socket: std::net::TcpStream,
}

/// What a server said to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// It holds.
    Held,
    /// It does not.
    Wrong,
}

/// Closes a socket, also when a library still holds it.
struct Closing(Option<std::net::TcpStream>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            // One that is closed already is as it should be.
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}

impl Connection {
    pub(super) async fn open(
        server: &Server,
        secure: &Renewed<Arc<ClientConfig>>,
        limit: Duration,
    ) -> Result<Self, Trouble> {
        let stream = timeout(limit, TcpStream::connect((server.host.as_str(), server.port))).await;
        let stream = stream.map_err(|_| Trouble::Late)??.into_std()?;
        let mut closing = Closing(Some(stream.try_clone()?));
        let scheme = if server.security == Security::Tls { "ldaps" } else { "ldap" };
        let settings = LdapConnSettings::new()
            .set_std_stream(StdStream::Tcp(stream))
            .set_starttls(server.security == Security::StartTls)
            .set_config(secure.get());
        let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
        let url = format!("{scheme}://{host}:{}", server.port);
        let opened = timeout(limit, LdapConnAsync::with_settings(settings, &url)).await;
        let (driver, ldap) = opened.map_err(|_| Trouble::Late)??;
        let mut driving = JoinSet::new();
        driving.spawn(async move {
            // How a connection ended is seen by whoever waits for an answer.
            drop(driver.drive().await);
        });
        let socket = closing.0.take().ok_or(Trouble::Nonsense("the socket is gone"))?;
        Ok(Self { ldap, timeout: limit, _driving: driving, socket })
    }

    /// Tries a password, which must not be empty.
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<Bound, Trouble> {
        if dn.is_empty() || password.is_empty() {
            return Ok(Bound::Wrong);
        }
        let answer = timeout(self.timeout, self.ldap.simple_bind(dn, password)).await;
        match answer.map_err(|_| Trouble::Late)??.rc {
            SUCCESS => Ok(Bound::Held),
            code if WRONG.contains(&code) => Ok(Bound::Wrong),
            code => Err(Trouble::Refused(code)),
        }
    }

    /// Is nobody from now on.
    pub(super) async fn anonymous(&mut self) -> Result<(), Trouble> {
        let answer = timeout(self.timeout, self.ldap.simple_bind("", "")).await;
        match answer.map_err(|_| Trouble::Late)??.rc {
            SUCCESS => Ok(()),
            code => Err(Trouble::Refused(code)),
        }
    }

    /// Entries that a filter finds, at most `most` of them: more are an error.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        most: usize,
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let limit = self.timeout;
        timeout(limit, self.collect(base, scope, filter, attributes, most)).await.unwrap_or(Err(Trouble::Late))
    }

    async fn collect(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        most: usize,
    ) -> Result<Vec<SearchEntry>, Trouble> {
        let size = i32::try_from(most.saturating_add(1)).unwrap_or(i32::MAX);
        let seconds = i32::try_from(self.timeout.as_secs().max(1)).unwrap_or(i32::MAX);
        self.ldap.with_search_options(SearchOptions::new().sizelimit(size).timelimit(seconds));
        let mut found = self.ldap.streaming_search(base, scope, filter, attributes.to_vec()).await?;
        let mut entries = Vec::new();
        while let Some(entry) = found.next().await? {
            // Where else something might be is not followed: passwords would go there.
            if entry.is_ref() || entry.is_intermediate() {
                continue;
            }
            if entries.len() == most {
                return Err(Trouble::Limit("a search finds more entries than it may"));
            }
            entries.push(SearchEntry::construct(entry));
        }
        match found.finish().await.rc {
            SUCCESS => Ok(entries),
            // There is no such entry to look below, or at.
            32 => Ok(Vec::new()),
            4 => Err(Trouble::Limit("a search finds more entries than it may")),
            code => Err(Trouble::Refused(code)),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // One that is closed already is as it should be.
        drop(self.socket.shutdown(Shutdown::Both));
    }
}
