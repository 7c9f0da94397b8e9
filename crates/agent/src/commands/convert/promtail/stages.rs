//! The stages of a pipeline of Promtail.

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_yaml_ng::Value;

use super::{pairs, text};
use crate::commands::convert::{Section, layout, scalar, table};

/// Stages on their way into an input.
pub(super) struct Stages {
    pub(super) section: Section,
    pub(super) labels: BTreeMap<String, String>,
    /// Names that stages gave to fields of the line.
    extracted: BTreeMap<String, String>,
}

/// The keys of a stage that are looked at; none where they are names of one's own.
pub(super) fn known(stage: &str) -> Option<&'static [&'static str]> {
    Some(match stage {
        "json" => &["expressions"],
        "logfmt" => &["mapping"],
        "regex" => &["expression"],
        "timestamp" => &["source", "format", "location"],
        "multiline" => &["firstline", "max_wait_time"],
        "drop" => &["source", "value", "expression", "drop_counter_reason"],
        "docker" | "cri" => &[],
        _ => return None,
    })
}

/// The offset of a place on earth, if it is the same all year.
fn offset(place: &str) -> Option<String> {
    let zone = TimeZone::get(place).ok()?;
    let at = |month| Some(zone.to_zoned(date(2026, month, 1).at(0, 0, 0, 0)).ok()?.offset());
    let minutes = at(1).filter(|winter| at(7) == Some(*winter))?.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    Some(format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60))
}

impl Stages {
    pub(super) fn new(section: Section, labels: BTreeMap<String, String>) -> Self {
        Self { section, labels, extracted: BTreeMap::new() }
    }

    /// Takes a stage over; what of it has no counterpart, to be told behind its name.
    pub(super) fn take(&mut self, name: &str, stage: &Value) -> Result<(), String> {
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
                if let Some(place) = text(stage, &["location"]) {
                    let offset = offset(&place).ok_or_else(|| {
                        format!(" with `location: {place}` (no offset holds all year: write `timezone`)")
                    })?;
                    section.set("timezone", offset);
                }
            }
            "labels" | "structured_metadata" => {
                let names = stage.as_mapping().into_iter().flatten();
                let names = names.filter_map(|(name, from)| {
                    let name = scalar(name)?;
                    let from = scalar(from).filter(|from| !from.is_empty()).unwrap_or_else(|| name.clone());
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
