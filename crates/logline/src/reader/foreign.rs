//! Reads the same facts from JSON and logfmt lines, by the names that stand in the aliases, and from free text by rules.

use std::borrow::Cow;

use super::{Context, Reader, value};
use crate::aliases::{NameHash, Target};
use crate::json::Members;
use crate::key::Key;
use crate::record::http_status;
use crate::scan::{Fields, Raw, Token};
use crate::{Defect, Format, Kind, Record, Value, time};

/// How deep a nested object is searched for the facts.
const SEARCHED: u32 = 3;

/// Whether a text is `key=value …`: its first word must be a field with a name of letters, digits, `_`, `.`, `-`, `@`.
pub(crate) fn is_logfmt(text: &str) -> bool {
    let name = text.trim_ascii_start().bytes().position(|byte| !is_name(byte));
    name.is_some_and(|end| 0 < end && text.trim_ascii_start().as_bytes().get(end) == Some(&b'='))
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@')
}

/// What is put together from several members once all are read.
struct Foreign<'a, 'c> {
    record: Record<'a>,
    context: &'c Context,
    method: Option<Cow<'a, str>>,
    endpoint: Option<Cow<'a, str>>,
}

impl Reader {
    pub(super) fn json<'a>(&'a self, line: &'a str, context: &Context) -> Option<Record<'a>> {
        let members = Members::new(line, self.config.limits.depth)?;
        let mut foreign = Foreign::new(Format::Json, context);
        self.take(&mut foreign, members, NameHash::EMPTY, SEARCHED);
        Some(self.finish(foreign))
    }

    pub(super) fn logfmt<'a>(&'a self, line: &'a str, context: &Context) -> Option<Record<'a>> {
        if !is_logfmt(line) {
            return None;
        }
        let mut foreign = Foreign::new(Format::Logfmt, context);
        self.take(&mut foreign, Fields::new(line.trim_ascii_start(), self.config.limits.depth), NameHash::EMPTY, 1);
        Some(self.finish(foreign))
    }

    /// Reads free text by the rules of the configuration.
    pub(super) fn extracted<'a>(&'a self, line: &'a str, service: &str, context: &Context) -> Option<Record<'a>> {
        let mut foreign = Foreign::new(Format::Extracted, context);
        foreign.record.words = Cow::Borrowed(line);
        let (record, has_facts) = self.extract(foreign, &Cow::Borrowed(line), service);
        has_facts.then_some(record)
    }

    /// Adds to a JSON or logfmt line, which by its own names tells of no object and no call, what its message tells; to
    /// a logfmt line, which may as well be words behind a field (`step=7 Order 4711 moved to PAID`), what the whole tells.
    pub(super) fn with_message<'a>(
        &'a self,
        record: Record<'a>,
        line: &'a str,
        service: &str,
        context: &Context,
    ) -> Record<'a> {
        let is_silent = || record.kind.is_none() && record.entities().next().is_none();
        if self.config.extraction.is_empty() || !is_silent() {
            return record;
        }
        let message = record.known(Key::Msg).map(Value::as_cow);
        let whole = (record.format == Format::Logfmt).then_some(Cow::Borrowed(line));
        let mut foreign = Foreign { record, ..Foreign::new(Format::Unknown, context) };
        for text in message.into_iter().chain(whole) {
            let (record, has_facts) = self.extract(foreign, &text, service);
            if has_facts {
                return record;
            }
            foreign = Foreign { record, ..Foreign::new(Format::Unknown, context) };
        }
        foreign.record
    }

    /// Adds what the first rule that fits reads out of a text, and tells whether there is one.
    fn extract<'a>(&'a self, mut foreign: Foreign<'a, '_>, text: &Cow<'a, str>, service: &str) -> (Record<'a>, bool) {
        let Some(finding) = self.config.extraction.find(service, text) else { return (foreign.record, false) };
        for (name, target, value) in finding.facts(text) {
            let is_json = matches!(name, "headers" | "body");
            foreign.put(Some(target), name, if is_json { Value::json(value) } else { Value::text(value) });
            if *target == Target::Time && foreign.record.time.is_none() {
                foreign.record.defects.add(Defect::BadTime);
            }
        }
        (self.finish(foreign), true)
    }

    /// Takes the members of a line, or of an object inside it: there only those that have an alias.
    fn take<'a>(
        &'a self,
        foreign: &mut Foreign<'a, '_>,
        tokens: impl Iterator<Item = Token<'a>>,
        parent: NameHash,
        searched: u32,
    ) {
        for token in tokens {
            let (name, raw) = match token {
                Token::Field(name, raw) => (name, raw),
                Token::Broken(defect) => {
                    foreign.record.defects.add(defect);
                    continue;
                }
            };
            if self.config.limits.fields <= foreign.record.fields.len() {
                foreign.record.defects.add(Defect::TooManyFields);
                return;
            }
            if foreign.record.format == Format::Json && raw == Raw::Bare("null") {
                continue;
            }
            let path = parent.then(name);
            let target = self.config.aliases.get(path);
            let nested = match raw {
                Raw::Json(text) if 1 < searched => Members::new(text, self.config.limits.depth),
                _ => None,
            };
            match (target, nested) {
                (Some(Target::Container), Some(members)) => self.take(foreign, members, NameHash::EMPTY, searched - 1),
                (target, nested) => {
                    if parent == NameHash::EMPTY || target.is_some() {
                        foreign.add(target, name, raw);
                    }
                    let opaque =
                        matches!(target, Some(Target::Field(name)) if matches!(name.as_ref(), "headers" | "body"));
                    if let Some(members) = nested.filter(|_| !opaque) {
                        self.take(foreign, members, path, searched - 1);
                    }
                }
            }
        }
    }

    fn finish<'a>(&self, foreign: Foreign<'a, '_>) -> Record<'a> {
        let Foreign { mut record, method, endpoint, .. } = foreign;
        let route =
            endpoint.or_else(|| method.as_ref().and(record.text(Key::Path)).map(|path| Cow::Owned(path.to_owned())));
        match (method, route) {
            (Some(method), Some(route)) if route.starts_with('/') => {
                record.set_endpoint(Cow::Owned(format!("{method} {route}")));
            }
            (_, Some(route)) => record.set_endpoint(route),
            _ => {}
        }
        if record.kind.is_none() {
            record.kind = self.infer_kind(&record);
        }
        if record.kind == Some(Kind::Status) && record.endpoint.is_empty() {
            let changed = record.entities().find(|entity| self.is_change(&record, entity.object));
            let object = changed.or_else(|| record.entities().next()).map(|entity| entity.object.to_owned());
            record.endpoint = Cow::Owned(object.unwrap_or_default());
        }
        self.judge(&mut record);
        record
    }

    /// The kind of a line that does not name it: an answer, or a change between two known statuses of an object.
    fn infer_kind(&self, record: &Record<'_>) -> Option<Kind> {
        match record.http_status() {
            Some(_) => Some(Kind::Resp),
            None => record.entities().any(|entity| self.is_change(record, entity.object)).then_some(Kind::Status),
        }
    }

    /// Whether `from` and `to` are statuses of this object type; many lines use these words for something else.
    fn is_change(&self, record: &Record<'_>, object: &str) -> bool {
        let known = |status: Option<&str>| status.is_some_and(|status| self.config.statuses.know(object, status));
        known(record.from()) && known(record.to())
    }
}

impl<'a, 'c> Foreign<'a, 'c> {
    fn new(format: Format, context: &'c Context) -> Self {
        Self { record: Record::empty(format), context, method: None, endpoint: None }
    }

    /// Adds a member under the key it stands for. One that does not fit its target keeps its own name.
    fn add(&mut self, target: Option<&'a Target>, name: &'a str, raw: Raw<'a>) {
        let value = value(raw, &mut self.record.defects);
        self.put(target, name, value);
    }

    fn put(&mut self, target: Option<&'a Target>, name: &'a str, value: Value<'a>) {
        let fits = match target {
            Some(Target::Time) => self.time(value.as_str()),
            Some(Target::Kind) => self.kind(value.as_str()),
            Some(Target::Method) => set(&mut self.method, value.as_str()),
            Some(Target::Endpoint) => set(&mut self.endpoint, value.as_str()),
            Some(Target::Container) | None => false,
            Some(Target::Field(target)) => {
                let key = self.free(target, value.as_str()).unwrap_or(name);
                self.record.push(Cow::Borrowed(key), value);
                return;
            }
        };
        if !fits {
            self.record.push(id_key(name), value);
        }
    }

    /// The reserved key for a value, unless an earlier member has it. A number as `status` is an HTTP status.
    fn free(&self, target: &'a str, text: &str) -> Option<&'a str> {
        let target = if target == "status" && http_status(text).is_some() { "http_status" } else { target };
        self.record.value(target).is_none().then_some(target)
    }

    fn time(&mut self, text: &str) -> bool {
        if self.record.time.is_some() {
            return false;
        }
        self.record.time = time::parse(text, &self.context.timezone).or_else(|| time::parse_epoch(text));
        self.record.time.is_some()
    }

    fn kind(&mut self, text: &str) -> bool {
        let kind = Kind::parse(text).filter(|_| self.record.kind.is_none());
        self.record.kind = kind.or(self.record.kind);
        kind.is_some()
    }
}

fn set<'a>(place: &mut Option<Cow<'a, str>>, text: &str) -> bool {
    let free = place.is_none();
    if free {
        *place = Some(Cow::Owned(text.to_owned()));
    }
    free
}

/// The key for a name without alias: `invoiceId`, `invoice-id` and `invoice.id` become `invoice_id`.
fn id_key(name: &str) -> Cow<'_, str> {
    let stem = ["Id", "ID", "-id", ".id"].iter().find_map(|end| name.strip_suffix(end)).filter(|stem| !stem.is_empty());
    let Some(stem) = stem.filter(|stem| stem.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())) else {
        return Cow::Borrowed(name);
    };
    let mut key = String::with_capacity(name.len() + 4);
    for c in stem.chars() {
        if c.is_ascii_uppercase() && !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
        key.push(if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() });
    }
    key.push_str("_id");
    Cow::Owned(key)
}

#[cfg(test)]
mod tests;
