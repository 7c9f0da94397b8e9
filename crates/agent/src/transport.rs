//! The HTTP client of one output: TLS that is always verified, and certificates that may change while it runs.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Proxy, redirect};
use stdx::Clock;
use tls::{Pem, Problem, Renewed, Tls};

use crate::Error;
use crate::config::Output;

/// Connections that nobody uses go, before a server closes them under a request.
const IDLE: Duration = Duration::from_secs(30);

/// Gives a client; the one under a request stays with it until its end, whatever changes.
#[derive(Debug)]
pub(crate) struct Transport(Renewed<Client>);

impl Transport {
    pub(crate) fn new(output: Output, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let (name, tls) = (output.name.clone(), output.tls.clone());
        // Whatever else can be wrong with a client is found here, once.
        builder(&output).and_then(ClientBuilder::build).map_err(Error::Client)?;
        let make = move |pem: &Pem| client(&output, pem);
        Renewed::new(name.clone(), tls, clock, make).map(Self).map_err(|problem| Error::Tls(name, problem.text))
    }

    /// The client for one request. When the files have changed, it is made anew; if they are no good, the old one stays.
    /// Blocks on the disk for a moment.
    pub(crate) fn client(&self) -> Client {
        self.0.get()
    }

    /// Looks at the files at the next request: the server may have refused what we have.
    pub(crate) fn doubt(&self) {
        self.0.doubt();
    }
}

/// Whether the files can be used.
pub(crate) fn check(tls: &Tls) -> Result<(), Problem> {
    tls::http_client(Client::builder(), tls, &tls.read()?).map(drop)
}

fn client(output: &Output, pem: &Pem) -> Result<Client, Problem> {
    let client = builder(output).map_err(|_| output.tls.bad_own())?;
    tls::http_client(client, &output.tls, pem)?.build().map_err(|_| output.tls.bad_own())
}

fn builder(output: &Output) -> reqwest::Result<ClientBuilder> {
    // A redirect would carry logs and token to another place than the one that was configured.
    let client = Client::builder()
        .timeout(output.timeout)
        .pool_idle_timeout(IDLE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("lapidary-agent/", env!("CARGO_PKG_VERSION")));
    Ok(match &output.proxy {
        Some(proxy) => client.proxy(Proxy::all(proxy.clone())?),
        None => client.no_proxy(),
    })
}
