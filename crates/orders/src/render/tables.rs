//! Tables: what is stuck, what is open, how many in which status.

use super::Style;
use super::ink::{Ink, Remark, Row, bar};
use super::words::Words;
use crate::{Item, LastError, Page, StatusSummary, Summary, TypeSummary};

const STATUS: usize = 25;
const OWNER: usize = 10;
const SINCE: usize = 14;
const SPAN: usize = 11;

#[derive(Clone, Copy, Debug)]
struct Pen<'a> {
    style: &'a Style,
    words: Words<'a>,
    width: usize,
}

impl<'a> Pen<'a> {
    fn of(style: &'a Style) -> Self {
        let words = Words { language: style.language, zone: &style.zone };
        Self { style, words, width: style.width.max(80) }
    }

    const fn row(&self) -> Row {
        Row::new(self.style.color)
    }
}

pub(super) fn stuck(page: &Page, style: &Style) -> String {
    let pen = Pen::of(style);
    if page.items.is_empty() {
        return unfinished(page.loading, pen) + pen.words.pick("Nothing is stuck.\n", "Ничего не застряло.\n");
    }
    table(page, pen.words.pick("Stuck", "Застряло"), pen, true)
}

pub(super) fn list(page: &Page, style: &Style) -> String {
    let pen = Pen::of(style);
    if page.items.is_empty() {
        return unfinished(page.loading, pen) + pen.words.pick("Nothing is open.\n", "Открытых нет.\n");
    }
    table(page, pen.words.pick("Open", "Открыто"), pen, false)
}

/// A warning that not everything is known yet.
fn unfinished(loading: bool, pen: Pen<'_>) -> String {
    if loading { unfinished_text(pen.words).to_owned() } else { String::new() }
}

pub(super) const fn unfinished_text(words: Words<'_>) -> &'static str {
    words.pick("Still being read, not complete yet: ask again.\n", "Ещё читается, неполно: спросите ещё раз.\n")
}

fn table(page: &Page, title: &str, pen: Pen<'_>, notes: bool) -> String {
    let words = pen.words;
    let mut out = unfinished(page.loading, pen);
    let id = page.items.iter().map(|item| item.object.id.chars().count()).max().unwrap_or_default().clamp(8, 24);
    let mut row = pen.row();
    row.space(1).add(Ink::Strong, &format!("{title}: {}", page.total));
    let at = format!("{} ({})", words.minute(page.as_of).trim_start(), words.offset(page.as_of));
    row.to(pen.width.saturating_sub(at.chars().count())).add(Ink::Faint, &at).end(&mut out);
    pen.row().add(Ink::Faint, &"─".repeat(pen.width)).end(&mut out);
    let kind = page.items.first().map(|item| words.object_type(&item.object.object).to_uppercase()).unwrap_or_default();
    let mut row = pen.row();
    row.space(1).left(Ink::Faint, &kind, id + 2);
    row.left(Ink::Faint, words.pick("STATUS", "СТАТУС"), STATUS);
    row.left(Ink::Faint, words.pick("WAITS FOR", "ЖДЁТ"), OWNER);
    row.left(Ink::Faint, words.pick("SINCE", "С"), SINCE);
    row.right(Ink::Faint, words.pick("IN STATUS", "В СТАТУСЕ"), SPAN);
    row.right(Ink::Faint, words.pick("OVERDUE", "СВЕРХ СРОКА"), SPAN + 2);
    row.end(&mut out);
    for item in &page.items {
        self::row(item, id, pen, &mut out);
        if notes || item.stuck.is_some() {
            note(item, pen, &mut out);
        }
    }
    if page.items.len() < page.total {
        let shown = format!("{} {} {}", page.items.len(), words.pick("of", "из"), page.total);
        let next = page.next.as_ref().map(|next| {
            let how = words.pick("shown, the next ones: --cursor", "показано, следующие: --cursor");
            format!("{how} '{}'", next.replace('\'', "'\\''"))
        });
        let next = next.unwrap_or_else(|| words.pick("shown, the last ones", "показано, последние").to_owned());
        pen.row().space(1).add(Ink::Faint, &format!("{shown} {next}")).end(&mut out);
    }
    out
}

fn row(item: &Item, id: usize, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let mut row = pen.row();
    row.space(1).left(Ink::Strong, &item.object.id, id + 2);
    row.left(Ink::Plain, &item.status, STATUS - 1).space(1);
    row.left(Ink::Plain, &item.owner, OWNER - 1).space(1);
    row.left(Ink::Plain, &words.minute(item.since), SINCE);
    row.right(Ink::Plain, &words.span(item.waits_ms), SPAN);
    if let Some(stuck) = &item.stuck {
        row.right(Ink::Bad, &words.span(stuck.overdue_ms), SPAN + 2);
    }
    row.end(out);
}

/// Why, and the last thing that went wrong.
fn note(item: &Item, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let reason = item.stuck.filter(|stuck| stuck.reason != crate::StuckReason::Deadline);
    if let Some(stuck) = reason {
        let what = format!("! {}", words.reason(stuck.reason));
        Remark { ink: Ink::Warning, what: &what, why: "", end: "" }.draw(pen.style.color, 3, pen.width, out);
    }
    if let Some(error) = &item.last_error {
        last_error(error, pen, out);
    }
}

/// What went wrong, and its trace.
fn last_error(error: &LastError, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let mut call = format!("✗ {} {}", words.minute(error.time).trim_start(), error.service);
    if !error.endpoint.is_empty() {
        call += &format!(" {}", error.endpoint);
    }
    if let Some(code) = error.http_status {
        call += &format!(" {code}");
    }
    let why = match (&error.error, error.hidden) {
        (Some(error), _) => error.as_str(),
        (None, true) => words.pick("(hidden)", "(скрыто)"),
        (None, false) => "",
    };
    let trace = error.trace_id.as_ref().map(|trace| format!(" · {} {trace}", words.pick("trace", "трасса")));
    let trace = trace.unwrap_or_default();
    Remark { ink: Ink::Bad, what: &call, why, end: &trace }.draw(pen.style.color, 3, pen.width, out);
}

pub(super) fn summary(summary: &Summary, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = unfinished(summary.loading, pen);
    for kind in summary.types.iter() {
        of_type(kind, pen, &mut out);
    }
    if summary.types.is_empty() {
        out.push_str(words.pick("Nothing is open.\n", "Открытых нет.\n"));
    }
    if summary.dropped != 0 {
        let text = words.pick("dropped, there are too many", "не учтено: их слишком много");
        out.push_str(&format!("{} {text}\n", summary.dropped));
    }
    out
}

fn of_type(kind: &TypeSummary, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let mut row = pen.row();
    row.space(1).add(Ink::Strong, words.object_type(&kind.object)).space(3);
    row.add(Ink::Plain, &format!("{} {}", words.pick("open:", "открыто:"), kind.open)).space(3);
    let ink = if kind.stuck == 0 { Ink::Faint } else { Ink::StrongBad };
    row.add(ink, &format!("{} {}", words.pick("stuck:", "застряло:"), kind.stuck)).end(out);
    pen.row().add(Ink::Faint, &"─".repeat(pen.width)).end(out);
    let most = kind.statuses.iter().map(|status| status.open).max().unwrap_or_default();
    let mut row = pen.row();
    row.space(1).left(Ink::Faint, words.pick("STATUS", "СТАТУС"), STATUS);
    row.left(Ink::Faint, words.pick("WAITS FOR", "ЖДЁТ"), OWNER);
    row.right(Ink::Faint, words.pick("OPEN", "ОТКРЫТО"), 8).right(Ink::Faint, words.pick("STUCK", "ЗАСТРЯЛО"), 10);
    row.right(Ink::Faint, words.pick("LONGEST", "ДОЛЬШЕ ВСЕХ"), SPAN + 2).end(out);
    kind.statuses.iter().for_each(|status| of_status(status, most, pen, out));
    out.push('\n');
}

fn of_status(status: &StatusSummary, most: u64, pen: Pen<'_>, out: &mut String) {
    let mut row = pen.row();
    let ink = if status.open == 0 { Ink::Faint } else { Ink::Plain };
    row.space(1).left(ink, &status.status, STATUS - 1).space(1);
    row.left(ink, status.owner.as_deref().unwrap_or_default(), OWNER - 1).space(1);
    row.right(ink, &status.open.to_string(), 8);
    row.right(if status.stuck == 0 { Ink::Faint } else { Ink::Bad }, &status.stuck.to_string(), 10);
    row.right(ink, &status.longest_ms.map(|ms| pen.words.span(ms)).unwrap_or_default(), SPAN + 2).space(2);
    let room = pen.width.saturating_sub(row.columns());
    row.add(Ink::Good, &bar(status.open, most, room)).end(out);
}
