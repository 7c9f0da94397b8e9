//! Fluent Bit: sections of keys and values, in its classic form or in YAML.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use super::parsers::Parsers;
use super::{Draft, NEEDLESS, Section, filters, scalar};

mod output;

/// A section: what it is (`input`, `output`, `filter` …), and its keys in small letters.
#[derive(Debug)]
pub(super) struct Plugin {
    pub(super) what: String,
    keys: Vec<(String, String)>,
}

/// Keys of `tail` whose work is done here without a setting.
const TUNING: [&str; 22] = [
    "name",
    "db",
    "db.sync",
    "db.locking",
    "db.journal_mode",
    "db.compare_filename",
    "mem_buf_limit",
    "refresh_interval",
    "rotate_wait",
    "skip_long_lines",
    "skip_empty_lines",
    "buffer_chunk_size",
    "buffer_max_size",
    "storage.type",
    "storage.pause_on_chunks_overlimit",
    "inotify_watcher",
    "threaded",
    "static_batch_size",
    "progress_check_interval",
    "watcher_interval",
    "alias",
    "log_level",
];

/// Sections of the YAML form.
const KNOWN: [&str; 4] = ["pipeline", "service", "parsers", "multiline_parsers"];

/// A state of a multi-line parser, as the classic form writes it.
fn state(rule: &Value) -> Option<String> {
    let part = |key: &str| rule.get(key).and_then(scalar);
    Some(format!("\"{}\" \"{}\" \"{}\"", part("state")?, part("regex")?, part("next_state")?))
}

pub(super) fn classic(text: &str) -> Draft {
    let mut draft = Draft::default();
    let mut plugins: Vec<Plugin> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            plugins.push(Plugin { what: name.to_ascii_lowercase(), keys: Vec::new() });
        } else if line.starts_with('@') {
            draft.notes.push(format!("`{line}`: convert what it brings in as well"));
        } else if let (Some(plugin), Some((key, value))) = (plugins.last_mut(), line.split_once(char::is_whitespace)) {
            plugin.keys.push((key.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    finish(draft, plugins)
}

pub(super) fn yaml(root: &Mapping) -> Draft {
    let mut draft = Draft::default();
    let mut plugins = Vec::new();
    let services = root.get("service").cloned().into_iter().collect();
    let services = Value::Sequence(services);
    let lists = [
        ("service", Some(&services)),
        ("parser", root.get("parsers")),
        ("multiline_parser", root.get("multiline_parsers")),
        ("input", root.get("pipeline").and_then(|pipeline| pipeline.get("inputs"))),
        ("filter", root.get("pipeline").and_then(|pipeline| pipeline.get("filters"))),
        ("output", root.get("pipeline").and_then(|pipeline| pipeline.get("outputs"))),
    ];
    for (what, list) in lists {
        let list = list.and_then(Value::as_sequence);
        for item in list.into_iter().flatten().filter_map(Value::as_mapping) {
            let mut keys = Vec::new();
            for (key, value) in item {
                let Some(key) = scalar(key) else { continue };
                match (scalar(value), value.as_sequence()) {
                    (Some(value), _) => keys.push((key.to_ascii_lowercase(), value)),
                    (None, Some(rules)) if key == "rules" => {
                        keys.extend(rules.iter().filter_map(state).map(|rule| ("rule".to_owned(), rule)));
                    }
                    (None, Some(items)) if key != "processors" => {
                        keys.extend(items.iter().filter_map(scalar).map(|value| (key.to_ascii_lowercase(), value)));
                    }
                    _ => draft.notes.push(format!("`{key}` of an {what}")),
                }
            }
            plugins.push(Plugin { what: what.to_owned(), keys });
        }
    }
    for key in root.keys().filter_map(scalar).filter(|key| !KNOWN.contains(&key.as_str())) {
        draft.notes.push(format!("section `{key}`"));
    }
    let of_pipeline = root.get("pipeline").and_then(Value::as_mapping).into_iter().flat_map(Mapping::keys);
    for key in of_pipeline.filter_map(scalar).filter(|key| !["inputs", "filters", "outputs"].contains(&key.as_str())) {
        draft.notes.push(format!("`{key}` of the pipeline"));
    }
    finish(draft, plugins)
}

impl Plugin {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The values of a key that may be there more than once.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.keys.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn is_on(&self, key: &str) -> bool {
        self.is_one_of(key, ["on", "true", "yes"])
    }

    fn is_off(&self, key: &str) -> bool {
        self.is_one_of(key, ["off", "false", "no"])
    }

    fn is_one_of(&self, key: &str, words: [&str; 3]) -> bool {
        self.get(key).is_some_and(|value| words.contains(&value.to_ascii_lowercase().as_str()))
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.all(key).flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect()
    }

    pub(super) fn name(&self) -> &str {
        self.get("name").unwrap_or_default()
    }

    /// Notes the keys that nobody looked at.
    pub(super) fn rest(&self, known: &[&str], notes: &mut Vec<String>) {
        for (key, _) in &self.keys {
            if !known.contains(&key.as_str()) && !TUNING.contains(&key.as_str()) {
                notes.push(format!("`{key}` of {} `{}`", self.what, self.name()));
            }
        }
    }
}

fn finish(mut draft: Draft, plugins: Vec<Plugin>) -> Draft {
    let mut parsers = Parsers::default();
    let plugins: Vec<_> = plugins.into_iter().filter_map(|plugin| parsers.take(plugin)).collect();
    let mut inputs = Vec::new();
    for plugin in plugins.iter().filter(|plugin| plugin.what == "input") {
        let tag = plugin.get("tag").unwrap_or(plugin.name()).to_owned();
        inputs.extend(input(plugin, &parsers, &mut draft).map(|section| (tag, section)));
    }
    for plugin in &plugins {
        match plugin.what.as_str() {
            "input" => {}
            "output" => output::convert(plugin, &mut draft),
            "service" => service(plugin, &mut draft.notes),
            "filter" => draft.notes.extend(filters::filter(plugin, &parsers, &mut inputs)),
            what => draft.notes.push(format!("{what} `{}`", plugin.name())),
        }
    }
    for (tag, mut section) in inputs {
        if ["join_start", "join_next"].iter().any(|key| section.has(key)) && section.remove("join") {
            draft.notes.push(format!("the traces by language of `{tag}`: an input joins by them or by a pattern"));
        }
        draft.inputs.push(section);
    }
    draft
}

fn service(plugin: &Plugin, notes: &mut Vec<String>) {
    notes.push(format!("[SERVICE]: most of it {NEEDLESS}; metrics are served with `listen`"));
    let others = plugin.list("parsers_file").into_iter().filter(|file| !file.ends_with("parsers.conf"));
    notes.extend(others.map(|file| format!("`{file}`: put its parsers behind these settings and convert both")));
    for key in ["plugins_file", "streams_file"] {
        notes.extend(plugin.get(key).map(|file| format!("`{key} {file}` of the service")));
    }
}

fn input(plugin: &Plugin, parsers: &Parsers, draft: &mut Draft) -> Option<Section> {
    let mut section = Section::default();
    let mut known = vec!["tag", "listen", "port", "mode"];
    let address = |port: &str| {
        let (listen, port) = (plugin.get("listen").unwrap_or("0.0.0.0"), plugin.get("port").unwrap_or(port));
        format!("{listen}:{port}")
    };
    match plugin.name().to_ascii_lowercase().as_str() {
        "tail" => {
            known.extend(["path", "exclude_path", "read_from_head", "multiline.parser", "parser", "docker_mode"]);
            tail(plugin, parsers, &mut section, &mut draft.notes);
        }
        "systemd" => {
            known.extend(["systemd_filter", "read_from_tail"]);
            section.set("kind", "journal");
            for filter in plugin.list("systemd_filter") {
                match filter.strip_prefix("_SYSTEMD_UNIT=") {
                    Some(unit) => section.push("units", unit),
                    None => draft.notes.push(format!("`systemd_filter {filter}`: all entries of the units are read")),
                }
            }
            if plugin.is_on("read_from_tail") {
                section.set("start", "end");
            }
        }
        "syslog" => {
            section.set("kind", "syslog");
            let is_udp = plugin.get("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("udp"));
            section.set(if is_udp { "udp" } else { "tcp" }, address("5140"));
        }
        "forward" => {
            section.set("kind", "forward");
            section.set("tcp", address("24224"));
        }
        "stdin" => section.set("kind", "stdin"),
        "exec" => {
            known.extend(["command", "interval_sec"]);
            section.set("kind", "command");
            let command = plugin.get("command").unwrap_or_default();
            section.set("command", vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()]);
            if let Some(seconds) = plugin.get("interval_sec") {
                section.set("restart", format!("{seconds}s"));
            }
        }
        name => {
            draft.notes.push(format!("input `{name}`"));
            return None;
        }
    }
    let tag = plugin.get("tag").filter(|tag| !tag.contains('*'));
    if tag.is_none() {
        draft.notes.push(format!("input `{}` has no plain tag; give its lines a `service`", plugin.name()));
    }
    section.labels(&BTreeMap::from([("service".to_owned(), tag.unwrap_or("unnamed").to_owned())]));
    plugin.rest(&known, &mut draft.notes);
    Some(section)
}

fn tail(plugin: &Plugin, parsers: &Parsers, section: &mut Section, notes: &mut Vec<String>) {
    section.set("paths", plugin.list("path"));
    let exclude = plugin.list("exclude_path");
    if !exclude.is_empty() {
        section.set("exclude", exclude);
    }
    section.set("start", if plugin.is_on("read_from_head") { "head" } else { "end" });
    let mut names = plugin.list("multiline.parser");
    names.extend(plugin.list("parser"));
    if plugin.is_on("docker_mode") {
        names.push("docker".to_owned());
    }
    notes.extend(names.iter().filter_map(|name| parsers.apply(name, section).err()));
}
