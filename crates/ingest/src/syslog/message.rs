//! Reads one message: priority, time, host, program, structured data, text.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use logline::{Entry, Timestamp};

use super::stamp;
use crate::fields::Fields;

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
/// By severity, 0 to 7, in Loki's words.
const LEVELS: [&str; 8] = ["fatal", "critical", "critical", "error", "warn", "info", "info", "debug"];
/// Parameters of structured data that are kept.
const MAX_PARAMS: usize = 100;

/// Reads a message of any dialect. The line is its text; `level`, `facility`, `host`, `app`, `pid`, `msgid` and
/// structured data (`origin_ip` for `[origin ip="…"]`) become metadata. `zone` counts where the time has none; a message
/// without a time has `now`.
pub fn message(bytes: &[u8], zone: &TimeZone, now: Timestamp) -> Entry {
    let text = String::from_utf8_lossy(bytes);
    let mut fields = Fields::default();
    let Some((priority, rest)) = priority(&text) else {
        return Entry { timestamp: now, line: text.into_owned(), metadata: Vec::new() };
    };
    let at = |table: &[&'static str], index: usize| table.get(index).copied().unwrap_or_default();
    fields.set("facility", at(&FACILITIES, usize::from(priority / 8)));
    fields.set("level", at(&LEVELS, usize::from(priority % 8)));
    let (timestamp, line) = new(rest, zone, &mut fields).unwrap_or_else(|| old(rest, zone, now, &mut fields));
    let line = line.strip_prefix('\u{feff}').unwrap_or(&line).to_owned();
    Entry { timestamp: timestamp.unwrap_or(now), line, metadata: fields.finish() }
}

/// `<13>`: at most 191.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    let good = !number.is_empty() && number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|number: &u8| good && *number <= 191)?;
    Some((number, rest))
}

/// RFC 5424; `None` if it is not.
fn new<'a>(text: &'a str, zone: &TimeZone, fields: &mut Fields) -> Option<(Option<Timestamp>, Cow<'a, str>)> {
    let (version, rest) = text.split_once(' ')?;
    if version.is_empty() || version.len() > 2 || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (time, rest) = match rest.strip_prefix("- ") {
        Some(rest) => (None, rest),
        None => stamp::iso(rest, zone).map(|(time, rest)| (Some(time), rest))?,
    };
    let mut rest = rest;
    for name in ["host", "app", "pid", "msgid"] {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if word != "-" {
            fields.set(name, word);
        }
        rest = after;
    }
    let line = match rest.strip_prefix('-') {
        Some(line) => line,
        None => structured(rest, fields),
    };
    let line = line.strip_prefix(' ').unwrap_or(line);
    // rsyslog leaves the blank of the old form before the text.
    Some((time, Cow::Borrowed(line.strip_prefix(' ').unwrap_or(line))))
}

/// `[id name="value" …][…]`; gives what follows it. Where it is broken, the rest is text.
fn structured<'a>(text: &'a str, fields: &mut Fields) -> &'a str {
    let mut rest = text;
    let mut left = MAX_PARAMS;
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.find([' ', ']']).unwrap_or(element.len());
        let (id, mut inner) = element.split_at(end);
        loop {
            inner = inner.trim_start_matches(' ');
            if let Some(after) = inner.strip_prefix(']') {
                rest = after;
                break;
            }
            let Some((name, value, after)) = param(inner) else { return rest };
            if left > 0 {
                left -= 1;
                let id = id.split('@').next().unwrap_or(id);
                fields.set(&format!("{id}_{name}"), &value);
            }
            inner = after;
        }
    }
    rest
}

/// `name="value"`, where `\"`, `\\` and `\]` stand for the second character.
fn param(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once("=\"")?;
    if name.contains([' ', ']', '"']) {
        return None;
    }
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, value, rest.get(at + 1..)?)),
            '\\' => match chars.next()? {
                (_, c @ ('"' | '\\' | ']')) => value.push(c),
                (_, c) => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    None
}

/// RFC 3164 and what goes by its name.
fn old<'a>(text: &'a str, zone: &TimeZone, now: Timestamp, fields: &mut Fields) -> (Option<Timestamp>, Cow<'a, str>) {
    let text = text.trim_start_matches(' ');
    let read = |text: &'a str| stamp::iso(text, zone).or_else(|| stamp::old(text, zone, now));
    if let Some((time, rest)) = read(text) {
        return (Some(time), header(rest, fields));
    }
    // Cisco: a sequence number, perhaps a host, a mark of the clock, and the colon behind the time.
    let mut rest = text;
    for _ in 0..3 {
        let Some((word, after)) = rest.split_once(": ") else { break };
        if word.contains(' ') {
            break;
        }
        rest = after.trim_start_matches(['*', '.']);
        if let Some((time, line)) = read(rest) {
            return (Some(time), Cow::Borrowed(cisco(line)));
        }
    }
    (None, header_without_host(text, fields))
}

/// Skips the zone and the colon that may stand between a Cisco time and the text.
fn cisco(line: &str) -> &str {
    match line.split_once(": ") {
        Some((zone, rest)) if zone.len() <= 5 && zone.bytes().all(|byte| byte.is_ascii_uppercase()) => rest,
        _ => line.trim_start_matches([':', ' ']),
    }
}

/// `host tag[pid]: text`, where the host may be missing.
fn header<'a>(text: &'a str, fields: &mut Fields) -> Cow<'a, str> {
    let text = text.trim_start_matches(' ');
    let Some((host, rest)) = text.split_once(' ') else { return header_without_host(text, fields) };
    if host.ends_with(':') || host.contains('[') && host.ends_with(']') {
        return header_without_host(text, fields);
    }
    fields.set("host", host);
    header_without_host(rest, fields)
}

/// `tag[pid]: text`; all of it is text where there is no such tag.
fn header_without_host<'a>(text: &'a str, fields: &mut Fields) -> Cow<'a, str> {
    let tagged = text.split_once(':').filter(|(tag, _)| !tag.is_empty() && tag.len() <= 64 && !tag.contains(' '));
    let Some((tag, rest)) = tagged else { return Cow::Borrowed(text) };
    if rest.starts_with("//") || tag.starts_with(['{', '[', '"', '%']) {
        return Cow::Borrowed(text);
    }
    match tag.split_once('[').and_then(|(name, pid)| Some((name, pid.strip_suffix(']')?))) {
        Some((name, pid)) => {
            fields.set("app", name);
            fields.set("pid", pid);
        }
        None => fields.set("app", tag),
    }
    Cow::Borrowed(rest.strip_prefix(' ').unwrap_or(rest))
}

#[cfg(test)]
mod tests;
