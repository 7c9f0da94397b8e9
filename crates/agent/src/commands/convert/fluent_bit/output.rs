//! Fluent Bit's outputs.

use super::{Draft, Plugin, Section};

pub(super) fn convert(plugin: &Plugin, draft: &mut Draft) {
    let name = plugin.name().to_ascii_lowercase();
    let (kind, port) = match name.as_str() {
        "loki" => ("loki", "3100"),
        "es" | "elasticsearch" => ("elasticsearch", "9200"),
        "opensearch" => ("opensearch", "9200"),
        "splunk" => ("splunk", "8088"),
        "opentelemetry" => ("otlp", "4318"),
        name => return draft.notes.push(format!("output `{name}`")),
    };
    let mut section = Section::default();
    section.set("kind", kind);
    let scheme = if plugin.is_on("tls") { "https" } else { "http" };
    let (host, port) = (plugin.get("host").unwrap_or("127.0.0.1"), plugin.get("port").unwrap_or(port));
    let path = plugin.get("uri").or_else(|| plugin.get("logs_uri")).unwrap_or_default();
    section.set("url", format!("{scheme}://{host}:{port}{path}"));
    if scheme == "http" && !["127.0.0.1", "localhost", "::1"].contains(&host) {
        section.set("plaintext", true);
        draft.notes.push(format!("output `{name}` sends in clear; use TLS and take `plaintext` away"));
    }
    let copies = [
        ("http_user", "user"),
        ("index", "index"),
        ("event_index", "index"),
        ("tenant_id", "tenant"),
        ("tls.ca_file", "ca_file"),
        ("tls.crt_file", "cert_file"),
        ("tls.key_file", "key_file"),
    ];
    for (theirs, ours) in copies {
        if let Some(value) = plugin.get(theirs) {
            section.set(ours, value);
        }
    }
    let secrets = ["http_passwd", "bearer_token", "splunk_token", "http_api_key"];
    if secrets.iter().any(|key| plugin.get(key).is_some()) {
        section.set("token_file", format!("/etc/lapidary-agent/{kind}.token"));
        draft.notes.push(format!("the secret of output `{name}`: write it to the `token_file`"));
    }
    if plugin.is_off("tls.verify") {
        draft.notes.push(format!(
            "`tls.verify off` of output `{name}`: certificates are always verified; name the authority as `ca_file`"
        ));
    }
    let mut known: Vec<_> = copies.iter().map(|(theirs, _)| *theirs).chain(secrets).collect();
    known.extend([
        "match",
        "host",
        "port",
        "uri",
        "logs_uri",
        "tls",
        "tls.verify",
        "retry_limit",
        "workers",
        "compress",
        "type",
    ]);
    known.extend(["suppress_type_name", "line_format", "storage.total_limit_size", "net.keepalive"]);
    plugin.rest(&known, &mut draft.notes);
    if plugin.get("match").is_some_and(|tag| tag != "*") {
        draft.notes.push(format!("`match` of output `{name}`: every output gets every line"));
    }
    draft.outputs.push(section);
}
