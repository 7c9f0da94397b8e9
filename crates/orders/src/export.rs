//! The steps of many objects as an event log for tools of process mining: XES, OCEL 2.0 as JSON, CSV.

use std::fmt::Write as _;

use logline::{Entity, Timestamp};

use crate::analysis::Lens;
use crate::trail::{Stay, Trail};

/// About so many bytes are handed on at once.
const PIECE: usize = 64 << 10;

/// What an event log is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// XES (IEEE 1849): a trace for each object, an event for each status it entered.
    Xes,
    /// OCEL 2.0 as JSON: events with all objects they are about.
    Ocel,
    /// One row for each status an object entered.
    Csv,
}

impl ExportFormat {
    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Xes => "application/xml",
            Self::Ocel => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// Writes the log and hands it to `send` in pieces, until that says no. An empty piece says that nothing is missing.
pub(crate) fn export(lens: &Lens<'_>, format: ExportFormat, send: impl FnMut(Vec<u8>) -> bool) {
    let mut out = Out { text: String::new(), send, open: true, first: true };
    match format {
        ExportFormat::Xes => xes(lens, &mut out),
        ExportFormat::Ocel => ocel(lens, &mut out),
        ExportFormat::Csv => csv(lens, &mut out),
    }
    out.flush(0);
    if out.open {
        (out.send)(Vec::new());
    }
}

struct Out<S> {
    text: String,
    send: S,
    open: bool,
    first: bool,
}

impl<S: FnMut(Vec<u8>) -> bool> Out<S> {
    fn flush(&mut self, least: usize) {
        if least <= self.text.len() && !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.open = self.open && (self.send)(text.into_bytes());
        }
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A comma before every item but the first one of a list.
    fn item(&mut self) {
        self.text.push_str(if self.first { "\n" } else { ",\n" });
        self.first = false;
    }
}

fn each<S: FnMut(Vec<u8>) -> bool>(lens: &Lens<'_>, out: &mut Out<S>, mut write: impl FnMut(&Trail, &mut Out<S>)) {
    lens.each(false, |trail, _| {
        // Who stopped listening gets nothing more; what is left is only counted.
        if out.open {
            write(trail, out);
            out.flush(PIECE);
        }
    });
}

fn xes<S: FnMut(Vec<u8>) -> bool>(lens: &Lens<'_>, out: &mut Out<S>) {
    out.add(concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        "<log xes.version=\"1849-2016\" xes.features=\"\" xmlns=\"http://www.xes-standard.org/\">\n",
        "<extension name=\"Concept\" prefix=\"concept\" uri=\"http://www.xes-standard.org/concept.xesext\"/>\n",
        "<extension name=\"Time\" prefix=\"time\" uri=\"http://www.xes-standard.org/time.xesext\"/>\n",
        "<extension name=\"Organizational\" prefix=\"org\" uri=\"http://www.xes-standard.org/org.xesext\"/>\n",
        "<global scope=\"trace\"><string key=\"concept:name\" value=\"\"/></global>\n",
        "<global scope=\"event\"><string key=\"concept:name\" value=\"\"/>",
        "<date key=\"time:timestamp\" value=\"1970-01-01T00:00:00Z\"/></global>\n",
        "<classifier name=\"status\" keys=\"concept:name\"/>\n",
    ));
    each(lens, out, |trail, out| {
        let text = &mut out.text;
        text.push_str("<trace>\n<string key=\"concept:name\" value=\"");
        escaped(text, &trail.id);
        text.push_str("\"/>\n");
        for stay in &trail.stays {
            text.push_str("<event><string key=\"concept:name\" value=\"");
            escaped(text, lens.name(stay.status));
            text.push_str("\"/><date key=\"time:timestamp\" value=\"");
            text.push_str(&time(stay));
            text.push_str("\"/><string key=\"org:resource\" value=\"");
            escaped(text, lens.name(stay.service));
            // Writing to a String cannot fail.
            writeln!(text, "\"/><int key=\"failures\" value=\"{}\"/></event>", stay.failures).unwrap_or_default();
        }
        text.push_str("</trace>\n");
    });
    out.add("</log>\n");
}

/// First the events, then the objects, since both are written in one pass over the paths each.
fn ocel<S: FnMut(Vec<u8>) -> bool>(lens: &Lens<'_>, out: &mut Out<S>) {
    let (mut statuses, mut types) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    types.insert(lens.object.to_owned());
    out.add("{\"events\": [");
    each(lens, out, |trail, out| {
        types.extend(others(trail).map(|other| other.object.to_owned()));
        for (index, stay) in trail.stays.iter().enumerate() {
            statuses.insert(lens.name(stay.status));
            out.item();
            let (id, object) = (object_id(lens.object, &trail.id), json(lens.object));
            let status = json(lens.name(stay.status));
            let mut relations = format!("{{\"objectId\": {}, \"qualifier\": {object}}}", json(&id));
            for other in others(trail) {
                let id = json(&object_id(other.object, other.id));
                relations += &format!(", {{\"objectId\": {id}, \"qualifier\": {}}}", json(other.object));
            }
            let event = json(&format!("{id}#{index}"));
            let (time, service) = (time(stay), json(lens.name(stay.service)));
            out.add(&format!(
                "{{\"id\": {event}, \"type\": {status}, \"time\": \"{time}\", \"attributes\": [{{\"name\": \"service\", \
                 \"value\": {service}}}], \"relationships\": [{relations}]}}"
            ));
        }
    });
    out.add("],\n\"objects\": [");
    out.first = true;
    let mut known = std::collections::HashSet::new();
    each(lens, out, |trail, out| {
        let own = Entity { object: lens.object, id: &trail.id };
        for (index, one) in std::iter::once(own).chain(others(trail)).enumerate() {
            let id = object_id(one.object, one.id);
            let is_own = index == 0;
            if known.insert(id.clone()) {
                out.item();
                let relations = others(trail).filter(|_| is_own).map(|other| {
                    let id = json(&object_id(other.object, other.id));
                    format!("{{\"objectId\": {id}, \"qualifier\": {}}}", json(other.object))
                });
                let relations = relations.collect::<Vec<_>>().join(", ");
                let (id, object) = (json(&id), json(one.object));
                out.add(&format!(
                    "{{\"id\": {id}, \"type\": {object}, \"attributes\": [], \"relationships\": [{relations}]}}"
                ));
            }
        }
    });
    let named = |name: &str, attributes: &str| format!("{{\"name\": {}, \"attributes\": [{attributes}]}}", json(name));
    let service = "{\"name\": \"service\", \"type\": \"string\"}";
    let statuses: Vec<String> = statuses.into_iter().map(|status| named(status, service)).collect();
    let types: Vec<String> = types.iter().map(|object| named(object, "")).collect();
    out.add(&format!("],\n\"eventTypes\": [{}],\n\"objectTypes\": [{}]}}\n", statuses.join(", "), types.join(", ")));
}

fn csv<S: FnMut(Vec<u8>) -> bool>(lens: &Lens<'_>, out: &mut Out<S>) {
    out.add("id,status,time,service,evidence,failures,closed\n");
    each(lens, out, |trail, out| {
        for (index, stay) in trail.stays.iter().enumerate() {
            let closed = trail.end == Some(index);
            let texts = [&trail.id, lens.name(stay.status), &time(stay), lens.name(stay.service)];
            let texts = texts.map(crate::render::quoted).join(",");
            let (evidence, failures) = (stay.evidence.as_str(), stay.failures);
            out.add(&format!("{texts},{evidence},{failures},{closed}\n"));
        }
    });
}

fn others(trail: &Trail) -> impl Iterator<Item = Entity<'_>> {
    trail.related.split_ascii_whitespace().filter_map(Entity::parse)
}

/// Ids of different types may be the same.
fn object_id(object: &str, id: &str) -> String {
    format!("{object}/{id}")
}

fn time(stay: &Stay) -> String {
    let time = jiff::Timestamp::from(Timestamp(stay.entered.saturating_mul(1_000_000)));
    format!("{time:.3}")
}

/// Text of XML, also within quotes. What XML cannot hold becomes a question mark.
pub(crate) fn escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('?'),
            c => out.push(c),
        }
    }
}

/// Text in the quotes of JSON.
pub(crate) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
