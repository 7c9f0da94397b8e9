//! Files of rules as they are written in YAML, before anything is checked. What the API gives back is made from these.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::kind::{Kind, NAMES};
use super::{Role, Rule, Span, Text};
use crate::model::ALERTNAME;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default, deserialize_with = "listed")]
    pub(super) groups: Vec<RawGroup>,
}

/// A group as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGroup {
    /// Unique within its file.
    #[serde(default)]
    pub name: String,
    /// From evaluation to evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// How much later it is evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "query_delay", alias = "evaluation_delay")]
    pub query_offset: Option<Span>,
    /// Most alerts of a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Labels of every rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "texts")]
    pub labels: BTreeMap<String, String>,
    /// In order.
    #[serde(default, deserialize_with = "listed")]
    pub rules: Vec<RawRule>,
}

/// A rule as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// The series that is recorded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub record: String,
    /// The alert.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alert: String,
    /// LogQL.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expr: String,
    /// A kind of our own instead of LogQL.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Settings of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<serde_yaml_ng::Value>,
    /// How long it must hold.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
    /// How long it goes on firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<Span>,
    /// Labels of its alerts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "texts")]
    pub labels: BTreeMap<String, String>,
    /// What its alerts say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "texts")]
    pub annotations: BTreeMap<String, String>,
}

impl RawRule {
    /// The name of the alert or of the recorded series.
    pub fn name(&self) -> &str {
        if self.record.is_empty() { &self.alert } else { &self.record }
    }

    /// The rule, or everything that is wrong with it.
    pub(super) fn check(&self) -> Result<Rule, Vec<String>> {
        let mut problems = Vec::new();
        let role = self.role(&mut problems);
        let kind = self.kind(&mut problems);
        if role == Role::Record {
            let timed = self.wait.is_some() || self.keep_firing_for.is_some();
            if timed || !self.annotations.is_empty() {
                problems.push("invalid field 'for', 'keep_firing_for' or 'annotations' in a recording rule".to_owned());
            }
            if !is_metric_name(&self.record) {
                problems.push(format!("invalid recording rule name: `{}`", self.record));
            }
        }
        let mut read = |what: &str, texts: &BTreeMap<String, String>| {
            let mut parsed = BTreeMap::new();
            for (name, source) in texts {
                if !is_label_name(name) || (what == "label" && name == "__name__") {
                    problems.push(format!("invalid {what} name: `{name}`"));
                }
                match Text::parse(source) {
                    Ok(text) => drop(parsed.insert(name.clone(), text)),
                    Err(error) => problems.push(format!("{what} `{name}`: {error}")),
                }
            }
            parsed
        };
        let (labels, annotations) = (read("label", &self.labels), read("annotation", &self.annotations));
        if role == Role::Alert && labels.contains_key(ALERTNAME) {
            problems.push(format!("label `{ALERTNAME}` is the name of the rule; take it out"));
        }
        let kind = kind.filter(|_| problems.is_empty()).ok_or(problems)?;
        let span = |span: Option<Span>| span.unwrap_or_default().0;
        let (wait, keep) = (span(self.wait), span(self.keep_firing_for));
        Ok(Rule { name: self.name().to_owned(), kind, role, wait, keep, labels, annotations })
    }

    fn role(&self, problems: &mut Vec<String>) -> Role {
        match (self.record.is_empty(), self.alert.is_empty()) {
            (false, false) => problems.push("only one of 'record' and 'alert' must be set".to_owned()),
            (true, true) => problems.push("one of 'record' or 'alert' must be set".to_owned()),
            _ => {}
        }
        if self.record.is_empty() { Role::Alert } else { Role::Record }
    }

    fn kind(&self, problems: &mut Vec<String>) -> Option<Kind> {
        match (self.expr.is_empty(), self.kind.is_empty()) {
            (false, false) => problems.push("only one of 'expr' and 'kind' must be set".to_owned()),
            (true, true) => problems.push("field 'expr' must be set in rule, or 'kind'".to_owned()),
            _ => {}
        }
        if self.kind.is_empty() && self.with.is_some() {
            problems.push("'with' holds the settings of a 'kind', which is missing".to_owned());
        }
        if !self.record.is_empty() && !self.kind.is_empty() {
            problems.push("a recording rule needs an 'expr'; kinds only make alerts".to_owned());
        }
        if !problems.is_empty() {
            return None;
        }
        let made = if self.kind.is_empty() {
            Kind::logql(&self.expr)
        } else if NAMES.contains(&self.kind.as_str()) {
            Kind::own(&self.kind, self.with.clone())
        } else {
            Err(format!("unknown kind `{}`; there are {}", self.kind, NAMES.join(", ")))
        };
        made.map_err(|problem| problems.push(problem)).ok()
    }
}

fn is_label_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_metric_name(name: &str) -> bool {
    !name.is_empty()
        && name.split(':').all(|part| part.is_empty() || part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A list that may be written as nothing.
fn listed<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Texts by name; numbers and truth values are taken as they are written, nothing as an empty text.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Scalar(String);
    impl<'de> Deserialize<'de> for Scalar {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            scalar(deserializer).map(Self)
        }
    }
    let pairs: Option<BTreeMap<String, Scalar>> = Option::deserialize(deserializer)?;
    Ok(pairs.unwrap_or_default().into_iter().map(|(name, value)| (name, value.0)).collect())
}

/// A text, or what YAML takes for something else.
pub(super) fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Any;
    impl de::Visitor<'_> for Any {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: de::Error>(self, value: &str) -> Result<String, E> {
            Ok(value.to_owned())
        }
        fn visit_bool<E: de::Error>(self, value: bool) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_i64<E: de::Error>(self, value: i64) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_f64<E: de::Error>(self, value: f64) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_unit<E: de::Error>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }
    deserializer.deserialize_any(Any)
}
