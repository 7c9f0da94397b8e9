//! Promtail: clients, and scrape configurations with pipeline stages.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use super::{Draft, Section, scalar};

mod sources;
mod stages;

pub(super) fn convert(root: &Mapping) -> Draft {
    let mut draft = Draft::default();
    for key in root.keys().filter_map(scalar) {
        match key.as_str() {
            "clients" | "client" | "scrape_configs" | "positions" => {}
            "server" => draft.notes.push("`server`: metrics are served with `listen`".to_owned()),
            key => draft.notes.push(format!("`{key}`")),
        }
    }
    let clients = root.get("clients").and_then(Value::as_sequence).into_iter().flatten();
    for client in clients.chain(root.get("client")) {
        output(client, &mut draft);
    }
    for scrape in root.get("scrape_configs").and_then(Value::as_sequence).into_iter().flatten() {
        sources::inputs(scrape, &mut draft);
    }
    draft
}

fn text(value: &Value, path: &[&str]) -> Option<String> {
    scalar(path.iter().try_fold(value, |value, key| value.get(key))?)
}

fn pairs(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_mapping).into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((scalar(name)?, scalar(value)?))).collect()
}

/// Notes the keys of `value` that nobody looked at.
fn rest(value: &Value, known: &[&str], owner: &str, notes: &mut Vec<String>) {
    let keys = value.as_mapping().into_iter().flat_map(Mapping::keys).filter_map(scalar);
    notes.extend(keys.filter(|key| !known.contains(&key.as_str())).map(|key| format!("`{key}` of {owner}")));
}

/// An address without the name in it, that name, and whether a password stood beside it.
fn bare(text: String) -> (String, Option<String>, bool) {
    let Ok(mut url) = reqwest::Url::parse(&text) else { return (text, None, false) };
    let user = Some(url.username().to_owned()).filter(|user| !user.is_empty());
    let has_secret = url.password().is_some();
    // Neither fails for an address that had one.
    if (user.is_none() && !has_secret) || url.set_username("").is_err() || url.set_password(None).is_err() {
        return (text, None, false);
    }
    (url.into(), user, has_secret)
}

fn output(client: &Value, draft: &mut Draft) {
    let mut section = Section::default();
    section.set("kind", "loki");
    let (url, user, has_secret) = bare(text(client, &["url"]).unwrap_or_default());
    let host = url.strip_prefix("http://").map(|rest| rest.split([':', '/']).next().unwrap_or_default());
    let is_clear = host.is_some_and(|host| !["127.0.0.1", "localhost"].contains(&host));
    section.set("url", url);
    if is_clear {
        section.set("plaintext", true);
        draft.notes.push("a client sends in clear; use TLS and take `plaintext` away".to_owned());
    }
    if let Some(user) = user {
        section.set("user", user);
    }
    let copies: [(&[&str], &str); 7] = [
        (&["tenant_id"], "tenant"),
        (&["basic_auth", "username"], "user"),
        (&["basic_auth", "password_file"], "token_file"),
        (&["bearer_token_file"], "token_file"),
        (&["tls_config", "ca_file"], "ca_file"),
        (&["tls_config", "cert_file"], "cert_file"),
        (&["tls_config", "key_file"], "key_file"),
    ];
    for (theirs, ours) in copies {
        if let Some(value) = text(client, theirs) {
            section.set(ours, value);
        }
    }
    let secrets: [&[&str]; 2] = [&["basic_auth", "password"], &["bearer_token"]];
    if has_secret || secrets.iter().any(|path| text(client, path).is_some()) {
        section.set("token_file", "/etc/lapidary-agent/loki.token");
        draft.notes.push("the secret of a client: write it to the `token_file`".to_owned());
    }
    if let Some(url) = text(client, &["proxy_url"]) {
        let (url, user, has_secret) = bare(url);
        section.set("proxy", url);
        if user.is_some() || has_secret {
            draft.notes.push("the user and password of a client's `proxy_url`".to_owned());
        }
    }
    if let Some(timeout) = text(client, &["timeout"]).filter(|timeout| stdx::parse_duration(timeout).is_some()) {
        section.set("timeout", timeout);
    }
    left_out(client, &mut draft.notes);
    draft.outputs.push(section);
}

/// What of a client has no counterpart.
fn left_out(client: &Value, notes: &mut Vec<String>) {
    if client.get("external_labels").is_some() {
        notes.push("`external_labels`: write them to the `labels` of each input".to_owned());
    }
    if client.get("headers").is_some() {
        notes.push("`headers` of a client: the tenant goes as `tenant`, no others are sent".to_owned());
    }
    let tls = client.get("tls_config").unwrap_or(&Value::Null);
    if text(tls, &["insecure_skip_verify"]).is_some_and(|is_on| is_on != "false") {
        let help = "certificates are always verified; name the authority as `ca_file`";
        notes.push(format!("`insecure_skip_verify` of a client: {help}"));
    }
    rest(tls, &["ca_file", "cert_file", "key_file", "insecure_skip_verify"], "a client's `tls_config`", notes);
    let basic = client.get("basic_auth").unwrap_or(&Value::Null);
    rest(basic, &["username", "password", "password_file"], "a client's `basic_auth`", notes);
    // The last three are the spool's work.
    let known = [
        "url",
        "name",
        "tenant_id",
        "basic_auth",
        "bearer_token",
        "bearer_token_file",
        "tls_config",
        "proxy_url",
        "external_labels",
        "headers",
        "timeout",
        "batchwait",
        "batchsize",
        "backoff_config",
    ];
    rest(client, &known, "a client", notes);
}
