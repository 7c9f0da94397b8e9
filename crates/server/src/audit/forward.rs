//! Sends records on as well, to a syslog server (RFC 5424) or a webhook: in order, tried until they are taken, as long as
//! there is room for what waits and the server runs. The trail itself never waits for it.

mod queue;
mod syslog;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth::Record;
use reqwest::Url;
use stdx::{Backoff, Clock, Rng, Secret, Shutdown, Tasks};
use tls::{Renewed, Tls};
use tracing::warn;

use self::queue::{Queue, Waiting};
use self::syslog::Syslog;

/// How long one attempt may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two attempts, at least and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

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
}

enum Sender {
    Syslog(Syslog),
    Webhook { client: Renewed<reqwest::Client>, url: Url, token: Option<Secret<String>> },
}

impl Forward {
    /// Checks the files of the target and begins.
    pub(crate) fn start(target: &Target, clock: &Arc<dyn Clock>, tasks: &Tasks) -> Result<Self, tls::Problem> {
        let sender = Sender::new(target, clock)?;
        let (queue, waiting) = queue::new();
        tasks.spawn(run(sender, waiting, tasks.shutdown()));
        Ok(Self { queue, has_dropped: AtomicBool::default() })
    }

    /// Hands records over, if there is room; how many were not taken.
    pub(crate) fn offer(&self, records: Vec<Record>) -> u64 {
        let dropped = records.into_iter().filter_map(|record| self.queue.put(record).err()).count() as u64;
        let is_dropped = dropped > 0;
        if self.has_dropped.swap(is_dropped, Ordering::Relaxed) != is_dropped {
            if is_dropped {
                warn!("the receiver of the audit trail is too slow or away: some records are in the trail only");
            } else {
                warn!("the receiver of the audit trail takes records again");
            }
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

async fn run(mut sender: Sender, mut waiting: Waiting, mut shutdown: Shutdown) {
    loop {
        let records = tokio::select! {
            () = shutdown.wait() => break,
            records = waiting.next() => records,
        };
        let Some(records) = records else { return };
        let Some(mut backoff) = Backoff::new(PAUSE.0, PAUSE.1, Rng::from_entropy()) else { return };
        while let Err(reason) = sender.send(&records).await {
            warn!(reason, "the audit trail cannot be sent on; tried again");
            tokio::select! {
                () = shutdown.wait() => return,
                () = tokio::time::sleep(backoff.next_wait()) => {}
            }
        }
    }
    // What waits is sent once more; it is in the trail in any case.
    loop {
        let records = waiting.now();
        if records.is_empty() || sender.send(&records).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
