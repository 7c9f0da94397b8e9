//! Sends records on as well, to a syslog server (RFC 5424) or a webhook: in order, tried until they are taken, as long as
//! there is room for what waits. The trail itself never waits for it. What an earlier run did not send comes first.

mod past;
mod queue;
mod sending;
mod syslog;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth::Record;
use reqwest::Url;
use ring::digest;
use stdx::{Clock, Secret, Tasks};
use tls::{Renewed, Tls};
use tracing::warn;

use self::past::Past;
pub(super) use self::past::{Sent, Trailing};
use self::queue::Queue;
use self::sending::Sending;
use self::syslog::Syslog;
use super::State;

/// How long one attempt may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Where records go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) tls: Tls,
    /// What a webhook is shown, as `Bearer`.
    pub(crate) token: Option<Secret<String>>,
}

/// Who takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A syslog server, `host:port`.
    Udp(String),
    /// The same; each message has its length before it (RFC 6587).
    Tcp(String),
    /// The same over TLS (RFC 5425).
    Tls(String),
    /// A POST of JSON.
    Webhook(Url),
}

impl Target {
    /// What the receiver is known by where it is kept what it has: a hash, since its address may hold a secret.
    pub(super) fn key(&self) -> String {
        let digest = digest::digest(&digest::SHA256, format!("{:?}", self.place).as_bytes());
        digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Place {
    /// Reads an address such as `syslog+tls://logs.example:6514` or `https://…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(Url::has_host)?;
        let at = |port| Some(format!("{}:{}", url.host_str()?, url.port().unwrap_or(port)));
        match url.scheme() {
            "syslog+udp" => at(514).map(Self::Udp),
            "syslog+tcp" => at(601).map(Self::Tcp),
            "syslog+tls" => at(6514).map(Self::Tls),
            "http" | "https" => Some(Self::Webhook(url)),
            _ => None,
        }
    }

    /// The name or address of the other side.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Udp(address) | Self::Tcp(address) | Self::Tls(address) => {
                address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host)
            }
            Self::Webhook(url) => url.host_str().unwrap_or_default(),
        }
    }

    /// Whether the network sees the records in clear.
    pub(crate) fn is_clear(&self) -> bool {
        match self {
            Self::Udp(_) | Self::Tcp(_) => true,
            Self::Tls(_) => false,
            Self::Webhook(url) => url.scheme() == "http",
        }
    }
}

/// The queue to whoever takes records.
#[derive(Debug)]
pub(crate) struct Forward {
    queue: Queue,
    has_dropped: AtomicBool,
    state: Arc<State>,
}

enum Sender {
    Syslog(Syslog),
    Webhook { client: Renewed<reqwest::Client>, url: Url, token: Option<Secret<String>> },
}

impl Forward {
    /// Checks the files of the target and begins, with what is in the trail up to a place and was not sent. Gives also how
    /// many records are too far back for that; like all that is not sent they are counted in `state`.
    pub(crate) async fn start(
        target: &Target,
        past: (Arc<dyn Past>, Sent),
        state: Arc<State>,
        (clock, tasks): (&Arc<dyn Clock>, &Tasks),
    ) -> Result<(Self, u64), tls::Problem> {
        let sender = Sender::new(target, clock)?;
        let (queue, waiting) = queue::new();
        let (sending, too_far) = Sending::new(sender, past, Arc::clone(&state), tasks.shutdown()).await;
        tasks.spawn(sending.run(waiting));
        Ok((Self { queue, has_dropped: AtomicBool::default(), state }, too_far))
    }

    /// Hands records over, if there is room; those that were not taken are counted.
    pub(crate) fn offer(&self, records: Vec<Record>) -> u64 {
        let dropped = records.into_iter().filter_map(|record| self.queue.put(record).err()).count() as u64;
        self.state.unsent.fetch_add(dropped, Ordering::Relaxed);
        let is_dropped = dropped > 0;
        let was_dropped = self.has_dropped.swap(is_dropped, Ordering::Relaxed);
        if is_dropped && !was_dropped {
            warn!("the receiver of the audit trail is too slow or away: some records are in the trail only");
        }
        dropped
    }
}

impl Sender {
    fn new(target: &Target, clock: &Arc<dyn Clock>) -> Result<Self, tls::Problem> {
        let Target { place, tls, token } = target.clone();
        let Place::Webhook(url) = place else { return Syslog::new(place, tls, clock).map(Self::Syslog) };
        let files = tls.clone();
        let client = Renewed::new("audit.forward".to_owned(), tls, Arc::clone(clock), move |pem| {
            let builder = reqwest::Client::builder().timeout(DEADLINE).redirect(reqwest::redirect::Policy::none());
            tls::http_client(builder, &files, pem)?.build().map_err(|_| files.bad_own())
        })?;
        Ok(Self::Webhook { client, url, token })
    }

    async fn send(&mut self, records: &[Record]) -> Result<(), String> {
        match self {
            Self::Syslog(syslog) => {
                let sent = tokio::time::timeout(DEADLINE, syslog.send(records)).await;
                sent.map_err(|_| "it does not answer in time".to_owned())?
            }
            Self::Webhook { client, url, token } => {
                let mut request = client.get().post(url.clone()).json(records);
                if let Some(token) = token {
                    request = request.bearer_auth(token.reveal());
                }
                // The address may hold a secret.
                let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
                answer.status().is_success().then_some(()).ok_or_else(|| format!("it answers {}", answer.status()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
