//! The lines behind each step.

use super::{Pen, more, section};
use crate::render::ink::{Ink, cut};
use crate::{Line, StepEvent, Story};

/// Lines of a step that are drawn: the first and the last ones.
const FIRST: usize = 14;
const LAST: usize = 6;

pub(super) fn draw(story: &Story, pen: Pen<'_>, out: &mut String) {
    let asked = story.steps.iter().flat_map(|step| &step.events).any(|event| event.line != Line::Omitted);
    if !asked {
        return;
    }
    section(pen.words.pick("Lines", "Строки"), pen, out);
    let service = story.services.iter().map(|service| service.chars().count()).max().unwrap_or_default().min(16);
    let named = std::iter::once(&story.object).chain(&story.related);
    let ids: Vec<String> = named.map(|object| format!("{}_id={}", object.object, object.id)).collect();
    for step in story.steps.iter().filter(|step| !step.events.is_empty()) {
        let mut day = step.events.first().map(|event| pen.words.date(event.time)).unwrap_or_default();
        pen.row().space(1).add(Ink::Strong, &step.status).space(1).add(Ink::Faint, day.trim_start()).end(out);
        let (first, rest) = match pen.style.wide || step.events.len() <= FIRST + LAST {
            true => (step.events.as_slice(), [].as_slice()),
            false => step.events.split_at(FIRST),
        };
        let (left_out, last) = rest.split_at(rest.len().saturating_sub(LAST));
        first.iter().for_each(|event| draw_line(event, service, &ids, &mut day, pen, out));
        more(left_out.len(), pen, out);
        last.iter().for_each(|event| draw_line(event, service, &ids, &mut day, pen, out));
    }
}

/// One line, below its date if that is another than before.
fn draw_line(event: &StepEvent, service: usize, ids: &[String], day: &mut String, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let date = words.date(event.time);
    if *day != date {
        pen.row().space(3).add(Ink::Faint, date.trim_start()).end(out);
        *day = date;
    }
    let mut row = pen.row();
    row.space(3).add(Ink::Faint, &words.clock(event.time)).space(1).left(Ink::Faint, &event.service, service).space(1);
    let room = pen.width.saturating_sub(row.columns());
    let ink = if event.failed { Ink::Bad } else { Ink::Plain };
    match &event.line {
        Line::Shown { text } if pen.style.wide => row.add(ink, &printable(text)),
        Line::Shown { text } => row.add(ink, &cut(&printable(&essence(text, ids)), room)),
        Line::Hidden => row.add(Ink::Faint, &cut(&stand_in(event, words.pick("hidden", "скрыто")), room)),
        Line::Gone => row.add(Ink::Faint, &cut(&stand_in(event, words.pick("no longer kept", "уже удалена")), room)),
        Line::Omitted => row.add(Ink::Faint, &cut(&stand_in(event, words.pick("not read", "не прочитана")), room)),
    };
    row.end(out);
}

/// What is known without the line.
fn stand_in(event: &StepEvent, why: &str) -> String {
    let status = event.status.as_deref().map(|status| format!(" status={status}")).unwrap_or_default();
    let code = event.http_status.map(|code| format!(" http_status={code}")).unwrap_or_default();
    format!("[{}][{}]{status}{code} ‹{why}›", event.kind.as_str(), event.endpoint)
}

/// A line of the house format without what stands elsewhere on the page: its time, the `ids` of the head, those
/// of calls, the path behind the endpoint.
fn essence(line: &str, ids: &[String]) -> String {
    let rest = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(_, rest)| rest);
    let Some(rest) = rest.filter(|rest| rest.starts_with('[')) else { return line.to_owned() };
    // Behind these come quoted values and JSON, which are not taken apart.
    let end = [" headers=", " body=", "=\""].iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len());
    let (plain, tail) = rest.split_at(end);
    let elsewhere = ["trace_id=", "span_id=", "parent_span_id=", "request_id=", "path="];
    let known = |word: &&str| ids.iter().any(|id| id == word) || elsewhere.iter().any(|key| word.starts_with(key));
    let kept = plain.split(' ').filter(|word| !known(word));
    kept.collect::<Vec<_>>().join(" ") + tail
}

/// Control characters could rewrite the terminal.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
