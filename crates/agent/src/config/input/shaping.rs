//! The keys of an input that shape its events: joins, fields, labels from them, and what is dropped.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use logline::{Format, Level};
use regex::Regex;
use stdx::{ByteSize, Settings};

use super::check_label;
use crate::join::{By, Join, Language};
use crate::shape::{Captures, Condition, Parser, Rule, Shape, TimeFormat};

/// How lines become events; `None` for a line each.
pub(super) fn join(settings: &mut Settings, key: &str) -> Option<Join> {
    let of = |name: &str| format!("{key}.{name}");
    let doc = "Stack traces that stay with the line before them: `java`, `csharp`, `python`, `go`.";
    let names: Vec<String> = settings.or(&of("join"), Vec::new(), doc);
    let known = |name: &String| Language::ALL.into_iter().find(|(known, _)| known == name);
    if let Some(unknown) = names.iter().find(|name| known(name).is_none()) {
        let all = Language::ALL.map(|(name, _)| format!("`{name}`")).join(", ");
        settings.problem(&of("join"), format!("has `{unknown}`, which is none of {all}"));
    }
    let start =
        pattern(settings, &of("join_start"), "A line that matches begins an event, any other one goes on with it.");
    let next = pattern(settings, &of("join_next"), "A line that matches goes on with the event before it.");
    let doc = "An event to which nothing was added for this long is complete.";
    let timeout = settings.or(&of("join_timeout"), Duration::from_secs(1), doc);
    let doc = "An event of this size is complete; what follows begins another.";
    let max = settings.or(&of("join_max_bytes"), ByteSize(256 << 10), doc);
    if !(1 << 10..=1 << 20).contains(&max.0) {
        settings.problem(&of("join_max_bytes"), "must be 1KiB to 1MiB");
    }
    let languages: Vec<_> = names.iter().filter_map(known).map(|(_, language)| language).collect();
    let by = match (languages.is_empty(), start, next) {
        (true, None, None) => return None,
        (false, None, None) => By::Traces(languages),
        (true, Some(start), None) => By::Start(start),
        (true, None, Some(next)) => By::Next(next),
        _ => {
            settings.problem(&of("join"), "stands beside `join_start` or `join_next`; set one of the three");
            By::Nothing
        }
    };
    Some(Join { by, timeout, max_bytes: max.as_usize() })
}

/// What is made of an event's fields.
pub(super) fn shape(settings: &mut Settings, key: &str, timezone: TimeZone) -> Shape {
    let of = |name: &str| format!("{key}.{name}");
    let doc = "`auto`: fields of the house format, JSON or logfmt, whichever a line is; `house`, `json`, `logfmt`: of that \
               format only; `none`: a line is text only.";
    let words = ["auto", "house", "json", "logfmt", "none"].map(|word| (word, word));
    let parser = match settings.choice(&of("parser"), &words, "auto", doc).unwrap_or("auto") {
        "house" => Parser::Only(Format::House),
        "json" => Parser::Only(Format::Json),
        "logfmt" => Parser::Only(Format::Logfmt),
        "none" => Parser::Nothing,
        _ => Parser::Auto,
    };
    let doc = "A pattern whose named groups are the fields, instead of `parser`; `time` and `level` have their meaning, the \
               others become metadata.";
    let regexp: Option<String> = settings.optional(&of("regexp"), doc);
    let regexp = regexp.and_then(|text| match Captures::new(&text) {
        Ok(captures) if !captures.names().is_empty() => Some(captures),
        Ok(_) => {
            settings.problem(&of("regexp"), "names no group; want `(?<name>…)`");
            None
        }
        Err(error) => {
            settings.problem(&of("regexp"), no_pattern(&error));
            None
        }
    });
    let parser = regexp.map_or(parser, Parser::Regexp);
    let doc = "The field with the time, where it is not one that the format knows.";
    let time_field = settings.optional(&of("time_field"), doc);
    let doc =
        "How the time is written, as in strftime: `%d/%b/%Y:%H:%M:%S %z`; without it RFC 3339 or a number since 1970.";
    let time_format: Option<String> = settings.optional(&of("time_format"), doc);
    let time_format = time_format.map_or(TimeFormat::Usual, TimeFormat::Pattern);
    let doc = "Labels by fields: `{ env = \"environment\" }`; an event without the field has none.";
    let labels: Vec<_> = settings.map::<String>(&of("label_fields"), doc).into_iter().collect();
    let doc = "Structured metadata by fields: `{ trace_id = \"trace_id\" }`.";
    let metadata: Vec<_> = settings.map::<String>(&of("metadata_fields"), doc).into_iter().collect();
    for (table, fields) in [("label_fields", &labels), ("metadata_fields", &metadata)] {
        for (name, field) in fields {
            let key = of(&format!("{table}.{name}"));
            check_label(settings, &key, name);
            if field.trim().is_empty() {
                settings.problem(&key, "names no field; want such as \"trace_id\"");
            }
        }
    }
    let rules = settings.tables(&of("rule")).iter().map(|key| rule(settings, key)).collect();
    let context = logline::Context { timezone };
    Shape { parser, time_field, time_format, labels, metadata, rules, context }
}

fn rule(settings: &mut Settings, key: &str) -> Rule {
    let of = |name: &str| format!("{key}.{name}");
    let name: Option<String> = settings.required(&of("name"), "What dropped events are counted under.");
    let regexp = pattern(settings, &of("regexp"), "The event's text must match.");
    let fields = settings.map(&of("fields"), "Fields that must have these values.").into_iter().collect();
    let doc = "The event's level must be this or lower: `trace`, `debug`, `info`, `warn`, `error`.";
    let max_level: Option<String> = settings.optional(&of("max_level"), doc);
    let max_level = max_level.map(|word| (Level::parse(&word), word)).and_then(|(level, word)| {
        if level == Level::Unknown {
            settings.problem(&of("max_level"), format!("is `{word}`, which is no level"));
        }
        Some(level).filter(|level| *level != Level::Unknown)
    });
    let doc = "The share of matching events that is kept, 0 to 1; events of one trace are kept or dropped together.";
    let keep: f64 = settings.or(&of("keep"), 0.0, doc);
    if !(0.0..=1.0).contains(&keep) {
        settings.problem(&of("keep"), "must be 0 to 1");
    }
    let when = Condition { regexp, fields, max_level };
    if when.regexp.is_none() && when.fields.is_empty() && when.max_level.is_none() {
        settings.problem(&of("name"), "stands over a rule without a condition; want `regexp`, `fields` or `max_level`");
    }
    Rule { name: name.unwrap_or_default().into(), when, keep, seen: Arc::default() }
}

fn pattern(settings: &mut Settings, key: &str, doc: &'static str) -> Option<Regex> {
    let text: String = settings.optional(key, doc)?;
    Regex::new(&text).map_err(|error| settings.problem(key, no_pattern(&error))).ok()
}

/// What is wrong with a pattern, in one line.
fn no_pattern(error: &regex::Error) -> String {
    let text = error.to_string();
    let reason = text.lines().last().unwrap_or_default();
    format!("is no pattern: {}", reason.strip_prefix("error: ").unwrap_or(reason))
}
