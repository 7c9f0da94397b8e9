//! The head of a story: what it is, where it stands, since when, and what there is to know at a glance.

use super::{Pen, section};
use crate::render::ink::{Ink, cut};
use crate::render::words::Noun;
use crate::{Story, Stuck};

pub(super) fn draw(story: &Story, pen: Pen<'_>, out: &mut String) {
    title(story, pen, out);
    section("", pen, out);
    for text in [standing(story, pen), facts(story, pen), related(story, pen)] {
        if !text.is_empty() {
            pen.row().space(1).add(Ink::Plain, &cut(&text, pen.width - 1)).end(out);
        }
    }
    for text in [hidden(story, pen), truncated(story, pen)] {
        if !text.is_empty() {
            pen.row().space(1).add(Ink::Faint, &cut(&text, pen.width - 1)).end(out);
        }
    }
    out.push('\n');
}

/// The object and its status to the left, the verdict to the right.
fn title(story: &Story, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let (ink, verdict) = match (&story.stuck, story.closed) {
        (_, true) => (Ink::Good, words.pick("COMPLETE", "ЗАВЕРШЁН").to_owned()),
        (Some(stuck), false) => (Ink::StrongBad, overdue(stuck, pen)),
        (None, false) => (Ink::Good, words.pick("ON TIME", "В СРОК").to_owned()),
    };
    let judged = story.closed || story.steps.last().is_some_and(|step| step.deadline_ms.is_some()) || story.stuck.is_some();
    let mut row = pen.row();
    row.space(1).add(Ink::Strong, &words.object(&story.object)).space(3);
    row.add(Ink::Strong, story.status.as_deref().unwrap_or("?"));
    if judged {
        row.to(pen.width.saturating_sub(verdict.chars().count())).add(ink, &verdict);
    }
    row.end(out);
}

fn overdue(stuck: &Stuck, pen: Pen<'_>) -> String {
    let words = pen.words;
    format!("{} · {}", words.pick("STUCK", "ЗАСТРЯЛ"), words.span(stuck.overdue_ms) + words.pick(" overdue", " сверх срока"))
}

/// One sentence: where it is, since when, who has to move it on.
fn standing(story: &Story, pen: Pen<'_>) -> String {
    let words = pen.words;
    let Some((step, status)) = story.steps.last().zip(story.status.as_deref()) else {
        return words.pick("No line tells its status", "Ни одна строка не называет статус").to_owned();
    };
    let since = words.minute(step.entered).trim_start().to_owned();
    if story.closed {
        let total = words.span(story.total_ms);
        return format!("{status} · {} {total}", words.pick("the whole way took", "весь путь занял"));
    }
    let mut text = format!(
        "{} {} {since} ({})",
        words.pick("In this status for", "В этом статусе"),
        words.span(step.dwell_ms) + words.pick(", since", ", с"),
        words.offset(step.entered)
    );
    if let Some(owner) = &story.owner {
        text += &format!(" · {} {owner}", words.pick("waits for", "ждёт сервис"));
    }
    if let Some(deadline) = step.deadline_ms {
        text += &format!(" · {} {}", words.pick("limit", "срок"), words.span(deadline));
    }
    if let Some(stuck) = &story.stuck {
        text += &format!(" · {}", words.reason(stuck.reason));
    }
    text
}

fn facts(story: &Story, pen: Pen<'_>) -> String {
    let words = pen.words;
    let began = words.second(story.first).trim_start().to_owned();
    let last = words.second(story.last).trim_start().to_owned();
    let mut facts = vec![
        format!("{} {began}", words.pick("first event", "первое событие")),
        format!("{} {last}", words.pick("last event", "последнее")),
    ];
    if !story.closed {
        facts.push(format!("{} {}", words.pick("total", "всего"), words.span(story.total_ms)));
    }
    let counts = [
        (story.deviations.len(), Noun::Deviation),
        (story.failures.len(), Noun::Failure),
        (story.retries.len(), Noun::Retry),
    ];
    facts.extend(counts.into_iter().filter(|(number, _)| *number != 0).map(|(number, noun)| words.count(number, noun)));
    facts.join(" · ")
}

fn related(story: &Story, pen: Pen<'_>) -> String {
    if story.related.is_empty() {
        return String::new();
    }
    let names: Vec<String> = story.related.iter().map(|other| format!("{}/{}", other.object, other.id)).collect();
    format!("{} {}", pen.words.pick("with", "вместе с"), names.join(", "))
}

fn hidden(story: &Story, pen: Pen<'_>) -> String {
    let words = pen.words;
    match story.hidden_lines {
        0 => String::new(),
        number => {
            let lines = words.count(number, Noun::Line);
            format!("{lines} {}", words.pick("hidden: no right to those services", "скрыто: нет прав на эти сервисы"))
        }
    }
}

fn truncated(story: &Story, pen: Pen<'_>) -> String {
    let text = "only the newest events are told; the story began before";
    if story.truncated { pen.words.pick(text, "показаны только новейшие события, начало опущено").to_owned() } else { String::new() }
}
