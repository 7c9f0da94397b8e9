//! The head of a story: what it is, where it stands, since when, and what there is to know at a glance.

use super::{Pen, notes};
use crate::render::ink::{Ink, cut};
use crate::render::words::Noun;
use crate::{Story, Stuck, StuckReason};

pub(super) fn draw(story: &Story, pen: Pen<'_>, out: &mut String) {
    title(story, pen, out);
    pen.row().add(Ink::Faint, &"─".repeat(pen.width)).end(out);
    wrapped(Ink::Plain, &standing(story, pen), pen, out);
    wrapped(Ink::Plain, &facts(story, pen), pen, out);
    wrapped(Ink::Plain, &related(story, pen), pen, out);
    wrapped(Ink::Faint, &left_out(story, pen), pen, out);
    out.push('\n');
}

/// Facts with dots between them, in as many rows as they need.
fn wrapped(ink: Ink, facts: &[String], pen: Pen<'_>, out: &mut String) {
    let room = pen.width.saturating_sub(2);
    let mut text = String::new();
    for fact in facts {
        if !text.is_empty() && room < text.chars().count() + 3 + fact.chars().count() {
            pen.row().space(1).add(ink, &text).end(out);
            text.clear();
        }
        if !text.is_empty() {
            text += " · ";
        }
        text += &cut(fact, room);
    }
    if !text.is_empty() {
        pen.row().space(1).add(ink, &text).end(out);
    }
}

/// The object and its status to the left, the verdict to the right.
fn title(story: &Story, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let (ink, verdict) = match (&story.stuck, story.closed) {
        (_, true) => (Ink::Good, words.pick("COMPLETE", "ЗАВЕРШЁН").to_owned()),
        (Some(stuck), false) => (Ink::StrongBad, overdue(stuck, pen)),
        (None, false) => (Ink::Good, words.pick("ON TIME", "В СРОК").to_owned()),
    };
    let judged =
        story.closed || story.steps.last().is_some_and(|step| step.deadline_ms.is_some()) || story.stuck.is_some();
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
    format!(
        "{} · {}",
        words.pick("STUCK", "ЗАСТРЯЛ"),
        words.span(stuck.overdue_ms) + words.pick(" overdue", " сверх срока")
    )
}

/// Where it is, since when, who has to move it on.
fn standing(story: &Story, pen: Pen<'_>) -> Vec<String> {
    let words = pen.words;
    let Some(step) = story.steps.last() else {
        return vec![words.pick("no line tells its status", "ни одна строка не называет статус").to_owned()];
    };
    if story.closed {
        let total = words.span(story.total_ms);
        return vec![format!("{} {total}", words.pick("the whole way took", "весь путь занял"))];
    }
    let since = words.minute(step.entered).trim_start().to_owned();
    let mut facts = vec![format!(
        "{} {}, {} {since} ({})",
        words.pick("in this status for", "в этом статусе"),
        words.span(step.dwell_ms),
        words.pick("since", "с"),
        words.offset(step.entered)
    )];
    facts.extend(story.owner.as_ref().map(|owner| format!("{} {owner}", words.pick("waits for", "ждёт сервис"))));
    facts.extend(step.deadline_ms.map(|ms| format!("{} {}", words.pick("limit", "срок"), words.span(ms))));
    let unconfirmed = story.stuck.filter(|stuck| stuck.reason == StuckReason::Unconfirmed);
    facts.extend(unconfirmed.map(|stuck| words.reason(stuck.reason).to_owned()));
    facts
}

fn facts(story: &Story, pen: Pen<'_>) -> Vec<String> {
    let words = pen.words;
    let told = |english, russian, time| format!("{} {}", words.pick(english, russian), words.minute(time).trim_start());
    let mut facts =
        vec![told("first event", "первое событие", story.first), told("last event", "последнее", story.last)];
    if !story.closed {
        facts.push(format!("{} {}", words.pick("total", "всего"), words.span(story.total_ms)));
    }
    let counts = [
        (story.deviations.len(), Noun::Deviation),
        (notes::grouped(story.failures.iter()).len(), Noun::Failure),
        (story.retries.len(), Noun::Retry),
    ];
    facts.extend(counts.into_iter().filter(|(number, _)| *number != 0).map(|(number, noun)| words.count(number, noun)));
    facts
}

fn related(story: &Story, pen: Pen<'_>) -> Vec<String> {
    let others = story.related.iter().map(|other| format!("{} {}", pen.words.object_type(&other.object), other.id));
    others.collect()
}

fn left_out(story: &Story, pen: Pen<'_>) -> Vec<String> {
    let words = pen.words;
    let hidden = (story.hidden_lines != 0).then(|| {
        let lines = words.count(story.hidden_lines, Noun::Line);
        format!("{lines} {}", words.pick("hidden: no right to those services", "скрыто: нет прав на эти сервисы"))
    });
    let text = words.pick("only the newest events are told", "показаны только новейшие события");
    hidden.into_iter().chain(story.truncated.then(|| text.to_owned())).collect()
}
