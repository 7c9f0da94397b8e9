//! The audit trail: how long it is kept, and who else is told.

use std::time::Duration;

use stdx::Settings;

use super::{retention, secret};
use crate::audit::{Place, Target};

/// What is to be known of the trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    /// How long records are kept; for ever without.
    pub(crate) retention: Option<Duration>,
    /// Where they are sent as well.
    pub(crate) forward: Option<Target>,
}

/// Reads `audit`.
pub(super) fn read(settings: &mut Settings) -> Audit {
    let doc = "How long the records of the audit trail are kept, apart from all else; `0s` is for ever.";
    let retention = retention::period(settings, "audit.retention", doc);
    Audit { retention, forward: forward(settings) }
}

fn forward(settings: &mut Settings) -> Option<Target> {
    let key = "audit.forward";
    let doc = "Who is sent the records as well: `syslog+tls://host:6514`, `syslog+tcp://…`, `syslog+udp://…` (RFC 5424) or `https://…` (a POST of JSON).";
    let address: Option<String> = settings.optional(key, doc);
    let keys = ["ca_file", "cert_file", "key_file"].map(|name| format!("audit.forward_{name}"));
    let docs = [
        "File with the authorities (PEM) that may vouch for the receiver, instead of the system's.",
        "File with a certificate to show the receiver.",
        "File with the key of that certificate.",
    ];
    let tls = tls::read_settings(settings, &keys, docs, |tls| tls.read().map(drop));
    let docs = ["What a webhook is shown, as `Authorization: Bearer …`.", "File that holds it."];
    let token = secret::read(settings, "audit.forward_token", docs);
    let doc = "Sends the records over the network in clear; not needed on loopback.";
    let allowed = settings.or("audit.forward_in_clear", false, doc);
    let address = address?;
    let Some(place) = Place::parse(&address) else {
        let want = "want an address such as `syslog+tls://logs.example:6514` or `https://siem.example/audit`";
        settings.problem(key, format!("cannot be used; {want}"));
        return None;
    };
    if place.is_clear() && !allowed && !tls::is_loopback(place.host()) {
        let remedy = "would send the audit trail over the network in clear; use `syslog+tls://` or `https://`, or set `audit.forward_in_clear = true`";
        settings.problem(key, remedy);
    }
    Some(Target { place, tls, token })
}
