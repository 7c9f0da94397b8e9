//! What is in the lines: labels worth choosing by, and fields that parsers would find.

mod kind;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use auth::Scope;
use logline::Labels;
use logql::{Expr, LogExpr};
use serde_json::Value;
use storage::TimeRange;

pub use self::kind::FieldKind;
use crate::answer::{Answer, Data, LogEntry};
use crate::engine::{Engine, selectors};
use crate::error::Error;
use crate::params::{Direction, Params};
use crate::pipeline::labels::{ERROR, ERROR_DETAILS, Source};
use crate::pipeline::{Pipeline, Row, Wanted};

/// Labels that people choose by though their values may look like ids.
const ALWAYS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];
/// How deep objects are followed.
const MAX_DEPTH: usize = 32;

/// A field that lines have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectedField {
    /// Its name as a label.
    pub label: String,
    /// What its values are.
    pub kind: FieldKind,
    /// Number of distinct values.
    pub cardinality: usize,
    /// Which parsers find it: `json`, `logfmt`; none for structured metadata.
    pub parsers: Vec<&'static str>,
    /// Where it stands in a JSON line; empty when it does not.
    pub json_path: Vec<String>,
}

/// In which lines to look for fields.
#[derive(Clone, Debug)]
pub struct FieldParams {
    /// A log query.
    pub query: String,
    /// When.
    pub range: TimeRange,
    /// Lines to look at, the newest ones.
    pub lines: usize,
    /// Most fields, or values of one field.
    pub limit: usize,
}

impl Engine {
    /// Labels of streams with the number of their values, without those whose values are all numbers or ids.
    pub async fn detected_labels(
        &self,
        scope: &Scope,
        range: TimeRange,
        selector: Option<&str>,
    ) -> Result<Vec<(String, usize)>, Error> {
        let streams = self.streams(scope, range, &selectors(selector)?).await?;
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in streams.values().flat_map(Labels::iter) {
            values.entry(name).or_default().insert(value);
        }
        let worth = |name: &str, values: &BTreeSet<&str>| {
            ALWAYS.contains(&name) || !values.iter().all(|value| kind::is_number(value) || kind::is_uuid(value))
        };
        let kept = values.into_iter().filter(|(name, values)| worth(name, values));
        Ok(kept.map(|(name, values)| (name.to_owned(), values.len())).collect())
    }

    /// Fields of the newest lines, by name: of structured metadata, of parsers of the query, and those that `json` or
    /// else `logfmt` would find.
    pub async fn detected_fields(
        &self,
        scope: &Scope,
        params: &FieldParams,
    ) -> Result<Answer<Vec<DetectedField>>, Error> {
        let field = |(label, found): (String, Found)| DetectedField {
            label,
            kind: FieldKind::of(found.values.iter().map(String::as_str)),
            cardinality: found.values.len(),
            parsers: found.parsers.into_iter().collect(),
            json_path: found.json_path,
        };
        let found = self.fields(scope, params).await?;
        found.try_map(|found| Ok(found.into_iter().take(params.limit).map(field).collect()))
    }

    /// Values that a field has in the newest lines, sorted.
    pub async fn detected_values(
        &self,
        scope: &Scope,
        name: &str,
        params: &FieldParams,
    ) -> Result<Answer<Vec<String>>, Error> {
        let values = |found: Found| found.values.into_iter().take(params.limit).collect();
        let found = self.fields(scope, params).await?;
        found.try_map(|mut found| Ok(found.remove(name).map(values).unwrap_or_default()))
    }

    async fn fields(&self, scope: &Scope, params: &FieldParams) -> Result<Answer<BTreeMap<String, Found>>, Error> {
        let expr = logql::parse(&params.query)?;
        expr.validate_for_query()?;
        if matches!(expr, Expr::Metric(_)) {
            return Err(Error::invalid("fields are found in lines: want a log query, a selector and its pipeline"));
        }
        let asked = Params {
            query: params.query.clone(),
            start: params.range.start,
            end: params.range.end,
            step: std::time::Duration::from_secs(1),
            interval: std::time::Duration::ZERO,
            limit: params.lines,
            direction: Direction::Backward,
        };
        self.query_range(scope, &asked).await?.try_map(|data| {
            let Data::Streams(streams) = data else { return Err(Error::internal("a log query gave series")) };
            let mut prober = Prober::new()?;
            let mut fields = BTreeMap::new();
            for stream in &streams {
                stream.entries.iter().for_each(|entry| prober.add(&stream.labels, entry, &mut fields));
            }
            Ok(fields)
        })
    }
}

/// What is known of a field.
#[derive(Debug, Default)]
struct Found {
    values: BTreeSet<String>,
    parsers: BTreeSet<&'static str>,
    json_path: Vec<String>,
}

/// Looks what parsers would make of a line.
#[derive(Debug)]
struct Prober {
    json: Pipeline,
    logfmt: Pipeline,
}

impl Prober {
    fn new() -> Result<Self, Error> {
        let compile = |query: &str| match logql::parse(query)? {
            Expr::Log(LogExpr { stages, .. }) => Pipeline::compile(&stages, &Wanted::All, &Arc::default()),
            Expr::Metric(_) => Err(Error::internal("a parser is no metric")),
        };
        Ok(Self { json: compile("{} | json")?, logfmt: compile("{} | logfmt")? })
    }

    fn add(&mut self, stream: &Labels, entry: &LogEntry, fields: &mut BTreeMap<String, Found>) {
        let is_error = |name: &str| name == ERROR || name == ERROR_DETAILS;
        for (name, value) in entry.metadata.iter().chain(&entry.parsed).filter(|(name, _)| !is_error(name)) {
            fields.entry(name.clone()).or_default().values.insert(value.clone());
        }
        let mut row = Row { line: entry.line.as_str().into(), ..Row::new(stream, entry.timestamp.0) };
        entry.metadata.iter().for_each(|(name, value)| row.labels.add_metadata(name, value));
        let is_json = entry.line.trim_start().starts_with('{') && self.json.apply(&mut row) && !row.labels.has_failed();
        if !is_json {
            row.labels.reset(stream);
            entry.metadata.iter().for_each(|(name, value)| row.labels.add_metadata(name, value));
            self.logfmt.apply(&mut row);
        }
        let paths = if is_json { json_paths(&entry.line) } else { BTreeMap::new() };
        for (name, value, source) in row.labels.iter() {
            if source != Source::Parsed || is_error(name) || value.is_empty() {
                continue;
            }
            let found = fields.entry(name.to_owned()).or_default();
            found.values.insert(value.to_owned());
            found.parsers.insert(if is_json { "json" } else { "logfmt" });
            if let Some(path) = paths.get(name.strip_suffix("_extracted").unwrap_or(name)) {
                found.json_path.clone_from(path);
            }
        }
    }
}

/// Where each field stands in an object, by the name of its label.
fn json_paths(line: &str) -> BTreeMap<String, Vec<String>> {
    let mut paths = BTreeMap::new();
    if let Ok(value) = serde_json::from_str::<Value>(line) {
        walk(&value, &mut Vec::new(), &mut String::new(), &mut paths);
    }
    paths
}

fn walk(value: &Value, path: &mut Vec<String>, name: &mut String, paths: &mut BTreeMap<String, Vec<String>>) {
    let Value::Object(object) = value else {
        paths.entry(name.clone()).or_insert_with(|| path.clone());
        return;
    };
    if MAX_DEPTH < path.len() {
        return;
    }
    for (key, value) in object {
        let before = name.len();
        crate::pipeline::push_sanitized(name, key);
        path.push(key.clone());
        walk(value, path, name, paths);
        path.pop();
        name.truncate(before);
    }
}
