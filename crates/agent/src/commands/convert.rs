//! Turns the settings of Fluent Bit or Promtail into ours, as far as there is a counterpart, and says what is left.

mod filters;
mod fluent_bit;
mod layout;
mod parsers;
mod promtail;

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, bail};
use serde_yaml_ng::Value;

/// What is left out without a word: it tunes what needs no tuning here.
const NEEDLESS: &str = "needs no counterpart";

/// Begins the notes of what must not be overlooked, which come first.
const WARNING: &str = "WARNING";

/// Settings in the making.
#[derive(Debug, Default)]
struct Draft {
    inputs: Vec<Section>,
    outputs: Vec<Section>,
    /// What could not be taken over.
    notes: Vec<String>,
}

/// Keys of a section with their values, in order.
#[derive(Debug, Default)]
struct Section(Vec<(String, toml::Value)>);

impl Section {
    fn set(&mut self, key: &str, value: impl Into<toml::Value>) {
        self.0.retain(|(known, _)| known != key);
        self.0.push((key.to_owned(), value.into()));
    }

    /// Adds to a list.
    fn push(&mut self, key: &str, value: impl Into<toml::Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, toml::Value::Array(list))) if list.contains(&value) => {}
            Some((_, toml::Value::Array(list))) => list.push(value),
            _ => self.set(key, vec![value]),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(known, _)| known == key)
    }

    /// Whether it was there.
    fn remove(&mut self, key: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(known, _)| known != key);
        self.0.len() < before
    }

    /// Adds a label.
    fn label(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == "labels") {
            Some((_, toml::Value::Table(labels))) => _ = labels.insert(name.to_owned(), value.into()),
            _ => self.labels(&[(name.to_owned(), value.to_owned())].into()),
        }
    }

    fn labels(&mut self, labels: &BTreeMap<String, String>) {
        self.set("labels", table(labels));
    }
}

/// A table within a line.
fn table(pairs: &BTreeMap<String, String>) -> toml::Value {
    toml::Value::Table(pairs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect())
}

fn inline(value: &toml::Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        toml::Value::Table(pairs) => {
            format!("{{ {} }}", list(pairs.iter().map(|(name, value)| format!("{name} = {}", inline(value))).collect()))
        }
        toml::Value::Array(items) => format!("[{}]", list(items.iter().map(inline).collect())),
        other => other.to_string(),
    }
}

/// Settings for `lapidary-agent`, with what could not be taken over as comments at their head.
pub(super) fn convert(text: &str) -> Result<String> {
    let is_classic = text.lines().any(|line| {
        let line = line.trim().to_ascii_uppercase();
        ["[INPUT]", "[OUTPUT]", "[FILTER]", "[SERVICE]"].contains(&line.as_str())
    });
    if is_classic {
        return write(fluent_bit::classic(text));
    }
    let Ok(Value::Mapping(root)) = serde_yaml_ng::from_str::<Value>(text) else {
        bail!("these are neither settings of Fluent Bit (classic or YAML) nor of Promtail")
    };
    if root.contains_key("scrape_configs") {
        return write(promtail::convert(&root));
    }
    if root.contains_key("pipeline") {
        return write(fluent_bit::yaml(&root));
    }
    bail!("there is neither `pipeline` (Fluent Bit) nor `scrape_configs` (Promtail) in it")
}

fn write(mut draft: Draft) -> Result<String> {
    name_journals(&mut draft.inputs);
    let mut out = String::from("# Converted; look it over, then: lapidary-agent check --config FILE\n");
    let with_variables = draft
        .outputs
        .iter()
        .flat_map(|Section(keys)| keys)
        .filter(|(_, value)| value.as_str().is_some_and(|text| text.contains("${")));
    let variables = with_variables.map(|(key, _)| format!("the variables in `{key}`: write what they stand for"));
    let mut notes: Vec<_> = draft.notes.iter().cloned().chain(variables).collect();
    notes.sort_by_key(|note| !note.contains(WARNING));
    for note in notes {
        writeln!(out, "# not converted: {}", note.replace('\n', " "))?;
    }
    writeln!(out, "\nstate_dir = \"/var/lib/lapidary-agent\"")?;
    let outputs = if draft.outputs.len() == 1 { "[output]" } else { "[[output]]" };
    for (head, sections) in [("[[input]]", &draft.inputs), (outputs, &draft.outputs)] {
        for Section(keys) in sections {
            writeln!(out, "\n{head}")?;
            for (key, value) in keys {
                writeln!(out, "{key} = {}", inline(value))?;
            }
        }
    }
    Ok(out)
}

/// Gives further inputs from journals places of their own.
fn name_journals(inputs: &mut [Section]) {
    let is_journal = |input: &&mut Section| input.0.contains(&("kind".to_owned(), "journal".into()));
    for (index, input) in inputs.iter_mut().filter(is_journal).enumerate().skip(1) {
        input.set("name", format!("journal-{}", index + 1));
    }
}

/// A scalar as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

#[cfg(test)]
mod tests;
