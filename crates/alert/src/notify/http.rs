//! HTTP to the outside: no redirects, deadlines, small answers, and no private addresses where those are not allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, RequestBuilder};

use super::Failure;

/// Longest time one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Most of an answer that is read.
const MOST_ANSWER: usize = 64 << 10;

/// Whether requests may go to addresses of this machine and of private networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Guard {
    /// To public addresses only.
    #[default]
    PublicOnly,
    /// Anywhere.
    Anywhere,
}

/// How a client is built.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpOptions {
    pub(crate) guard: Guard,
    /// Address of a proxy; the environment's is never taken.
    pub(crate) proxy: Option<String>,
}

/// A client.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    guard: Guard,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: String,
}

impl Http {
    /// Builds a client.
    pub(crate) fn new(options: &HttpOptions) -> Result<Self, String> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT / 3)
            .no_proxy()
            .user_agent(concat!("lapidary/", env!("CARGO_PKG_VERSION")));
        if options.guard == Guard::PublicOnly {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        if let Some(proxy) = &options.proxy {
            let proxy = reqwest::Proxy::all(proxy.as_str());
            builder = builder.proxy(proxy.map_err(|_| "the address of the proxy cannot be understood".to_owned())?);
        }
        let client = builder.build().map_err(|_| "the HTTP client cannot be built".to_owned())?;
        Ok(Self { client, guard: options.guard })
    }

    /// Sends a request to `url`, which the closure completes.
    pub(crate) async fn post(
        &self,
        url: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Failure> {
        let url = reqwest::Url::parse(url).map_err(|_| Failure::never("the address cannot be understood"))?;
        self.check(&url)?;
        let mut response = complete(self.client.post(url)).send().await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut body = Vec::new();
        // The request arrived; what the answer says beyond its status is good to have only.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(chunk.get(..MOST_ANSWER.saturating_sub(body.len()).min(chunk.len())).unwrap_or(&[]));
            if body.len() >= MOST_ANSWER {
                break;
            }
        }
        Ok(Answer { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// An address that needs no resolver does not pass by it.
    fn check(&self, url: &reqwest::Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::never("the address is neither `http` nor `https`"));
        }
        let host = url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(address) if self.guard == Guard::PublicOnly && !is_public(address) => Err(refused()),
            _ => Ok(()),
        }
    }
}

impl Answer {
    /// An answer that means success, or why it does not. What the server finds wrong with this one message is final; all
    /// else (a wrong secret, a channel that is gone) an operator can mend while the message waits.
    pub(crate) fn checked(self) -> Result<Self, Failure> {
        let reason = format!("the server answered {}", self.status);
        match self.status {
            200..=299 => Ok(self),
            400 | 413 | 415 | 422 => Err(Failure::never(reason)),
            300..=399 => Err(Failure::again(format!("{reason}: redirects are not followed; want the final address"))),
            _ => Err(Failure::Again { after: self.retry_after, reason, unsure: false }),
        }
    }
}

/// Why a request did not come back, without its address: that may be a secret.
fn failure(error: &reqwest::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<Private>() {
            return refused();
        }
        source = cause.source();
    }
    if error.is_builder() {
        return Failure::never("the request cannot be built");
    }
    if error.is_connect() {
        return Failure::again("the server cannot be reached");
    }
    let reason = if error.is_timeout() { "no answer in time" } else { "the connection broke" };
    Failure::Again { after: None, reason: reason.to_owned(), unsure: true }
}

fn refused() -> Failure {
    Failure::never("the address is a private one; allow it with `allow_private: true` if it is meant")
}

/// A name that leads into a private network.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to a private address")]
struct Private;

/// Resolves names, but not to private addresses; the connection goes to what was looked at.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| !is_public(address.ip())) {
                return Err(Private.into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Whether an address is somebody else's on the internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    match address.segments() {
        // An address of version 4 in other clothes: 6to4, NAT64.
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Teredo and documentation.
        [0x2001, 0 | 0xdb8, ..] => false,
        // Everything that is given out is in 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_all_their_clothes() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a9fe:a9fe",
            "ff02::1",
        ];
        for text in private {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn private_addresses_are_refused_as_numbers_and_as_names() {
        let http = Http::new(&HttpOptions::default()).unwrap();
        for url in
            ["http://127.0.0.1:9/x", "http://[::1]:9/x", "http://localhost:9/x", "http://2130706433/", "http://0x7f.1/"]
        {
            let failure = http.post(url, |request| request).await.unwrap_err();
            assert_eq!(failure, refused(), "{url}");
        }
        assert!(matches!(http.post("file:///etc/passwd", |request| request).await, Err(Failure::Never { .. })));
    }
}
