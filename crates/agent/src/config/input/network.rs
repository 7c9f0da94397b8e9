//! The keys of inputs that listen: syslog, and Fluent's forward protocol.

use std::net::SocketAddr;
use std::path::PathBuf;

use stdx::{Secret, Settings};
use tls::Tls;

/// Where syslog is taken.
#[derive(Clone, Debug)]
pub(crate) struct SyslogInput {
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) udp: Option<SocketAddr>,
    pub(crate) tls: Tls,
    pub(crate) max_connections: usize,
}

/// Where Fluent's forward protocol is taken.
#[derive(Clone, Debug)]
pub(crate) struct ForwardInput {
    pub(crate) tcp: SocketAddr,
    /// Whether heartbeats over UDP are answered on the same port.
    pub(crate) heartbeat: bool,
    pub(crate) shared_key: Option<Secret<String>>,
    pub(crate) tls: Tls,
    pub(crate) max_connections: usize,
}

pub(super) fn syslog(settings: &mut Settings, key: &str) -> SyslogInput {
    let tcp = settings.optional(&format!("{key}.tcp"), "Address to take connections on.");
    let udp = settings.optional(&format!("{key}.udp"), "Address to take datagrams on.");
    let has_tcp = settings.has(&format!("{key}.tcp"));
    if !has_tcp && !settings.has(&format!("{key}.udp")) {
        settings
            .problem(&format!("{key}.tcp"), "is missing, and so is `udp`; want an address such as \"127.0.0.1:514\"");
    }
    let tls = tls(settings, key);
    if !has_tcp && tls != Tls::default() {
        settings.problem(&format!("{key}.cert_file"), "needs `tcp`; datagrams are in clear");
    }
    SyslogInput { tcp, udp, tls, max_connections: max_connections(settings, key) }
}

pub(super) fn forward(settings: &mut Settings, key: &str) -> ForwardInput {
    let tcp = settings.required(&format!("{key}.tcp"), "Address to take connections on.");
    let of = format!("{key}.shared_key_file");
    let path: Option<PathBuf> = settings.optional(&of, "File with the key that senders must know.");
    let shared_key = path.and_then(|path| match std::fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => {
            settings.problem(&of, "is empty");
            None
        }
        Ok(text) => Some(Secret::new(text.trim().to_owned())),
        Err(error) => {
            settings.problem(&of, format!("cannot be read: {error}"));
            None
        }
    });
    let tcp = tcp.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let doc = "Answers fluentd's heartbeats over UDP on the same port (`heartbeat_type udp`).";
    let heartbeat = settings.or(&format!("{key}.heartbeat"), false, doc);
    let tls = tls(settings, key);
    ForwardInput { tcp, heartbeat, shared_key, tls, max_connections: max_connections(settings, key) }
}

fn tls(settings: &mut Settings, key: &str) -> Tls {
    let keys = ["client_ca_file", "cert_file", "key_file"].map(|name| format!("{key}.{name}"));
    let docs = [
        "File with the authorities of which senders must show a certificate.",
        "File with the listener's certificate: connections are then taken with TLS; read again when it changes.",
        "File with the key of that certificate.",
    ];
    let tls = tls::read_settings(settings, &keys, docs, tls::check);
    if tls.ca.is_some() && tls.own.is_none() {
        settings.problem(&keys[0], "needs `cert_file` and `key_file`");
    }
    tls
}

fn max_connections(settings: &mut Settings, key: &str) -> usize {
    let key = format!("{key}.max_connections");
    let max = settings.or(&key, 64, "Connections at a time; further ones wait.");
    if !(1..=10_000).contains(&max) {
        settings.problem(&key, "must be 1 to 10000");
    }
    usize::try_from(max).unwrap_or(1)
}
