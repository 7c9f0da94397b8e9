//! Promtail: clients, and scrape configurations with pipeline stages.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use super::{Draft, NEEDLESS, Section, scalar, table};

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
        inputs(scrape, &mut draft);
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

fn output(client: &Value, draft: &mut Draft) {
    let mut section = Section::default();
    section.set("kind", "loki");
    let url = text(client, &["url"]).unwrap_or_default();
    let host = url.strip_prefix("http://").map(|rest| rest.split([':', '/']).next().unwrap_or_default());
    let is_clear = host.is_some_and(|host| !["127.0.0.1", "localhost"].contains(&host));
    section.set("url", url);
    if is_clear {
        section.set("plaintext", true);
        draft.notes.push("a client sends in clear; use TLS and take `plaintext` away".to_owned());
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
    if text(client, &["basic_auth", "password"]).or_else(|| text(client, &["bearer_token"])).is_some() {
        section.set("token_file", "/etc/lapidary-agent/loki.token");
        draft.notes.push("the secret of a client: write it to the `token_file`".to_owned());
    }
    if client.get("external_labels").is_some() {
        draft.notes.push("`external_labels`: write them to the `labels` of each input".to_owned());
    }
    draft.outputs.push(section);
}

fn inputs(scrape: &Value, draft: &mut Draft) {
    let job = text(scrape, &["job_name"]).unwrap_or_else(|| "unnamed".to_owned());
    let mut sections = Vec::new();
    let statics = scrape.get("static_configs").and_then(Value::as_sequence).into_iter().flatten();
    for group in statics {
        let mut labels = pairs(group.get("labels"));
        let Some(path) = labels.remove("__path__") else { continue };
        let mut section = Section::default();
        section.set("paths", vec![path]);
        if let Some(exclude) = labels.remove("__path_exclude__") {
            section.set("exclude", vec![exclude]);
        }
        sections.push((section, labels));
    }
    if let Some(journal) = scrape.get("journal") {
        let mut section = Section::default();
        section.set("kind", "journal");
        sections.push((section, pairs(journal.get("labels"))));
    }
    if let Some(syslog) = scrape.get("syslog") {
        let mut section = Section::default();
        section.set("kind", "syslog");
        let is_udp = text(syslog, &["listen_protocol"]).is_some_and(|protocol| protocol == "udp");
        section.set(if is_udp { "udp" } else { "tcp" }, text(syslog, &["listen_address"]).unwrap_or_default());
        sections.push((section, pairs(syslog.get("labels"))));
    }
    for key in scrape.as_mapping().into_iter().flat_map(Mapping::keys).filter_map(scalar) {
        if !["job_name", "static_configs", "journal", "syslog", "pipeline_stages"].contains(&key.as_str()) {
            draft.notes.push(format!("`{key}` of job `{job}`"));
        }
    }
    let stages: Vec<_> = scrape.get("pipeline_stages").and_then(Value::as_sequence).into_iter().flatten().collect();
    for (mut section, mut labels) in sections {
        labels.retain(|name, _| !name.starts_with("__"));
        labels.entry("service".to_owned()).or_insert_with(|| job.clone());
        let mut notes = Vec::new();
        for (name, stage) in stages.iter().filter_map(|stage| stage.as_mapping()).flatten() {
            let name = scalar(name).unwrap_or_default();
            if !convert_stage(&name, stage, &mut section, &mut labels) {
                notes.push(format!("stage `{name}` of job `{job}`"));
            }
        }
        section.labels(&labels);
        draft.inputs.push(section);
        notes.retain(|note| !draft.notes.contains(note));
        draft.notes.extend(notes);
    }
    if stages.iter().any(|stage| stage.get("replace").is_some()) {
        draft.notes.push(format!("`replace` of job `{job}`: masking by rule {NEEDLESS}, others go to `[mask]`"));
    }
}

/// Whether the stage has a counterpart.
fn convert_stage(name: &str, stage: &Value, section: &mut Section, labels: &mut BTreeMap<String, String>) -> bool {
    match name {
        "docker" | "cri" => section.set("container", true),
        // What they name, the parser finds by itself.
        "json" | "logfmt" => {}
        "regex" => match text(stage, &["expression"]) {
            Some(expression) => section.set("regexp", expression),
            None => return false,
        },
        "timestamp" => match text(stage, &["source"]) {
            Some(source) => section.set("time_field", source),
            None => return false,
        },
        "labels" | "structured_metadata" => {
            let names = stage.as_mapping().into_iter().flatten();
            let names = names.filter_map(|(name, from)| {
                let name = scalar(name)?;
                Some((name.clone(), scalar(from).unwrap_or(name)))
            });
            section.set(if name == "labels" { "label_fields" } else { "metadata_fields" }, table(&names.collect()));
        }
        "static_labels" => labels.extend(pairs(Some(stage))),
        "multiline" => match text(stage, &["firstline"]) {
            Some(first) => {
                section.set("join_start", first);
                if let Some(wait) = text(stage, &["max_wait_time"]) {
                    section.set("join_timeout", wait);
                }
            }
            None => return false,
        },
        "drop" => match text(stage, &["expression"]) {
            Some(expression) if stage.get("source").is_none() => {
                let rule = [("name".to_owned(), "dropped".to_owned()), ("regexp".to_owned(), expression)];
                section.set("rule", vec![table(&rule.into())]);
            }
            _ => return false,
        },
        _ => return false,
    }
    true
}
