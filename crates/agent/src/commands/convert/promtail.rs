//! Promtail: clients, and scrape configurations with pipeline stages.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use super::{Draft, NEEDLESS, Section, layout, scalar, table};

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
    if client.get("external_labels").is_some() {
        draft.notes.push("`external_labels`: write them to the `labels` of each input".to_owned());
    }
    draft.outputs.push(section);
}

fn inputs(scrape: &Value, draft: &mut Draft) {
    let job = text(scrape, &["job_name"]).unwrap_or_else(|| "unnamed".to_owned());
    let sections = sources(scrape, &job, draft);
    let stages: Vec<_> = scrape.get("pipeline_stages").and_then(Value::as_sequence).into_iter().flatten().collect();
    for (section, mut labels) in sections {
        labels.retain(|name, _| !name.starts_with("__"));
        if !section.has("container") {
            labels.entry("service".to_owned()).or_insert_with(|| job.clone());
        }
        let mut stage_work = Stages { section, labels, extracted: BTreeMap::new() };
        let mut notes = Vec::new();
        for (name, stage) in stages.iter().filter_map(|stage| stage.as_mapping()).flatten() {
            let name = scalar(name).unwrap_or_default();
            if let Err(what) = stage_work.take(&name, stage) {
                notes.push(format!("stage `{name}`{what} of job `{job}`"));
            }
        }
        let Stages { mut section, labels, .. } = stage_work;
        if !labels.is_empty() {
            section.labels(&labels);
        }
        draft.inputs.push(section);
        notes.retain(|note| !draft.notes.contains(note));
        draft.notes.extend(notes);
    }
    if stages.iter().any(|stage| stage.get("replace").is_some()) {
        draft.notes.push(format!("`replace` of job `{job}`: masking by rule {NEEDLESS}, others go to `[mask]`"));
    }
}

/// Where containers' logs are, and what a relabelling says that is done here by itself.
const DOCKER: &str = "/var/lib/docker/containers/*/*-json.log";
const PODS: &str = "/var/log/pods/*/*/*.log";
const RELABELLED: [(&str, &str); 6] = [
    ("__meta_docker_container_name", "container"),
    ("__meta_docker_container_id", "container_id"),
    ("__meta_docker_container_label_com_docker_compose_service", "service"),
    ("__meta_kubernetes_namespace", "namespace"),
    ("__meta_kubernetes_pod_name", "pod"),
    ("__meta_kubernetes_pod_container_name", "container"),
];

/// What a job reads, with the labels of each.
fn sources(scrape: &Value, job: &str, draft: &mut Draft) -> Vec<(Section, BTreeMap<String, String>)> {
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
    for (key, kind) in [("journal", "journal"), ("syslog", "syslog")] {
        let Some(source) = scrape.get(key) else { continue };
        let mut section = Section::default();
        section.set("kind", kind);
        if key == "syslog" {
            let is_udp = text(source, &["listen_protocol"]).is_some_and(|protocol| protocol == "udp");
            section.set(if is_udp { "udp" } else { "tcp" }, text(source, &["listen_address"]).unwrap_or_default());
            for (theirs, ours) in [("cert_file", "cert_file"), ("key_file", "key_file"), ("ca_file", "client_ca_file")]
            {
                if let Some(value) = text(source, &["tls_config", theirs]) {
                    section.set(ours, value);
                }
            }
        }
        sections.push((section, pairs(source.get("labels"))));
    }
    for (key, path) in [("docker_sd_configs", DOCKER), ("kubernetes_sd_configs", PODS)] {
        if scrape.get(key).is_some() {
            let mut section = Section::default();
            section.set("paths", vec![path]);
            section.set("container", true);
            sections.push((section, BTreeMap::new()));
            draft.notes.push(format!("`{key}` of job `{job}`: all containers of this host are read, none is chosen"));
        }
    }
    let known = [
        "job_name",
        "static_configs",
        "journal",
        "syslog",
        "pipeline_stages",
        "docker_sd_configs",
        "kubernetes_sd_configs",
    ];
    for key in scrape.as_mapping().into_iter().flat_map(Mapping::keys).filter_map(scalar) {
        if key == "relabel_configs" {
            draft.notes.extend(relabels(scrape, job));
        } else if !known.contains(&key.as_str()) {
            draft.notes.push(format!("`{key}` of job `{job}`"));
        }
    }
    sections
}

/// The relabellings that are not done here by themselves.
fn relabels(scrape: &Value, job: &str) -> Vec<String> {
    let list = scrape.get("relabel_configs").and_then(Value::as_sequence).into_iter().flatten();
    let other = list.filter_map(|rule| {
        let from = rule.get("source_labels").and_then(Value::as_sequence).into_iter().flatten().filter_map(scalar);
        let from: Vec<_> = from.collect();
        let to = text(rule, &["target_label"]).unwrap_or_default();
        // The path is found by the input itself.
        let is_known = to == "__path__" || RELABELLED.iter().any(|(theirs, ours)| from == [*theirs] && to == *ours);
        let action = text(rule, &["action"]).unwrap_or_else(|| "replace".to_owned());
        (!is_known).then(|| format!("`relabel_configs` ({action} `{to}`) of job `{job}`"))
    });
    other.collect()
}

/// Stages on their way into an input.
struct Stages {
    section: Section,
    labels: BTreeMap<String, String>,
    /// Names that stages gave to fields of the line.
    extracted: BTreeMap<String, String>,
}

impl Stages {
    /// Takes a stage over; what of it has no counterpart, to be told behind its name.
    fn take(&mut self, name: &str, stage: &Value) -> Result<(), String> {
        let section = &mut self.section;
        let need = |key: &str| text(stage, &[key]).ok_or_else(|| format!(" without `{key}`"));
        match name {
            "docker" | "cri" => section.set("container", true),
            "json" | "logfmt" => return self.extract(name, stage),
            "regex" => {
                if stage.get("source").is_some() {
                    return Err(" with `source`".to_owned());
                }
                section.set("regexp", need("expression")?);
            }
            "timestamp" => {
                let (source, layout) = (need("source")?, need("format")?);
                let format = layout::strftime(&layout).ok_or_else(|| format!(" with format `{layout}`"))?;
                section.set("time_field", self.extracted.get(&source).cloned().unwrap_or(source));
                if !format.is_empty() {
                    section.set("time_format", format);
                }
            }
            "labels" | "structured_metadata" => {
                let names = stage.as_mapping().into_iter().flatten();
                let names = names.filter_map(|(name, from)| {
                    let name = scalar(name)?;
                    let from = scalar(from).unwrap_or_else(|| name.clone());
                    Some((name, self.extracted.get(&from).cloned().unwrap_or(from)))
                });
                let names = table(&names.collect());
                section.set(if name == "labels" { "label_fields" } else { "metadata_fields" }, names);
            }
            "static_labels" => self.labels.extend(pairs(Some(stage))),
            "labeldrop" => stage.as_sequence().into_iter().flatten().filter_map(scalar).for_each(|name| {
                self.labels.remove(&name);
            }),
            "multiline" => {
                section.set("join_start", need("firstline")?);
                if let Some(wait) = text(stage, &["max_wait_time"]) {
                    section.set("join_timeout", wait);
                }
            }
            "drop" => return self.leave_out(stage),
            _ => return Err(String::new()),
        }
        Ok(())
    }

    /// What the parser here finds by itself; names of theirs are remembered.
    fn extract(&mut self, name: &str, stage: &Value) -> Result<(), String> {
        if stage.get("source").is_some() {
            return Err(" with `source`".to_owned());
        }
        let pairs = stage.get(if name == "json" { "expressions" } else { "mapping" }).and_then(Value::as_mapping);
        for (ours, theirs) in pairs.into_iter().flatten() {
            let Some(ours) = scalar(ours) else { continue };
            let theirs = scalar(theirs).filter(|theirs| !theirs.is_empty()).unwrap_or_else(|| ours.clone());
            self.extracted.insert(ours, theirs.trim_matches('"').to_owned());
        }
        Ok(())
    }

    fn leave_out(&mut self, stage: &Value) -> Result<(), String> {
        if let Some(key) = ["older_than", "longer_than", "separator"].iter().find(|key| stage.get(**key).is_some()) {
            return Err(format!(" with `{key}`"));
        }
        let mut rule = toml::Table::new();
        rule.insert(
            "name".to_owned(),
            text(stage, &["drop_counter_reason"]).unwrap_or_else(|| "dropped".to_owned()).into(),
        );
        match (text(stage, &["source"]), text(stage, &["value"]), text(stage, &["expression"])) {
            (Some(source), Some(value), None) => {
                let field = self.extracted.get(&source).cloned().unwrap_or(source);
                rule.insert("fields".to_owned(), table(&[(field, value)].into()));
            }
            (None, None, Some(expression)) => drop(rule.insert("regexp".to_owned(), expression.into())),
            _ => return Err(" with this condition".to_owned()),
        }
        self.section.push("rule", toml::Value::Table(rule));
        Ok(())
    }
}
