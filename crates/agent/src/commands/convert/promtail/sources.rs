//! What the jobs of Promtail read.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::stages::{self, Stages};
use super::{pairs, rest, text};
use crate::commands::convert::{Draft, NEEDLESS, Section, scalar};

pub(super) fn inputs(scrape: &Value, draft: &mut Draft) {
    let job = text(scrape, &["job_name"]).unwrap_or_else(|| "unnamed".to_owned());
    let sections = sources(scrape, &job, draft);
    let pipeline: Vec<_> = scrape.get("pipeline_stages").and_then(Value::as_sequence).into_iter().flatten().collect();
    for (section, mut labels) in sections {
        labels.retain(|name, _| !name.starts_with("__"));
        if !section.has("container") {
            labels.entry("service".to_owned()).or_insert_with(|| job.clone());
        }
        let mut stage_work = Stages::new(section, labels);
        let mut notes = Vec::new();
        for (name, stage) in pipeline.iter().filter_map(|stage| stage.as_mapping()).flatten() {
            let name = scalar(name).unwrap_or_default();
            match (stage_work.take(&name, stage), stages::known(&name)) {
                (Err(what), _) => notes.push(format!("stage `{name}`{what} of job `{job}`")),
                (Ok(()), Some(known)) => rest(stage, known, &format!("stage `{name}` of job `{job}`"), &mut notes),
                (Ok(()), None) => {}
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
    if pipeline.iter().any(|stage| stage.get("replace").is_some()) {
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
    let notes = &mut draft.notes;
    let statics = scrape.get("static_configs").and_then(Value::as_sequence).into_iter().flatten();
    let mut sections: Vec<_> = statics.filter_map(|group| files(group, job, notes)).collect();
    if let Some(source) = scrape.get("journal") {
        sections.push((journal(source, job, notes), pairs(source.get("labels"))));
    }
    if let Some(source) = scrape.get("syslog") {
        sections.push((syslog(source, job, notes), pairs(source.get("labels"))));
    }
    for (key, path) in [("docker_sd_configs", DOCKER), ("kubernetes_sd_configs", PODS)] {
        if scrape.get(key).is_some() {
            let mut section = Section::default();
            section.set("paths", vec![path]);
            section.set("container", true);
            sections.push((section, BTreeMap::new()));
            notes.push(format!("`{key}` of job `{job}`: all containers of this host are read, none is chosen"));
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
        "relabel_configs",
    ];
    notes.extend(relabels(scrape, job));
    rest(scrape, &known, &format!("job `{job}`"), notes);
    sections
}

/// The files of one group.
fn files(group: &Value, job: &str, notes: &mut Vec<String>) -> Option<(Section, BTreeMap<String, String>)> {
    rest(group, &["targets", "labels"], &format!("`static_configs` of job `{job}`"), notes);
    let mut labels = pairs(group.get("labels"));
    let Some(path) = labels.remove("__path__") else {
        notes.push(format!("`static_configs` without `__path__` of job `{job}`"));
        return None;
    };
    let mut section = Section::default();
    section.set("paths", without_braces(&path));
    if let Some(exclude) = labels.remove("__path_exclude__") {
        section.set("exclude", without_braces(&exclude));
    }
    Some((section, labels))
}

/// `a{b,c}` as `ab` and `ac`: braces mean nothing in our patterns.
fn without_braces(path: &str) -> Vec<String> {
    // The last pair that opens holds none itself.
    let parts = path.rsplit_once('{').and_then(|(before, rest)| {
        let (inner, after) = rest.split_once('}')?;
        Some((before, inner, after))
    });
    let Some((before, inner, after)) = parts else { return vec![path.to_owned()] };
    let mut paths = Vec::new();
    for part in inner.split(',') {
        for path in without_braces(&format!("{before}{part}{after}")) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

fn journal(source: &Value, job: &str, notes: &mut Vec<String>) -> Section {
    let mut section = Section::default();
    section.set("kind", "journal");
    let owner = format!("`journal` of job `{job}`");
    let matches = text(source, &["matches"]).unwrap_or_default();
    let units: Option<Vec<_>> = matches.split_whitespace().map(|one| one.strip_prefix("_SYSTEMD_UNIT=")).collect();
    match units {
        Some(units) if units.is_empty() => {}
        Some(units) => section.set("units", units),
        None => notes.push(format!("`matches` of {owner}: all entries are read; `{matches}` may do as a `rule`")),
    }
    match text(source, &["max_age"]) {
        Some(age) if stdx::parse_duration(&age).is_some() => section.set("start", age),
        Some(age) => notes.push(format!("`max_age: {age}` of {owner}: write it as `start`")),
        None => {}
    }
    rest(source, &["labels", "matches", "max_age"], &owner, notes);
    section
}

fn syslog(source: &Value, job: &str, notes: &mut Vec<String>) -> Section {
    let mut section = Section::default();
    section.set("kind", "syslog");
    let is_udp = text(source, &["listen_protocol"]).is_some_and(|protocol| protocol == "udp");
    section.set(if is_udp { "udp" } else { "tcp" }, text(source, &["listen_address"]).unwrap_or_default());
    let files = [("cert_file", "cert_file"), ("key_file", "key_file"), ("ca_file", "client_ca_file")];
    for (theirs, ours) in files {
        if let Some(value) = text(source, &["tls_config", theirs]) {
            section.set(ours, value);
        }
    }
    let owner = format!("`syslog` of job `{job}`");
    let tls = source.get("tls_config").unwrap_or(&Value::Null);
    rest(tls, &files.map(|(theirs, _)| theirs), &format!("`tls_config` of {owner}"), notes);
    // Of the last three, the time is always that of the message, and lengths and waits are bounded.
    let known = [
        "listen_address",
        "listen_protocol",
        "tls_config",
        "labels",
        "use_incoming_timestamp",
        "max_message_length",
        "idle_timeout",
    ];
    rest(source, &known, &owner, notes);
    section
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
