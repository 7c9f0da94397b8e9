//! The story of one object: a head that says where it stands, its way over the services, traces, lines.

mod head;
mod lanes;
mod lines;
mod notes;

use std::iter::repeat_n;

use super::Style;
use super::ink::{Ink, Row, bar};
use super::words::{Noun, Words};
use crate::{Step, Story};
use lanes::Lanes;

/// Columns of the sign before a status.
const SIGN: usize = 3;
/// Columns of a status; the longest of the built-in ones has 23.
const STATUS: usize = 26;
const ENTERED: usize = 17;
const DWELL: usize = 13;
const LIMIT: usize = 9;
/// Below this many columns limits are left out, so that the lanes have room.
const NARROW: usize = 96;
/// Columns for lanes on a wide terminal; what is left is for bars.
const LANES: usize = 34;
/// A bar shorter than this says nothing.
const SHORTEST_BAR: usize = 6;
/// Traces that are listed.
const TRACES: usize = 8;

/// What every part of the drawing needs.
#[derive(Clone, Copy, Debug)]
struct Pen<'a> {
    style: &'a Style,
    words: Words<'a>,
    width: usize,
}

impl Pen<'_> {
    const fn row(&self) -> Row {
        Row::new(self.style.color)
    }

    /// How many of something are drawn.
    const fn at_most(&self, usual: usize) -> usize {
        if self.style.wide { usize::MAX } else { usual }
    }

    /// Columns of the limit.
    const fn limit(&self) -> usize {
        if self.width < NARROW { 0 } else { LIMIT }
    }
}

pub(super) fn draw(story: &Story, style: &Style) -> String {
    let words = Words { language: style.language, zone: &style.zone };
    let pen = Pen { style, words, width: style.width.max(80) };
    let mut out = String::new();
    head::draw(story, pen, &mut out);
    if !story.steps.is_empty() {
        path(story, pen, &mut out);
    }
    traces(story, pen, &mut out);
    if style.lines {
        lines::draw(story, pen, &mut out);
    }
    out
}

/// One row a status, with notes below it; what lies ahead follows in grey.
fn path(story: &Story, pen: Pen<'_>, out: &mut String) {
    let lanes = Lanes::of(story, pen.width.saturating_sub(SIGN + STATUS + ENTERED + DWELL + pen.limit()).min(LANES));
    heading(&lanes, pen, out);
    let longest = story.steps.iter().map(|step| step.dwell_ms).max().unwrap_or_default();
    for (index, step) in story.steps.iter().enumerate() {
        row(story, index, step, &lanes, longest, pen, out);
        notes::draw(story, index, pen, out);
    }
    for status in &story.ahead {
        let mut row = pen.row();
        row.left(Ink::Faint, " ·", SIGN).left(Ink::Faint, status, STATUS);
        lanes.rails(&mut row);
        row.end(out);
    }
    let legend = "● set it   ○ took part   ✗ failed there";
    let legend = pen.words.pick(legend, "● поставил статус   ○ участвовал   ✗ сбой");
    pen.row().space(SIGN + STATUS + 2).add(Ink::Faint, legend).end(out);
    out.push('\n');
}

fn heading(lanes: &Lanes<'_>, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let mut row = pen.row();
    row.space(SIGN).left(Ink::Faint, words.pick("STATUS", "СТАТУС"), STATUS);
    lanes.labels(&mut row);
    row.space(2).left(Ink::Faint, words.pick("ENTERED", "ВОШЁЛ"), ENTERED - 2);
    row.right(Ink::Faint, words.pick("STAYED", "ПРОБЫЛ"), DWELL);
    row.right(Ink::Faint, words.pick("LIMIT", "СРОК"), pen.limit());
    row.end(out);
}

fn row(story: &Story, index: usize, step: &Step, lanes: &Lanes<'_>, longest: u64, pen: Pen<'_>, out: &mut String) {
    let words = pen.words;
    let last = index + 1 == story.steps.len();
    let late = step.deadline_ms.is_some_and(|deadline| deadline < step.dwell_ms);
    let deviates = story.deviations.iter().any(|deviation| deviation.step == index);
    let (sign, ink) = match (last, story.closed, story.stuck.is_some()) {
        (true, false, true) => (" ✗", Ink::StrongBad),
        (true, false, false) => (" ▶", Ink::Strong),
        (true, true, _) => (" ■", Ink::Strong),
        _ if deviates => (" !", Ink::Warning),
        _ => (" ✓", Ink::Good),
    };
    let mut row = pen.row();
    row.left(ink, sign, SIGN);
    let again = if 1 < step.visit { format!(" ×{}", step.visit) } else { String::new() };
    let strength = if last { Ink::Strong } else { Ink::Plain };
    row.left(strength, &format!("{}{again}", step.status), STATUS);
    lanes.signs(step, &mut row);
    row.space(2).left(Ink::Plain, &words.second(step.entered), ENTERED - 2);
    if !(last && story.closed) {
        let ink = if late { Ink::Bad } else { Ink::Plain };
        row.right(ink, &words.span(step.dwell_ms), DWELL);
        row.right(Ink::Faint, &step.deadline_ms.map(|ms| words.span(ms)).unwrap_or_default(), pen.limit());
        dwell_bar(step, longest, last, pen, &mut row);
    }
    row.end(out);
}

/// A bar as long as the stay; what goes beyond the limit has another shade.
fn dwell_bar(step: &Step, longest: u64, running: bool, pen: Pen<'_>, row: &mut Row) {
    let room = pen.width.saturating_sub(row.columns() + 4);
    if room < SHORTEST_BAR {
        return;
    }
    let whole = bar(step.dwell_ms, longest, room);
    let within = step.deadline_ms.filter(|deadline| *deadline < step.dwell_ms);
    row.space(2);
    match within {
        None => {
            let close = step.deadline_ms.is_some_and(|deadline| deadline < step.dwell_ms.saturating_mul(5) / 4);
            row.add(if close { Ink::Warning } else { Ink::Good }, &whole);
        }
        Some(deadline) => {
            let columns = whole.chars().count();
            let good =
                bar(deadline, longest, room).chars().filter(|c| *c == '█').count().min(columns.saturating_sub(1));
            row.add(Ink::Good, &repeat_n('█', good).collect::<String>());
            row.add(Ink::Bad, &repeat_n('▓', columns - good).collect::<String>());
        }
    }
    if running {
        row.add(Ink::Plain, " ▸");
    }
}

fn traces(story: &Story, pen: Pen<'_>, out: &mut String) {
    if story.traces.is_empty() {
        return;
    }
    let words = pen.words;
    // Those that failed are what one looks for; of the others the newest.
    let mut order: Vec<usize> = (0..story.traces.len()).collect();
    order.sort_by_key(|index| (!story.traces[*index].failed, std::cmp::Reverse(*index)));
    order.truncate(pen.at_most(TRACES));
    order.sort_unstable();
    section(words.pick("Traces", "Трассы"), pen, out);
    for trace in order.iter().filter_map(|index| story.traces.get(*index)) {
        let mut row = pen.row();
        let (sign, ink) = if trace.failed { (" ✗", Ink::Bad) } else { ("", Ink::Plain) };
        row.left(Ink::Bad, sign, SIGN).left(ink, &trace.trace_id, 33).space(1);
        row.left(Ink::Plain, &words.second(trace.first), 16);
        row.left(Ink::Plain, &trace.services.join(" → "), 30.min(pen.width.saturating_sub(row.columns() + 14)));
        row.add(Ink::Faint, &words.count(trace.events, Noun::Event));
        row.end(out);
    }
    more(story.traces.len() - order.len(), pen, out);
    out.push('\n');
}

/// A heading with a rule behind it.
fn section(title: &str, pen: Pen<'_>, out: &mut String) {
    let mut row = pen.row();
    row.add(Ink::Strong, title).space(1);
    let rule = pen.width.saturating_sub(row.columns());
    row.add(Ink::Faint, &"─".repeat(rule)).end(out);
}

/// Says how much was left out.
fn more(number: usize, pen: Pen<'_>, out: &mut String) {
    if number != 0 {
        let text = format!("… {} {number} (--wide)", pen.words.pick("and more:", "и ещё:"));
        pen.row().space(SIGN).add(Ink::Faint, &text).end(out);
    }
}

#[cfg(test)]
mod tests;
