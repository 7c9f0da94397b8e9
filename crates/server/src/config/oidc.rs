//! Providers of OpenID Connect that people log in with: `[[auth.oidc]]`.

use std::time::Duration;

use auth::OidcSettings;
use reqwest::Url;
use stdx::Settings;

use super::secret;

/// Reads all providers, which send people back to `home`; what is wrong with one is reported, and then there is none.
pub(super) fn read(settings: &mut Settings, home: Option<&Url>) -> Vec<OidcSettings> {
    let prefixes = settings.tables("auth.oidc");
    prefixes.iter().filter_map(|prefix| provider(settings, prefix, home)).collect()
}

fn provider(settings: &mut Settings, prefix: &str, home: Option<&Url>) -> Option<OidcSettings> {
    let key = |name: &str| format!("{prefix}.{name}");
    let doc = "Its name in addresses, sessions and the audit trail: small letters, digits and `-`.";
    let name: Option<String> = settings.required(&key("name"), doc);
    let plain = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if name.as_ref().is_some_and(|name| !plain(name)) {
        settings.problem(&key("name"), "must be small letters, digits and `-`");
    }
    let doc = "Its address, exactly as it calls itself (`issuer`).";
    let issuer: Option<String> = settings.required(&key("issuer"), doc);
    if issuer.as_deref().is_some_and(|issuer| !is_safe(issuer)) {
        settings.problem(&key("issuer"), "must begin with `https://`; `http://` is accepted on loopback only");
    }
    let client_id: Option<String> = settings.required(&key("client_id"), "What it calls this server.");
    let docs = ["What it knows this server by; none for a public client.", "File that holds it."];
    let client_secret = secret::read(settings, &key("client_secret"), docs);
    let scopes = ["openid", "profile", "groups"].map(str::to_owned).to_vec();
    let keys = ["ca_file", "cert_file", "key_file"].map(key);
    let docs = [
        "File with the authorities (PEM) that may vouch for it, instead of the system's.",
        "File with a certificate to show it.",
        "File with the key of that certificate.",
    ];
    let check = |tls: &tls::Tls| tls::client_config(tls, &tls.read()?).map(drop);
    let scopes = settings.or(&key("scopes"), scopes, "What it is asked for.");
    let tls = tls::read_settings(settings, &keys, docs, check);
    let doc = "The claim that people are called by here.";
    let name_claim = settings.or(&key("name_claim"), "preferred_username".to_owned(), doc);
    let groups_claim = settings.or(&key("groups_claim"), "groups".to_owned(), "The claim with their groups.");
    let timeout = settings.or(&key("timeout"), Duration::from_secs(10), "How long one answer may take.");
    let skew = settings.or(&key("clock_skew"), Duration::from_secs(60), "How far its clock may be from ours.");
    let doc = "How long a session lasts at most, and so how old its groups become: they cannot be asked for again.";
    let session = settings.or(&key("session"), Duration::from_secs(12 * 3600), doc);
    let doc = "Whether who logs out here logs out there as well; the provider must know `external_url` as a place to come back to after a logout.";
    let logs_out = settings.or(&key("logout"), false, doc);
    let Some(home) = home else {
        settings.problem("external_url", "is missing; logins with `[[auth.oidc]]` come back to it");
        return None;
    };
    let name = name.filter(plain)?;
    Some(OidcSettings {
        redirect: home.join(&format!("/auth/oidc/{name}/callback")).ok()?,
        name,
        issuer: issuer?,
        client_id: client_id?,
        client_secret,
        scopes,
        name_claim,
        groups_claim,
        tls,
        timeout,
        skew,
        session,
        after_logout: logs_out.then(|| home.clone()),
    })
}

fn is_safe(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    let here = url.host_str().is_some_and(tls::is_loopback);
    url.scheme() == "https" || (url.scheme() == "http" && here)
}
