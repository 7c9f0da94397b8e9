//! LogQL by its definition: row by row, point by point, over a list of lines. Nothing of the engine is used but the
//! parser of queries and the interpreter of templates, which have tests of their own.

mod json;
mod logfmt;
mod metric;

use std::collections::BTreeMap;
use std::net::IpAddr;

use logql::ast::{
    Json, LabelFilter, LabelSource, LabelValue, LineFilter, Logfmt, Matcher, NamedLabel, Needle, Parser, Stage,
    ValueTest,
};
use logql::{ByteCount, LogExpr, Nanos, PatternPart};

use self::json::Found;
pub(super) use self::metric::{Vector, points};
use super::world::Line;

/// Where a label came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Stream,
    Metadata,
    Parsed,
}

/// A line with its labels, on its way.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) time: i64,
    pub(super) line: String,
    labels: BTreeMap<String, (String, Source)>,
    /// Names of the stream's own labels, removed or not.
    stream: Vec<String>,
}

impl template::Fields for Row {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(|(value, _)| value.as_str())
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        self.labels.iter().map(|(name, (value, _))| (name.as_str(), value.as_str())).collect()
    }

    fn line(&self) -> &str {
        &self.line
    }

    fn time_ns(&self) -> i64 {
        self.time
    }

    fn now_ns(&self) -> i64 {
        0
    }
}

/// The lines that a log query keeps, oldest first.
pub(super) fn rows(log: &LogExpr, lines: &[Line]) -> Vec<Row> {
    let stages = reordered(&log.stages);
    let mut rows: Vec<Row> = lines.iter().map(Row::new).collect();
    rows.sort_by_key(|row| row.time);
    rows.retain(|row| log.selector.matchers.iter().all(|matcher| accepts(matcher, row.get(&matcher.name))));
    rows.retain_mut(|row| stages.iter().all(|stage| row.passes(stage)));
    rows
}

/// A line filter changes places with what stands before it until nothing does that it may not pass.
fn reordered(stages: &[Stage]) -> Vec<Stage> {
    let mut stages = stages.to_vec();
    let may_pass = |stage: &Stage| match stage {
        Stage::Parser(parser) => !matches!(parser, Parser::Unpack(_)),
        Stage::LabelFormat(_) | Stage::Decolorize(_) | Stage::Drop(_) | Stage::Keep(_) => true,
        Stage::LineFilter(_) | Stage::LabelFilter(_) | Stage::LineFormat(_) => false,
    };
    while let Some(at) =
        stages.windows(2).position(|pair| may_pass(&pair[0]) && matches!(pair[1], Stage::LineFilter(_)))
    {
        stages.swap(at, at + 1);
    }
    stages
}

fn accepts(matcher: &Matcher, value: &str) -> bool {
    match &matcher.test {
        ValueTest::Equal(want) => value == want,
        ValueTest::NotEqual(want) => value != want,
        ValueTest::Match(regex) => regex.full_matcher().is_match(value),
        ValueTest::NotMatch(regex) => !regex.full_matcher().is_match(value),
    }
}

impl Row {
    fn new(line: &Line) -> Self {
        let own = logline::Labels::parse(&line.labels).unwrap();
        let mut labels: BTreeMap<_, _> =
            own.iter().map(|(name, value)| (name.to_owned(), (value.to_owned(), Source::Stream))).collect();
        let stream: Vec<_> = own.iter().map(|(name, _)| name.to_owned()).collect();
        for (name, value) in &line.metadata {
            let name = if stream.contains(name) { format!("{name}_extracted") } else { name.clone() };
            labels.insert(name, (value.clone(), Source::Metadata));
        }
        Self { time: line.nanos(), line: line.text.clone(), labels, stream }
    }

    /// All labels as text; what `__error_details__` says is not defined anywhere.
    pub(super) fn shown(&self) -> BTreeMap<String, String> {
        let pairs = self.labels.iter().filter(|(name, _)| *name != "__error_details__");
        pairs.map(|(name, (value, _))| (name.clone(), value.clone())).collect()
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", |(value, _)| value)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.labels.insert(name.to_owned(), (value.to_owned(), Source::Parsed));
    }

    pub(super) fn fail(&mut self, error: &str) {
        self.set("__error__", error);
        self.set("__error_details__", "some");
    }

    /// What a parser found: stream and metadata keep their names, and the first parser keeps its.
    fn extract(&mut self, name: &str, value: &str) {
        let is_metadata = self.labels.get(name).is_some_and(|(_, source)| *source == Source::Metadata);
        let name = if self.stream.iter().any(|own| own == name) || is_metadata {
            format!("{name}_extracted")
        } else {
            name.to_owned()
        };
        if self.labels.get(&name).is_none_or(|(_, source)| *source != Source::Parsed) {
            self.set(&name, value);
        }
    }

    fn passes(&mut self, stage: &Stage) -> bool {
        match stage {
            Stage::LineFilter(filter) => return line_filter(filter, &self.line),
            Stage::LabelFilter(filter) => return self.label_filter(filter),
            Stage::Parser(parser) => self.parse(parser),
            Stage::LineFormat(format) => {
                match template::Template::parse(&format.template).unwrap().render(self) {
                    Ok(line) => self.line = line,
                    Err(_) => self.fail("TemplateFormatErr"),
                };
            }
            Stage::LabelFormat(formats) => {
                for format in &formats.labels {
                    match &format.source {
                        LabelSource::Rename(from) => {
                            if let Some((value, _)) = self.labels.remove(from) {
                                self.set(&format.name, &value);
                            }
                        }
                        LabelSource::Template(text) => match template::Template::parse(text).unwrap().render(self) {
                            Ok(value) => self.set(&format.name, &value),
                            Err(_) => self.fail("TemplateFormatErr"),
                        },
                    }
                }
            }
            Stage::Decolorize(_) => {
                while let Some(start) = self.line.find("\u{1b}[") {
                    let end = self.line.get(start..).unwrap().find('m').unwrap();
                    self.line.replace_range(start..=start + end, "");
                }
            }
            Stage::Drop(names) => {
                self.labels.retain(|name, (value, _)| !names.labels.iter().any(|n| named(n, name, value)))
            }
            Stage::Keep(names) => self.labels.retain(|name, (value, _)| {
                name.starts_with("__error") || names.labels.iter().any(|n| named(n, name, value))
            }),
        }
        true
    }

    pub(super) fn label_filter(&mut self, filter: &LabelFilter) -> bool {
        match filter {
            LabelFilter::All(parts) => parts.iter().all(|part| self.label_filter(part)),
            LabelFilter::Any(parts) => parts.iter().any(|part| self.label_filter(part)),
            LabelFilter::Match(matcher) => accepts(matcher, self.get(&matcher.name)),
            LabelFilter::Compare(_) | LabelFilter::Ip { .. } if self.labels.contains_key("__error__") => true,
            LabelFilter::Compare(test) => {
                let Some((value, _)) = self.labels.get(&test.name) else { return false };
                let holds = match &test.value {
                    LabelValue::Number(right) => value.parse().ok().map(|left: f64| test.compare.holds(&left, right)),
                    LabelValue::Duration(right) => Nanos::parse_go(value).map(|left| test.compare.holds(&left, right)),
                    LabelValue::Bytes(right) => ByteCount::parse(value).map(|left| test.compare.holds(&left, right)),
                };
                if holds.is_none() {
                    self.fail("LabelFilterErr");
                }
                holds.unwrap_or(true)
            }
            LabelFilter::Ip { name, negated, set, .. } => {
                self.labels.get(name).is_some_and(|(value, _)| addresses(value).any(|ip| set.contains(ip)) != *negated)
            }
        }
    }

    fn parse(&mut self, parser: &Parser) {
        let line = self.line.clone();
        match parser {
            Parser::Json(json) => self.json(json, &line),
            Parser::Logfmt(logfmt) => self.logfmt(logfmt, &line),
            Parser::Regexp(regex, _) => {
                let regex = regex.searcher();
                let mut captures = regex.create_captures();
                regex.captures(&line, &mut captures);
                for (_, index, name) in captures.group_info().all_names() {
                    if let (Some(name), true) = (name, captures.is_match()) {
                        self.extract(
                            name,
                            captures.get_group(index).map_or("", |span| line.get(span.range()).unwrap()),
                        );
                    }
                }
            }
            Parser::Pattern(pattern, _) => self.pattern(pattern.parts(), &line),
            Parser::Facts(_) => {
                let reader = logline::Reader::default();
                let record = reader.read(&line, &logline::Context::default());
                let told = [("kind", record.kind().map_or("", logline::Kind::as_str)), ("endpoint", record.endpoint())];
                told.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| self.extract(name, value));
                for field in record.fields().iter().filter(|field| field.key != "body" && field.key != "headers") {
                    let name = field.key.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
                    self.extract(&name, field.value.as_str());
                }
            }
            Parser::Unpack(_) if line.is_empty() => {}
            Parser::Unpack(_) => match serde_json::from_str::<serde_json::Value>(&line) {
                Ok(serde_json::Value::Object(pairs)) => {
                    let Some(entry) = pairs.get("_entry").and_then(|entry| entry.as_str()) else { return };
                    entry.clone_into(&mut self.line);
                    for (name, value) in pairs.iter().filter(|(name, _)| *name != "_entry") {
                        value.as_str().into_iter().for_each(|value| self.extract(name, value));
                    }
                }
                _ => self.fail("JSONParserErr"),
            },
        }
    }

    fn json(&mut self, json: &Json, line: &str) {
        let read = json::read(line);
        if json.fields.is_empty() {
            let (pairs, is_whole) = read.flat();
            pairs.iter().for_each(|(name, value)| self.extract(name, value));
            if !is_whole {
                self.fail("JSONParserErr");
            }
            return;
        }
        if line.is_empty() {
            return;
        }
        if !line.starts_with(['{', '[', '"']) {
            return self.fail("JSONParserErr");
        }
        for field in &json.fields {
            match read.at(&field.source) {
                Found::Text(text) => {
                    self.extract(&field.name, &text);
                    continue;
                }
                Found::Broken => self.fail("JSONParserErr"),
                Found::Nothing => {}
            }
            if !self.labels.contains_key(&field.name) {
                self.set(&field.name, "");
            }
        }
    }

    fn logfmt(&mut self, logfmt: &Logfmt, line: &str) {
        let mut pairs = Vec::new();
        for pair in logfmt::pairs(line) {
            match pair {
                Some((name, value)) => pairs.push((named_anew(&name, true), value)),
                None if logfmt.flags.strict => {
                    self.fail("LogfmtParserErr");
                    break;
                }
                None => {}
            }
        }
        if logfmt.fields.is_empty() {
            for (name, value) in pairs.iter().filter(|(_, value)| logfmt.flags.keep_empty || !value.is_empty()) {
                self.extract(name, value);
            }
        }
        for field in &logfmt.fields {
            match pairs.iter().rfind(|(name, _)| *name == field.source) {
                Some((_, value)) => self.extract(&field.name, value),
                None if self.stream.contains(&field.name) => {}
                None => self.set(&field.name, ""),
            }
        }
    }

    fn pattern(&mut self, parts: &[PatternPart], line: &str) {
        let mut rest = line;
        let mut parts = parts;
        if let [PatternPart::Literal(literal), others @ ..] = parts {
            let Some(after) = rest.strip_prefix(literal.as_str()) else { return };
            (rest, parts) = (after, others);
        }
        for pair in parts.chunks(2) {
            let PatternPart::Capture(name) = &pair[0] else { unreachable!() };
            let split = match pair.get(1) {
                Some(PatternPart::Literal(literal)) => rest.split_once(literal.as_str()),
                _ => None,
            };
            let value = split.map_or(rest, |(value, _)| value);
            name.iter().for_each(|name| self.extract(name, value));
            let Some((_, after)) = split else { return };
            rest = after;
        }
    }
}

fn named(label: &NamedLabel, name: &str, value: &str) -> bool {
    match label {
        NamedLabel::Name(wanted) => wanted == name,
        NamedLabel::Match(matcher) => matcher.name == name && accepts(matcher, value),
    }
}

/// A name as labels may have it: only the first may not begin with a digit.
fn named_anew(name: &str, is_first: bool) -> String {
    let is_led_by_digit = is_first && name.starts_with(|c: char| c.is_ascii_digit());
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if is_led_by_digit { format!("_{name}") } else { name }
}

/// A port behind an address and a full stop do not hide it.
fn addresses(text: &str) -> impl Iterator<Item = IpAddr> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':'));
    words.filter_map(|word| {
        let word = word.trim_end_matches('.');
        word.parse().ok().or_else(|| word.split(':').next().and_then(|word| word.parse().ok()))
    })
}

fn line_filter(filter: &LineFilter, line: &str) -> bool {
    let found = filter.needles.iter().any(|needle| match needle {
        Needle::Text(text) => line.contains(text.as_str()),
        Needle::Regex(regex) => regex.searcher().is_match(line),
        Needle::Ip(set) => addresses(line).any(|ip| set.contains(ip)),
        Needle::Pattern(pattern) => pattern_stands(pattern.parts(), line),
    });
    found != filter.negated
}

/// Literals in order, each at the first place it has, at least one byte where a capture is; the end is anchored.
fn pattern_stands(parts: &[PatternPart], line: &str) -> bool {
    let mut at = 0;
    for (index, part) in parts.iter().enumerate() {
        let PatternPart::Literal(text) = part else { continue };
        let stands = |from: &usize| line.get(*from..).is_some_and(|rest| rest.starts_with(text.as_str()));
        let Some(from) = (at..line.len()).find(stands) else { return false };
        if index > 0 && from == at {
            return false;
        }
        at = from + text.len();
    }
    match parts.last() {
        Some(PatternPart::Capture(_)) => at < line.len(),
        Some(PatternPart::Literal(_)) | None => at == line.len(),
    }
}
