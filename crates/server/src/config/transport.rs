//! How the HTTP listener is reached: with TLS or behind something that ends it, by whom, how slowly.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use stdx::{Clock, Settings};
use tls::{Clients, Greeting, Terms, Tls};

use super::count;
use crate::http::{Patience, Shield};

/// What the listener needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    pub(crate) tls: Tls,
    pub(crate) clients: Clients,
    pub(crate) shield: Shield,
    terminated: bool,
    /// How many connections there may be, and how slow.
    pub(crate) patience: Patience,
}

impl Transport {
    /// Reads the certificates, if there are any. Blocks on the disk.
    pub(crate) fn greeting(
        &self,
        listen: SocketAddr,
        protocol: &'static [&'static [u8]],
        clock: &Arc<dyn Clock>,
    ) -> Result<Greeting, tls::Problem> {
        let terms = Terms { clients: self.clients, protocols: protocol };
        Greeting::new(listen.to_string(), &self.tls, terms, Arc::clone(clock))
    }

    /// Whether everything goes over TLS all the way.
    pub(crate) fn is_secure(&self) -> bool {
        self.terminated || self.tls.own.is_some()
    }
}

/// Reads the settings. Plain HTTP may not leave the machine, unless something in front ends the TLS.
pub(super) fn read(settings: &mut Settings, listen: SocketAddr, grpc_listen: Option<SocketAddr>) -> Transport {
    let words = [("none", false), ("terminated", true)];
    let doc = "`terminated` promises that a proxy in front ends TLS; without it, and without `http.cert_file`, only loopback addresses are accepted.";
    let terminated = settings.choice("tls", &words, "none", doc);
    let tls = files(settings);
    if tls.own.is_some() && terminated == Some(true) {
        settings.problem("tls", "is `terminated`, but `http.cert_file` ends TLS here; write one of them");
    }
    let addresses = [("listen", Some(listen)), ("grpc_listen", grpc_listen)];
    let leaves = |address: SocketAddr| tls.own.is_none() && terminated == Some(false) && !address.ip().is_loopback();
    for (key, _) in addresses.into_iter().filter(|(_, address)| address.is_some_and(leaves)) {
        let remedy = "would send logs over the network in clear; give `http.cert_file` and `http.key_file`, put a TLS proxy in front and set `tls = \"terminated\"`, or listen on loopback";
        settings.problem(key, remedy);
    }
    let doc = "Whether clients must show a certificate of `http.client_ca_file` (`required`), or may (`optional`).";
    let words = [("optional", Clients::Optional), ("required", Clients::Required)];
    let clients = settings.choice("http.client_certificates", &words, "optional", doc).unwrap_or_default();
    let doc =
        "How long browsers that have been here use TLS only (`Strict-Transport-Security`); `0s` promises nothing.";
    let hsts = settings.or("http.hsts", Duration::from_hours(365 * 24), doc);
    let proxies = proxies(settings);
    let shield = Shield::new(hsts, terminated == Some(true), proxies);
    Transport { tls, clients, shield, terminated: terminated == Some(true), patience: patience(settings) }
}

fn files(settings: &mut Settings) -> Tls {
    let keys = ["client_ca_file", "cert_file", "key_file"].map(|name| format!("http.{name}"));
    let docs = [
        "File with the authorities (PEM) whose certificates clients may show; see `auth.token[].certificates`.",
        "File with the server's certificate and those that lead to its authority (PEM): the listener then speaks TLS. Read again when it changes.",
        "File with the key of that certificate.",
    ];
    let tls = tls::read_settings(settings, &keys, docs, tls::check);
    if tls.ca.is_some() && tls.own.is_none() {
        settings.problem(&keys[0], "needs `http.cert_file` and `http.key_file`");
    }
    tls
}

fn proxies(settings: &mut Settings) -> Vec<IpAddr> {
    let doc = "Addresses of proxies whose `X-Forwarded-For` is believed, for limits on logins and the audit trail.";
    let names = settings.or("http.proxies", Vec::<String>::new(), doc);
    let mut proxies = Vec::new();
    for name in names {
        match name.parse::<IpAddr>() {
            Ok(address) => proxies.push(address.to_canonical()),
            Err(_) => settings.problem("http.proxies", format!("names `{name}`, which is no IP address")),
        }
    }
    proxies
}

fn patience(settings: &mut Settings) -> Patience {
    let most = "Connections at once; further ones wait until one ends.";
    let connections = count(settings, "http.max_connections", 1_000, most);
    if connections == 0 {
        settings.problem("http.max_connections", "lets nobody in; want 1 or more");
    }
    let header = "Longest time a request's headers may take; an idle connection is closed after it.";
    let body = "Longest time a request's body may take.";
    Patience {
        connections,
        header: settings.or("http.header_timeout", Duration::from_secs(75), header),
        body: settings.or("http.body_timeout", Duration::from_secs(60), body),
    }
}
