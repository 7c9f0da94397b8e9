//! Fluent Bit's parsers and multi-line parsers.

use std::collections::BTreeMap;

use regex::Regex;

use super::Section;
use super::fluent_bit::Plugin;

/// What the settings define beside inputs and outputs.
#[derive(Debug, Default)]
pub(super) struct Parsers {
    parsers: BTreeMap<String, Plugin>,
    multiline: BTreeMap<String, Plugin>,
}

/// One state of a multi-line parser: its name, its pattern, the state behind it.
struct Rule {
    state: String,
    pattern: String,
}

impl Parsers {
    /// Takes the section, if it defines a parser.
    pub(super) fn take(&mut self, plugin: Plugin) -> Option<Plugin> {
        let list = match plugin.what.as_str() {
            "parser" => &mut self.parsers,
            "multiline_parser" => &mut self.multiline,
            _ => return Some(plugin),
        };
        list.insert(plugin.name().to_ascii_lowercase(), plugin);
        None
    }

    /// Writes what a parser of this name does into an input; what is wrong where it cannot.
    pub(super) fn apply(&self, name: &str, section: &mut Section) -> Result<(), String> {
        let known = name.to_ascii_lowercase();
        if let Some(parser) = self.multiline.get(&known) {
            return multiline(parser, section);
        }
        if let Some(parser) = self.parsers.get(&known) {
            return parse(parser, section);
        }
        match known.as_str() {
            "docker" | "cri" | "containerd" => section.set("container", true),
            "java" | "python" | "go" => section.push("join", known.as_str()),
            "json" | "logfmt" => section.set("parser", known.as_str()),
            _ => return Err(format!("parser `{name}` is not in this file: write it as `regexp` or `join_start`")),
        }
        Ok(())
    }
}

fn parse(parser: &Plugin, section: &mut Section) -> Result<(), String> {
    let name = parser.name();
    match parser.get("format").unwrap_or_default().to_ascii_lowercase().as_str() {
        "regex" => section.set("regexp", pattern(parser.get("regex").unwrap_or_default()).map_err(in_parser(name))?),
        format @ ("json" | "logfmt") => section.set("parser", format),
        format => return Err(format!("format `{format}` of parser `{name}`")),
    }
    if let Some(field) = parser.get("time_key") {
        section.set("time_field", field);
    }
    if let Some(format) = parser.get("time_format") {
        // Fractions of a second are `%L` with them.
        section.set("time_format", format.replace(".%L", "%.f").replace("%L", "%f"));
    }
    if let Some((hours, minutes)) = parser.get("time_offset").and_then(|offset| offset.split_at_checked(3)) {
        section.set("timezone", format!("{hours}:{}", minutes.trim_start_matches(':')));
    }
    Ok(())
}

fn in_parser(name: &str) -> impl Fn(String) -> String {
    move |problem| format!("parser `{name}`: {problem}")
}

fn multiline(parser: &Plugin, section: &mut Section) -> Result<(), String> {
    let name = parser.name();
    let kind = parser.get("type").unwrap_or("regex");
    if !kind.eq_ignore_ascii_case("regex") {
        return Err(format!("type `{kind}` of multi-line parser `{name}`"));
    }
    let rules: Vec<_> = parser.all("rule").filter_map(rule).collect();
    let is_start = |rule: &&Rule| rule.state == "start_state";
    let next: Result<Vec<_>, _> =
        rules.iter().filter(|rule| !is_start(rule)).map(|rule| pattern(&rule.pattern)).collect();
    let start = rules.iter().find(is_start).map(|rule| pattern(&rule.pattern));
    match (next, start) {
        // What goes on is told; a line that is neither stands alone, as with them.
        (Ok(next), _) if !next.is_empty() => {
            let parts: Vec<_> = next.iter().map(|pattern| format!("(?:{pattern})")).collect();
            section.set("join_next", if next.len() == 1 { next.concat() } else { parts.join("|") });
        }
        (_, Some(Ok(start))) => section.set("join_start", start),
        (Err(problem), _) | (_, Some(Err(problem))) => return Err(in_parser(name)(problem)),
        (Ok(_), None) => return Err(format!("multi-line parser `{name}` has no rules")),
    }
    if let Some(millis) = parser.get("flush_timeout") {
        section.set("join_timeout", format!("{millis}ms"));
    }
    Ok(())
}

/// `"start_state" "/pattern/" "next"`.
fn rule(text: &str) -> Option<Rule> {
    let parts = Regex::new(r#"^\s*"?([^"\s]+)"?\s+"?/?(.*?)/?"?\s+"?([^"\s]+)"?\s*$"#).ok()?;
    let parts = parts.captures(text)?;
    Some(Rule { state: parts[1].to_owned(), pattern: parts[2].to_owned() })
}

/// A pattern of Ruby's as one of ours, where it means the same.
pub(super) fn pattern(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')).unwrap_or(text);
    // They stand for one digit of hexadecimal; `/` needs no escape.
    let ours = text.replace(r"\h", "[0-9a-fA-F]").replace(r"\/", "/");
    Regex::new(&ours)
        .map(|_| ours)
        .map_err(|_| format!("the pattern `{text}` is not one of ours (no look-around, no references)"))
}
