//! Analyses as tables for people at a terminal.

use super::grid::{Grid, Side};
use super::ink::{Ink, Remark, Row};
use super::words::Words;
use super::{Style, tables};
use crate::{
    Basis, Conformance, Dwell, Funnel, FunnelRow, Incident, Incidents, Percentiles, Ratings, Sla, Throughput, Variants,
};

/// Ids that stand in one row.
const NAMED: usize = 8;

#[derive(Clone, Copy)]
struct Pen<'a> {
    style: &'a Style,
    words: Words<'a>,
}

impl<'a> Pen<'a> {
    fn of(style: &'a Style) -> Self {
        Self { style, words: Words { language: style.language, zone: &style.zone } }
    }

    fn width(self) -> usize {
        self.style.width.max(80)
    }

    /// What it is about, and a line below.
    fn title(self, title: &str, basis: &Basis, out: &mut String) {
        let words = self.words;
        if basis.loading {
            out.push_str(tables::unfinished_text(words));
        }
        let mut row = Row::new(self.style.color);
        row.space(1).add(Ink::Strong, title).space(2);
        let object = words.object_type(&basis.object);
        let text = format!(
            "{object}: {} {} {}",
            words.grouped(basis.objects),
            words.pick("· open:", "· открыто:"),
            words.grouped(basis.open)
        );
        row.add(Ink::Plain, &text);
        let at = format!("{} ({})", words.minute(basis.as_of).trim_start(), words.offset(basis.as_of));
        row.to(self.width().saturating_sub(at.chars().count())).add(Ink::Faint, &at).end(out);
        if let Some(since) = basis.complete_since {
            let text = words.pick(
                "older ones were dropped for want of memory; all are here since",
                "прежние вытеснены из памяти; полностью — с",
            );
            out.push_str(&format!(" {text} {}\n", words.minute(since).trim_start()));
        }
        Row::new(self.style.color).add(Ink::Faint, &"─".repeat(self.width())).end(out);
    }

    fn grid(self, grid: &Grid, out: &mut String) {
        grid.draw(self.style.color, self.width(), out);
    }

    fn span(self, ms: Option<u64>) -> (Ink, String) {
        match ms {
            Some(ms) => (Ink::Plain, self.words.span(ms)),
            None => (Ink::Faint, "–".to_owned()),
        }
    }

    fn number(self, number: u64) -> (Ink, String) {
        (if number == 0 { Ink::Faint } else { Ink::Plain }, self.words.grouped(number))
    }

    fn bad(self, number: u64) -> (Ink, String) {
        (if number == 0 { Ink::Faint } else { Ink::Bad }, self.words.grouped(number))
    }

    /// p50 to p99; where too many still wait to tell, a dash.
    fn percentiles(self, all: &Percentiles) -> [(Ink, String); 4] {
        [all.p50_ms, all.p90_ms, all.p95_ms, all.p99_ms].map(|ms| self.span(ms))
    }

    fn plain(text: &str) -> (Ink, String) {
        (Ink::Plain, text.to_owned())
    }
}

/// Stays in each status, then ways from status to status.
pub fn dwell(dwell: &Dwell, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    pen.title(words.pick("Time in status", "Время в статусе"), &dwell.basis, &mut out);
    let right = |text| (text, Side::Right);
    let percentiles = ["p50", "p90", "p95", "p99"].map(right);
    let mut grid = Grid::new(
        [
            (words.pick("STATUS", "СТАТУС"), Side::Left),
            right(words.pick("LEFT", "ВЫШЛО")),
            right(words.pick("STILL IN", "ЕЩЁ ЗДЕСЬ")),
        ]
        .into_iter()
        .chain(percentiles)
        .chain([right(words.pick("LIMIT", "СРОК")), right(words.pick("OVER", "СВЕРХ"))]),
    );
    for status in &dwell.statuses {
        let ends = [pen.span(status.limit_ms), pen.bad(status.over)];
        let name = marked(&status.status, status.working, words);
        let head = [Pen::plain(&name), pen.number(status.left), pen.number(status.waiting)];
        grid.add(head.into_iter().chain(pen.percentiles(&status.percentiles)).chain(ends));
    }
    pen.grid(&grid, &mut out);
    out.push('\n');
    let mut grid = Grid::new(
        [(words.pick("WAY", "ПЕРЕХОД"), Side::Left), right(words.pick("COUNT", "ЧИСЛО"))]
            .into_iter()
            .chain(percentiles)
            .chain([right(words.pick("OVER", "СВЕРХ")), right(words.pick("ERRORS", "ОШИБКИ"))]),
    );
    for edge in &dwell.edges {
        let ink = if edge.known { Ink::Plain } else { Ink::Bad };
        let rate = edge.error_rate;
        let errors = (if rate == 0.0 { Ink::Faint } else { Ink::Warning }, words.percent(rate));
        let head = [(ink, format!("{} → {}", edge.from, edge.to)), pen.number(edge.count)];
        grid.add(head.into_iter().chain(pen.percentiles(&edge.percentiles)).chain([pen.bad(edge.over), errors]));
    }
    pen.grid(&grid, &mut out);
    out
}

/// A status whose time is working time has a mark.
fn marked(status: &str, working: bool, words: Words<'_>) -> String {
    if working { format!("{status} ({})", words.pick("work", "раб.")) } else { status.to_owned() }
}

/// The share that keeps to the graph, and where the others leave it.
pub fn conformance(told: &Conformance, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    pen.title(words.pick("Conformance", "Соответствие графу"), &told.basis, &mut out);
    let keep = words.pick("keep to the graph:", "без отклонений:");
    out.push_str(&format!(" {keep} {} ({})\n\n", words.grouped(told.conforming), words.percent(told.fitness)));
    let mut grid = Grid::new([
        (words.pick("DEVIATION", "ОТКЛОНЕНИЕ"), Side::Left),
        (words.pick("WHERE", "ГДЕ"), Side::Left),
        (words.pick("OBJECTS", "ОБЪЕКТОВ"), Side::Right),
        (words.pick("FOR EXAMPLE", "НАПРИМЕР"), Side::Left),
    ]);
    for one in &told.deviations {
        let from = one.from.as_ref().map(|from| format!("{from} → ")).unwrap_or_default();
        let by = one.service.as_ref().map(|service| format!(" · {service}")).unwrap_or_default();
        let place = format!("{from}{}{by}", one.status);
        let examples = one.examples.iter().take(2).cloned().collect::<Vec<_>>().join(", ");
        grid.add([Pen::plain(words.kind(&one.kind)), Pen::plain(&place), pen.bad(one.objects), (Ink::Faint, examples)]);
    }
    if told.deviations.is_empty() {
        out.push_str(words.pick(" Nothing left the graph.\n", " Отклонений нет.\n"));
    } else {
        pen.grid(&grid, &mut out);
    }
    out
}

/// The ways objects take, one below the other.
pub fn variants(told: &Variants, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    pen.title(words.pick("Variants", "Варианты пути"), &told.basis, &mut out);
    for (index, variant) in told.variants.iter().enumerate() {
        let mut row = Row::new(style.color);
        row.space(1).add(Ink::Strong, &format!("{}. {}", index + 1, words.grouped(variant.count)));
        row.space(2).add(Ink::Plain, &words.percent(variant.share));
        let median = format!("{} {}", words.pick("median", "медиана"), words.span(variant.median_ms));
        row.space(2).add(Ink::Plain, &median);
        let closed = format!("{} {}", words.pick("closed", "завершено"), words.grouped(variant.closed));
        row.space(2).add(Ink::Faint, &closed).end(&mut out);
        let way = variant.statuses.join(" → ");
        for part in wrapped(&way, pen.width().saturating_sub(4)) {
            Row::new(style.color).space(4).add(Ink::Plain, &part).end(&mut out);
        }
        if !variant.deviations.is_empty() {
            let kinds: Vec<&str> = variant.deviations.iter().map(|kind| words.kind(kind)).collect();
            let deviating = words.grouped(variant.count.saturating_sub(variant.conforming));
            Row::new(style.color).space(4).add(Ink::Bad, &format!("! {}: {deviating}", kinds.join(", "))).end(&mut out);
        }
    }
    if (told.variants.len() as u64) < told.total {
        let of = words.pick("of", "из");
        let text = format!("{} {of} {}: --limit", told.variants.len(), words.grouped(told.total));
        Row::new(style.color).space(1).add(Ink::Faint, &text).end(&mut out);
    }
    out
}

/// Text in rows that end between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let last = rows.last().map_or(0, |row| row.chars().count());
        if last != 0 && width < last + 1 + word.chars().count() {
            rows.push(String::new());
        }
        if let Some(row) = rows.last_mut() {
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
    }
    rows
}

/// How far each cohort got.
pub fn funnel(told: &Funnel, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    pen.title(words.pick("Funnel", "Воронка"), &told.basis, &mut out);
    let started = told.total.started;
    let mut grid = Grid::new([
        (words.pick("STATUS", "СТАТУС"), Side::Left),
        (words.pick("REACHED", "ДОШЛО"), Side::Right),
        (words.pick("SHARE", "ДОЛЯ"), Side::Right),
        (words.pick("MEDIAN", "МЕДИАНА"), Side::Right),
        ("", Side::Left),
    ]);
    for step in &told.total.steps {
        let bar = super::ink::bar(step.reached, started, 30);
        let share = Pen::plain(&words.percent(step.share));
        grid.add([
            Pen::plain(&step.status),
            pen.number(step.reached),
            share,
            pen.span(step.median_ms),
            (Ink::Good, bar),
        ]);
    }
    pen.grid(&grid, &mut out);
    out.push('\n');
    let right = |text| (text, Side::Right);
    let mut grid = Grid::new(
        [
            (words.pick("STARTED", "НАЧАТЫ"), Side::Left),
            right(words.pick("ALL", "ВСЕГО")),
            right(words.pick("CLOSED", "ЗАВЕРШЕНО")),
        ]
        .into_iter()
        .chain(told.total.steps.iter().skip(1).map(|_| right(""))),
    );
    // The statuses in short: their whole names stand above.
    let names = told.total.steps.iter().skip(1).map(|step| (Ink::Faint, initials(&step.status)));
    grid.add(
        [(Ink::Plain, String::new()), (Ink::Plain, String::new()), (Ink::Plain, String::new())]
            .into_iter()
            .chain(names),
    );
    let cohort = |row: &FunnelRow| -> Vec<(Ink, String)> {
        let head =
            [Pen::plain(row.cohort.as_deref().unwrap_or_default()), pen.number(row.started), pen.number(row.closed)];
        let steps = row.steps.iter().skip(1).map(|step| Pen::plain(&format!("{:.0}%", 100.0 * step.share)));
        head.into_iter().chain(steps).collect()
    };
    told.cohorts.iter().for_each(|row| grid.add(cohort(row)));
    pen.grid(&grid, &mut out);
    out
}

/// `MAN-STA` of `MANUFACTURING_STARTED`.
fn initials(status: &str) -> String {
    let parts: Vec<String> = status.split('_').map(|part| part.chars().take(3).collect()).collect();
    parts.join("-")
}

/// How the promises are kept.
pub fn sla(told: &Sla, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    pen.title(words.pick("Promises", "Обязательства (SLA)"), &told.basis, &mut out);
    if told.objectives.is_empty() {
        out.push_str(words.pick(" The graph has no [[objective]].\n", " В графе нет ни одной [[objective]].\n"));
    }
    for one in &told.objectives {
        let mut row = Row::new(style.color);
        let ink = match one.met {
            Some(true) => Ink::Good,
            Some(false) => Ink::StrongBad,
            None => Ink::Faint,
        };
        let attained = one.attained.map_or_else(|| "–".to_owned(), |attained| words.percent(attained));
        row.space(1).add(Ink::Strong, &one.name).space(2).add(ink, &attained);
        let target = format!("{} {}", words.pick("target", "цель"), words.percent(one.target));
        row.space(2).add(Ink::Plain, &target).end(&mut out);
        let working = if one.working { words.pick(" of working time", " рабочего времени") } else { "" };
        let within = words.pick("within", "за");
        let days = words.span(one.window_ms);
        let line = format!("{} → {} {within} {}{working} · {days}", one.from, one.to, words.span(one.within_ms));
        Row::new(style.color).space(4).add(Ink::Plain, &line).end(&mut out);
        let counts = format!(
            "{} {} · {} {} · {} {}",
            words.pick("in time", "в срок"),
            words.grouped(one.good),
            words.pick("late", "поздно"),
            words.grouped(one.bad),
            words.pick("on the way", "в пути"),
            words.grouped(one.pending)
        );
        Row::new(style.color).space(4).add(Ink::Plain, &counts).end(&mut out);
        let burn: Vec<String> =
            one.burn.iter().map(|burn| format!("{} {:.1}", words.span(burn.window_ms), burn.rate)).collect();
        let (left, speed) =
            (words.pick("budget left", "осталось бюджета"), words.pick("burn rate", "скорость расхода"));
        let line = format!("{left} {} · {speed} {}", words.percent(one.budget_left), burn.join(", "));
        let ink = if one.budget_left < 0.0 { Ink::Bad } else { Ink::Plain };
        Row::new(style.color).space(4).add(ink, &line).end(&mut out);
        if let Some(line) = ratings(&one.ratings_good, &one.ratings_bad, words) {
            Row::new(style.color).space(4).add(Ink::Plain, &line).end(&mut out);
        }
        if !one.examples.is_empty() {
            let ids = one.examples.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            Row::new(style.color)
                .space(4)
                .add(Ink::Faint, &format!("{} {ids}", words.pick("late:", "поздно:")))
                .end(&mut out);
        }
        out.push('\n');
    }
    out
}

fn ratings(good: &Ratings, bad: &Ratings, words: Words<'_>) -> Option<String> {
    let told = |one: &Ratings, what: &str| {
        let (mean, satisfied) = (one.mean?, one.satisfied?);
        Some(format!("{what} {mean:.2} (CSAT {}, {})", words.percent(satisfied), words.grouped(one.count)))
    };
    let parts = [told(good, words.pick("rated in time", "оценка в срок")), told(bad, words.pick("late", "опоздавших"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// What comes and goes.
pub fn throughput(told: &Throughput, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    pen.title(words.pick("Throughput", "Поток"), &told.basis, &mut out);
    let most = told.days.iter().map(|day| day.started.max(day.closed)).max().unwrap_or(0);
    let mut grid = Grid::new([
        (words.pick("DAY", "ДЕНЬ"), Side::Left),
        (words.pick("STARTED", "НАЧАТО"), Side::Right),
        (words.pick("CLOSED", "ЗАВЕРШЕНО"), Side::Right),
        (words.pick("CHANGES", "ПЕРЕХОДОВ"), Side::Right),
        (words.pick("AFTER ERRORS", "ПОСЛЕ ОШИБОК"), Side::Right),
        ("", Side::Left),
    ]);
    for day in &told.days {
        let bar = (Ink::Good, super::ink::bar(day.started, most, 20));
        let counts =
            [pen.number(day.started), pen.number(day.closed), pen.number(day.changes), pen.bad(day.after_failures)];
        grid.add([Pen::plain(&day.day)].into_iter().chain(counts).chain([bar]));
    }
    pen.grid(&grid, &mut out);
    out
}

/// What is stuck, grouped by place.
pub fn incidents(told: &Incidents, style: &Style) -> String {
    let pen = Pen::of(style);
    let words = pen.words;
    let mut out = String::new();
    if told.loading {
        out.push_str(tables::unfinished_text(words));
    }
    if told.incidents.is_empty() {
        out.push_str(words.pick("Nothing is stuck.\n", "Ничего не застряло.\n"));
    }
    told.incidents.iter().for_each(|one| incident(one, pen, &mut out));
    out
}

fn incident(one: &Incident, pen: Pen<'_>, out: &mut String) {
    let (style, words) = (pen.style, pen.words);
    let mut row = Row::new(style.color);
    row.space(1).add(Ink::StrongBad, &words.grouped(one.total as u64)).space(1);
    row.add(Ink::Strong, &format!("{} · {}", one.status, one.service)).space(2).add(Ink::Bad, words.reason(one.reason));
    let since = format!("{} {}", words.pick("since", "с"), words.minute(one.since).trim_start());
    row.space(2).add(Ink::Faint, &since).end(out);
    let ids: Vec<&str> = one.orders.iter().take(NAMED).map(|order| order.id.as_str()).collect();
    let more = one.total.saturating_sub(ids.len());
    let more = if more == 0 { String::new() } else { format!(" {} {more}", words.pick("and", "и ещё")) };
    Row::new(style.color).space(4).add(Ink::Plain, &format!("{}{more}", ids.join(", "))).end(out);
    if let Some(error) = &one.last_error {
        let what = format!("✗ {} {}", error.service, error.endpoint);
        let why = error.error.as_deref().unwrap_or_default();
        Remark { ink: Ink::Bad, what: &what, why, end: "" }.draw(style.color, 3, pen.width(), out);
    }
}
